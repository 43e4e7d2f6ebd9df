/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/bridge.h"
#include "dbus/authorize.h"
#include "dbus/error.h"
#include "dbus/names.h"
#include "dbus/value.h"
#include <string.h>

struct _StileBridge {
    GDBusInterfaceSkeleton parent;
    const StileKind *kind;
    GObject *object;
    /* By the property's place in the interface. Of each value only a fingerprint is kept: with a
     * thousand peers, most of them at rest, the values themselves would be what the service is
     * made of. */
    guint64 *sent;   /* what listeners know */
    guint64 changed; /* bits: to look at before the next turn */
    GSource *turn;
};

#define MAX_PROPERTIES 64

G_DEFINE_FINAL_TYPE(StileBridge, stile_bridge, G_TYPE_DBUS_INTERFACE_SKELETON)

static G_DEFINE_QUARK(stile - object - path, path);
static G_DEFINE_QUARK(stile - bridge, bridge);

const char *
stile_object_path(gpointer object)
{
    return g_object_get_qdata(object, path_quark());
}

void
stile_object_set_path(gpointer object, const char *path)
{
    g_object_set_qdata_full(object, path_quark(), g_strdup(path), g_free);
}

static gboolean
annotated(const GDBusPropertyInfo *property, const char *annotation, const char *value)
{
    return !g_strcmp0(g_dbus_annotation_info_lookup(property->annotations, annotation), value);
}

static gboolean
is_const(const GDBusPropertyInfo *property)
{
    return annotated(property, "org.freedesktop.DBus.Property.EmitsChangedSignal", "const");
}

static gboolean
is_counter(const GDBusPropertyInfo *property)
{
    return annotated(property, "net.stile.Stile1.Counter", "true");
}

static const StileChildren *
find_children(const StileKind *kind, const char *property)
{
    const StileChildren *children = kind->children;

    for (; children && children->property; children++)
        if (!strcmp(children->property, property))
            return children;
    return NULL;
}

/* Returns: (transfer full) */
static GVariant *
list_paths(GObject *object, const StileChildren *children)
{
    g_autoptr(GPtrArray) list = children->list(object);
    GVariantBuilder paths;

    g_variant_builder_init(&paths, G_VARIANT_TYPE_OBJECT_PATH_ARRAY);
    for (guint i = 0; i < list->len; i++) {
        const char *path = stile_object_path(list->pdata[i]);
        if (path)
            g_variant_builder_add(&paths, "o", path);
    }
    return g_variant_ref_sink(g_variant_builder_end(&paths));
}

/* Returns: (transfer full) */
static GVariant *
read_property(StileBridge *self, const GDBusPropertyInfo *property)
{
    const StileChildren *children = find_children(self->kind, property->name);
    g_autofree char *name = stile_name_to_dashes(property->name);
    g_auto(GValue) value = G_VALUE_INIT;

    if (children)
        return list_paths(self->object, children);
    g_object_get_property(self->object, name, &value);
    if (G_VALUE_HOLDS_OBJECT(&value)) {
        GObject *target = g_value_get_object(&value);
        const char *path = target ? stile_object_path(target) : NULL;
        return g_variant_ref_sink(g_variant_new_object_path(path ? path : "/"));
    }
    return stile_value_to_variant(&value, property->signature);
}

/* FNV-1a: what is compared is of our own making, nobody chooses it to collide. */
static guint64
fingerprint(GVariant *value)
{
    const guint8 *data = g_variant_get_data(value);
    gsize size = g_variant_get_size(value);
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);

    for (gsize i = 0; i < size; i++)
        hash = (hash ^ data[i]) * G_GUINT64_CONSTANT(0x100000001b3);
    return hash;
}

static void
emit_changes(StileBridge *self)
{
    GDBusPropertyInfo **properties = self->kind->interface->properties;
    const char *interface = self->kind->interface->name;
    const char *path = g_dbus_interface_skeleton_get_object_path(G_DBUS_INTERFACE_SKELETON(self));
    GVariantBuilder changes;
    guint n = 0;
    g_autoptr(GVariant) body = NULL;
    GList *connections;

    g_variant_builder_init(&changes, G_VARIANT_TYPE_VARDICT);
    for (guint i = 0; self->changed; i++, self->changed >>= 1) {
        g_autoptr(GVariant) value = NULL;
        guint64 print;
        if (!(self->changed & 1))
            continue;
        value = read_property(self, properties[i]);
        print = fingerprint(value);
        if (self->sent[i] == print)
            continue;
        self->sent[i] = print;
        g_variant_builder_add(&changes, "{sv}", properties[i]->name, value);
        n++;
    }
    body = g_variant_ref_sink(
        g_variant_new("(sa{sv}@as)", interface, &changes, g_variant_new_strv(NULL, 0)));
    if (n == 0 || !path)
        return;
    connections = g_dbus_interface_skeleton_get_connections(G_DBUS_INTERFACE_SKELETON(self));
    for (GList *l = connections; l; l = l->next)
        g_dbus_connection_emit_signal(l->data, NULL, path, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged", body, NULL);
    g_list_free_full(connections, g_object_unref);
}

static void
stop_turn(StileBridge *self)
{
    if (self->turn)
        g_source_destroy(self->turn);
    g_clear_pointer(&self->turn, g_source_unref);
}

static gboolean
on_turn(gpointer user_data)
{
    StileBridge *self = user_data;

    stop_turn(self);
    emit_changes(self);
    return G_SOURCE_REMOVE;
}

static void
mark_changed(StileBridge *self, guint index)
{
    if (is_const(self->kind->interface->properties[index]))
        return;
    self->changed |= G_GUINT64_CONSTANT(1) << index;
    if (self->turn)
        return;
    self->turn = g_idle_source_new();
    /* Before new calls and timers: what a listener sees is never older than an answer it gets. */
    g_source_set_priority(self->turn, G_PRIORITY_HIGH);
    g_source_set_static_name(self->turn, "changes");
    g_source_set_callback(self->turn, on_turn, self, NULL);
    g_source_attach(self->turn, g_main_context_get_thread_default());
}

void
stile_bridge_children_changed(StileBridge *self, const char *property)
{
    GDBusPropertyInfo **properties = self->kind->interface->properties;

    for (guint i = 0; properties[i]; i++)
        if (!strcmp(properties[i]->name, property))
            mark_changed(self, i);
}

static void
on_notify(GObject *object, GParamSpec *pspec, gpointer user_data)
{
    StileBridge *self = user_data;
    GDBusPropertyInfo **properties = self->kind->interface->properties;

    for (guint i = 0; properties && properties[i]; i++) {
        g_autofree char *name = stile_name_to_dashes(properties[i]->name);
        if (!strcmp(name, pspec->name))
            mark_changed(self, i);
    }
}

/* The engine may tell of a change a turn later, so look at everything but what always moves. */
static void
emit_all_changes(StileBridge *self)
{
    GDBusPropertyInfo **properties = self->kind->interface->properties;

    for (guint i = 0; properties && properties[i]; i++)
        if (!is_const(properties[i]) && !is_counter(properties[i]))
            self->changed |= G_GUINT64_CONSTANT(1) << i;
    stop_turn(self);
    emit_changes(self);
}

void
stile_bridge_return(GDBusMethodInvocation *invocation, GVariant *value, GError *error)
{
    g_autoptr(StileBridge) bridge = g_object_steal_qdata(G_OBJECT(invocation), bridge_quark());
    g_autoptr(GVariant) answer = value ? g_variant_ref_sink(value) : NULL;

    emit_all_changes(bridge);
    if (error) {
        stile_error_return(invocation, error);
        g_error_free(error);
    } else {
        g_dbus_method_invocation_return_value(invocation, answer);
    }
}

static const StileMethod *
find_method(const StileKind *kind, const char *name)
{
    const StileMethod *method = kind->methods;

    for (; method && method->name; method++)
        if (!strcmp(method->name, name))
            return method;
    return NULL;
}

static void
run_method(StileBridge *self, GDBusMethodInvocation *invocation)
{
    const char *name = g_dbus_method_invocation_get_method_name(invocation);

    find_method(self->kind, name)
        ->call(self->object, g_dbus_method_invocation_get_parameters(invocation), invocation);
}

static void
on_authorized(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = G_DBUS_METHOD_INVOCATION(source);
    StileBridge *self = user_data;
    GError *error = NULL;

    if (stile_authorize_finish(result, &error))
        run_method(self, invocation);
    else
        stile_bridge_return(invocation, NULL, error);
}

static void
on_method_call(GDBusConnection *connection, const char *sender, const char *path,
               const char *interface, const char *name, GVariant *parameters,
               GDBusMethodInvocation *invocation, gpointer user_data)
{
    StileBridge *self = user_data;
    const StileMethod *method = find_method(self->kind, name);

    /* The object may leave the bus before the call has ended. */
    g_object_set_qdata_full(G_OBJECT(invocation), bridge_quark(), g_object_ref(self),
                            g_object_unref);
    if (method->action)
        stile_authorize(invocation, method->action, on_authorized, self);
    else
        run_method(self, invocation);
}

static GVariant *
on_get_property(GDBusConnection *connection, const char *sender, const char *path,
                const char *interface, const char *name, GError **error, gpointer user_data)
{
    StileBridge *self = user_data;

    return read_property(self, g_dbus_interface_info_lookup_property(
                                   (GDBusInterfaceInfo *)self->kind->interface, name));
}

static GDBusInterfaceInfo *
stile_bridge_get_info(GDBusInterfaceSkeleton *skeleton)
{
    return (GDBusInterfaceInfo *)STILE_BRIDGE(skeleton)->kind->interface;
}

static GDBusInterfaceVTable *
stile_bridge_get_vtable(GDBusInterfaceSkeleton *skeleton)
{
    static GDBusInterfaceVTable vtable = {on_method_call, on_get_property, NULL, {NULL}};

    return &vtable;
}

static GVariant *
stile_bridge_get_properties(GDBusInterfaceSkeleton *skeleton)
{
    StileBridge *self = STILE_BRIDGE(skeleton);
    GVariantBuilder properties;
    GVariant *all;

    g_variant_builder_init(&properties, G_VARIANT_TYPE_VARDICT);
    for (GDBusPropertyInfo **p = self->kind->interface->properties; p && *p; p++) {
        g_autoptr(GVariant) value = read_property(self, *p);
        g_variant_builder_add(&properties, "{sv}", (*p)->name, value);
    }
    all = g_variant_ref_sink(g_variant_builder_end(&properties));
    /* Makes one block of what are a hundred pieces: for a thousand objects in one answer that is
     * the difference between one megabyte and ten, of which most would stay with the allocator. */
    g_variant_get_data(all);
    return all;
}

static void
stile_bridge_flush(GDBusInterfaceSkeleton *skeleton)
{
    StileBridge *self = STILE_BRIDGE(skeleton);

    stop_turn(self);
    emit_changes(self);
}

static void
stile_bridge_dispose(GObject *object)
{
    StileBridge *self = STILE_BRIDGE(object);

    stop_turn(self);
    if (self->object)
        g_signal_handlers_disconnect_by_data(self->object, self);
    g_clear_object(&self->object);
    G_OBJECT_CLASS(stile_bridge_parent_class)->dispose(object);
}

static void
stile_bridge_finalize(GObject *object)
{
    StileBridge *self = STILE_BRIDGE(object);

    g_free(self->sent);
    G_OBJECT_CLASS(stile_bridge_parent_class)->finalize(object);
}

static void
stile_bridge_class_init(StileBridgeClass *class)
{
    GDBusInterfaceSkeletonClass *skeleton = G_DBUS_INTERFACE_SKELETON_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = stile_bridge_dispose;
    G_OBJECT_CLASS(class)->finalize = stile_bridge_finalize;
    skeleton->get_info = stile_bridge_get_info;
    skeleton->get_vtable = stile_bridge_get_vtable;
    skeleton->get_properties = stile_bridge_get_properties;
    skeleton->flush = stile_bridge_flush;
}

static void
stile_bridge_init(StileBridge *self)
{
}

StileBridge *
stile_bridge_new(const StileKind *kind, GObject *object)
{
    StileBridge *self = g_object_new(STILE_TYPE_BRIDGE, NULL);
    GDBusPropertyInfo **properties = kind->interface->properties;
    guint n = properties ? g_strv_length((char **)properties) : 0;

    g_assert(n <= MAX_PROPERTIES);
    self->kind = kind;
    self->object = g_object_ref(object);
    self->sent = g_new(guint64, n);
    for (guint i = 0; i < n; i++) {
        g_autoptr(GVariant) value = read_property(self, properties[i]);
        self->sent[i] = fingerprint(value);
    }
    g_signal_connect(object, "notify", G_CALLBACK(on_notify), self);
    return self;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot.h"
#include "dbus/names.h"
#include "output.h"
#include <glib/gi18n.h>
#include <string.h>

struct _CtlSnapshot {
    GHashTable *objects; /* path -> GVariant a{sv} */
};

static void
keep(CtlSnapshot *snapshot, const char *path, GVariant *properties)
{
    /* Makes it one piece of memory: texts in it now live as long as the snapshot. */
    g_variant_get_data(properties);
    g_hash_table_insert(snapshot->objects, g_strdup(path), g_variant_ref(properties));
}

static void
add_object(CtlSnapshot *snapshot, const char *path, GVariant *interfaces)
{
    GVariantIter iter;
    const char *name;
    GVariant *properties;

    g_variant_iter_init(&iter, interfaces);
    while (g_variant_iter_next(&iter, "{&s@a{sv}}", &name, &properties)) {
        if (g_str_has_prefix(name, STILE_BUS_NAME "."))
            keep(snapshot, path, properties);
        g_variant_unref(properties);
    }
}

static gboolean
add_manager(CtlSnapshot *snapshot, Ctl *ctl, GError **error)
{
    g_autoptr(GVariant)
        answer = ctl_call(ctl, STILE_ROOT_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                          g_variant_new("(s)", STILE_INTERFACE_MANAGER), CTL_TIMEOUT_MS, error);
    g_autoptr(GVariant) properties = NULL;

    if (!answer)
        return FALSE;
    properties = g_variant_get_child_value(answer, 0);
    keep(snapshot, STILE_ROOT_PATH, properties);
    return TRUE;
}

CtlSnapshot *
ctl_snapshot_new(Ctl *ctl, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = g_new0(CtlSnapshot, 1);
    g_autoptr(GVariant) answer = NULL;
    g_autoptr(GVariantIter) iter = NULL;
    const char *path;
    GVariant *interfaces;

    snapshot->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                              (GDestroyNotify)g_variant_unref);
    if (!add_manager(snapshot, ctl, error))
        return NULL;
    answer = ctl_call(ctl, STILE_ROOT_PATH, "org.freedesktop.DBus.ObjectManager",
                      "GetManagedObjects", NULL, CTL_TIMEOUT_MS, error);
    if (!answer)
        return NULL;
    g_variant_get(answer, "(a{oa{sa{sv}}})", &iter);
    while (g_variant_iter_next(iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        add_object(snapshot, path, interfaces);
        g_variant_unref(interfaces);
    }
    return g_steal_pointer(&snapshot);
}

void
ctl_snapshot_free(CtlSnapshot *snapshot)
{
    g_hash_table_unref(snapshot->objects);
    g_free(snapshot);
}

GVariant *
ctl_property(CtlSnapshot *snapshot, const char *path, const char *property)
{
    GVariant *properties = g_hash_table_lookup(snapshot->objects, path);

    return properties ? g_variant_lookup_value(properties, property, NULL) : NULL;
}

const char *
ctl_text(CtlSnapshot *snapshot, const char *path, const char *property)
{
    g_autoptr(GVariant) value = ctl_property(snapshot, path, property);

    if (!value || (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) &&
                   !g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH)))
        return "";
    return g_variant_get_string(value, NULL);
}

double
ctl_number(CtlSnapshot *snapshot, const char *path, const char *property)
{
    g_autoptr(GVariant) value = ctl_property(snapshot, path, property);

    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE))
        return g_variant_get_double(value);
    return (double)ctl_count(snapshot, path, property);
}

guint64
ctl_count(CtlSnapshot *snapshot, const char *path, const char *property)
{
    g_autoptr(GVariant) value = ctl_property(snapshot, path, property);

    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
        return g_variant_get_uint64(value);
    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
        return g_variant_get_uint32(value);
    return 0;
}

gboolean
ctl_flag(CtlSnapshot *snapshot, const char *path, const char *property)
{
    g_autoptr(GVariant) value = ctl_property(snapshot, path, property);

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
           g_variant_get_boolean(value);
}

GStrv
ctl_list(CtlSnapshot *snapshot, const char *path, const char *property)
{
    g_autoptr(GVariant) value = ctl_property(snapshot, path, property);

    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
        return g_variant_dup_strv(value, NULL);
    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH_ARRAY))
        return g_variant_dup_objv(value, NULL);
    return g_new0(char *, 1);
}

static gboolean
begins_id(CtlSnapshot *snapshot, const char *path, const char *which)
{
    return strlen(which) >= 6 && g_str_has_prefix(ctl_text(snapshot, path, "Id"), which);
}

static gboolean
has_address(CtlSnapshot *snapshot, const char *path, const char *which)
{
    g_auto(GStrv) addresses = ctl_list(snapshot, path, "Addresses");

    return g_strv_contains((const char *const *)addresses, which);
}

static gboolean
is_called(CtlSnapshot *snapshot, const char *path, const char *which)
{
    return g_str_equal(ctl_text(snapshot, path, "Name"), which) ||
           g_str_equal(ctl_text(snapshot, path, "Interface"), which) ||
           has_address(snapshot, path, which) || begins_id(snapshot, path, which);
}

/* The key in the table, which lives as long as the snapshot. */
static const char *
own_path(CtlSnapshot *snapshot, const char *path)
{
    gpointer key = NULL;

    g_hash_table_lookup_extended(snapshot->objects, path, &key, NULL);
    return key;
}

const char *
ctl_find_network(CtlSnapshot *snapshot, const char *which, GError **error)
{
    g_auto(GStrv) networks = ctl_list(snapshot, STILE_ROOT_PATH, "Networks");
    const char *found = NULL;

    if (!networks[0]) {
        g_set_error(error, CTL_ERROR, CTL_FAILED,
                    _("This machine is in no network yet: see stilectl network create --help, and "
                      "stilectl join --help"));
        return NULL;
    }
    if (!which && networks[1]) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("There are several networks: say which one"));
        return NULL;
    }
    for (char **n = networks; *n; n++) {
        if (which && !is_called(snapshot, *n, which))
            continue;
        if (found) {
            g_set_error(error, CTL_ERROR, CTL_USAGE, _("%s can be several networks: use the id"),
                        which);
            return NULL;
        }
        found = own_path(snapshot, *n);
    }
    if (!found)
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("There is no network %s"), which);
    return found;
}

static const char *
find_peer_in(CtlSnapshot *snapshot, const char *network, const char *which, gboolean *ret_several)
{
    g_auto(GStrv) peers = ctl_list(snapshot, network, "Peers");
    const char *found = NULL;

    for (char **p = peers; *p; p++) {
        if (!is_called(snapshot, *p, which))
            continue;
        if (found)
            *ret_several = TRUE;
        found = own_path(snapshot, *p);
    }
    return found;
}

const char *
ctl_find_peer(CtlSnapshot *snapshot, const char *network, const char *which, GError **error)
{
    g_auto(GStrv) networks = ctl_list(snapshot, STILE_ROOT_PATH, "Networks");
    const char *only = NULL, *found = NULL;
    gboolean several = FALSE;

    if (network) {
        only = ctl_find_network(snapshot, network, error);
        if (!only)
            return NULL;
    }
    for (char **n = networks; *n; n++) {
        const char *peer;
        if (only && !g_str_equal(*n, only))
            continue;
        peer = find_peer_in(snapshot, *n, which, &several);
        if (peer && found)
            several = TRUE;
        if (peer)
            found = peer;
    }
    if (several) {
        g_set_error(error, CTL_ERROR, CTL_USAGE,
                    _("%s can be several peers: use the id, or --network"), which);
        return NULL;
    }
    if (!found)
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("There is no peer %s"), which);
    return found;
}

static JsonNode *
pairs_to_json(GVariant *pairs)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();
    GVariantIter iter;
    const char *url, *state;

    g_variant_iter_init(&iter, pairs);
    while (g_variant_iter_next(&iter, "(&s&s)", &url, &state)) {
        JsonObject *pair = json_object_new();
        json_object_set_string_member(pair, "url", url);
        json_object_set_string_member(pair, "state", state);
        json_array_add_object_element(array, pair);
    }
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
}

static JsonNode *
objects_to_json(CtlSnapshot *snapshot, GVariant *paths)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();
    GVariantIter iter;
    const char *path;

    g_variant_iter_init(&iter, paths);
    while (g_variant_iter_next(&iter, "&o", &path))
        json_array_add_element(array, ctl_snapshot_json(snapshot, path));
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
}

static JsonNode *
value_to_json(CtlSnapshot *snapshot, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH_ARRAY))
        return objects_to_json(snapshot, value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE("a(ss)")))
        return pairs_to_json(value);
    return json_gvariant_serialize(value);
}

JsonNode *
ctl_snapshot_json(CtlSnapshot *snapshot, const char *path)
{
    GVariant *properties = g_hash_table_lookup(snapshot->objects, path);
    JsonObject *object = json_object_new();
    JsonNode *node = json_node_alloc();
    GVariantIter iter;
    const char *name;
    GVariant *value;

    json_object_set_string_member(object, "object", path);
    if (properties) {
        g_variant_iter_init(&iter, properties);
        while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
            g_autofree char *key = stile_name_to_dashes(name);
            json_object_set_member(object, key, value_to_json(snapshot, value));
            g_variant_unref(value);
        }
    }
    json_node_init_object(node, object);
    json_object_unref(object);
    return node;
}

void
ctl_print_done(Ctl *ctl, CtlSnapshot *snapshot, const char *path, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    if (ctl->json) {
        ctl_print_json_texts("id", ctl_text(snapshot, path, "Id"), "name",
                             ctl_text(snapshot, path, "Name"), NULL);
        return;
    }
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_print("%s", text);
}

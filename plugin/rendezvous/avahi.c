/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/avahi.h"

#include <gio/gio.h>
#include <string.h>

#define AVAHI           "org.freedesktop.Avahi"
#define SERVER          AVAHI ".Server"
#define GROUP           AVAHI ".EntryGroup"
#define BROWSER         AVAHI ".ServiceBrowser"
#define COLLISION_ERROR AVAHI ".CollisionError"

#define IF_UNSPEC      (-1)
#define PROTO_UNSPEC   (-1)
#define SERVER_RUNNING 2

enum {
    GROUP_UNCOMMITTED,
    GROUP_REGISTERING,
    GROUP_ESTABLISHED,
    GROUP_COLLISION,
    GROUP_FAILURE
};

#define BUS_AGAIN     (30 * G_USEC_PER_SEC)
#define REFUSED_AGAIN (60 * G_USEC_PER_SEC)
#define RENAME_AFTER  (1 * G_USEC_PER_SEC) /* doubles up to REFUSED_AGAIN */
#define CALL_TIMEOUT  10000                /* ms */
/* Avahi gives up by itself after 5 seconds. */
#define RESOLVE_TIMEOUT 15000

#define UP "connected"

struct _StileAvahi {
    StileClock *clock;
    char *type;
    const StileAvahiOps *ops;
    gpointer user_data;

    GDBusConnection *bus; /* NULL until there is one */
    gulong closed_handler;
    guint watch;
    GCancellable *connecting;
    StileTimer *bus_timer;

    char *owner;         /* of Avahi's name; NULL: not there */
    GCancellable *calls; /* to that owner */
    guint subscriptions[3];
    gboolean running;
    char *group; /* object paths; NULL: none yet */
    char *browser;
    gboolean making_group, making_browser;
    gboolean established;
    StileTimer *again; /* what was refused, or collided */
    guint collisions;  /* in a row */

    guint16 port; /* 0: nothing to publish yet */
    GArray *interfaces;
    char *told;
};

/* The last thing a function does: the owner may free us. */
static void
tell(StileAvahi *avahi, const char *reason)
{
    if (g_strcmp0(avahi->told, reason) == 0)
        return;
    g_free(avahi->told);
    avahi->told = g_strdup(reason);
    avahi->ops->state(avahi->user_data, strcmp(reason, UP) == 0, reason);
}

static void
tell_state(StileAvahi *avahi)
{
    if (!avahi->running)
        tell(avahi, "Avahi is not ready on this machine");
    else if (avahi->interfaces->len == 0)
        tell(avahi, "this machine is not on a local network");
    else if (avahi->established && avahi->browser)
        tell(avahi, UP);
}

static void
refused(StileAvahi *avahi, const GError *error)
{
    g_autoptr(GError) plain = g_error_copy(error);
    g_autofree char *reason = NULL;

    g_dbus_error_strip_remote_error(plain);
    reason = g_strdup_printf("Avahi: %s", plain->message);
    if (!stile_timer_is_set(avahi->again))
        stile_timer_set_after(avahi->again, REFUSED_AGAIN);
    tell(avahi, reason);
}

typedef void (*Done)(StileAvahi *avahi, GVariant *reply, const GError *error);

typedef struct {
    StileAvahi *avahi;
    Done done;
} Call;

/* Of a call that was cancelled we are not to look at the avahi any more. */
static GVariant *
answer(GObject *bus, GAsyncResult *result, gboolean *ret_cancelled, GError **error)
{
    GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, error);

    *ret_cancelled = !reply && g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    return reply;
}

static void
on_answer(GObject *bus, GAsyncResult *result, gpointer user_data)
{
    g_autofree Call *call = user_data;
    g_autoptr(GError) error = NULL;
    gboolean cancelled;
    g_autoptr(GVariant) reply = answer(bus, result, &cancelled, &error);

    if (!cancelled)
        call->done(call->avahi, reply, error);
}

/* @done: not called when the owner is gone, or we are */
static void
call(StileAvahi *avahi, const char *path, const char *interface, const char *method,
     GVariant *arguments, const char *reply, Done done)
{
    Call *call = g_new(Call, 1);

    *call = (Call){avahi, done};
    g_dbus_connection_call(avahi->bus, avahi->owner, path, interface, method, arguments,
                           G_VARIANT_TYPE(reply), G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_TIMEOUT,
                           avahi->calls, on_answer, call);
}

/* Publishing */

static void
rename_soon(StileAvahi *avahi)
{
    gint64 pause = avahi->collisions < 6 ? RENAME_AFTER << avahi->collisions : REFUSED_AGAIN;

    avahi->collisions++;
    avahi->established = FALSE;
    stile_timer_set_after(avahi->again, pause);
}

static void
on_published(StileAvahi *avahi, GVariant *reply, const GError *error)
{
    g_autofree char *name = NULL;

    if (reply)
        return;
    name = g_dbus_error_get_remote_error(error);
    if (g_strcmp0(name, COLLISION_ERROR) == 0)
        rename_soon(avahi);
    else
        refused(avahi, error);
}

static void
fill_group(StileAvahi *avahi)
{
    g_autofree char *name = NULL;

    avahi->established = FALSE;
    call(avahi, avahi->group, GROUP, "Reset", NULL, "()", on_published);
    if (avahi->interfaces->len == 0)
        return;
    name = avahi->ops->name(avahi->user_data);
    /* Avahi takes them in this order; there is nothing to wait for in between. */
    for (guint i = 0; i < avahi->interfaces->len; i++)
        call(avahi, avahi->group, GROUP, "AddService",
             g_variant_new("(iiussssqaay)", (gint32)g_array_index(avahi->interfaces, guint, i),
                           PROTO_UNSPEC, 0, name, avahi->type, "", "", avahi->port, NULL),
             "()", on_published);
    call(avahi, avahi->group, GROUP, "Commit", NULL, "()", on_published);
}

static void
on_group(StileAvahi *avahi, GVariant *reply, const GError *error)
{
    avahi->making_group = FALSE;
    if (!reply) {
        refused(avahi, error);
        return;
    }
    g_variant_get(reply, "(o)", &avahi->group);
    fill_group(avahi);
}

/* Looking */

static void
on_browser(StileAvahi *avahi, GVariant *reply, const GError *error)
{
    avahi->making_browser = FALSE;
    if (!reply) {
        refused(avahi, error);
        return;
    }
    g_variant_get(reply, "(o)", &avahi->browser);
    tell_state(avahi);
}

static void
begin(StileAvahi *avahi)
{
    if (!avahi->running)
        return;
    stile_timer_stop(avahi->again);
    if (!avahi->browser && !avahi->making_browser) {
        avahi->making_browser = TRUE;
        call(avahi, "/", SERVER, "ServiceBrowserNew",
             g_variant_new("(iissu)", IF_UNSPEC, PROTO_UNSPEC, avahi->type, "", 0), "(o)",
             on_browser);
    }
    if (!avahi->port || avahi->making_group)
        return;
    if (avahi->group) {
        fill_group(avahi);
    } else {
        avahi->making_group = TRUE;
        call(avahi, "/", SERVER, "EntryGroupNew", NULL, "(o)", on_group);
    }
}

/* What Avahi says */

static void
set_running(StileAvahi *avahi, gboolean running)
{
    if (avahi->running == running) {
        tell_state(avahi);
        return;
    }
    avahi->running = running;
    avahi->established = FALSE;
    /* While it looks for another host name, nothing may be published that points to the old one. */
    if (running)
        begin(avahi);
    else if (avahi->group)
        call(avahi, avahi->group, GROUP, "Reset", NULL, "()", on_published);
    tell_state(avahi);
}

static void
on_server_state(StileAvahi *avahi, GVariant *reply, const GError *error)
{
    gint32 state;

    if (!reply) {
        refused(avahi, error);
        return;
    }
    g_variant_get(reply, "(i)", &state);
    set_running(avahi, state == SERVER_RUNNING);
}

static void
on_again(gpointer user_data)
{
    StileAvahi *avahi = user_data;

    if (avahi->running)
        begin(avahi);
    else
        call(avahi, "/", SERVER, "GetState", NULL, "(i)", on_server_state);
}

static void
on_server_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                 const char *signal, GVariant *arguments, gpointer user_data)
{
    gint32 state;

    if (strcmp(signal, "StateChanged") != 0 ||
        !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(is)")))
        return;
    g_variant_get(arguments, "(is)", &state, NULL);
    set_running(user_data, state == SERVER_RUNNING);
}

static void
on_group_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                const char *signal, GVariant *arguments, gpointer user_data)
{
    StileAvahi *avahi = user_data;
    g_autoptr(GError) error = NULL;
    const char *words;
    gint32 state;

    if (strcmp(signal, "StateChanged") != 0 || g_strcmp0(path, avahi->group) != 0 ||
        !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(is)")))
        return;
    g_variant_get(arguments, "(i&s)", &state, &words);
    avahi->established = state == GROUP_ESTABLISHED;
    if (state == GROUP_COLLISION) {
        rename_soon(avahi);
    } else if (state == GROUP_FAILURE) {
        error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, words);
        refused(avahi, error);
    } else if (state == GROUP_ESTABLISHED) {
        avahi->collisions = 0;
        tell_state(avahi);
    }
}

static void
on_browser_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                  const char *signal, GVariant *arguments, gpointer user_data)
{
    StileAvahi *avahi = user_data;
    g_autoptr(GError) error = NULL;
    StileAvahiService service;
    const char *type;

    if (strcmp(signal, "Failure") == 0 && g_strcmp0(path, avahi->browser) == 0) {
        g_clear_pointer(&avahi->browser, g_free);
        error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "it has stopped looking around");
        refused(avahi, error);
        return;
    }
    /* Not only from the path that we know: what is found may be told before the path. */
    if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(iisssu)")))
        return;
    g_variant_get(arguments, "(ii&s&s&su)", &service.interface, &service.protocol, &service.name,
                  &type, &service.domain, NULL);
    if (strcmp(signal, "ItemNew") == 0)
        avahi->ops->found(avahi->user_data, &service);
    else if (strcmp(signal, "ItemRemove") == 0)
        avahi->ops->lost(avahi->user_data, &service);
}

typedef struct {
    StileAvahi *avahi;
    StileAvahiService service;
    char *name, *domain;
} Resolving;

static void
resolving_free(Resolving *resolving)
{
    g_free(resolving->name);
    g_free(resolving->domain);
    g_free(resolving);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Resolving, resolving_free)

static void
on_resolved(GObject *bus, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Resolving) resolving = user_data;
    g_autoptr(GError) error = NULL;
    gboolean cancelled;
    g_autoptr(GVariant) reply = answer(bus, result, &cancelled, &error);
    const char *address = NULL;
    guint16 port = 0;

    if (cancelled)
        return;
    if (reply)
        g_variant_get(reply, "(iisss&si&sqaayu)", NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                      &address, &port, NULL, NULL);
    else
        g_debug("local network: %s", error->message);
    resolving->avahi->ops->resolved(resolving->avahi->user_data, &resolving->service, address,
                                    port);
}

void
stile_avahi_resolve(StileAvahi *avahi, const StileAvahiService *service)
{
    Resolving *resolving;

    if (!avahi->owner)
        return;
    resolving = g_new0(Resolving, 1);
    resolving->avahi = avahi;
    resolving->name = g_strdup(service->name);
    resolving->domain = g_strdup(service->domain);
    resolving->service = *service;
    resolving->service.name = resolving->name;
    resolving->service.domain = resolving->domain;
    g_dbus_connection_call(avahi->bus, avahi->owner, "/", SERVER, "ResolveService",
                           g_variant_new("(iisssiu)", service->interface, service->protocol,
                                         service->name, avahi->type, service->domain,
                                         service->protocol, 0),
                           G_VARIANT_TYPE("(iissssisqaayu)"), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           RESOLVE_TIMEOUT, avahi->calls, on_resolved, resolving);
}

/* Coming and going */

static void
forget_owner(StileAvahi *avahi)
{
    if (!avahi->owner)
        return;
    g_cancellable_cancel(avahi->calls);
    g_clear_object(&avahi->calls);
    for (gsize i = 0; i < G_N_ELEMENTS(avahi->subscriptions); i++)
        g_dbus_connection_signal_unsubscribe(avahi->bus, avahi->subscriptions[i]);
    stile_timer_stop(avahi->again);
    g_clear_pointer(&avahi->owner, g_free);
    g_clear_pointer(&avahi->group, g_free);
    g_clear_pointer(&avahi->browser, g_free);
    avahi->running = avahi->established = FALSE;
    avahi->making_group = avahi->making_browser = FALSE;
    avahi->collisions = 0;
}

static guint
subscribe(StileAvahi *avahi, const char *interface, GDBusSignalCallback callback)
{
    return g_dbus_connection_signal_subscribe(avahi->bus, avahi->owner, interface, NULL, NULL, NULL,
                                              G_DBUS_SIGNAL_FLAGS_NONE, callback, avahi, NULL);
}

static void
on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
    StileAvahi *avahi = user_data;

    forget_owner(avahi);
    avahi->owner = g_strdup(owner);
    avahi->calls = g_cancellable_new();
    avahi->subscriptions[0] = subscribe(avahi, SERVER, on_server_signal);
    avahi->subscriptions[1] = subscribe(avahi, GROUP, on_group_signal);
    avahi->subscriptions[2] = subscribe(avahi, BROWSER, on_browser_signal);
    call(avahi, "/", SERVER, "GetState", NULL, "(i)", on_server_state);
}

static void
on_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    StileAvahi *avahi = user_data;
    gboolean was_there = avahi->owner != NULL;

    forget_owner(avahi);
    if (was_there)
        avahi->ops->lost_all(avahi->user_data);
    tell(avahi, "Avahi is not running on this machine");
}

static void
forget_bus(StileAvahi *avahi)
{
    if (!avahi->bus)
        return;
    forget_owner(avahi);
    g_clear_handle_id(&avahi->watch, g_bus_unwatch_name);
    g_clear_signal_handler(&avahi->closed_handler, avahi->bus);
    g_dbus_connection_close(avahi->bus, NULL, NULL, NULL);
    g_clear_object(&avahi->bus);
}

static void
bus_again(StileAvahi *avahi)
{
    stile_timer_set_after(avahi->bus_timer, BUS_AGAIN);
    tell(avahi, "the system bus cannot be reached");
}

static void
on_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer user_data)
{
    StileAvahi *avahi = user_data;

    forget_bus(avahi);
    avahi->ops->lost_all(avahi->user_data);
    bus_again(avahi);
}

static void
on_bus(GObject *source, GAsyncResult *result, gpointer user_data)
{
    StileAvahi *avahi = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) bus = g_dbus_connection_new_for_address_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (!bus) {
        g_debug("local network: %s", error->message);
        bus_again(avahi);
        return;
    }
    avahi->bus = g_steal_pointer(&bus);
    avahi->closed_handler = g_signal_connect(avahi->bus, "closed", G_CALLBACK(on_closed), avahi);
    avahi->watch = g_bus_watch_name_on_connection(avahi->bus, AVAHI, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                  on_appeared, on_vanished, avahi, NULL);
}

static void
on_bus_timer(gpointer user_data)
{
    StileAvahi *avahi = user_data;
    /* Only looks at the environment. */
    g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);

    if (!address) {
        bus_again(avahi);
        return;
    }
    g_dbus_connection_new_for_address(address,
                                      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                          G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                      NULL, avahi->connecting, on_bus, avahi);
}

StileAvahi *
stile_avahi_new(StileClock *clock, const char *type, const StileAvahiOps *ops, gpointer user_data)
{
    StileAvahi *avahi = g_new0(StileAvahi, 1);

    avahi->clock = stile_clock_ref(clock);
    avahi->type = g_strdup(type);
    avahi->ops = ops;
    avahi->user_data = user_data;
    avahi->connecting = g_cancellable_new();
    avahi->bus_timer = stile_timer_new(clock, on_bus_timer, avahi);
    avahi->again = stile_timer_new(clock, on_again, avahi);
    avahi->interfaces = g_array_new(FALSE, FALSE, sizeof(guint));
    stile_timer_set_after(avahi->bus_timer, 0);
    return avahi;
}

void
stile_avahi_free(StileAvahi *avahi)
{
    if (!avahi)
        return;
    g_cancellable_cancel(avahi->connecting);
    g_object_unref(avahi->connecting);
    forget_bus(avahi);
    stile_timer_free(avahi->bus_timer);
    stile_timer_free(avahi->again);
    g_array_unref(avahi->interfaces);
    stile_clock_unref(avahi->clock);
    g_free(avahi->type);
    g_free(avahi->told);
    g_free(avahi);
}

void
stile_avahi_publish(StileAvahi *avahi, guint16 port, const GArray *interfaces)
{
    avahi->port = port;
    g_array_set_size(avahi->interfaces, 0);
    g_array_append_vals(avahi->interfaces, interfaces->data, interfaces->len);
    begin(avahi);
}

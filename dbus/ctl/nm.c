/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm.h"
#include <glib/gi18n.h>

#define NM_NAME        "org.freedesktop.NetworkManager"
#define NM_PATH        "/org/freedesktop/NetworkManager"
#define NM_SETTINGS    NM_PATH "/Settings"
#define NM_ACTIVE      NM_NAME ".Connection.Active"
#define OUR_SERVICE    NM_NAME ".stile"
#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define NM_ACTIVATED   2
#define NM_DEACTIVATED 4
/* NetworkManager itself gives a VPN a minute. */
#define ACTIVATION_MS 65000

static GVariant *
call_nm(Ctl *ctl, const char *path, const char *interface, const char *method, GVariant *parameters,
        const char *answer_type, GError **error)
{
    g_autoptr(GVariant) held = parameters ? g_variant_ref_sink(parameters) : NULL;

    if (!ctl_connect(ctl, error))
        return NULL;
    return g_dbus_connection_call_sync(
        ctl->bus, NM_NAME, path, interface, method, held, G_VARIANT_TYPE(answer_type),
        G_DBUS_CALL_FLAGS_NO_AUTO_START | G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
        CTL_TIMEOUT_MS, NULL, error);
}

static GVariant *
get_property(Ctl *ctl, const char *path, const char *interface, const char *property,
             GError **error)
{
    g_autoptr(GVariant) answer = call_nm(ctl, path, PROPERTIES, "Get",
                                         g_variant_new("(ss)", interface, property), "(v)", error);
    GVariant *value = NULL;

    if (answer)
        g_variant_get(answer, "(v)", &value);
    return value;
}

/* The value may hide in a{sa{sv}}: settings -> "vpn" -> "data" -> "network". */
static gboolean
is_profile_of(GVariant *settings, const char *network_id)
{
    g_autoptr(GVariant) vpn = g_variant_lookup_value(settings, "vpn", G_VARIANT_TYPE_VARDICT);
    g_autoptr(GVariant) data = NULL;
    const char *service = NULL, *network = NULL;

    if (!vpn || !g_variant_lookup(vpn, "service-type", "&s", &service) ||
        !g_str_equal(service, OUR_SERVICE))
        return FALSE;
    data = g_variant_lookup_value(vpn, "data", G_VARIANT_TYPE("a{ss}"));
    return data && g_variant_lookup(data, "network", "&s", &network) &&
           g_str_equal(network, network_id);
}

static gboolean
check_profile(Ctl *ctl, const char *path, const char *network_id)
{
    /* One that vanished meanwhile, or that we may not see, is none of ours. */
    g_autoptr(GVariant) answer = call_nm(ctl, path, NM_NAME ".Settings.Connection", "GetSettings",
                                         NULL, "(a{sa{sv}})", NULL);
    g_autoptr(GVariant) settings = answer ? g_variant_get_child_value(answer, 0) : NULL;

    return settings && is_profile_of(settings, network_id);
}

gboolean
ctl_nm_find_profile(Ctl *ctl, const char *network_id, char **ret_profile, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GVariant) answer = call_nm(ctl, NM_SETTINGS, NM_NAME ".Settings", "ListConnections",
                                         NULL, "(ao)", &why);
    g_autoptr(GVariantIter) paths = NULL;
    const char *path;

    *ret_profile = NULL;
    if (!answer && ctl_status(why) == CTL_NO_SERVICE && ctl->bus)
        return TRUE;
    if (!answer) {
        g_dbus_error_strip_remote_error(why);
        g_set_error(error, CTL_ERROR, CTL_FAILED,
                    _("NetworkManager does not tell its profiles: %s"), why->message);
        return FALSE;
    }
    g_variant_get(answer, "(ao)", &paths);
    while (!*ret_profile && g_variant_iter_next(paths, "&o", &path))
        if (check_profile(ctl, path, network_id))
            *ret_profile = g_strdup(path);
    return TRUE;
}

static guint
active_state(Ctl *ctl, const char *active)
{
    g_autoptr(GVariant) state = get_property(ctl, active, NM_ACTIVE, "State", NULL);

    /* NetworkManager takes the object away when it is over. */
    if (!state || !g_variant_is_of_type(state, G_VARIANT_TYPE_UINT32))
        return NM_DEACTIVATED;
    return g_variant_get_uint32(state);
}

/* The path of the active connection of @profile. Returns: (transfer full) (nullable) */
static char *
find_active(Ctl *ctl, const char *profile, GError **error)
{
    g_autoptr(GVariant) list = get_property(ctl, NM_PATH, NM_NAME, "ActiveConnections", error);
    GVariantIter iter;
    const char *active;

    if (!list)
        return NULL;
    g_variant_iter_init(&iter, list);
    while (g_variant_iter_next(&iter, "&o", &active)) {
        g_autoptr(GVariant) of = get_property(ctl, active, NM_ACTIVE, "Connection", NULL);
        if (of && g_str_equal(g_variant_get_string(of, NULL), profile) &&
            active_state(ctl, active) != NM_DEACTIVATED)
            return g_strdup(active);
    }
    return NULL;
}

typedef struct {
    Ctl *ctl;
    const char *active;
    guint wanted;
    GMainLoop *loop;
    guint state;
    gboolean timed_out;
} Wait;

/* What is over does not come to any other state any more. */
static gboolean
is_reached(Wait *wait)
{
    wait->state = active_state(wait->ctl, wait->active);
    return wait->state == wait->wanted || wait->state == NM_DEACTIVATED;
}

static void
look(Wait *wait)
{
    if (is_reached(wait))
        g_main_loop_quit(wait->loop);
}

static void
on_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *parameters, gpointer user_data)
{
    look(user_data);
}

static void
on_nm_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    look(user_data);
}

static gboolean
on_timeout(gpointer user_data)
{
    Wait *wait = user_data;

    wait->timed_out = TRUE;
    g_main_loop_quit(wait->loop);
    return G_SOURCE_REMOVE;
}

/* Returns: the state that it came to */
static guint
wait_for(Ctl *ctl, const char *active, guint wanted, gboolean *ret_timed_out)
{
    Wait wait = {.ctl = ctl, .active = active, .wanted = wanted};
    g_autoptr(GSource) timeout = g_timeout_source_new(ACTIVATION_MS);
    guint signals = g_dbus_connection_signal_subscribe(ctl->bus, NM_NAME, NULL, NULL, active, NULL,
                                                       G_DBUS_SIGNAL_FLAGS_NONE, on_signal, &wait,
                                                       NULL);
    guint name = g_bus_watch_name_on_connection(ctl->bus, NM_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                NULL, on_nm_vanished, &wait, NULL);

    wait.loop = g_main_loop_new(NULL, FALSE);
    g_source_set_callback(timeout, on_timeout, &wait, NULL);
    g_source_attach(timeout, NULL);
    if (!is_reached(&wait))
        g_main_loop_run(wait.loop);
    g_source_destroy(timeout);
    g_bus_unwatch_name(name);
    g_dbus_connection_signal_unsubscribe(ctl->bus, signals);
    g_main_loop_unref(wait.loop);
    *ret_timed_out = wait.timed_out;
    return wait.state;
}

static char *
activate(Ctl *ctl, const char *profile, GError **error)
{
    g_autoptr(GVariant) answer = call_nm(ctl, NM_PATH, NM_NAME, "ActivateConnection",
                                         g_variant_new("(ooo)", profile, "/", "/"), "(o)", error);
    char *active = NULL;

    if (answer)
        g_variant_get(answer, "(o)", &active);
    return active;
}

gboolean
ctl_nm_up(Ctl *ctl, const char *profile, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *active = find_active(ctl, profile, &why);
    gboolean timed_out = FALSE;

    if (!active && !why)
        active = activate(ctl, profile, &why);
    if (!active) {
        g_dbus_error_strip_remote_error(why);
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("NetworkManager does not activate it: %s"),
                    why->message);
        return FALSE;
    }
    if (wait_for(ctl, active, NM_ACTIVATED, &timed_out) == NM_ACTIVATED)
        return TRUE;
    if (timed_out)
        g_set_error(error, CTL_ERROR, CTL_TIMED_OUT,
                    _("NetworkManager has not activated it in time"));
    else
        g_set_error(
            error, CTL_ERROR, CTL_FAILED,
            _("NetworkManager gave up: its journal says why (journalctl -u NetworkManager)"));
    return FALSE;
}

gboolean
ctl_nm_down(Ctl *ctl, const char *profile, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *active = find_active(ctl, profile, &why);
    g_autoptr(GVariant) answer = NULL;
    gboolean timed_out = FALSE;

    if (active)
        answer = call_nm(ctl, NM_PATH, NM_NAME, "DeactivateConnection",
                         g_variant_new("(o)", active), "()", &why);
    if (why) {
        g_dbus_error_strip_remote_error(why);
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("NetworkManager does not deactivate it: %s"),
                    why->message);
        return FALSE;
    }
    if (answer && wait_for(ctl, active, NM_DEACTIVATED, &timed_out) != NM_DEACTIVATED) {
        g_set_error(error, CTL_ERROR, CTL_TIMED_OUT,
                    _("NetworkManager has not deactivated it in time"));
        return FALSE;
    }
    return TRUE;
}

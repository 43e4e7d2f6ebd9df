/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl's way to the service, and what can go wrong on it. */
#include "ctl.h"
#include "dbus/names.h"
#include <glib/gi18n.h>
#include <string.h>

G_DEFINE_QUARK(stilectl - error - quark, ctl_error)

gboolean
ctl_connect(Ctl *ctl, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (ctl->bus)
        return TRUE;
    if (ctl->address)
        ctl->bus = g_dbus_connection_new_for_address_sync(
            ctl->address,
            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
            NULL, NULL, &why);
    else
        ctl->bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &why);
    if (!ctl->bus) {
        g_set_error(error, CTL_ERROR, CTL_NO_SERVICE, _("Cannot reach the bus: %s"), why->message);
        return FALSE;
    }
    g_dbus_connection_set_exit_on_close(ctl->bus, FALSE);
    return TRUE;
}

static gboolean
is_bus_without_service(const GError *error)
{
    static const int codes[] = {G_DBUS_ERROR_SERVICE_UNKNOWN,
                                G_DBUS_ERROR_NAME_HAS_NO_OWNER,
                                G_DBUS_ERROR_NO_REPLY,
                                G_DBUS_ERROR_DISCONNECTED,
                                G_DBUS_ERROR_SPAWN_EXEC_FAILED,
                                G_DBUS_ERROR_SPAWN_FORK_FAILED,
                                G_DBUS_ERROR_SPAWN_CHILD_EXITED,
                                G_DBUS_ERROR_SPAWN_CHILD_SIGNALED,
                                G_DBUS_ERROR_SPAWN_FAILED,
                                G_DBUS_ERROR_SPAWN_SETUP_FAILED,
                                G_DBUS_ERROR_SPAWN_CONFIG_INVALID,
                                G_DBUS_ERROR_SPAWN_FILE_INVALID};
    g_autofree char *remote = g_dbus_error_get_remote_error(error);

    for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(error, G_DBUS_ERROR, codes[i]))
            return TRUE;
    /* Activation by systemd fails in systemd's words. */
    return remote && g_str_has_prefix(remote, "org.freedesktop.systemd1.");
}

CtlStatus
ctl_status(const GError *error)
{
    if (error->domain == CTL_ERROR)
        return (CtlStatus)error->code;
    if (error->domain == G_OPTION_ERROR)
        return CTL_USAGE;
    if (is_bus_without_service(error) || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return CTL_NO_SERVICE;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
        g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT))
        return CTL_TIMED_OUT;
    return CTL_FAILED;
}

GVariant *
ctl_call(Ctl *ctl, const char *path, const char *interface, const char *method,
         GVariant *parameters, int timeout_ms, GError **error)
{
    g_autoptr(GVariant) held = parameters ? g_variant_ref_sink(parameters) : NULL;
    g_autoptr(GError) why = NULL;
    GVariant *answer;

    if (!ctl_connect(ctl, error))
        return NULL;
    answer = g_dbus_connection_call_sync(ctl->bus, STILE_BUS_NAME, path, interface, method, held,
                                         NULL, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                         timeout_ms, NULL, &why);
    if (!answer && ctl_status(why) == CTL_NO_SERVICE) {
        g_dbus_error_strip_remote_error(why);
        g_set_error(error, CTL_ERROR, CTL_NO_SERVICE, _("Cannot reach the Stile service: %s"),
                    why->message);
    } else if (!answer) {
        g_propagate_error(error, g_steal_pointer(&why));
    }
    return answer;
}

char *
ctl_error_name(const GError *error)
{
    static const char *const names[] = {
        [CTL_DONE] = "",
        [CTL_FAILED] = "Failed",
        [CTL_USAGE] = "Usage",
        [CTL_NO_SERVICE] = "NoService",
        [CTL_TIMED_OUT] = "TimedOut",
    };
    CtlStatus status = ctl_status(error);
    g_autofree char *remote = g_dbus_error_get_remote_error(error);

    if (status == CTL_FAILED && remote)
        return g_strdup(strrchr(remote, '.') + 1);
    return g_strdup(names[status]);
}

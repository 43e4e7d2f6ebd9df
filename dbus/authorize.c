/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/authorize.h"
#include "stile.h"
#include <polkit/polkit.h>
#include <unistd.h>

/* The bus daemon answers this by itself, at once. */
#define ASK_THE_BUS_TIMEOUT_MS 10000

static void
refuse(GTask *task, const char *why)
{
    g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED, "%s", why);
}

static void
on_decided(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(PolkitAuthorizationResult) decision = polkit_authority_check_authorization_finish(
        POLKIT_AUTHORITY(source), result, &error);

    if (!decision) {
        g_debug("polkit did not decide: %s", error->message);
        refuse(task, "No polkit authority answers, so only root may do this");
    } else if (polkit_authorization_result_get_is_authorized(decision)) {
        g_task_return_boolean(task, TRUE);
    } else if (polkit_authorization_result_get_is_challenge(decision)) {
        refuse(task, "An administrator has to authenticate for this");
    } else {
        refuse(task, "You are not allowed to do this");
    }
}

static void
on_authority(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GDBusMethodInvocation *invocation = g_task_get_source_object(task);
    GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);
    const char *action = g_task_get_task_data(task);
    PolkitCheckAuthorizationFlags flags = POLKIT_CHECK_AUTHORIZATION_FLAGS_NONE;
    g_autoptr(GError) error = NULL;
    g_autoptr(PolkitAuthority) authority = polkit_authority_get_finish(result, &error);
    g_autoptr(PolkitSubject) subject = NULL;

    if (!authority) {
        g_debug("no polkit: %s", error->message);
        refuse(task, "No polkit authority is running, so only root may do this");
        return;
    }
    if (g_dbus_message_get_flags(message) & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION)
        flags |= POLKIT_CHECK_AUTHORIZATION_FLAGS_ALLOW_USER_INTERACTION;
    subject = polkit_system_bus_name_new(g_dbus_method_invocation_get_sender(invocation));
    polkit_authority_check_authorization(authority, subject, action, NULL, flags, NULL, on_decided,
                                         g_steal_pointer(&task));
}

static void
on_user(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant)
        answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    guint32 uid = 0;

    if (!answer) {
        g_debug("the bus does not tell who calls: %s", error->message);
        refuse(task, "The caller left the bus");
        return;
    }
    g_variant_get(answer, "(u)", &uid);
    if (uid == 0 || uid == geteuid())
        g_task_return_boolean(task, TRUE);
    else
        polkit_authority_get_async(NULL, on_authority, g_steal_pointer(&task));
}

void
stile_authorize(GDBusMethodInvocation *invocation, const char *action, GAsyncReadyCallback callback,
                gpointer user_data)
{
    GTask *task = g_task_new(invocation, NULL, callback, user_data);

    g_task_set_source_tag(task, stile_authorize);
    g_task_set_task_data(task, g_strdup(action), g_free);
    g_dbus_connection_call(
        g_dbus_method_invocation_get_connection(invocation), "org.freedesktop.DBus",
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
        g_variant_new("(s)", g_dbus_method_invocation_get_sender(invocation)),
        G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, ASK_THE_BUS_TIMEOUT_MS, NULL, on_user, task);
}

gboolean
stile_authorize_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

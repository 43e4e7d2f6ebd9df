/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/authorize.h"
#include "stile.h"
#include <unistd.h>

/* The bus daemon answers this by itself, at once. */
#define ASK_THE_BUS_TIMEOUT_MS 10000
/* CheckAuthorizationFlags of polkit. */
#define ALLOW_USER_INTERACTION 0x01

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
    g_autoptr(GVariant)
        answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    gboolean is_authorized = FALSE, is_challenge = FALSE;

    if (!answer) {
        g_debug("polkit did not decide: %s", error->message);
        refuse(task, g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
                         ? "No polkit authority is running, so only root may do this"
                         : "No polkit authority answers, so only root may do this");
        return;
    }
    g_variant_get(answer, "((bba{ss}))", &is_authorized, &is_challenge, NULL);
    if (is_authorized)
        g_task_return_boolean(task, TRUE);
    else if (is_challenge)
        refuse(task, "An administrator has to authenticate for this");
    else
        refuse(task, "You are not allowed to do this");
}

/* By hand and not by libpolkit-gobject: for one call, that brings libsystemd and what it brings, a
 * megabyte of each process that uses it. */
static void
ask_polkit(GTask *task)
{
    GDBusMethodInvocation *invocation = g_task_get_source_object(task);
    GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);
    GVariantBuilder subject;
    guint32 flags = 0;

    if (g_dbus_message_get_flags(message) & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION)
        flags |= ALLOW_USER_INTERACTION;
    g_variant_builder_init(&subject, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&subject, "{sv}", "name",
                          g_variant_new_string(g_dbus_method_invocation_get_sender(invocation)));
    /* It takes as long as a person does. */
    g_dbus_connection_call(g_dbus_method_invocation_get_connection(invocation),
                           "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization",
                           g_variant_new("((sa{sv})sa{ss}us)", "system-bus-name", &subject,
                                         (const char *)g_task_get_task_data(task), NULL, flags, ""),
                           G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL,
                           on_decided, task);
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
        ask_polkit(g_steal_pointer(&task));
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

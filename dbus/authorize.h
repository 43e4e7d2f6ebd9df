/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The polkit actions, as in net.stile.Stile1.policy. */
#define STILE_ACTION_CONTROL "net.stile.Stile1.control"
#define STILE_ACTION_MANAGE  "net.stile.Stile1.manage"

/**
 * stile_authorize:
 * @invocation: the call whose sender wants something; its flag ALLOW_INTERACTIVE_AUTHORIZATION lets
 *   polkit ask the user
 * @action: one of the above
 *
 * Root may do everything, and so may the user that the service itself runs as, who could do the
 * same to its files and memory anyway. Anybody else is decided by polkit; where no polkit authority
 * is running, refused.
 */
void stile_authorize(GDBusMethodInvocation *invocation, const char *action,
                     GAsyncReadyCallback callback, gpointer user_data);
/** Errors: %STILE_ERROR_NOT_AUTHORIZED */
gboolean stile_authorize_finish(GAsyncResult *result, GError **error);

G_END_DECLS

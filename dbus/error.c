/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/error.h"
#include "dbus/names.h"
#include "stile.h"

static const GDBusErrorEntry entries[] = {
    {STILE_ERROR_INVALID_ARGUMENT, STILE_ERROR_PREFIX "InvalidArgument"},
    {STILE_ERROR_NOT_FOUND, STILE_ERROR_PREFIX "NotFound"},
    {STILE_ERROR_EXISTS, STILE_ERROR_PREFIX "Exists"},
    {STILE_ERROR_NOT_AUTHORIZED, STILE_ERROR_PREFIX "NotAuthorized"},
    {STILE_ERROR_EXPIRED, STILE_ERROR_PREFIX "Expired"},
    {STILE_ERROR_REVOKED, STILE_ERROR_PREFIX "Revoked"},
    {STILE_ERROR_UNREACHABLE, STILE_ERROR_PREFIX "Unreachable"},
    {STILE_ERROR_FAILED, STILE_ERROR_PREFIX "Failed"},
};
G_STATIC_ASSERT(G_N_ELEMENTS(entries) == STILE_N_ERRORS);

void
stile_error_register(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(entries); i++)
        g_dbus_error_register_error(STILE_ERROR, entries[i].error_code, entries[i].dbus_error_name);
}

void
stile_error_return(GDBusMethodInvocation *invocation, const GError *error)
{
    if (error->domain == STILE_ERROR)
        g_dbus_method_invocation_return_gerror(invocation, error);
    else
        g_dbus_method_invocation_return_dbus_error(invocation, STILE_ERROR_PREFIX "Failed",
                                                   error->message);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * stile_resolve_servers:
 * @servers: `host[:port]`, as stile_stun_uri_parse() reads them; others are left out
 *
 * The addresses of servers: of a name the first of each family. A name that does not resolve is
 * left out.
 *
 * Errors: %G_IO_ERROR_CANCELLED, %STILE_ERROR_UNREACHABLE (none has an address)
 */
void stile_resolve_servers(const char *const *servers, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data);
/** Returns: (transfer full): of StileAddress, in the order of the servers */
GArray *stile_resolve_servers_finish(GAsyncResult *result, GError **error);

G_END_DECLS

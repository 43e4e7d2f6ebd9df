/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/nat64.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/** Asks the name server, if it does DNS64, for the prefix of the NAT64 (RFC 7050). */
void stile_dns64_ask(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/**
 * stile_dns64_ask_finish:
 * @ret: length 0: it does not, or what it says is no prefix
 *
 * Errors: %G_IO_ERROR_CANCELLED, %G_RESOLVER_ERROR (no answer)
 */
gboolean stile_dns64_ask_finish(StilePrefix *ret, GAsyncResult *result, GError **error);

G_END_DECLS

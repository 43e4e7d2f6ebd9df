/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * stile_ping:
 * @interface: the echo goes out here and nowhere else
 *
 * One ICMP echo (RFC 792) by the kernel, so that it takes the way that any packet of this machine
 * takes, answered by the other machine's kernel.
 */
void stile_ping(const StileAddress *address, const char *interface, guint timeout_ms,
                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/** Returns: the round trip, microseconds, at least 1; 0 on error: %STILE_ERROR_UNREACHABLE,
 * %STILE_ERROR_FAILED */
guint stile_ping_finish(GAsyncResult *result, GError **error);

G_END_DECLS

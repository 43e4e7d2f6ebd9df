/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "rendezvous/url.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * stile_reach_async:
 * @url: copied
 *
 * Opens the way to a broker: its name is looked up, its addresses of both families are tried, over
 * the proxy that the system has configured for `https` (GProxyResolver), and TLS is agreed on, with
 * SNI and the ALPN name `mqtt`, or `http/1.1` where a WebSocket is to follow. Takes as long as it
 * takes; cancel it.
 */
void stile_reach_async(const StileBrokerUrl *url, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data);
/**
 * stile_reach_finish:
 * @ret_socket: (out) (transfer full): the TCP socket beneath the stream
 *
 * Returns: (transfer full): a stream with pollable ends; close the socket before it is let go, so
 *   that TLS does not wait for its farewell
 * Errors: %G_IO_ERROR_CANCELLED; or %STILE_ERROR_UNREACHABLE, %STILE_ERROR_NOT_AUTHORIZED with the
 *   reason in words for a person
 */
GIOStream *stile_reach_finish(GAsyncResult *result, GSocket **ret_socket, GError **error);

G_END_DECLS

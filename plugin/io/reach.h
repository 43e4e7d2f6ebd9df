/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/hash.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * StileReachTarget:
 * @host: a name or an address, IPv6 without brackets
 * @protocol: what is spoken there, in IANA's registry of ALPN names; offered with TLS
 * @fingerprint: SHA-256 of the certificate that alone is trusted, when @has_fingerprint; else the
 *   system's authorities and the name decide
 */
typedef struct {
    const char *host;
    guint16 port;
    gboolean tls;
    const char *protocol;
    gboolean has_fingerprint;
    guint8 fingerprint[STILE_SHA256_SIZE];
} StileReachTarget;

/**
 * stile_fingerprint_parse:
 * @ret: (out): untouched on failure
 * @fragment: `sha256=` and 64 hexadecimal digits, which may have colons between the bytes, as
 *   `openssl x509 -fingerprint` writes
 */
gboolean stile_fingerprint_parse(guint8 ret[STILE_SHA256_SIZE], const char *fragment);

/**
 * stile_reach_async:
 * @target: copied
 *
 * Opens a stream to a server: its name is looked up, its addresses of both families are tried, over
 * the proxy that there is for `https` (proxy.h; where the environment names none and nothing is
 * reached without, the one of the system's settings), and TLS is agreed on if wanted, with SNI and
 * the ALPN name. An IPv4 address, where there is no IPv4, is reached through the NAT64 that the
 * name server knows of. Takes as long as it takes; cancel it.
 */
void stile_reach_async(const StileReachTarget *target, GCancellable *cancellable,
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

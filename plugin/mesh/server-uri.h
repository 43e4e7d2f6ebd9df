/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define STILE_STUN_PORT 3478 /* RFC 8489 §8.1, the same for TURN */

/**
 * StileServerUri:
 * @host: a name, or an address without brackets
 *
 * Where to ask for STUN or TURN. A name is resolved elsewhere.
 */
typedef struct {
    char *host;
    guint16 port;
} StileServerUri;

void stile_server_uri_clear(StileServerUri *uri);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileServerUri, stile_server_uri_clear)

/** @text: `host`, `host:port`, `[2001:db8::1]:port`, or with `stun:` before it (RFC 7064).
 * Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_stun_uri_parse(StileServerUri *ret, const char *text, GError **error);
/** @text: `turn:host[:port][?transport=udp]` (RFC 7065). Errors: %STILE_ERROR_INVALID_ARGUMENT,
 * also for the transports that are not built yet */
gboolean stile_turn_uri_parse(StileServerUri *ret, const char *text, GError **error);

G_END_DECLS

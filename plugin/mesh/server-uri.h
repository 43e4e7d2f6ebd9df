/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/hash.h"
#include "io/endpoint.h"

G_BEGIN_DECLS

#define STILE_STUN_PORT  3478 /* RFC 8489 §8.1, the same for TURN */
#define STILE_TURNS_PORT 5349

/**
 * StileServerUri:
 * @host: a name, or an address without brackets
 * @transport: of a TURN server
 * @fingerprint: SHA-256 of the certificate that alone is trusted, when @has_fingerprint (TLS)
 *
 * Where to ask for STUN or TURN. A name is resolved elsewhere.
 */
typedef struct {
    char *host;
    guint16 port;
    StileTransport transport;
    gboolean has_fingerprint;
    guint8 fingerprint[STILE_SHA256_SIZE];
} StileServerUri;

void stile_server_uri_clear(StileServerUri *uri);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileServerUri, stile_server_uri_clear)

/** @text: `host`, `host:port`, `[2001:db8::1]:port`, or with `stun:` before it (RFC 7064).
 * Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_stun_uri_parse(StileServerUri *ret, const char *text, GError **error);
/**
 * stile_turn_uri_parse:
 * @ret: (out): set only on success
 * @text: RFC 7065: `turn:host[:3478]`, with `?transport=tcp` behind it for TCP, or
 *   `turns:host[:5349]` for TLS; the latter may end in `#sha256=HEX`, as the URL of a broker may
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT, also for DTLS, which is not built
 */
gboolean stile_turn_uri_parse(StileServerUri *ret, const char *text, GError **error);

G_END_DECLS

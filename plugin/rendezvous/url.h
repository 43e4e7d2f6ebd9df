/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/hash.h"

G_BEGIN_DECLS

/**
 * StileBrokerUrl:
 * @host: a name or an address, IPv6 without brackets
 * @path: (nullable): of a WebSocket, as it is sent, beginning with a slash
 * @user, @password: (nullable): decoded
 * @fingerprint: SHA-256 of the certificate that alone is trusted, when @has_fingerprint
 * @shown: the URL without user, password and fingerprint: what a person may see
 *
 * Where a broker is: `mqtt://[user[:password]@]host[:1883]` or
 * `mqtts://[user[:password]@]host[:8883][#sha256=HEX]`; over WebSocket,
 * `ws://[user[:password]@]host[:80][/path]` or
 * `wss://[user[:password]@]host[:443][/path][#sha256=HEX]`, where the path is `/mqtt` if none is
 * given.
 */
typedef struct {
    gboolean tls;
    gboolean websocket;
    char *host;
    guint16 port;
    char *path;
    char *user;
    char *password;
    gboolean has_fingerprint;
    guint8 fingerprint[STILE_SHA256_SIZE];
    char *shown;
} StileBrokerUrl;

/**
 * stile_broker_url_parse:
 * @ret: (out): untouched on failure
 *
 * The hexadecimal digits may have colons between the bytes, as `openssl x509 -fingerprint` writes.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT; the sentence never holds the password
 */
gboolean stile_broker_url_parse(StileBrokerUrl *ret, const char *text, GError **error);
void stile_broker_url_copy(StileBrokerUrl *ret, const StileBrokerUrl *url);
void stile_broker_url_clear(StileBrokerUrl *url);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileBrokerUrl, stile_broker_url_clear)

G_END_DECLS

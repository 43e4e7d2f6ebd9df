/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include <glib.h>

G_BEGIN_DECLS

/**
 * StileWebsocket:
 * @open: the server agreed; what is written is framed from here on
 * @closed: it said farewell (§5.5.1)
 *
 * The client's side of one WebSocket (RFC 6455) that carries a stream of bytes, as MQTT does (MQTT
 * 3.1.1 §6: frames need not align with packets). Pure: bytes in, bytes out.
 */
typedef struct {
    StileClock *clock; /* where masks come from */
    char *accept;      /* what the server must answer to our key (§4.1) */
    GString *head;     /* of its answer, as far as it has come */
    gboolean open;
    gboolean closed;

    guint8 header[10];
    gsize header_size;
    guint64 left;      /* of the frame's payload */
    gboolean fragment; /* a message has begun and not ended */
    guint8 control[125];
    gsize control_size;
} StileWebsocket;

/* What a server may say before it agrees, or not. */
#define STILE_WEBSOCKET_HEAD_MAX 8192

/**
 * stile_websocket_init:
 * @request: (out): the handshake is appended (§4.1), with the subprotocol `mqtt`
 * @host, @port: as in the URL; the port is left out of `Host` when it is 80, or 443 with @tls
 * @path: encoded, beginning with a slash
 */
void stile_websocket_init(StileWebsocket *websocket, StileClock *clock, GByteArray *request,
                          const char *host, guint16 port, gboolean tls, const char *path);
/** May be called again, and on zeroed memory. */
void stile_websocket_clear(StileWebsocket *websocket);

/**
 * stile_websocket_take:
 * @bytes: what came from the server, in pieces of any size
 * @ret_payload: what was inside is appended
 * @ret_answers: what has to be sent now is appended: pongs, a farewell (§5.5)
 *
 * Returns: %FALSE when it has to end; what follows @closed is ignored
 * Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_UNREACHABLE: what the HTTP status says;
 *   %STILE_ERROR_FAILED: not a WebSocket, or a broken one
 */
gboolean stile_websocket_take(StileWebsocket *websocket, const guint8 *bytes, gsize size,
                              GByteArray *ret_payload, GByteArray *ret_answers, GError **error);

/** Appends a masked binary frame of @payload to @ret (§5.2). */
void stile_websocket_write(StileWebsocket *websocket, GByteArray *ret, const guint8 *payload,
                           gsize size);
/** Appends our farewell, with the code 1000. */
void stile_websocket_write_close(StileWebsocket *websocket, GByteArray *ret);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/ikpsk2.h"
#include "tunnel/index.h"
#include "tunnel/message.h"

G_BEGIN_DECLS

/*
 * WireGuard's handshake messages (§5.4.2, §5.4.3): IKpsk2 with WireGuard's prologue, the timestamp
 * as the first payload and nothing as the second. Pure: no clock, no randomness, no peers. The
 * macs are cookie.h's.
 */

/* Our own keys. */
typedef struct {
    guint8 private_key[STILE_KEY_SIZE];
    guint8 public_key[STILE_KEY_SIZE];
} StileHandshakeIdentity;

/**
 * stile_handshake_initiate:
 * @state: (out): to go on with when the response comes
 * @responder: public key
 * @static_static: X25519 of our static key and @responder
 * @ephemeral: private
 * @ret: (out): all but the macs
 *
 * Returns: %FALSE when @responder is a key of low order
 */
gboolean stile_handshake_initiate(StileIkpsk2 *state, const StileHandshakeIdentity *self,
                                  const guint8 responder[STILE_KEY_SIZE],
                                  const guint8 static_static[STILE_KEY_SIZE],
                                  const guint8 ephemeral[STILE_KEY_SIZE],
                                  const guint8 timestamp[STILE_TAI64N_SIZE], guint32 sender,
                                  StileMessageInitiation *ret);

/**
 * stile_handshake_read_who:
 * @ret_initiator: (out): who says they sent it, so that we look them up before going on
 */
gboolean stile_handshake_read_who(StileIkpsk2 *state, const StileHandshakeIdentity *self,
                                  const StileMessageInitiation *message,
                                  guint8 ret_initiator[STILE_KEY_SIZE]);
/** Returns: whether @message is by the initiator that @static_static belongs to */
gboolean stile_handshake_read_initiation(StileIkpsk2 *state,
                                         const guint8 static_static[STILE_KEY_SIZE],
                                         const StileMessageInitiation *message,
                                         guint8 ret_timestamp[STILE_TAI64N_SIZE]);

/** @state: after stile_handshake_read_initiation(). @ret: (out): all but the macs */
gboolean stile_handshake_respond(StileIkpsk2 *state, const guint8 initiator[STILE_KEY_SIZE],
                                 const guint8 preshared[STILE_KEY_SIZE],
                                 const guint8 ephemeral[STILE_KEY_SIZE], guint32 sender,
                                 guint32 receiver, StileMessageResponse *ret);

/** @state: after stile_handshake_initiate(); on %FALSE it is as before, for the true response */
gboolean stile_handshake_read_response(StileIkpsk2 *state, const StileHandshakeIdentity *self,
                                       const guint8 preshared[STILE_KEY_SIZE],
                                       const StileMessageResponse *message);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/handshake.h"

#define PROLOGUE "WireGuard v1 zx2c4 Jason@zx2c4.com"

gboolean
stile_handshake_initiate(StileIkpsk2 *state, const StileHandshakeIdentity *self,
                         const guint8 responder[STILE_KEY_SIZE],
                         const guint8 static_static[STILE_KEY_SIZE],
                         const guint8 ephemeral[STILE_KEY_SIZE],
                         const guint8 timestamp[STILE_TAI64N_SIZE], guint32 sender,
                         StileMessageInitiation *ret)
{
    stile_message_put_u32(ret->type, STILE_MESSAGE_INITIATION);
    stile_message_put_u32(ret->sender, sender);
    stile_ikpsk2_init(state, PROLOGUE, sizeof PROLOGUE - 1, responder);
    return stile_ikpsk2_write_first(state, ephemeral, self->public_key, responder, static_static,
                                    timestamp, STILE_TAI64N_SIZE, ret->noise);
}

gboolean
stile_handshake_read_who(StileIkpsk2 *state, const StileHandshakeIdentity *self,
                         const StileMessageInitiation *message,
                         guint8 ret_initiator[STILE_KEY_SIZE])
{
    stile_ikpsk2_init(state, PROLOGUE, sizeof PROLOGUE - 1, self->public_key);
    return stile_ikpsk2_read_who(state, self->private_key, message->noise, ret_initiator);
}

gboolean
stile_handshake_read_initiation(StileIkpsk2 *state, const guint8 static_static[STILE_KEY_SIZE],
                                const StileMessageInitiation *message,
                                guint8 ret_timestamp[STILE_TAI64N_SIZE])
{
    return stile_ikpsk2_read_first(state, static_static, message->noise, sizeof message->noise,
                                   ret_timestamp);
}

gboolean
stile_handshake_respond(StileIkpsk2 *state, const guint8 initiator[STILE_KEY_SIZE],
                        const guint8 preshared[STILE_KEY_SIZE],
                        const guint8 ephemeral[STILE_KEY_SIZE], guint32 sender, guint32 receiver,
                        StileMessageResponse *ret)
{
    stile_message_put_u32(ret->type, STILE_MESSAGE_RESPONSE);
    stile_message_put_u32(ret->sender, sender);
    stile_message_put_u32(ret->receiver, receiver);
    return stile_ikpsk2_write_second(state, ephemeral, initiator, preshared, NULL, 0, ret->noise);
}

gboolean
stile_handshake_read_response(StileIkpsk2 *state, const StileHandshakeIdentity *self,
                              const guint8 preshared[STILE_KEY_SIZE],
                              const StileMessageResponse *message)
{
    /* Anybody who saw our initiation can send something that looks like its response. */
    StileIkpsk2 trial = *state;
    guint8 nothing[1];
    gboolean ok = stile_ikpsk2_read_second(&trial, self->private_key, preshared, message->noise,
                                           sizeof message->noise, nothing);

    if (ok)
        *state = trial;
    stile_ikpsk2_clear(&trial);
    return ok;
}

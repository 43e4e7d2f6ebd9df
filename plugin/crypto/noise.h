/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keys.h"

G_BEGIN_DECLS

/*
 * The Noise Protocol Framework (revision 34) with 25519, ChaChaPoly and BLAKE2s: the symmetric
 * state that handshake patterns are written with, and the one-way pattern X. WireGuard's IKpsk2 is
 * in tunnel/, on top of the symmetric state.
 */

/**
 * StileNoise:
 *
 * A SymmetricState (Noise §5.2). On the stack; wipe it with stile_noise_clear().
 */
typedef struct {
    guint8 chaining_key[STILE_BLAKE2S_SIZE];
    guint8 hash[STILE_BLAKE2S_SIZE];
    guint8 key[STILE_AEAD_KEY_SIZE];
    guint64 counter;
    gboolean has_key;
} StileNoise;

void stile_noise_init(StileNoise *noise, const char *protocol_name);
void stile_noise_clear(StileNoise *noise);
void stile_noise_mix_hash(StileNoise *noise, const void *data, gsize size);
void stile_noise_mix_key(StileNoise *noise, const void *input, gsize size);
void stile_noise_mix_key_and_hash(StileNoise *noise, const void *input, gsize size);
/** Writes @size bytes and a tag to @out; without the tag while there is no key. */
void stile_noise_encrypt_and_hash(StileNoise *noise, const guint8 *in, gsize size, guint8 *out);
gboolean stile_noise_decrypt_and_hash(StileNoise *noise, const guint8 *in, gsize size, guint8 *out);
/** Noise's Split(): the two transport keys, of initiator and of responder */
void stile_noise_split(const StileNoise *noise, guint8 ret_first[STILE_AEAD_KEY_SIZE],
                       guint8 ret_second[STILE_AEAD_KEY_SIZE]);

/* What X adds to a payload: an ephemeral key, the sender's sealed static key, the payload's tag. */
#define STILE_NOISE_X_OVERHEAD                                                                     \
    (STILE_KEY_SIZE + STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE + STILE_AEAD_TAG_SIZE)

/**
 * stile_noise_x_seal:
 * @sender: private key of the sender
 * @recipient: public key of the recipient
 * @ephemeral: (nullable): the ephemeral private key, for test vectors only; %NULL for a fresh one
 * @out: room for @size + %STILE_NOISE_X_OVERHEAD bytes
 *
 * Noise_X_25519_ChaChaPoly_BLAKE2s: one message that only @recipient can open and that proves who
 * sent it. It does not keep a replayed message out; the layer above does.
 *
 * Returns: %FALSE when @recipient is a key of low order
 */
gboolean stile_noise_x_seal(const guint8 sender[STILE_KEY_SIZE],
                            const guint8 recipient[STILE_KEY_SIZE], const guint8 *ephemeral,
                            const void *prologue, gsize prologue_size, const guint8 *in, gsize size,
                            guint8 *out);
/**
 * stile_noise_x_open:
 * @recipient: private key of the recipient
 * @ret_sender: (out): public key of the sender, proven
 * @out: room for @size - %STILE_NOISE_X_OVERHEAD bytes
 *
 * Returns: %FALSE when the message is not for us, altered or too short
 */
gboolean stile_noise_x_open(const guint8 recipient[STILE_KEY_SIZE], const void *prologue,
                            gsize prologue_size, const guint8 *in, gsize size,
                            guint8 ret_sender[STILE_KEY_SIZE], guint8 *out);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/ikpsk2.h"

#include <string.h>

#define NAME        "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
#define STATIC_SIZE (STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE)

void
stile_ikpsk2_init(StileIkpsk2 *state, const void *prologue, gsize prologue_size,
                  const guint8 responder[STILE_KEY_SIZE])
{
    memset(state, 0, sizeof *state);
    stile_noise_init(&state->noise, NAME);
    stile_noise_mix_hash(&state->noise, prologue, prologue_size);
    stile_noise_mix_hash(&state->noise, responder, STILE_KEY_SIZE);
}

void
stile_ikpsk2_clear(StileIkpsk2 *state)
{
    stile_memory_wipe(state, sizeof *state);
}

/* "e" where there is a preshared key (Noise §9.2): into the hash and into the chaining key. */
static void
mix_ephemeral(StileIkpsk2 *state, const guint8 key[STILE_KEY_SIZE])
{
    stile_noise_mix_hash(&state->noise, key, STILE_KEY_SIZE);
    stile_noise_mix_key(&state->noise, key, STILE_KEY_SIZE);
}

static gboolean
mix_shared(StileIkpsk2 *state, const guint8 private_key[STILE_KEY_SIZE],
           const guint8 public_key[STILE_KEY_SIZE])
{
    guint8 shared[STILE_KEY_SIZE];
    gboolean ok = stile_x25519(private_key, public_key, shared);

    if (ok)
        stile_noise_mix_key(&state->noise, shared, sizeof shared);
    stile_memory_wipe(shared, sizeof shared);
    return ok;
}

gboolean
stile_ikpsk2_write_first(StileIkpsk2 *state, const guint8 ephemeral[STILE_KEY_SIZE],
                         const guint8 initiator[STILE_KEY_SIZE],
                         const guint8 responder[STILE_KEY_SIZE],
                         const guint8 static_static[STILE_KEY_SIZE], const guint8 *payload,
                         gsize size, guint8 *out)
{
    memcpy(state->ephemeral, ephemeral, STILE_KEY_SIZE);
    stile_x25519_public(ephemeral, out);
    mix_ephemeral(state, out);
    out += STILE_KEY_SIZE;
    if (!mix_shared(state, ephemeral, responder))
        return FALSE;
    stile_noise_encrypt_and_hash(&state->noise, initiator, STILE_KEY_SIZE, out);
    out += STATIC_SIZE;
    stile_noise_mix_key(&state->noise, static_static, STILE_KEY_SIZE);
    stile_noise_encrypt_and_hash(&state->noise, payload, size, out);
    return TRUE;
}

gboolean
stile_ikpsk2_read_who(StileIkpsk2 *state, const guint8 private_key[STILE_KEY_SIZE],
                      const guint8 *in, guint8 ret_initiator[STILE_KEY_SIZE])
{
    memcpy(state->remote_ephemeral, in, STILE_KEY_SIZE);
    mix_ephemeral(state, in);
    if (!mix_shared(state, private_key, in))
        return FALSE;
    return stile_noise_decrypt_and_hash(&state->noise, in + STILE_KEY_SIZE, STATIC_SIZE,
                                        ret_initiator);
}

gboolean
stile_ikpsk2_read_first(StileIkpsk2 *state, const guint8 static_static[STILE_KEY_SIZE],
                        const guint8 *in, gsize size, guint8 *payload)
{
    stile_noise_mix_key(&state->noise, static_static, STILE_KEY_SIZE);
    return stile_noise_decrypt_and_hash(&state->noise, in + STILE_KEY_SIZE + STATIC_SIZE,
                                        size - STILE_KEY_SIZE - STATIC_SIZE, payload);
}

gboolean
stile_ikpsk2_write_second(StileIkpsk2 *state, const guint8 ephemeral[STILE_KEY_SIZE],
                          const guint8 initiator[STILE_KEY_SIZE],
                          const guint8 preshared[STILE_KEY_SIZE], const guint8 *payload, gsize size,
                          guint8 *out)
{
    stile_x25519_public(ephemeral, out);
    mix_ephemeral(state, out);
    if (!mix_shared(state, ephemeral, state->remote_ephemeral) ||
        !mix_shared(state, ephemeral, initiator))
        return FALSE;
    stile_noise_mix_key_and_hash(&state->noise, preshared, STILE_KEY_SIZE);
    stile_noise_encrypt_and_hash(&state->noise, payload, size, out + STILE_KEY_SIZE);
    return TRUE;
}

gboolean
stile_ikpsk2_read_second(StileIkpsk2 *state, const guint8 private_key[STILE_KEY_SIZE],
                         const guint8 preshared[STILE_KEY_SIZE], const guint8 *in, gsize size,
                         guint8 *payload)
{
    mix_ephemeral(state, in);
    if (!mix_shared(state, state->ephemeral, in) || !mix_shared(state, private_key, in))
        return FALSE;
    stile_noise_mix_key_and_hash(&state->noise, preshared, STILE_KEY_SIZE);
    return stile_noise_decrypt_and_hash(&state->noise, in + STILE_KEY_SIZE, size - STILE_KEY_SIZE,
                                        payload);
}

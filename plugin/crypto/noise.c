/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/noise.h"

#include <string.h>

#define X_NAME "Noise_X_25519_ChaChaPoly_BLAKE2s"
/* The sender's static key, sealed */
#define X_STATIC_SIZE (STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE)

static void
hash_with(const StileNoise *noise, const void *data, gsize size, guint8 ret[STILE_BLAKE2S_SIZE])
{
    const StilePart parts[] = {{noise->hash, sizeof noise->hash}, {data, size}};

    stile_blake2s(parts, G_N_ELEMENTS(parts), ret);
}

static void
set_key(StileNoise *noise, const guint8 key[STILE_AEAD_KEY_SIZE])
{
    memcpy(noise->key, key, sizeof noise->key);
    noise->counter = 0;
    noise->has_key = TRUE;
}

void
stile_noise_init(StileNoise *noise, const char *protocol_name)
{
    gsize size = strlen(protocol_name);

    memset(noise, 0, sizeof *noise);
    if (size <= sizeof noise->hash)
        memcpy(noise->hash, protocol_name, size);
    else
        stile_blake2s(&(StilePart){protocol_name, size}, 1, noise->hash);
    memcpy(noise->chaining_key, noise->hash, sizeof noise->hash);
}

void
stile_noise_clear(StileNoise *noise)
{
    stile_memory_wipe(noise, sizeof *noise);
}

void
stile_noise_mix_hash(StileNoise *noise, const void *data, gsize size)
{
    hash_with(noise, data, size, noise->hash);
}

void
stile_noise_mix_key(StileNoise *noise, const void *input, gsize size)
{
    guint8 keys[2][STILE_BLAKE2S_SIZE];

    stile_kdf(noise->chaining_key, input, size, 2, keys[0]);
    memcpy(noise->chaining_key, keys[0], sizeof keys[0]);
    set_key(noise, keys[1]);
    stile_memory_wipe(keys, sizeof keys);
}

void
stile_noise_mix_key_and_hash(StileNoise *noise, const void *input, gsize size)
{
    guint8 keys[3][STILE_BLAKE2S_SIZE];

    stile_kdf(noise->chaining_key, input, size, 3, keys[0]);
    memcpy(noise->chaining_key, keys[0], sizeof keys[0]);
    stile_noise_mix_hash(noise, keys[1], sizeof keys[1]);
    set_key(noise, keys[2]);
    stile_memory_wipe(keys, sizeof keys);
}

void
stile_noise_encrypt_and_hash(StileNoise *noise, const guint8 *in, gsize size, guint8 *out)
{
    if (noise->has_key) {
        g_autoptr(StileAead) aead = stile_aead_new(noise->key);

        stile_aead_seal(aead, noise->counter++, noise->hash, sizeof noise->hash, in, size, out);
        size += STILE_AEAD_TAG_SIZE;
    } else if (size > 0) {
        memmove(out, in, size);
    }
    stile_noise_mix_hash(noise, out, size);
}

gboolean
stile_noise_decrypt_and_hash(StileNoise *noise, const guint8 *in, gsize size, guint8 *out)
{
    guint8 next[STILE_BLAKE2S_SIZE];

    /* Before @out is written, which may be @in. */
    hash_with(noise, in, size, next);
    if (noise->has_key) {
        g_autoptr(StileAead) aead = stile_aead_new(noise->key);

        if (!stile_aead_open(aead, noise->counter, noise->hash, sizeof noise->hash, in, size, out))
            return FALSE;
        noise->counter++;
    } else if (size > 0) {
        memmove(out, in, size);
    }
    memcpy(noise->hash, next, sizeof next);
    return TRUE;
}

void
stile_noise_split(const StileNoise *noise, guint8 ret_first[STILE_AEAD_KEY_SIZE],
                  guint8 ret_second[STILE_AEAD_KEY_SIZE])
{
    guint8 keys[2][STILE_BLAKE2S_SIZE];

    stile_kdf(noise->chaining_key, NULL, 0, 2, keys[0]);
    memcpy(ret_first, keys[0], sizeof keys[0]);
    memcpy(ret_second, keys[1], sizeof keys[1]);
    stile_memory_wipe(keys, sizeof keys);
}

/* <- s */
static void
x_init(StileNoise *noise, const void *prologue, gsize prologue_size,
       const guint8 recipient[STILE_KEY_SIZE])
{
    stile_noise_init(noise, X_NAME);
    stile_noise_mix_hash(noise, prologue, prologue_size);
    stile_noise_mix_hash(noise, recipient, STILE_KEY_SIZE);
}

static gboolean
mix_dh(StileNoise *noise, const guint8 mine[STILE_KEY_SIZE], const guint8 theirs[STILE_KEY_SIZE])
{
    guint8 shared[STILE_KEY_SIZE];
    gboolean ok = stile_x25519(mine, theirs, shared);

    if (ok)
        stile_noise_mix_key(noise, shared, sizeof shared);
    stile_memory_wipe(shared, sizeof shared);
    return ok;
}

/* -> e, es, s, ss */
static gboolean
x_write(StileNoise *noise, const guint8 sender[STILE_KEY_SIZE],
        const guint8 recipient[STILE_KEY_SIZE], const guint8 ephemeral[STILE_KEY_SIZE],
        const guint8 *in, gsize size, guint8 *out)
{
    guint8 sender_public[STILE_KEY_SIZE];

    stile_x25519_public(ephemeral, out);
    stile_noise_mix_hash(noise, out, STILE_KEY_SIZE);
    if (!mix_dh(noise, ephemeral, recipient))
        return FALSE;
    out += STILE_KEY_SIZE;
    stile_x25519_public(sender, sender_public);
    stile_noise_encrypt_and_hash(noise, sender_public, sizeof sender_public, out);
    if (!mix_dh(noise, sender, recipient))
        return FALSE;
    out += X_STATIC_SIZE;
    stile_noise_encrypt_and_hash(noise, in, size, out);
    return TRUE;
}

gboolean
stile_noise_x_seal(const guint8 sender[STILE_KEY_SIZE], const guint8 recipient[STILE_KEY_SIZE],
                   const guint8 *ephemeral, const void *prologue, gsize prologue_size,
                   const guint8 *in, gsize size, guint8 *out)
{
    guint8 fresh[STILE_KEY_SIZE];
    StileNoise noise;
    gboolean ok;

    if (ephemeral)
        memcpy(fresh, ephemeral, sizeof fresh);
    else
        stile_x25519_generate(fresh);
    x_init(&noise, prologue, prologue_size, recipient);
    ok = x_write(&noise, sender, recipient, fresh, in, size, out);
    stile_memory_wipe(fresh, sizeof fresh);
    stile_noise_clear(&noise);
    return ok;
}

static gboolean
x_read(StileNoise *noise, const guint8 recipient[STILE_KEY_SIZE], const guint8 *in, gsize size,
       guint8 ret_sender[STILE_KEY_SIZE], guint8 *out)
{
    guint8 sender[STILE_KEY_SIZE];

    stile_noise_mix_hash(noise, in, STILE_KEY_SIZE);
    if (!mix_dh(noise, recipient, in) ||
        !stile_noise_decrypt_and_hash(noise, in + STILE_KEY_SIZE, X_STATIC_SIZE, sender) ||
        !mix_dh(noise, recipient, sender) ||
        !stile_noise_decrypt_and_hash(noise, in + STILE_KEY_SIZE + X_STATIC_SIZE,
                                      size - STILE_KEY_SIZE - X_STATIC_SIZE, out))
        return FALSE;
    memcpy(ret_sender, sender, sizeof sender);
    return TRUE;
}

gboolean
stile_noise_x_open(const guint8 recipient[STILE_KEY_SIZE], const void *prologue,
                   gsize prologue_size, const guint8 *in, gsize size,
                   guint8 ret_sender[STILE_KEY_SIZE], guint8 *out)
{
    guint8 recipient_public[STILE_KEY_SIZE];
    StileNoise noise;
    gboolean ok;

    if (size < STILE_NOISE_X_OVERHEAD)
        return FALSE;
    stile_x25519_public(recipient, recipient_public);
    x_init(&noise, prologue, prologue_size, recipient_public);
    ok = x_read(&noise, recipient, in, size, ret_sender, out);
    stile_noise_clear(&noise);
    return ok;
}

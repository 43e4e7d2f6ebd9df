/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define STILE_BLAKE2S_SIZE 32
#define STILE_MAC_SIZE     16 /* keyed BLAKE2s-128, WireGuard's MAC() */
#define STILE_SHA1_SIZE    20
#define STILE_SHA256_SIZE  32
#define STILE_MD5_SIZE     16

/* BLAKE2s (RFC 7693). @parts of (pointer, size) are hashed as one string. */
typedef struct {
    const void *data;
    gsize size;
} StilePart;

void stile_blake2s(const StilePart *parts, guint n_parts, guint8 ret[STILE_BLAKE2S_SIZE]);
/** WireGuard's MAC(key, input): keyed BLAKE2s with 16 bytes of output; @key_size up to 32 */
void stile_blake2s_mac(const void *key, gsize key_size, const void *data, gsize size,
                       guint8 ret[STILE_MAC_SIZE]);
/**
 * stile_kdf:
 * @n_outputs: 1 to 3
 *
 * HKDF over HMAC-BLAKE2s as Noise and WireGuard use it, KDF1 to KDF3: @ret gets @n_outputs times 32
 * bytes.
 */
void stile_kdf(const guint8 key[STILE_BLAKE2S_SIZE], const void *input, gsize size, guint n_outputs,
               guint8 *ret);

/* STUN's (RFC 8489 §14.5, §14.6, §9.2.2) */
void stile_hmac_sha1(const void *key, gsize key_size, const StilePart *parts, guint n_parts,
                     guint8 ret[STILE_SHA1_SIZE]);
void stile_hmac_sha256(const void *key, gsize key_size, const StilePart *parts, guint n_parts,
                       guint8 ret[STILE_SHA256_SIZE]);
void stile_md5(const void *data, gsize size, guint8 ret[STILE_MD5_SIZE]);
void stile_sha256(const void *data, gsize size, guint8 ret[STILE_SHA256_SIZE]);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define STILE_AEAD_KEY_SIZE    32
#define STILE_AEAD_TAG_SIZE    16
#define STILE_XAEAD_NONCE_SIZE 24

/**
 * StileAead:
 *
 * ChaCha20-Poly1305 (RFC 8439) under one key, the contexts kept and reused; the nonce is Noise's
 * and WireGuard's: 32 zero bits and a 64-bit little-endian counter. Not thread-safe.
 */
typedef struct _StileAead StileAead;

StileAead *stile_aead_new(const guint8 key[STILE_AEAD_KEY_SIZE]);
/** The same for many messages in one thread: takes the fastest way there is, which may cost that
 * thread some memory once. */
StileAead *stile_aead_new_bulk(const guint8 key[STILE_AEAD_KEY_SIZE]);
void stile_aead_free(StileAead *aead);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileAead, stile_aead_free)

/** Encrypts @size bytes from @in to @out (may be the same) and writes the tag behind them. */
void stile_aead_seal(StileAead *aead, guint64 counter, const void *ad, gsize ad_size,
                     const guint8 *in, gsize size, guint8 *out);
/**
 * stile_aead_open:
 * @size: of @in with the tag
 *
 * Decrypts to @out (may be @in), @size - %STILE_AEAD_TAG_SIZE bytes.
 *
 * Returns: %FALSE when the tag is wrong or @size too small; what is in @out must not be used then
 */
gboolean stile_aead_open(StileAead *aead, guint64 counter, const void *ad, gsize ad_size,
                         const guint8 *in, gsize size, guint8 *out);

/* XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), for keys used with random nonces. */
void stile_xaead_seal(const guint8 key[STILE_AEAD_KEY_SIZE],
                      const guint8 nonce[STILE_XAEAD_NONCE_SIZE], const void *ad, gsize ad_size,
                      const guint8 *in, gsize size, guint8 *out);
gboolean stile_xaead_open(const guint8 key[STILE_AEAD_KEY_SIZE],
                          const guint8 nonce[STILE_XAEAD_NONCE_SIZE], const void *ad, gsize ad_size,
                          const guint8 *in, gsize size, guint8 *out);

G_END_DECLS

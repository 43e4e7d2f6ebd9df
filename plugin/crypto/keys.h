/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define STILE_KEY_SIZE       32 /* private and public, X25519 and Ed25519 alike */
#define STILE_SIGNATURE_SIZE 64
/* Base64 of a key, with padding, as `wg` writes it: 44 characters. */

/* X25519 (RFC 7748) */
void stile_x25519_generate(guint8 ret_private[STILE_KEY_SIZE]);
void stile_x25519_public(const guint8 private_key[STILE_KEY_SIZE],
                         guint8 ret_public[STILE_KEY_SIZE]);
/**
 * stile_x25519:
 *
 * Returns: %FALSE when @public_key has low order, so that the shared secret would be all zeros;
 *   @ret_shared is zeros then
 */
gboolean stile_x25519(const guint8 private_key[STILE_KEY_SIZE],
                      const guint8 public_key[STILE_KEY_SIZE], guint8 ret_shared[STILE_KEY_SIZE]);

/* Ed25519 (RFC 8032); a private key is the 32-byte seed */
void stile_ed25519_generate(guint8 ret_private[STILE_KEY_SIZE]);
void stile_ed25519_public(const guint8 private_key[STILE_KEY_SIZE],
                          guint8 ret_public[STILE_KEY_SIZE]);
void stile_ed25519_sign(const guint8 private_key[STILE_KEY_SIZE], const void *data, gsize size,
                        guint8 ret_signature[STILE_SIGNATURE_SIZE]);
gboolean stile_ed25519_verify(const guint8 public_key[STILE_KEY_SIZE], const void *data, gsize size,
                              const guint8 signature[STILE_SIGNATURE_SIZE]);

/** Returns: (transfer full): the key in base64, 44 characters */
char *stile_key_to_string(const guint8 key[STILE_KEY_SIZE]);
/** Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_key_parse(guint8 ret_key[STILE_KEY_SIZE], const char *text, GError **error);

/* Public keys as keys of a GHashTable. They are as good as random already: any part is a hash. */
guint stile_key_hash(gconstpointer key);
gboolean stile_key_equal(gconstpointer a, gconstpointer b);

/** Returns: whether equal; takes the same time wherever they differ */
gboolean stile_memory_equal(const void *a, const void *b, gsize size);
/** Overwrites a secret; not optimised away. */
void stile_memory_wipe(void *memory, gsize size);

G_END_DECLS

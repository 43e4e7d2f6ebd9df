/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/keys.h"

#include "base/error.h"
#include "crypto/algorithms.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

/* g_base64_encode() of 32 bytes */
#define KEY_TEXT_LENGTH 44

static void
generate(guint8 ret_private[STILE_KEY_SIZE])
{
    stile_crypto_must(RAND_priv_bytes(ret_private, STILE_KEY_SIZE) == 1, "random numbers");
}

static EVP_PKEY *
private_new(int type, const guint8 key[STILE_KEY_SIZE])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(type, NULL, key, STILE_KEY_SIZE);

    stile_crypto_must(pkey != NULL, "Curve25519");
    return pkey;
}

static void
public_of(int type, const guint8 private_key[STILE_KEY_SIZE], guint8 ret_public[STILE_KEY_SIZE])
{
    EVP_PKEY *pkey = private_new(type, private_key);
    size_t size = STILE_KEY_SIZE;

    stile_crypto_must(EVP_PKEY_get_raw_public_key(pkey, ret_public, &size) == 1, "a public key");
    EVP_PKEY_free(pkey);
}

void
stile_x25519_generate(guint8 ret_private[STILE_KEY_SIZE])
{
    generate(ret_private);
    /* Clamped as `wg genkey` does, so that the stored key is the one that is used (RFC 7748 §5). */
    ret_private[0] &= 248;
    ret_private[31] = (ret_private[31] & 127) | 64;
}

void
stile_x25519_public(const guint8 private_key[STILE_KEY_SIZE], guint8 ret_public[STILE_KEY_SIZE])
{
    public_of(EVP_PKEY_X25519, private_key, ret_public);
}

gboolean
stile_x25519(const guint8 private_key[STILE_KEY_SIZE], const guint8 public_key[STILE_KEY_SIZE],
             guint8 ret_shared[STILE_KEY_SIZE])
{
    EVP_PKEY *mine = private_new(EVP_PKEY_X25519, private_key);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key,
                                                   STILE_KEY_SIZE);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
    guint8 shared[STILE_KEY_SIZE] = {0};
    size_t size = sizeof shared;
    gboolean ok;

    stile_crypto_must(theirs && context && EVP_PKEY_derive_init(context) == 1, "X25519");
    /* libcrypto refuses the all-zero result itself, as RFC 7748 §6.1 allows. */
    ok = EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
         EVP_PKEY_derive(context, shared, &size) == 1 && size == sizeof shared;
    if (!ok) {
        memset(shared, 0, sizeof shared);
        ERR_clear_error();
    }
    memcpy(ret_shared, shared, sizeof shared);
    stile_memory_wipe(shared, sizeof shared);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(mine);
    return ok;
}

void
stile_ed25519_generate(guint8 ret_private[STILE_KEY_SIZE])
{
    generate(ret_private);
}

void
stile_ed25519_public(const guint8 private_key[STILE_KEY_SIZE], guint8 ret_public[STILE_KEY_SIZE])
{
    public_of(EVP_PKEY_ED25519, private_key, ret_public);
}

void
stile_ed25519_sign(const guint8 private_key[STILE_KEY_SIZE], const void *data, gsize size,
                   guint8 ret_signature[STILE_SIGNATURE_SIZE])
{
    EVP_PKEY *pkey = private_new(EVP_PKEY_ED25519, private_key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t signature_size = STILE_SIGNATURE_SIZE;

    stile_crypto_must(context && EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) == 1 &&
                          EVP_DigestSign(context, ret_signature, &signature_size, data, size) == 1,
                      "Ed25519 signatures");
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
}

gboolean
stile_ed25519_verify(const guint8 public_key[STILE_KEY_SIZE], const void *data, gsize size,
                     const guint8 signature[STILE_SIGNATURE_SIZE])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
                                                 STILE_KEY_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    gboolean ok;

    stile_crypto_must(pkey && context, "Ed25519");
    ok = EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
         EVP_DigestVerify(context, signature, STILE_SIGNATURE_SIZE, data, size) == 1;
    if (!ok)
        ERR_clear_error();
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return ok;
}

char *
stile_key_to_string(const guint8 key[STILE_KEY_SIZE])
{
    return g_base64_encode(key, STILE_KEY_SIZE);
}

gboolean
stile_key_parse(guint8 ret_key[STILE_KEY_SIZE], const char *text, GError **error)
{
    g_autofree char *again = NULL;
    g_autofree guint8 *key = NULL;
    gsize size = 0;

    if (strlen(text) == KEY_TEXT_LENGTH)
        key = g_base64_decode(text, &size);
    if (size == STILE_KEY_SIZE)
        again = stile_key_to_string(key);
    /* The decoder skips what is not base64, and drops bits: only what we would write is a key. */
    if (g_strcmp0(again, text) != 0) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "A key is 44 characters of base64");
        return FALSE;
    }
    memcpy(ret_key, key, STILE_KEY_SIZE);
    stile_memory_wipe(key, size);
    stile_memory_wipe(again, KEY_TEXT_LENGTH);
    return TRUE;
}

gboolean
stile_memory_equal(const void *a, const void *b, gsize size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

void
stile_memory_wipe(void *memory, gsize size)
{
    OPENSSL_cleanse(memory, size);
}

guint
stile_key_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof hash);
    return hash;
}

gboolean
stile_key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, STILE_KEY_SIZE) == 0;
}

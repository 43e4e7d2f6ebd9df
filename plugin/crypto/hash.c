/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/hash.h"

#include "crypto/algorithms.h"
#include "crypto/keys.h"
#include <openssl/core_names.h>
#include <string.h>

/* The block of every hash here is 64 bytes, or less for none of them. */
#define BLOCK_SIZE  64
#define DIGEST_SIZE 32

static void
digest(EVP_MD_CTX *context, const EVP_MD *md, const StilePart *first, const StilePart *parts,
       guint n_parts, guint8 *ret)
{
    gboolean ok = EVP_DigestInit_ex2(context, md, NULL) == 1;

    if (first)
        ok = ok && EVP_DigestUpdate(context, first->data, first->size) == 1;
    for (guint i = 0; i < n_parts; i++)
        ok = ok && EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1;
    ok = ok && EVP_DigestFinal_ex(context, ret, NULL) == 1;
    stile_crypto_must(ok, "a hash");
}

static void
digest_once(const EVP_MD *md, const StilePart *parts, guint n_parts, guint8 *ret)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    stile_crypto_must(context != NULL, "a hash");
    digest(context, md, NULL, parts, n_parts, ret);
    EVP_MD_CTX_free(context);
}

/* RFC 2104, by hand: libcrypto's EVP_MAC looks the hash up by its name each time it gets a key. */
static void
hmac(const EVP_MD *md, const void *key, gsize key_size, const StilePart *parts, guint n_parts,
     guint8 *ret)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    guint8 block[BLOCK_SIZE] = {0};
    guint8 inner[DIGEST_SIZE];
    const StilePart pad = {block, sizeof block};
    const StilePart rest = {inner, (gsize)EVP_MD_get_size(md)};

    stile_crypto_must(context != NULL, "HMAC");
    if (key_size > sizeof block)
        digest(context, md, NULL, &(StilePart){key, key_size}, 1, block);
    else if (key_size > 0)
        memcpy(block, key, key_size);
    for (gsize i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    digest(context, md, &pad, parts, n_parts, inner);
    for (gsize i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    digest(context, md, &pad, &rest, 1, ret);
    stile_memory_wipe(block, sizeof block);
    stile_memory_wipe(inner, sizeof inner);
    EVP_MD_CTX_free(context);
}

void
stile_blake2s(const StilePart *parts, guint n_parts, guint8 ret[STILE_BLAKE2S_SIZE])
{
    digest_once(stile_algorithms()->blake2s, parts, n_parts, ret);
}

void
stile_blake2s_mac(const void *key, gsize key_size, const void *data, gsize size,
                  guint8 ret[STILE_MAC_SIZE])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(stile_algorithms()->blake2s_mac);
    size_t mac_size = STILE_MAC_SIZE;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &mac_size),
        OSSL_PARAM_construct_end(),
    };

    stile_crypto_must(context && EVP_MAC_init(context, key, key_size, params) == 1 &&
                          EVP_MAC_update(context, data, size) == 1 &&
                          EVP_MAC_final(context, ret, &mac_size, STILE_MAC_SIZE) == 1,
                      "keyed BLAKE2s");
    EVP_MAC_CTX_free(context);
}

void
stile_kdf(const guint8 key[STILE_BLAKE2S_SIZE], const void *input, gsize size, guint n_outputs,
          guint8 *ret)
{
    const EVP_MD *md = stile_algorithms()->blake2s;
    const StilePart whole = {input, size};
    guint8 secret[STILE_BLAKE2S_SIZE];
    const guint8 *previous = NULL;

    g_assert(n_outputs >= 1 && n_outputs <= 3);
    hmac(md, key, STILE_BLAKE2S_SIZE, &whole, 1, secret);
    for (guint8 i = 1; i <= n_outputs; i++) {
        const StilePart parts[] = {{previous, previous ? STILE_BLAKE2S_SIZE : 0}, {&i, 1}};

        hmac(md, secret, sizeof secret, parts, G_N_ELEMENTS(parts), ret);
        previous = ret;
        ret += STILE_BLAKE2S_SIZE;
    }
    stile_memory_wipe(secret, sizeof secret);
}

void
stile_hmac_sha1(const void *key, gsize key_size, const StilePart *parts, guint n_parts,
                guint8 ret[STILE_SHA1_SIZE])
{
    hmac(stile_algorithms()->sha1, key, key_size, parts, n_parts, ret);
}

void
stile_hmac_sha256(const void *key, gsize key_size, const StilePart *parts, guint n_parts,
                  guint8 ret[STILE_SHA256_SIZE])
{
    hmac(stile_algorithms()->sha256, key, key_size, parts, n_parts, ret);
}

void
stile_md5(const void *data, gsize size, guint8 ret[STILE_MD5_SIZE])
{
    digest_once(stile_algorithms()->md5, &(StilePart){data, size}, 1, ret);
}

void
stile_sha256(const void *data, gsize size, guint8 ret[STILE_SHA256_SIZE])
{
    digest_once(stile_algorithms()->sha256, &(StilePart){data, size}, 1, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/aead.h"

#include "crypto/aead-wide.h"
#include "crypto/algorithms.h"
#include "crypto/keys.h"
#include <string.h>

#define CHACHA_BLOCK    64
#define CHACHA_IV       16 /* libcrypto's: a 32-bit block counter, then RFC 8439's nonce */
#define POLY_KEY        32
#define POLY_BLOCK      16
#define SCRATCH_STEP    2048
#define XNONCE_PREFIX   16 /* of the nonce: goes into the subkey */
#define CHACHA_CONSTANT "expand 32-byte k"

/*
 * One ChaCha20 call for the block that gives the Poly1305 key and for the data behind it keeps the
 * wide assembly busy; libcrypto's own AEAD makes two of it, and is a quarter slower on packets.
 */
struct _StileAead {
    guint8 key[STILE_AEAD_KEY_SIZE];
    gboolean bulk;
    EVP_CIPHER_CTX *chacha20; /* these two when they are needed */
    EVP_MAC_CTX *poly1305;
};

/* A block for the Poly1305 key, then the data: of each thread, not of each key. */
typedef struct {
    gsize size;
    guint8 *bytes;
} Scratch;

static EVP_CIPHER_CTX *
chacha20_new(const guint8 key[STILE_AEAD_KEY_SIZE])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

    stile_crypto_must(
        context && EVP_EncryptInit_ex2(context, stile_algorithms()->chacha20, key, NULL, NULL) == 1,
        "ChaCha20");
    return context;
}

static void
chacha20(EVP_CIPHER_CTX *context, const guint8 iv[CHACHA_IV], guint8 *in_out, gsize size)
{
    int written;

    g_assert(size <= G_MAXINT);
    stile_crypto_must(EVP_EncryptInit_ex2(context, NULL, NULL, iv, NULL) == 1 &&
                          EVP_EncryptUpdate(context, in_out, &written, in_out, (int)size) == 1,
                      "ChaCha20");
}

StileAead *
stile_aead_new(const guint8 key[STILE_AEAD_KEY_SIZE])
{
    StileAead *aead = g_new0(StileAead, 1);

    memcpy(aead->key, key, STILE_AEAD_KEY_SIZE);
    return aead;
}

StileAead *
stile_aead_new_bulk(const guint8 key[STILE_AEAD_KEY_SIZE])
{
    StileAead *aead = stile_aead_new(key);

    aead->bulk = TRUE;
    return aead;
}

void
stile_aead_free(StileAead *aead)
{
    if (!aead)
        return;
    EVP_CIPHER_CTX_free(aead->chacha20);
    EVP_MAC_CTX_free(aead->poly1305);
    stile_memory_wipe(aead, sizeof *aead);
    g_free(aead);
}

static void
make_contexts(StileAead *aead)
{
    if (aead->chacha20)
        return;
    aead->chacha20 = chacha20_new(aead->key);
    aead->poly1305 = EVP_MAC_CTX_new(stile_algorithms()->poly1305);
    stile_crypto_must(aead->poly1305 != NULL, "Poly1305");
}

static void
scratch_free(gpointer data)
{
    Scratch *scratch = data;

    stile_memory_wipe(scratch->bytes, scratch->size);
    g_free(scratch->bytes);
    g_free(scratch);
}

/* Returns: (transfer none): this thread's, for @size bytes behind the block */
static guint8 *
get_scratch(gsize size)
{
    static GPrivate scratches = G_PRIVATE_INIT(scratch_free);
    Scratch *scratch = g_private_get(&scratches);
    gsize wanted = CHACHA_BLOCK + size;

    if (!scratch || scratch->size < wanted) {
        scratch = g_new(Scratch, 1);
        scratch->size = (wanted + SCRATCH_STEP - 1) / SCRATCH_STEP * SCRATCH_STEP;
        scratch->bytes = g_malloc(scratch->size);
        g_private_replace(&scratches, scratch);
    }
    return scratch->bytes;
}

/* Key stream over a block of zeros and @in, into the scratch, which is returned. */
static guint8 *
crypt(StileAead *aead, guint64 counter, const guint8 *in, gsize size)
{
    guint64 nonce = GUINT64_TO_LE(counter);
    guint8 iv[CHACHA_IV] = {0}, *scratch = get_scratch(size);

    make_contexts(aead);
    memcpy(iv + CHACHA_IV - sizeof nonce, &nonce, sizeof nonce);
    memset(scratch, 0, CHACHA_BLOCK);
    if (size > 0)
        memcpy(scratch + CHACHA_BLOCK, in, size);
    chacha20(aead->chacha20, iv, scratch, CHACHA_BLOCK + size);
    return scratch;
}

/* RFC 8439 §2.8. @key: the one-time key, where crypt() left it */
static void
authenticate(StileAead *aead, const guint8 *key, const void *ad, gsize ad_size,
             const guint8 *sealed, gsize size, guint8 ret_tag[STILE_AEAD_TAG_SIZE])
{
    static const guint8 zeros[POLY_BLOCK];
    guint8 tail[POLY_BLOCK + 2 * sizeof(guint64)] = {0};
    gsize padding = -size % POLY_BLOCK;
    guint64 sizes[] = {GUINT64_TO_LE(ad_size), GUINT64_TO_LE(size)};
    size_t tag_size;
    gboolean ok = EVP_MAC_init(aead->poly1305, key, POLY_KEY, NULL) == 1;

    if (ad_size > 0)
        ok = ok && EVP_MAC_update(aead->poly1305, ad, ad_size) == 1 &&
             EVP_MAC_update(aead->poly1305, zeros, -ad_size % POLY_BLOCK) == 1;
    if (size > 0)
        ok = ok && EVP_MAC_update(aead->poly1305, sealed, size) == 1;
    memcpy(tail + padding, sizes, sizeof sizes);
    ok = ok && EVP_MAC_update(aead->poly1305, tail, padding + sizeof sizes) == 1 &&
         EVP_MAC_final(aead->poly1305, ret_tag, &tag_size, STILE_AEAD_TAG_SIZE) == 1;
    stile_crypto_must(ok, "Poly1305");
}

void
stile_aead_seal(StileAead *aead, guint64 counter, const void *ad, gsize ad_size, const guint8 *in,
                gsize size, guint8 *out)
{
    const guint8 *block;

    if (aead->bulk &&
        stile_aead_wide(TRUE, aead->key, counter, ad, ad_size, in, size, out, out + size))
        return;
    block = crypt(aead, counter, in, size);
    if (size > 0)
        memcpy(out, block + CHACHA_BLOCK, size);
    authenticate(aead, block, ad, ad_size, block + CHACHA_BLOCK, size, out + size);
}

gboolean
stile_aead_open(StileAead *aead, guint64 counter, const void *ad, gsize ad_size, const guint8 *in,
                gsize size, guint8 *out)
{
    guint8 tag[STILE_AEAD_TAG_SIZE];
    const guint8 *block;

    if (size < STILE_AEAD_TAG_SIZE)
        return FALSE;
    size -= STILE_AEAD_TAG_SIZE;
    if (aead->bulk && stile_aead_wide(FALSE, aead->key, counter, ad, ad_size, in, size, out, tag))
        return stile_memory_equal(tag, in + size, sizeof tag);
    block = crypt(aead, counter, in, size);
    authenticate(aead, block, ad, ad_size, in, size, tag);
    if (!stile_memory_equal(tag, in + size, sizeof tag))
        return FALSE;
    if (size > 0)
        memcpy(out, block + CHACHA_BLOCK, size);
    return TRUE;
}

/*
 * HChaCha20 is a ChaCha20 block without the last step, the addition of the initial state; so it can
 * be had from the key stream by taking those words off again (draft-irtf-cfrg-xchacha-03 §2.2).
 */
static void
hchacha20(const guint8 key[STILE_AEAD_KEY_SIZE], const guint8 nonce[XNONCE_PREFIX],
          guint8 ret_key[STILE_AEAD_KEY_SIZE])
{
    EVP_CIPHER_CTX *context = chacha20_new(key);
    guint8 block[CHACHA_BLOCK] = {0};
    guint32 words[CHACHA_BLOCK / 4], start[4], end[4];

    chacha20(context, nonce, block, sizeof block);
    EVP_CIPHER_CTX_free(context);
    memcpy(words, block, sizeof words);
    memcpy(start, CHACHA_CONSTANT, sizeof start);
    memcpy(end, nonce, sizeof end);
    for (gsize i = 0; i < 4; i++) {
        start[i] = GUINT32_TO_LE(GUINT32_FROM_LE(words[i]) - GUINT32_FROM_LE(start[i]));
        end[i] = GUINT32_TO_LE(GUINT32_FROM_LE(words[12 + i]) - GUINT32_FROM_LE(end[i]));
    }
    memcpy(ret_key, start, sizeof start);
    memcpy(ret_key + sizeof start, end, sizeof end);
    stile_memory_wipe(block, sizeof block);
    stile_memory_wipe(words, sizeof words);
    stile_memory_wipe(start, sizeof start);
    stile_memory_wipe(end, sizeof end);
}

/* The rest of the nonce stands where the counter does: behind 32 zero bits. */
static StileAead *
xaead_new(const guint8 key[STILE_AEAD_KEY_SIZE], const guint8 nonce[STILE_XAEAD_NONCE_SIZE],
          guint64 *ret_counter)
{
    guint8 subkey[STILE_AEAD_KEY_SIZE];
    StileAead *aead;

    hchacha20(key, nonce, subkey);
    aead = stile_aead_new(subkey);
    stile_memory_wipe(subkey, sizeof subkey);
    memcpy(ret_counter, nonce + XNONCE_PREFIX, sizeof *ret_counter);
    *ret_counter = GUINT64_FROM_LE(*ret_counter);
    return aead;
}

void
stile_xaead_seal(const guint8 key[STILE_AEAD_KEY_SIZE], const guint8 nonce[STILE_XAEAD_NONCE_SIZE],
                 const void *ad, gsize ad_size, const guint8 *in, gsize size, guint8 *out)
{
    guint64 counter;
    g_autoptr(StileAead) aead = xaead_new(key, nonce, &counter);

    stile_aead_seal(aead, counter, ad, ad_size, in, size, out);
}

gboolean
stile_xaead_open(const guint8 key[STILE_AEAD_KEY_SIZE], const guint8 nonce[STILE_XAEAD_NONCE_SIZE],
                 const void *ad, gsize ad_size, const guint8 *in, gsize size, guint8 *out)
{
    guint64 counter;
    g_autoptr(StileAead) aead = xaead_new(key, nonce, &counter);

    return stile_aead_open(aead, counter, ad, ad_size, in, size, out);
}

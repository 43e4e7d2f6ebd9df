/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes the place of plugin/crypto/aead.c in tests/bench/wg-peer-plain alone, the crypto-free
 * ceiling of the bench: what the data plane would do if sealing cost nothing. No library and no
 * service links it.
 */
#include "crypto/aead.h"

#include <string.h>

struct _StileAead {
    guint8 unused;
};

StileAead *
stile_aead_new(const guint8 key[STILE_AEAD_KEY_SIZE])
{
    return g_new0(StileAead, 1);
}

StileAead *
stile_aead_new_bulk(const guint8 key[STILE_AEAD_KEY_SIZE])
{
    return stile_aead_new(key);
}

void
stile_aead_free(StileAead *aead)
{
    g_free(aead);
}

void
stile_aead_seal(StileAead *aead, guint64 counter, const void *ad, gsize ad_size, const guint8 *in,
                gsize size, guint8 *out)
{
    if (out != in && size > 0)
        memmove(out, in, size);
    memset(out + size, 0, STILE_AEAD_TAG_SIZE);
}

gboolean
stile_aead_open(StileAead *aead, guint64 counter, const void *ad, gsize ad_size, const guint8 *in,
                gsize size, guint8 *out)
{
    if (size < STILE_AEAD_TAG_SIZE)
        return FALSE;
    if (out != in && size > STILE_AEAD_TAG_SIZE)
        memmove(out, in, size - STILE_AEAD_TAG_SIZE);
    return TRUE;
}

void
stile_xaead_seal(const guint8 key[STILE_AEAD_KEY_SIZE], const guint8 nonce[STILE_XAEAD_NONCE_SIZE],
                 const void *ad, gsize ad_size, const guint8 *in, gsize size, guint8 *out)
{
    stile_aead_seal(NULL, 0, ad, ad_size, in, size, out);
}

gboolean
stile_xaead_open(const guint8 key[STILE_AEAD_KEY_SIZE], const guint8 nonce[STILE_XAEAD_NONCE_SIZE],
                 const void *ad, gsize ad_size, const guint8 *in, gsize size, guint8 *out)
{
    return stile_aead_open(NULL, 0, ad, ad_size, in, size, out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/algorithms.h"

#include <openssl/err.h>

void
stile_crypto_must(gboolean ok, const char *what)
{
    char reason[256];

    if (G_LIKELY(ok))
        return;
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
    g_error("libcrypto cannot do %s: %s", what, reason);
}

static gpointer
fetch(gpointer data)
{
    static StileAlgorithms fetched;

    fetched.blake2s = EVP_MD_fetch(NULL, "BLAKE2S-256", NULL);
    stile_crypto_must(fetched.blake2s != NULL, "BLAKE2s");
    fetched.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    stile_crypto_must(fetched.sha1 != NULL, "SHA-1");
    fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    stile_crypto_must(fetched.sha256 != NULL, "SHA-256");
    fetched.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    stile_crypto_must(fetched.md5 != NULL, "MD5");
    fetched.blake2s_mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
    stile_crypto_must(fetched.blake2s_mac != NULL, "keyed BLAKE2s");
    fetched.poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);
    stile_crypto_must(fetched.poly1305 != NULL, "Poly1305");
    fetched.chacha20 = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL);
    stile_crypto_must(fetched.chacha20 != NULL, "ChaCha20");
    return &fetched;
}

const StileAlgorithms *
stile_algorithms(void)
{
    static GOnce once = G_ONCE_INIT;

    return g_once(&once, fetch, NULL);
}

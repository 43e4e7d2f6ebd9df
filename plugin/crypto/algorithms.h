/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <openssl/evp.h>

G_BEGIN_DECLS

/*
 * For the files of crypto/ only: libcrypto's algorithms, fetched once, because looking one up by
 * name takes longer than hashing a packet with it. They are constant from then on, for all threads.
 */
typedef struct {
    EVP_MD *blake2s;
    EVP_MD *sha1;
    EVP_MD *sha256;
    EVP_MD *md5;
    EVP_MAC *blake2s_mac;
    EVP_MAC *poly1305;
    EVP_CIPHER *chacha20;
} StileAlgorithms;

const StileAlgorithms *stile_algorithms(void);

/**
 * stile_crypto_must:
 * @ok: what a function of libcrypto returned that fails only without memory or when it was
 *   configured to lack what we need; going on would mean to send something unprotected
 *
 * Ends the process, with libcrypto's words, unless @ok.
 */
void stile_crypto_must(gboolean ok, const char *what);

G_END_DECLS

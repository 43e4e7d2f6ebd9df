/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/noise.h"

G_BEGIN_DECLS

/*
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (Noise revision 34, §7.5 and §9), with any prologue and
 * payloads:
 *
 *   <- s
 *   ...
 *   -> e, es, s, ss
 *   <- e, ee, se, psk
 *
 * Bytes in, bytes out: ephemeral keys are arguments, so that test vectors can be followed. The
 * shared secret of the two static keys is an argument as well: it never changes, so that whoever
 * knows it need not compute it for each handshake.
 */

/* What the two messages add to their payloads. */
#define STILE_IKPSK2_FIRST_OVERHEAD                                                                \
    (STILE_KEY_SIZE + STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE + STILE_AEAD_TAG_SIZE)
#define STILE_IKPSK2_SECOND_OVERHEAD (STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE)

/* On the stack or in a handshake; wipe it with stile_ikpsk2_clear(). After a function has returned
 * %FALSE nothing can be done with it but that. */
typedef struct {
    StileNoise noise;
    guint8 ephemeral[STILE_KEY_SIZE];        /* of the initiator, private; at the initiator */
    guint8 remote_ephemeral[STILE_KEY_SIZE]; /* of the initiator; at the responder */
} StileIkpsk2;

void stile_ikpsk2_init(StileIkpsk2 *state, const void *prologue, gsize prologue_size,
                       const guint8 responder[STILE_KEY_SIZE]);
void stile_ikpsk2_clear(StileIkpsk2 *state);

/** @initiator: public. Writes @size + %STILE_IKPSK2_FIRST_OVERHEAD bytes. */
gboolean stile_ikpsk2_write_first(StileIkpsk2 *state, const guint8 ephemeral[STILE_KEY_SIZE],
                                  const guint8 initiator[STILE_KEY_SIZE],
                                  const guint8 responder[STILE_KEY_SIZE],
                                  const guint8 static_static[STILE_KEY_SIZE], const guint8 *payload,
                                  gsize size, guint8 *out);

/**
 * stile_ikpsk2_read_who:
 * @private_key: of the responder
 * @in: the first message, at least %STILE_IKPSK2_FIRST_OVERHEAD bytes
 * @ret_initiator: (out): who claims to be asking. Not proven before the payload was opened
 */
gboolean stile_ikpsk2_read_who(StileIkpsk2 *state, const guint8 private_key[STILE_KEY_SIZE],
                               const guint8 *in, guint8 ret_initiator[STILE_KEY_SIZE]);
/** The rest of the first message: @size bytes of @in give the payload without the overhead. */
gboolean stile_ikpsk2_read_first(StileIkpsk2 *state, const guint8 static_static[STILE_KEY_SIZE],
                                 const guint8 *in, gsize size, guint8 *payload);

/** @initiator: public. Writes @size + %STILE_IKPSK2_SECOND_OVERHEAD bytes. */
gboolean stile_ikpsk2_write_second(StileIkpsk2 *state, const guint8 ephemeral[STILE_KEY_SIZE],
                                   const guint8 initiator[STILE_KEY_SIZE],
                                   const guint8 preshared[STILE_KEY_SIZE], const guint8 *payload,
                                   gsize size, guint8 *out);
/** @private_key: of the initiator; @in: @size bytes, at least %STILE_IKPSK2_SECOND_OVERHEAD */
gboolean stile_ikpsk2_read_second(StileIkpsk2 *state, const guint8 private_key[STILE_KEY_SIZE],
                                  const guint8 preshared[STILE_KEY_SIZE], const guint8 *in,
                                  gsize size, guint8 *payload);

G_END_DECLS

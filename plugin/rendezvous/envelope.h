/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/keys.h"
#include "rendezvous/topics.h"

G_BEGIN_DECLS

/*
 * Sealing and opening what goes over a broker. Pure: no clock, no memory of what was opened before;
 * attendance.h and freshness.h keep what is old out. An envelope opens only under the topic that it
 * was sealed for.
 */

#define STILE_PRESENCE_MAX (16 * 1024) /* payload */
#define STILE_MESSAGE_MAX  (16 * 1024) /* payload */
#define STILE_PACKET_MAX   65535

/* The keys of one network's envelopes. Wipe it. */
typedef struct {
    guint8 presence[STILE_KEY_SIZE];
    guint8 packet[STILE_KEY_SIZE];
    StileTopics topics;
} StileEnvelopes;

void stile_envelopes_init(StileEnvelopes *envelopes, const guint8 network_key[STILE_KEY_SIZE]);

/* Keeps what was opened. */
typedef struct {
    guint8 *plain;
    const guint8 *payload; /* in @plain */
    gsize size;
} StileOpened;

void stile_opened_clear(StileOpened *opened);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileOpened, stile_opened_clear)

/**
 * StilePresenceStamp:
 * @device: Ed25519 public key: whose it is
 * @epoch: when the connection began that it was published on
 * @life: when the device's rendezvous began; the same on all brokers
 * @sequence: grows within @life with every change
 * @gone: the device is not reachable over this connection any more; the payload is what it said
 *   before
 *
 * Whose a presence is, and its place in the order of presences.
 */
typedef struct {
    guint8 device[STILE_KEY_SIZE];
    guint64 epoch;
    guint64 life;
    guint64 sequence;
    gboolean gone;
} StilePresenceStamp;

/** @random: 24 fresh random bytes. Returns: (transfer full): for the presence topic of the device
 */
GByteArray *stile_envelope_seal_presence(const StileEnvelopes *envelopes,
                                         const StilePresenceStamp *presence,
                                         const guint8 device_key[STILE_KEY_SIZE],
                                         const guint8 *random, const guint8 *payload, gsize size);
/**
 * stile_envelope_open_presence:
 * @tag: of the topic it came on
 *
 * Checks the seal, the signature, and that it is about the device whose topic it came on.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT (altered, malformed, of another topic),
 * %STILE_ERROR_NOT_AUTHORIZED (the signature)
 */
gboolean stile_envelope_open_presence(const StileEnvelopes *envelopes, const StileTag *tag,
                                      const guint8 *data, gsize size, StilePresenceStamp *ret,
                                      StileOpened *ret_opened, GError **error);

/**
 * StileMessageStamp:
 * @sender: X25519 public key, proven
 * @recipient_life: the life of the recipient that it is meant for
 * @life, @counter: of the sender; the counter grows within the life
 *
 * Whose a message is, and its place in the order of messages.
 */
typedef struct {
    guint8 sender[STILE_KEY_SIZE];
    guint64 recipient_life;
    guint64 life;
    guint64 counter;
} StileMessageStamp;

/**
 * stile_envelope_seal_message:
 * @message: @message->sender is not used
 * @tag: of the recipient
 *
 * Returns: (transfer full) (nullable): %NULL when @recipient is a key of low order
 */
GByteArray *stile_envelope_seal_message(const StileEnvelopes *envelopes,
                                        const StileMessageStamp *message, const StileTag *tag,
                                        const guint8 sender_key[STILE_KEY_SIZE],
                                        const guint8 recipient[STILE_KEY_SIZE],
                                        const guint8 *payload, gsize size);
/** Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_envelope_open_message(const StileEnvelopes *envelopes, const StileTag *tag,
                                     const guint8 recipient_key[STILE_KEY_SIZE], const guint8 *data,
                                     gsize size, StileMessageStamp *ret, StileOpened *ret_opened,
                                     GError **error);

/** @random: 24 fresh random bytes. Returns: (transfer full): for the packet topic of @tag */
GByteArray *stile_envelope_seal_packet(const StileEnvelopes *envelopes, const StileTag *tag,
                                       const guint8 *random, const guint8 *data, gsize size);
/** Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_envelope_open_packet(const StileEnvelopes *envelopes, const StileTag *tag,
                                    const guint8 *data, gsize size, StileOpened *ret_opened,
                                    GError **error);

G_END_DECLS

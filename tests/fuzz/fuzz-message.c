/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a message and as a packet: as they come they must not open; sealed by a member they
 * open to what they are, or are refused. */
#include "crypto/noise.h"
#include "rendezvous/envelope.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CONTEXT "Stile message 1 "
#define HEAD    (1 + 3 * 8)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_packet(const StileEnvelopes *envelopes, const StileTag *tag, const guint8 *data, gsize size)
{
    static const guint8 nonce[STILE_XAEAD_NONCE_SIZE] = {3};
    g_auto(StileOpened) opened = {0};
    g_autoptr(GByteArray) sealed = NULL;

    g_assert(!stile_envelope_open_packet(envelopes, tag, data, size, &opened, NULL));
    sealed = stile_envelope_seal_packet(envelopes, tag, nonce, data, size);
    if (!stile_envelope_open_packet(envelopes, tag, sealed->data, sealed->len, &opened, NULL)) {
        g_assert(size > STILE_PACKET_MAX);
        return;
    }
    g_assert(opened.size == size && (size == 0 || memcmp(opened.payload, data, size) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const guint8 key[STILE_KEY_SIZE] = {1}, device[STILE_KEY_SIZE] = {2};
    static const guint8 sender[STILE_KEY_SIZE] = {4}, recipient[STILE_KEY_SIZE] = {5};
    static const guint8 ephemeral[STILE_KEY_SIZE] = {6};
    StileEnvelopes envelopes;
    g_autofree guint8 *sealed = g_malloc(size + STILE_NOISE_X_OVERHEAD);
    g_autofree char *topic = NULL;
    g_autofree char *prologue = NULL;
    g_auto(StileOpened) opened = {0};
    guint8 recipient_public[STILE_KEY_SIZE], sender_public[STILE_KEY_SIZE];
    StileMessageStamp message;
    StileTag tag;

    stile_envelopes_init(&envelopes, key);
    stile_topics_tag(&envelopes.topics, device, &tag);
    check_packet(&envelopes, &tag, data, size);
    g_assert(!stile_envelope_open_message(&envelopes, &tag, recipient, data, size, &message,
                                          &opened, NULL));

    topic = stile_topics_make(&envelopes.topics, STILE_TOPIC_INBOX, tag.text);
    prologue = g_strconcat(CONTEXT, topic, NULL);
    stile_x25519_public(recipient, recipient_public);
    stile_x25519_public(sender, sender_public);
    g_assert(stile_noise_x_seal(sender, recipient_public, ephemeral, prologue, strlen(prologue),
                                data, size, sealed));
    if (!stile_envelope_open_message(&envelopes, &tag, recipient, sealed,
                                     size + STILE_NOISE_X_OVERHEAD, &message, &opened, NULL)) {
        g_assert(size < HEAD || size > HEAD + STILE_MESSAGE_MAX || data[0] != 1);
        return 0;
    }
    g_assert(opened.size == size - HEAD);
    g_assert(opened.size == 0 || memcmp(opened.payload, data + HEAD, opened.size) == 0);
    g_assert(memcmp(message.sender, sender_public, STILE_KEY_SIZE) == 0);
    return 0;
}

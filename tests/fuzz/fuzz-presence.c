/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a presence: first as they come, which must not open; then sealed with the network's
 * key and signed by the device, as what a hostile member may send: what opens is sealed again to
 * the same bytes. */
#include "crypto/aead.h"
#include "rendezvous/envelope.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CONTEXT     "Stile presence 1"
#define DEVICE_AT   2
#define BODY_AT_MIN (DEVICE_AT + STILE_KEY_SIZE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
sign(const guint8 device_key[STILE_KEY_SIZE], const char *topic, GByteArray *body)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    guint8 signature[STILE_SIGNATURE_SIZE];

    g_byte_array_append(text, (const guint8 *)CONTEXT, sizeof CONTEXT);
    g_byte_array_append(text, (const guint8 *)topic, (guint)strlen(topic) + 1);
    g_byte_array_append(text, body->data, body->len);
    stile_ed25519_sign(device_key, text->data, text->len, signature);
    g_byte_array_append(body, signature, sizeof signature);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const guint8 key[STILE_KEY_SIZE] = {1}, device_key[STILE_KEY_SIZE] = {2};
    static const guint8 nonce[STILE_XAEAD_NONCE_SIZE] = {3};
    StileEnvelopes envelopes;
    g_autoptr(GByteArray) body = g_byte_array_new();
    g_autoptr(GByteArray) sealed = g_byte_array_new();
    g_autoptr(GByteArray) again = NULL;
    g_auto(StileOpened) opened = {0};
    g_autofree char *topic = NULL;
    guint8 device[STILE_KEY_SIZE];
    StilePresenceStamp presence;
    StileTag tag;

    stile_envelopes_init(&envelopes, key);
    stile_ed25519_public(device_key, device);
    stile_topics_tag(&envelopes.topics, device, &tag);
    topic = stile_topics_make(&envelopes.topics, STILE_TOPIC_PRESENCE, tag.text);
    g_assert(!stile_envelope_open_presence(&envelopes, &tag, data, size, &presence, &opened, NULL));

    g_byte_array_append(body, data, (guint)size);
    if (size >= BODY_AT_MIN)
        memcpy(body->data + DEVICE_AT, device, sizeof device);
    sign(device_key, topic, body);
    g_byte_array_append(sealed, nonce, sizeof nonce);
    g_byte_array_set_size(sealed, (guint)(sizeof nonce + body->len + STILE_AEAD_TAG_SIZE));
    stile_xaead_seal(envelopes.presence, nonce, topic, strlen(topic), body->data, body->len,
                     sealed->data + sizeof nonce);
    if (!stile_envelope_open_presence(&envelopes, &tag, sealed->data, sealed->len, &presence,
                                      &opened, NULL))
        return 0;
    g_assert(opened.size <= STILE_PRESENCE_MAX);
    again = stile_envelope_seal_presence(&envelopes, &presence, device_key, nonce, opened.payload,
                                         opened.size);
    g_assert(again->len == sealed->len && memcmp(again->data, sealed->data, again->len) == 0);
    return 0;
}

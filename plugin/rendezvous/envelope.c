/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/envelope.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/noise.h"
#include <string.h>

#define KEYS_CONTEXT      "Stile envelopes 1"
#define SIGNATURE_CONTEXT "Stile presence 1"
#define MESSAGE_CONTEXT   "Stile message 1"

#define FORMAT        1
#define KIND_PRESENT  1
#define KIND_GONE     2
#define BOX_OVERHEAD  (STILE_XAEAD_NONCE_SIZE + STILE_AEAD_TAG_SIZE)
#define PRESENCE_HEAD (1 + 1 + STILE_KEY_SIZE + 3 * 8)
#define MESSAGE_HEAD  (1 + 3 * 8)

void
stile_envelopes_init(StileEnvelopes *envelopes, const guint8 network_key[STILE_KEY_SIZE])
{
    const StilePart context = {KEYS_CONTEXT, strlen(KEYS_CONTEXT)};
    guint8 salt[STILE_BLAKE2S_SIZE], keys[2 * STILE_BLAKE2S_SIZE];

    stile_blake2s(&context, 1, salt);
    stile_kdf(salt, network_key, STILE_KEY_SIZE, 2, keys);
    memcpy(envelopes->presence, keys, STILE_KEY_SIZE);
    memcpy(envelopes->packet, keys + STILE_KEY_SIZE, STILE_KEY_SIZE);
    stile_memory_wipe(keys, sizeof keys);
    stile_topics_init(&envelopes->topics, network_key);
}

void
stile_opened_clear(StileOpened *opened)
{
    g_clear_pointer(&opened->plain, g_free);
    opened->payload = NULL;
    opened->size = 0;
}

static gboolean
refuse(GError **error, StileError code, const char *why)
{
    g_set_error_literal(error, STILE_ERROR, code, why);
    return FALSE;
}

/*
 * A box: nonce, ciphertext, tag; bound to the topic.
 */
static GByteArray *
seal_box(const guint8 key[STILE_KEY_SIZE], const char *topic, const guint8 *random,
         const guint8 *plain, gsize size)
{
    GByteArray *box = g_byte_array_sized_new((guint)(size + BOX_OVERHEAD));

    g_byte_array_append(box, random, STILE_XAEAD_NONCE_SIZE);
    g_byte_array_set_size(box, (guint)(size + BOX_OVERHEAD));
    stile_xaead_seal(key, random, topic, strlen(topic), plain, size,
                     box->data + STILE_XAEAD_NONCE_SIZE);
    return box;
}

static guint8 *
open_box(const guint8 key[STILE_KEY_SIZE], const char *topic, const guint8 *data, gsize size,
         gsize max, gsize *ret_size)
{
    g_autofree guint8 *plain = NULL;

    if (size < BOX_OVERHEAD || size - BOX_OVERHEAD > max)
        return NULL;
    plain = g_malloc(size - BOX_OVERHEAD + 1);
    if (!stile_xaead_open(key, data, topic, strlen(topic), data + STILE_XAEAD_NONCE_SIZE,
                          size - STILE_XAEAD_NONCE_SIZE, plain))
        return NULL;
    *ret_size = size - BOX_OVERHEAD;
    return g_steal_pointer(&plain);
}

/*
 * Presence: version, kind, device, epoch, life, sequence, payload, signature of the device over
 * context, topic and all before it. The topic in it keeps one network's presence out of another.
 */
static GByteArray *
to_be_signed(const char *topic, const guint8 *body, gsize size)
{
    GByteArray *bytes = g_byte_array_new();

    g_byte_array_append(bytes, (const guint8 *)SIGNATURE_CONTEXT, sizeof SIGNATURE_CONTEXT);
    g_byte_array_append(bytes, (const guint8 *)topic, (guint)strlen(topic) + 1);
    g_byte_array_append(bytes, body, (guint)size);
    return bytes;
}

GByteArray *
stile_envelope_seal_presence(const StileEnvelopes *envelopes, const StilePresenceStamp *presence,
                             const guint8 device_key[STILE_KEY_SIZE], const guint8 *random,
                             const guint8 *payload, gsize size)
{
    gsize body_size = PRESENCE_HEAD + size, plain_size = body_size + STILE_SIGNATURE_SIZE;
    g_autofree guint8 *plain = g_malloc(plain_size);
    StileWriter writer = STILE_WRITER_INIT(plain, body_size);
    g_autoptr(GByteArray) text = NULL;
    g_autofree char *topic = NULL;
    StileTag tag;

    stile_topics_tag(&envelopes->topics, presence->device, &tag);
    topic = stile_topics_make(&envelopes->topics, STILE_TOPIC_PRESENCE, tag.text);
    stile_writer_u8(&writer, FORMAT);
    stile_writer_u8(&writer, presence->gone ? KIND_GONE : KIND_PRESENT);
    stile_writer_bytes(&writer, presence->device, STILE_KEY_SIZE);
    stile_writer_u64be(&writer, presence->epoch);
    stile_writer_u64be(&writer, presence->life);
    stile_writer_u64be(&writer, presence->sequence);
    stile_writer_bytes(&writer, payload, size);
    text = to_be_signed(topic, plain, body_size);
    stile_ed25519_sign(device_key, text->data, text->len, plain + body_size);
    return seal_box(envelopes->presence, topic, random, plain, plain_size);
}

gboolean
stile_envelope_open_presence(const StileEnvelopes *envelopes, const StileTag *tag,
                             const guint8 *data, gsize size, StilePresenceStamp *ret,
                             StileOpened *ret_opened, GError **error)
{
    g_autofree char *topic = stile_topics_make(&envelopes->topics, STILE_TOPIC_PRESENCE, tag->text);
    gsize plain_size = 0, body_size;
    g_autofree guint8 *plain = open_box(envelopes->presence, topic, data, size,
                                        PRESENCE_HEAD + STILE_PRESENCE_MAX + STILE_SIGNATURE_SIZE,
                                        &plain_size);
    StilePresenceStamp presence;
    StileReader reader;
    StileTag own;
    guint8 version, kind;
    g_autoptr(GByteArray) text = NULL;

    if (!plain)
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT,
                      "a presence is not of this network, or was altered");
    if (plain_size < PRESENCE_HEAD + STILE_SIGNATURE_SIZE)
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT, "a presence is incomplete");
    body_size = plain_size - STILE_SIGNATURE_SIZE;
    reader = STILE_READER_INIT(plain, body_size);
    version = stile_reader_u8(&reader);
    kind = stile_reader_u8(&reader);
    stile_reader_copy(&reader, presence.device, STILE_KEY_SIZE);
    presence.epoch = stile_reader_u64be(&reader);
    presence.life = stile_reader_u64be(&reader);
    presence.sequence = stile_reader_u64be(&reader);
    presence.gone = kind == KIND_GONE;
    if (version != FORMAT || (kind != KIND_PRESENT && kind != KIND_GONE))
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT, "a presence is malformed");
    stile_topics_tag(&envelopes->topics, presence.device, &own);
    if (!g_str_equal(own.text, tag->text))
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT,
                      "a presence is about another device than its topic");
    text = to_be_signed(topic, plain, body_size);
    if (!stile_ed25519_verify(presence.device, text->data, text->len, plain + body_size))
        return refuse(error, STILE_ERROR_NOT_AUTHORIZED, "a presence is signed wrongly");

    *ret = presence;
    ret_opened->payload = reader.data;
    ret_opened->size = reader.left;
    ret_opened->plain = g_steal_pointer(&plain);
    return TRUE;
}

/*
 * Message: Noise X around version, the recipient's life, the sender's, counter, payload. The
 * prologue binds it to the inbox.
 */
static char *
message_prologue(const StileEnvelopes *envelopes, const StileTag *tag)
{
    g_autofree char *topic = stile_topics_make(&envelopes->topics, STILE_TOPIC_INBOX, tag->text);

    return g_strconcat(MESSAGE_CONTEXT, " ", topic, NULL);
}

GByteArray *
stile_envelope_seal_message(const StileEnvelopes *envelopes, const StileMessageStamp *message,
                            const StileTag *tag, const guint8 sender_key[STILE_KEY_SIZE],
                            const guint8 recipient[STILE_KEY_SIZE], const guint8 *payload,
                            gsize size)
{
    g_autofree char *prologue = message_prologue(envelopes, tag);
    gsize plain_size = MESSAGE_HEAD + size;
    g_autofree guint8 *plain = g_malloc(plain_size);
    StileWriter writer = STILE_WRITER_INIT(plain, plain_size);
    g_autoptr(GByteArray) sealed = g_byte_array_new();

    stile_writer_u8(&writer, FORMAT);
    stile_writer_u64be(&writer, message->recipient_life);
    stile_writer_u64be(&writer, message->life);
    stile_writer_u64be(&writer, message->counter);
    stile_writer_bytes(&writer, payload, size);
    g_byte_array_set_size(sealed, (guint)(plain_size + STILE_NOISE_X_OVERHEAD));
    if (!stile_noise_x_seal(sender_key, recipient, NULL, prologue, strlen(prologue), plain,
                            plain_size, sealed->data))
        return NULL;
    return g_steal_pointer(&sealed);
}

gboolean
stile_envelope_open_message(const StileEnvelopes *envelopes, const StileTag *tag,
                            const guint8 recipient_key[STILE_KEY_SIZE], const guint8 *data,
                            gsize size, StileMessageStamp *ret, StileOpened *ret_opened,
                            GError **error)
{
    g_autofree char *prologue = message_prologue(envelopes, tag);
    g_autofree guint8 *plain = NULL;
    StileMessageStamp message;
    StileReader reader;
    guint8 version;

    if (size < STILE_NOISE_X_OVERHEAD + MESSAGE_HEAD ||
        size > STILE_NOISE_X_OVERHEAD + MESSAGE_HEAD + STILE_MESSAGE_MAX)
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT, "a message has an impossible size");
    plain = g_malloc(size - STILE_NOISE_X_OVERHEAD);
    if (!stile_noise_x_open(recipient_key, prologue, strlen(prologue), data, size, message.sender,
                            plain))
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT,
                      "a message is not for us, or was altered");
    reader = STILE_READER_INIT(plain, size - STILE_NOISE_X_OVERHEAD);
    version = stile_reader_u8(&reader);
    message.recipient_life = stile_reader_u64be(&reader);
    message.life = stile_reader_u64be(&reader);
    message.counter = stile_reader_u64be(&reader);
    if (version != FORMAT)
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT, "a message is of an unknown version");

    *ret = message;
    ret_opened->payload = reader.data;
    ret_opened->size = reader.left;
    ret_opened->plain = g_steal_pointer(&plain);
    return TRUE;
}

GByteArray *
stile_envelope_seal_packet(const StileEnvelopes *envelopes, const StileTag *tag,
                           const guint8 *random, const guint8 *data, gsize size)
{
    g_autofree char *topic = stile_topics_make(&envelopes->topics, STILE_TOPIC_PACKETS, tag->text);

    return seal_box(envelopes->packet, topic, random, data, size);
}

gboolean
stile_envelope_open_packet(const StileEnvelopes *envelopes, const StileTag *tag, const guint8 *data,
                           gsize size, StileOpened *ret_opened, GError **error)
{
    g_autofree char *topic = stile_topics_make(&envelopes->topics, STILE_TOPIC_PACKETS, tag->text);
    gsize plain_size = 0;
    guint8 *plain = open_box(envelopes->packet, topic, data, size, STILE_PACKET_MAX, &plain_size);

    if (!plain)
        return refuse(error, STILE_ERROR_INVALID_ARGUMENT,
                      "a packet is not of this network, or was altered");
    *ret_opened = (StileOpened){.plain = plain, .payload = plain, .size = plain_size};
    return TRUE;
}

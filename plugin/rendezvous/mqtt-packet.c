/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/mqtt-packet.h"

#include "base/bytes.h"
#include "base/error.h"
#include <string.h>

#define PROTOCOL_NAME  "MQTT"
#define PROTOCOL_LEVEL 4

/* Connect flags, §3.1.2.3 */
#define CONNECT_CLEAN_SESSION 0x02
#define CONNECT_WILL          0x04
#define CONNECT_WILL_QOS(qos) ((qos) << 3)
#define CONNECT_WILL_RETAIN   0x20
#define CONNECT_PASSWORD      0x40
#define CONNECT_USER          0x80

/* Fixed header flags, §2.2.2 */
#define PUBLISH_RETAIN   0x01
#define PUBLISH_QOS(qos) ((qos) << 1)
#define PUBLISH_DUP      0x08
#define SUBSCRIBE_FLAGS  0x02

gsize
stile_mqtt_write_length(guint8 ret[STILE_MQTT_LENGTH_SIZE], guint32 length)
{
    gsize size = 0;

    g_return_val_if_fail(length <= STILE_MQTT_LENGTH_MAX, 0);
    do {
        ret[size] = length & 0x7f;
        length >>= 7;
        if (length)
            ret[size] |= 0x80;
        size++;
    } while (length);
    return size;
}

StileMqttStep
stile_mqtt_read_length(const guint8 *data, gsize size, guint32 *ret, gsize *ret_size)
{
    guint32 length = 0;

    for (gsize i = 0; i < STILE_MQTT_LENGTH_SIZE; i++) {
        if (i == size)
            return STILE_MQTT_STEP_MORE;
        length |= (guint32)(data[i] & 0x7f) << (7 * i);
        if (data[i] & 0x80)
            continue;
        if (i > 0 && data[i] == 0)
            return STILE_MQTT_STEP_ERROR;
        *ret = length;
        *ret_size = i + 1;
        return STILE_MQTT_STEP_DONE;
    }
    return STILE_MQTT_STEP_ERROR;
}

/*
 * Writing: the size is known before, so that a packet is written once, in place, or not at all.
 */
static gboolean
begin(GByteArray *out, StileWriter *writer, StileMqttType type, guint8 flags, gsize length)
{
    guint8 head[1 + STILE_MQTT_LENGTH_SIZE];
    gsize head_size, before = out->len;

    if (length > STILE_MQTT_PACKET_MAX - sizeof head)
        return FALSE;
    head[0] = (guint8)(type << 4 | flags);
    head_size = 1 + stile_mqtt_write_length(head + 1, (guint32)length);
    g_byte_array_set_size(out, (guint)(before + head_size + length));
    *writer = STILE_WRITER_INIT(out->data + before, head_size + length);
    stile_writer_bytes(writer, head, head_size);
    return TRUE;
}

static gboolean
end(GByteArray *out, const StileWriter *writer)
{
    if (!writer->failed && writer->used == writer->size)
        return TRUE;
    g_byte_array_set_size(out, (guint)(out->len - writer->size));
    return FALSE;
}

static gsize
string_size(const char *string)
{
    return string ? 2 + strlen(string) : 0;
}

gboolean
stile_mqtt_write_connect(GByteArray *out, const StileMqttConnect *connect)
{
    guint8 flags = CONNECT_CLEAN_SESSION;
    gsize size = string_size(PROTOCOL_NAME) + 1 + 1 + 2 + string_size(connect->client_id);
    StileWriter writer;

    if ((connect->password && !connect->user) || connect->will_size > STILE_MQTT_STRING_MAX)
        return FALSE;
    if (connect->will_topic) {
        flags |= CONNECT_WILL | CONNECT_WILL_QOS(connect->will_qos);
        if (connect->will_retain)
            flags |= CONNECT_WILL_RETAIN;
        size += string_size(connect->will_topic) + 2 + connect->will_size;
    }
    if (connect->user)
        flags |= CONNECT_USER;
    if (connect->password)
        flags |= CONNECT_PASSWORD;
    size += string_size(connect->user) + string_size(connect->password);

    if (!begin(out, &writer, STILE_MQTT_CONNECT, 0, size))
        return FALSE;
    stile_writer_string(&writer, PROTOCOL_NAME);
    stile_writer_u8(&writer, PROTOCOL_LEVEL);
    stile_writer_u8(&writer, flags);
    stile_writer_u16be(&writer, connect->keepalive);
    stile_writer_string(&writer, connect->client_id);
    if (connect->will_topic) {
        stile_writer_string(&writer, connect->will_topic);
        stile_writer_u16be(&writer, (guint16)connect->will_size);
        stile_writer_bytes(&writer, connect->will, connect->will_size);
    }
    if (connect->user)
        stile_writer_string(&writer, connect->user);
    if (connect->password)
        stile_writer_string(&writer, connect->password);
    return end(out, &writer);
}

gboolean
stile_mqtt_write_publish(GByteArray *out, const StileMqttPublish *publish)
{
    guint8 flags = PUBLISH_QOS(publish->qos);
    gsize size;
    StileWriter writer;

    if (publish->topic_size > STILE_MQTT_STRING_MAX || publish->size > STILE_MQTT_PACKET_MAX)
        return FALSE;
    if (publish->retain)
        flags |= PUBLISH_RETAIN;
    if (publish->dup)
        flags |= PUBLISH_DUP;
    size = 2 + publish->topic_size + (publish->qos ? 2 : 0) + publish->size;
    if (!begin(out, &writer, STILE_MQTT_PUBLISH, flags, size))
        return FALSE;
    stile_writer_u16be(&writer, (guint16)publish->topic_size);
    stile_writer_bytes(&writer, publish->topic, publish->topic_size);
    if (publish->qos)
        stile_writer_u16be(&writer, publish->id);
    stile_writer_bytes(&writer, publish->payload, publish->size);
    return end(out, &writer);
}

gboolean
stile_mqtt_write_subscribe(GByteArray *out, guint16 id, const StileMqttFilter *filters,
                           gsize n_filters)
{
    gsize size = 2;
    StileWriter writer;

    for (gsize i = 0; i < n_filters; i++)
        size += string_size(filters[i].filter) + 1;
    if (!begin(out, &writer, STILE_MQTT_SUBSCRIBE, SUBSCRIBE_FLAGS, size))
        return FALSE;
    stile_writer_u16be(&writer, id);
    for (gsize i = 0; i < n_filters; i++) {
        stile_writer_string(&writer, filters[i].filter);
        stile_writer_u8(&writer, filters[i].qos);
    }
    return end(out, &writer);
}

void
stile_mqtt_write_puback(GByteArray *out, guint16 id)
{
    const guint8 packet[] = {STILE_MQTT_PUBACK << 4, 2, (guint8)(id >> 8), (guint8)id};

    g_byte_array_append(out, packet, sizeof packet);
}

void
stile_mqtt_write_pingreq(GByteArray *out)
{
    static const guint8 packet[] = {STILE_MQTT_PINGREQ << 4, 0};

    g_byte_array_append(out, packet, sizeof packet);
}

void
stile_mqtt_write_disconnect(GByteArray *out)
{
    static const guint8 packet[] = {STILE_MQTT_DISCONNECT << 4, 0};

    g_byte_array_append(out, packet, sizeof packet);
}

/*
 * Reading
 */
static gboolean
read_connack(StileReader *reader, StileMqttPacket *ret)
{
    guint8 flags = stile_reader_u8(reader);

    ret->code = stile_reader_u8(reader);
    ret->session_present = flags & 1;
    /* §3.2.2.1, §3.2.2.2: a refusal goes without a session */
    return stile_reader_done(reader) && flags <= 1 && (ret->code == 0 || !ret->session_present);
}

static gboolean
read_publish(StileReader *reader, guint8 flags, StileMqttPacket *ret)
{
    StileMqttPublish *publish = &ret->publish;

    publish->retain = (flags & PUBLISH_RETAIN) != 0;
    publish->dup = (flags & PUBLISH_DUP) != 0;
    publish->qos = flags >> 1 & 3;
    publish->topic_size = stile_reader_u16be(reader);
    publish->topic = (const char *)stile_reader_take(reader, publish->topic_size);
    if (publish->qos > 0)
        publish->id = stile_reader_u16be(reader);
    if (reader->failed)
        return FALSE;
    publish->size = reader->left;
    publish->payload = stile_reader_take(reader, reader->left);
    /* QoS 2 is only sent to whom subscribed with it (§3.8.4), which we never do; DUP and packet
     * identifiers belong to QoS 1 (§3.3.1.1, §2.3.1); names: §4.7.3, §3.3.2.1, §1.5.3. */
    return publish->qos <= 1 && (publish->qos == 1 ? publish->id != 0 : !publish->dup) &&
           publish->topic_size > 0 && !memchr(publish->topic, '+', publish->topic_size) &&
           !memchr(publish->topic, '#', publish->topic_size) &&
           g_utf8_validate_len(publish->topic, publish->topic_size, NULL);
}

static gboolean
read_suback(StileReader *reader, StileMqttPacket *ret)
{
    ret->id = stile_reader_u16be(reader);
    ret->n_codes = reader->left;
    ret->codes = stile_reader_take(reader, reader->left);
    if (reader->failed || ret->id == 0 || ret->n_codes == 0)
        return FALSE;
    for (gsize i = 0; i < ret->n_codes; i++)
        if (ret->codes[i] > 2 && ret->codes[i] != STILE_MQTT_SUBSCRIBE_FAILED)
            return FALSE;
    return TRUE;
}

/* Told from the first byte, so that a server that speaks something else is not waited for. */
static gboolean
is_from_broker(guint8 head)
{
    switch (head >> 4) {
    case STILE_MQTT_PUBLISH:
        return TRUE;
    case STILE_MQTT_CONNACK:
    case STILE_MQTT_PUBACK:
    case STILE_MQTT_SUBACK:
    case STILE_MQTT_PINGRESP:
        return (head & 0x0f) == 0; /* §2.2.2 */
    default:
        return FALSE;
    }
}

static gboolean
read_packet(StileMqttPacket *ret, guint8 head, const guint8 *data, gsize size)
{
    StileReader reader = STILE_READER_INIT(data, size);

    memset(ret, 0, sizeof *ret);
    ret->type = head >> 4;
    switch (ret->type) {
    case STILE_MQTT_PUBLISH:
        return read_publish(&reader, head & 0x0f, ret);
    case STILE_MQTT_CONNACK:
        return read_connack(&reader, ret);
    case STILE_MQTT_PUBACK:
        ret->id = stile_reader_u16be(&reader);
        return stile_reader_done(&reader) && ret->id != 0;
    case STILE_MQTT_SUBACK:
        return read_suback(&reader, ret);
    default: /* PINGRESP */
        return size == 0;
    }
}

void
stile_mqtt_input_init(StileMqttInput *input)
{
    input->bytes = g_byte_array_new();
    input->used = 0;
}

void
stile_mqtt_input_clear(StileMqttInput *input)
{
    g_clear_pointer(&input->bytes, g_byte_array_unref);
    input->used = 0;
}

void
stile_mqtt_input_push(StileMqttInput *input, const guint8 *data, gsize size)
{
    if (input->used > 0)
        g_byte_array_remove_range(input->bytes, 0, (guint)input->used);
    input->used = 0;
    g_byte_array_append(input->bytes, data, (guint)size);
}

StileMqttStep
stile_mqtt_input_next(StileMqttInput *input, StileMqttPacket *ret, GError **error)
{
    gsize size = input->bytes->len - input->used, length_size;
    const guint8 *data;
    guint32 length;
    StileMqttStep step;

    if (size == 0)
        return STILE_MQTT_STEP_MORE;
    data = input->bytes->data + input->used;
    step = is_from_broker(data[0])
               ? stile_mqtt_read_length(data + 1, size - 1, &length, &length_size)
               : STILE_MQTT_STEP_ERROR;
    if (step == STILE_MQTT_STEP_MORE)
        return step;
    if (step == STILE_MQTT_STEP_ERROR) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "protocol error: what came is not an MQTT packet");
        return step;
    }
    if (length > STILE_MQTT_PACKET_MAX - 1 - length_size) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "protocol error: a packet of %u bytes is too large", length);
        return STILE_MQTT_STEP_ERROR;
    }
    if (size - 1 - length_size < length)
        return STILE_MQTT_STEP_MORE;
    if (!read_packet(ret, data[0], data + 1 + length_size, length)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "protocol error: a malformed packet of type %u", data[0] >> 4);
        return STILE_MQTT_STEP_ERROR;
    }
    input->used += 1 + length_size + length;
    return STILE_MQTT_STEP_DONE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes from a broker, at once and in pieces: the same packets are found, each as it stands
 * there, and never more is kept than one packet. The first byte says how large the pieces are. */
#include "rendezvous/mqtt-packet.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    guint packets;
    gboolean failed;
} Found;

static void
check(const StileMqttPacket *packet, const guint8 *bytes, gsize size)
{
    g_autoptr(GByteArray) again = g_byte_array_new();

    g_assert(size >= 2 && size <= STILE_MQTT_PACKET_MAX);
    if (packet->type == STILE_MQTT_PUBLISH) {
        g_assert(packet->publish.topic_size > 0 && packet->publish.qos <= 1);
        g_assert((packet->publish.qos == 1) == (packet->publish.id != 0));
        g_assert(stile_mqtt_write_publish(again, &packet->publish));
    } else if (packet->type == STILE_MQTT_PUBACK) {
        stile_mqtt_write_puback(again, packet->id);
    } else if (packet->type == STILE_MQTT_SUBACK) {
        g_assert(packet->n_codes > 0 && packet->id != 0);
        g_assert(packet->codes >= bytes && packet->codes + packet->n_codes == bytes + size);
        return;
    } else {
        g_assert(packet->type == STILE_MQTT_CONNACK || packet->type == STILE_MQTT_PINGRESP);
        return;
    }
    g_assert(again->len == size && memcmp(again->data, bytes, size) == 0);
}

static void
take(StileMqttInput *input, Found *found)
{
    for (;;) {
        g_autoptr(GError) error = NULL;
        StileMqttPacket packet;
        gsize before = input->used;
        StileMqttStep step = stile_mqtt_input_next(input, &packet, &error);

        g_assert((step == STILE_MQTT_STEP_ERROR) == (error != NULL));
        found->failed = step == STILE_MQTT_STEP_ERROR;
        if (step != STILE_MQTT_STEP_DONE)
            return;
        found->packets++;
        check(&packet, input->bytes->data + before, input->used - before);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(StileMqttInput) whole = {0};
    g_auto(StileMqttInput) cut = {0};
    Found at_once = {0}, in_pieces = {0};
    gsize piece;

    if (size == 0)
        return 0;
    piece = 1 + data[0];
    stile_mqtt_input_init(&whole);
    stile_mqtt_input_init(&cut);
    stile_mqtt_input_push(&whole, data + 1, size - 1);
    take(&whole, &at_once);
    for (gsize at = 1; at < size && !in_pieces.failed; at += piece) {
        stile_mqtt_input_push(&cut, data + at, MIN(piece, size - at));
        take(&cut, &in_pieces);
        g_assert(in_pieces.failed ||
                 cut.bytes->len - cut.used < STILE_MQTT_PACKET_MAX + STILE_MQTT_LENGTH_SIZE);
    }
    g_assert(at_once.packets == in_pieces.packets && at_once.failed == in_pieces.failed);
    return 0;
}

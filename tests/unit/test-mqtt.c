/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MQTT's packets are written and read as the examples of the 3.1.1 document say, however the bytes
 * are cut, and nothing that the document forbids is accepted; URLs of brokers are taken apart, and
 * never shown with a password in them. */
#include "base/error.h"
#include "rendezvous/mqtt-packet.h"
#include "rendezvous/reason.h"
#include "rendezvous/url.h"
#include <string.h>

/* Table 2.4: where the size of a Remaining Length changes; and the example 321 of §2.2.3. */
static void
test_length(void)
{
    static const struct {
        guint32 length;
        guint8 bytes[4];
        gsize size;
    } cases[] = {
        {0, {0x00}, 1},
        {127, {0x7f}, 1},
        {128, {0x80, 0x01}, 2},
        {321, {0xc1, 0x02}, 2},
        {16383, {0xff, 0x7f}, 2},
        {16384, {0x80, 0x80, 0x01}, 3},
        {2097151, {0xff, 0xff, 0x7f}, 3},
        {2097152, {0x80, 0x80, 0x80, 0x01}, 4},
        {268435455, {0xff, 0xff, 0xff, 0x7f}, 4},
    };
    static const guint8 five[] = {0x80, 0x80, 0x80, 0x80, 0x01}, longer[] = {0x81, 0x00};
    guint32 length;
    gsize used;

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint8 written[STILE_MQTT_LENGTH_SIZE];
        gsize size = stile_mqtt_write_length(written, cases[i].length);

        g_assert_cmpmem(written, size, cases[i].bytes, cases[i].size);
        g_assert_cmpint(stile_mqtt_read_length(written, size, &length, &used), ==,
                        STILE_MQTT_STEP_DONE);
        g_assert_cmpuint(length, ==, cases[i].length);
        g_assert_cmpuint(used, ==, size);
        g_assert_cmpint(stile_mqtt_read_length(written, size - 1, &length, &used), ==,
                        STILE_MQTT_STEP_MORE);
    }
    g_assert_cmpint(stile_mqtt_read_length(five, sizeof five, &length, &used), ==,
                    STILE_MQTT_STEP_ERROR);
    g_assert_cmpint(stile_mqtt_read_length(longer, sizeof longer, &length, &used), ==,
                    STILE_MQTT_STEP_ERROR);
}

/* §3.1.2, figure 3.6: user name, password, will with QoS 1, clean session, keep alive 10. */
static void
test_connect(void)
{
    static const guint8 head[] = {0x00, 0x04, 'M', 'Q', 'T', 'T', 0x04, 0xce, 0x00, 0x0a};
    static const guint8 payload[] = {0, 2, 'i', 'd', 0, 3,   'a', '/', 'b', 0,
                                     2, 9, 8,   0,   1, 'u', 0,   2,   'p', 'w'};
    static const guint8 will[] = {9, 8};
    StileMqttConnect connect = {
        .client_id = "id",
        .keepalive = 10,
        .user = "u",
        .password = "pw",
        .will_topic = "a/b",
        .will = will,
        .will_size = sizeof will,
        .will_qos = 1,
    };
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree char *too_long = g_strnfill(65536, 'x');

    g_assert_true(stile_mqtt_write_connect(out, &connect));
    g_assert_cmpuint(out->len, ==, 2 + sizeof head + sizeof payload);
    g_assert_cmphex(out->data[0], ==, 0x10);
    g_assert_cmpuint(out->data[1], ==, sizeof head + sizeof payload);
    g_assert_cmpmem(out->data + 2, sizeof head, head, sizeof head);
    g_assert_cmpmem(out->data + 2 + sizeof head, sizeof payload, payload, sizeof payload);

    g_byte_array_set_size(out, 0);
    connect.user = NULL; /* §3.1.2.9: no password without a user */
    g_assert_false(stile_mqtt_write_connect(out, &connect));
    connect.user = too_long;
    g_assert_false(stile_mqtt_write_connect(out, &connect));
    g_assert_cmpuint(out->len, ==, 0);
    connect = (StileMqttConnect){.client_id = "", .will_topic = "t", .will_retain = TRUE};
    g_assert_true(stile_mqtt_write_connect(out, &connect));
    g_assert_cmphex(out->data[9], ==, 0x26);
}

/* §3.3.2: topic `a/b`, packet identifier 10. §1.5.3: the string `A` U+2A6D4. */
static void
test_publish(void)
{
    static const guint8 example[] = {0x32, 0x09, 0x00, 0x03, 'a', '/', 'b', 0x00, 0x0a, 'h', 'i'};
    static const guint8 utf8[] = {0x30, 0x07, 0x00, 0x05, 0x41, 0xf0, 0xaa, 0x9b, 0x94};
    StileMqttPublish publish = {.topic = "a/b",
                                .topic_size = 3,
                                .payload = (const guint8 *)"hi",
                                .size = 2,
                                .qos = 1,
                                .id = 10};
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree guint8 *large = g_malloc0(STILE_MQTT_PACKET_MAX);
    g_auto(StileMqttInput) input = {0};
    StileMqttPacket packet;

    g_assert_true(stile_mqtt_write_publish(out, &publish));
    g_assert_cmpmem(out->data, out->len, example, sizeof example);

    stile_mqtt_input_init(&input);
    stile_mqtt_input_push(&input, example, sizeof example);
    stile_mqtt_input_push(&input, utf8, sizeof utf8);
    g_assert_cmpint(stile_mqtt_input_next(&input, &packet, NULL), ==, STILE_MQTT_STEP_DONE);
    g_assert_cmpint(packet.type, ==, STILE_MQTT_PUBLISH);
    g_assert_cmpmem(packet.publish.topic, packet.publish.topic_size, "a/b", 3);
    g_assert_cmpmem(packet.publish.payload, packet.publish.size, "hi", 2);
    g_assert_cmpuint(packet.publish.id, ==, 10);
    g_assert_cmpuint(packet.publish.qos, ==, 1);
    g_assert_false(packet.publish.retain || packet.publish.dup);
    g_assert_cmpint(stile_mqtt_input_next(&input, &packet, NULL), ==, STILE_MQTT_STEP_DONE);
    g_assert_cmpmem(packet.publish.topic, packet.publish.topic_size, "A\xf0\xaa\x9b\x94", 5);
    g_assert_cmpuint(packet.publish.size, ==, 0);
    g_assert_cmpint(stile_mqtt_input_next(&input, &packet, NULL), ==, STILE_MQTT_STEP_MORE);

    g_byte_array_set_size(out, 0);
    publish.payload = large;
    publish.size = STILE_MQTT_PACKET_MAX - 16;
    g_assert_true(stile_mqtt_write_publish(out, &publish));
    g_assert_cmpuint(out->len, <=, STILE_MQTT_PACKET_MAX);
    stile_mqtt_input_push(&input, out->data, out->len);
    g_assert_cmpint(stile_mqtt_input_next(&input, &packet, NULL), ==, STILE_MQTT_STEP_DONE);
    g_assert_cmpuint(packet.publish.size, ==, publish.size);
    g_byte_array_set_size(out, 0);
    publish.size = STILE_MQTT_PACKET_MAX;
    g_assert_false(stile_mqtt_write_publish(out, &publish));
    g_assert_cmpuint(out->len, ==, 0);
}

/* §3.8.3, figure 3.23: `a/b` with QoS 1 and `c/d` with QoS 2. */
static void
test_subscribe(void)
{
    static const guint8 example[] = {0x82, 0x0e, 0x00, 0x0a, 0x00, 0x03, 'a', '/',
                                     'b',  0x01, 0x00, 0x03, 'c',  '/',  'd', 0x02};
    static const StileMqttFilter filters[] = {{"a/b", 1}, {"c/d", 2}};
    g_autoptr(GByteArray) out = g_byte_array_new();

    g_assert_true(stile_mqtt_write_subscribe(out, 10, filters, G_N_ELEMENTS(filters)));
    g_assert_cmpmem(out->data, out->len, example, sizeof example);
}

static void
test_small(void)
{
    static const guint8 example[] = {0x40, 2, 0x12, 0x34, 0xc0, 0, 0xe0, 0};
    g_autoptr(GByteArray) out = g_byte_array_new();

    stile_mqtt_write_puback(out, 0x1234);
    stile_mqtt_write_pingreq(out);
    stile_mqtt_write_disconnect(out);
    g_assert_cmpmem(out->data, out->len, example, sizeof example);
}

/* What a broker says first, in one stream, cut at every place; SUBACK: figure 3.26. */
static void
test_stream(void)
{
    static const guint8 stream[] = {0x20, 2,    0, 0, 0x90, 5,    0, 10, 0, 2,   0x80, 0xd0,
                                    0,    0x40, 2, 0, 7,    0x31, 4, 0,  1, 't', 'x'};
    static const StileMqttType types[] = {STILE_MQTT_CONNACK, STILE_MQTT_SUBACK,
                                          STILE_MQTT_PINGRESP, STILE_MQTT_PUBACK,
                                          STILE_MQTT_PUBLISH};

    for (gsize cut = 0; cut <= sizeof stream; cut++) {
        g_auto(StileMqttInput) input = {0};
        gsize found = 0;

        stile_mqtt_input_init(&input);
        for (guint part = 0; part < 2; part++) {
            g_autoptr(GError) error = NULL;
            StileMqttPacket packet;
            StileMqttStep step;

            stile_mqtt_input_push(&input, stream + (part ? cut : 0),
                                  part ? sizeof stream - cut : cut);
            while ((step = stile_mqtt_input_next(&input, &packet, &error)) ==
                   STILE_MQTT_STEP_DONE) {
                g_assert_cmpint(packet.type, ==, types[found]);
                found++;
                if (packet.type == STILE_MQTT_SUBACK) {
                    g_assert_cmpuint(packet.id, ==, 10);
                    g_assert_cmpmem(packet.codes, packet.n_codes, stream + 8, 3);
                } else if (packet.type == STILE_MQTT_PUBLISH) {
                    g_assert_true(packet.publish.retain);
                }
            }
            g_assert_no_error(error);
            g_assert_cmpint(step, ==, STILE_MQTT_STEP_MORE);
        }
        g_assert_cmpuint(found, ==, G_N_ELEMENTS(types));
    }
}

static void
test_refused(void)
{
#define CASE(what, ...)                                                                            \
    {                                                                                              \
        what, {__VA_ARGS__}, sizeof(guint8[])                                                      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
    static const struct {
        const char *what;
        guint8 bytes[12];
        gsize size;
    } cases[] = {
        CASE("remaining length of five bytes", 0x30, 0x80, 0x80, 0x80, 0x80, 1),
        CASE("remaining length longer than needed", 0xd0, 0x80, 0x00),
        CASE("packet above the limit", 0x30, 0xff, 0xff, 0x7f),
        CASE("reserved type 0", 0x00, 0),
        CASE("reserved type 15", 0xf0, 0),
        CASE("CONNECT from a broker", 0x10, 0),
        CASE("reserved flags of PINGRESP", 0xd1, 0),
        CASE("PINGRESP with a payload", 0xd0, 1, 0),
        CASE("reserved bits of CONNACK", 0x20, 2, 2, 0),
        CASE("refusal with a session", 0x20, 2, 1, 5),
        CASE("short CONNACK", 0x20, 1, 0),
        CASE("long CONNACK", 0x20, 3, 0, 0, 0),
        CASE("PUBACK of nothing", 0x40, 2, 0, 0),
        CASE("QoS 3", 0x36, 5, 0, 1, 't', 0, 1),
        CASE("QoS 2, that nobody asked for", 0x34, 5, 0, 1, 't', 0, 1),
        CASE("QoS 0 again", 0x38, 3, 0, 1, 't'),
        CASE("QoS 1 without an identifier", 0x32, 5, 0, 1, 't', 0, 0),
        CASE("QoS 1 too short for an identifier", 0x32, 4, 0, 1, 't', 0),
        CASE("topic longer than the packet", 0x30, 3, 0, 2, 't'),
        CASE("empty topic", 0x30, 2, 0, 0),
        CASE("topic with +", 0x30, 3, 0, 1, '+'),
        CASE("topic with #", 0x30, 3, 0, 1, '#'),
        CASE("topic with NUL", 0x30, 3, 0, 1, 0),
        CASE("topic that is not UTF-8", 0x30, 3, 0, 1, 0xff),
        CASE("topic with a surrogate", 0x30, 5, 0, 3, 0xed, 0xa0, 0x80),
        CASE("SUBACK of nothing", 0x90, 2, 0, 1),
        CASE("SUBACK with an unknown code", 0x90, 3, 0, 1, 3),
    };
#undef CASE

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(StileMqttInput) input = {0};
        g_autoptr(GError) error = NULL;
        StileMqttPacket packet;

        g_test_message("%s", cases[i].what);
        stile_mqtt_input_init(&input);
        stile_mqtt_input_push(&input, cases[i].bytes, cases[i].size);
        g_assert_cmpint(stile_mqtt_input_next(&input, &packet, &error), ==, STILE_MQTT_STEP_ERROR);
        g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    }
}

#define HEX_32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void
test_url(void)
{
    static const struct {
        const char *text, *host, *user, *password, *shown;
        guint16 port;
        gboolean tls, pinned;
        const char *path;
    } good[] = {
        {"mqtt://broker.example", "broker.example", NULL, NULL, "mqtt://broker.example", 1883,
         FALSE, FALSE, NULL},
        {"mqtts://broker.example/", "broker.example", NULL, NULL, "mqtts://broker.example", 8883,
         TRUE, FALSE, NULL},
        {"MQTTS://u@192.0.2.7:443", "192.0.2.7", "u", NULL, "mqtts://192.0.2.7:443", 443, TRUE,
         FALSE, NULL},
        {"mqtt://u%40x:p%3a%2F%23@[2001:db8::1]:1", "2001:db8::1", "u@x", "p:/#",
         "mqtt://[2001:db8::1]:1", 1, FALSE, FALSE, NULL},
        {"mqtt://[fe80::1%25eth0]", "fe80::1%eth0", NULL, NULL, "mqtt://[fe80::1%25eth0]", 1883,
         FALSE, FALSE, NULL},
        {"mqtts://u:@h#sha256=" HEX_32, "h", "u", "", "mqtts://h", 8883, TRUE, TRUE, NULL},
        {"mqtts://h#sha256=00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:"
         "18:19:1A:1B:1C:1D:1E:1F",
         "h", NULL, NULL, "mqtts://h", 8883, TRUE, TRUE, NULL},
        {"mqtt://@h", "h", NULL, NULL, "mqtt://h", 1883, FALSE, FALSE, NULL},
        {"ws://h", "h", NULL, NULL, "ws://h/mqtt", 80, FALSE, FALSE, "/mqtt"},
        {"WSS://u:p@h/", "h", "u", "p", "wss://h/", 443, TRUE, FALSE, "/"},
        {"ws://[2001:db8::1]:8080/a/%2Fb;c=%20", "2001:db8::1", NULL, NULL,
         "ws://[2001:db8::1]:8080/a/%2Fb;c=%20", 8080, FALSE, FALSE, "/a/%2Fb;c=%20"},
        {"ws://h/a b", "h", NULL, NULL, "ws://h/a%20b", 80, FALSE, FALSE, "/a%20b"},
        {"ws://h/a\nb", "h", NULL, NULL, "ws://h/a%0Ab", 80, FALSE, FALSE, "/a%0Ab"},
        {"wss://h/x#sha256=" HEX_32, "h", NULL, NULL, "wss://h/x", 443, TRUE, TRUE, "/x"},
    };
    static const char *const bad[] = {
        "",
        "broker.example",
        "mqtt:",
        "mqtt://",
        "mqtt:///",
        "mqtt://:1883",
        "http://h",
        "ws://",
        "ws://h/a%2",
        "ws://h/a\"",
        "ws://h/a<b>",
        "ws://h/secret@x",
        "ws://h/?token=secret",
        "ws://h/#sha256=" HEX_32,
        "wss://h/#",
        "mqtt://h:0",
        "mqtt://h:65536",
        "mqtt://h:-1",
        "mqtt://h:x",
        "mqtt://h/topic",
        "mqtt://h?x=1",
        "mqtt://h#sha256=" HEX_32,
        "mqtts://h#",
        "mqtts://h#sha256=00",
        "mqtts://h#sha256=" HEX_32 "00",
        "mqtts://h#sha1=" HEX_32,
        "mqtts://h#sha256=" HEX_32 ":",
        "mqtt://:secret@h",
        "mqtt://secret%00@h",
        "mqtt://a b",
        "mqtt://[2001:db8::1",
        "mqtt://u:secret@h:99999",
        "mqtt://h%2fx",
        "mqtt://h%3ax",
        "mqtt://h%2525x",
        "mqtt://[:%25eth0]",
        "mqtt://[:%2527\xc4\x9d]",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_auto(StileBrokerUrl) url = {0};
        g_autoptr(GError) error = NULL;

        g_assert_true(stile_broker_url_parse(&url, good[i].text, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(url.host, ==, good[i].host);
        g_assert_cmpuint(url.port, ==, good[i].port);
        g_assert_cmpstr(url.path, ==, good[i].path);
        g_assert_cmpint(url.websocket, ==, good[i].path != NULL);
        g_assert_cmpstr(url.user, ==, good[i].user);
        g_assert_cmpstr(url.password, ==, good[i].password);
        g_assert_cmpstr(url.shown, ==, good[i].shown);
        g_assert_cmpint(url.tls, ==, good[i].tls);
        g_assert_cmpint(url.has_fingerprint, ==, good[i].pinned);
        for (guint8 b = 0; good[i].pinned && b < STILE_SHA256_SIZE; b++)
            g_assert_cmphex(url.fingerprint[b], ==, b);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(StileBrokerUrl) url = {0};
        g_autoptr(GError) error = NULL;

        g_test_message("%s", bad[i]);
        g_assert_false(stile_broker_url_parse(&url, bad[i], &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
        g_assert_null(strstr(error->message, "secret"));
        g_assert_null(url.host);
    }
}

static void
test_reasons(void)
{
    static const struct {
        GTlsCertificateFlags flags;
        const char *words;
    } certificates[] = {
        {G_TLS_CERTIFICATE_EXPIRED, "expired"},
        {G_TLS_CERTIFICATE_UNKNOWN_CA, "unknown authority"},
        {G_TLS_CERTIFICATE_BAD_IDENTITY, "another name"},
        {G_TLS_CERTIFICATE_UNKNOWN_CA | G_TLS_CERTIFICATE_NOT_ACTIVATED, "not valid yet"},
    };
    g_autoptr(GError) pinned = stile_reason_from_certificate(0, TRUE, "h");
    g_autoptr(GError) password = stile_reason_from_connack(STILE_MQTT_NOT_AUTHORIZED, TRUE, "h");
    g_autoptr(GError) nobody = stile_reason_from_connack(STILE_MQTT_NOT_AUTHORIZED, FALSE, "h");
    g_autoptr(GError) unknown = g_error_new(G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "x");
    g_autoptr(GError) reason = stile_reason_from_error(unknown, "h");

    for (gsize i = 0; i < G_N_ELEMENTS(certificates); i++) {
        g_autoptr(GError) error = stile_reason_from_certificate(certificates[i].flags, FALSE, "h");

        g_assert_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
        g_assert_nonnull(strstr(error->message, certificates[i].words));
    }
    g_assert_nonnull(strstr(pinned->message, "fingerprint"));
    g_assert_cmpstr(password->message, ==, "h: wrong user name or password");
    g_assert_cmpstr(nobody->message, ==, "h: wants a user name and a password");
    g_assert_cmpstr(reason->message, ==, "h: unknown host");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mqtt/length", test_length);
    g_test_add_func("/mqtt/connect", test_connect);
    g_test_add_func("/mqtt/publish", test_publish);
    g_test_add_func("/mqtt/subscribe", test_subscribe);
    g_test_add_func("/mqtt/small", test_small);
    g_test_add_func("/mqtt/stream", test_stream);
    g_test_add_func("/mqtt/refused", test_refused);
    g_test_add_func("/mqtt/url", test_url);
    g_test_add_func("/mqtt/reasons", test_reasons);
    return g_test_run();
}

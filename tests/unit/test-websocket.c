/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of RFC 6455, with the RFC's own examples: a handshake is believed only when it
 * is one, frames come and go as they are written down, and whatever else is refused in words. */
#include "base/error.h"
#include "rendezvous/websocket.h"

#include <string.h>

#define AGREED                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, "           \
    "upgrade\r\n"

typedef struct {
    StileClock *clock;
    StileWebsocket websocket;
    GByteArray *request, *payload, *answers;
} Fixture;

static void
set_up_at(Fixture *f, const char *host, guint16 port, gboolean tls)
{
    f->clock = stile_clock_new_virtual(0, 1);
    f->request = g_byte_array_new();
    f->payload = g_byte_array_new();
    f->answers = g_byte_array_new();
    stile_websocket_init(&f->websocket, f->clock, f->request, host, port, tls, "/a/b");
}

static void
set_up(Fixture *f)
{
    set_up_at(f, "broker.example", 80, FALSE);
}

static void
tear_down(Fixture *f)
{
    stile_websocket_clear(&f->websocket);
    stile_websocket_clear(&f->websocket);
    g_byte_array_unref(f->request);
    g_byte_array_unref(f->payload);
    g_byte_array_unref(f->answers);
    stile_clock_unref(f->clock);
}

static gboolean
take(Fixture *f, const void *bytes, gsize size, GError **error)
{
    return stile_websocket_take(&f->websocket, bytes, size, f->payload, f->answers, error);
}

/* The key of RFC 6455 §1.3, as if it had been drawn. */
static void
agree(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *head = g_strconcat(AGREED "Sec-WebSocket-Accept: ", f->websocket.accept,
                                        "\r\n\r\n", NULL);

    g_assert_true(take(f, head, strlen(head), &error));
    g_assert_no_error(error);
    g_assert_true(f->websocket.open);
}

static void
test_request(void)
{
    static const struct {
        const char *host;
        guint16 port;
        gboolean tls;
        const char *field;
    } cases[] = {
        {"broker.example", 80, FALSE, "\r\nHost: broker.example\r\n"},
        {"broker.example", 443, FALSE, "\r\nHost: broker.example:443\r\n"},
        {"broker.example", 443, TRUE, "\r\nHost: broker.example\r\n"},
        {"2001:db8::1", 8080, FALSE, "\r\nHost: [2001:db8::1]:8080\r\n"},
        {"fe80::1%eth0", 80, FALSE, "\r\nHost: [fe80::1]\r\n"},
        {"b\xc3\xbc"
         "cher.example",
         80, FALSE, "\r\nHost: xn--bcher-kva.example\r\n"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = NULL;
        Fixture f;

        set_up_at(&f, cases[i].host, cases[i].port, cases[i].tls);
        text = g_strndup((const char *)f.request->data, f.request->len);
        g_assert_true(g_str_has_prefix(text, "GET /a/b HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(text, cases[i].field));
        g_assert_nonnull(strstr(text, "\r\nSec-WebSocket-Protocol: mqtt\r\n"));
        g_assert_true(g_str_has_suffix(text, "\r\n\r\n"));
        tear_down(&f);
    }
}

/* The key that was sent and the answer that is waited for belong together, by another way to
 * compute it. */
static void
test_key(void)
{
    g_autofree char *text = NULL;
    g_autofree char *key = NULL;
    g_autofree char *joined = NULL;
    g_autofree char *expected = NULL;
    g_autofree guchar *nonce = NULL;
    gsize size;
    Fixture f;

    set_up(&f);
    text = g_strndup((const char *)f.request->data, f.request->len);
    key = g_strndup(strstr(text, "Sec-WebSocket-Key: ") + strlen("Sec-WebSocket-Key: "), 24);
    nonce = g_base64_decode(key, &size);
    g_assert_cmpuint(size, ==, 16);
    joined = g_strconcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", NULL);
    expected = g_compute_checksum_for_string(G_CHECKSUM_SHA1, joined, -1);
    {
        g_autofree guchar *digest = g_base64_decode(f.websocket.accept, &size);
        g_autoptr(GString) hex = g_string_new(NULL);

        for (gsize i = 0; i < size; i++)
            g_string_append_printf(hex, "%02x", digest[i]);
        g_assert_cmpstr(hex->str, ==, expected);
    }
    tear_down(&f);
}

static void
test_refusals(void)
{
    static const char good[] = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    static const struct {
        const char *head;
        int code; /* -1: agreed */
        const char *words;
    } cases[] = {
        {AGREED "%s\r\n", -1, NULL},
        {AGREED "%ssec-websocket-protocol:mqtt\r\n\r\n", -1, NULL},
        {AGREED "%sSec-WebSocket-Protocol: chat\r\n\r\n", STILE_ERROR_FAILED, "something else"},
        {AGREED "%sSec-WebSocket-Extensions: x\r\n\r\n", STILE_ERROR_FAILED, "extension"},
        {AGREED "X: %s\r\n", STILE_ERROR_FAILED, "does not speak WebSocket"},
        {"HTTP/1.1 101 x\r\nConnection: Upgrade\r\n%s\r\n", STILE_ERROR_FAILED, "does not speak"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n%s\r\n", STILE_ERROR_FAILED, "does not speak"},
        {"HTTP/1.1 200 OK\r\n%s\r\n", STILE_ERROR_FAILED, "HTTP status 200"},
        {"HTTP/1.1 404 Not Found\r\n%s\r\n", STILE_ERROR_FAILED, "HTTP status 404"},
        {"HTTP/1.0 403 Forbidden\r\n%s\r\n", STILE_ERROR_NOT_AUTHORIZED, "HTTP status 403"},
        {"HTTP/1.1 502 Bad Gateway\r\n%s\r\n", STILE_ERROR_UNREACHABLE, "HTTP status 502"},
        {"HTTP/1.1 1\r\n%s\r\n", STILE_ERROR_FAILED, "does not speak WebSocket"},
        {"HTTP/2 101 x", STILE_ERROR_FAILED, "does not speak WebSocket"},
        {"220 mail.example ESMTP", STILE_ERROR_FAILED, "does not speak WebSocket"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) parts = g_strsplit(cases[i].head, "%s", -1);
        g_autofree char *head = g_strjoinv(good, parts);
        Fixture f;

        g_test_message("%s", head);
        set_up(&f);
        g_free(f.websocket.accept);
        f.websocket.accept = g_strdup("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        g_assert_cmpint(take(&f, head, strlen(head), &error), ==, cases[i].code == -1);
        g_assert_cmpint(f.websocket.open, ==, cases[i].code == -1);
        if (cases[i].code != -1) {
            g_assert_error(error, STILE_ERROR, cases[i].code);
            g_assert_nonnull(strstr(error->message, cases[i].words));
        }
        tear_down(&f);
    }
}

static void
test_endless_head(void)
{
    g_autoptr(GError) error = NULL;
    gsize sent = 0;
    Fixture f;

    set_up(&f);
    g_assert_true(take(&f, AGREED, strlen(AGREED), &error));
    while (take(&f, "X: y\r\n", 6, &error))
        g_assert_cmpuint(sent += 6, <, 2 * STILE_WEBSOCKET_HEAD_MAX);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    tear_down(&f);
}

/* §5.7, with the opcode of binary messages. */
static void
test_frames(void)
{
    g_autoptr(GError) error = NULL;
    static const guint8 header[] = {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0};
    guint8 zero[4096] = {0};
    Fixture f;

    set_up(&f);
    agree(&f);
    g_assert_true(take(&f, "\x82\x05Hello", 7, &error));
    g_assert_cmpmem(f.payload->data, f.payload->len, "Hello", 5);
    g_byte_array_set_size(f.payload, 0);
    /* In fragments, a ping between them and a piece of a header at the end. */
    g_assert_true(take(&f, "\x02\x03Hel\x89\x02hi\x80", 10, &error));
    g_assert_true(take(&f, "\x02lo\x82\x00\x8a\x00", 7, &error));
    g_assert_cmpmem(f.payload->data, f.payload->len, "Hello", 5);
    g_assert_cmpuint(f.answers->len, ==, 2 + 4 + 2);
    g_assert_cmphex(f.answers->data[0], ==, 0x8a);
    g_assert_cmphex(f.answers->data[6] ^ f.answers->data[2], ==, 'h');
    g_assert_cmphex(f.answers->data[7] ^ f.answers->data[3], ==, 'i');
    g_byte_array_set_size(f.payload, 0);
    g_byte_array_set_size(f.answers, 0);
    g_assert_true(take(&f, header, sizeof header, &error));
    for (gsize i = 0; i < 65536 / sizeof zero; i++)
        g_assert_true(take(&f, zero, sizeof zero, &error));
    g_assert_cmpuint(f.payload->len, ==, 65536);
    g_assert_true(take(&f, "\x88\x02\x03\xe8 ignored", 12, &error));
    g_assert_true(f.websocket.closed);
    g_assert_cmphex(f.answers->data[0], ==, 0x88);
    g_assert_cmpuint(f.payload->len, ==, 65536);
    tear_down(&f);
}

static void
test_bad_frames(void)
{
    static const struct {
        const char *bytes;
        gsize size;
    } cases[] = {
        {"\x81\x05Hello", 7},                 /* text */
        {"\x83\x00", 2},                      /* reserved */
        {"\xc2\x00", 2},                      /* an extension's bit */
        {"\x82\x80\x00\x00\x00\x00", 6},      /* masked */
        {"\x80\x00", 2},                      /* continues nothing */
        {"\x02\x00\x82\x00", 4},              /* within another message */
        {"\x09\x00", 2},                      /* a ping in fragments */
        {"\x89\x7e\x00\x80", 4},              /* a ping too long */
        {"\x82\x7e\x00\x7d", 4},              /* 125 in two bytes */
        {"\x82\x7f\0\0\0\0\0\0\xff\xff", 10}, /* 65535 in eight */
        {"\x82\x7f\xff\0\0\0\0\0\0\0", 10},   /* more than there can be */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        Fixture f;

        g_test_message("%" G_GSIZE_FORMAT, i);
        set_up(&f);
        agree(&f);
        g_assert_false(take(&f, cases[i].bytes, cases[i].size, &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
        g_assert_cmpuint(f.payload->len, ==, 0);
        tear_down(&f);
    }
}

/* Lengths in one, two and eight bytes; a mask that is not the same each time. */
static void
test_write(void)
{
    static const struct {
        gsize size, header;
        guint8 second;
    } cases[] = {{0, 2, 0x80},
                 {125, 2, 0x80 | 125},
                 {126, 4, 0x80 | 126},
                 {65535, 4, 0xfe},
                 {65536, 10, 0x80 | 127}};
    g_autofree guint8 *payload = g_malloc(65536);
    guint8 mask[4] = {0};
    Fixture f;

    set_up(&f);
    for (gsize i = 0; i < 65536; i++)
        payload[i] = (guint8)(i * 7);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) frame = g_byte_array_new();
        const guint8 *at;
        guint64 length = 0;

        stile_websocket_write(&f.websocket, frame, payload, cases[i].size);
        g_assert_cmpuint(frame->len, ==, cases[i].header + 4 + cases[i].size);
        g_assert_cmphex(frame->data[0], ==, 0x82);
        g_assert_cmphex(frame->data[1], ==, cases[i].second);
        for (gsize b = 2; b < cases[i].header; b++)
            length = length << 8 | frame->data[b];
        if (cases[i].header > 2)
            g_assert_cmpuint(length, ==, cases[i].size);
        at = frame->data + cases[i].header;
        g_assert_true(memcmp(at, mask, sizeof mask) != 0);
        memcpy(mask, at, sizeof mask);
        for (gsize b = 0; b < cases[i].size; b++)
            g_assert_cmphex(at[4 + b] ^ mask[b % 4], ==, payload[b]);
    }
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/websocket/request", test_request);
    g_test_add_func("/websocket/key", test_key);
    g_test_add_func("/websocket/refusals", test_refusals);
    g_test_add_func("/websocket/endless-head", test_endless_head);
    g_test_add_func("/websocket/frames", test_frames);
    g_test_add_func("/websocket/bad-frames", test_bad_frames);
    g_test_add_func("/websocket/write", test_write);
    return g_test_run();
}

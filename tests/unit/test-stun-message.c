/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* STUN messages: all vectors of RFC 5769 are read, their integrity and fingerprint hold, and the
 * one whose padding is ours comes out byte for byte when built; what is malformed is refused. */
#include "base/error.h"
#include "stun/channel-data.h"
#include "stun/message.h"

#include <string.h>

#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

typedef struct {
    char *data;
    gsize size;
    StileStunMessage message;
} Vector;

static void
vector_clear(Vector *vector)
{
    g_free(vector->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Vector, vector_clear)

static void
load(Vector *vector, const char *name)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tests/fuzz/seeds/stun-message",
                                                  name, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_get_contents(path, &vector->data, &vector->size, NULL));
    stile_stun_message_parse(&vector->message, vector->data, vector->size, &error);
    g_assert_no_error(error);
}

static void
assert_string(const StileStunMessage *message, StileStunAttribute type, const char *expected)
{
    g_autofree char *string = stile_stun_message_string(message, type);

    g_assert_cmpstr(string, ==, expected);
}

static void
assert_mapped(const StileStunMessage *message, const char *expected)
{
    g_autofree char *written = NULL;
    StileAddress address;

    g_assert_true(stile_stun_message_address(message, STILE_STUN_XOR_MAPPED_ADDRESS, &address));
    written = stile_address_to_string(&address);
    g_assert_cmpstr(written, ==, expected);
}

/* RFC 5769 §2.1 */
static void
test_request(void)
{
    static const guint8 id[] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
    g_auto(Vector) vector = {0};
    const StileStunMessage *message = &vector.message;
    guint32 priority;
    guint64 tie_breaker;
    gsize size;

    load(&vector, "rfc5769-request");
    g_assert_cmpint(message->class, ==, STILE_STUN_REQUEST);
    g_assert_cmpint(message->method, ==, STILE_STUN_BINDING);
    g_assert_cmpmem(message->id, sizeof message->id, id, sizeof id);
    g_assert_cmpuint(message->n_attributes, ==, 6);
    g_assert_cmpuint(message->n_unknown, ==, 0);
    assert_string(message, STILE_STUN_SOFTWARE, "STUN test client");
    assert_string(message, STILE_STUN_USERNAME, "evtj:h6vY");
    g_assert_true(stile_stun_message_u32(message, STILE_STUN_PRIORITY, &priority));
    g_assert_cmphex(priority, ==, 0x6e0001ff);
    g_assert_true(stile_stun_message_u64(message, STILE_STUN_ICE_CONTROLLED, &tie_breaker));
    g_assert_cmphex(tie_breaker, ==, G_GUINT64_CONSTANT(0x932ff9b151263b36));
    g_assert_nonnull(stile_stun_message_find(message, STILE_STUN_FINGERPRINT, &size));
    g_assert_true(stile_stun_message_check(message, PASSWORD, strlen(PASSWORD)));
    g_assert_false(stile_stun_message_check(message, PASSWORD, strlen(PASSWORD) - 1));
    /* Of another type or size than asked for. */
    g_assert_false(stile_stun_message_u64(message, STILE_STUN_PRIORITY, &tie_breaker));
    g_assert_false(stile_stun_message_u32(message, STILE_STUN_LIFETIME, &priority));
    g_assert_null(stile_stun_message_string(message, STILE_STUN_REALM));
    g_assert_cmpuint(stile_stun_message_error(message, NULL), ==, 0);
}

/* RFC 5769 §2.2 */
static void
test_response_ipv4(void)
{
    g_auto(Vector) vector = {0};

    load(&vector, "rfc5769-response-ipv4");
    g_assert_cmpint(vector.message.class, ==, STILE_STUN_SUCCESS);
    g_assert_cmpint(vector.message.method, ==, STILE_STUN_BINDING);
    assert_string(&vector.message, STILE_STUN_SOFTWARE, "test vector");
    assert_mapped(&vector.message, "192.0.2.1:32853");
    g_assert_true(stile_stun_message_check(&vector.message, PASSWORD, strlen(PASSWORD)));
}

/* RFC 5769 §2.3 */
static void
test_response_ipv6(void)
{
    g_auto(Vector) vector = {0};

    load(&vector, "rfc5769-response-ipv6");
    g_assert_cmpint(vector.message.class, ==, STILE_STUN_SUCCESS);
    assert_string(&vector.message, STILE_STUN_SOFTWARE, "test vector");
    assert_mapped(&vector.message, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
    g_assert_true(stile_stun_message_check(&vector.message, PASSWORD, strlen(PASSWORD)));
}

/* RFC 5769 §2.4; the password as typed, before SASLprep. */
static void
test_long_term(void)
{
    static const char username[] = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9";
    static const char realm[] = "example.org", nonce[] = "f//499k954d6OL34oL9FSTvy64sA";
    g_auto(Vector) vector = {0};
    guint8 key[16], plain[16];
    StileStunBuilder builder;

    load(&vector, "rfc5769-long-term");
    assert_string(&vector.message, STILE_STUN_USERNAME, username);
    assert_string(&vector.message, STILE_STUN_REALM, realm);
    assert_string(&vector.message, STILE_STUN_NONCE, nonce);
    stile_stun_long_term_key(username, realm, "The\u00adM\u00aatr\u2168", key);
    stile_stun_long_term_key(username, realm, "TheMatrIX", plain);
    g_assert_cmpmem(key, sizeof key, plain, sizeof plain);
    g_assert_true(stile_stun_message_check(&vector.message, key, sizeof key));

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, vector.message.id);
    stile_stun_builder_string(&builder, STILE_STUN_USERNAME, username);
    stile_stun_builder_string(&builder, STILE_STUN_NONCE, nonce);
    stile_stun_builder_string(&builder, STILE_STUN_REALM, realm);
    stile_stun_builder_integrity(&builder, key, sizeof key);
    g_assert_cmpmem(builder.data, stile_stun_builder_finish(&builder), vector.data, vector.size);
}

/* RFC 8489 appendix B.1 with its erratum 6268: the same user under SHA-256, with USERHASH. */
static void
test_sha256(void)
{
    static const guint8 hash[] = {
        0x4a, 0x3c, 0xf3, 0x8f, 0xef, 0x69, 0x92, 0xbd, 0xa9, 0x52, 0xc6,
        0x78, 0x04, 0x17, 0xda, 0x0f, 0x24, 0x81, 0x94, 0x15, 0x56, 0x9e,
        0x60, 0xb2, 0x05, 0xc4, 0x6e, 0x41, 0x40, 0x7f, 0x17, 0x04,
    };
    static const guint8 integrity[] = {0xb5, 0xc7, 0xbf, 0x00, 0x5b, 0x6c, 0x52, 0xa2,
                                       0x1c, 0x51, 0xc5, 0xe8, 0x92, 0xf8, 0x19, 0x24,
                                       0x13, 0x62, 0x96, 0xcb, 0x92, 0x7c, 0x43, 0x14,
                                       0x93, 0x09, 0x27, 0x8c, 0xc6, 0x51, 0x8e, 0x65};
    static const guint8 algorithm[] = {0, 2, 0, 0}; /* SHA-256 */
    static const guint8 id[] = {0x78, 0xad, 0x34, 0x33, 0xc6, 0xad,
                                0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e};
    g_autofree char *prepared = stile_stun_prepare("The\u00adM\u00aatr\u2168");
    g_autofree char *joined = g_strconcat("\u30de\u30c8\u30ea\u30c3\u30af\u30b9", ":",
                                          "example.org", ":", prepared, NULL);
    g_autoptr(GChecksum) sha256 = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 key[32];
    gsize key_size = sizeof key;
    g_autoptr(GError) error = NULL;
    StileStunBuilder builder;
    StileStunMessage message;

    g_assert_cmpstr(prepared, ==, "TheMatrIX");
    g_checksum_update(sha256, (const guchar *)joined, (gssize)strlen(joined));
    g_checksum_get_digest(sha256, key, &key_size);
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_bytes(&builder, STILE_STUN_USERHASH, hash, sizeof hash);
    stile_stun_builder_string(&builder, STILE_STUN_NONCE,
                              "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
    stile_stun_builder_string(&builder, STILE_STUN_REALM, "example.org");
    stile_stun_builder_bytes(&builder, STILE_STUN_PASSWORD_ALGORITHM, algorithm, sizeof algorithm);
    stile_stun_builder_bytes(&builder, STILE_STUN_MESSAGE_INTEGRITY_SHA256, integrity,
                             sizeof integrity);
    stile_stun_message_parse(&message, builder.data, stile_stun_builder_finish(&builder), &error);
    g_assert_no_error(error);
    g_assert_true(stile_stun_message_check(&message, key, sizeof key));
    key[0] ^= 1;
    g_assert_false(stile_stun_message_check(&message, key, sizeof key));
}

/* Every bit of a protected message matters. */
static void
test_altered(void)
{
    g_auto(Vector) vector = {0};

    load(&vector, "rfc5769-response-ipv6");
    for (gsize bit = 0; bit < vector.size * 8; bit++) {
        StileStunMessage message;

        vector.data[bit / 8] ^= (char)(1 << bit % 8);
        g_assert_false(stile_stun_message_parse(&message, vector.data, vector.size, NULL) &&
                       stile_stun_message_check(&message, PASSWORD, strlen(PASSWORD)) &&
                       message.n_attributes == 4);
        vector.data[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void
test_classes_and_methods(void)
{
    static const StileStunMethod methods[] = {
        STILE_STUN_BINDING, STILE_STUN_ALLOCATE,          STILE_STUN_REFRESH,      STILE_STUN_SEND,
        STILE_STUN_DATA,    STILE_STUN_CREATE_PERMISSION, STILE_STUN_CHANNEL_BIND, 0xfff,
    };
    static const guint8 id[STILE_STUN_ID_SIZE] = {0};

    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++)
        for (int class = STILE_STUN_REQUEST; class <= STILE_STUN_ERROR; class ++) {
            StileStunBuilder builder;
            StileStunMessage message;

            stile_stun_builder_init(&builder, (StileStunClass) class, methods[i], id);
            g_assert_true(stile_stun_message_parse(&message, builder.data,
                                                   stile_stun_builder_finish(&builder), NULL));
            g_assert_cmpint(message.class, ==, class);
            g_assert_cmpint(message.method, ==, methods[i]);
        }
    /* RFC 8489 §5: an Allocate error response is 0x0113. */
    {
        StileStunBuilder builder;

        stile_stun_builder_init(&builder, STILE_STUN_ERROR, STILE_STUN_ALLOCATE, id);
        g_assert_cmphex(builder.data[0] << 8 | builder.data[1], ==, 0x0113);
    }
}

static void
test_error_code(void)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {0};
    g_autofree char *reason = NULL;
    g_auto(Vector) vector = {0};
    StileStunBuilder builder;
    StileStunMessage message;

    load(&vector, "error-438");
    g_assert_cmpuint(stile_stun_message_error(&vector.message, &reason), ==, 438);
    g_assert_cmpstr(reason, ==, "Stale nonce!");

    g_clear_pointer(&reason, g_free);
    stile_stun_builder_init(&builder, STILE_STUN_ERROR, STILE_STUN_ALLOCATE, id);
    stile_stun_builder_error(&builder, 486, "Full \x1b[31mup\xff");
    g_assert_true(stile_stun_message_parse(&message, builder.data,
                                           stile_stun_builder_finish(&builder), NULL));
    g_assert_cmpuint(stile_stun_message_error(&message, &reason), ==, 486);
    g_assert_cmpstr(reason, ==, "Full  [31mup\ufffd");
}

/* RFC 8489 §14.5: what stands behind the integrity was not protected by it. */
static void
test_behind_integrity(void)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {1};
    StileStunBuilder builder;
    StileStunMessage message;
    guint32 value;

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_u32(&builder, STILE_STUN_PRIORITY, 7);
    stile_stun_builder_integrity(&builder, "key", 3);
    stile_stun_builder_u32(&builder, STILE_STUN_LIFETIME, 8);
    stile_stun_builder_u32(&builder, 0x7fff, 9);
    stile_stun_builder_fingerprint(&builder);
    g_assert_true(stile_stun_message_parse(&message, builder.data,
                                           stile_stun_builder_finish(&builder), NULL));
    g_assert_true(stile_stun_message_check(&message, "key", 3));
    g_assert_true(stile_stun_message_u32(&message, STILE_STUN_PRIORITY, &value));
    g_assert_false(stile_stun_message_u32(&message, STILE_STUN_LIFETIME, &value));
    g_assert_cmpuint(message.n_unknown, ==, 0);
    g_assert_cmpuint(message.n_attributes, ==, 3);
}

static void
test_unknown(void)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {1};
    StileStunBuilder builder;
    StileStunMessage message;

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_u32(&builder, 0x7ffe, 1);
    stile_stun_builder_u32(&builder, 0xfffe, 1);
    g_assert_true(stile_stun_message_parse(&message, builder.data,
                                           stile_stun_builder_finish(&builder), NULL));
    g_assert_cmpuint(message.n_unknown, ==, 1);
    g_assert_cmphex(message.unknown[0], ==, 0x7ffe);
}

static void
assert_refused(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    StileStunMessage message;

    g_assert_false(stile_stun_message_parse(&message, data, size, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
}

static void
test_malformed(void)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {1};
    static const guint8 too_long[STILE_STUN_MAX_SIZE] = {0};
    g_auto(Vector) vector = {0};
    StileStunBuilder builder;

    load(&vector, "rfc5769-request");
    for (gsize size = 0; size < vector.size; size++)
        assert_refused((const guint8 *)vector.data, size);

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    for (guint i = 0; i <= STILE_STUN_MAX_ATTRIBUTES; i++)
        stile_stun_builder_u32(&builder, STILE_STUN_PRIORITY, i);
    assert_refused(builder.data, stile_stun_builder_finish(&builder));

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_u32(&builder, STILE_STUN_MESSAGE_INTEGRITY, 1);
    assert_refused(builder.data, stile_stun_builder_finish(&builder));

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_fingerprint(&builder);
    stile_stun_builder_u32(&builder, STILE_STUN_PRIORITY, 1);
    assert_refused(builder.data, stile_stun_builder_finish(&builder));

    /* An attribute whose length says more than there is. */
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_u32(&builder, STILE_STUN_PRIORITY, 1);
    builder.data[STILE_STUN_HEADER_SIZE + 3] = 5;
    assert_refused(builder.data, stile_stun_builder_finish(&builder));

    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_bytes(&builder, STILE_STUN_DATA_ATTRIBUTE, too_long, sizeof too_long);
    stile_stun_builder_u32(&builder, STILE_STUN_PRIORITY, 1);
    g_assert_cmpuint(stile_stun_builder_finish(&builder), ==, 0);
}

/* WireGuard's first message type and STUN's first byte are the same. */
static void
test_looks_like(void)
{
    guint8 wireguard[148] = {1};

    g_assert_false(stile_stun_looks_like(wireguard, sizeof wireguard));
    g_assert_false(stile_stun_looks_like(wireguard, 0));
    g_assert_false(stile_stun_looks_like(wireguard, 3));
}

/* RFC 8656 §12.4, §12.5 */
static void
test_channel_data(void)
{
    static const guint8 packet[] = {0x40, 0x01, 0, 2, 'h', 'i', 0, 0, 0, 0};
    guint8 header[STILE_CHANNEL_DATA_HEADER_SIZE];
    const guint8 *payload;
    guint16 channel;
    gsize size;

    for (gsize given = 0; given <= sizeof packet; given++) {
        gboolean good = given >= 6 && given <= 9; /* three bytes of padding and no more */

        g_assert_true(stile_channel_data_parse(packet, given, &channel, &payload, &size) == good);
        if (!good)
            continue;
        g_assert_cmphex(channel, ==, 0x4001);
        g_assert_cmpmem(payload, size, "hi", 2);
    }
    stile_channel_data_header(header, 0x4001, 2);
    g_assert_cmpmem(header, sizeof header, packet, sizeof header);
    g_assert_false(stile_channel_data_looks_like((const guint8 *)"\x50\0\0\0", 4));
    g_assert_false(stile_channel_data_looks_like((const guint8 *)"\x3f\0\0\0", 4));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stun/message/rfc5769/request", test_request);
    g_test_add_func("/stun/message/rfc5769/response-ipv4", test_response_ipv4);
    g_test_add_func("/stun/message/rfc5769/response-ipv6", test_response_ipv6);
    g_test_add_func("/stun/message/rfc5769/long-term", test_long_term);
    g_test_add_func("/stun/message/rfc8489/sha256", test_sha256);
    g_test_add_func("/stun/message/altered", test_altered);
    g_test_add_func("/stun/message/classes-and-methods", test_classes_and_methods);
    g_test_add_func("/stun/message/error-code", test_error_code);
    g_test_add_func("/stun/message/behind-integrity", test_behind_integrity);
    g_test_add_func("/stun/message/unknown", test_unknown);
    g_test_add_func("/stun/message/malformed", test_malformed);
    g_test_add_func("/stun/message/looks-like", test_looks_like);
    g_test_add_func("/stun/channel-data", test_channel_data);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves that the handshake is the one that others speak: the pattern IKpsk2 by the vector of
 * cacophony (which snow and noise-c share), WireGuard's messages with their macs by a handshake of
 * the Linux kernel's WireGuard that was published with all its keys (Peter Wu, wireguard-dissector,
 * 2018). Both are followed byte for byte with the same ephemeral keys. */
#include "tunnel/cookie.h"
#include "tunnel/handshake.h"
#include "tunnel/session.h"
#include "tunnel/tai64n.h"
#include <string.h>

static GBytes *
from_hex(const char *hex)
{
    gsize size = strlen(hex) / 2;
    g_autofree guint8 *bytes = g_malloc(size + 1);

    for (gsize i = 0; i < size; i++)
        bytes[i] = (guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 |
                            g_ascii_xdigit_value(hex[2 * i + 1]));
    return g_bytes_new_take(g_steal_pointer(&bytes), size);
}

static void
fill(void *ret, gsize size, const char *hex)
{
    g_autoptr(GBytes) bytes = from_hex(hex);

    g_assert_cmpuint(g_bytes_get_size(bytes), ==, size);
    memcpy(ret, g_bytes_get_data(bytes, NULL), size);
}

static void
assert_hex(const guint8 *data, gsize size, const char *hex)
{
    g_autoptr(GBytes) bytes = from_hex(hex);

    g_assert_cmpmem(data, size, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
fill_base64(guint8 ret[STILE_KEY_SIZE], const char *text)
{
    g_assert_true(stile_key_parse(ret, text, NULL));
}

/* snow, tests/vectors/cacophony.txt */
static void
test_cacophony(void)
{
    static const char *const payloads[] = {"4c756477696720766f6e204d69736573",
                                           "4d757272617920526f746862617264",
                                           "462e20412e20486179656b",
                                           "4361726c204d656e676572",
                                           "4a65616e2d426170746973746520536179",
                                           "457567656e2042f6686d20766f6e2042617765726b"};
    static const char *const messages[] = {
        ("ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de9f98ddd8e2ad57527"
         "207feb56253c9c94a9e496782ecfcb2a75fbcaf1b52948cc48daefe660c62119ab5000980c84831215f2441e"
         "ba616548e832985464cf17e51ee93109008399a21f7e13f"),
        ("95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2caef0751b8f007572d"
         "ab0322217755c0632f365717edbf34d33e87a"),
        "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7",
        "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef",
        "6ab1467c0448cc78394494abaaf23afce0e234315d6e2624dcbfa8a21c1c4d073d",
        "dfc346c0d2296ae6cf1acf6f12b8456a1dba228cf8d8b774aacf1c47fc53aa80ebc7a4c292"};
    guint8 i_static[32], i_public[32], i_ephemeral[32], r_static[32], r_public[32], r_ephemeral[32],
        psk[32], shared[32], who[32], keys[2][32], out[256], in[256];
    StileIkpsk2 initiator, responder;
    g_autoptr(GBytes) first = from_hex(payloads[0]);
    g_autoptr(GBytes) second = from_hex(payloads[1]);
    gsize size1 = g_bytes_get_size(first), size2 = g_bytes_get_size(second);

    fill(psk, 32, "54686973206973206d7920417573747269616e20706572737065637469766521");
    fill(i_static, 32, "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1");
    fill(i_ephemeral, 32, "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a");
    fill(r_static, 32, "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893");
    fill(r_ephemeral, 32, "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b");
    stile_x25519_public(i_static, i_public);
    stile_x25519_public(r_static, r_public);
    assert_hex(r_public, 32, "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62");
    g_assert_true(stile_x25519(i_static, r_public, shared));

    stile_ikpsk2_init(&initiator, "John Galt", 9, r_public);
    stile_ikpsk2_init(&responder, "John Galt", 9, r_public);
    g_assert_true(stile_ikpsk2_write_first(&initiator, i_ephemeral, i_public, r_public, shared,
                                           g_bytes_get_data(first, NULL), size1, out));
    assert_hex(out, size1 + STILE_IKPSK2_FIRST_OVERHEAD, messages[0]);
    g_assert_true(stile_ikpsk2_read_who(&responder, r_static, out, who));
    g_assert_cmpmem(who, 32, i_public, 32);
    g_assert_true(
        stile_ikpsk2_read_first(&responder, shared, out, size1 + STILE_IKPSK2_FIRST_OVERHEAD, in));
    assert_hex(in, size1, payloads[0]);

    g_assert_true(stile_ikpsk2_write_second(&responder, r_ephemeral, i_public, psk,
                                            g_bytes_get_data(second, NULL), size2, out));
    assert_hex(out, size2 + STILE_IKPSK2_SECOND_OVERHEAD, messages[1]);
    g_assert_true(stile_ikpsk2_read_second(&initiator, i_static, psk, out,
                                           size2 + STILE_IKPSK2_SECOND_OVERHEAD, in));
    assert_hex(in, size2, payloads[1]);
    g_assert_cmpmem(initiator.noise.hash, 32, responder.noise.hash, 32);

    /* What follows goes by the two keys in turn, the counter of each from 0. */
    stile_noise_split(&initiator.noise, keys[0], keys[1]);
    for (guint i = 2; i < G_N_ELEMENTS(messages); i++) {
        g_autoptr(StileAead) aead = stile_aead_new(keys[i % 2]);
        g_autoptr(GBytes) payload = from_hex(payloads[i]);
        gsize size = g_bytes_get_size(payload);

        stile_aead_seal(aead, i / 2 - 1, NULL, 0, g_bytes_get_data(payload, NULL), size, out);
        assert_hex(out, size + STILE_AEAD_TAG_SIZE, messages[i]);
    }
}

#define LINUX_INITIATION                                                                           \
    "0100000015cf47c7744fc57d33642a1ca516fd8362a6fb908e4fdc046549d80faaa3704b68c7cb73ac707e42e763" \
    "6cfb87fd4d755d68694df1756fe4089a5740df7872310426d434ed384a753935198b277a6d865a4a597d1a159f8b" \
    "ea3e20b4465399fbe6f2602fa6b657a8896ad6443609cfd6d027f041b4cae1016f435157037f0ea9000000000000" \
    "00000000000000000000"
#define LINUX_RESPONSE                                                                             \
    "0200000032fa1aac15cf47c7193cbb311b4132235fe178af862fc67d31122abc0f080efafc5ea27a9a94a10750f4" \
    "0920ef1786e049472e8b03595e65730b94f13b49d294bf85f5cad7f6ef2800000000000000000000000000000000"

typedef struct {
    StileHandshakeIdentity initiator, responder;
    guint8 i_ephemeral[32], r_ephemeral[32], shared[32], timestamp[STILE_TAI64N_SIZE];
    StileMessageInitiation initiation;
    StileMessageResponse response;
    StileIkpsk2 i_state, r_state;
} Capture;

static void
capture_init(Capture *capture)
{
    fill_base64(capture->initiator.private_key, "gBen0g0RVUOR4ehlFkWdDf18Ic//lxBIxa1PqvjTmEw=");
    fill_base64(capture->initiator.public_key, "eKSmoueAzZ+0cLTiix9F+Hcu5X0VvTXlsNPGGwFwiS4=");
    fill_base64(capture->responder.private_key, "QChaGDXeH3eQsbFAhueUNWFdq9KfpF3yl+eITjZbXEk=");
    fill_base64(capture->responder.public_key, "JRI8Xc0zKP9kXk8qP84NdUQA04h6DLfFbwJn4g+/PFs=");
    fill_base64(capture->i_ephemeral, "wGygl2kFYdbJWIMtEmaSQAMONuX1+b2EZ9umhB6mCEo=");
    fill_base64(capture->r_ephemeral, "ELwhlhseNwg64Fos0qJhXbSVeBc2lYVkqdmkLx3rekg=");
    fill(capture->timestamp, STILE_TAI64N_SIZE, "400000005a994d2c3b389469");
    fill(&capture->initiation, sizeof capture->initiation, LINUX_INITIATION);
    fill(&capture->response, sizeof capture->response, LINUX_RESPONSE);
    g_assert_true(stile_x25519(capture->initiator.private_key, capture->responder.public_key,
                               capture->shared));
}

static void
test_linux(void)
{
    static const guint8 no_psk[STILE_KEY_SIZE];
    Capture c;
    guint8 who[STILE_KEY_SIZE], timestamp[STILE_TAI64N_SIZE], message[64];
    StileMessageInitiation initiation;
    StileMessageResponse response;
    StileCookie to_responder, to_initiator;
    StileSession *a, *b;

    capture_init(&c);
    stile_cookie_init(&to_responder, c.responder.public_key);
    stile_cookie_init(&to_initiator, c.initiator.public_key);
    g_assert_true(stile_handshake_initiate(
        &c.i_state, &c.initiator, c.responder.public_key, c.shared, c.i_ephemeral, c.timestamp,
        stile_message_get_u32(c.initiation.sender), &initiation));
    stile_cookie_sign(&to_responder, 0, (guint8 *)&initiation, sizeof initiation);
    assert_hex((guint8 *)&initiation, sizeof initiation, LINUX_INITIATION);

    g_assert_true(stile_handshake_read_who(&c.r_state, &c.responder, &initiation, who));
    g_assert_cmpmem(who, sizeof who, c.initiator.public_key, STILE_KEY_SIZE);
    g_assert_true(stile_handshake_read_initiation(&c.r_state, c.shared, &initiation, timestamp));
    g_assert_cmpmem(timestamp, sizeof timestamp, c.timestamp, STILE_TAI64N_SIZE);
    g_assert_true(stile_handshake_respond(&c.r_state, who, no_psk, c.r_ephemeral,
                                          stile_message_get_u32(c.response.sender),
                                          stile_message_get_u32(initiation.sender), &response));
    stile_cookie_sign(&to_initiator, 0, (guint8 *)&response, sizeof response);
    assert_hex((guint8 *)&response, sizeof response, LINUX_RESPONSE);

    /* A forged response must not spoil the state for the true one. */
    response.noise[40] ^= 1;
    g_assert_false(stile_handshake_read_response(&c.i_state, &c.initiator, no_psk, &response));
    g_assert_true(stile_handshake_read_response(&c.i_state, &c.initiator, no_psk, &c.response));

    a = stile_session_new(&c.i_state.noise, TRUE, 1, 0);
    b = stile_session_new(&c.r_state.noise, FALSE, 2, 0);
    g_assert_cmpuint(stile_session_seal(a, (const guint8 *)"there", 5, 16, message), ==, 48);
    g_assert_cmpint(stile_session_open(b, 0, message, 48), ==, STILE_SESSION_OPENED);
    g_assert_cmpstr((const char *)message + 16, ==, "there");
    g_assert_cmpuint(stile_session_seal(b, (const guint8 *)"back", 4, 16, message), ==, 48);
    g_assert_cmpint(stile_session_open(a, 0, message, 48), ==, STILE_SESSION_OPENED);
    g_assert_cmpstr((const char *)message + 16, ==, "back");
    stile_session_free(a);
    stile_session_free(b);
}

/* Every bit of both messages matters: changed, the message is refused, by mac1 or by the keys. */
static void
test_altered(void)
{
    static const guint8 no_psk[STILE_KEY_SIZE], other_psk[STILE_KEY_SIZE] = {1};
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 1);
    StileCookieChecker of_responder, of_initiator;
    Capture c;
    StileMessageInitiation initiation;
    guint8 who[STILE_KEY_SIZE], timestamp[STILE_TAI64N_SIZE];

    capture_init(&c);
    stile_cookie_checker_init(&of_responder, clock, c.responder.public_key);
    stile_cookie_checker_init(&of_initiator, clock, c.initiator.public_key);
    g_assert_true(stile_cookie_check_mac1(&of_responder, (guint8 *)&c.initiation, 148));
    g_assert_true(stile_cookie_check_mac1(&of_initiator, (guint8 *)&c.response, 92));
    g_assert_false(stile_cookie_check_mac1(&of_initiator, (guint8 *)&c.initiation, 148));
    g_assert_false(stile_cookie_check_mac1(&of_responder, (guint8 *)&c.response, 92));

    g_assert_true(stile_handshake_initiate(&c.i_state, &c.initiator, c.responder.public_key,
                                           c.shared, c.i_ephemeral, c.timestamp, 1, &initiation));
    for (gsize i = 0; i < sizeof c.initiation - STILE_MAC_SIZE; i++) {
        StileMessageInitiation altered = c.initiation;
        gboolean read;

        ((guint8 *)&altered)[i] ^= 0x40;
        g_assert_false(stile_cookie_check_mac1(&of_responder, (guint8 *)&altered, sizeof altered));
        read = stile_handshake_read_who(&c.r_state, &c.responder, &altered, who) &&
               stile_handshake_read_initiation(&c.r_state, c.shared, &altered, timestamp);
        if (i >= 8 && i < 8 + sizeof altered.noise)
            g_assert_false(read);
        else
            g_assert_true(read);
    }
    for (gsize i = 0; i < sizeof c.response - STILE_MAC_SIZE; i++) {
        StileMessageResponse altered = c.response;

        ((guint8 *)&altered)[i] ^= 0x04;
        g_assert_false(stile_cookie_check_mac1(&of_initiator, (guint8 *)&altered, sizeof altered));
        if (i >= 12 && i < 12 + sizeof altered.noise)
            g_assert_false(
                stile_handshake_read_response(&c.i_state, &c.initiator, no_psk, &altered));
    }
    g_assert_false(stile_handshake_read_response(&c.i_state, &c.initiator, other_psk, &c.response));
    g_assert_true(stile_handshake_read_response(&c.i_state, &c.initiator, no_psk, &c.response));
    stile_cookie_checker_clear(&of_responder);
    stile_cookie_checker_clear(&of_initiator);
}

static void
test_tai64n(void)
{
    guint8 a[STILE_TAI64N_SIZE], b[STILE_TAI64N_SIZE];

    stile_tai64n(0, a);
    assert_hex(a, sizeof a, "400000000000000a00000000");
    stile_tai64n(G_GINT64_CONSTANT(1600000000) * G_USEC_PER_SEC + 999999, a);
    assert_hex(a, sizeof a, "400000005f5e100a3a000000"); /* 999999000 ns, without the low bits */
    stile_tai64n(G_GINT64_CONSTANT(1600000001) * G_USEC_PER_SEC, b);
    g_assert_true(stile_tai64n_after(b, a));
    g_assert_false(stile_tai64n_after(a, b));
    g_assert_false(stile_tai64n_after(a, a));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/handshake/cacophony", test_cacophony);
    g_test_add_func("/tunnel/handshake/linux", test_linux);
    g_test_add_func("/tunnel/handshake/altered", test_altered);
    g_test_add_func("/tunnel/handshake/tai64n", test_tai64n);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What members tell each other: presences and signals are read as they were written, may grow at
 * their end, and are refused whole when anything in them is wrong. */
#include "base/error.h"
#include "mesh/server-uri.h"
#include "mesh/signal.h"
#include "mesh/stand-in.h"
#include <string.h>

static StileSignal *
example(void)
{
    StileSignal *signal = g_new0(StileSignal, 1);

    signal->kind = STILE_SIGNAL_ICE;
    g_strlcpy(signal->ufrag, "abcdEF12", sizeof signal->ufrag);
    g_strlcpy(signal->password, "0123456789abcdefghijkl+/", sizeof signal->password);
    g_strlcpy(signal->ack, "wxyz", sizeof signal->ack);
    signal->complete = TRUE;
    signal->mapping = STILE_NAT_ENDPOINT_INDEPENDENT;
    signal->n_candidates = 2;
    for (guint i = 0; i < signal->n_candidates; i++) {
        StileCandidate *candidate = &signal->candidates[i];

        candidate->type = i == 0 ? STILE_CANDIDATE_HOST : STILE_CANDIDATE_SERVER_REFLEXIVE;
        candidate->technique = i == 0 ? STILE_TECHNIQUE_HOST : STILE_TECHNIQUE_REFLEXIVE;
        g_assert_true(stile_address_parse(
            &candidate->address, i == 0 ? "192.168.1.2:4000" : "203.0.113.9:5000", 0, NULL));
        candidate->priority = 1000 + i;
        g_strlcpy(candidate->foundation, "f1", sizeof candidate->foundation);
    }
    return signal;
}

static void
test_round_trip(void)
{
    g_autofree StileSignal *signal = example(), *read = g_new(StileSignal, 1);
    guint8 buffer[STILE_SIGNAL_MAX_SIZE];
    gsize size = stile_signal_write(signal, buffer, sizeof buffer);
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint(size, >, 0);
    g_assert_true(stile_signal_parse(read, buffer, size, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(read->ufrag, ==, signal->ufrag);
    g_assert_cmpstr(read->password, ==, signal->password);
    g_assert_cmpstr(read->ack, ==, signal->ack);
    g_assert_true(read->complete);
    g_assert_false(read->udp_blocked);
    g_assert_cmpint(read->mapping, ==, STILE_NAT_ENDPOINT_INDEPENDENT);
    g_assert_cmpuint(read->n_candidates, ==, 2);
    g_assert_true(
        stile_address_equal(&read->candidates[1].address, &signal->candidates[1].address));
    /* Room to grow. */
    buffer[size] = 7;
    g_assert_true(stile_signal_parse(read, buffer, size + 1, NULL));
}

static void
test_bad(void)
{
    g_autofree StileSignal *signal = example(), *read = g_new(StileSignal, 1);
    guint8 buffer[STILE_SIGNAL_MAX_SIZE];
    gsize size = stile_signal_write(signal, buffer, sizeof buffer);

    for (gsize cut = 0; cut < size; cut++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(stile_signal_parse(read, buffer, cut, &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
    g_strlcpy(signal->ufrag, "abc", sizeof signal->ufrag); /* shorter than RFC 8839 allows */
    size = stile_signal_write(signal, buffer, sizeof buffer);
    g_assert_false(stile_signal_parse(read, buffer, size, NULL));
    g_strlcpy(signal->ufrag, "ab:d", sizeof signal->ufrag); /* would split a USERNAME */
    size = stile_signal_write(signal, buffer, sizeof buffer);
    g_assert_false(stile_signal_parse(read, buffer, size, NULL));
    g_strlcpy(signal->ufrag, "abcd", sizeof signal->ufrag);
    g_assert_true(stile_address_parse(&signal->candidates[0].address, "224.0.0.1:9", 0, NULL));
    size = stile_signal_write(signal, buffer, sizeof buffer);
    g_assert_false(stile_signal_parse(read, buffer, size, NULL));
    g_assert_cmpuint(stile_signal_write(signal, buffer, 20), ==, 0);
}

static void
test_presence(void)
{
    g_autoptr(GBytes) certificate = g_bytes_new_static("certificate", 11);
    g_autoptr(GBytes) written = stile_presence_write(certificate, NULL, NULL, 0);
    StilePresence presence;
    gsize size;
    const guint8 *data = g_bytes_get_data(written, &size);

    g_assert_true(stile_presence_parse(&presence, data, size, NULL));
    g_assert_cmpmem(presence.certificate, presence.certificate_size, "certificate", 11);
    g_assert_null(presence.revocations);
    for (gsize cut = 0; cut < size; cut++)
        g_assert_false(stile_presence_parse(&presence, data, cut, NULL));
}

/* 32 bytes, as openssl writes some of them. */
#define DIGEST "00:112233445566778899aabbccddeeff00112233445566778899aabbccddee:AB"

static void
test_offers(void)
{
    g_autoptr(GBytes) written = NULL;
    StileStunOffer offers[3] = {{.second_port = 7}, {.second_port = 0}, {.second_port = 9}};
    StilePresence presence;
    gsize size, bare = 1 + 2 + 2;
    const guint8 *data;

    g_assert_true(stile_address_parse(&offers[0].address, "198.51.100.2:3478", 0, NULL));
    g_assert_true(stile_address_parse(&offers[1].address, "[2001:db8::2]:3479", 0, NULL));
    /* Nobody is sent into private networks. */
    g_assert_true(stile_address_parse(&offers[2].address, "192.168.1.1:53", 0, NULL));
    written = stile_presence_write(NULL, NULL, offers, 3);
    data = g_bytes_get_data(written, &size);
    g_assert_true(stile_presence_parse(&presence, data, size, NULL));
    g_assert_cmpuint(presence.n_offers, ==, 2);
    for (guint i = 0; i < 2; i++) {
        g_assert_true(stile_address_equal(&presence.offers[i].address, &offers[i].address));
        g_assert_cmpuint(presence.offers[i].second_port, ==, offers[i].second_port);
    }
    for (gsize cut = 0; cut < size; cut++)
        g_assert_true(stile_presence_parse(&presence, data, cut, NULL) == (cut == bare));
}

static void
test_stand_in(void)
{
    StileStandIn asks = {.kind = STILE_STAND_IN_ASK, .id = "0123456789a"}, read;
    guint8 buffer[STILE_STAND_IN_MAX_SIZE];
    gsize size;

    g_assert_true(stile_address_parse(&asks.to, "198.51.100.2:40000", 0, NULL));
    size = stile_stand_in_write(&asks, buffer);
    g_assert_true(stile_stand_in_parse(&read, buffer, size));
    g_assert_cmpint(read.kind, ==, asks.kind);
    g_assert_cmpmem(read.id, sizeof read.id, asks.id, sizeof asks.id);
    g_assert_true(stile_address_equal(&read.to, &asks.to));
    for (gsize cut = 0; cut < size; cut++)
        g_assert_false(stile_stand_in_parse(&read, buffer, cut));
    buffer[1] = 1; /* a signal */
    g_assert_false(stile_stand_in_parse(&read, buffer, size));
}

static void
test_servers(void)
{
    static const struct {
        const char *text, *host;
        guint16 port;
    } good[] = {
        {"stun.example.org", "stun.example.org", 3478},
        {"stun:stun.example.org:19302", "stun.example.org", 19302},
        {"192.0.2.1:1", "192.0.2.1", 1},
        {"[2001:db8::1]:5", "2001:db8::1", 5},
        {"2001:db8::1", "2001:db8::1", 3478},
    };
    static const char *const bad[] = {"", ":1", "a:0", "a:65536", "a b", "[::1", "a:b:c", "a/b"};
    static const char *const bad_turn[] = {
        "host",
        "turn:",
        "turns:",
        "turn:host?x=y",
        "turn:ho st",
        "turns:host?transport=udp",
        "turn:host?transport=sctp",
        "turn:host?transport=tcp#sha256=" DIGEST,
        "turns:host#sha256=00",
        "turns:host#sha256=" DIGEST "00",
        "turns:host#" DIGEST,
    };
    static const struct {
        const char *text, *host;
        guint16 port;
        StileTransport transport;
        gboolean has_fingerprint;
    } good_turn[] = {
        {"turn:a.example.org", "a.example.org", 3478, STILE_TRANSPORT_UDP, FALSE},
        {"turn:a:443?transport=udp", "a", 443, STILE_TRANSPORT_UDP, FALSE},
        {"turn:a?transport=tcp", "a", 3478, STILE_TRANSPORT_TCP, FALSE},
        {"turn:[2001:db8::1]:80?transport=TCP", "2001:db8::1", 80, STILE_TRANSPORT_TCP, FALSE},
        {"turns:a", "a", 5349, STILE_TRANSPORT_TLS, FALSE},
        {"turns:a:443?transport=tcp", "a", 443, STILE_TRANSPORT_TLS, FALSE},
        {"turns:a:443#sha256=" DIGEST, "a", 443, STILE_TRANSPORT_TLS, TRUE},
        {"turns:a?transport=tcp#sha256=" DIGEST, "a", 5349, STILE_TRANSPORT_TLS, TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_auto(StileServerUri) uri = {0};

        g_assert_true(stile_stun_uri_parse(&uri, good[i].text, NULL));
        g_assert_cmpstr(uri.host, ==, good[i].host);
        g_assert_cmpuint(uri.port, ==, good[i].port);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(StileServerUri) uri = {0};

        g_assert_false(stile_stun_uri_parse(&uri, bad[i], NULL));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad_turn); i++) {
        g_auto(StileServerUri) uri = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(stile_turn_uri_parse(&uri, bad_turn[i], &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(good_turn); i++) {
        g_auto(StileServerUri) uri = {0};

        g_assert_true(stile_turn_uri_parse(&uri, good_turn[i].text, NULL));
        g_assert_cmpstr(uri.host, ==, good_turn[i].host);
        g_assert_cmpuint(uri.port, ==, good_turn[i].port);
        g_assert_cmpint(uri.transport, ==, good_turn[i].transport);
        g_assert_cmpint(uri.has_fingerprint, ==, good_turn[i].has_fingerprint);
        if (uri.has_fingerprint)
            g_assert_cmpuint(uri.fingerprint[31], ==, 0xab);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/signal/round-trip", test_round_trip);
    g_test_add_func("/signal/bad", test_bad);
    g_test_add_func("/signal/presence", test_presence);
    g_test_add_func("/signal/offers", test_offers);
    g_test_add_func("/signal/stand-in", test_stand_in);
    g_test_add_func("/signal/servers", test_servers);
    return g_test_run();
}

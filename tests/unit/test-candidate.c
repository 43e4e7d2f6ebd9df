/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Candidates: priorities and foundations by RFC 8445, endpoints, what goes over the wire, and that
 * nothing is read which we must not send to. */
#include "ice/candidate.h"
#include "ice/preference.h"
#include "simnet.h"
#include <string.h>

static void
test_priority(void)
{
    /* RFC 8445 §5.1.2.1 by hand: (2^24)·126 + (2^8)·65535 + 255 */
    g_assert_cmpuint(stile_candidate_priority(STILE_CANDIDATE_HOST, 65535), ==, 2130706431);
    g_assert_cmpuint(stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 65535), ==,
                     1694498815);
    g_assert_cmpuint(stile_candidate_priority(STILE_CANDIDATE_PEER_REFLEXIVE, 0), ==, 1845494015);
    g_assert_cmpuint(stile_candidate_priority(STILE_CANDIDATE_RELAYED, 0), ==, 255);
}

static StileCandidate
make(StileCandidateType type, const char *address, const char *base, const char *server)
{
    StileCandidate candidate = {
        .type = type,
        .address = sim_address(address),
        .base = sim_address(base),
        .priority = stile_candidate_priority(type, 7),
    };

    if (server)
        candidate.server = sim_address(server);
    stile_candidate_set_foundation(&candidate);
    return candidate;
}

static void
test_foundation(void)
{
    StileCandidate a = make(STILE_CANDIDATE_SERVER_REFLEXIVE, "203.0.113.1:1", "10.0.0.2:1",
                            "198.51.100.1:3478");
    StileCandidate same = make(STILE_CANDIDATE_SERVER_REFLEXIVE, "203.0.113.1:2", "10.0.0.2:2",
                               "198.51.100.1:3479");
    StileCandidate others[] = {
        make(STILE_CANDIDATE_PEER_REFLEXIVE, "203.0.113.1:1", "10.0.0.2:1", "198.51.100.1:3478"),
        make(STILE_CANDIDATE_SERVER_REFLEXIVE, "203.0.113.1:1", "10.0.0.3:1", "198.51.100.1:3478"),
        make(STILE_CANDIDATE_SERVER_REFLEXIVE, "203.0.113.1:1", "10.0.0.2:1", "198.51.100.2:3478"),
    };

    g_assert_cmpstr(a.foundation, ==, same.foundation);
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_cmpstr(a.foundation, !=, others[i].foundation);
    g_assert_cmpuint(strlen(a.foundation), <=, 32);
}

static void
test_endpoint(void)
{
    StileCandidate relayed = make(STILE_CANDIDATE_RELAYED, "198.51.100.9:49152",
                                  "198.51.100.9:49152", "198.51.100.1:3478");
    StileCandidate mapped = make(STILE_CANDIDATE_SERVER_REFLEXIVE, "203.0.113.1:9", "10.0.0.2:1",
                                 NULL);
    StileCandidate zoned = make(STILE_CANDIDATE_HOST, "[fe80::1]:1", "[fe80::1%7]:1", NULL);
    StileAddress peer = sim_address("192.0.2.4:4"), zone = sim_address("[fe80::2%9]:4");
    StileEndpoint endpoint = stile_candidate_endpoint(&relayed, &peer);

    g_assert_cmpint(endpoint.kind, ==, STILE_ENDPOINT_TURN);
    g_assert_true(stile_address_equal(&endpoint.server, &relayed.server));
    g_assert_true(stile_address_equal(&endpoint.remote, &peer));
    g_assert_cmpuint(endpoint.channel, ==, 0);
    endpoint = stile_candidate_endpoint(&mapped, &peer);
    g_assert_cmpint(endpoint.kind, ==, STILE_ENDPOINT_UDP);
    g_assert_true(stile_address_equal(&endpoint.local, &mapped.base));
    g_assert_false(stile_address_is_set(&endpoint.server));
    /* A peer's zone is the peer's. */
    endpoint = stile_candidate_endpoint(&zoned, &zone);
    g_assert_cmpuint(endpoint.remote.in6.sin6_scope_id, ==, 7);
}

static void
test_wire(void)
{
    static const char *const good[] = {"192.0.2.1:1",     "10.0.0.1:65535", "100.64.1.1:9",
                                       "[2001:db8::1]:5", "[fd00::1]:5",    "[fe80::1]:5"};
    static const char *const bad[] = {
        "224.0.0.1:5", "255.255.255.255:5", "0.0.0.0:5", "127.0.0.1:5", "169.254.169.254:80",
        "240.0.0.1:5", "192.0.2.1:0",       "[::]:5",    "[::1]:5",     "[ff02::1]:5",
        "[100::1]:5"};

    for (gsize i = 0; i < G_N_ELEMENTS(good) + G_N_ELEMENTS(bad); i++) {
        gboolean is_good = i < G_N_ELEMENTS(good);
        const char *text = is_good ? good[i] : bad[i - G_N_ELEMENTS(good)];
        StileCandidate candidate = make(STILE_CANDIDATE_SERVER_REFLEXIVE, text, "10.0.0.2:1", NULL);
        guint8 buffer[128];
        StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);
        StileReader reader;
        StileCandidate back;

        stile_candidate_write(&candidate, &writer);
        g_assert_false(writer.failed);
        reader = STILE_READER_INIT(buffer, writer.used);
        g_assert_cmpint(stile_candidate_read(&back, &reader), ==, is_good);
        g_assert_cmpint(reader.failed, ==, !is_good);
        if (!is_good)
            continue;
        g_assert_true(stile_reader_done(&reader));
        g_assert_true(stile_address_equal(&back.address, &candidate.address));
        g_assert_cmpint(back.type, ==, candidate.type);
        g_assert_cmpuint(back.priority, ==, candidate.priority);
        g_assert_cmpstr(back.foundation, ==, candidate.foundation);
        g_assert_false(stile_address_is_set(&back.base));
    }
}

static void
test_wire_refused(void)
{
    /* type, technique, version, address, port, priority, foundation */
    static const guint8 right[] = {1, 2, 4, 192, 0, 2, 1, 0, 5, 0, 0, 1, 0, 0, 1, 'a'};
    static const struct {
        gsize at;
        guint8 byte;
    } changes[] = {{0, 4}, {1, STILE_N_TECHNIQUES}, {2, 5}, {9, 0x80}, {11, 0}, {15, ' '}};
    StileReader reader = STILE_READER_INIT(right, sizeof right);
    StileCandidate candidate;

    g_assert_true(stile_candidate_read(&candidate, &reader));
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        guint8 wrong[sizeof right];

        memcpy(wrong, right, sizeof right);
        wrong[changes[i].at] = changes[i].byte;
        reader = STILE_READER_INIT(wrong, sizeof wrong);
        g_assert_false(stile_candidate_read(&candidate, &reader));
        g_assert_true(reader.failed);
    }
}

static StileLocalAddress
local(const char *address, const char *name, const char *type)
{
    StileLocalAddress ret = {.address = sim_address(address), .link_type = type};

    g_strlcpy(ret.ifname, name, sizeof ret.ifname);
    return ret;
}

static void
test_preference(void)
{
    /* Best first. */
    StileLocalAddress order[] = {
        local("2001:db8::1", "eth0", "ether"), local("2001:db8::2", "eth0", "ether"),
        local("2001:db8::1", "wlan0", "wlan"), local("192.0.2.1", "eth0", "ether"),
        local("10.0.0.1", "br0", "bridge"),    local("192.0.2.1", "wlan0", "wlan"),
        local("192.0.2.1", "wwan0", "wwan"),   local("172.17.0.1", "docker0", "docker"),
    };
    StileLocalAddress never[] = {
        local("127.0.0.1", "lo", "loopback"),
        local("169.254.3.4", "eth0", "ether"),
        local("fe80::1%2", "eth0", "ether"),
        local("10.86.0.1", "stile0", "tun"),
    };

    order[1].temporary = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(order); i++) {
        g_assert_true(stile_preference_usable(&order[i], "stile0"));
        if (i > 0)
            g_assert_cmpuint(stile_preference_of(&order[i - 1]), >, stile_preference_of(&order[i]));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(never); i++)
        g_assert_false(stile_preference_usable(&never[i], "stile0"));
    order[0].deprecated = TRUE;
    g_assert_false(stile_preference_usable(&order[0], "stile0"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/candidate/priority", test_priority);
    g_test_add_func("/candidate/foundation", test_foundation);
    g_test_add_func("/candidate/endpoint", test_endpoint);
    g_test_add_func("/candidate/wire", test_wire);
    g_test_add_func("/candidate/wire-refused", test_wire_refused);
    g_test_add_func("/candidate/preference", test_preference);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCP's PEER opcode under the virtual clock, against a router with a table of its own: asked only
 * when wanted, repeated until answered, renewed at half life, forgotten when it expires, given
 * back; responses with another nonce, of another remote, of no lifetime; refusals. */
#include "base/bytes.h"
#include "portmap/pcp-peers.h"

#include <string.h>

#define SECOND ((gint64)G_USEC_PER_SEC)

typedef struct {
    StileClock *clock;
    StilePcpPeers *peers;
    StileAddress bob, carol;
    guint requests, deletes;
    guint8 last[STILE_PCP_PEER_SIZE];
    guint changes;
    char *known; /* "remote external" of the last change */
} Fixture;

static void
on_send(gpointer user_data, const guint8 *data, gsize size)
{
    Fixture *fixture = user_data;

    g_assert_cmpuint(size, ==, STILE_PCP_PEER_SIZE);
    g_assert_cmpuint(data[1], ==, STILE_PCP_PEER);
    if ((data[4] | data[5] | data[6] | data[7]) == 0)
        fixture->deletes++;
    else
        fixture->requests++;
    memcpy(fixture->last, data, size);
}

static void
on_changed(gpointer user_data, const StileAddress *remote, const StileAddress *external)
{
    Fixture *fixture = user_data;
    g_autofree char *from = stile_address_to_string(remote);
    g_autofree char *to = external ? stile_address_to_string(external) : g_strdup("nothing");

    fixture->changes++;
    g_free(fixture->known);
    fixture->known = g_strdup_printf("%s %s", from, to);
}

static const StilePcpPeersCalls calls = {on_send, on_changed};

static void
set_up(Fixture *fixture, gconstpointer data)
{
    StileAddress internal;

    g_assert_true(stile_address_parse(&internal, "192.168.1.9:51820", 0, NULL));
    g_assert_true(stile_address_parse(&fixture->bob, "8.8.4.4:4000", 0, NULL));
    g_assert_true(stile_address_parse(&fixture->carol, "8.8.8.8:4001", 0, NULL));
    fixture->clock = stile_clock_new_virtual(5000 * SECOND, 11);
    fixture->peers = stile_pcp_peers_new(fixture->clock, &internal, &calls, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    stile_pcp_peers_free(fixture->peers);
    g_free(fixture->known);
    stile_clock_unref(fixture->clock);
}

static void
pass(Fixture *fixture, gint64 seconds)
{
    stile_clock_advance(fixture->clock, seconds * SECOND);
}

/* The router's response to the last request, whose byte @at is another one; 0 for none. */
static void
respond(Fixture *fixture, guint8 result, guint32 lifetime, guint16 port, gsize at)
{
    guint8 response[STILE_PCP_PEER_SIZE];
    StileWriter writer = STILE_WRITER_INIT(response, sizeof response);
    StilePcpResponse parsed;

    memcpy(response, fixture->last, sizeof response);
    stile_writer_u8(&writer, 2);
    stile_writer_u8(&writer, 0x80 | STILE_PCP_PEER);
    stile_writer_u8(&writer, 0);
    stile_writer_u8(&writer, result);
    stile_writer_u32be(&writer, lifetime);
    response[42] = (guint8)(port >> 8);
    response[43] = (guint8)port;
    memcpy(response + 44, (guint8[16]){[10] = 0xff, [11] = 0xff, 203, 0, 113, 7}, 16);
    if (at)
        response[at] ^= 1;
    g_assert_true(stile_pcp_parse(&parsed, response, sizeof response, NULL));
    stile_pcp_peers_receive(fixture->peers, &parsed);
}

static void
test_life(Fixture *fixture, gconstpointer data)
{
    stile_pcp_peers_add(fixture->peers, &fixture->bob);
    pass(fixture, 100);
    g_assert_cmpuint(fixture->requests, ==, 0);
    stile_pcp_peers_set_wanted(fixture->peers, TRUE);
    g_assert_cmpuint(fixture->requests, ==, 1);
    pass(fixture, 4);
    g_assert_cmpuint(fixture->requests, ==, 4);
    respond(fixture, 0, 600, 40000, 0);
    g_assert_cmpstr(fixture->known, ==, "8.8.4.4:4000 203.0.113.7:40000");
    pass(fixture, 299);
    g_assert_cmpuint(fixture->requests, ==, 4);
    stile_clock_advance(fixture->clock, 1200 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(fixture->requests, ==, 5);
    /* Suggested is what there is. */
    g_assert_cmpuint(fixture->last[42] << 8 | fixture->last[43], ==, 40000);
    respond(fixture, 0, 600, 40000, 0);
    pass(fixture, 290);
    g_assert_cmpuint(fixture->requests, ==, 5);
    /* The router is silent: it is forgotten when it must be, and asked about all the same. */
    pass(fixture, 300);
    g_assert_cmpstr(fixture->known, ==, "8.8.4.4:4000 203.0.113.7:40000");
    pass(fixture, 20);
    g_assert_cmpstr(fixture->known, ==, "8.8.4.4:4000 nothing");
    respond(fixture, 0, 600, 40001, 0);
    g_assert_cmpstr(fixture->known, ==, "8.8.4.4:4000 203.0.113.7:40001");
    g_assert_cmpuint(fixture->deletes, ==, 0);
    stile_pcp_peers_remove(fixture->peers, &fixture->bob);
    g_assert_cmpuint(fixture->deletes, ==, 1);
}

static void
test_strange(Fixture *fixture, gconstpointer data)
{
    static const gsize bytes[] = {24, 35, 36, 40, 61, 79}; /* nonce, protocol, port, remote */

    stile_pcp_peers_set_wanted(fixture->peers, TRUE);
    stile_pcp_peers_add(fixture->peers, &fixture->bob);
    for (gsize i = 0; i < G_N_ELEMENTS(bytes); i++)
        respond(fixture, 0, 600, 40000, bytes[i]);
    respond(fixture, 0, 0, 40000, 0);
    respond(fixture, 0, 600, 0, 0);
    g_assert_cmpuint(fixture->changes, ==, 0);
    respond(fixture, 0, 600, 40000, 0);
    g_assert_cmpuint(fixture->changes, ==, 1);
}

static void
test_refused(Fixture *fixture, gconstpointer data)
{
    stile_pcp_peers_set_wanted(fixture->peers, TRUE);
    stile_pcp_peers_add(fixture->peers, &fixture->bob);
    respond(fixture, STILE_PCP_UNSUPP_OPCODE, 1000, 0, 0);
    pass(fixture, 990);
    g_assert_cmpuint(fixture->requests, ==, 1);
    pass(fixture, 20);
    g_assert_cmpuint(fixture->requests, >, 1);
    g_assert_cmpuint(fixture->changes, ==, 0);
    respond(fixture, 0, G_MAXUINT32, 40000, 0);
    g_assert_cmpuint(fixture->changes, ==, 1);
    pass(fixture, 3601);
    g_assert_cmpstr(fixture->known, ==, "8.8.4.4:4000 nothing");
}

static void
test_many(Fixture *fixture, gconstpointer data)
{
    stile_pcp_peers_add(fixture->peers, &fixture->carol);
    for (guint16 port = 1; port < 500; port++) {
        StileAddress remote = stile_address_with_port(&fixture->bob, port);

        stile_pcp_peers_add(fixture->peers, &remote);
    }
    stile_pcp_peers_set_wanted(fixture->peers, TRUE);
    g_assert_cmpuint(fixture->requests, ==, 64);
    respond(fixture, 0, 600, 40000, 0);
    fixture->requests = 0;
    stile_pcp_peers_renew(fixture->peers);
    g_assert_cmpuint(fixture->requests, ==, 64);
    fixture->requests = 0;
    /* One port for all is better: nothing is renewed any more. */
    stile_pcp_peers_set_wanted(fixture->peers, FALSE);
    pass(fixture, 599);
    g_assert_cmpuint(fixture->requests, ==, 0);
    pass(fixture, 2);
    g_assert_cmpuint(fixture->requests, ==, 0);
    g_assert_cmpuint(fixture->changes, ==, 2);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/pcp-peers/life", test_life},
        {"/pcp-peers/strange", test_strange},
        {"/pcp-peers/refused", test_refused},
        {"/pcp-peers/many", test_many},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
    return g_test_run();
}

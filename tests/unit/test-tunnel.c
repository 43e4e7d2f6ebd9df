/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves the WireGuard protocol between tunnels under a virtual clock: handshake and data, loss of
 * each handshake message, a bad network, renewal and expiry of keys, keepalives, both sides
 * beginning at once, preshared keys, endpoints that are learnt, given and doubled, and tables that
 * change. */
#include "tests/unit/tunnel-world.h"
#include "tunnel/message.h"
#include "tunnel/peer.h"
#include <string.h>

static void
test_data(void)
{
    g_autoptr(World) world = world_new(1);
    Node *a = world_add(world), *b = world_add(world);
    g_autoptr(GBytes) packet = world_packet(&a->inner, &b->inner, 77, 1);
    g_autoptr(GBytes) packet6 = world_packet(&b->inner6, &a->inner6, 1420, 2);
    StilePeerStats *stats;
    StileEndpoint endpoint;

    world_pair(a, b, NULL);
    g_assert_cmpint(stile_tunnel_deadline(a->tunnel), ==, G_MAXINT64);
    node_send(a, packet);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 1);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 1);
    g_assert_true(g_bytes_equal(b->last, packet));
    node_send(b, packet6);
    world_run(world, 0);
    g_assert_true(g_bytes_equal(a->last, packet6));
    g_assert_cmpuint(a->handshakes, ==, 1);
    g_assert_cmpuint(b->handshakes, ==, 1);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT], ==, 1); /* the queued one, no keepalive */

    stats = node_stats(a, b);
    g_assert_cmpuint(stats->tx_bytes, ==, 77);
    g_assert_cmpuint(stats->tx_packets, ==, 1);
    g_assert_cmpuint(stats->rx_bytes, ==, 1420);
    g_assert_cmpuint(stats->rx_packets, ==, 1);
    g_assert_cmpint(stats->last_rx, ==, world_now(world));
    g_assert_cmpint(stats->last_tx, ==, world_now(world));
    g_assert_cmpint(stats->last_handshake, ==, stile_clock_real(world->clock));
    g_assert_cmpuint(stats->dropped, ==, 0);
    endpoint = stile_tunnel_peer_endpoint(node_peer(b, a), NULL);
    g_assert_true(stile_address_equal(&endpoint.remote, &a->address));
    g_assert_cmpmem(stile_tunnel_peer_key(node_peer(b, a)), 32, a->public_key, 32);
}

/* Sizes on the wire: padded to 16, never beyond the MTU; in place and from elsewhere the same. */
static void
test_padding(void)
{
    static const struct {
        gsize packet, message;
    } sizes[] = {{20, 64}, {32, 64}, {33, 80}, {1408, 1440}, {1409, 1452}, {1420, 1452}};
    g_autoptr(World) world = world_new(2);
    Node *a = world_add(world), *b = world_add(world);

    world_pair(a, b, NULL);
    node_handshake(a, b);
    world_run(world, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GBytes) packet = world_packet(&a->inner, &b->inner, sizes[i].packet, (guint8)i);
        g_autoptr(GBytes) message = node_seal(a, b, packet);
        StileEndpoint from = node_endpoint(a);
        guint8 place[2000];
        gsize size;

        g_assert_cmpuint(g_bytes_get_size(message), ==, sizes[i].message);
        g_assert_cmpint(node_receive(b, &from, message), ==, STILE_TUNNEL_PACKET);
        g_assert_true(g_bytes_equal(b->last, packet));

        memcpy(place + 16, g_bytes_get_data(packet, NULL), sizes[i].packet);
        size = stile_tunnel_seal(a->tunnel, node_peer(a, b), world_now(world), place + 16,
                                 sizes[i].packet, WORLD_MTU, place);
        g_clear_pointer(&message, g_bytes_unref);
        message = g_bytes_new(place, size);
        g_assert_cmpint(node_receive(b, &from, message), ==, STILE_TUNNEL_PACKET);
        g_assert_true(g_bytes_equal(b->last, packet));
    }
}

typedef struct {
    guint8 type;
    guint from, count; /* which ones of this type are lost */
    guint seen;
    gint64 last, gaps[64];
} Loss;

static gint64
lose(World *world, const Letter *letter, gpointer user_data)
{
    Loss *loss = user_data;
    const guint8 *message = g_bytes_get_data(letter->message, NULL);

    if (message[0] != loss->type)
        return 0;
    if (loss->seen < G_N_ELEMENTS(loss->gaps))
        loss->gaps[loss->seen] = world_now(world) - loss->last;
    loss->last = world_now(world);
    loss->seen++;
    return loss->seen > loss->from && loss->seen <= loss->from + loss->count ? -1 : 0;
}

static void
test_loss(void)
{
    for (guint8 type = STILE_MESSAGE_INITIATION; type <= STILE_MESSAGE_TRANSPORT; type++) {
        g_autoptr(World) world = world_new(type);
        Node *a = world_add(world), *b = world_add(world);
        Loss loss = {.type = type, .count = type == STILE_MESSAGE_TRANSPORT ? 1 : 2};

        world->func = lose;
        world->user_data = &loss;
        world_pair(a, b, NULL);
        node_send_to(a, b, 100);
        world_run(world, SECONDS(11));
        if (type != STILE_MESSAGE_TRANSPORT) {
            g_assert_cmpuint(b->packets, ==, 1); /* it was kept for the session */
            continue;
        }
        /* Lost: the packet, and B cannot use the session that it has no proof for; it asks on
         * its own, and gets one, when it has something to say. */
        g_assert_cmpuint(b->packets, ==, 0);
        node_send_to(b, a, 100);
        world_run(world, SECONDS(6));
        g_assert_cmpuint(a->packets, ==, 1);
        node_send_to(a, b, 100);
        world_run(world, 0);
        g_assert_cmpuint(b->packets, ==, 1);
    }
}

static void
test_retransmission(void)
{
    g_autoptr(World) world = world_new(4);
    Node *a = world_add(world), *b = world_add(world);
    Loss loss = {.type = STILE_MESSAGE_INITIATION, .count = G_MAXUINT};
    guint different = 0;

    world->func = lose;
    world->user_data = &loss;
    world_pair(a, b, NULL);
    node_send_to(a, b, 100);
    node_send_to(a, b, 100); /* does not make it faster */
    world_run(world, SECONDS(700));
    g_assert_cmpuint(loss.seen, ==, 1 + STILE_MAX_ATTEMPTS);
    for (guint i = 1; i < loss.seen; i++) {
        g_assert_cmpint(loss.gaps[i], >=, STILE_REKEY_TIMEOUT);
        g_assert_cmpint(loss.gaps[i], <, STILE_REKEY_TIMEOUT + STILE_REKEY_TIMEOUT_JITTER);
        different += loss.gaps[i] != loss.gaps[1];
    }
    g_assert_cmpuint(different, >, 10);
    g_assert_cmpuint(node_stats(a, b)->dropped, ==, 2);
    g_assert_null(node_peer(a, b)->pending);
    g_assert_cmpint(stile_tunnel_deadline(a->tunnel), ==, G_MAXINT64);

    loss.count = 0; /* and when the way is open again, a packet is enough */
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 1);
}

static void
test_queue(void)
{
    g_autoptr(World) world = world_new(5);
    Node *a = world_add(world), *b = world_add(world);

    world_pair(a, b, NULL);
    for (guint i = 0; i < STILE_TUNNEL_MAX_STAGED + 10; i++)
        node_send_to(a, b, 20 + i);
    g_assert_cmpuint(node_stats(a, b)->dropped, ==, 10);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, STILE_TUNNEL_MAX_STAGED);
    g_assert_cmpuint(g_bytes_get_size(b->last), ==, 20 + STILE_TUNNEL_MAX_STAGED + 9);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 1);
}

/* With traffic, a session is renewed before it is refused, by its initiator, without a loss. */
static void
test_rekey(void)
{
    g_autoptr(World) world = world_new(6);
    Node *a = world_add(world), *b = world_add(world);

    world_pair(a, b, NULL);
    for (guint i = 0; i < 1000; i++) {
        node_send_to(a, b, 100);
        node_send_to(b, a, 100);
        world_run(world, SECONDS(1));
    }
    g_assert_cmpuint(b->packets, ==, 1000);
    g_assert_cmpuint(a->packets, ==, 1000);
    g_assert_cmpuint(a->handshakes, ==, 1 + 1000 / 120);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, a->handshakes);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_INITIATION], ==, 0);
}

/* The initiator that only receives, and need not even answer, renews late but not too late. */
static void
test_rekey_receiving(void)
{
    g_autoptr(World) world = world_new(7);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table;

    world_pair(a, b, NULL);
    node_handshake(a, b);
    world_run(world, 0);
    table = node_table(b, FALSE, a, NULL);
    ((StileTablePeer *)table->peers->pdata[0])->persistent_keepalive = 10;
    node_set_table(b, table);
    world_run(world, SECONDS(164));
    g_assert_cmpuint(a->handshakes, ==, 1);
    world_run(world, SECONDS(15));
    g_assert_cmpuint(a->handshakes, ==, 2);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_INITIATION], ==, 0);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT], ==, 2); /* the confirmations */
}

static void
test_keepalive(void)
{
    g_autoptr(World) world = world_new(8);
    Node *a = world_add(world), *b = world_add(world);

    world_pair(a, b, NULL);
    node_send_to(a, b, 100);
    world_run(world, SECONDS(9));
    g_assert_cmpuint(b->sent[STILE_MESSAGE_TRANSPORT], ==, 0);
    world_run(world, SECONDS(2));
    g_assert_cmpuint(b->sent[STILE_MESSAGE_TRANSPORT], ==, 1); /* passive keepalive */
    g_assert_cmpuint(node_stats(b, a)->tx_packets, ==, 0);
    world_run(world, SECONDS(60)); /* a keepalive is not answered: it is quiet now */
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT] + b->sent[STILE_MESSAGE_TRANSPORT], ==, 2);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION] + b->sent[STILE_MESSAGE_INITIATION], ==, 1);

    /* One way only, for a minute: a keepalive every ten seconds keeps the sender content. */
    for (guint i = 0; i < 40; i++) {
        node_send_to(a, b, 100);
        world_run(world, SECONDS(1));
    }
    g_assert_cmpuint(b->sent[STILE_MESSAGE_TRANSPORT], ==, 1 + 4);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 1);
}

/* Data that is answered by nothing at all for 15 seconds makes the sender ask anew. */
static void
test_silence(void)
{
    g_autoptr(World) world = world_new(9);
    Node *a = world_add(world), *b = world_add(world);
    Loss loss = {.type = STILE_MESSAGE_TRANSPORT, .count = G_MAXUINT};

    world_pair(a, b, NULL);
    node_send_to(a, b, 100);
    world_run(world, SECONDS(11));
    world->func = lose;
    world->user_data = &loss;
    node_send_to(a, b, 100);
    world_run(world, SECONDS(14));
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 1);
    world_run(world, SECONDS(2));
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 2);
}

static void
test_expiry(void)
{
    g_autoptr(World) world = world_new(10);
    Node *a = world_add(world), *b = world_add(world);
    g_autoptr(GBytes) packet = world_packet(&a->inner, &b->inner, 100, 0);
    g_autoptr(GBytes) old = NULL;
    StileEndpoint from = node_endpoint(a);

    world_pair(a, b, NULL);
    node_handshake(a, b);
    world_run(world, SECONDS(100));
    old = node_seal(a, b, packet);
    g_assert_nonnull(old);
    world_run(world, SECONDS(81));
    g_assert_cmpint(node_receive(b, &from, old), ==, STILE_TUNNEL_UNAUTHENTICATED);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 2); /* by the silence */
    world_run(world, SECONDS(200));
    g_assert_null(node_seal(b, a, packet));
    world_run(world, 0);
    g_assert_nonnull(node_peer(b, a)->current);

    /* When nobody asks for a new session, the keys of the old ones are forgotten. */
    world_run(world, SECONDS(539));
    g_assert_nonnull(node_peer(b, a)->current);
    world_run(world, SECONDS(2));
    for (guint i = 0; i < 2; i++) {
        StileTunnelPeer *peer = i ? node_peer(a, b) : node_peer(b, a);

        g_assert_null(peer->current);
        g_assert_null(peer->previous);
        g_assert_null(peer->next);
        g_assert_null(peer->pending);
        g_assert_cmpuint(g_hash_table_size(peer->tunnel->index.entries), ==, 0);
        g_assert_cmpint(stile_tunnel_deadline(peer->tunnel), ==, G_MAXINT64);
    }
    node_send_to(a, b, 50);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 1);
}

static void
test_message_limits(void)
{
    g_autoptr(World) world = world_new(11);
    Node *a = world_add(world), *b = world_add(world);
    g_autoptr(GBytes) packet = world_packet(&b->inner, &a->inner, 100, 0);
    g_autoptr(GBytes) last = NULL;
    StileEndpoint from = node_endpoint(b);

    world_pair(a, b, NULL);
    node_handshake(a, b);
    world_run(world, SECONDS(10));
    /* Not the initiator of this session, and yet: so many messages are a reason for either. */
    node_peer(b, a)->current->counter = STILE_REKEY_AFTER_MESSAGES;
    node_send(b, packet);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_INITIATION], ==, 1);
    world_run(world, SECONDS(10));
    g_assert_cmpuint(a->packets, ==, 1);
    g_assert_true(node_peer(b, a)->current->initiator);

    node_peer(b, a)->current->counter = STILE_REJECT_AFTER_MESSAGES - 1;
    last = node_seal(b, a, packet);
    g_assert_nonnull(last);
    g_assert_cmpint(node_receive(a, &from, last), ==, STILE_TUNNEL_PACKET);
    g_assert_null(node_seal(b, a, packet));
}

static void
test_persistent_keepalive(void)
{
    g_autoptr(World) world = world_new(12);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table;

    world_pair(a, b, NULL);
    table = node_table(a, TRUE, b, NULL);
    ((StileTablePeer *)table->peers->pdata[0])->persistent_keepalive = 25;
    node_set_table(a, table);
    world_run(world, SECONDS(1)); /* begins by itself */
    g_assert_cmpuint(a->handshakes, ==, 1);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT], ==, 1);
    world_run(world, SECONDS(100));
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT], ==, 1 + 4);
    node_set_table(a, node_table(a, TRUE, b, NULL));
    world_run(world, SECONDS(100));
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT], ==, 1 + 4);
}

static gint64
jittery(World *world, const Letter *letter, gpointer user_data)
{
    return g_rand_int_range(user_data, 0, 300000);
}

/* Both begin at once, with every order of arrival that random delays give: data passes both ways,
 * and afterwards both use the same session, so that one of them renews it. */
static void
test_simultaneous(void)
{
    guint doubled = 0;

    for (guint seed = 0; seed < 200; seed++) {
        g_autoptr(World) world = world_new(seed);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        Node *a = world_add(world), *b = world_add(world);
        guint64 before;

        world->func = jittery;
        world->user_data = rand;
        node_set_table(a, node_table(a, TRUE, b, NULL));
        node_set_table(b, node_table(b, TRUE, a, NULL));
        node_handshake(a, b);
        node_handshake(b, a);
        world_run(world, SECONDS(2));
        g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 1);
        g_assert_cmpuint(b->sent[STILE_MESSAGE_INITIATION], ==, 1);
        g_assert_cmpint(node_peer(a, b)->current->initiator, !=,
                        node_peer(b, a)->current->initiator);
        doubled += a->handshakes == 2 && b->handshakes == 2;

        before = a->handshakes;
        for (guint i = 0; i < 200; i++) {
            node_send_to(a, b, 100);
            node_send_to(b, a, 100);
            world_run(world, SECONDS(1));
        }
        g_assert_cmpuint(a->packets, ==, 200);
        g_assert_cmpuint(b->packets, ==, 200);
        g_assert_cmpuint(a->handshakes - before, ==, 1);
        g_assert_cmpuint(node_stats(a, b)->dropped + node_stats(b, a)->dropped, ==, 0);
    }
    g_assert_cmpuint(doubled, >, 100); /* the case that this is about did happen */
}

/* After a handshake @b starts anew and begins another, whichever side has the greater key. */
static void
restart_after(guint32 seed, gint64 pause, gboolean after_talk)
{
    g_autoptr(World) world = world_new(seed);
    Node *a = world_add(world), *b = world_add(world);
    guint heard;

    node_set_table(a, node_table(a, TRUE, b, NULL));
    node_set_table(b, node_table(b, TRUE, a, NULL));
    node_handshake(a, b);
    world_run(world, pause);
    if (after_talk)
        node_send_to(b, a, 100);
    world_run(world, 0);
    node_restart(b);
    node_set_table(b, node_table(b, TRUE, a, NULL));
    heard = a->packets;
    node_send_to(b, a, 100);
    world_run(world, 0);
    g_assert_cmpuint(a->packets - heard, ==, 1);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 1);
}

/* Who starts anew is spoken to by the new session at once: also when it does so in the second after
 * a handshake that it never used, which looks as if both had begun at the same time. */
static void
test_restart(void)
{
    for (guint seed = 0; seed < 20; seed++) {
        restart_after(seed, SECONDS(2), FALSE);
        restart_after(seed, SECONDS(1) / 10, TRUE);
        restart_after(seed, SECONDS(1) / 10, FALSE);
    }
}

/* The same when it is the other side that begins the second handshake. */
static void
test_restart_asked(void)
{
    for (guint seed = 0; seed < 20; seed++) {
        g_autoptr(World) world = world_new(seed);
        Node *a = world_add(world), *b = world_add(world);

        node_set_table(a, node_table(a, TRUE, b, NULL));
        node_set_table(b, node_table(b, TRUE, a, NULL));
        node_handshake(b, a);
        world_run(world, SECONDS(1) / 10);
        node_restart(b);
        node_set_table(b, node_table(b, TRUE, a, NULL));
        node_handshake(a, b);
        world_run(world, 0);
        node_send_to(a, b, 100);
        world_run(world, 0);
        g_assert_cmpuint(b->packets, ==, 1);
        node_send_to(b, a, 100);
        world_run(world, 0);
        g_assert_cmpuint(a->packets, ==, 1);
    }
}

static gint64
bad_network(World *world, const Letter *letter, gpointer user_data)
{
    return g_rand_int_range(user_data, 0, 10) < 4 ? -1 : g_rand_int_range(user_data, 0, 3000000);
}

/* However things went before, when the network is good again both sides soon hear all. */
static void
test_recovery(void)
{
    for (guint seed = 0; seed < 100; seed++) {
        g_autoptr(World) world = world_new(seed);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        Node *a = world_add(world), *b = world_add(world);
        guint heard_a = 0, heard_b = 0;

        world->user_data = rand;
        world->func = bad_network;
        node_set_table(a, node_table(a, TRUE, b, NULL));
        node_set_table(b, node_table(b, TRUE, a, NULL));
        for (guint i = 0; i < 300 + seed; i++) {
            if (g_rand_int_range(rand, 0, 10) < 5)
                node_send_to(a, b, 100);
            if (g_rand_int_range(rand, 0, 10) < 5)
                node_send_to(b, a, 100);
            if (g_rand_int_range(rand, 0, 100) < 5)
                g_rand_boolean(rand) ? node_handshake(a, b) : node_handshake(b, a);
            world_run(world, SECONDS(1));
        }
        world->func = NULL;
        world_run(world, SECONDS(3));
        for (guint i = 0; i < 200; i++) {
            if (i == 16) { /* as long as a silence may go unnoticed */
                heard_a = a->packets;
                heard_b = b->packets;
            }
            node_send_to(a, b, 100);
            node_send_to(b, a, 100);
            world_run(world, SECONDS(1));
        }
        g_assert_cmpuint(a->packets - heard_a, ==, 184);
        g_assert_cmpuint(b->packets - heard_b, ==, 184);
        g_assert_cmpuint(g_hash_table_size(a->tunnel->index.entries), <=, 4);
    }
}

static void
test_preshared_key(void)
{
    static const guint8 one[STILE_KEY_SIZE] = {1}, two[STILE_KEY_SIZE] = {2};
    g_autoptr(World) world = world_new(14);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table;

    world_pair(a, b, one);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 1);

    table = node_table(b, FALSE, a, NULL);
    memcpy(((StileTablePeer *)table->peers->pdata[0])->preshared_key, two, STILE_KEY_SIZE);
    node_set_table(b, table);
    node_send_to(a, b, 100); /* sessions that are there stay */
    world_run(world, SECONDS(200));
    g_assert_cmpuint(b->packets, ==, 2);
    node_send_to(a, b, 100);
    world_run(world, SECONDS(20));
    g_assert_cmpuint(b->packets, ==, 2);
    g_assert_cmpuint(a->results[STILE_TUNNEL_UNAUTHENTICATED], >=, 3); /* the responses */
}

static void
test_roaming(void)
{
    g_autoptr(World) world = world_new(15);
    Node *a = world_add(world), *b = world_add(world);
    StileEndpoint endpoint;

    world_pair(a, b, NULL);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->roams, ==, 1); /* from nowhere to where A is */
    a->address = stile_address_with_port(&a->address, 1234);
    node_send_to(b, a, 100); /* goes to the old place */
    world_run(world, 0);
    g_assert_cmpuint(a->packets, ==, 0);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->roams, ==, 2);
    node_send_to(b, a, 100);
    world_run(world, 0);
    g_assert_cmpuint(a->packets, ==, 1);

    /* What the table says goes before what was learnt. */
    endpoint = node_endpoint(a);
    endpoint.remote = stile_address_with_port(&endpoint.remote, 99);
    a->address = endpoint.remote;
    node_set_table(b, node_table(b, TRUE, a, NULL));
    a->address = stile_address_with_port(&a->address, 1234);
    node_send_to(a, b, 100);
    world_run(world, 0);
    endpoint = stile_tunnel_peer_endpoint(node_peer(b, a), NULL);
    g_assert_cmpuint(stile_address_port(&endpoint.remote), ==, 99);
    g_assert_cmpuint(b->roams, ==, 2);
}

static void
test_no_path(void)
{
    g_autoptr(World) world = world_new(16);
    Node *a = world_add(world), *b = world_add(world);

    node_set_table(a, node_table(a, FALSE, b, NULL));
    node_set_table(b, node_table(b, FALSE, a, NULL));
    node_send_to(a, b, 100);
    node_handshake(a, b);
    g_assert_cmpuint(node_stats(a, b)->dropped, ==, 2); /* two initiations that could not go */
    world_run(world, SECONDS(30));
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 0);
    node_set_table(a, node_table(a, TRUE, b, NULL));
    world_run(world, 0); /* the waiting packet goes as soon as there is a way */
    g_assert_cmpuint(b->packets, ==, 1);
}

static void
test_second_path(void)
{
    g_autoptr(World) world = world_new(17);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table;
    StileTablePeer *peer;

    node_set_table(b, node_table(b, FALSE, a, NULL));
    table = node_table(a, TRUE, b, NULL);
    peer = table->peers->pdata[0];
    peer->second_path = peer->path;
    peer->path.remote = stile_address_with_port(&peer->path.remote, 9); /* leads nowhere */
    node_set_table(a, table);
    node_send_to(a, b, 100);
    world_run(world, 0);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_INITIATION], ==, 2);
    g_assert_cmpuint(a->sent[STILE_MESSAGE_TRANSPORT], ==, 4);
    g_assert_cmpuint(b->packets, ==, 2);

    /* Both paths lead there: the copies are recognised. */
    table = node_table(a, TRUE, b, NULL);
    peer = table->peers->pdata[0];
    peer->second_path = peer->path;
    node_set_table(a, table);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 3);
    g_assert_cmpuint(b->results[STILE_TUNNEL_REPLAYED], ==, 1);
    g_assert_cmpuint(node_stats(b, a)->dropped, ==, 1);
}

/* A handshake that got no answer on a path that is gone is begun again on the new one at once. */
static void
test_path_change(void)
{
    g_autoptr(World) world = world_new(18);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table;

    node_set_table(b, node_table(b, FALSE, a, NULL));
    table = node_table(a, TRUE, b, NULL);
    ((StileTablePeer *)table->peers->pdata[0])->path.remote.in.sin_port = 0;
    node_set_table(a, table);
    node_handshake(a, b);
    world_run(world, SECONDS(2));
    g_assert_cmpuint(a->handshakes, ==, 0);
    node_set_table(a, node_table(a, TRUE, b, NULL));
    world_run(world, 0);
    g_assert_cmpuint(a->handshakes, ==, 1);
}

static void
test_table(void)
{
    g_autoptr(World) world = world_new(19);
    Node *a = world_add(world), *b = world_add(world), *c = world_add(world);
    StilePrefix prefix = {b->inner, 32};
    StilePeerStats *stats;
    StileTable *table;

    node_set_table(b, node_table(b, FALSE, a, NULL));
    node_set_table(c, node_table(c, FALSE, a, NULL));
    node_set_table(a, node_table(a, TRUE, a, b, c, NULL));
    g_assert_null(node_peer(a, a)); /* nobody is their own peer */
    node_send_to(a, b, 100);
    node_send_to(a, c, 100);
    world_run(world, 0);
    g_assert_cmpuint(a->handshakes, ==, 2);
    stats = stile_peer_stats_ref(node_stats(a, b));

    node_set_table(a, node_table(a, TRUE, b, NULL));
    g_assert_null(node_peer(a, c));
    g_assert_null(stile_tunnel_route(a->tunnel, AF_INET, (const guint8 *)&c->inner.in.sin_addr));
    node_send_to(a, b, 100);
    node_send_to(c, a, 100);
    world_run(world, 0);
    g_assert_cmpuint(a->handshakes, ==, 2);
    g_assert_cmpuint(a->packets, ==, 0);
    g_assert_cmpuint(a->results[STILE_TUNNEL_UNAUTHENTICATED], ==, 1);
    g_assert_cmpuint(stats->tx_packets, ==, 2);
    g_assert_cmpuint(b->packets, ==, 2);

    /* The same prefix twice: the later one has it; twice the same peer: the first. */
    table = node_table(a, TRUE, b, c, b, NULL);
    g_array_append_val(((StileTablePeer *)table->peers->pdata[1])->allowed, prefix);
    node_set_table(a, table);
    g_assert_true(stile_tunnel_route(a->tunnel, AF_INET, (const guint8 *)&b->inner.in.sin_addr) ==
                  node_peer(a, c));
    stile_peer_stats_unref(stats);
}

/* Idle peers cost no time, and the memory of an unused one is small. */
static void
test_many_peers(void)
{
    g_autoptr(World) world = world_new(20);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table = node_table(a, TRUE, b, NULL);

    node_set_table(b, node_table(b, FALSE, a, NULL));
    for (guint32 i = 0; i < 1000; i++) {
        guint8 key[STILE_KEY_SIZE];
        StileTablePeer *peer;
        StilePrefix prefix = {.length = 32};

        stile_clock_random(world->clock, key, sizeof key);
        prefix.address = stile_address_from_ip(AF_INET, &i, 0);
        peer = stile_table_add(table, key, NULL);
        g_array_append_val(peer->allowed, prefix);
    }
    node_set_table(a, table);
    g_assert_cmpint(stile_tunnel_deadline(a->tunnel), ==, G_MAXINT64);
    node_send_to(a, b, 100);
    g_assert_cmpuint(a->tunnel->timers.array->len, ==, 2); /* one peer, from place 1 */
    world_run(world, SECONDS(1000));
    g_assert_cmpuint(b->packets, ==, 1);
    g_assert_cmpint(stile_tunnel_deadline(a->tunnel), ==, G_MAXINT64);
    g_assert_cmpuint(sizeof(StileTunnelPeer), <, 1024);
    g_assert_cmpuint(sizeof(StileSession), <, 1200);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/data", test_data);
    g_test_add_func("/tunnel/padding", test_padding);
    g_test_add_func("/tunnel/loss", test_loss);
    g_test_add_func("/tunnel/retransmission", test_retransmission);
    g_test_add_func("/tunnel/queue", test_queue);
    g_test_add_func("/tunnel/rekey", test_rekey);
    g_test_add_func("/tunnel/rekey-receiving", test_rekey_receiving);
    g_test_add_func("/tunnel/keepalive", test_keepalive);
    g_test_add_func("/tunnel/silence", test_silence);
    g_test_add_func("/tunnel/expiry", test_expiry);
    g_test_add_func("/tunnel/message-limits", test_message_limits);
    g_test_add_func("/tunnel/persistent-keepalive", test_persistent_keepalive);
    g_test_add_func("/tunnel/simultaneous", test_simultaneous);
    g_test_add_func("/tunnel/restart", test_restart);
    g_test_add_func("/tunnel/restart-asked", test_restart_asked);
    g_test_add_func("/tunnel/recovery", test_recovery);
    g_test_add_func("/tunnel/preshared-key", test_preshared_key);
    g_test_add_func("/tunnel/roaming", test_roaming);
    g_test_add_func("/tunnel/no-path", test_no_path);
    g_test_add_func("/tunnel/second-path", test_second_path);
    g_test_add_func("/tunnel/path-change", test_path_change);
    g_test_add_func("/tunnel/table", test_table);
    g_test_add_func("/tunnel/many-peers", test_many_peers);
    return g_test_run();
}

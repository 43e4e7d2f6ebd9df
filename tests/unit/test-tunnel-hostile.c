/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves what the tunnel does with what no honest peer sends, and under load: garbage, truncated,
 * altered, replayed, reordered, forged; it is silent to strangers, keeps no state for them, and
 * asks for cookies when there is too much to do. */
#include "tests/unit/tunnel-world.h"
#include "tunnel/message.h"
#include "tunnel/peer.h"
#include <string.h>

static guint
sent_messages(const Node *node)
{
    return node->sent[1] + node->sent[2] + node->sent[3] + node->sent[4];
}

static GBytes *
captured(Node *node, guint8 type)
{
    for (guint i = 0; i < node->capture->len; i++) {
        GBytes *message = g_ptr_array_index(node->capture, i);

        if (((const guint8 *)g_bytes_get_data(message, NULL))[0] == type)
            return message;
    }
    g_assert_not_reached();
}

static void
capture(Node *node)
{
    node->capture = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
}

static void
test_garbage(void)
{
    g_autoptr(World) world = world_new(1);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    Node *a = world_add(world), *b = world_add(world);
    StileEndpoint from = node_endpoint(a);
    guint before, malformed = 0, refused = 0;

    world_pair(a, b, NULL);
    node_send_to(a, b, 100);
    world_run(world, 0);
    before = sent_messages(b);
    for (guint type = 0; type < 7; type++)
        for (gsize size = 0; size < 200; size++) {
            guint8 data[200] = {(guint8)type};
            g_autoptr(GBytes) message = NULL;

            for (gsize i = 4; i < size; i++)
                data[i] = (guint8)g_rand_int(rand);
            if (type == 6 && size > 4)
                memcpy(data, "\4\0\0\1", 4); /* the reserved bytes are not zero */
            message = g_bytes_new(data, size);
            if (node_receive(b, &from, message) == STILE_TUNNEL_MALFORMED)
                malformed++;
            else
                refused++;
        }
    g_assert_cmpuint(b->results[STILE_TUNNEL_MALFORMED], ==, malformed);
    g_assert_cmpuint(b->results[STILE_TUNNEL_UNAUTHENTICATED], ==, refused);
    g_assert_cmpuint(refused, ==, 3 + (200 - 32)); /* those of a right size */
    g_assert_cmpuint(sent_messages(b), ==, before);
}

/* Truncated by a byte or more, longer, or with any bit changed: nothing is accepted. */
static void
test_altered(void)
{
    g_autoptr(World) world = world_new(2);
    Node *a = world_add(world), *b = world_add(world), *nodes[] = {a, b};
    StileEndpoint from = node_endpoint(a);

    capture(a);
    capture(b);
    world_pair(a, b, NULL);
    node_handshake(a, b);
    world_run(world, 0);
    for (guint8 type = STILE_MESSAGE_INITIATION; type <= STILE_MESSAGE_TRANSPORT; type++) {
        Node *to = nodes[type != STILE_MESSAGE_RESPONSE];
        gsize size;
        const guint8 *data;

        if (type == STILE_MESSAGE_COOKIE)
            continue; /* test_cookie() */
        if (type == STILE_MESSAGE_RESPONSE)
            node_handshake(a, b); /* so that one is waited for; but not this one */
        data = g_bytes_get_data(captured(nodes[type == STILE_MESSAGE_RESPONSE], type), &size);
        for (gsize cut = 0; cut < size; cut++) {
            g_autoptr(GBytes) message = g_bytes_new(data, cut);

            g_assert_cmpint(node_receive(to, &from, message), >=, STILE_TUNNEL_MALFORMED);
        }
        for (gsize bit = 0; bit < size * 8; bit++) {
            g_autofree guint8 *copy = g_memdup2(data, size);
            g_autoptr(GBytes) message = NULL;

            if (type != STILE_MESSAGE_TRANSPORT && bit / 8 >= size - STILE_MAC_SIZE)
                break; /* mac2, which is not looked at now */
            copy[bit / 8] ^= (guint8)(1 << bit % 8);
            message = g_bytes_new(copy, size);
            g_assert_cmpint(node_receive(to, &from, message), >=, STILE_TUNNEL_MALFORMED);
        }
    }
    g_assert_cmpuint(node_stats(b, a)->rx_packets, ==, 0);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, 1);
}

static void
test_replayed(void)
{
    g_autoptr(World) world = world_new(3);
    Node *a = world_add(world), *b = world_add(world);
    StileEndpoint elsewhere = node_endpoint(a), now;
    guint answers;

    elsewhere.remote = stile_address_with_port(&elsewhere.remote, 666);
    capture(a);
    capture(b);
    world_pair(a, b, NULL);
    node_send_to(a, b, 100);
    world_run(world, SECONDS(1));
    answers = b->sent[STILE_MESSAGE_RESPONSE];

    g_assert_cmpint(node_receive(b, &elsewhere, captured(a, STILE_MESSAGE_TRANSPORT)), ==,
                    STILE_TUNNEL_REPLAYED);
    g_assert_cmpint(node_receive(b, &elsewhere, captured(a, STILE_MESSAGE_INITIATION)), ==,
                    STILE_TUNNEL_REPLAYED);
    g_assert_cmpint(node_receive(a, &elsewhere, captured(b, STILE_MESSAGE_RESPONSE)), ==,
                    STILE_TUNNEL_UNAUTHENTICATED);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_RESPONSE], ==, answers);
    g_assert_cmpuint(node_stats(b, a)->dropped, ==, 2);
    g_assert_cmpuint(node_stats(b, a)->rx_packets, ==, 1);
    g_assert_cmpuint(b->roams, ==, 1); /* a replay moves nobody */
    now = stile_tunnel_peer_endpoint(node_peer(b, a), NULL);
    g_assert_cmpuint(stile_address_port(&now.remote), ==, 51820);
}

static void
test_reordered(void)
{
    g_autoptr(World) world = world_new(4);
    Node *a = world_add(world), *b = world_add(world);
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GBytes) packet = world_packet(&a->inner, &b->inner, 40, 0);
    StileEndpoint from = node_endpoint(a);

    world_pair(a, b, NULL);
    node_handshake(a, b);
    world_run(world, 0);
    for (guint i = 0; i < 9000; i++)
        g_ptr_array_add(messages, node_seal(a, b, packet));
    g_assert_cmpint(node_receive(b, &from, messages->pdata[8999]), ==, STILE_TUNNEL_PACKET);
    for (guint i = 0; i < 8999; i++)
        g_assert_cmpint(node_receive(b, &from, messages->pdata[i]), ==,
                        8999 - i < STILE_REPLAY_WINDOW ? STILE_TUNNEL_PACKET
                                                       : STILE_TUNNEL_REPLAYED);
    g_assert_cmpuint(b->packets, >, 8000);
    for (guint i = 0; i < 9000; i++)
        g_assert_cmpint(node_receive(b, &from, messages->pdata[i]), ==, STILE_TUNNEL_REPLAYED);
}

/* What a peer that has our trust as to its own addresses may put into its packets. */
static void
test_inner(void)
{
    g_autoptr(World) world = world_new(5);
    Node *a = world_add(world), *b = world_add(world), *c = world_add(world);
    StileEndpoint from = node_endpoint(a);
    const struct {
        GBytes *packet;
        gsize cut; /* of its size */
        gssize byte;
        guint8 value;
        StileTunnelResult result;
    } packets[] = {
        {world_packet(&a->inner, &b->inner, 60, 0), 0, -1, 0, STILE_TUNNEL_PACKET},
        {world_packet(&c->inner, &b->inner, 60, 0), 0, -1, 0, STILE_TUNNEL_DISALLOWED},
        {world_packet(&b->inner, &b->inner, 60, 0), 0, -1, 0, STILE_TUNNEL_DISALLOWED},
        {world_packet(&c->inner6, &b->inner6, 60, 0), 0, -1, 0, STILE_TUNNEL_DISALLOWED},
        {world_packet(&a->inner6, &b->inner6, 40, 0), 0, -1, 0, STILE_TUNNEL_PACKET},
        {world_packet(&a->inner, &b->inner, 60, 0), 0, 0, 0x55, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner, &b->inner, 60, 0), 0, 0, 0x65, STILE_TUNNEL_DISALLOWED},
        {world_packet(&a->inner, &b->inner, 60, 0), 0, 2, 0x01, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner, &b->inner, 60, 0), 0, 3, 19, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner, &b->inner, 60, 0), 0, 3, 20, STILE_TUNNEL_PACKET},
        {world_packet(&a->inner, &b->inner, 64, 0), 0, 3, 65, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner, &b->inner, 32, 0), 17, -1, 0, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner6, &b->inner6, 64, 0), 0, 5, 25, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner6, &b->inner6, 64, 0), 0, 5, 0, STILE_TUNNEL_PACKET},
        {world_packet(&a->inner6, &b->inner6, 48, 0), 17, -1, 0, STILE_TUNNEL_MALFORMED},
        {world_packet(&a->inner, &b->inner, 20, 0), 19, -1, 0, STILE_TUNNEL_MALFORMED},
    };

    node_set_table(a, node_table(a, TRUE, b, NULL));
    node_set_table(b, node_table(b, FALSE, a, c, NULL));
    node_handshake(a, b);
    world_run(world, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(packets); i++) {
        gsize size;
        const guint8 *data = g_bytes_get_data(packets[i].packet, &size);
        g_autofree guint8 *copy = g_memdup2(data, size);
        g_autoptr(GBytes) packet = NULL;
        g_autoptr(GBytes) message = NULL;

        if (packets[i].byte >= 0)
            copy[packets[i].byte] = packets[i].value;
        packet = g_bytes_new(copy, size - packets[i].cut);
        message = node_seal(a, b, packet);
        g_assert_cmpint(node_receive(b, &from, message), ==, packets[i].result);
        g_bytes_unref(packets[i].packet);
    }
    g_assert_cmpuint(node_stats(b, a)->rx_packets, ==, 4);
    g_assert_cmpuint(node_stats(b, a)->rx_bytes, ==, 60 + 40 + 20 + 40);
}

static void
test_stranger(void)
{
    g_autoptr(World) world = world_new(6);
    Node *a = world_add(world), *b = world_add(world), *c = world_add(world);

    node_set_table(a, node_table(a, TRUE, b, NULL));
    node_set_table(b, node_table(b, FALSE, c, NULL));
    node_send_to(a, b, 100);
    world_run(world, SECONDS(60));
    g_assert_cmpuint(b->results[STILE_TUNNEL_UNAUTHENTICATED], >, 10);
    g_assert_cmpuint(sent_messages(b), ==, 0);
    g_assert_cmpuint(g_hash_table_size(b->tunnel->index.entries), ==, 0);
    g_assert_cmpint(stile_tunnel_deadline(b->tunnel), ==, G_MAXINT64);
}

/* One that is known, but asks too often. */
static void
test_insistent(void)
{
    g_autoptr(World) world = world_new(7);
    Node *a = world_add(world), *b = world_add(world);

    world_pair(a, b, NULL);
    for (guint i = 0; i < 40; i++) {
        stile_tunnel_peer_initiate(node_peer(a, b), world_now(world), 0);
        world_run(world, 10000);
    }
    g_assert_cmpuint(b->sent[STILE_MESSAGE_RESPONSE], ==, 40 * 10000 / STILE_INITIATION_INTERVAL);
    g_assert_cmpuint(b->results[STILE_TUNNEL_REPLAYED], ==, 40 - 8);
    g_assert_cmpuint(g_hash_table_size(b->tunnel->index.entries), <=, 3);
}

/* Not even a clock that was set back makes our own initiations look like replays. */
static void
test_clock_set_back(void)
{
    g_autoptr(World) world = world_new(8);
    Node *a = world_add(world), *b = world_add(world);

    world_pair(a, b, NULL);
    for (guint i = 0; i < 3; i++) {
        node_handshake(a, b);
        world_run(world, SECONDS(2));
        stile_clock_set_real(world->clock, SECONDS(1600000000));
    }
    g_assert_cmpuint(a->handshakes, ==, 3);
}

static void
test_low_order_key(void)
{
    static const guint8 zeros[STILE_KEY_SIZE];
    g_autoptr(World) world = world_new(9);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table = node_table(a, TRUE, b, NULL);
    StileTablePeer *peer = table->peers->pdata[0];

    memcpy(peer->public_key, zeros, sizeof zeros);
    node_set_table(a, table);
    node_send_to(a, b, 100);
    world_run(world, SECONDS(10));
    g_assert_cmpuint(sent_messages(a), ==, 0);
    g_assert_cmpuint(peer->stats->dropped, ==, 1);
}

/* Initiations of somebody whom the node does not know, but who knows it, and who does not see what
 * comes back. */
static void
flood(Node *node, guint messages, guint16 port)
{
    World *world = node->world;
    Node *stranger = world_add(world);

    node_set_table(stranger, node_table(stranger, TRUE, node, NULL));
    stranger->address = stile_address_with_port(&stranger->address, port);
    for (guint i = 0; i < messages; i++) {
        stile_tunnel_peer_initiate(node_peer(stranger, node), world_now(world), 0);
        world_run(world, 0);
        node_peer(stranger, node)->cookie.until = STILE_NEVER;
    }
    node_set_table(stranger, stile_table_new());
}

static void
test_cookie(void)
{
    g_autoptr(World) world = world_new(10);
    Node *a = world_add(world), *b = world_add(world);
    guint8 forged[sizeof(StileMessageCookie)];
    g_autoptr(GBytes) forgery = NULL;
    StileEndpoint from = node_endpoint(b);
    GBytes *cookie;

    world_pair(a, b, NULL);
    flood(b, STILE_COOKIE_LOAD, 1);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_COOKIE], ==, 0);
    flood(b, 50, 2);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_COOKIE], ==, 50); /* nothing else is done for them */
    g_assert_cmpuint(b->answers_to_strangers, ==, 50);

    capture(b);
    node_send_to(a, b, 100);
    world_run(world, 0);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_COOKIE], ==, 51);
    g_assert_cmpuint(b->sent[STILE_MESSAGE_RESPONSE], ==, 0);
    g_assert_true(node_peer(a, b)->cookie.until > world_now(world));
    cookie = captured(b, STILE_MESSAGE_COOKIE);
    g_assert_cmpint(node_receive(a, &from, cookie), ==, STILE_TUNNEL_UNAUTHENTICATED); /* once */
    memcpy(forged, g_bytes_get_data(cookie, NULL), sizeof forged);
    forged[40] ^= 1;
    forgery = g_bytes_new(forged, sizeof forged);
    g_assert_cmpint(node_receive(a, &from, forgery), ==, STILE_TUNNEL_UNAUTHENTICATED);

    /* Its next try shows the cookie, and is heard while the load lasts. */
    world_run(world, STILE_REKEY_TIMEOUT - 1);
    flood(b, 150, 3);
    world_run(world, SECONDS(1));
    g_assert_cmpuint(a->handshakes, ==, 1);
    g_assert_cmpuint(b->packets, ==, 1);
    g_assert_cmpuint(a->answers_to_strangers, ==, 0);

    /* Without the load nobody is asked for one. */
    world_run(world, SECONDS(3));
    node_handshake(a, b);
    world_run(world, 0);
    g_assert_cmpuint(a->handshakes, ==, 2);
}

/* The cookie is good for the place it was sent to, and for two minutes. */
static void
test_cookie_bounds(void)
{
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 11);
    guint8 key[STILE_KEY_SIZE] = {9};
    StileEndpoint here = {.kind = STILE_ENDPOINT_UDP}, there[4];
    StileCookieChecker checker;
    StileCookie cookie;
    StileMessageCookie reply;
    StileMessageInitiation message = {.sender = {1, 2, 3, 4}};
    guint8 *bytes = (guint8 *)&message;

    here.remote = stile_address_from_ip(AF_INET, "\300\0\2\1", 7);
    there[0] = there[1] = there[2] = there[3] = here;
    there[0].remote = stile_address_with_port(&here.remote, 8);
    there[1].remote = stile_address_from_ip(AF_INET, "\300\0\2\2", 7);
    there[2].kind = STILE_ENDPOINT_TURN;
    there[3].server = there[1].remote;

    stile_cookie_checker_init(&checker, clock, key);
    stile_cookie_init(&cookie, key);
    stile_cookie_sign(&cookie, 0, bytes, sizeof message);
    g_assert_true(stile_cookie_check_mac1(&checker, bytes, sizeof message));
    g_assert_false(stile_cookie_check_mac2(&checker, &here, 0, bytes, sizeof message));
    stile_cookie_reply(&checker, &here, 0, bytes, sizeof message, &reply);
    g_assert_cmpmem(reply.receiver, 4, message.sender, 4);
    g_assert_true(stile_cookie_take(&cookie, 0, &reply));

    stile_cookie_sign(&cookie, SECONDS(114), bytes, sizeof message);
    g_assert_true(stile_cookie_check_mac2(&checker, &here, SECONDS(114), bytes, sizeof message));
    for (guint i = 0; i < G_N_ELEMENTS(there); i++)
        g_assert_false(
            stile_cookie_check_mac2(&checker, &there[i], SECONDS(114), bytes, sizeof message));
    g_assert_true(stile_cookie_check_mac2(&checker, &here, SECONDS(119), bytes, sizeof message));
    g_assert_false(stile_cookie_check_mac2(&checker, &here, SECONDS(120), bytes, sizeof message));
    stile_cookie_sign(&cookie, SECONDS(115), bytes, sizeof message);
    g_assert_cmpmem(message.macs.mac2, STILE_MAC_SIZE, ((guint8[STILE_MAC_SIZE]){0}),
                    STILE_MAC_SIZE);
    stile_cookie_checker_clear(&checker);
}

static void
test_ratelimit(void)
{
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 12);
    StileRatelimit *ratelimit = stile_ratelimit_new(clock);
    StileEndpoint from = {.kind = STILE_ENDPOINT_UDP}, other = from;
    guint allowed = 0;

    from.remote = stile_address_from_ip(AF_INET, "\300\0\2\1", 7);
    for (gint64 now = 0; now < SECONDS(10); now += 1000) {
        from.remote = stile_address_with_port(&from.remote, (guint16)(now / 1000));
        allowed += stile_ratelimit_allow(ratelimit, &from, now);
    }
    g_assert_cmpuint(allowed, ==, STILE_RATELIMIT_BURST - 1 + 10 * STILE_RATELIMIT_PER_SECOND);
    other.remote = stile_address_from_ip(AF_INET, "\300\0\2\2", 7);
    g_assert_true(stile_ratelimit_allow(ratelimit, &other, SECONDS(10)));
    stile_ratelimit_free(ratelimit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/hostile/garbage", test_garbage);
    g_test_add_func("/tunnel/hostile/altered", test_altered);
    g_test_add_func("/tunnel/hostile/replayed", test_replayed);
    g_test_add_func("/tunnel/hostile/reordered", test_reordered);
    g_test_add_func("/tunnel/hostile/inner", test_inner);
    g_test_add_func("/tunnel/hostile/stranger", test_stranger);
    g_test_add_func("/tunnel/hostile/insistent", test_insistent);
    g_test_add_func("/tunnel/hostile/clock-set-back", test_clock_set_back);
    g_test_add_func("/tunnel/hostile/low-order-key", test_low_order_key);
    g_test_add_func("/tunnel/hostile/cookie", test_cookie);
    g_test_add_func("/tunnel/hostile/cookie-bounds", test_cookie_bounds);
    g_test_add_func("/tunnel/hostile/ratelimit", test_ratelimit);
    return g_test_run();
}

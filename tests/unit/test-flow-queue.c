/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue between tun and sealing: who sends little passes who sends much; of those who send
 * much, each peer gets equal bytes whatever the number of its flows, and each flow to it an equal
 * part of them, whatever the size of its packets; the order within a flow stays, and when it is
 * full the greediest loses, never a small flow; nothing is lost or invented otherwise. */
#include "packets.h"
#include "tunnel/flow-queue.h"

#define LARGE 65000
#define SMALL 100

/* Flows of a hundred numbers go to one peer. */
static guint
add(StileFlowQueue *queue, guint32 flow, guint32 number, gsize size)
{
    guint8 *room = stile_flow_queue_room(queue);

    memset(room, (int)number, size);
    memcpy(room, &flow, sizeof flow);
    memcpy(room + 4, &number, sizeof number);
    return stile_flow_queue_add(queue, size, flow / 100, flow);
}

/* Returns: the flow of the next packet */
static guint32
take(StileFlowQueue *queue, guint32 *ret_number, gsize *ret_size)
{
    guint32 flow;
    guint8 *data = stile_flow_queue_take(queue, ret_size);

    g_assert_nonnull(data);
    memcpy(&flow, data, sizeof flow);
    memcpy(ret_number, data + 4, sizeof *ret_number);
    for (gsize i = 8; i < *ret_size; i++)
        g_assert_cmpuint(data[i], ==, (guint8)*ret_number);
    return flow;
}

static void
test_order(void)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    guint32 number;
    gsize size;

    g_assert_null(stile_flow_queue_take(queue, &size));
    for (guint32 i = 0; i < 20; i++)
        g_assert_cmpuint(add(queue, 7, i, i % 2 ? SMALL : LARGE), ==, 0);
    for (guint32 i = 0; i < 20; i++) {
        g_assert_cmpuint(take(queue, &number, &size), ==, 7);
        g_assert_cmpuint(number, ==, i);
        g_assert_cmpuint(size, ==, i % 2 ? SMALL : LARGE);
    }
    g_assert_true(stile_flow_queue_is_empty(queue));
    g_assert_null(stile_flow_queue_take(queue, &size));
}

static void
test_little_passes_much(void)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    guint32 number;
    gsize size;

    for (guint32 i = 0; i < 12; i++)
        add(queue, i % 4, i, LARGE);
    /* The bulk flows have had their first turn. */
    for (guint32 i = 0; i < 4; i++)
        g_assert_cmpuint(take(queue, &number, &size), ==, i);
    add(queue, 50, 0, SMALL);
    g_assert_cmpuint(take(queue, &number, &size), ==, 50);
    /* Going on with a packet each time does not make it starve the others. */
    for (guint i = 0, others = 0; others < 4; i++) {
        add(queue, 50, i + 1, SMALL);
        others += take(queue, &number, &size) != 50;
        g_assert_cmpuint(i, <, 600);
    }
}

static void
test_equal_bytes(void)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    static const gsize sizes[] = {LARGE, 1400, 9000};
    gsize bytes[G_N_ELEMENTS(sizes)] = {0}, size;
    guint32 number = 0, flow;

    for (guint32 i = 0; i < 10; i++)
        for (flow = 0; flow < G_N_ELEMENTS(sizes); flow++)
            add(queue, flow, i, sizes[flow]);
    /* Each packet that goes is followed by another of its flow: nobody's queue runs dry. */
    for (guint i = 0; i < 3000; i++) {
        flow = take(queue, &number, &size);
        bytes[flow] += size;
        g_assert_cmpuint(add(queue, flow, number + 10, sizes[flow]), ==, 0);
    }
    for (flow = 1; flow < G_N_ELEMENTS(sizes); flow++) {
        g_assert_cmpuint(bytes[flow], >, bytes[0] / 10 * 8);
        g_assert_cmpuint(bytes[flow], <, bytes[0] / 10 * 12);
    }
}

/* One flow to one peer, eight to another, and as many bytes offered by each flow as it can. */
static void
share(gsize size_of_one, gsize size_of_eight, gboolean greedy)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    static const guint32 flows[] = {0, 100, 101, 102, 103, 104, 105, 106, 107};
    gsize bytes[108] = {0}, size, eight = 0;
    guint32 number = 0, flow;

    for (guint32 round = 0; round < 3000; round++) {
        for (gsize i = 0; i < G_N_ELEMENTS(flows); i++)
            if (round < 3 || greedy)
                add(queue, flows[i], number++, i == 0 ? size_of_one : size_of_eight);
        flow = take(queue, &number, &size);
        bytes[flow] += size;
        if (!greedy)
            add(queue, flow, number++, flow == 0 ? size_of_one : size_of_eight);
    }
    for (flow = 100; flow < 108; flow++)
        eight += bytes[flow];
    g_assert_cmpuint(bytes[0], >, eight / 10 * 8);
    g_assert_cmpuint(bytes[0], <, eight / 10 * 12);
    for (flow = 100; flow < 108; flow++) {
        g_assert_cmpuint(bytes[flow], >, eight / 80 * 7);
        g_assert_cmpuint(bytes[flow], <, eight / 80 * 13);
    }
}

static void
test_peers(void)
{
    for (guint greedy = 0; greedy < 2; greedy++) {
        share(LARGE, LARGE, greedy);
        share(1400, 1400, greedy);
        share(9000, LARGE, greedy);
        share(LARGE, 9000, greedy);
    }
}

/* What little goes to a peer passes what much goes there and elsewhere. */
static void
test_little_to_a_busy_peer(void)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    guint32 number;
    gsize size;

    for (guint32 i = 0; i < 24; i++)
        add(queue, i % 4 + i % 3 * 100, i, LARGE);
    for (guint32 i = 0; i < 14; i++)
        take(queue, &number, &size);
    for (guint32 i = 0; i < 100; i++) {
        guint32 flow = i % 3 * 100 + 10 + i / 3;

        add(queue, flow, i, SMALL);
        g_assert_cmpuint(take(queue, &number, &size), ==, flow);
    }
}

static void
test_full(void)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    guint dropped = 0, small = 0, large = 0;
    guint32 number, last = 0;
    gsize size;

    for (guint32 i = 0; i < 3; i++)
        add(queue, 200 + i, i, LARGE);
    for (guint32 i = 0; i < 1000; i++)
        dropped += add(queue, 1, i, LARGE);
    for (guint32 i = 0; i < 50; i++)
        add(queue, 300 + i, i, SMALL);
    for (guint32 i = 0; i < 10000; i++)
        dropped += add(queue, 2, i, SMALL);
    while (!stile_flow_queue_is_empty(queue)) {
        guint32 flow = take(queue, &number, &size);

        small += flow >= 300;
        large += flow >= 200 && flow < 300;
        /* The newest of the greedy is there: its oldest went. */
        if (flow == 1)
            last = number;
        dropped++;
    }
    g_assert_cmpuint(small, ==, 50);
    g_assert_cmpuint(large, ==, 3);
    g_assert_cmpuint(last, ==, 999);
    g_assert_cmpuint(dropped, ==, 3 + 1000 + 50 + 10000);
}

static void
test_any(void)
{
    g_autoptr(StileFlowQueue) queue = stile_flow_queue_new(LARGE);
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    gint64 next[64], added = 0, gone = 0;
    guint32 numbers[64] = {0}, number;
    gsize size;

    memset(next, 0xff, sizeof next);
    for (guint i = 0; i < 50000; i++) {
        guint32 flow = (guint32)g_rand_int_range(rand, 0, 64);

        if (g_rand_int_range(rand, 0, 100) < 52) {
            gone += add(queue, flow, numbers[flow]++,
                        (gsize)g_rand_int_range(rand, 8, g_rand_boolean(rand) ? 200 : 20000));
            added++;
        } else if (!stile_flow_queue_is_empty(queue)) {
            flow = take(queue, &number, &size);
            g_assert_cmpint(number, >, next[flow]);
            next[flow] = number;
            gone++;
        }
    }
    while (stile_flow_queue_take(queue, &size))
        gone++;
    g_assert_cmpint(added, ==, gone);
}

static guint32
hash_of(const PacketSpec *spec, guint32 seed)
{
    guint8 packet[256];
    StileHeaders headers;
    gsize size = make_packet(spec, packet);

    g_assert_true(stile_headers_parse(&headers, packet, size));
    return stile_headers_flow_hash(&headers, packet, seed);
}

static void
test_hash(void)
{
    const int families[] = {AF_INET, AF_INET6}, protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < 4; i++) {
        PacketSpec spec = {.family = families[i / 2], .protocol = protocols[i % 2], .payload = 10};

        for (spec.port = 1000; spec.port < 1256; spec.port++) {
            PacketSpec later = spec;

            later.sequence = 77777;
            later.id = 3;
            later.payload = 50;
            g_assert_cmpuint(hash_of(&spec, 5), ==, hash_of(&later, 5));
            g_assert_cmpuint(hash_of(&spec, 5), !=, hash_of(&spec, 6));
            g_hash_table_add(seen, GUINT_TO_POINTER(hash_of(&spec, 5) % 1024));
        }
    }
    /* 1024 flows fall into 1024 places like rain: e⁻¹ of the places stay dry. */
    g_assert_cmpuint(g_hash_table_size(seen), >, 550);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-queue/order", test_order);
    g_test_add_func("/flow-queue/little-passes-much", test_little_passes_much);
    g_test_add_func("/flow-queue/equal-bytes", test_equal_bytes);
    g_test_add_func("/flow-queue/peers", test_peers);
    g_test_add_func("/flow-queue/little-to-a-busy-peer", test_little_to_a_busy_peer);
    g_test_add_func("/flow-queue/full", test_full);
    g_test_add_func("/flow-queue/any", test_any);
    g_test_add_func("/flow-queue/hash", test_hash);
    return g_test_run();
}

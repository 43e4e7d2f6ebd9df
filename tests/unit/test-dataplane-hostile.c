/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The data plane and those who mean no good: random datagrams, floods, absurd requests of the tun
 * and forged sources get nothing but counters, memory stays bounded and the tunnel goes on; and
 * what it does when its devices or its owner go away. */
#include "config.h"

#include "dataplane-world.h"
#include "stun/message.h"

#include <fcntl.h>
#include <linux/virtio_net.h>
#include <unistd.h>

#define CHANNEL 0x4123

static gboolean
on_timeout(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

static guint64
all_dropped(StileDataplane *dataplane)
{
    StileDataplaneCounters counters;

    stile_dataplane_counters(dataplane, &counters);
    return counters.malformed + counters.unauthenticated + counters.replayed + counters.disallowed +
           counters.overflowed;
}

/* Random bytes, some dressed up as what they are not, some sent as one GRO batch. */
static void
test_hostile_datagrams(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(StileSocket) stranger = stile_socket_new(AF_INET, 0, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    StileAddress self;
    guint64 sent = 0;

    g_assert_true(stile_address_parse(&self, "127.0.0.1", stile_socket_port(stranger), NULL));
    stile_dataplane_add_relay(world->b.dataplane, &self);
    world_exchange(&world->a, &world->b, world_datagram);
    for (guint i = 0; i < 3000; i++) {
        guint8 data[3000];
        gsize size = (gsize)g_rand_int_range(rand, 0, i % 5 ? 200 : sizeof data);
        gsize segment = i % 7 == 0 && size > 40 ? (gsize)g_rand_int_range(rand, 40, (gint32)size)
                                                : MAX(size, 1);

        for (gsize j = 0; j < sizeof data; j++)
            data[j] = (guint8)g_rand_int(rand);
        for (gsize at = 0; at == 0 || at < size; at += segment, sent++) {
            if (i % 3 == 0)
                memcpy(data + at, (guint8[]){(guint8)(i / 3 % 6), 0, 0, 0}, 4);
            else if (i % 3 == 1 && at + 8 < sizeof data) {
                stile_put_u16be(data + at, (guint16)(CHANNEL + i));
                stile_put_u16be(data + at + 2, (guint16)(size + i % 9));
            }
        }
        stile_socket_send_segments(stranger, NULL, &world->b.address, data, size, segment);
        if (size == 0)
            stile_socket_send(stranger, NULL, &world->b.address, data, 0);
        while (i % 50 == 0 && all_dropped(world->b.dataplane) + 60 < sent)
            g_usleep(1000);
    }
    for (guint i = 0; i < WORLD_TIMEOUT && all_dropped(world->b.dataplane) < sent; i++)
        g_usleep(1000);
    g_assert_cmpuint(all_dropped(world->b.dataplane), ==, sent);
    world_exchange(&world->a, &world->b, world_datagram);
}

/* The main thread does not run meanwhile: the queue must stay bounded. */
static void
test_stun_flood(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(StileSocket) stranger = stile_socket_new(AF_INET, 0, NULL);
    StileDataplaneCounters counters = {0};
    guint8 data[64];
    gsize size = world_make_stun(data);

    for (guint i = 0; i < WORLD_TIMEOUT && counters.overflowed < 2000; i++) {
        for (guint j = 0; j < 100; j++)
            stile_socket_send(stranger, NULL, &world->a.address, data, size);
        g_usleep(1000);
        stile_dataplane_counters(world->a.dataplane, &counters);
    }
    g_assert_cmpuint(counters.overflowed, >=, 2000);
    world_wait_for(&world->a.controls, 256);
    world_exchange(&world->a, &world->b, world_datagram);
}

static void
test_hostile_tun(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    StileDataplaneCounters counters = {0};
    guint sent = 0;

    world_exchange(&world->a, &world->b, world_datagram);
    for (guint i = 0; i < 2000; i++) {
        guint8 data[sizeof(struct virtio_net_hdr) + 400];
        struct virtio_net_hdr header = {0};
        gsize size = (gsize)g_rand_int_range(rand, 1, sizeof data);

        for (gsize j = 0; j < sizeof data; j++)
            data[j] = (guint8)g_rand_int(rand);
        if (i % 2) { /* for nobody, or with absurd sizes */
            size = sizeof header + make_packet(&world_datagram, data + sizeof header);
            header.gso_type = i % 4 == 1 ? 5 : 0;
            header.gso_size = 0;
            data[sizeof header + 19] = i % 4 == 1 ? 2 : 200;
            memcpy(data, &header, sizeof header);
        } else {
            data[sizeof header] = 0x45; /* its length is random, too, and its destination */
        }
        if (write(world->a.kernel, data, size) == (gssize)size)
            sent++;
    }
    for (guint i = 0; i < WORLD_TIMEOUT && counters.unroutable < sent; i++) {
        g_usleep(1000);
        stile_dataplane_counters(world->a.dataplane, &counters);
    }
    g_assert_cmpuint(counters.unroutable, ==, sent);
    world_exchange(&world->a, &world->b, world_datagram);
}

/* Super-packets that make no sense, and one with more headers than can be cut: each is counted, and
 * nothing of it leaves. */
static void
test_bad_wishes(void)
{
    static const struct {
        int family, protocol;
        guint8 type;
        guint16 segment;
        gsize options; /* IPv6 destination options */
    } wishes[] = {
        {AF_INET, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV4, 0, 0},
        {AF_INET, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV4, 1, 0}, /* too many */
        {AF_INET, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV6, 1000, 0},
        {AF_INET, IPPROTO_TCP, 5, 1000, 0},
        {AF_INET, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_ECN, 1000, 0},
        {AF_INET, IPPROTO_TCP, 0xff, 1000, 0},
        {AF_INET, IPPROTO_UDP, VIRTIO_NET_HDR_GSO_TCPV4, 1000, 0},
        {AF_INET, IPPROTO_UDP, VIRTIO_NET_HDR_GSO_UDP, 1000, 0}, /* fragments */
        {AF_INET, IPPROTO_UDP, 5, 0, 0},
        {AF_INET, IPPROTO_ICMP, VIRTIO_NET_HDR_GSO_TCPV4, 1000, 0},
        {AF_INET6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV4, 1000, 0},
        {AF_INET6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV6, 0, 0},
        {AF_INET6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV6, 1000, 256},
        {AF_INET6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV6, 1000, 2048},
    };
    g_autoptr(World) world = world_new();
    StileDataplaneCounters counters = {0};

    world_exchange(&world->a, &world->b, world_datagram);
    for (guint i = 0; i < G_N_ELEMENTS(wishes); i++) {
        PacketSpec spec = {.family = wishes[i].family,
                           .protocol = wishes[i].protocol,
                           .tcp_flags = STILE_TCP_ACK,
                           .payload = 5000};
        guint8 data[8000] = {0}, *packet = data + sizeof(struct virtio_net_hdr);
        struct virtio_net_hdr header = {.gso_type = wishes[i].type, .gso_size = wishes[i].segment};
        gsize size = make_packet(&spec, packet), options = wishes[i].options;

        if (options > 0) {
            memmove(packet + 40 + options, packet + 40, size - 40);
            memset(packet + 40, 0, options); /* Pad1 */
            packet[40] = packet[6];
            packet[41] = (guint8)(options / 8 - 1);
            packet[6] = IPPROTO_DSTOPTS;
            size += options;
            stile_put_u16be(packet + 4, (guint16)(size - 40));
        }
        memcpy(data, &header, sizeof header);
        g_assert_cmpint(write(world->a.kernel, data, sizeof header + size), ==,
                        sizeof header + size);
        for (guint j = 0; j < WORLD_TIMEOUT && counters.unroutable <= i; j++) {
            g_usleep(1000);
            stile_dataplane_counters(world->a.dataplane, &counters);
        }
        g_assert_cmpuint(counters.unroutable, ==, i + 1);
    }
    g_assert_cmpuint(stile_stat_get(world->a.stats->tx_packets), ==, 1);
    world_exchange(&world->a, &world->b, world_datagram);
}

static void
test_disallowed(void)
{
    g_autoptr(World) world = world_new();
    StileDataplaneCounters counters = {0};
    PacketSpec spec = world_datagram;

    world_exchange(&world->a, &world->b, spec);
    {
        guint8 data[sizeof(struct virtio_net_hdr) + 400] = {0};
        guint8 *packet = data + sizeof(struct virtio_net_hdr);
        gsize size = sizeof(struct virtio_net_hdr) + make_packet(&spec, packet);

        packet[15] = 99; /* not the source that was agreed on */
        g_assert_cmpint(write(world->a.kernel, data, size), ==, size);
    }
    for (guint i = 0; i < WORLD_TIMEOUT && counters.disallowed == 0; i++) {
        g_usleep(1000);
        stile_dataplane_counters(world->b.dataplane, &counters);
    }
    g_assert_cmpuint(counters.disallowed, ==, 1);
}

static void
test_failed(void)
{
    g_autoptr(World) world = world_new();
    guint8 data[64];

    close(world->a.kernel);
    world->a.kernel = open("/dev/null", O_RDWR | O_CLOEXEC);
    world_wait_for(&world->a.failures, 1);
    /* The sockets go on. */
    stile_socket_send(world->b.socket, NULL, &world->a.address, data, world_make_stun(data));
    world_wait_for(&world->a.controls, 1);
    g_assert_cmpuint(world->a.failures, ==, 1);
}

typedef struct {
    World *world;
    gboolean freed;
} Killer;

static void
on_control_free(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size)
{
    Killer *killer = user_data;

    g_assert_false(killer->freed);
    killer->freed = TRUE;
    stile_dataplane_free(killer->world->a.dataplane);
}

/* An op may free the data plane that called it; nothing is called afterwards. */
static void
test_freed_by_op(void)
{
    g_autoptr(World) world = world_new();
    Killer killer = {.world = world};
    static const StileDataplaneOps ops = {.control = on_control_free};
    g_autoptr(GSource) timeout = g_timeout_source_new(300);
    gboolean over = FALSE;
    guint8 data[64];

    stile_dataplane_free(world->a.dataplane);
    world->a.dataplane = stile_dataplane_new(NULL, world->a.socket, NULL, world->a.private_key,
                                             &ops, &killer);
    for (guint i = 0; i < 20; i++)
        stile_socket_send(world->b.socket, NULL, &world->a.address, data, world_make_stun(data));
    g_source_set_callback(timeout, on_timeout, &over, NULL);
    g_source_attach(timeout, NULL);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(killer.freed);
    world->a.dataplane = stile_dataplane_new(NULL, world->a.socket, NULL, world->a.private_key,
                                             &world_ops, &world->a);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dataplane/hostile/datagrams", test_hostile_datagrams);
    g_test_add_func("/dataplane/hostile/stun-flood", test_stun_flood);
    g_test_add_func("/dataplane/hostile/tun", test_hostile_tun);
    g_test_add_func("/dataplane/hostile/bad-wishes", test_bad_wishes);
    g_test_add_func("/dataplane/hostile/source", test_disallowed);
    g_test_add_func("/dataplane/gone/tun", test_failed);
    g_test_add_func("/dataplane/gone/owner", test_freed_by_op);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two data planes with real sockets on loopback and a pair of packet sockets in place of each tun:
 * packets and super-packets cross, straight, through a TURN server's channels, through the main
 * thread, and on two paths at once, while tables change; and the main thread hears what it must. */
#include "config.h"

#include "dataplane-world.h"
#include "stun/message.h"

#include <linux/virtio_net.h>
#include <poll.h>

#define CHANNEL 0x4123

static void
test_packets(void)
{
    g_autoptr(World) world = world_new();
    PacketSpec spec = world_datagram;

    world_exchange(&world->a, &world->b, spec);
    spec.family = AF_INET6;
    world_exchange(&world->a, &world->b, spec);
    spec.payload = 1372; /* as large as the MTU */
    world_exchange(&world->a, &world->b, spec);
    spec.payload = 0;
    world_exchange(&world->a, &world->b, spec);
    world_wait_for(&world->a.handshakes, 1);
    world_wait_for(&world->b.handshakes, 1);
    world_wait_for(&world->a.actives, 1);
    g_assert_cmpuint(world->a.actives, ==, 1);
    g_assert_cmpuint(world->b.actives, ==, 0);
    g_assert_cmpuint(stile_stat_get(world->a.stats->tx_packets), ==, 4);
    g_assert_cmpuint(stile_stat_get(world->b.stats->rx_packets), ==, 4);
}

static void
check_super(World *world, const PacketSpec *spec, guint8 gso_type, gsize segment)
{
    guint count = (guint)((spec->payload + segment - 1) / segment);
    g_autoptr(GPtrArray) packets = NULL;
    PacketSpec part = *spec;

    world_put(&world->a, spec, gso_type, segment);
    packets = world_take(&world->b, count);
    for (guint i = 0; i < count; i++) {
        part.payload = MIN(segment, spec->payload - i * segment);
        part.sequence = spec->sequence + (guint32)(i * segment);
        part.id = (guint16)(spec->id + i);
        part.tcp_flags = i + 1 < count ? STILE_TCP_ACK : spec->tcp_flags;
        world_check_packet(packets->pdata[i], &part);
    }
}

static void
check_supers(World *world)
{
    PacketSpec spec = {.family = AF_INET,
                       .protocol = IPPROTO_TCP,
                       .port = 9,
                       .id = 0xfff0,
                       .tcp_flags = STILE_TCP_ACK | STILE_TCP_PSH,
                       .options = 12,
                       .fragmentable = TRUE,
                       .payload = 65000};

    for (guint i = 0; i < 20; i++)
        check_super(world, &spec, VIRTIO_NET_HDR_GSO_TCPV4, 1368);
    check_super(world, &spec, VIRTIO_NET_HDR_GSO_TCPV4, 36);
    spec.family = AF_INET6;
    check_super(world, &spec, VIRTIO_NET_HDR_GSO_TCPV6, 1348);
    spec.protocol = IPPROTO_UDP;
    spec.options = 0;
    spec.payload = 60 * 1000;
    spec.tcp_flags = 0;
    check_super(world, &spec, 5, 1000);
}

static void
test_super_packets(void)
{
    g_autoptr(World) world = world_new();

    world_exchange(&world->a, &world->b, world_datagram);
    check_supers(world);
}

static void
test_queued_for_session(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(GPtrArray) packets = NULL;
    PacketSpec spec = world_datagram;

    for (guint i = 0; i < 10; i++) {
        spec.port = (guint16)i;
        world_put(&world->a, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
    }
    packets = world_take(&world->b, 10);
    for (guint i = 0; i < 10; i++) {
        spec.port = (guint16)i;
        world_check_packet(packets->pdata[i], &spec);
    }
}

static void
test_carried(void)
{
    g_autoptr(World) world = world_new();
    const StileEndpoint carried = {.kind = STILE_ENDPOINT_CARRIED};

    world->a.carry_on = world->b.carry_on = TRUE;
    world_set_path(&world->a, 2, &carried, NULL);
    world_set_path(&world->b, 1, &carried, NULL);
    for (guint i = 0; i < 5; i++)
        world_exchange(&world->a, &world->b, world_datagram);
    g_assert_cmpuint(world->a.carried, >=, 6);
}

static void
test_two_paths(void)
{
    g_autoptr(World) world = world_new();
    const StileEndpoint carried = {.kind = STILE_ENDPOINT_CARRIED};
    StileEndpoint to_b = world_udp_to(&world->b);
    StileDataplaneCounters counters;

    world_exchange(&world->a, &world->b, world_datagram);
    world->a.carry_on = TRUE;
    world_set_path(&world->a, 2, &to_b, &carried);
    world_exchange(&world->a, &world->b, world_datagram);
    world_wait_for(&world->a.carried, 1);
    /* The copy is dropped as a replay, not passed on. */
    for (guint i = 0; i < WORLD_TIMEOUT; i++) {
        stile_dataplane_counters(world->b.dataplane, &counters);
        if (counters.replayed > 0)
            break;
        g_usleep(1000);
    }
    g_assert_cmpuint(counters.replayed, ==, 1);
    /* The first path dies: the second alone carries on. */
    to_b = (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = world->a.address};
    to_b.remote.in.sin_port = g_htons(9);
    world_set_path(&world->a, 2, &to_b, &carried);
    world_exchange(&world->a, &world->b, world_datagram);
}

/* A TURN server that knows one channel each way: what @from sends on it goes to @to. */
typedef struct {
    World *world;
    StileSocket *socket;
    StileAddress address;
    gint stop;
    gint relayed;
} Relay;

static gpointer
relay_run(gpointer user_data)
{
    Relay *relay = user_data;
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();

    while (!g_atomic_int_get(&relay->stop)) {
        struct pollfd poll_fd = {.fd = stile_socket_fd(relay->socket), .events = POLLIN};
        StileDatagram got[STILE_SOCKET_MAX_BATCH];
        guint n = poll(&poll_fd, 1, 50) > 0
                      ? stile_socket_receive(relay->socket, buffers, got, STILE_SOCKET_MAX_BATCH)
                      : 0;

        for (guint i = 0; i < n; i++) {
            Side *to = stile_address_equal(&got[i].remote, &relay->world->a.address)
                           ? &relay->world->b
                           : &relay->world->a;

            for (gsize at = 0; at < got[i].size; at += got[i].segment) {
                const guint8 *data = got[i].data + at;
                gsize size = MIN(got[i].segment, got[i].size - at);

                g_assert_cmpuint(stile_get_u16be(data), ==, CHANNEL);
                g_assert_cmpuint(stile_get_u16be(data + 2), ==, size - 4);
                stile_socket_send(relay->socket, NULL, &to->address, data, size);
                g_atomic_int_inc(&relay->relayed);
            }
        }
    }
    return NULL;
}

static void
test_turn(void)
{
    g_autoptr(World) world = world_new();
    Relay relay = {.world = world, .socket = stile_socket_new(AF_INET, 0, NULL)};
    StileEndpoint turn = {.kind = STILE_ENDPOINT_TURN, .channel = CHANNEL};
    StileEndpoint to_b = world_udp_to(&world->b), nowhere = to_b, turn_nowhere;
    gint relayed;
    GThread *thread;

    g_assert_true(
        stile_address_parse(&relay.address, "127.0.0.1", stile_socket_port(relay.socket), NULL));
    thread = g_thread_new("relay", relay_run, &relay);
    turn.server = relay.address;
    turn_nowhere = turn;
    world_set_path(&world->a, 2, &turn, NULL);
    world_set_path(&world->b, 1, &turn, NULL);
    world_exchange(&world->a, &world->b, world_datagram);
    check_supers(world);
    /* Straight, with copies through the relay; and the other way round. */
    world_set_path(&world->a, 2, &to_b, &turn);
    world_exchange(&world->a, &world->b, world_datagram);
    check_supers(world);
    world_set_path(&world->a, 2, &turn, &to_b);
    world_exchange(&world->a, &world->b, world_datagram);
    check_supers(world);
    /* The first path dies, whichever it was: the copies are all there is. */
    nowhere.remote.in.sin_port = g_htons(9);
    world_set_path(&world->a, 2, &nowhere, &turn);
    check_supers(world);
    relayed = g_atomic_int_get(&relay.relayed);
    turn_nowhere.server.in.sin_port = g_htons(9);
    world_set_path(&world->a, 2, &turn_nowhere, &to_b);
    check_supers(world);
    world_set_path(&world->a, 2, &turn_nowhere, &turn);
    check_supers(world);
    g_assert_cmpint(g_atomic_int_get(&relay.relayed), >, relayed + 100);
    g_atomic_int_set(&relay.stop, 1);
    g_thread_join(thread);
    g_assert_cmpint(relay.relayed, >, 100);
    stile_socket_unref(relay.socket);
}

static void
test_control(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(StileSocket) stranger = stile_socket_new(AF_INET, 0, NULL);
    StileAddress self;
    guint8 data[64], large[40000] = {0};

    g_assert_true(stile_address_parse(&self, "127.0.0.1", stile_socket_port(stranger), NULL));
    stile_socket_send(stranger, NULL, &world->a.address, data, world_make_stun(data));
    world_wait_for(&world->a.controls, 1);
    g_assert_cmpint(world->a.last_control.kind, ==, STILE_ENDPOINT_UDP);
    g_assert_true(stile_address_equal(&world->a.last_control.remote, &self));
    g_assert_true(stile_address_equal_ip(&world->a.last_control.local, &world->a.address));

    /* Channel data is for relays alone. */
    stile_put_u16be(data, CHANNEL);
    stile_put_u16be(data + 2, (guint16)world_make_stun(data + 4));
    stile_socket_send(stranger, NULL, &world->a.address, data, 24);
    world_wait_for_malformed(world->a.dataplane, 1);
    stile_dataplane_add_relay(world->a.dataplane, &self);
    g_usleep(10000);
    stile_socket_send(stranger, NULL, &world->a.address, data, 24);
    world_wait_for(&world->a.controls, 2);
    g_assert_cmpint(world->a.last_control.kind, ==, STILE_ENDPOINT_TURN);
    g_assert_cmpuint(world->a.last_control.channel, ==, CHANNEL);
    g_assert_true(stile_address_equal(&world->a.last_control.server, &self));
    stile_dataplane_remove_relay(world->a.dataplane, &self);
    g_usleep(10000);
    stile_socket_send(stranger, NULL, &world->a.address, data, 24);
    world_wait_for_malformed(world->a.dataplane, 2);

    /* A message that no STUN server sends is not worth keeping for the main thread. */
    world_make_stun(large);
    stile_put_u16be(large + 2, sizeof large - STILE_STUN_HEADER_SIZE);
    stile_socket_send(stranger, NULL, &world->a.address, large, sizeof large);
    world_wait_for_malformed(world->a.dataplane, 3);
}

/* Handing tables over while packets are under way. */
static void
test_table_changes(void)
{
    g_autoptr(World) world = world_new();
    StileEndpoint to_b = world_udp_to(&world->b);
    PacketSpec spec = world_datagram;
    g_autoptr(GPtrArray) packets = NULL;

    world_exchange(&world->a, &world->b, world_datagram);
    for (guint i = 0; i < 500; i++) {
        spec.port = (guint16)i;
        world_put(&world->a, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
        world_set_path(&world->a, 2, i % 2 ? &to_b : NULL,
                       NULL); /* NULL: where it last came from */
        stile_dataplane_handshake(world->a.dataplane, world->b.public_key);
        g_clear_pointer(&packets, g_ptr_array_unref);
        packets = world_take(&world->b, 1);
        world_check_packet(packets->pdata[0], &spec);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dataplane/packets", test_packets);
    g_test_add_func("/dataplane/super-packets", test_super_packets);
    g_test_add_func("/dataplane/queued-for-session", test_queued_for_session);
    g_test_add_func("/dataplane/carried", test_carried);
    g_test_add_func("/dataplane/two-paths", test_two_paths);
    g_test_add_func("/dataplane/turn", test_turn);
    g_test_add_func("/dataplane/control", test_control);
    g_test_add_func("/dataplane/table-changes", test_table_changes);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two data planes with real sockets on loopback and a pair of packet sockets in place of each tun:
 * packets and super-packets cross both ways, straight, through a TURN server's channels, through
 * the main thread, and on two paths at once; the main thread hears what it must; and a hostile
 * network gets nothing but counters. */
#include "config.h"

#include "packets.h"
#include "tunnel/dataplane.h"
#include "tunnel/segment.h"

#include "base/error.h"
#include "crypto/keys.h"
#include "stun/message.h"
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL 0x4123
#define TIMEOUT 10000 /* ms, of what must happen */

typedef struct _Side Side;
struct _Side {
    guint8 private_key[STILE_KEY_SIZE], public_key[STILE_KEY_SIZE];
    StileSocket *socket;
    StileAddress address;
    StilePeerStats *stats; /* of the other */
    StileDataplane *dataplane;
    int kernel; /* our end of the tun */
    Side *other;
    guint handshakes, actives, controls, carried, failures, roams;
    StileEndpoint last_control;
    gboolean carry_on; /* carried messages are delivered, by injecting them */
};

static void
on_control(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size)
{
    Side *side = user_data;

    g_assert_true(stile_stun_looks_like(data, size));
    side->last_control = *from;
    side->controls++;
}

static void
on_carry(gpointer user_data, const guint8 peer[STILE_KEY_SIZE], const guint8 *data, gsize size)
{
    Side *side = user_data;
    const StileEndpoint from = {.kind = STILE_ENDPOINT_CARRIED};

    g_assert_cmpmem(peer, STILE_KEY_SIZE, side->other->public_key, STILE_KEY_SIZE);
    side->carried++;
    if (side->carry_on)
        stile_dataplane_inject(side->other->dataplane, &from, data, size);
}

static void
on_roamed(gpointer user_data, const guint8 peer[STILE_KEY_SIZE], const StileEndpoint *from)
{
    ((Side *)user_data)->roams++;
}

static void
on_handshake(gpointer user_data, const guint8 peer[STILE_KEY_SIZE])
{
    Side *side = user_data;

    g_assert_cmpmem(peer, STILE_KEY_SIZE, side->other->public_key, STILE_KEY_SIZE);
    side->handshakes++;
}

static void
on_active(gpointer user_data, const guint8 peer[STILE_KEY_SIZE])
{
    ((Side *)user_data)->actives++;
}

static void
on_failed(gpointer user_data, const GError *error)
{
    g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    ((Side *)user_data)->failures++;
}

static const StileDataplaneOps side_ops = {
    .control = on_control,
    .carry = on_carry,
    .roamed = on_roamed,
    .handshake = on_handshake,
    .active = on_active,
    .failed = on_failed,
};

static void
side_open(Side *side, Side *other)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileTun) tun = NULL;
    int fds[2], buffer = 4 * 1024 * 1024;

    side->other = other;
    stile_x25519_generate(side->private_key);
    stile_x25519_public(side->private_key, side->public_key);
    side->stats = stile_peer_stats_new();
    side->socket = stile_socket_new(AF_INET, 0, &error);
    g_assert_no_error(error);
    g_assert_true(
        stile_address_parse(&side->address, "127.0.0.1", stile_socket_port(side->socket), NULL));
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    for (guint i = 0; i < 2; i++) /* a super-packet must fit */
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    side->kernel = fds[0];
    tun = stile_tun_new_for_fd(fds[1], "test");
    side->dataplane = stile_dataplane_new(tun, side->socket, NULL, side->private_key, &side_ops,
                                          side);
}

static void
side_close(Side *side)
{
    stile_dataplane_free(side->dataplane);
    close(side->kernel);
    stile_socket_unref(side->socket);
    stile_peer_stats_unref(side->stats);
}

static StileEndpoint
udp_to(const Side *side)
{
    return (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = side->address};
}

/* Side number 1 has 10.86.0.1 and fd00::1, number 2 has 10.86.0.2 and fd00::2, as make_packet(). */
static void
set_path(Side *side, guint number, const StileEndpoint *path, const StileEndpoint *second)
{
    StileTable *table = stile_table_new();
    StileTablePeer *peer = stile_table_add(table, side->other->public_key, side->stats);
    StilePrefix prefix;

    g_assert_true(stile_prefix_parse(&prefix, number == 1 ? "10.86.0.1/32" : "10.86.0.2/32", NULL));
    g_array_append_val(peer->allowed, prefix);
    g_assert_true(stile_prefix_parse(&prefix, number == 1 ? "fd00::1/128" : "fd00::2/128", NULL));
    g_array_append_val(peer->allowed, prefix);
    if (path)
        peer->path = *path;
    if (second)
        peer->second_path = *second;
    stile_dataplane_set_table(side->dataplane, table);
}

typedef struct {
    Side a, b;
} World;

static World *
world_new(void)
{
    World *world = g_new0(World, 1);
    StileEndpoint to_a, to_b;

    side_open(&world->a, &world->b);
    side_open(&world->b, &world->a);
    to_a = udp_to(&world->a);
    to_b = udp_to(&world->b);
    set_path(&world->a, 2, &to_b, NULL);
    set_path(&world->b, 1, &to_a, NULL);
    return world;
}

static void
world_free(World *world)
{
    side_close(&world->a);
    side_close(&world->b);
    g_free(world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* What the machine behind @side sends. */
static void
put(Side *side, const PacketSpec *spec, guint8 gso_type, gsize segment)
{
    guint8 data[sizeof(struct virtio_net_hdr) + 66000];
    struct virtio_net_hdr header = {.gso_type = gso_type, .gso_size = (guint16)segment};
    gsize size = sizeof header + make_packet(spec, data + sizeof header);

    memcpy(data, &header, sizeof header);
    g_assert_cmpint(write(side->kernel, data, size), ==, size);
}

/* Takes what the machine behind @side gets, packet for packet, until @n have come. */
static GPtrArray *
take(Side *side, guint n)
{
    GPtrArray *packets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    guint8 data[sizeof(struct virtio_net_hdr) + 66000];

    while (packets->len < n) {
        struct pollfd poll_fd = {.fd = side->kernel, .events = POLLIN};
        StileSegments segments;
        gssize got;

        g_main_context_iteration(NULL, FALSE);
        if (poll(&poll_fd, 1, TIMEOUT) != 1)
            g_error("%u of %u packets came", packets->len, n);
        got = read(side->kernel, data, sizeof data);
        g_assert_cmpint(got, >, 0);
        g_assert_true(stile_segments_init(&segments, data, (gsize)got));
        for (guint i = 0; i < segments.count; i++) {
            gsize size = stile_segments_size(&segments, i);
            guint8 *packet = g_malloc(size);

            stile_segments_write(&segments, i, packet);
            g_assert_true(slow_check(packet, size));
            g_ptr_array_add(packets, g_bytes_new_take(packet, size));
        }
    }
    g_assert_cmpuint(packets->len, ==, n);
    return packets;
}

static void
check_packet(GBytes *bytes, const PacketSpec *spec)
{
    guint8 expected[66000];
    gsize size;
    const guint8 *packet = g_bytes_get_data(bytes, &size);

    g_assert_cmpmem(packet, size, expected, make_packet(spec, expected));
}

static gboolean
on_timeout(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until @counter reaches @n. */
static void
wait_for(const guint *counter, guint n)
{
    g_autoptr(GSource) timeout = g_timeout_source_new(TIMEOUT);
    gboolean over = FALSE;

    g_source_set_callback(timeout, on_timeout, &over, NULL);
    g_source_attach(timeout, NULL);
    while (*counter < n && !over)
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(timeout);
    g_assert_cmpuint(*counter, >=, n);
}

/* The main loop runs meanwhile: carried messages need it. */
static void
exchange_one(Side *from, Side *to, PacketSpec spec)
{
    g_autoptr(GPtrArray) packets = NULL;
    struct pollfd poll_fd = {.fd = to->kernel, .events = POLLIN};

    put(from, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
    for (guint i = 0; i < TIMEOUT && poll(&poll_fd, 1, 1) == 0; i++)
        g_main_context_iteration(NULL, FALSE);
    packets = take(to, 1);
    check_packet(packets->pdata[0], &spec);
}

/* make_packet() addresses from number 1 to number 2, so only one way can be checked by it; which
 * is enough where the two sides are the same code. */
static const PacketSpec datagram = {
    .family = AF_INET, .protocol = IPPROTO_UDP, .port = 7, .payload = 100};

static void
test_packets(void)
{
    g_autoptr(World) world = world_new();
    PacketSpec spec = datagram;

    exchange_one(&world->a, &world->b, spec);
    spec.family = AF_INET6;
    exchange_one(&world->a, &world->b, spec);
    spec.payload = 1372; /* as large as the MTU */
    exchange_one(&world->a, &world->b, spec);
    spec.payload = 0;
    exchange_one(&world->a, &world->b, spec);
    wait_for(&world->a.handshakes, 1);
    wait_for(&world->b.handshakes, 1);
    wait_for(&world->a.actives, 1);
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

    put(&world->a, spec, gso_type, segment);
    packets = take(&world->b, count);
    for (guint i = 0; i < count; i++) {
        part.payload = MIN(segment, spec->payload - i * segment);
        part.sequence = spec->sequence + (guint32)(i * segment);
        part.id = (guint16)(spec->id + i);
        part.tcp_flags = i + 1 < count ? STILE_TCP_ACK : spec->tcp_flags;
        check_packet(packets->pdata[i], &part);
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

    exchange_one(&world->a, &world->b, datagram);
    check_supers(world);
}

static void
test_queued_for_session(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(GPtrArray) packets = NULL;
    PacketSpec spec = datagram;

    for (guint i = 0; i < 10; i++) {
        spec.port = (guint16)i;
        put(&world->a, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
    }
    packets = take(&world->b, 10);
    for (guint i = 0; i < 10; i++) {
        spec.port = (guint16)i;
        check_packet(packets->pdata[i], &spec);
    }
}

static void
test_carried(void)
{
    g_autoptr(World) world = world_new();
    const StileEndpoint carried = {.kind = STILE_ENDPOINT_CARRIED};

    world->a.carry_on = world->b.carry_on = TRUE;
    set_path(&world->a, 2, &carried, NULL);
    set_path(&world->b, 1, &carried, NULL);
    for (guint i = 0; i < 5; i++)
        exchange_one(&world->a, &world->b, datagram);
    g_assert_cmpuint(world->a.carried, >=, 6);
}

static void
test_two_paths(void)
{
    g_autoptr(World) world = world_new();
    const StileEndpoint carried = {.kind = STILE_ENDPOINT_CARRIED};
    StileEndpoint to_b = udp_to(&world->b);
    StileDataplaneCounters counters;

    exchange_one(&world->a, &world->b, datagram);
    world->a.carry_on = TRUE;
    set_path(&world->a, 2, &to_b, &carried);
    exchange_one(&world->a, &world->b, datagram);
    wait_for(&world->a.carried, 1);
    /* The copy is dropped as a replay, not passed on. */
    for (guint i = 0; i < TIMEOUT; i++) {
        stile_dataplane_counters(world->b.dataplane, &counters);
        if (counters.replayed > 0)
            break;
        g_usleep(1000);
    }
    g_assert_cmpuint(counters.replayed, ==, 1);
    /* The first path dies: the second alone carries on. */
    to_b = (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = world->a.address};
    to_b.remote.in.sin_port = g_htons(9);
    set_path(&world->a, 2, &to_b, &carried);
    exchange_one(&world->a, &world->b, datagram);
}

/* A TURN server that knows one channel each way: what @from sends on it goes to @to. */
typedef struct {
    World *world;
    StileSocket *socket;
    StileAddress address;
    gint stop;
    guint relayed;
} Relay;

static gpointer
relay_run(gpointer user_data)
{
    Relay *relay = user_data;
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();

    while (!g_atomic_int_get(&relay->stop)) {
        struct pollfd poll_fd = {.fd = stile_socket_fd(relay->socket), .events = POLLIN};
        StileDatagram got[STILE_SOCKET_MAX_BATCH];
        guint n = poll(&poll_fd, 1, 50) > 0 ? stile_socket_receive(relay->socket, buffers, got) : 0;

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
                relay->relayed++;
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
    StileEndpoint to_b = udp_to(&world->b);
    GThread *thread;

    g_assert_true(
        stile_address_parse(&relay.address, "127.0.0.1", stile_socket_port(relay.socket), NULL));
    thread = g_thread_new("relay", relay_run, &relay);
    turn.server = relay.address;
    set_path(&world->a, 2, &turn, NULL);
    set_path(&world->b, 1, &turn, NULL);
    exchange_one(&world->a, &world->b, datagram);
    check_supers(world);
    /* Straight, with copies through the relay; and the other way round. */
    set_path(&world->a, 2, &to_b, &turn);
    exchange_one(&world->a, &world->b, datagram);
    check_supers(world);
    set_path(&world->a, 2, &turn, &to_b);
    exchange_one(&world->a, &world->b, datagram);
    check_supers(world);
    g_atomic_int_set(&relay.stop, 1);
    g_thread_join(thread);
    g_assert_cmpuint(relay.relayed, >, 100);
    stile_socket_unref(relay.socket);
}

static gsize
make_stun(guint8 *out)
{
    memset(out, 0, STILE_STUN_HEADER_SIZE);
    stile_put_u16be(out, 0x0001);
    stile_put_u32be(out + 4, STILE_STUN_COOKIE);
    return STILE_STUN_HEADER_SIZE;
}

static void
wait_for_malformed(StileDataplane *dataplane, guint64 n)
{
    StileDataplaneCounters counters = {0};

    for (guint i = 0; i < TIMEOUT && counters.malformed < n; i++) {
        g_usleep(1000);
        stile_dataplane_counters(dataplane, &counters);
    }
    g_assert_cmpuint(counters.malformed, ==, n);
}

static void
test_control(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(StileSocket) stranger = stile_socket_new(AF_INET, 0, NULL);
    StileAddress self;
    guint8 data[64], large[40000] = {0};

    g_assert_true(stile_address_parse(&self, "127.0.0.1", stile_socket_port(stranger), NULL));
    stile_socket_send(stranger, NULL, &world->a.address, data, make_stun(data));
    wait_for(&world->a.controls, 1);
    g_assert_cmpint(world->a.last_control.kind, ==, STILE_ENDPOINT_UDP);
    g_assert_true(stile_address_equal(&world->a.last_control.remote, &self));
    g_assert_true(stile_address_equal_ip(&world->a.last_control.local, &world->a.address));

    /* Channel data is for relays alone. */
    stile_put_u16be(data, CHANNEL);
    stile_put_u16be(data + 2, (guint16)make_stun(data + 4));
    stile_socket_send(stranger, NULL, &world->a.address, data, 24);
    wait_for_malformed(world->a.dataplane, 1);
    stile_dataplane_add_relay(world->a.dataplane, &self);
    g_usleep(10000);
    stile_socket_send(stranger, NULL, &world->a.address, data, 24);
    wait_for(&world->a.controls, 2);
    g_assert_cmpint(world->a.last_control.kind, ==, STILE_ENDPOINT_TURN);
    g_assert_cmpuint(world->a.last_control.channel, ==, CHANNEL);
    g_assert_true(stile_address_equal(&world->a.last_control.server, &self));
    stile_dataplane_remove_relay(world->a.dataplane, &self);
    g_usleep(10000);
    stile_socket_send(stranger, NULL, &world->a.address, data, 24);
    wait_for_malformed(world->a.dataplane, 2);

    /* A message that no STUN server sends is not worth keeping for the main thread. */
    make_stun(large);
    stile_put_u16be(large + 2, sizeof large - STILE_STUN_HEADER_SIZE);
    stile_socket_send(stranger, NULL, &world->a.address, large, sizeof large);
    wait_for_malformed(world->a.dataplane, 3);
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
    exchange_one(&world->a, &world->b, datagram);
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
    for (guint i = 0; i < TIMEOUT && all_dropped(world->b.dataplane) < sent; i++)
        g_usleep(1000);
    g_assert_cmpuint(all_dropped(world->b.dataplane), ==, sent);
    exchange_one(&world->a, &world->b, datagram);
}

/* The main thread does not run meanwhile: the queue must stay bounded. */
static void
test_stun_flood(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(StileSocket) stranger = stile_socket_new(AF_INET, 0, NULL);
    StileDataplaneCounters counters = {0};
    guint8 data[64];
    gsize size = make_stun(data);

    for (guint i = 0; i < TIMEOUT && counters.overflowed < 2000; i++) {
        for (guint j = 0; j < 100; j++)
            stile_socket_send(stranger, NULL, &world->a.address, data, size);
        g_usleep(1000);
        stile_dataplane_counters(world->a.dataplane, &counters);
    }
    g_assert_cmpuint(counters.overflowed, >=, 2000);
    wait_for(&world->a.controls, 256);
    exchange_one(&world->a, &world->b, datagram);
}

static void
test_hostile_tun(void)
{
    g_autoptr(World) world = world_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    StileDataplaneCounters counters = {0};
    guint sent = 0;

    exchange_one(&world->a, &world->b, datagram);
    for (guint i = 0; i < 2000; i++) {
        guint8 data[sizeof(struct virtio_net_hdr) + 400];
        struct virtio_net_hdr header = {0};
        gsize size = (gsize)g_rand_int_range(rand, 1, sizeof data);

        for (gsize j = 0; j < sizeof data; j++)
            data[j] = (guint8)g_rand_int(rand);
        if (i % 2) { /* for nobody, or with absurd sizes */
            size = sizeof header + make_packet(&datagram, data + sizeof header);
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
    for (guint i = 0; i < TIMEOUT && counters.unroutable < sent; i++) {
        g_usleep(1000);
        stile_dataplane_counters(world->a.dataplane, &counters);
    }
    g_assert_cmpuint(counters.unroutable, ==, sent);
    exchange_one(&world->a, &world->b, datagram);
}

static void
test_disallowed(void)
{
    g_autoptr(World) world = world_new();
    StileDataplaneCounters counters = {0};
    PacketSpec spec = datagram;

    exchange_one(&world->a, &world->b, spec);
    {
        guint8 data[sizeof(struct virtio_net_hdr) + 400] = {0};
        guint8 *packet = data + sizeof(struct virtio_net_hdr);
        gsize size = sizeof(struct virtio_net_hdr) + make_packet(&spec, packet);

        packet[15] = 99; /* not the source that was agreed on */
        g_assert_cmpint(write(world->a.kernel, data, size), ==, size);
    }
    for (guint i = 0; i < TIMEOUT && counters.disallowed == 0; i++) {
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
    wait_for(&world->a.failures, 1);
    /* The sockets go on. */
    stile_socket_send(world->b.socket, NULL, &world->a.address, data, make_stun(data));
    wait_for(&world->a.controls, 1);
    g_assert_cmpuint(world->a.failures, ==, 1);
}

/* Handing tables over while packets are under way. */
static void
test_table_changes(void)
{
    g_autoptr(World) world = world_new();
    StileEndpoint to_b = udp_to(&world->b);
    PacketSpec spec = datagram;
    g_autoptr(GPtrArray) packets = NULL;

    exchange_one(&world->a, &world->b, datagram);
    for (guint i = 0; i < 500; i++) {
        spec.port = (guint16)i;
        put(&world->a, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
        set_path(&world->a, 2, i % 2 ? &to_b : NULL, NULL); /* NULL: where it last came from */
        stile_dataplane_handshake(world->a.dataplane, world->b.public_key);
        g_clear_pointer(&packets, g_ptr_array_unref);
        packets = take(&world->b, 1);
        check_packet(packets->pdata[0], &spec);
    }
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
        stile_socket_send(world->b.socket, NULL, &world->a.address, data, make_stun(data));
    g_source_set_callback(timeout, on_timeout, &over, NULL);
    g_source_attach(timeout, NULL);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(killer.freed);
    world->a.dataplane = stile_dataplane_new(NULL, world->a.socket, NULL, world->a.private_key,
                                             &side_ops, &world->a);
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
    g_test_add_func("/dataplane/hostile-datagrams", test_hostile_datagrams);
    g_test_add_func("/dataplane/stun-flood", test_stun_flood);
    g_test_add_func("/dataplane/hostile-tun", test_hostile_tun);
    g_test_add_func("/dataplane/disallowed", test_disallowed);
    g_test_add_func("/dataplane/failed", test_failed);
    g_test_add_func("/dataplane/table-changes", test_table_changes);
    g_test_add_func("/dataplane/freed-by-op", test_freed_by_op);
    return g_test_run();
}

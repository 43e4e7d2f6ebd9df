/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "dataplane-world.h"

#include "base/error.h"
#include "crypto/keys.h"
#include "stun/message.h"
#include "tunnel/segment.h"
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

const PacketSpec world_datagram = {
    .family = AF_INET, .protocol = IPPROTO_UDP, .port = 7, .payload = 100};

static void
on_control(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size)
{
    Side *side = user_data;

    g_assert_true(stile_stun_looks_like(data, size));
    side->last_control = *from;
    side->controls++;
}

static void
on_carry(gpointer user_data, const guint8 peer[STILE_KEY_SIZE], const StileEndpoint *to,
         const guint8 *data, gsize size)
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

const StileDataplaneOps world_ops = {
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
    side->dataplane = stile_dataplane_new(tun, side->socket, NULL, side->private_key, &world_ops,
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

StileEndpoint
world_udp_to(const Side *side)
{
    return (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = side->address};
}

void
world_set_path(Side *side, guint number, const StileEndpoint *path, const StileEndpoint *second)
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

World *
world_new(void)
{
    World *world = g_new0(World, 1);
    StileEndpoint to_a, to_b;

    side_open(&world->a, &world->b);
    side_open(&world->b, &world->a);
    to_a = world_udp_to(&world->a);
    to_b = world_udp_to(&world->b);
    world_set_path(&world->a, 2, &to_b, NULL);
    world_set_path(&world->b, 1, &to_a, NULL);
    return world;
}

void
world_free(World *world)
{
    side_close(&world->a);
    side_close(&world->b);
    g_free(world);
}

void
world_put(Side *side, const PacketSpec *spec, guint8 gso_type, gsize segment)
{
    guint8 data[sizeof(struct virtio_net_hdr) + 66000];
    struct virtio_net_hdr header = {.gso_type = gso_type, .gso_size = (guint16)segment};
    gsize size = sizeof header + make_packet(spec, data + sizeof header);

    memcpy(data, &header, sizeof header);
    g_assert_cmpint(write(side->kernel, data, size), ==, size);
}

GPtrArray *
world_take(Side *side, guint n)
{
    GPtrArray *packets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    guint8 data[sizeof(struct virtio_net_hdr) + 66000];

    while (packets->len < n) {
        struct pollfd poll_fd = {.fd = side->kernel, .events = POLLIN};
        StileSegments segments;
        gssize got;

        g_main_context_iteration(NULL, FALSE);
        if (poll(&poll_fd, 1, WORLD_TIMEOUT) != 1)
            g_error("%u of %u packets came", packets->len, n);
        got = read(side->kernel, data, sizeof data);
        g_assert_cmpint(got, >, 0);
        g_assert_true(stile_segments_init(&segments, data, (gsize)got));
        for (guint i = 0; i < segments.count; i++) {
            gsize size = stile_segments_size(&segments, i);
            guint8 *packet = g_memdup2(stile_segments_cut(&segments, i), size);

            g_assert_true(slow_check(packet, size));
            g_ptr_array_add(packets, g_bytes_new_take(packet, size));
        }
    }
    g_assert_cmpuint(packets->len, ==, n);
    return packets;
}

void
world_check_packet(GBytes *bytes, const PacketSpec *spec)
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

void
world_wait_for(const guint *counter, guint n)
{
    g_autoptr(GSource) timeout = g_timeout_source_new(WORLD_TIMEOUT);
    gboolean over = FALSE;

    g_source_set_callback(timeout, on_timeout, &over, NULL);
    g_source_attach(timeout, NULL);
    while (*counter < n && !over)
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(timeout);
    g_assert_cmpuint(*counter, >=, n);
}

void
world_exchange(Side *from, Side *to, PacketSpec spec)
{
    g_autoptr(GPtrArray) packets = NULL;
    struct pollfd poll_fd = {.fd = to->kernel, .events = POLLIN};

    world_put(from, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
    for (guint i = 0; i < WORLD_TIMEOUT && poll(&poll_fd, 1, 1) == 0; i++)
        g_main_context_iteration(NULL, FALSE);
    packets = world_take(to, 1);
    world_check_packet(packets->pdata[0], &spec);
}

gsize
world_make_stun(guint8 *out)
{
    memset(out, 0, STILE_STUN_HEADER_SIZE);
    stile_put_u16be(out, 0x0001);
    stile_put_u32be(out + 4, STILE_STUN_COOKIE);
    return STILE_STUN_HEADER_SIZE;
}

void
world_wait_for_malformed(StileDataplane *dataplane, guint64 n)
{
    StileDataplaneCounters counters = {0};

    for (guint i = 0; i < WORLD_TIMEOUT && counters.malformed < n; i++) {
        g_usleep(1000);
        stile_dataplane_counters(dataplane, &counters);
    }
    g_assert_cmpuint(counters.malformed, ==, n);
}

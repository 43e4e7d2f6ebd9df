/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands on the wire between two data planes, from a place between them: a super-packet leaves
 * in one send wherever it fits into one; batches that hold good and bad of several sources, with a
 * short last one, give each what it deserves; copies that come late, cut off or out of order are
 * dropped or delivered as they should be; and a full socket stops the thread, not the tunnel. */
#include "config.h"

#include "dataplane-world.h"

#include <linux/virtio_net.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#define TRANSPORT 4
#define CHANNEL   0x4123
/* At once: what the queue of the data plane and the buffer of any socket hold. */
#define MAX_SUPERS 12
#define MAX_BYTES  (200 * 1024)

/* Both sides' path to the other goes to @socket, which passes everything on but what is to be kept:
 * transport data of A's in messages of at least @keep bytes. */
typedef struct {
    World *world;
    StileSocket *socket;
    StileAddress address;
    StileReceiveBuffers *buffers;
    gsize keep;
    GPtrArray *kept; /* of GBytes: messages, in order */
    GArray *sends;   /* of guint: how many messages each send was */
} Wire;

static Wire *
wire_new(void)
{
    Wire *wire = g_new0(Wire, 1);
    StileEndpoint to_wire = {.kind = STILE_ENDPOINT_UDP};

    wire->world = world_new();
    wire->socket = stile_socket_new(AF_INET, 0, NULL);
    g_assert_true(
        stile_address_parse(&wire->address, "127.0.0.1", stile_socket_port(wire->socket), NULL));
    wire->buffers = stile_receive_buffers_new();
    wire->keep = G_MAXSIZE;
    wire->kept = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    wire->sends = g_array_new(FALSE, FALSE, sizeof(guint));
    to_wire.remote = wire->address;
    world_set_path(&wire->world->a, 2, &to_wire, NULL);
    world_set_path(&wire->world->b, 1, &to_wire, NULL);
    return wire;
}

static void
wire_free(Wire *wire)
{
    world_free(wire->world);
    stile_socket_unref(wire->socket);
    stile_receive_buffers_free(wire->buffers);
    g_ptr_array_unref(wire->kept);
    g_array_unref(wire->sends);
    g_free(wire);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wire, wire_free)

static void
wire_carry(Wire *wire, const StileDatagram *got)
{
    gboolean from_a = stile_address_equal(&got->remote, &wire->world->a.address);
    const StileAddress *to = from_a ? &wire->world->b.address : &wire->world->a.address;
    guint n = (guint)((got->size + got->segment - 1) / got->segment);

    if (!from_a || got->data[0] != TRANSPORT || got->segment < wire->keep) {
        stile_socket_send_segments(wire->socket, NULL, to, got->data, got->size, got->segment);
        return;
    }
    g_array_append_val(wire->sends, n);
    for (gsize at = 0; at < got->size; at += got->segment)
        g_ptr_array_add(wire->kept, g_bytes_new(got->data + at, MIN(got->segment, got->size - at)));
}

/* Passes on what comes until @n messages are kept, or @fd has something to read. */
static void
wire_run(Wire *wire, guint n, int fd)
{
    struct pollfd polls[] = {{.fd = stile_socket_fd(wire->socket), .events = POLLIN},
                             {.fd = fd, .events = POLLIN}};

    while (wire->kept->len < n && !polls[1].revents) {
        StileDatagram got[STILE_SOCKET_MAX_BATCH];
        guint count;

        if (poll(polls, G_N_ELEMENTS(polls), WORLD_TIMEOUT) <= 0)
            g_error("%u of %u messages came", wire->kept->len, n);
        count = stile_socket_receive(wire->socket, wire->buffers, got, STILE_SOCKET_MAX_BATCH);
        for (guint i = 0; i < count; i++)
            wire_carry(wire, &got[i]);
    }
}

/* One packet all the way: then there is a session. */
static void
wire_exchange(Wire *wire)
{
    g_autoptr(GPtrArray) packets = NULL;

    wire->keep = G_MAXSIZE;
    world_put(&wire->world->a, &world_datagram, VIRTIO_NET_HDR_GSO_NONE, 0);
    wire_run(wire, G_MAXUINT, wire->world->b.kernel);
    packets = world_take(&wire->world->b, 1);
    world_check_packet(packets->pdata[0], &world_datagram);
}

static void
wire_send(Wire *wire, gconstpointer data, gsize size, gsize segment)
{
    g_assert_cmpint(stile_socket_send_segments(wire->socket, NULL, &wire->world->b.address, data,
                                               size, segment),
                    ==, 0);
}

/* Whether the kernel hands on a send of many as one; else nothing can be seen here. */
static gboolean
sends_are_seen(Wire *wire)
{
    StileDatagram got;
    struct pollfd poll_fd = {.fd = stile_socket_fd(wire->socket), .events = POLLIN};
    guint8 data[400] = {0};

    stile_socket_send_segments(wire->socket, NULL, &wire->address, data, sizeof data, 200);
    g_assert_cmpint(poll(&poll_fd, 1, WORLD_TIMEOUT), ==, 1);
    return stile_socket_receive(wire->socket, wire->buffers, &got, 1) == 1 &&
           got.size == sizeof data;
}

/* Of super-packets of @counts[] packets each, by turns: how many messages each send may be is a sum
 * of whole ones. */
static void
check_whole(Wire *wire, PacketSpec spec, guint8 gso_type, gsize segment, const guint *counts,
            guint n_counts)
{
    guint all = 0, n = 0, super = 0;

    for (; n < MAX_SUPERS && all * segment < MAX_BYTES; n++) {
        spec.payload = counts[n % n_counts] * segment;
        world_put(&wire->world->a, &spec, gso_type, segment);
        all += counts[n % n_counts];
    }
    g_ptr_array_set_size(wire->kept, 0);
    g_array_set_size(wire->sends, 0);
    wire_run(wire, all, -1);
    g_assert_cmpuint(wire->kept->len, ==, all);
    for (guint i = 0; i < wire->sends->len; i++) {
        guint left = g_array_index(wire->sends, guint, i);

        g_assert_cmpuint(left, <=, 64);
        while (left > 0) {
            guint count = counts[super++ % n_counts];

            g_assert_cmpuint(left, >=, count);
            left -= count;
        }
    }
    g_assert_cmpuint(super, ==, n);
}

static void
test_whole(void)
{
    g_autoptr(Wire) wire = wire_new();
    PacketSpec spec = {.family = AF_INET,
                       .protocol = IPPROTO_TCP,
                       .port = 9,
                       .tcp_flags = STILE_TCP_ACK,
                       .options = 12};

    if (!sends_are_seen(wire)) {
        g_test_skip("this kernel cuts what it sends to itself");
        return;
    }
    wire_exchange(wire);
    wire->keep = 200;
    for (guint round = 0; round < 8; round++) {
        check_whole(wire, spec, VIRTIO_NET_HDR_GSO_TCPV4, 1368, (guint[]){20}, 1);
        /* As many as fit, to the last, behind some that leave them no room. */
        check_whole(wire, spec, VIRTIO_NET_HDR_GSO_TCPV4, 1368, (guint[]){20, 45, 1, 45}, 4);
        spec.family = AF_INET6;
        check_whole(wire, spec, VIRTIO_NET_HDR_GSO_TCPV6, 1348, (guint[]){45, 20}, 2);
        /* By their number, not by their bytes. */
        check_whole(wire, spec, VIRTIO_NET_HDR_GSO_TCPV6, 400, (guint[]){40, 64, 3}, 3);
        spec.family = AF_INET;
    }
}

/* A short last one fits where a whole one would not. */
static void
test_whole_with_short_end(void)
{
    g_autoptr(Wire) wire = wire_new();
    PacketSpec spec = {.family = AF_INET,
                       .protocol = IPPROTO_TCP,
                       .port = 9,
                       .tcp_flags = STILE_TCP_ACK,
                       .options = 12,
                       .payload = 45 * 1368 + 20};

    if (!sends_are_seen(wire)) {
        g_test_skip("this kernel cuts what it sends to itself");
        return;
    }
    wire_exchange(wire);
    wire->keep = 200;
    world_put(&wire->world->a, &spec, VIRTIO_NET_HDR_GSO_TCPV4, 1368);
    wire_run(wire, 46, -1);
    g_assert_cmpuint(wire->sends->len, ==, 1);
}

/* Super-packets of another segment's size do not share a send, nor does their first packet. */
static void
test_whole_of_other_size(void)
{
    g_autoptr(Wire) wire = wire_new();
    PacketSpec spec = {.family = AF_INET, .protocol = IPPROTO_UDP, .port = 9, .payload = 10000};

    if (!sends_are_seen(wire)) {
        g_test_skip("this kernel cuts what it sends to itself");
        return;
    }
    wire_exchange(wire);
    wire->keep = 200;
    for (guint i = 0; i < MAX_SUPERS; i++)
        world_put(&wire->world->a, &spec, 5, i % 2 ? 500 : 1000);
    wire_run(wire, MAX_SUPERS / 2 * (10 + 20), -1);
    for (guint i = 0; i < wire->sends->len; i++)
        g_assert_cmpuint(g_array_index(wire->sends, guint, i) % 10, ==, 0);
    g_assert_cmpuint(wire->sends->len, ==, MAX_SUPERS);
}

/* Keeps @n more messages, of packets with @payload bytes from ports that count on. */
static void
keep_packets(Wire *wire, guint n, gsize payload)
{
    PacketSpec spec = world_datagram;
    guint all = wire->kept->len + n;

    spec.payload = payload;
    wire->keep = payload;
    for (guint i = 0; i < n; i++) {
        spec.port = (guint16)(all - n + i);
        world_put(&wire->world->a, &spec, VIRTIO_NET_HDR_GSO_NONE, 0);
        /* What waits is bounded. */
        if (i % 32 == 31)
            wire_run(wire, all - n + i + 1, -1);
    }
    wire_run(wire, all, -1);
    g_assert_cmpuint(wire->kept->len, ==, all);
}

static gconstpointer
kept(Wire *wire, guint i, gsize *ret_size)
{
    return g_bytes_get_data(wire->kept->pdata[i], ret_size);
}

/* One batch as a relay's would be, for it is one source to the kernel: messages of two peers, if
 * the second is a liar, a copy, noise, STUN and channel data, and a short one last. */
static void
test_mixed_batch(void)
{
    g_autoptr(Wire) wire = wire_new();
    World *world = wire->world;
    StileDataplaneCounters before, after;
    PacketSpec spec = world_datagram;
    g_autoptr(GPtrArray) packets = NULL;
    g_autofree guint8 *batch = NULL;
    gsize size, last;
    const guint8 *first;
    guint controls;

    wire_exchange(wire);
    keep_packets(wire, 5, 300);
    first = kept(wire, 0, &size);
    keep_packets(wire, 1, 100);
    kept(wire, 5, &last);
    g_assert_cmpuint(last, <, size);
    stile_dataplane_add_relay(world->b.dataplane, &wire->address);
    controls = world->b.controls;
    batch = g_malloc0(10 * size + last);
    memcpy(batch, first, size);
    memcpy(batch + size, kept(wire, 1, NULL), size);
    batch[size + 40] ^= 1; /* forged */
    memcpy(batch + 2 * size, first, size);
    memset(batch + 3 * size, 0xff, size);
    stile_put_u16be(batch + 4 * size, CHANNEL);
    stile_put_u16be(batch + 4 * size + 2, (guint16)(size - 4 + 1)); /* more than there is */
    world_make_stun(batch + 5 * size);
    stile_put_u16be(batch + 5 * size + 2, (guint16)(size - 20));
    memcpy(batch + 6 * size, kept(wire, 2, NULL), size);
    batch[6 * size + 4] ^= 0xff; /* of a session that there is not */
    stile_put_u16be(batch + 7 * size, CHANNEL);
    stile_put_u16be(batch + 7 * size + 2, (guint16)world_make_stun(batch + 7 * size + 4));
    memcpy(batch + 8 * size, kept(wire, 3, NULL), size);
    memcpy(batch + 9 * size, kept(wire, 4, NULL), size);
    memcpy(batch + 10 * size, kept(wire, 5, NULL), last);
    stile_dataplane_counters(world->b.dataplane, &before);
    wire_send(wire, batch, 10 * size + last, size);
    packets = world_take(&world->b, 4);
    for (guint i = 0; i < packets->len; i++) {
        static const guint16 ports[] = {0, 3, 4, 5};

        spec.port = ports[i];
        spec.payload = i == 3 ? 100 : 300;
        world_check_packet(packets->pdata[i], &spec);
    }
    world_wait_for(&world->b.controls, controls + 1);
    g_assert_cmpuint(world->b.controls, ==, controls + 1);
    stile_dataplane_counters(world->b.dataplane, &after);
    g_assert_cmpuint(after.unauthenticated - before.unauthenticated, ==, 2);
    g_assert_cmpuint(after.replayed - before.replayed, ==, 1);
    g_assert_cmpuint(after.malformed - before.malformed, ==, 3);
}

/* A message cut off anywhere is refused, alone and as the end of a batch; the whole one is not. */
static void
test_truncated(void)
{
    g_autoptr(Wire) wire = wire_new();
    World *world = wire->world;
    StileDataplaneCounters before, after;
    PacketSpec spec = world_datagram;
    g_autoptr(GPtrArray) packets = NULL;
    const guint8 *message;
    guint64 refused = 0;
    gsize size;

    wire_exchange(wire);
    keep_packets(wire, 1, 300);
    message = kept(wire, 0, &size);
    stile_dataplane_counters(world->b.dataplane, &before);
    for (gsize cut = 1; cut < size; cut++) {
        wire_send(wire, message, cut, cut);
        for (guint i = 0; i < WORLD_TIMEOUT && refused < cut; i++) {
            stile_dataplane_counters(world->b.dataplane, &after);
            refused = after.malformed + after.unauthenticated - before.malformed -
                      before.unauthenticated;
            if (refused < cut)
                g_usleep(100);
        }
        g_assert_cmpuint(refused, ==, cut);
    }
    wire_send(wire, message, size, size);
    packets = world_take(&world->b, 1);
    spec.payload = 300;
    spec.port = 0;
    world_check_packet(packets->pdata[0], &spec);
}

/* The first comes last, eight thousand later; and then all come again. */
static void
test_reordered(void)
{
    enum {
        N = 8001,
        STEP = 50
    };
    g_autoptr(Wire) wire = wire_new();
    World *world = wire->world;
    StileDataplaneCounters before, after;

    wire_exchange(wire);
    keep_packets(wire, N, 60);
    for (guint at = 0; at < N; at += STEP) {
        guint n = MIN(STEP, N - at);
        g_autoptr(GPtrArray) packets = NULL;

        for (guint i = 0; i < n; i++) {
            gsize size;
            const guint8 *message = kept(wire, N - 1 - at - i, &size);

            wire_send(wire, message, size, size);
        }
        packets = world_take(&world->b, n);
    }
    stile_dataplane_counters(world->b.dataplane, &before);
    g_assert_cmpuint(before.replayed, ==, 0);
    for (guint i = 0; i < N; i++) {
        gsize size;
        const guint8 *message = kept(wire, i, &size);

        wire_send(wire, message, size, size);
        for (guint j = 0; j < WORLD_TIMEOUT && i % STEP == STEP - 1; j++) {
            stile_dataplane_counters(world->b.dataplane, &after);
            if (after.replayed == i + 1)
                break;
            g_usleep(1000);
        }
    }
    for (guint j = 0; j < WORLD_TIMEOUT; j++) {
        stile_dataplane_counters(world->b.dataplane, &after);
        if (after.replayed == N)
            break;
        g_usleep(1000);
    }
    g_assert_cmpuint(after.replayed, ==, N);
    wire_exchange(wire);
}

static gint64
used_processor(void)
{
    struct rusage usage;

    g_assert_cmpint(getrusage(RUSAGE_SELF, &usage), ==, 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* One of two sockets is full, by what we leave unfinished in it: what is to be sent waits, and the
 * thread sleeps, although the other could be written to; commands are heard meanwhile, and when
 * there is room again nothing is lost. */
static void
test_full_socket(void)
{
    enum {
        WAIT = 300000
    };
    g_autoptr(World) world = world_new();
    g_autoptr(StileSocket) socket6 = stile_socket_new(AF_INET6, 0, NULL);
    g_autoptr(StileSocket) sink = stile_socket_new(AF_INET, 0, NULL);
    StileEndpoint to_b = world_udp_to(&world->b);
    struct pollfd poll_fd = {.fd = stile_socket_fd(world->a.socket), .events = POLLOUT};
    StileTun *tun;
    StileAddress nobody;
    g_autoptr(GPtrArray) packets = NULL;
    guint8 data[10000] = {0};
    int fds[2], small = 4096, buffer = 4 * 1024 * 1024, on = 1, off = 0;
    gint64 used;

    if (!socket6) {
        g_test_skip("there is no IPv6");
        return;
    }
    stile_dataplane_free(world->a.dataplane);
    close(world->a.kernel);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    for (guint i = 0; i < 2; i++)
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    world->a.kernel = fds[0];
    tun = stile_tun_new_for_fd(fds[1], "test");
    world->a.dataplane = stile_dataplane_new(tun, world->a.socket, socket6, world->a.private_key,
                                             &world_ops, &world->a);
    stile_tun_unref(tun);
    world_set_path(&world->a, 2, &to_b, NULL);
    world_exchange(&world->a, &world->b, world_datagram);

    g_assert_true(stile_address_parse(&nobody, "127.0.0.1", stile_socket_port(sink), NULL));
    setsockopt(poll_fd.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(poll_fd.fd, SOL_UDP, UDP_CORK, &on, sizeof on);
    g_assert_cmpint(sendto(poll_fd.fd, data, sizeof data, MSG_DONTWAIT, &nobody.sa,
                           stile_address_sockaddr_size(&nobody)),
                    ==, sizeof data);
    g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 0);
    world_put(&world->a, &world_datagram, VIRTIO_NET_HDR_GSO_NONE, 0);
    used = used_processor();
    g_usleep(WAIT);
    used = used_processor() - used;
    g_test_message("%" G_GINT64_FORMAT " us of a processor in %u", used, WAIT);
    g_assert_cmpint(used, <, WAIT / 10);
    /* Still there, and listening. */
    stile_socket_send(world->b.socket, NULL, &world->a.address, data, world_make_stun(data));
    world_wait_for(&world->a.controls, 1);
    world_set_path(&world->a, 2, &to_b, NULL);

    setsockopt(poll_fd.fd, SOL_UDP, UDP_CORK, &off, sizeof off);
    packets = world_take(&world->b, 1);
    world_check_packet(packets->pdata[0], &world_datagram);
    world_exchange(&world->a, &world->b, world_datagram);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dataplane/wire/whole", test_whole);
    g_test_add_func("/dataplane/wire/whole-of-other-size", test_whole_of_other_size);
    g_test_add_func("/dataplane/wire/whole-with-short-end", test_whole_with_short_end);
    g_test_add_func("/dataplane/wire/mixed-batch", test_mixed_batch);
    g_test_add_func("/dataplane/wire/truncated", test_truncated);
    g_test_add_func("/dataplane/wire/reordered", test_reordered);
    g_test_add_func("/dataplane/wire/full-socket", test_full_socket);
    return g_test_run();
}

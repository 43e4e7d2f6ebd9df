/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TURN over a stream: where frames begin and end, whatever pieces they come in; and a connection to
 * a server on loopback that pads, cuts, talks nonsense, hangs up, or reads nothing. */
#include "stun/turn-stream.h"

#include "base/error.h"
#include "stun/channel-data.h"
#include "stun/frames.h"
#include "stun/message.h"
#include <string.h>

static const guint8 channel_data[] = {0x40, 0x01, 0x00, 0x05, 'h', 'e', 'l', 'l', 'o', 0, 0, 0};
static const guint8 stun[] = {0x01, 0x03, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42, 1,  2,
                              3,    4,    5,    6,    7,    8,    9,    10,   11, 12,
                              0x80, 0x22, 0x00, 0x04, 'c',  'o',  't',  'u'};

static void
test_frames(void)
{
    guint8 both[sizeof stun + sizeof channel_data];
    gsize size, whole;

    memcpy(both, stun, sizeof stun);
    memcpy(both + sizeof stun, channel_data, sizeof channel_data);
    for (gsize n = 0; n < sizeof stun; n++)
        g_assert_cmpint(stile_frame_find(both, n, &size, &whole), ==, STILE_FRAME_PART);
    for (gsize n = sizeof stun; n <= sizeof both; n++) {
        g_assert_cmpint(stile_frame_find(both, n, &size, &whole), ==, STILE_FRAME_STUN);
        g_assert_cmpuint(size, ==, sizeof stun);
        g_assert_cmpuint(whole, ==, sizeof stun);
    }
    /* RFC 8656 §12.5: over TCP the padding belongs to it, but is not counted in its length. */
    for (gsize n = 0; n < sizeof channel_data; n++)
        g_assert_cmpint(stile_frame_find(channel_data, n, &size, &whole), ==, STILE_FRAME_PART);
    g_assert_cmpint(stile_frame_find(channel_data, sizeof channel_data, &size, &whole), ==,
                    STILE_FRAME_CHANNEL_DATA);
    g_assert_cmpuint(size, ==, 9);
    g_assert_cmpuint(whole, ==, 12);
}

static void
test_padding(void)
{
    static const guint8 data[STILE_FRAME_MAX_SIZE] = {0x4f, 0xff, 0xff, 0xff};
    gsize size, whole;

    g_assert_cmpuint(stile_frame_padding(0), ==, 0);
    g_assert_cmpuint(stile_frame_padding(1), ==, 3);
    g_assert_cmpuint(stile_frame_padding(4), ==, 0);
    g_assert_cmpuint(stile_frame_padding(7), ==, 1);
    /* The longest there can be. */
    g_assert_cmpint(stile_frame_find(data, sizeof data, &size, &whole), ==,
                    STILE_FRAME_CHANNEL_DATA);
    g_assert_cmpuint(size, ==, 4 + 65535);
    g_assert_cmpuint(whole, ==, 4 + 65536);
}

static void
test_bad_frames(void)
{
    static const struct {
        guint8 data[8];
        gsize size;
    } bad[] = {
        {{0x80}, 1},                                           /* DTLS, RTP */
        {{0x50, 0x00}, 2},                                     /* RFC 8656 §12: reserved */
        {{0x00, 0x01, 0x00, 0x03}, 4},                         /* no multiple of four */
        {{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x43}, 8}, /* another cookie */
        {{0x16, 0x03, 0x01, 0x02, 0x00}, 5},                   /* TLS */
    };
    gsize size, whole;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(stile_frame_find(bad[i].data, bad[i].size, &size, &whole), ==,
                        STILE_FRAME_BAD);
}

/* A server on loopback */

typedef struct {
    StileClock *clock;
    GSocketListener *listener;
    guint16 port;
    GCancellable *cancellable;
    GSocketConnection *connection;
    GByteArray *arrived;
    guint8 buffer[65536];
    gboolean reads;
    StileTurnStream *stream;
    gboolean opened;
    guint messages, payloads;
    GByteArray *payload;
    GError *error;
} World;

static void read_more(World *world);

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    World *world = user_data;
    g_autoptr(GError) error = NULL;
    gssize size = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);

    if (size <= 0)
        return;
    g_byte_array_append(world->arrived, world->buffer, (guint)size);
    read_more(world);
}

static void
read_more(World *world)
{
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(world->connection));

    g_input_stream_read_async(in, world->buffer, sizeof world->buffer, G_PRIORITY_DEFAULT,
                              world->cancellable, on_read, world);
}

static void
on_accepted(GObject *source, GAsyncResult *result, gpointer user_data)
{
    World *world = user_data;
    GSocketConnection *connection = g_socket_listener_accept_finish(G_SOCKET_LISTENER(source),
                                                                    result, NULL, NULL);

    if (!connection)
        return;
    world->connection = connection;
    if (world->reads)
        read_more(world);
}

static void
on_opened(gpointer user_data)
{
    World *world = user_data;

    world->opened = TRUE;
}

static void
on_message(gpointer user_data, const guint8 *data, gsize size)
{
    World *world = user_data;

    g_assert_cmpmem(data, size, stun, sizeof stun);
    world->messages++;
}

static void
on_channel_data(gpointer user_data, guint16 channel, const guint8 *payload, gsize size)
{
    World *world = user_data;

    g_assert_cmpuint(channel, ==, 0x4001);
    world->payloads++;
    g_byte_array_append(world->payload, payload, (guint)size);
}

static void
on_closed(gpointer user_data, const GError *error)
{
    World *world = user_data;

    g_assert_null(world->error);
    world->error = g_error_copy(error);
}

static const StileTurnStreamOps ops = {on_opened, on_message, on_channel_data, on_closed};

static void
set_up(World *world, gconstpointer reads)
{
    StileReachTarget target = {.host = "127.0.0.1", .protocol = "stun.turn"};
    g_autoptr(GSocketAddress) bound = NULL;
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string("127.0.0.1", 0);

    world->clock = stile_clock_new(NULL);
    world->listener = g_socket_listener_new();
    world->cancellable = g_cancellable_new();
    world->arrived = g_byte_array_new();
    world->payload = g_byte_array_new();
    world->reads = reads != NULL;
    g_assert_true(g_socket_listener_add_address(world->listener, address, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL));
    target.port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    g_socket_listener_accept_async(world->listener, world->cancellable, on_accepted, world);
    world->stream = stile_turn_stream_new(world->clock, &target, &ops, world);
    while (!world->opened || !world->connection)
        g_main_context_iteration(NULL, TRUE);
}

static void
tear_down(World *world, gconstpointer data)
{
    stile_turn_stream_free(world->stream);
    g_cancellable_cancel(world->cancellable);
    for (guint i = 0; i < 100; i++)
        g_main_context_iteration(NULL, FALSE);
    g_clear_object(&world->connection);
    g_socket_listener_close(world->listener);
    g_object_unref(world->listener);
    g_object_unref(world->cancellable);
    g_byte_array_unref(world->arrived);
    g_byte_array_unref(world->payload);
    g_clear_error(&world->error);
    stile_clock_unref(world->clock);
}

static void
say(World *world, const void *data, gsize size)
{
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(world->connection));

    g_assert_true(g_output_stream_write_all(out, data, size, NULL, NULL, NULL));
}

static void
test_both_ways(World *world, gconstpointer data)
{
    stile_turn_stream_send(world->stream, stun, sizeof stun);
    stile_turn_stream_send(world->stream, channel_data, 9); /* as over UDP: without padding */
    while (world->arrived->len < sizeof stun + sizeof channel_data)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpmem(world->arrived->data, sizeof stun, stun, sizeof stun);
    g_assert_cmpmem(world->arrived->data + sizeof stun, world->arrived->len - sizeof stun,
                    channel_data, sizeof channel_data);

    /* Back in pieces, the worst that there are. */
    for (gsize i = 0; i < sizeof channel_data; i++) {
        say(world, channel_data + i, 1);
        g_main_context_iteration(NULL, FALSE);
    }
    say(world, stun, sizeof stun);
    say(world, channel_data, sizeof channel_data);
    while (world->messages < 1 || world->payloads < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpmem(world->payload->data, world->payload->len, "hellohello", 10);
    g_assert_no_error(world->error);
}

static void
test_nonsense(World *world, gconstpointer data)
{
    say(world, channel_data, sizeof channel_data);
    say(world, "\x16\x03\x03\x00\x20 and so on", 15);
    while (!world->error)
        g_main_context_iteration(NULL, TRUE);
    g_assert_error(world->error, STILE_ERROR, STILE_ERROR_FAILED);
    g_assert_cmpstr(world->error->message, ==, "127.0.0.1: does not speak TURN");
    g_assert_cmpuint(world->payloads, ==, 1);
    /* Nothing happens with what is sent now. */
    stile_turn_stream_send(world->stream, stun, sizeof stun);
}

static void
test_hang_up(World *world, gconstpointer data)
{
    say(world, channel_data, 6); /* in the middle of a frame */
    g_io_stream_close(G_IO_STREAM(world->connection), NULL, NULL);
    while (!world->error)
        g_main_context_iteration(NULL, TRUE);
    g_assert_error(world->error, STILE_ERROR, STILE_ERROR_UNREACHABLE);
    g_assert_cmpuint(world->payloads, ==, 0);
}

/* Who does not read makes nothing grow: datagrams are dropped, and those that waited too long go
 * before the request behind them. */
static void
test_congestion(World *world, gconstpointer data)
{
    guint8 datagram[STILE_CHANNEL_DATA_HEADER_SIZE + 1200] = {0};
    gint64 until;

    stile_channel_data_header(datagram, 0x4001, 1200);
    for (guint i = 0; i < 100000 && stile_turn_stream_dropped(world->stream) < 1000; i++) {
        stile_turn_stream_send(world->stream, datagram, sizeof datagram);
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(stile_turn_stream_dropped(world->stream), >=, 1000);
    g_assert_no_error(world->error);
    until = g_get_monotonic_time() + 2 * STILE_TURN_STREAM_AGE;
    while (g_get_monotonic_time() < until)
        g_usleep(10000);
    /* All that waits is too old now; it makes room when the server reads at last. */
    read_more(world);
    while (world->arrived->len == 0)
        g_main_context_iteration(NULL, TRUE);
    for (;;) {
        guint64 before = world->arrived->len;

        until = g_get_monotonic_time() + 200000;
        while (g_get_monotonic_time() < until)
            if (!g_main_context_iteration(NULL, FALSE))
                g_usleep(1000);
        if (world->arrived->len == before)
            break;
    }
    stile_turn_stream_send(world->stream, stun, sizeof stun);
    while (world->arrived->len < sizeof stun ||
           memcmp(world->arrived->data + world->arrived->len - sizeof stun, stun, sizeof stun) != 0)
        g_main_context_iteration(NULL, TRUE);
    /* Whole frames have been left out, no parts of them. */
    g_assert_cmpuint((world->arrived->len - sizeof stun) % sizeof datagram, ==, 0);
}

static void
test_refused(void)
{
    g_autoptr(StileClock) clock = stile_clock_new(NULL);
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    StileReachTarget target = {.host = "127.0.0.1", .protocol = "stun.turn"};
    World world = {0};

    target.port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    g_socket_listener_close(listener);
    world.stream = stile_turn_stream_new(clock, &target, &ops, &world);
    while (!world.error)
        g_main_context_iteration(NULL, TRUE);
    g_assert_error(world.error, STILE_ERROR, STILE_ERROR_UNREACHABLE);
    g_assert_cmpstr(world.error->message, ==, "127.0.0.1: connection refused");
    stile_turn_stream_free(world.stream);
    g_error_free(world.error);
}

/* Freed while it is being reached, nothing is called. */
static void
test_freed_early(void)
{
    g_autoptr(StileClock) clock = stile_clock_new(NULL);
    StileReachTarget target = {.host = "127.0.0.1", .port = 9, .protocol = "stun.turn"};
    World world = {0};

    world.stream = stile_turn_stream_new(clock, &target, &ops, &world);
    stile_turn_stream_free(world.stream);
    for (guint i = 0; i < 100; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_no_error(world.error);
    g_assert_false(world.opened);
}

int
main(int argc, char **argv)
{
    static const char *const silent[] = {
        "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", NULL,
    };

    /* The tester's own proxies do not matter here, and GIO knows of none: it chooses a resolver
     * once and for all. So every failure is one where the system is asked. */
    g_setenv("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
    g_proxy_resolver_get_default();
    g_unsetenv("GIO_USE_PROXY_RESOLVER");
    for (gsize i = 0; silent[i]; i++)
        g_unsetenv(silent[i]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/turn-stream/frames", test_frames);
    g_test_add_func("/turn-stream/padding", test_padding);
    g_test_add_func("/turn-stream/bad-frames", test_bad_frames);
    g_test_add("/turn-stream/both-ways", World, "reads", set_up, test_both_ways, tear_down);
    g_test_add("/turn-stream/nonsense", World, NULL, set_up, test_nonsense, tear_down);
    g_test_add("/turn-stream/hang-up", World, NULL, set_up, test_hang_up, tear_down);
    g_test_add("/turn-stream/congestion", World, NULL, set_up, test_congestion, tear_down);
    g_test_add_func("/turn-stream/refused", test_refused);
    g_test_add_func("/turn-stream/freed-early", test_freed_early);
    return g_test_run();
}

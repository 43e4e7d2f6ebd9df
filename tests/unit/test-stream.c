/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream over a socketpair: what was asked to be written arrives whole and in order however
 * little the kernel takes, one dispatch reads and writes no more than it may, and the stream can be
 * closed and freed from inside its ops. How it ends is told once: by the other side's end, or a
 * failed write, before which the last words of the other side are read where that is wanted.
 */
#include "io/stream.h"

#include <string.h>
#include <sys/socket.h>

#define CHUNK 1000

typedef struct {
    StileStream *stream;
    GSocket *peer;
    GByteArray *queue;
    GByteArray *received;
    guint refills, blocks, reads, closes;
    GError *error; /* of the last close */
    gboolean close_on_receipt, free_on_receipt, free_on_close, hang_up_on_refill;
} World;

static void
say(World *world, const void *data, gsize size)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_socket_send(world->peer, data, size, NULL, &error), ==, (gssize)size);
    g_assert_no_error(error);
}

static void
on_refill(gpointer user_data, GByteArray *sending)
{
    World *world = user_data;

    g_assert_cmpuint(sending->len, ==, 0);
    world->refills++;
    if (world->hang_up_on_refill) {
        say(world, "bye", 3);
        g_socket_close(world->peer, NULL);
    }
    g_byte_array_append(sending, world->queue->data, world->queue->len);
    g_byte_array_set_size(world->queue, 0);
}

static void
on_blocked(gpointer user_data)
{
    World *world = user_data;

    world->blocks++;
}

static void
on_received(gpointer user_data, const guint8 *data, gsize size)
{
    World *world = user_data;

    world->reads++;
    g_byte_array_append(world->received, data, (guint)size);
    if (world->close_on_receipt)
        stile_stream_close(world->stream);
    if (world->free_on_receipt)
        g_clear_pointer(&world->stream, stile_stream_free);
}

static void
on_closed(gpointer user_data, const GError *error)
{
    World *world = user_data;

    g_assert_null(stile_stream_socket(world->stream));
    world->closes++;
    if (error)
        world->error = g_error_copy(error);
    if (world->free_on_close)
        g_clear_pointer(&world->stream, stile_stream_free);
}

static const StileStreamOps ops = {
    .reads_per_dispatch = 2,
    .writes_per_dispatch = 4,
    .write_size = CHUNK,
    .refill = on_refill,
    .received = on_received,
    .closed = on_closed,
};

static const StileStreamOps unbounded = {
    .reads_per_dispatch = 16,
    .writes_per_dispatch = 16,
    .hears_out = TRUE,
    .refill = on_refill,
    .blocked = on_blocked,
    .received = on_received,
    .closed = on_closed,
};

static void
set_up(World *world, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    GSocket *socket;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    socket = g_socket_new_from_fd(fds[0], &error);
    g_assert_no_error(error);
    world->peer = g_socket_new_from_fd(fds[1], &error);
    g_assert_no_error(error);
    g_socket_set_blocking(world->peer, FALSE);
    world->queue = g_byte_array_new();
    world->received = g_byte_array_new();
    world->stream = stile_stream_new(
        G_IO_STREAM(g_socket_connection_factory_create_connection(socket)), socket, data, world);
}

static void
tear_down(World *world, gconstpointer data)
{
    stile_stream_free(world->stream);
    g_object_unref(world->peer);
    g_byte_array_unref(world->queue);
    g_byte_array_unref(world->received);
    g_clear_error(&world->error);
}

/* Until nothing is ready any more. */
static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
queue(World *world, const void *data, gsize size)
{
    g_byte_array_append(world->queue, data, (guint)size);
    stile_stream_write_soon(world->stream);
}

/* Appends to @ret what the peer can read now. */
static void
hear(World *world, GByteArray *ret)
{
    char buffer[4096];
    gssize size;

    while ((size = g_socket_receive(world->peer, buffer, sizeof buffer, NULL, NULL)) > 0)
        g_byte_array_append(ret, (guint8 *)buffer, (guint)size);
}

static void
test_together(World *world, gconstpointer data)
{
    g_autoptr(GByteArray) heard = g_byte_array_new();

    queue(world, "one ", 4);
    queue(world, "two ", 4);
    hear(world, heard);
    g_assert_cmpuint(heard->len, ==, 0); /* not before the turn is over */
    settle();
    g_assert_cmpuint(world->refills, ==, 2); /* the second brought nothing, so it rests */
    queue(world, "three", 5);
    settle();
    g_assert_cmpuint(world->refills, ==, 4);
    hear(world, heard);
    g_assert_cmpmem(heard->data, heard->len, "one two three", 13);
    g_assert_cmpuint(stile_stream_unsent(world->stream), ==, 0);
    say(world, "four", 4);
    settle();
    g_assert_cmpmem(world->received->data, world->received->len, "four", 4);
    g_assert_cmpuint(world->closes, ==, 0);
}

static void
test_partial_writes(World *world, gconstpointer data)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_autoptr(GByteArray) heard = g_byte_array_new();
    gsize size;

    for (guint32 i = 0; i < 256 * 1024; i++)
        g_byte_array_append(all, (guint8 *)&i, sizeof i);
    g_assert_true(g_socket_set_option(stile_stream_socket(world->stream), SOL_SOCKET, SO_SNDBUF,
                                      8 * 1024, NULL));
    size = all->len / 2;
    queue(world, all->data, size);
    settle();
    g_assert_cmpuint(world->blocks, >=, 1);
    g_assert_cmpuint(stile_stream_unsent(world->stream), >, 0);
    g_assert_cmpuint(world->refills, ==, 1);
    /* What comes meanwhile waits its turn, and the other way is open. */
    queue(world, all->data + size, size);
    say(world, "go on", 5);
    settle();
    g_assert_cmpuint(world->refills, ==, 1);
    g_assert_cmpmem(world->received->data, world->received->len, "go on", 5);
    while (heard->len < all->len) {
        hear(world, heard);
        g_main_context_iteration(NULL, FALSE);
    }
    settle();
    g_assert_cmpmem(heard->data, heard->len, all->data, all->len);
    g_assert_cmpuint(world->refills, ==, 3);
    g_assert_cmpuint(stile_stream_unsent(world->stream), ==, 0);
    g_assert_cmpuint(world->closes, ==, 0);
}

static void
test_bounds(World *world, gconstpointer data)
{
    static const guint8 much[40 * 1024];
    g_autoptr(GError) error = NULL;

    g_byte_array_append(world->queue, much, 10 * CHUNK);
    g_assert_true(stile_stream_write(world->stream, &error));
    g_assert_cmpuint(stile_stream_unsent(world->stream), ==, 6 * CHUNK);
    g_assert_true(stile_stream_write(world->stream, &error));
    g_assert_cmpuint(stile_stream_unsent(world->stream), ==, 2 * CHUNK);
    g_assert_false(stile_stream_write(world->stream, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(stile_stream_unsent(world->stream), ==, 0);

    say(world, much, sizeof much);
    g_assert_true(g_main_context_iteration(NULL, FALSE));
    g_assert_cmpuint(world->reads, ==, 2);
    g_assert_cmpuint(world->received->len, <, sizeof much);
    settle();
    g_assert_cmpuint(world->received->len, ==, sizeof much);
}

static void
test_unbounded_write(World *world, gconstpointer data)
{
    static const guint8 much[20 * CHUNK];

    g_byte_array_append(world->queue, much, sizeof much);
    g_assert_false(stile_stream_write(world->stream, NULL));
    g_assert_cmpuint(stile_stream_unsent(world->stream), ==, 0);
    g_assert_cmpuint(world->refills, ==, 2);
}

/* More than one read is waiting, and something to be written. */
static void
interrupt(World *world)
{
    static const guint8 much[40 * 1024];

    say(world, much, sizeof much);
    queue(world, "never said", 10);
    settle();
    g_assert_cmpuint(world->reads, ==, 1);
    g_assert_cmpuint(world->closes, ==, 0);
}

static void
test_close_inside(World *world, gconstpointer data)
{
    char buffer[16];

    world->close_on_receipt = TRUE;
    interrupt(world);
    g_assert_cmpuint(world->refills, ==, 0);
    g_assert_null(stile_stream_socket(world->stream));
    /* The other side hears of it. */
    g_assert_cmpint(g_socket_receive(world->peer, buffer, sizeof buffer, NULL, NULL), <=, 0);
    g_assert_false(g_socket_condition_check(world->peer, G_IO_HUP) == 0);
    /* What is asked of it now does nothing. */
    stile_stream_write_soon(world->stream);
    g_assert_false(stile_stream_write(world->stream, NULL));
    stile_stream_close(world->stream);
    settle();
    g_assert_cmpuint(world->refills, ==, 0);
}

static void
test_free_inside(World *world, gconstpointer data)
{
    world->free_on_receipt = TRUE;
    interrupt(world);
    g_assert_null(world->stream);
}

static void
test_end(World *world, gconstpointer data)
{
    say(world, "good night", 10);
    g_socket_close(world->peer, NULL);
    settle();
    g_assert_cmpmem(world->received->data, world->received->len, "good night", 10);
    g_assert_cmpuint(world->closes, ==, 1);
    g_assert_no_error(world->error);
}

static void
test_free_at_end(World *world, gconstpointer data)
{
    world->free_on_close = TRUE;
    test_end(world, data);
    g_assert_null(world->stream);
}

/* The other side hangs up after the loop has seen that nothing is there to be read. */
static void
test_failed_write(World *world, gconstpointer data)
{
    world->hang_up_on_refill = TRUE;
    world->free_on_close = TRUE;
    queue(world, "hello", 5);
    settle();
    g_assert_cmpuint(world->closes, ==, 1);
    g_assert_cmpuint(world->reads, ==, 0);
    g_assert_error(world->error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

static void
test_last_words(World *world, gconstpointer data)
{
    world->hang_up_on_refill = TRUE;
    queue(world, "hello", 5);
    settle();
    g_assert_cmpuint(world->closes, ==, 1);
    g_assert_cmpmem(world->received->data, world->received->len, "bye", 3);
    g_assert_no_error(world->error);
}

/* The caller is told, and the stream is as it was. */
static void
test_failed_write_now(World *world, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    world->hang_up_on_refill = TRUE;
    g_byte_array_append(world->queue, (const guint8 *)"hello", 5);
    g_assert_false(stile_stream_write(world->stream, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
    g_assert_cmpuint(world->closes, ==, 0);
    g_assert_nonnull(stile_stream_socket(world->stream));
}

static void
add(const char *path, const StileStreamOps *which, void (*test)(World *, gconstpointer))
{
    g_test_add(path, World, which, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/stream/together", &ops, test_together);
    add("/stream/partial-writes", &unbounded, test_partial_writes);
    add("/stream/bounds", &ops, test_bounds);
    add("/stream/unbounded-write", &unbounded, test_unbounded_write);
    add("/stream/close-inside", &ops, test_close_inside);
    add("/stream/free-inside", &ops, test_free_inside);
    add("/stream/end", &ops, test_end);
    add("/stream/free-at-end", &ops, test_free_at_end);
    add("/stream/failed-write", &ops, test_failed_write);
    add("/stream/last-words", &unbounded, test_last_words);
    add("/stream/failed-write-now", &ops, test_failed_write_now);
    return g_test_run();
}

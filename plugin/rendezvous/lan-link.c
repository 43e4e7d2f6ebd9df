/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/lan-link.h"

#include <netinet/tcp.h>
#include <string.h>

#define UNSENT_LIMIT (256 * 1024)
/* Frames of a peer that is reached for the first time are a dozen; each costs the two sides about
 * the same. */
#define FRAMES_BURST      64
#define FRAMES_PER_SECOND 16
/* Gone after 20 + 3 × 5 seconds without an answer, or 20 with something unsent. */
#define KEEPALIVE_IDLE     20
#define KEEPALIVE_INTERVAL 5
#define KEEPALIVE_COUNT    3
#define USER_TIMEOUT_MS    20000

struct _StileLanLink {
    guint refs; /* the owner's, and one for each asynchronous operation under way */
    StileClock *clock;
    const StileLanLinkOps *ops; /* NULL when freed by the owner, or closed */
    gpointer user_data;
    StileLanKeys keys;
    gboolean dialled;
    guint8 random[STILE_LAN_RANDOM_SIZE];
    StileLanSession *session; /* NULL until the other side's number is known */

    GSocketConnection *connection;
    GCancellable *cancellable;
    GByteArray *in;
    GByteArray *out, *writing; /* @writing does not change while it is written */
    guint8 chunk[4096];
    double allowance; /* of frames */
    gint64 counted;   /* when that was reckoned */
};

static void
unref(StileLanLink *link)
{
    if (--link->refs > 0)
        return;
    stile_lan_session_free(link->session);
    stile_memory_wipe(&link->keys, sizeof link->keys);
    g_object_unref(link->connection);
    g_object_unref(link->cancellable);
    g_byte_array_unref(link->in);
    g_byte_array_unref(link->out);
    g_byte_array_unref(link->writing);
    stile_clock_unref(link->clock);
    g_free(link);
}

/* The last thing a function does: the owner will free the link. */
static void
end(StileLanLink *link)
{
    const StileLanLinkOps *ops = link->ops;

    if (!ops)
        return;
    link->ops = NULL;
    g_cancellable_cancel(link->cancellable);
    ops->closed(link->user_data);
}

static void flush(StileLanLink *link);

static void
on_written(GObject *stream, GAsyncResult *result, gpointer user_data)
{
    StileLanLink *link = user_data;
    gboolean written = g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL,
                                                        NULL);

    g_byte_array_set_size(link->writing, 0);
    if (link->ops && written)
        flush(link);
    else
        end(link);
    unref(link);
}

static void
flush(StileLanLink *link)
{
    GByteArray *next = link->out;

    if (link->writing->len > 0 || next->len == 0)
        return;
    link->out = link->writing;
    link->writing = next;
    link->refs++;
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(link->connection)),
                                    next->data, next->len, G_PRIORITY_DEFAULT, link->cancellable,
                                    on_written, link);
}

static gboolean
is_too_fast(StileLanLink *link)
{
    gint64 now = stile_clock_now(link->clock);

    link->allowance += (double)(now - link->counted) * FRAMES_PER_SECOND / G_USEC_PER_SEC;
    link->allowance = MIN(link->allowance, FRAMES_BURST);
    link->counted = now;
    if (link->allowance < 1)
        return TRUE;
    link->allowance--;
    return FALSE;
}

/* Returns: whether to go on; the link may be freed by its owner, but not by this. */
static gboolean
take_frame(StileLanLink *link)
{
    g_autofree StileLanFrame *frame = g_new(StileLanFrame, 1);
    g_autoptr(GError) error = NULL;
    gsize used;

    if (!stile_lan_session_open(link->session, link->in->data, link->in->len, frame, &used,
                                &error)) {
        g_debug("local network: %s", error->message);
        end(link);
        return FALSE;
    }
    if (used == 0)
        return FALSE;
    if (is_too_fast(link)) {
        g_debug("local network: too many frames");
        end(link);
        return FALSE;
    }
    g_byte_array_remove_range(link->in, 0, (guint)used);
    link->ops->frame(link->user_data, frame->kind, frame->body, frame->size);
    return TRUE;
}

static void
take_input(StileLanLink *link)
{
    if (!link->session) {
        if (link->in->len < STILE_LAN_RANDOM_SIZE)
            return;
        link->session = stile_lan_session_new(&link->keys, link->dialled, link->random,
                                              link->in->data);
        g_byte_array_remove_range(link->in, 0, STILE_LAN_RANDOM_SIZE);
        link->ops->opened(link->user_data, link->session);
    }
    while (link->ops && take_frame(link))
        ;
}

static void read_more(StileLanLink *link);

static void
on_read(GObject *stream, GAsyncResult *result, gpointer user_data)
{
    StileLanLink *link = user_data;
    gssize got = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, NULL);

    if (link->ops && got > 0) {
        g_byte_array_append(link->in, link->chunk, (guint)got);
        take_input(link);
        if (link->ops)
            read_more(link);
    } else {
        end(link);
    }
    unref(link);
}

static void
read_more(StileLanLink *link)
{
    link->refs++;
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(link->connection)),
                              link->chunk, sizeof link->chunk, G_PRIORITY_DEFAULT,
                              link->cancellable, on_read, link);
}

static void
set_up_socket(GSocket *socket)
{
    /* What was for connecting stays with the socket. */
    g_socket_set_timeout(socket, 0);
    g_socket_set_keepalive(socket, TRUE);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

StileLanLink *
stile_lan_link_new(StileClock *clock, const StileLanKeys *keys, GSocketConnection *connection,
                   gboolean dialled, const StileLanLinkOps *ops, gpointer user_data)
{
    StileLanLink *link = g_new0(StileLanLink, 1);

    link->refs = 1;
    link->clock = stile_clock_ref(clock);
    link->ops = ops;
    link->user_data = user_data;
    link->keys = *keys;
    link->dialled = dialled;
    link->connection = connection;
    link->cancellable = g_cancellable_new();
    link->in = g_byte_array_new();
    link->out = g_byte_array_new();
    link->writing = g_byte_array_new();
    link->allowance = FRAMES_BURST;
    link->counted = stile_clock_now(clock);
    set_up_socket(g_socket_connection_get_socket(connection));
    stile_clock_random(clock, link->random, sizeof link->random);
    g_byte_array_append(link->out, link->random, sizeof link->random);
    flush(link);
    read_more(link);
    return link;
}

void
stile_lan_link_free(StileLanLink *link)
{
    if (!link)
        return;
    link->ops = NULL;
    g_cancellable_cancel(link->cancellable);
    /* Closed at once, not when the last operation has noticed: the other side is waiting to hear.
     */
    g_socket_shutdown(g_socket_connection_get_socket(link->connection), TRUE, TRUE, NULL);
    unref(link);
}

gboolean
stile_lan_link_send(StileLanLink *link, StileLanKind kind, const void *body, gsize size)
{
    if (!link->session || !link->ops || link->out->len > UNSENT_LIMIT)
        return FALSE;
    stile_lan_session_seal(link->session, kind, body, size, link->out);
    flush(link);
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/turn-stream.h"

#include "base/error.h"
#include "io/reason.h"
#include "stun/channel-data.h"
#include "stun/frames.h"
#include "stun/message.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define KERNEL_UNSENT       (16 * 1024)
#define WRITE_SIZE          (16 * 1024) /* a TLS record */
#define READ_SIZE           (16 * 1024)
#define READS_PER_DISPATCH  16
#define WRITES_PER_DISPATCH 16

typedef struct {
    gint64 queued;
    gboolean datagram; /* may be dropped */
    gsize size;
    guint8 data[];
} Packet;

struct _StileTurnStream {
    guint refs; /* the owner's, and one for each asynchronous operation or dispatch under way */
    StileClock *clock;
    GMainContext *context;
    char *host;
    const StileTurnStreamOps *ops; /* NULL when freed by the owner */
    gpointer user_data;
    gboolean open, closed;

    StileTimer *deadline;
    GCancellable *cancellable;
    GSocket *socket;
    GIOStream *stream;
    GSource *read_source;
    GSource *write_source;

    GByteArray *input;
    GQueue queue;  /* of Packet */
    gsize queued;  /* bytes in it */
    gboolean full; /* the stream was, and the queue has not been empty since */
    /* Written from the front; unchanged until it is empty, because TLS wants the same bytes again
     * when it could not write them. */
    GByteArray *sending;
    gsize sent;
    guint64 dropped;
};

static StileTurnStream *
stream_ref(StileTurnStream *stream)
{
    stream->refs++;
    return stream;
}

static void
clear_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static void
close_stream(StileTurnStream *stream)
{
    stream->closed = TRUE;
    stile_timer_stop(stream->deadline);
    clear_source(&stream->read_source);
    clear_source(&stream->write_source);
    g_cancellable_cancel(stream->cancellable);
    /* The socket first: closing a TLS stream would wait for the farewell to be written. */
    if (stream->socket)
        g_socket_close(stream->socket, NULL);
    g_clear_object(&stream->stream);
    g_clear_object(&stream->socket);
}

static void
stream_unref(StileTurnStream *stream)
{
    if (--stream->refs > 0)
        return;
    stile_timer_free(stream->deadline);
    g_object_unref(stream->cancellable);
    g_byte_array_unref(stream->input);
    g_byte_array_unref(stream->sending);
    g_queue_clear_full(&stream->queue, g_free);
    g_main_context_unref(stream->context);
    stile_clock_unref(stream->clock);
    g_free(stream->host);
    g_free(stream);
}

typedef StileTurnStream Stream; /* one of these references */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, stream_unref)

/* Takes @reason. */
static void
fail(StileTurnStream *stream, GError *reason)
{
    if (!stream->closed) {
        close_stream(stream);
        stream->ops->closed(stream->user_data, reason);
    }
    g_error_free(reason);
}

static void
fail_in_words(StileTurnStream *stream, StileError code, const char *words)
{
    fail(stream, g_error_new(STILE_ERROR, code, "%s: %s", stream->host, words));
}

static void
fail_with(StileTurnStream *stream, const GError *error)
{
    fail(stream, stile_reason_from_error(error, stream->host));
}

/* Writing */

static Packet *
next_packet(StileTurnStream *stream)
{
    gint64 oldest = stile_clock_now(stream->clock) - STILE_TURN_STREAM_AGE;
    Packet *packet;

    while ((packet = g_queue_pop_head(&stream->queue))) {
        stream->queued -= packet->size;
        /* Where it was us who were slow, being late does not help against anything. */
        if (!packet->datagram || !stream->full || packet->queued >= oldest)
            return packet;
        stream->dropped++;
        g_free(packet);
    }
    stream->full = FALSE;
    return NULL;
}

/* Whole packets, as many as make a TLS record. */
static void
fill(StileTurnStream *stream)
{
    static const guint8 zeros[3];

    g_byte_array_set_size(stream->sending, 0);
    stream->sent = 0;
    while (stream->sending->len < WRITE_SIZE) {
        g_autofree Packet *packet = next_packet(stream);

        if (!packet)
            return;
        g_byte_array_append(stream->sending, packet->data, (guint)packet->size);
        g_byte_array_append(stream->sending, zeros, (guint)stile_frame_padding(packet->size));
    }
}

/* Returns: whether to go on when the stream is writable again. */
static gboolean
write_some(StileTurnStream *stream, GError **error)
{
    GPollableOutputStream *out = G_POLLABLE_OUTPUT_STREAM(
        g_io_stream_get_output_stream(stream->stream));

    for (guint i = 0; i < WRITES_PER_DISPATCH; i++) {
        g_autoptr(GError) local = NULL;
        gssize written;

        if (stream->sent == stream->sending->len) {
            fill(stream);
            if (stream->sending->len == 0)
                return FALSE;
        }
        written = g_pollable_output_stream_write_nonblocking(
            out, stream->sending->data + stream->sent, stream->sending->len - stream->sent, NULL,
            &local);
        if (written < 0) {
            if (g_error_matches(local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
                stream->full = TRUE;
                return TRUE;
            }
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        stream->sent += (gsize)written;
    }
    return TRUE;
}

static gboolean
on_writable(GObject *source, gpointer user_data)
{
    g_autoptr(Stream) stream = stream_ref(user_data);
    g_autoptr(GError) error = NULL;

    if (write_some(stream, &error))
        return G_SOURCE_CONTINUE;
    if (error)
        fail_with(stream, error);
    else
        g_clear_pointer(&stream->write_source, g_source_unref);
    return G_SOURCE_REMOVE;
}

/* What is queued in one turn of the main loop is written at its end, together. */
static void
write_soon(StileTurnStream *stream)
{
    GPollableOutputStream *out;

    if (stream->write_source || !stream->open)
        return;
    out = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream->stream));
    stream->write_source = g_pollable_output_stream_create_source(out, NULL);
    g_source_set_callback(stream->write_source, G_SOURCE_FUNC(on_writable), stream, NULL);
    g_source_attach(stream->write_source, stream->context);
}

static gboolean
is_datagram(const guint8 *data, gsize size)
{
    StileStunMessage message;

    if (stile_channel_data_looks_like(data, size))
        return TRUE;
    return stile_stun_message_parse(&message, data, size, NULL) &&
           message.class == STILE_STUN_INDICATION;
}

void
stile_turn_stream_send(StileTurnStream *stream, const guint8 *data, gsize size)
{
    gboolean datagram;
    Packet *packet;

    if (stream->closed)
        return;
    datagram = is_datagram(data, size);
    if (stream->queued + size > STILE_TURN_STREAM_QUEUE * (datagram ? 1 : 2)) {
        stream->dropped++;
        return;
    }
    packet = g_malloc(sizeof *packet + size);
    packet->queued = stile_clock_now(stream->clock);
    packet->datagram = datagram;
    packet->size = size;
    memcpy(packet->data, data, size);
    g_queue_push_tail(&stream->queue, packet);
    stream->queued += size;
    write_soon(stream);
}

guint64
stile_turn_stream_dropped(StileTurnStream *stream)
{
    return stream->dropped;
}

/* Reading */

static void
take_channel_data(StileTurnStream *stream, const guint8 *data, gsize size)
{
    const guint8 *payload;
    gsize payload_size;
    guint16 channel;

    if (stile_channel_data_parse(data, size, &channel, &payload, &payload_size))
        stream->ops->channel_data(stream->user_data, channel, payload, payload_size);
}

/* Whatever is whole; what is left is the beginning of one frame at most. */
static void
take_frames(StileTurnStream *stream)
{
    gsize at = 0;

    while (!stream->closed) {
        const guint8 *data = stream->input->data + at;
        gsize size, whole;

        switch (stile_frame_find(data, stream->input->len - at, &size, &whole)) {
        case STILE_FRAME_PART:
            if (at > 0)
                g_byte_array_remove_range(stream->input, 0, (guint)at);
            return;
        case STILE_FRAME_STUN:
            stream->ops->message(stream->user_data, data, size);
            break;
        case STILE_FRAME_CHANNEL_DATA:
            take_channel_data(stream, data, size);
            break;
        case STILE_FRAME_BAD:
            fail_in_words(stream, STILE_ERROR_FAILED, "does not speak TURN");
            return;
        }
        at += whole;
    }
}

static void
read_some(StileTurnStream *stream)
{
    guint8 buffer[READ_SIZE];

    for (guint i = 0; i < READS_PER_DISPATCH && !stream->closed; i++) {
        g_autoptr(GError) error = NULL;
        GPollableInputStream *in = G_POLLABLE_INPUT_STREAM(
            g_io_stream_get_input_stream(stream->stream));
        gssize size = g_pollable_input_stream_read_nonblocking(in, buffer, sizeof buffer, NULL,
                                                               &error);

        if (size < 0) {
            if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
                fail_with(stream, error);
            return;
        }
        if (size == 0) {
            fail_in_words(stream, STILE_ERROR_UNREACHABLE, "closed the connection");
            return;
        }
        g_byte_array_append(stream->input, buffer, (guint)size);
        take_frames(stream);
    }
}

static gboolean
on_readable(GObject *source, gpointer user_data)
{
    g_autoptr(Stream) stream = stream_ref(user_data);

    read_some(stream);
    return G_SOURCE_CONTINUE; /* closing destroys the source */
}

/* Reaching */

static void
on_deadline(gpointer user_data)
{
    g_autoptr(Stream) stream = stream_ref(user_data);

    fail_in_words(stream, STILE_ERROR_UNREACHABLE, "timed out");
}

static void
on_reached(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Stream) stream = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GIOStream) reached = stile_reach_finish(result, &socket, &error);
    GPollableInputStream *in;

    if (stream->closed) /* cancelled; then GTask keeps back what came nevertheless */
        return;
    if (!reached) {
        fail(stream, g_steal_pointer(&error));
        return;
    }
    stile_timer_stop(stream->deadline);
    stream->socket = g_steal_pointer(&socket);
    stream->stream = g_steal_pointer(&reached);
    g_socket_set_option(stream->socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, KERNEL_UNSENT, NULL);
    stream->open = TRUE;
    in = G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(stream->stream));
    stream->read_source = g_pollable_input_stream_create_source(in, NULL);
    g_source_set_callback(stream->read_source, G_SOURCE_FUNC(on_readable), stream, NULL);
    g_source_attach(stream->read_source, stream->context);
    if (stream->queued > 0)
        write_soon(stream);
    stream->ops->opened(stream->user_data);
}

StileTurnStream *
stile_turn_stream_new(StileClock *clock, const StileReachTarget *target,
                      const StileTurnStreamOps *ops, gpointer user_data)
{
    StileTurnStream *stream = g_new0(StileTurnStream, 1);

    stream->refs = 1;
    stream->clock = stile_clock_ref(clock);
    stream->context = g_main_context_ref_thread_default();
    stream->host = g_strdup(target->host);
    stream->ops = ops;
    stream->user_data = user_data;
    stream->cancellable = g_cancellable_new();
    stream->input = g_byte_array_new();
    stream->sending = g_byte_array_new();
    g_queue_init(&stream->queue);
    stream->deadline = stile_timer_new(clock, on_deadline, stream);
    stile_timer_set_after(stream->deadline, STILE_TURN_STREAM_TIMEOUT);
    stile_reach_async(target, stream->cancellable, on_reached, stream_ref(stream));
    return stream;
}

void
stile_turn_stream_free(StileTurnStream *stream)
{
    if (!stream)
        return;
    if (stream->open && !stream->closed)
        write_some(stream, NULL);
    stream->ops = NULL;
    close_stream(stream);
    stream_unref(stream);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/turn-stream.h"

#include "base/error.h"
#include "io/reason.h"
#include "io/stream.h"
#include "stun/channel-data.h"
#include "stun/frames.h"
#include "stun/message.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define KERNEL_UNSENT       (16 * 1024)
#define RECORD_SIZE         (16 * 1024) /* of TLS */
#define READS_PER_DISPATCH  16
#define WRITES_PER_DISPATCH 16

typedef struct {
    gint64 queued;
    gboolean datagram; /* may be dropped */
    gsize size;
    guint8 data[];
} Packet;

struct _StileTurnStream {
    guint refs; /* the owner's, and one for each asynchronous operation or callback under way */
    StileClock *clock;
    char *host;
    const StileTurnStreamOps *ops; /* NULL when freed by the owner */
    gpointer user_data;
    gboolean closed;

    StileTimer *deadline;
    GCancellable *cancellable;
    StileStream *stream; /* NULL until it is reached */

    GByteArray *input;
    GQueue queue;  /* of Packet */
    gsize queued;  /* bytes in it */
    gboolean full; /* the stream was, and the queue has not been empty since */
    guint64 dropped;
};

static StileTurnStream *
stream_ref(StileTurnStream *stream)
{
    stream->refs++;
    return stream;
}

static void
close_stream(StileTurnStream *stream)
{
    stream->closed = TRUE;
    stile_timer_stop(stream->deadline);
    g_cancellable_cancel(stream->cancellable);
    if (stream->stream)
        stile_stream_close(stream->stream);
}

static void
stream_unref(StileTurnStream *stream)
{
    if (--stream->refs > 0)
        return;
    stile_stream_free(stream->stream);
    stile_timer_free(stream->deadline);
    g_object_unref(stream->cancellable);
    g_byte_array_unref(stream->input);
    g_queue_clear_full(&stream->queue, g_free);
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
on_refill(gpointer user_data, GByteArray *sending)
{
    StileTurnStream *stream = user_data;
    static const guint8 zeros[3];

    while (sending->len < RECORD_SIZE) {
        g_autofree Packet *packet = next_packet(stream);

        if (!packet)
            return;
        g_byte_array_append(sending, packet->data, (guint)packet->size);
        g_byte_array_append(sending, zeros, (guint)stile_frame_padding(packet->size));
    }
}

static void
on_blocked(gpointer user_data)
{
    StileTurnStream *stream = user_data;

    stream->full = TRUE;
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
    if (stream->stream)
        stile_stream_write_soon(stream->stream);
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
on_received(gpointer user_data, const guint8 *data, gsize size)
{
    g_autoptr(Stream) stream = stream_ref(user_data);

    g_byte_array_append(stream->input, data, (guint)size);
    take_frames(stream);
}

static void
on_lost(gpointer user_data, const GError *error)
{
    g_autoptr(Stream) stream = stream_ref(user_data);

    if (error)
        fail_with(stream, error);
    else
        fail_in_words(stream, STILE_ERROR_UNREACHABLE, "closed the connection");
}

/* Reaching */

static const StileStreamOps stream_ops = {
    .reads_per_dispatch = READS_PER_DISPATCH,
    .writes_per_dispatch = WRITES_PER_DISPATCH,
    .refill = on_refill,
    .blocked = on_blocked,
    .received = on_received,
    .closed = on_lost,
};

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

    if (stream->closed) /* cancelled; then GTask keeps back what came nevertheless */
        return;
    if (!reached) {
        fail(stream, g_steal_pointer(&error));
        return;
    }
    stile_timer_stop(stream->deadline);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, KERNEL_UNSENT, NULL);
    stream->stream = stile_stream_new(g_steal_pointer(&reached), g_steal_pointer(&socket),
                                      &stream_ops, stream);
    if (stream->queued > 0)
        stile_stream_write_soon(stream->stream);
    stream->ops->opened(stream->user_data);
}

StileTurnStream *
stile_turn_stream_new(StileClock *clock, const StileReachTarget *target,
                      const StileTurnStreamOps *ops, gpointer user_data)
{
    StileTurnStream *stream = g_new0(StileTurnStream, 1);

    stream->refs = 1;
    stream->clock = stile_clock_ref(clock);
    stream->host = g_strdup(target->host);
    stream->ops = ops;
    stream->user_data = user_data;
    stream->cancellable = g_cancellable_new();
    stream->input = g_byte_array_new();
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
    if (stream->stream)
        stile_stream_write(stream->stream, NULL);
    stream->ops = NULL;
    close_stream(stream);
    stream_unref(stream);
}

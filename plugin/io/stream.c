/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/stream.h"

#include "base/source.h"

#define READ_SIZE (16 * 1024) /* a TLS record, so that none is left half read */

struct _StileStream {
    guint refs; /* the owner's, and one for each dispatch under way */
    GMainContext *context;
    const StileStreamOps *ops;
    gpointer user_data;

    GSocket *socket; /* NULL when closed, as are the next three */
    GIOStream *io;
    GSource *read_source;
    GSource *write_source; /* while there is something to write */

    /* Written from the front; unchanged until it is through, because TLS wants the same bytes
     * again when it could not write them. */
    GByteArray *sending;
    gsize sent;
};

static StileStream *
stream_ref(StileStream *stream)
{
    stream->refs++;
    return stream;
}

static void
stream_unref(StileStream *stream)
{
    if (--stream->refs > 0)
        return;
    g_byte_array_unref(stream->sending);
    g_main_context_unref(stream->context);
    g_free(stream);
}

typedef StileStream Stream; /* one of these references */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, stream_unref)

void
stile_stream_close(StileStream *stream)
{
    stile_source_clear(&stream->read_source);
    stile_source_clear(&stream->write_source);
    /* The socket first: closing a TLS stream would wait for the farewell to be written. */
    if (stream->socket)
        g_socket_close(stream->socket, NULL);
    g_clear_object(&stream->io);
    g_clear_object(&stream->socket);
}

static void
lose(StileStream *stream, const GError *error)
{
    if (!stream->io)
        return;
    stile_stream_close(stream);
    stream->ops->closed(stream->user_data, error);
}

/*
 * Reading
 */
static void
read_some(StileStream *stream)
{
    guint8 buffer[READ_SIZE];

    for (guint i = 0; i < stream->ops->reads_per_dispatch && stream->io; i++) {
        g_autoptr(GError) error = NULL;
        GPollableInputStream *in = G_POLLABLE_INPUT_STREAM(
            g_io_stream_get_input_stream(stream->io));
        gssize size = g_pollable_input_stream_read_nonblocking(in, buffer, sizeof buffer, NULL,
                                                               &error);

        if (size > 0) {
            stream->ops->received(stream->user_data, buffer, (gsize)size);
            continue;
        }
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            lose(stream, error);
        return;
    }
}

static gboolean
on_readable(GObject *source, gpointer user_data)
{
    g_autoptr(Stream) stream = stream_ref(user_data);

    read_some(stream);
    return G_SOURCE_CONTINUE; /* closing destroys the source */
}

/*
 * Writing
 */
gsize
stile_stream_unsent(StileStream *stream)
{
    return stream->sending->len - stream->sent;
}

static gssize
write_once(StileStream *stream, GError **error)
{
    GOutputStream *out = g_io_stream_get_output_stream(stream->io);
    gsize size = stile_stream_unsent(stream);

    if (stream->ops->write_size > 0)
        size = MIN(size, stream->ops->write_size);
    return g_pollable_output_stream_write_nonblocking(
        G_POLLABLE_OUTPUT_STREAM(out), stream->sending->data + stream->sent, size, NULL, error);
}

gboolean
stile_stream_write(StileStream *stream, GError **error)
{
    if (!stream->io)
        return FALSE;
    for (guint i = 0; i < stream->ops->writes_per_dispatch; i++) {
        g_autoptr(GError) local = NULL;
        gssize written;

        if (stile_stream_unsent(stream) == 0) {
            g_byte_array_set_size(stream->sending, 0);
            stream->sent = 0;
            stream->ops->refill(stream->user_data, stream->sending);
            if (stream->sending->len == 0)
                return FALSE;
        }
        written = write_once(stream, &local);
        if (written < 0) {
            if (!g_error_matches(local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
                g_propagate_error(error, g_steal_pointer(&local));
                return FALSE;
            }
            if (stream->ops->blocked)
                stream->ops->blocked(stream->user_data);
            return TRUE;
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

    if (stile_stream_write(stream, &error))
        return G_SOURCE_CONTINUE;
    if (error) {
        if (stream->ops->hears_out)
            read_some(stream);
        lose(stream, error);
    } else {
        g_clear_pointer(&stream->write_source, g_source_unref);
    }
    return G_SOURCE_REMOVE;
}

void
stile_stream_write_soon(StileStream *stream)
{
    GPollableOutputStream *out;

    if (stream->write_source || !stream->io)
        return;
    out = G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(stream->io));
    stream->write_source = g_pollable_output_stream_create_source(out, NULL);
    g_source_set_callback(stream->write_source, G_SOURCE_FUNC(on_writable), stream, NULL);
    g_source_attach(stream->write_source, stream->context);
}

StileStream *
stile_stream_new(GIOStream *io, GSocket *socket, const StileStreamOps *ops, gpointer user_data)
{
    StileStream *stream = g_new0(StileStream, 1);
    GPollableInputStream *in = G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(io));

    stream->refs = 1;
    stream->context = g_main_context_ref_thread_default();
    stream->ops = ops;
    stream->user_data = user_data;
    stream->socket = socket;
    stream->io = io;
    stream->sending = g_byte_array_new();
    stream->read_source = g_pollable_input_stream_create_source(in, NULL);
    g_source_set_callback(stream->read_source, G_SOURCE_FUNC(on_readable), stream, NULL);
    g_source_attach(stream->read_source, stream->context);
    return stream;
}

void
stile_stream_free(StileStream *stream)
{
    if (!stream)
        return;
    stile_stream_close(stream);
    stream_unref(stream);
}

GSocket *
stile_stream_socket(StileStream *stream)
{
    return stream->socket;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * StileStream:
 *
 * A stream to a server that was reached (reach.h): read and written in the thread-default
 * GMainContext, never waiting and a bounded amount at a time, until it is lost or closed.
 */
typedef struct _StileStream StileStream;

/**
 * StileStreamOps:
 * @reads_per_dispatch: how many reads, of a TLS record each, before others have their turn
 * @writes_per_dispatch: the same for writes
 * @write_size: bytes of one write at most; 0: whatever there is
 * @hears_out: when a write fails, what came before that is read first, for it may tell more
 */
typedef struct {
    guint reads_per_dispatch;
    guint writes_per_dispatch;
    gsize write_size;
    gboolean hears_out;
    /* Append to @sending, which is empty, what is to be sent next; nothing when nothing is. */
    void (*refill)(gpointer user_data, GByteArray *sending);
    /* (nullable): the stream takes no more for now. It goes on by itself. */
    void (*blocked)(gpointer user_data);
    /* May close or free the stream. */
    void (*received)(gpointer user_data, const guint8 *data, gsize size);
    /* It was lost and is closed: the last that is called. May free the stream. @error: what a read
     * or a write said; %NULL when the other side has ended it. */
    void (*closed)(gpointer user_data, const GError *error);
} StileStreamOps;

/**
 * stile_stream_new:
 * @io: (transfer full): with pollable ends
 * @socket: (transfer full): beneath @io
 * @ops: static
 *
 * Reads from the next turn of the main loop on.
 */
StileStream *stile_stream_new(GIOStream *io, GSocket *socket, const StileStreamOps *ops,
                              gpointer user_data);
/** Closes it as well. */
void stile_stream_free(StileStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileStream, stile_stream_free)

/** At once: nothing more is written, and no op called. May be done twice. */
void stile_stream_close(StileStream *stream);

/** Has what is queued in this turn of the main loop written together at its end. */
void stile_stream_write_soon(StileStream *stream);
/**
 * stile_stream_write:
 *
 * Writes now as much as one dispatch would, without waiting.
 *
 * Returns: whether it has to go on when the stream is writable again
 * Errors: those of GIO; the stream is not closed by that
 */
gboolean stile_stream_write(StileStream *stream, GError **error);
/** Returns: how many bytes were taken by the refill() op and are not written yet */
gsize stile_stream_unsent(StileStream *stream);
/** Returns: (transfer none) (nullable): %NULL once it is closed */
GSocket *stile_stream_socket(StileStream *stream);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "io/reach.h"

G_BEGIN_DECLS

/**
 * StileTurnStream:
 *
 * One connection to a TURN server by TCP or TLS (RFC 8656 §3.1), from reaching it to losing it, in
 * the thread-default GMainContext; it is never opened again. What it carries are datagrams to those
 * who send them: when the stream does not keep up they are dropped, so that none arrives late.
 */
typedef struct _StileTurnStream StileTurnStream;

typedef struct {
    void (*opened)(gpointer user_data);
    /* A STUN message, not parsed yet. */
    void (*message)(gpointer user_data, const guint8 *data, gsize size);
    void (*channel_data)(gpointer user_data, guint16 channel, const guint8 *payload, gsize size);
    /* It could not be reached, or was lost; the last that is called. */
    void (*closed)(gpointer user_data, const GError *error);
} StileTurnStreamOps;

/* How long reaching a server may take, to the end of the TLS handshake. */
#define STILE_TURN_STREAM_TIMEOUT (10 * G_USEC_PER_SEC)
/* Datagrams that wait for the stream to be writable, at most: so many bytes, so long. Requests have
 * as much room again. */
#define STILE_TURN_STREAM_QUEUE (192 * 1024)
#define STILE_TURN_STREAM_AGE   (100 * G_TIME_SPAN_MILLISECOND)

/** @target: copied */
StileTurnStream *stile_turn_stream_new(StileClock *clock, const StileReachTarget *target,
                                       const StileTurnStreamOps *ops, gpointer user_data);
/** Closes it after what is waiting was offered to the kernel once. May be called in an op. */
void stile_turn_stream_free(StileTurnStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTurnStream, stile_turn_stream_free)

/**
 * stile_turn_stream_send:
 * @data: a STUN message, or ChannelData without padding
 *
 * Requests wait for as long as it takes, since nobody would say them again (RFC 8489 §6.2.2);
 * ChannelData and indications are dropped when they would have to wait too long.
 */
void stile_turn_stream_send(StileTurnStream *stream, const guint8 *data, gsize size);
/** Returns: how many datagrams did not fit */
guint64 stile_turn_stream_dropped(StileTurnStream *stream);

G_END_DECLS

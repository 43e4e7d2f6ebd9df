/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/server-uri.h"
#include "stun/turn.h"

G_BEGIN_DECLS

/**
 * StileStreamRelay:
 *
 * A TURN server reached by TCP or TLS. While it is wanted it keeps a connection with an allocation;
 * what is lost is begun anew, after pauses that double up to a minute.
 */
typedef struct _StileStreamRelay StileStreamRelay;

/** None of these may free the relay. */
typedef struct {
    StileTurnOps turn; /* of the TURN client of the connection that there is */
    /* There is a connection, and @turn begins on it. */
    void (*begun)(gpointer user_data, StileTurn *turn);
    /* @turn is about to be freed. */
    void (*ended)(gpointer user_data, StileTurn *turn);
    /* Why there is none, in a sentence; it is tried again. */
    void (*failed)(gpointer user_data, const char *text);
    void (*channel_data)(gpointer user_data, guint16 channel, const guint8 *data, gsize size);
} StileStreamRelayOps;

/**
 * stile_stream_relay_new:
 * @uri: over TCP or TLS; copied
 * @number: tells the servers of one network apart
 */
StileStreamRelay *stile_stream_relay_new(StileClock *clock, const StileServerUri *uri,
                                         guint16 number, const char *username, const char *password,
                                         const StileStreamRelayOps *ops, gpointer user_data);
/** Gives the allocation back. */
void stile_stream_relay_free(StileStreamRelay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileStreamRelay, stile_stream_relay_free)

/** At first it is not wanted. */
void stile_stream_relay_set_wanted(StileStreamRelay *relay, gboolean wanted);
/** The network changed under us: a new connection at once, if it is wanted. */
void stile_stream_relay_restart(StileStreamRelay *relay);

G_END_DECLS

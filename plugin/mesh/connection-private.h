/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of a connection share: connection.c (beginning and end, what the owner says of
 * itself), connection-candidates.c (the addresses of both sides), connection-signal.c (what the two
 * tell each other), connection-ways.c (the ways that there are), connection-ladder.c (which of them
 * is taken), connection-liveness.c (whether they still answer), connection-retry.c (when those that
 * failed are tried again).
 */
#include "mesh/connection.h"
#include "mesh/signal.h"

G_BEGIN_DECLS

#define STILE_WAY_ID_BROKER     1
#define STILE_WAY_ID_FIRST_PAIR 16

/* Changes that come together go together. */
#define STILE_SIGNAL_DEBOUNCE ((gint64)20000)

/* Without traffic, only the mappings of the NATs are to be kept open, the shortest of which live
 * for 30 seconds. */
#define STILE_HEARTBEAT_IDLE ((gint64)15000000)

struct _StileConnection {
    StileClock *clock;
    StileIceAgent *agent;
    StilePeerStats *stats;
    const StileConnectionOps *ops;
    gpointer user_data;
    StileNatSide mine, theirs;

    /* candidates */
    GArray *locals;        /* of StileCandidate: what the peer may be told */
    GArray *remotes;       /* of StileCandidate: what the peer told us last */
    GHashTable *permitted; /* StileAddress: what relays were told to let through */
    gboolean gathered;     /* no more local candidates expected */

    /* signalling */
    StileTimer *signal_timer;
    gint64 signal_again;
    char remote_ufrag[33];
    gboolean acked;   /* the peer knows our ufrag */
    gboolean strange; /* the peer began anew, and no handshake was made since */

    /* the ladder */
    StileTimer *evaluate_timer;
    gboolean broker;
    StileRelayPolicy policy;
    GArray *ways; /* of StileConnectionWay */
    StileChoice choice;
    gboolean rerouted; /* and nobody has asked since */
    gboolean settled;  /* all was tried once since the peer or the network changed */

    /* liveness */
    guint64 packets_seen;
    gint64 busy_until;
    gint64 shaken; /* ways not heard of since then are in doubt */

    /* retries */
    StileTimer *retry_timer;
    gint64 retry_after;
    gint64 last_retry;
};

/* connection-candidates.c */

/** Lets relays pass on what comes from @remote. Returns: whether it may be sent to at all */
gboolean stile_connection_permit(StileConnection *connection, const StileAddress *remote);
void stile_connection_forget_permitted(StileConnection *connection);
/** Makes the peer's candidates those of @signal. */
void stile_connection_set_remotes(StileConnection *connection, const StileSignal *signal);

/* connection-signal.c */

/** Tells the peer all that it must know, now and once. */
void stile_connection_send_signal(StileConnection *connection, StileSignalKind kind);
/** The same in @delay microseconds, and again until it is acknowledged. */
void stile_connection_signal_soon(StileConnection *connection, gint64 delay);
/** The callback of @signal_timer. */
void stile_connection_on_signal_timer(gpointer connection);

/* connection-ways.c */

/** Returns: (transfer full): of StileConnectionWay: the broker and the agent's pairs as they are */
GArray *stile_connection_list_ways(StileConnection *connection);
/** Returns: (nullable) (transfer none): the way @id in @ways; none has the id 0 */
const StileConnectionWay *stile_connection_find_way(const GArray *ways, guint id);
/** Whether what is shown of @a and @b is the same, but for what heartbeats measure, which never is.
 */
gboolean stile_connection_ways_alike(const GArray *a, const GArray *b);

/* connection-ladder.c */

/** The ways are listed and the choice is made anew, once for all that changed together. */
void stile_connection_evaluate_soon(StileConnection *connection);
/** The callback of @evaluate_timer. */
void stile_connection_on_evaluate(gpointer connection);

/* connection-liveness.c */

/** Whether there is traffic, or was a moment ago. */
gboolean stile_connection_is_busy(StileConnection *connection);
/** Counts as traffic: somebody wants to reach the peer. */
void stile_connection_expect_traffic(StileConnection *connection);
/** Returns: heartbeats without an answer; at least STILE_WAY_DOUBT for a pair long unheard of */
guint stile_connection_unanswered(StileConnection *connection, const StileIcePair *pair);
/** Has the agent ask the way in use and the best of those behind it whether they are alive. */
void stile_connection_set_heartbeats(StileConnection *connection);

/* connection-retry.c */

/** Has the agent try the failed pairs again, unless it did a moment ago. */
void stile_connection_retry(StileConnection *connection);
/** The next pause before a retry is the shortest again. */
void stile_connection_hasten_retry(StileConnection *connection);
/** Sets or stops the timer: retries are for when there is no direct way and one may be used. */
void stile_connection_plan_retry(StileConnection *connection);
/** The callback of @retry_timer. */
void stile_connection_on_retry_timer(gpointer connection);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

#define MSEC ((gint64)1000)
#define SEC  ((gint64)1000000)

/* With traffic, two heartbeats unanswered are noticed in three quarters of a second, and the next
 * way takes part before a second is over. */
#define HEARTBEAT_BUSY    (250 * MSEC)
#define HEARTBEAT_STANDBY (5 * SEC)
/* A direct way that was left for its losses is watched closely: it may be good again. */
#define HEARTBEAT_RETURN (1 * SEC)
/* So long after the last packet a connection counts as idle. */
#define BUSY_FOR (10 * SEC)

/* A way that has not been heard of for so long is in doubt, whatever its last heartbeats said. */
#define STALE (2 * STILE_HEARTBEAT_IDLE)

gboolean
stile_connection_is_busy(StileConnection *connection)
{
    gint64 now = stile_clock_now(connection->clock);
    guint64 packets = stile_stat_get(connection->stats->rx_packets) +
                      stile_stat_get(connection->stats->tx_packets);

    if (packets != connection->packets_seen) {
        connection->packets_seen = packets;
        connection->busy_until = now + BUSY_FOR;
    }
    return now < connection->busy_until;
}

void
stile_connection_expect_traffic(StileConnection *connection)
{
    connection->busy_until = stile_clock_now(connection->clock) + BUSY_FOR;
}

guint
stile_connection_unanswered(StileConnection *connection, const StileIcePair *pair)
{
    gint64 now = stile_clock_now(connection->clock);

    if (pair->last_pong < connection->shaken || now - pair->last_pong > STALE)
        return MAX(pair->unanswered, STILE_WAY_DOUBT);
    return pair->unanswered;
}

/* The cheapest way of @kind that answers, other than the one in use: what is kept warm. */
static guint
best_standby(const GArray *ways, StileWayKind kind, guint in_use)
{
    const StileConnectionWay *found = NULL;

    for (guint i = 0; i < ways->len; i++) {
        const StileConnectionWay *way = &g_array_index(ways, StileConnectionWay, i);

        if (way->way.kind != kind || way->way.id == in_use || !way->way.usable)
            continue;
        if (!found || stile_way_cost(&way->way) < stile_way_cost(&found->way))
            found = way;
    }
    return found ? found->way.id : 0;
}

void
stile_connection_set_heartbeats(StileConnection *connection)
{
    const GArray *ways = connection->ways;
    const StileConnectionWay *first = stile_connection_first(connection);
    gboolean is_busy = stile_connection_is_busy(connection);
    gboolean doubt = first && first->way.unanswered >= STILE_WAY_DOUBT;
    guint direct = best_standby(ways, STILE_WAY_DIRECT, connection->choice.first);
    guint turn = best_standby(ways, STILE_WAY_TURN, connection->choice.first);
    gboolean may_return = first && first->way.kind != STILE_WAY_DIRECT;

    for (guint i = 0; i < ways->len; i++) {
        const StileConnectionWay *way = &g_array_index(ways, StileConnectionWay, i);
        guint id = way->way.id;
        gint64 interval = 0;

        if (id == STILE_WAY_ID_BROKER)
            continue;
        if (id == connection->choice.first)
            interval = is_busy || doubt ? HEARTBEAT_BUSY : STILE_HEARTBEAT_IDLE;
        else if (id == direct || id == turn)
            interval = doubt                        ? HEARTBEAT_BUSY
                       : !is_busy                   ? STILE_HEARTBEAT_IDLE
                       : may_return && id == direct ? HEARTBEAT_RETURN
                                                    : HEARTBEAT_STANDBY;
        stile_ice_agent_set_heartbeat(connection->agent, id - STILE_WAY_ID_FIRST_PAIR, interval);
    }
}

void
stile_connection_shake(StileConnection *connection)
{
    connection->shaken = stile_clock_now(connection->clock);
    connection->settled = FALSE;
    stile_connection_expect_traffic(connection);
    stile_connection_probe(connection);
}

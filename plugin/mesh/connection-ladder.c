/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

#define SEC ((gint64)1000000)

void
stile_connection_evaluate_soon(StileConnection *connection)
{
    stile_timer_set(connection->evaluate_timer, stile_clock_now(connection->clock));
}

static StileChoice
choose(StileConnection *connection, const GArray *ways)
{
    g_autofree StileWay *plain = g_new(StileWay, ways->len + 1);

    for (guint i = 0; i < ways->len; i++)
        plain[i] = g_array_index(ways, StileConnectionWay, i).way;
    return stile_choose_way(plain, ways->len, connection->choice.first, connection->policy);
}

static gint64
since(const GArray *old, const StileConnectionWay *way, gint64 now)
{
    for (guint i = 0; i < old->len; i++) {
        const StileConnectionWay *before = &g_array_index(old, StileConnectionWay, i);

        if (before->way.id == way->way.id && before->state == way->state)
            return before->since;
    }
    return now;
}

/* Retries do not unsettle: what is known of why there is no direct way stays known meanwhile. */
static gboolean
has_settled(StileConnection *connection)
{
    if (!connection->remote_ufrag[0] || !connection->gathered)
        return FALSE;
    for (guint i = 0; i < connection->ways->len; i++)
        if (g_array_index(connection->ways, StileConnectionWay, i).state == STILE_WAY_CHECKING)
            return FALSE;
    return TRUE;
}

static gboolean
lead_alike(const StileConnectionWay *a, const StileConnectionWay *b)
{
    return a == b || (a && b && stile_endpoint_equal(&a->endpoint, &b->endpoint));
}

void
stile_connection_on_evaluate(gpointer user_data)
{
    StileConnection *connection = user_data;
    g_autoptr(GArray) old = g_steal_pointer(&connection->ways);
    StileChoice before = connection->choice;
    gboolean was_settled = connection->settled;
    gint64 real = stile_clock_real(connection->clock);

    connection->ways = stile_connection_list_ways(connection);
    connection->choice = choose(connection, connection->ways);
    for (guint i = 0; i < connection->ways->len; i++) {
        StileConnectionWay *way = &g_array_index(connection->ways, StileConnectionWay, i);

        if (way->way.id == connection->choice.first)
            way->state = STILE_WAY_WORKING;
        way->since = since(old, way, real);
    }
    connection->settled |= has_settled(connection);
    connection->rerouted |= !lead_alike(stile_connection_find_way(old, before.first),
                                        stile_connection_first(connection)) ||
                            !lead_alike(stile_connection_find_way(old, before.second),
                                        stile_connection_second(connection));
    stile_connection_set_heartbeats(connection);
    stile_connection_plan_retry(connection);
    /* Idleness and staleness come without an event. */
    stile_timer_set_after(connection->evaluate_timer,
                          stile_connection_is_busy(connection) ? SEC : STILE_HEARTBEAT_IDLE);
    if (before.first != connection->choice.first || before.second != connection->choice.second ||
        was_settled != connection->settled || !stile_connection_ways_alike(old, connection->ways))
        connection->ops->changed(connection->user_data);
    else
        connection->ops->measured(connection->user_data);
}

void
stile_connection_refresh(StileConnection *connection)
{
    stile_connection_evaluate_soon(connection);
}

const GArray *
stile_connection_ways(StileConnection *connection)
{
    return connection->ways;
}

const StileConnectionWay *
stile_connection_first(StileConnection *connection)
{
    return stile_connection_find_way(connection->ways, connection->choice.first);
}

const StileConnectionWay *
stile_connection_second(StileConnection *connection)
{
    return stile_connection_find_way(connection->ways, connection->choice.second);
}

gboolean
stile_connection_take_rerouted(StileConnection *connection)
{
    gboolean rerouted = connection->rerouted;

    connection->rerouted = FALSE;
    return rerouted;
}

gboolean
stile_connection_checking(StileConnection *connection)
{
    return !connection->settled;
}

double
stile_connection_loss(StileConnection *connection)
{
    const StileConnectionWay *first = stile_connection_first(connection);

    return first ? first->way.loss : 0;
}

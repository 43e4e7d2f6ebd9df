/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

#include <string.h>

static void
on_pair(gpointer user_data, const StileIcePair *pair)
{
    stile_connection_evaluate_soon(user_data);
}

static void
on_idle(gpointer user_data)
{
    stile_connection_evaluate_soon(user_data);
}

static void
on_permit(gpointer user_data, const StileAddress *remote)
{
    stile_connection_permit(user_data, remote);
}

static const StileIceAgentOps agent_ops = {
    .pair_changed = on_pair,
    .pair_removed = on_pair,
    .idle = on_idle,
    .permit = on_permit,
};

StileConnection *
stile_connection_new(StileClock *clock, StileStunTransactions *transactions, gboolean controlling,
                     StilePeerStats *stats, const StileConnectionOps *ops, gpointer user_data)
{
    StileConnection *connection = g_new0(StileConnection, 1);

    connection->clock = stile_clock_ref(clock);
    connection->stats = stile_peer_stats_ref(stats);
    connection->ops = ops;
    connection->user_data = user_data;
    connection->locals = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    connection->remotes = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    connection->permitted = g_hash_table_new_full(stile_address_hash, stile_address_equal, g_free,
                                                  NULL);
    connection->ways = g_array_new(FALSE, FALSE, sizeof(StileConnectionWay));
    connection->signal_timer = stile_timer_new(clock, stile_connection_on_signal_timer, connection);
    connection->evaluate_timer = stile_timer_new(clock, stile_connection_on_evaluate, connection);
    connection->retry_timer = stile_timer_new(clock, stile_connection_on_retry_timer, connection);
    stile_connection_hasten_retry(connection);
    connection->strange = TRUE;
    /* Somebody wants to reach the peer: traffic is to be expected. */
    stile_connection_expect_traffic(connection);
    connection->agent = stile_ice_agent_new(clock, transactions, controlling, &agent_ops,
                                            connection);
    stile_connection_signal_soon(connection, 0);
    stile_connection_evaluate_soon(connection);
    return connection;
}

void
stile_connection_free(StileConnection *connection)
{
    if (!connection)
        return;
    g_clear_pointer(&connection->agent, stile_ice_agent_free);
    stile_connection_forget_permitted(connection);
    g_hash_table_unref(connection->permitted);
    stile_timer_free(connection->signal_timer);
    stile_timer_free(connection->evaluate_timer);
    stile_timer_free(connection->retry_timer);
    g_array_unref(connection->locals);
    g_array_unref(connection->remotes);
    g_array_unref(connection->ways);
    stile_peer_stats_unref(connection->stats);
    stile_clock_unref(connection->clock);
    g_free(connection);
}

void
stile_connection_set_gathered(StileConnection *connection, gboolean complete)
{
    if (complete == connection->gathered)
        return;
    connection->gathered = complete;
    stile_connection_signal_soon(connection, STILE_SIGNAL_DEBOUNCE);
}

void
stile_connection_set_broker(StileConnection *connection, gboolean usable)
{
    /* What was said while it was away, or as it broke, is lost. */
    if (usable && !connection->broker)
        stile_connection_signal_soon(connection, 0);
    connection->broker = usable;
    stile_connection_evaluate_soon(connection);
}

void
stile_connection_set_policy(StileConnection *connection, StileRelayPolicy policy)
{
    connection->policy = policy;
    stile_connection_evaluate_soon(connection);
}

void
stile_connection_set_nat64(StileConnection *connection, const StilePrefix *prefix)
{
    stile_ice_agent_set_nat64(connection->agent, prefix);
}

void
stile_connection_set_nat(StileConnection *connection, const StileNatSide *mine)
{
    if (memcmp(&connection->mine, mine, sizeof *mine) == 0)
        return;
    connection->mine = *mine;
    stile_connection_signal_soon(connection, STILE_SIGNAL_DEBOUNCE);
    stile_connection_evaluate_soon(connection);
}

gboolean
stile_connection_owns(StileConnection *connection, const StileStunMessage *request)
{
    return stile_ice_agent_owns(connection->agent, request);
}

void
stile_connection_receive(StileConnection *connection, const StileStunMessage *message,
                         const StileEndpoint *from)
{
    stile_ice_agent_receive(connection->agent, message, from);
}

void
stile_connection_greeted(StileConnection *connection)
{
    connection->strange = FALSE;
}

gboolean
stile_connection_is_strange(StileConnection *connection)
{
    return connection->strange;
}

const StileNatSide *
stile_connection_theirs(StileConnection *connection)
{
    return &connection->theirs;
}

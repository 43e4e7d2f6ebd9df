/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

#define SEC ((gint64)1000000)

/* While there is no direct way, the failed pairs are tried again: soon at first, later rarely. */
#define RETRY_FIRST    (2 * SEC)
#define RETRY_BUSY_MAX (10 * SEC)
#define RETRY_IDLE_MAX (60 * SEC)
#define RETRY_GAP      (1 * SEC) /* a peer cannot make us check more often than that */

void
stile_connection_retry(StileConnection *connection)
{
    gint64 now = stile_clock_now(connection->clock);

    if (connection->last_retry && now - connection->last_retry < RETRY_GAP)
        return;
    connection->last_retry = now;
    stile_ice_agent_retry(connection->agent);
    stile_connection_evaluate_soon(connection);
}

void
stile_connection_hasten_retry(StileConnection *connection)
{
    connection->retry_after = RETRY_FIRST;
}

void
stile_connection_plan_retry(StileConnection *connection)
{
    const StileConnectionWay *first = stile_connection_first(connection);
    gboolean wanted = connection->policy != STILE_RELAY_ONLY && connection->remote_ufrag[0] &&
                      (!first || first->way.kind != STILE_WAY_DIRECT);

    if (!wanted) {
        stile_timer_stop(connection->retry_timer);
        stile_connection_hasten_retry(connection);
    } else if (!stile_timer_is_set(connection->retry_timer)) {
        stile_timer_set_after(connection->retry_timer, connection->retry_after);
    }
}

void
stile_connection_on_retry_timer(gpointer user_data)
{
    StileConnection *connection = user_data;
    gint64 longest = stile_connection_is_busy(connection) ? RETRY_BUSY_MAX : RETRY_IDLE_MAX;

    connection->retry_after = MIN(connection->retry_after * 2, longest);
    stile_connection_send_signal(connection, STILE_SIGNAL_RETRY);
    stile_connection_retry(connection);
}

void
stile_connection_probe(StileConnection *connection)
{
    stile_connection_hasten_retry(connection);
    stile_connection_expect_traffic(connection);
    stile_connection_send_signal(connection, STILE_SIGNAL_RETRY);
    stile_connection_retry(connection);
}

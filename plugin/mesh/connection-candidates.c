/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

void
stile_connection_add_local(StileConnection *connection, const StileCandidate *candidate)
{
    g_array_append_val(connection->locals, *candidate);
    stile_ice_agent_add_local(connection->agent, candidate);
    stile_connection_signal_soon(connection, STILE_SIGNAL_DEBOUNCE);
}

void
stile_connection_remove_local(StileConnection *connection, const StileCandidate *candidate)
{
    for (guint i = 0; i < connection->locals->len; i++) {
        if (stile_candidate_equal(&g_array_index(connection->locals, StileCandidate, i),
                                  candidate)) {
            g_array_remove_index(connection->locals, i);
            break;
        }
    }
    stile_ice_agent_remove_local(connection->agent, candidate);
    stile_connection_signal_soon(connection, STILE_SIGNAL_DEBOUNCE);
    stile_connection_evaluate_soon(connection);
}

void
stile_connection_set_mapped(StileConnection *connection, const StileAddress *remote,
                            const StileCandidate *candidate, gboolean there)
{
    gboolean known = FALSE;

    if (!connection->agent)
        return; /* ending, it lets go of the remotes */
    for (guint i = 0; i < connection->locals->len && !known; i++)
        known = stile_candidate_equal(&g_array_index(connection->locals, StileCandidate, i),
                                      candidate);
    if (!there && known)
        stile_connection_remove_local(connection, candidate);
    else if (there && !known && g_hash_table_contains(connection->permitted, remote))
        stile_connection_add_local(connection, candidate);
}

gboolean
stile_connection_permit(StileConnection *connection, const StileAddress *remote)
{
    if (!connection->ops->permit(connection->user_data, remote))
        return FALSE;
    g_hash_table_add(connection->permitted, g_memdup2(remote, sizeof *remote));
    return TRUE;
}

void
stile_connection_forget_permitted(StileConnection *connection)
{
    GHashTableIter iter;
    gpointer remote;

    g_hash_table_iter_init(&iter, connection->permitted);
    while (g_hash_table_iter_next(&iter, &remote, NULL)) {
        connection->ops->forget(connection->user_data, remote);
        g_hash_table_iter_remove(&iter);
    }
}

void
stile_connection_permit_again(StileConnection *connection)
{
    GHashTableIter iter;
    gpointer remote;

    g_hash_table_iter_init(&iter, connection->permitted);
    while (g_hash_table_iter_next(&iter, &remote, NULL))
        connection->ops->permit(connection->user_data, remote);
}

static gboolean
tells(const StileSignal *signal, const StileAddress *remote)
{
    for (guint i = 0; i < signal->n_candidates; i++)
        if (stile_address_equal(&signal->candidates[i].address, remote))
            return TRUE;
    return FALSE;
}

/* Each signal has all that the peer has: what it told before and does not any more is gone. */
void
stile_connection_set_remotes(StileConnection *connection, const StileSignal *signal)
{
    g_autoptr(GArray) before = g_steal_pointer(&connection->remotes);

    connection->remotes = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    for (guint i = 0; i < before->len; i++) {
        const StileAddress *gone = &g_array_index(before, StileCandidate, i).address;

        if (tells(signal, gone))
            continue;
        stile_ice_agent_remove_remote(connection->agent, gone);
        if (g_hash_table_remove(connection->permitted, gone))
            connection->ops->forget(connection->user_data, gone);
    }
    for (guint i = 0; i < signal->n_candidates; i++) {
        const StileCandidate *candidate = &signal->candidates[i];

        if (!stile_connection_permit(connection, &candidate->address))
            continue;
        g_array_append_val(connection->remotes, *candidate);
        stile_ice_agent_add_remote(connection->agent, candidate);
    }
}

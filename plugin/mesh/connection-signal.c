/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

#include "mesh/outside.h"
#include <string.h>

#define SEC ((gint64)1000000)

/* Unacknowledged signals are said again. */
#define SIGNAL_AGAIN     (1 * SEC)
#define SIGNAL_AGAIN_MAX (30 * SEC)

void
stile_connection_send_signal(StileConnection *connection, StileSignalKind kind)
{
    g_autofree StileSignal *signal = g_new0(StileSignal, 1);
    g_autofree guint8 *buffer = g_malloc(STILE_SIGNAL_MAX_SIZE);
    const GArray *locals = connection->locals;
    gboolean shared = stile_outside_is_shared(locals, connection->remotes);
    gsize size;

    signal->kind = kind;
    g_strlcpy(signal->ufrag, stile_ice_agent_ufrag(connection->agent), sizeof signal->ufrag);
    g_strlcpy(signal->password, stile_ice_agent_password(connection->agent),
              sizeof signal->password);
    g_strlcpy(signal->ack, connection->remote_ufrag, sizeof signal->ack);
    signal->complete = connection->gathered;
    signal->udp_blocked = connection->mine.udp_blocked;
    signal->mapping = connection->mine.mapping;
    signal->filtering = connection->mine.filtering;
    for (guint i = 0; i < locals->len && signal->n_candidates < STILE_SIGNAL_MAX_CANDIDATES; i++) {
        const StileCandidate *local = &g_array_index(locals, StileCandidate, i);

        if (stile_outside_may_tell(local, locals, shared))
            signal->candidates[signal->n_candidates++] = *local;
    }
    size = stile_signal_write(signal, buffer, STILE_SIGNAL_MAX_SIZE);
    g_return_if_fail(size > 0);
    connection->ops->signal(connection->user_data, buffer, size);
}

void
stile_connection_on_signal_timer(gpointer user_data)
{
    StileConnection *connection = user_data;

    stile_connection_send_signal(connection, STILE_SIGNAL_ICE);
    if (connection->acked)
        return;
    stile_timer_set_after(connection->signal_timer, connection->signal_again);
    connection->signal_again = MIN(connection->signal_again * 2, SIGNAL_AGAIN_MAX);
}

void
stile_connection_signal_soon(StileConnection *connection, gint64 delay)
{
    connection->signal_again = SIGNAL_AGAIN;
    stile_timer_set_after(connection->signal_timer, delay);
}

static void
receive_ice(StileConnection *connection, const StileSignal *signal)
{
    gboolean is_new = strcmp(signal->ufrag, connection->remote_ufrag) != 0;
    gboolean acked = strcmp(signal->ack, stile_ice_agent_ufrag(connection->agent)) == 0;
    gboolean shared = stile_outside_is_shared(connection->locals, connection->remotes);

    if (is_new) {
        connection->settled = FALSE;
        g_array_set_size(connection->remotes, 0);
        stile_connection_forget_permitted(connection);
        g_strlcpy(connection->remote_ufrag, signal->ufrag, sizeof connection->remote_ufrag);
        connection->strange = TRUE;
        stile_ice_agent_set_remote_credentials(connection->agent, signal->ufrag, signal->password);
        stile_connection_hasten_retry(connection);
    }
    connection->theirs.udp_blocked = signal->udp_blocked;
    connection->theirs.mapping = signal->mapping;
    connection->theirs.filtering = signal->filtering;
    stile_connection_set_remotes(connection, signal);
    if (stile_outside_is_shared(connection->locals, connection->remotes) != shared)
        /* Other candidates of ours are of use now. */
        stile_connection_signal_soon(connection, STILE_SIGNAL_DEBOUNCE);
    if (signal->complete)
        stile_ice_agent_end_of_remote(connection->agent);
    connection->acked = acked;
    /* An answer is due when they have told us something new, or do not know us yet; one that only
     * acknowledges gets none, or the two would go on for ever. */
    if (is_new || !acked)
        stile_connection_signal_soon(connection, STILE_SIGNAL_DEBOUNCE);
    stile_connection_evaluate_soon(connection);
}

void
stile_connection_receive_signal(StileConnection *connection, const guint8 *payload, gsize size)
{
    g_autofree StileSignal *signal = g_new0(StileSignal, 1);
    g_autoptr(GError) error = NULL;

    if (!stile_signal_parse(signal, payload, size, &error)) {
        g_debug("%s", error->message);
        return;
    }
    receive_ice(connection, signal);
    if (signal->kind == STILE_SIGNAL_RETRY)
        stile_connection_retry(connection);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

/*
 * Regular nomination by the controlling agent (RFC 8445 §8.1.1), over and over: the best valid pair
 * is nominated when nothing better can come any more, or a moment after it became valid; a better
 * one that becomes valid later is nominated as well, and so the selected pair improves.
 */

/* How long the first valid pair waits for a better one: some round trips of a checklist paced at 5
 * ms, and not yet a wait that a person notices. */
#define SETTLE (200 * G_TIME_SPAN_MILLISECOND)

static StileIceEntry *
best_valid(StileIceAgent *agent, gboolean *ret_better_may_come)
{
    *ret_better_may_come = FALSE;
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state == STILE_ICE_PAIR_SUCCEEDED)
            return entry;
        if (stile_ice_entry_active(entry))
            *ret_better_may_come = TRUE;
    }
    return NULL;
}

static gboolean
any_nominating(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->entries->len; i++)
        if (((StileIceEntry *)g_ptr_array_index(agent->entries, i))->nominating)
            return TRUE;
    return FALSE;
}

void
stile_ice_nominate(StileIceAgent *agent)
{
    gboolean better_may_come;
    StileIceEntry *best = best_valid(agent, &better_may_come);
    gint64 due;

    stile_timer_stop(agent->settle_timer);
    if (!agent->controlling || !agent->remote_password || !best || best->info.nominated ||
        best->nominating)
        return;
    /* Until something is selected, the time runs from the first valid pair, so that a row of ever
     * better ones does not put it off. */
    due = SETTLE + (stile_ice_agent_selected(agent) || any_nominating(agent) ? best->valid_since
                                                                             : agent->first_valid);
    if (better_may_come && stile_clock_now(agent->clock) < due) {
        stile_timer_set(agent->settle_timer, due);
        return;
    }
    best->nominating = TRUE;
    stile_ice_check_start(best, STILE_ICE_CHECK_NOMINATING, 0);
}

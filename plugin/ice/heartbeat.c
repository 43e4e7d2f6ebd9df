/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

/* What goes on after success: whether a valid pair still answers, how fast, and how often not. Like
 * consent checks (RFC 7675), at a pace of the owner's. */

#define MISSES_TO_FAIL  5
#define SILENCE_TO_FAIL G_USEC_PER_SEC
#define SHORTEST_WAIT   (200 * G_TIME_SPAN_MILLISECOND)
#define SHORTEST_BEAT   (20 * G_TIME_SPAN_MILLISECOND)
/* The answer that made a pair valid may have waited for a neighbour's address or a sleeping radio,
 * so the second one is not left until the owner's pace brings it. */
#define FIRST_BEAT G_USEC_PER_SEC
#define HISTORY    32
/* One heartbeat lost out of two is no loss of a half yet. */
#define ENOUGH_HISTORY 10

static void
on_beat(gpointer user_data)
{
    StileIceEntry *entry = user_data;
    gint64 wait = MAX(MAX(entry->interval, 3 * entry->info.rtt), SHORTEST_WAIT);

    entry->beat_at = stile_clock_now(entry->agent->clock);
    stile_ice_check_start(entry, STILE_ICE_CHECK_HEARTBEAT, wait);
    stile_ice_heartbeat_schedule(entry);
}

void
stile_ice_heartbeat_stop(StileIceEntry *entry)
{
    if (entry->beat_timer)
        stile_timer_stop(entry->beat_timer);
}

void
stile_ice_heartbeat_schedule(StileIceEntry *entry)
{
    StileIceAgent *agent = entry->agent;
    gint64 last = MAX(entry->beat_at, entry->valid_since);
    gint64 interval = entry->n_history ? entry->interval : MIN(entry->interval, FIRST_BEAT);

    stile_ice_heartbeat_stop(entry);
    if (entry->interval == 0 || entry->info.state != STILE_ICE_PAIR_SUCCEEDED ||
        !agent->remote_password)
        return;
    if (!entry->beat_timer)
        entry->beat_timer = stile_timer_new(agent->clock, on_beat, entry);
    stile_timer_set(entry->beat_timer, MAX(last + interval, stile_clock_now(agent->clock)));
}

void
stile_ice_agent_set_heartbeat(StileIceAgent *agent, guint pair, gint64 interval)
{
    StileIceEntry *entry = stile_ice_checklist_find(agent, pair);

    if (!entry || interval < 0)
        return;
    interval = interval ? MAX(interval, SHORTEST_BEAT) : 0;
    if (interval == entry->interval)
        return;
    entry->interval = interval;
    stile_ice_heartbeat_schedule(entry);
}

static void
remember(StileIceEntry *entry, gboolean missed)
{
    guint lost = 0;

    entry->history = entry->history << 1 | (missed ? 1 : 0);
    entry->n_history = MIN(entry->n_history + 1, HISTORY);
    for (guint i = 0; i < entry->n_history; i++)
        lost += entry->history >> i & 1;
    entry->info.loss = (double)lost / MAX(entry->n_history, ENOUGH_HISTORY);
    entry->changed = TRUE;
}

void
stile_ice_heartbeat_begin(StileIceEntry *entry)
{
    /* A pair that failed and came back is another way than the one that failed. */
    entry->history = 0;
    entry->n_history = 0;
    entry->info.loss = 0;
    entry->info.unanswered = 0;
    stile_ice_heartbeat_schedule(entry);
}

void
stile_ice_heartbeat_pong(StileIceEntry *entry, gint64 rtt)
{
    entry->info.last_pong = stile_clock_now(entry->agent->clock);
    entry->info.unanswered = 0;
    /* The smoothing of RFC 6298; but an answer that is quicker by far shows what the way can do,
     * and needs no dozen others to be believed. */
    if (rtt >= 0)
        entry->info.rtt = MAX(
            rtt < entry->info.rtt / 2 || !entry->info.rtt ? rtt : (7 * entry->info.rtt + rtt) / 8,
            1);
    entry->changed = TRUE;
}

void
stile_ice_heartbeat_answered(StileIceEntry *entry, gint64 sent, gint64 rtt)
{
    entry->answered_beat = MAX(entry->answered_beat, sent);
    stile_ice_heartbeat_pong(entry, rtt);
    remember(entry, FALSE);
}

void
stile_ice_heartbeat_missed(StileIceEntry *entry, gint64 sent)
{
    remember(entry, TRUE);
    /* A later heartbeat was answered before this one was given up: the pair is not silent. */
    if (sent < entry->answered_beat)
        return;
    if (entry->info.unanswered++ == 0)
        entry->silent_since = sent;
    if (entry->info.unanswered >= MISSES_TO_FAIL &&
        stile_clock_now(entry->agent->clock) - entry->silent_since >= SILENCE_TO_FAIL)
        stile_ice_entry_set_state(entry, STILE_ICE_PAIR_FAILED);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

#include <string.h>

/* RFC 8445 §14.2: Ta. Up to BURST checks go out at 5 ms, the shortest the RFC allows, so that a
 * usual peer (a few addresses on each side) is tried completely within a tenth of a second; beyond
 * them, and on average, the RFC's 50 ms hold, which spares the session tables of small routers. */
#define TA       (50 * G_TIME_SPAN_MILLISECOND)
#define TA_BURST (5 * G_TIME_SPAN_MILLISECOND)
#define BURST    20

static void
make_credential(StileClock *clock, char *ret, gsize size)
{
    static const char ice_chars[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    stile_clock_random(clock, ret, size);
    for (gsize i = 0; i < size; i++)
        ret[i] = ice_chars[(guint8)ret[i] % 64];
    ret[size] = '\0';
}

static void
make_credentials(StileIceAgent *agent)
{
    make_credential(agent->clock, agent->ufrag, STILE_ICE_UFRAG_SIZE);
    make_credential(agent->clock, agent->password, STILE_ICE_PASSWORD_SIZE);
    stile_clock_random(agent->clock, &agent->tie_breaker, sizeof agent->tie_breaker);
}

static void
on_pace(gpointer user_data)
{
    StileIceAgent *agent = user_data;
    StileIceEntry *entry = stile_ice_checklist_next(agent);
    gint64 now = stile_clock_now(agent->clock);

    if (entry) {
        stile_ice_check_start(entry, STILE_ICE_CHECK_ORDINARY, 0);
        agent->last_check = now;
        agent->paced_until = MAX(agent->paced_until, now) + TA;
    } else {
        agent->last_check = now + TA - TA_BURST; /* all frozen: look again after Ta */
    }
    stile_ice_agent_flush(agent);
}

static void
on_settle(gpointer user_data)
{
    stile_ice_agent_flush(user_data);
}

static void
schedule(StileIceAgent *agent)
{
    gint64 at;

    if (!agent->remote_password || !stile_ice_checklist_pending(agent)) {
        stile_timer_stop(agent->pace_timer);
        return;
    }
    at = MAX(agent->last_check + TA_BURST, agent->paced_until - BURST * TA);
    stile_timer_set(agent->pace_timer, MAX(at, stile_clock_now(agent->clock)));
}

StileIceAgent *
stile_ice_agent_new(StileClock *clock, StileStunTransactions *transactions, gboolean controlling,
                    const StileIceAgentOps *ops, gpointer user_data)
{
    StileIceAgent *agent = g_new0(StileIceAgent, 1);

    agent->refs = 1;
    agent->clock = stile_clock_ref(clock);
    agent->transactions = transactions;
    agent->ops = *ops;
    agent->user_data = user_data;
    agent->controlling = controlling;
    agent->locals = g_array_new(FALSE, TRUE, sizeof(StileCandidate));
    agent->remotes = g_array_new(FALSE, TRUE, sizeof(StileCandidate));
    agent->early = g_array_new(FALSE, TRUE, sizeof(StileIceEarly));
    g_array_set_clear_func(agent->early, (GDestroyNotify)stile_ice_early_clear);
    agent->entries = g_ptr_array_new_with_free_func((GDestroyNotify)stile_ice_entry_free);
    agent->removed = g_array_new(FALSE, TRUE, sizeof(StileIcePair));
    agent->permits = g_array_new(FALSE, TRUE, sizeof(StileAddress));
    agent->pace_timer = stile_timer_new(clock, on_pace, agent);
    agent->settle_timer = stile_timer_new(clock, on_settle, agent);
    agent->last_check = G_MININT64 / 2;
    agent->paced_until = G_MININT64 / 2;
    make_credentials(agent);
    return agent;
}

static void
agent_unref(StileIceAgent *agent)
{
    if (--agent->refs > 0)
        return;
    g_queue_clear(&agent->triggered);
    g_ptr_array_unref(agent->entries);
    g_array_unref(agent->locals);
    g_array_unref(agent->remotes);
    g_array_unref(agent->early);
    g_array_unref(agent->removed);
    g_array_unref(agent->permits);
    g_free(agent->remote_ufrag);
    g_free(agent->remote_password);
    stile_timer_free(agent->pace_timer);
    stile_timer_free(agent->settle_timer);
    stile_clock_unref(agent->clock);
    g_free(agent);
}

void
stile_ice_agent_free(StileIceAgent *agent)
{
    if (!agent)
        return;
    /* The transactions may be freed right after us, while a callback still holds the memory. */
    agent->closed = TRUE;
    g_queue_clear(&agent->triggered);
    g_ptr_array_set_size(agent->entries, 0);
    stile_timer_stop(agent->pace_timer);
    stile_timer_stop(agent->settle_timer);
    agent_unref(agent);
}

const char *
stile_ice_agent_ufrag(StileIceAgent *agent)
{
    return agent->ufrag;
}

const char *
stile_ice_agent_password(StileIceAgent *agent)
{
    return agent->password;
}

gboolean
stile_ice_agent_controlling(StileIceAgent *agent)
{
    return agent->controlling;
}

void
stile_ice_agent_set_controlling(StileIceAgent *agent, gboolean controlling)
{
    if (controlling == agent->controlling)
        return;
    stile_ice_agent_set_role(agent, controlling);
    stile_ice_agent_flush(agent);
}

/* Tells one thing. Returns: FALSE when there is no more */
static gboolean
tell_next(StileIceAgent *agent)
{
    if (agent->removed->len > 0) {
        StileIcePair pair = g_array_index(agent->removed, StileIcePair, 0);

        g_array_remove_index(agent->removed, 0);
        if (agent->ops.pair_removed)
            agent->ops.pair_removed(agent->user_data, &pair);
        return TRUE;
    }
    if (agent->permits->len > 0) {
        StileAddress remote = g_array_index(agent->permits, StileAddress, 0);

        g_array_remove_index(agent->permits, 0);
        if (agent->ops.permit)
            agent->ops.permit(agent->user_data, &remote);
        return TRUE;
    }
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);
        StileIcePair pair = entry->info;

        if (!entry->changed)
            continue;
        entry->changed = FALSE;
        if (agent->ops.pair_changed)
            agent->ops.pair_changed(agent->user_data, &pair);
        return TRUE;
    }
    if (agent->idle) {
        agent->idle = FALSE;
        if (agent->ops.idle)
            agent->ops.idle(agent->user_data);
        return TRUE;
    }
    return FALSE;
}

static gboolean
any_valid(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state == STILE_ICE_PAIR_SUCCEEDED)
            return TRUE;
    }
    return FALSE;
}

static void
settle(StileIceAgent *agent)
{
    gboolean busy = agent->remote_password && stile_ice_checklist_active(agent);

    if (agent->busy && !busy && (agent->remote_ended || !any_valid(agent)))
        agent->idle = TRUE;
    agent->busy = busy;
    stile_ice_nominate(agent);
    schedule(agent);
}

void
stile_ice_agent_flush(StileIceAgent *agent)
{
    if (agent->closed)
        return;
    settle(agent);
    if (agent->flushing)
        return;
    agent->flushing = TRUE;
    agent->refs++;
    while (!agent->closed && tell_next(agent))
        ;
    agent->flushing = FALSE;
    agent_unref(agent);
}

void
stile_ice_agent_set_role(StileIceAgent *agent, gboolean controlling)
{
    agent->controlling = controlling;
    stile_ice_checklist_prioritise(agent);
}

static void
forget_peer(StileIceAgent *agent)
{
    stile_ice_checklist_clear(agent);
    g_array_set_size(agent->remotes, 0);
    agent->remote_ended = FALSE;
    agent->first_valid = 0;
    g_clear_pointer(&agent->remote_ufrag, g_free);
    g_clear_pointer(&agent->remote_password, g_free);
}

void
stile_ice_agent_set_remote_credentials(StileIceAgent *agent, const char *ufrag,
                                       const char *password)
{
    if (g_strcmp0(agent->remote_ufrag, ufrag) == 0 &&
        g_strcmp0(agent->remote_password, password) == 0)
        return;
    if (agent->remote_ufrag)
        forget_peer(agent);
    agent->remote_ufrag = g_strdup(ufrag);
    agent->remote_password = g_strdup(password);
    stile_ice_request_replay(agent);
    stile_ice_agent_flush(agent);
}

void
stile_ice_agent_end_of_remote(StileIceAgent *agent)
{
    if (agent->remote_ended)
        return;
    agent->remote_ended = TRUE;
    agent->idle |= !agent->busy && !stile_ice_checklist_active(agent);
    stile_ice_agent_flush(agent);
}

void
stile_ice_agent_restart(StileIceAgent *agent)
{
    forget_peer(agent);
    g_array_set_size(agent->early, 0);
    make_credentials(agent);
    stile_ice_agent_flush(agent);
}

void
stile_ice_agent_retry(StileIceAgent *agent)
{
    for (guint i = agent->entries->len; i-- > 0;) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state != STILE_ICE_PAIR_FAILED)
            continue;
        if (stile_ice_agent_knows_remote(agent, &entry->info.remote.address))
            stile_ice_entry_set_state(entry, STILE_ICE_PAIR_WAITING);
        else
            stile_ice_checklist_remove(agent, entry);
    }
    stile_ice_agent_flush(agent);
}

GPtrArray *
stile_ice_agent_pairs(StileIceAgent *agent)
{
    GPtrArray *pairs = g_ptr_array_sized_new(agent->entries->len);

    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        g_ptr_array_add(pairs, &entry->info);
    }
    return pairs;
}

const StileIcePair *
stile_ice_agent_pair(StileIceAgent *agent, guint id)
{
    const StileIceEntry *entry = stile_ice_checklist_find(agent, id);

    return entry ? &entry->info : NULL;
}

const StileIcePair *
stile_ice_agent_selected(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        const StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.nominated && entry->info.state == STILE_ICE_PAIR_SUCCEEDED)
            return &entry->info;
    }
    return NULL;
}

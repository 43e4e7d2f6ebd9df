/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

#include "base/nat64.h"
#include <string.h>

/* The pairs: forming, pruning, freezing, order (RFC 8445 §6.1.2, §6.1.4). One data stream, one
 * component, so one checklist. */

/* A check takes five seconds to fail, which is too long for the others of its foundation to wait:
 * one without an answer for this long does not keep them frozen any more. */
#define HOLDS_OTHERS_FROZEN (500 * G_TIME_SPAN_MILLISECOND)

gboolean
stile_ice_same_base(const StileCandidate *a, const StileCandidate *b)
{
    return (a->type == STILE_CANDIDATE_RELAYED) == (b->type == STILE_CANDIDATE_RELAYED) &&
           stile_address_equal(&a->base, &b->base) && stile_address_equal(&a->server, &b->server);
}

/* The TURN server is part of where a relayed candidate sends from, but where a reflexive one was
 * learned from makes no difference to the pair. */
static StileCandidate
sender(const StileCandidate *local)
{
    StileCandidate from = *local;

    if (from.type != STILE_CANDIDATE_RELAYED)
        memset(&from.server, 0, sizeof from.server);
    return from;
}

guint64
stile_ice_pair_priority(gboolean controlling, guint32 local, guint32 remote)
{
    guint64 g = controlling ? local : remote;
    guint64 d = controlling ? remote : local;

    return (MIN(g, d) << 32) + 2 * MAX(g, d) + (g > d ? 1 : 0);
}

static gint
compare_entries(gconstpointer a, gconstpointer b)
{
    const StileIceEntry *left = *(StileIceEntry *const *)a, *right = *(StileIceEntry *const *)b;

    if (left->info.priority != right->info.priority)
        return left->info.priority < right->info.priority ? 1 : -1;
    return left->info.id < right->info.id ? -1 : left->info.id > right->info.id;
}

gboolean
stile_ice_entry_active(const StileIceEntry *entry)
{
    return entry->info.state == STILE_ICE_PAIR_FROZEN ||
           entry->info.state == STILE_ICE_PAIR_WAITING ||
           entry->info.state == STILE_ICE_PAIR_IN_PROGRESS;
}

void
stile_ice_entry_set_state(StileIceEntry *entry, StileIcePairState state)
{
    if (entry->info.state == state)
        return;
    entry->info.state = state;
    entry->changed = TRUE;
    if (state == STILE_ICE_PAIR_FAILED) {
        entry->info.nominated = FALSE;
        entry->nominate_on_success = FALSE;
        entry->nominating = FALSE;
        g_ptr_array_set_size(entry->checks, 0);
    }
    if (state == STILE_ICE_PAIR_SUCCEEDED)
        stile_ice_heartbeat_begin(entry);
    else
        stile_ice_heartbeat_stop(entry);
}

void
stile_ice_entry_free(StileIceEntry *entry)
{
    g_ptr_array_unref(entry->checks);
    stile_timer_free(entry->beat_timer);
    g_free(entry);
}

gboolean
stile_ice_entry_is_translated(const StileIceEntry *entry)
{
    return entry->info.endpoint.kind == STILE_ENDPOINT_UDP &&
           stile_address_family(&entry->info.endpoint.remote) !=
               stile_address_family(&entry->info.remote.address);
}

static gboolean
needs_translation(StileIceAgent *agent, const StileCandidate *local, const StileCandidate *remote)
{
    return local->type != STILE_CANDIDATE_RELAYED &&
           stile_address_family(&local->base) == AF_INET6 &&
           stile_address_scope(&local->base) != STILE_ADDRESS_LINK_LOCAL &&
           stile_nat64_translates(&agent->nat64, &remote->address);
}

static gboolean
can_pair(StileIceAgent *agent, const StileCandidate *local, const StileCandidate *remote)
{
    gboolean local_zone, remote_zone;

    if (needs_translation(agent, local, remote))
        return TRUE;
    if (stile_address_family(&local->base) != stile_address_family(&remote->address))
        return FALSE;
    /* A relay on the internet reaches no private network but its own. Servers refuse to try (403,
     * for all the peers of the request), and coturn ends the allocation when it has no route. */
    if (local->type == STILE_CANDIDATE_RELAYED && stile_address_is_inside(&remote->address) &&
        !stile_address_is_inside(&local->base))
        return FALSE;
    local_zone = stile_address_scope(&local->base) == STILE_ADDRESS_LINK_LOCAL;
    remote_zone = stile_address_scope(&remote->address) == STILE_ADDRESS_LINK_LOCAL;
    return local_zone == remote_zone;
}

/* Where the pair's checks and packets go. */
static StileEndpoint
endpoint_of(StileIceAgent *agent, const StileCandidate *local, const StileCandidate *remote)
{
    StileAddress to = remote->address;

    if (needs_translation(agent, local, remote))
        stile_nat64_synthesize(&to, &agent->nat64, &remote->address);
    return stile_candidate_endpoint(local, &to);
}

static StileIceEntry *
find_pair(StileIceAgent *agent, const StileCandidate *from, const StileAddress *remote)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (stile_ice_same_base(&entry->from, from) &&
            stile_address_equal(&entry->info.remote.address, remote))
            return entry;
    }
    return NULL;
}

/* RFC 8445 §6.1.2.5: room is made at the low end, but never by giving up what works. */
static gboolean
make_room(StileIceAgent *agent, guint64 priority)
{
    if (agent->entries->len < STILE_ICE_MAX_PAIRS)
        return TRUE;
    for (guint i = agent->entries->len; i-- > 0;) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state == STILE_ICE_PAIR_SUCCEEDED)
            continue;
        if (entry->info.state != STILE_ICE_PAIR_FAILED && entry->info.priority >= priority)
            return FALSE;
        stile_ice_checklist_remove(agent, entry);
        return TRUE;
    }
    return FALSE;
}

StileIceEntry *
stile_ice_checklist_pair(StileIceAgent *agent, const StileCandidate *local,
                         const StileCandidate *remote)
{
    StileCandidate from = sender(local);
    guint64 priority = stile_ice_pair_priority(agent->controlling, from.priority, remote->priority);
    StileIceEntry *entry;

    if (!can_pair(agent, &from, remote))
        return NULL;
    if ((entry = find_pair(agent, &from, &remote->address))) {
        /* Pruning: of two redundant pairs the one with the higher priority stays; the first one's
         * id does, because a check may be under way on it. */
        if (priority > entry->info.priority && entry->from.priority < from.priority) {
            entry->from = from;
            if (entry->info.state != STILE_ICE_PAIR_SUCCEEDED)
                entry->info.local = *local;
            entry->info.priority = priority;
            entry->changed = TRUE;
            g_ptr_array_sort(agent->entries, compare_entries);
        }
        return entry;
    }
    if (!make_room(agent, priority))
        return NULL;
    entry = g_new0(StileIceEntry, 1);
    entry->agent = agent;
    entry->from = from;
    entry->checks = g_ptr_array_new_with_free_func((GDestroyNotify)stile_ice_check_free);
    entry->info.id = ++agent->last_id;
    entry->info.local = *local;
    entry->info.remote = *remote;
    entry->info.endpoint = endpoint_of(agent, &from, remote);
    entry->info.priority = priority;
    entry->changed = TRUE;
    if (from.type == STILE_CANDIDATE_RELAYED)
        g_array_append_val(agent->permits, remote->address);
    g_ptr_array_add(agent->entries, entry);
    g_ptr_array_sort(agent->entries, compare_entries);
    return entry;
}

void
stile_ice_checklist_remove(StileIceAgent *agent, StileIceEntry *entry)
{
    g_queue_remove(&agent->triggered, entry);
    g_array_append_val(agent->removed, entry->info);
    g_ptr_array_remove(agent->entries, entry);
}

void
stile_ice_checklist_clear(StileIceAgent *agent)
{
    while (agent->entries->len > 0)
        stile_ice_checklist_remove(agent,
                                   g_ptr_array_index(agent->entries, agent->entries->len - 1));
}

void
stile_ice_checklist_prioritise(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);
        guint64 priority = stile_ice_pair_priority(agent->controlling, entry->from.priority,
                                                   entry->info.remote.priority);

        entry->changed |= entry->info.priority != priority;
        entry->info.priority = priority;
    }
    g_ptr_array_sort(agent->entries, compare_entries);
}

StileIceEntry *
stile_ice_checklist_find(StileIceAgent *agent, guint id)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.id == id)
            return entry;
    }
    return NULL;
}

void
stile_ice_checklist_trigger(StileIceAgent *agent, StileIceEntry *entry)
{
    stile_ice_check_stop_sending(entry);
    stile_ice_entry_set_state(entry, STILE_ICE_PAIR_WAITING);
    if (entry->triggered)
        return;
    entry->triggered = TRUE;
    g_queue_push_tail(&agent->triggered, entry);
}

gboolean
stile_ice_checklist_active(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->entries->len; i++)
        if (stile_ice_entry_active(g_ptr_array_index(agent->entries, i)))
            return TRUE;
    return FALSE;
}

gboolean
stile_ice_checklist_pending(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state == STILE_ICE_PAIR_FROZEN ||
            entry->info.state == STILE_ICE_PAIR_WAITING)
            return TRUE;
    }
    return FALSE;
}

static gboolean
same_foundation(const StileIceEntry *a, const StileIceEntry *b)
{
    return strcmp(a->from.foundation, b->from.foundation) == 0 &&
           strcmp(a->info.remote.foundation, b->info.remote.foundation) == 0;
}

/* RFC 8445 §6.1.2.6, §6.1.4.2, §7.2.5.3.3: the best pair of a foundation goes first; the others
 * follow when it succeeded, or when it is out of the way. */
static gboolean
must_stay_frozen(StileIceAgent *agent, const StileIceEntry *entry, gint64 now)
{
    gboolean held = FALSE;

    for (guint i = 0; i < agent->entries->len; i++) {
        const StileIceEntry *other = g_ptr_array_index(agent->entries, i);

        if (other == entry || !same_foundation(other, entry))
            continue;
        if (other->info.state == STILE_ICE_PAIR_SUCCEEDED)
            return FALSE;
        if (other->info.state == STILE_ICE_PAIR_WAITING ||
            (other->info.state == STILE_ICE_PAIR_IN_PROGRESS &&
             now - other->checked_at < HOLDS_OTHERS_FROZEN))
            held = TRUE;
    }
    return held;
}

static void
unfreeze(StileIceAgent *agent)
{
    gint64 now = stile_clock_now(agent->clock);

    for (guint i = 0; i < agent->entries->len; i++) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state == STILE_ICE_PAIR_FROZEN && !must_stay_frozen(agent, entry, now))
            stile_ice_entry_set_state(entry, STILE_ICE_PAIR_WAITING);
    }
}

StileIceEntry *
stile_ice_checklist_next(StileIceAgent *agent)
{
    StileIceEntry *entry = g_queue_pop_head(&agent->triggered);

    if (entry) {
        entry->triggered = FALSE;
        return entry;
    }
    unfreeze(agent);
    for (guint i = 0; i < agent->entries->len; i++) {
        entry = g_ptr_array_index(agent->entries, i);
        if (entry->info.state == STILE_ICE_PAIR_WAITING)
            return entry;
    }
    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

#include "base/nat64.h"
#include <string.h>

/* The candidates of both sides as the agent knows them: given, signalled, learned, taken back. */

StileAddress
stile_ice_unzoned(const StileAddress *address)
{
    StileAddress plain = *address;

    if (plain.sa.sa_family == AF_INET6)
        plain.in6.sin6_scope_id = 0;
    return plain;
}

static void
pair_remote(StileIceAgent *agent, const StileCandidate *remote)
{
    for (guint i = 0; i < agent->locals->len; i++)
        stile_ice_checklist_pair(agent, &g_array_index(agent->locals, StileCandidate, i), remote);
}

StileAddress
stile_ice_agent_source(StileIceAgent *agent, const StileEndpoint *from)
{
    StileAddress ipv4;

    if (from->kind == STILE_ENDPOINT_UDP && agent->nat64.length > 0 &&
        stile_nat64_extract(&ipv4, &agent->nat64, &from->remote))
        return ipv4;
    return stile_ice_unzoned(&from->remote);
}

void
stile_ice_agent_set_nat64(StileIceAgent *agent, const StilePrefix *prefix)
{
    if (stile_prefix_equal(&agent->nat64, prefix))
        return;
    agent->nat64 = *prefix;
    for (guint i = agent->entries->len; i-- > 0;) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (stile_ice_entry_is_translated(entry))
            stile_ice_checklist_remove(agent, entry);
    }
    for (guint i = 0; i < agent->remotes->len; i++)
        pair_remote(agent, &g_array_index(agent->remotes, StileCandidate, i));
    stile_ice_agent_flush(agent);
}

void
stile_ice_agent_add_local(StileIceAgent *agent, const StileCandidate *candidate)
{
    for (guint i = 0; i < agent->locals->len; i++)
        if (stile_candidate_equal(&g_array_index(agent->locals, StileCandidate, i), candidate))
            return;
    g_array_append_val(agent->locals, *candidate);
    for (guint i = 0; i < agent->remotes->len; i++)
        stile_ice_checklist_pair(agent, candidate,
                                 &g_array_index(agent->remotes, StileCandidate, i));
    stile_ice_agent_flush(agent);
}

void
stile_ice_agent_remove_local(StileIceAgent *agent, const StileCandidate *candidate)
{
    const StileCandidate *heir = NULL;
    StileCandidate gone;
    guint at = 0;

    while (at < agent->locals->len &&
           !stile_candidate_equal(&g_array_index(agent->locals, StileCandidate, at), candidate))
        at++;
    if (at == agent->locals->len)
        return;
    gone = g_array_index(agent->locals, StileCandidate, at);
    g_array_remove_index(agent->locals, at);
    /* Pairs live as long as anything sends from their base. */
    for (guint i = 0; i < agent->locals->len && !heir; i++) {
        const StileCandidate *other = &g_array_index(agent->locals, StileCandidate, i);

        if ((other->type == STILE_CANDIDATE_RELAYED) == (gone.type == STILE_CANDIDATE_RELAYED) &&
            stile_address_equal(&other->base, &gone.base))
            heir = other;
    }
    for (guint i = agent->entries->len; i-- > 0 && !heir;) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if ((entry->from.type == STILE_CANDIDATE_RELAYED) ==
                (gone.type == STILE_CANDIDATE_RELAYED) &&
            stile_address_equal(&entry->from.base, &gone.base))
            stile_ice_checklist_remove(agent, entry);
    }
    stile_ice_agent_flush(agent);
}

/* Whether a pair to it works or may yet. */
static gboolean
has_hope(StileIceAgent *agent, const StileCandidate *remote)
{
    for (guint i = 0; i < agent->entries->len; i++) {
        const StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state != STILE_ICE_PAIR_FAILED &&
            stile_address_equal(&entry->info.remote.address, &remote->address))
            return TRUE;
    }
    return FALSE;
}

/* A peer that roams for weeks brings ever new addresses: they take the place of the oldest one that
 * led nowhere. Before credentials are known nothing has been tried, and nothing goes. */
static gboolean
make_room_for_remote(StileIceAgent *agent)
{
    if (agent->remotes->len < STILE_ICE_MAX_REMOTES)
        return TRUE;
    for (guint i = 0; i < agent->remotes->len && agent->entries->len > 0; i++) {
        StileCandidate old = g_array_index(agent->remotes, StileCandidate, i);

        if (has_hope(agent, &old))
            continue;
        for (guint j = agent->entries->len; j-- > 0;) {
            StileIceEntry *entry = g_ptr_array_index(agent->entries, j);

            if (stile_address_equal(&entry->info.remote.address, &old.address))
                stile_ice_checklist_remove(agent, entry);
        }
        g_array_remove_index(agent->remotes, i);
        return TRUE;
    }
    return FALSE;
}

static StileCandidate *
find_remote(StileIceAgent *agent, const StileAddress *address)
{
    for (guint i = 0; i < agent->remotes->len; i++) {
        StileCandidate *remote = &g_array_index(agent->remotes, StileCandidate, i);

        if (stile_address_equal(&remote->address, address))
            return remote;
    }
    return NULL;
}

gboolean
stile_ice_agent_knows_remote(StileIceAgent *agent, const StileAddress *address)
{
    return find_remote(agent, address) != NULL;
}

void
stile_ice_agent_remove_remote(StileIceAgent *agent, const StileAddress *address)
{
    StileAddress gone = stile_ice_unzoned(address);

    for (guint i = agent->remotes->len; i-- > 0;)
        if (stile_address_equal(&g_array_index(agent->remotes, StileCandidate, i).address, &gone))
            g_array_remove_index(agent->remotes, i);
    for (guint i = agent->entries->len; i-- > 0;) {
        StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

        if (entry->info.state != STILE_ICE_PAIR_SUCCEEDED &&
            stile_address_equal(&entry->info.remote.address, &gone))
            stile_ice_checklist_remove(agent, entry);
    }
    stile_ice_agent_flush(agent);
}

static gboolean
is_ours(StileIceAgent *agent, const StileAddress *address)
{
    for (guint i = 0; i < agent->locals->len; i++) {
        const StileCandidate *local = &g_array_index(agent->locals, StileCandidate, i);
        StileAddress base = stile_ice_unzoned(&local->base);

        if (stile_address_equal(&base, address))
            return TRUE;
    }
    return FALSE;
}

void
stile_ice_agent_add_remote(StileIceAgent *agent, const StileCandidate *candidate)
{
    StileCandidate remote = *candidate;
    StileCandidate *known;

    remote.address = stile_ice_unzoned(&candidate->address);
    memset(&remote.base, 0, sizeof remote.base);
    memset(&remote.server, 0, sizeof remote.server);
    if (!stile_candidate_may_send_to(&remote.address) || is_ours(agent, &remote.address) ||
        remote.type > STILE_CANDIDATE_RELAYED || remote.priority == 0 ||
        remote.priority > G_MAXINT32)
        return;
    if ((known = find_remote(agent, &remote.address))) {
        /* We saw it in a request before it was signalled: now its type is known. */
        if (known->type != STILE_CANDIDATE_PEER_REFLEXIVE ||
            remote.type == STILE_CANDIDATE_PEER_REFLEXIVE)
            return;
        *known = remote;
        for (guint i = 0; i < agent->entries->len; i++) {
            StileIceEntry *entry = g_ptr_array_index(agent->entries, i);

            if (stile_address_equal(&entry->info.remote.address, &remote.address)) {
                entry->info.remote = remote;
                entry->changed = TRUE;
            }
        }
        stile_ice_checklist_prioritise(agent);
        /* It was seen at one of ours, a relay's maybe: it has no pair with the others yet. */
        pair_remote(agent, &remote);
    } else if (make_room_for_remote(agent)) {
        g_array_append_val(agent->remotes, remote);
        pair_remote(agent, &remote);
    }
    stile_ice_agent_flush(agent);
}

const StileCandidate *
stile_ice_agent_learn_remote(StileIceAgent *agent, const StileAddress *address, guint32 priority)
{
    StileCandidate remote = {
        .type = STILE_CANDIDATE_PEER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_REFLEXIVE,
        .address = stile_ice_unzoned(address),
        .priority = CLAMP(priority, 1, G_MAXINT32),
    };
    const StileCandidate *known = find_remote(agent, &remote.address);

    if (known)
        return known;
    if (!stile_candidate_may_send_to(&remote.address) || is_ours(agent, &remote.address) ||
        !make_room_for_remote(agent))
        return NULL;
    /* RFC 8445 §7.3.1.3: different from all others */
    g_snprintf(remote.foundation, sizeof remote.foundation, "prflx%u", ++agent->n_reflexive);
    g_array_append_val(agent->remotes, remote);
    return &g_array_index(agent->remotes, StileCandidate, agent->remotes->len - 1);
}

const StileCandidate *
stile_ice_agent_local_for(StileIceAgent *agent, const StileEndpoint *from)
{
    const StileCandidate *best = NULL;

    for (guint i = 0; i < agent->locals->len; i++) {
        const StileCandidate *local = &g_array_index(agent->locals, StileCandidate, i);

        if (stile_address_family(&local->base) != stile_address_family(&from->remote))
            continue;
        if (local->type == STILE_CANDIDATE_RELAYED) {
            if (from->kind != STILE_ENDPOINT_TURN ||
                !stile_address_equal(&local->server, &from->server))
                continue;
        } else if (from->kind != STILE_ENDPOINT_UDP ||
                   (stile_address_is_set(&from->local) &&
                    !stile_address_equal_ip(&local->base, &from->local))) {
            continue;
        }
        if (!best || local->priority > best->priority)
            best = local;
    }
    return best;
}

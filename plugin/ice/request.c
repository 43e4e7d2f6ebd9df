/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

#include <string.h>

/* The peer's checks: who may ask, what it is told, what we learn by it (RFC 8445 §7.3). */

gboolean
stile_ice_agent_owns(StileIceAgent *agent, const StileStunMessage *request)
{
    gsize size, length = strlen(agent->ufrag);
    const guint8 *name = stile_stun_message_find(request, STILE_STUN_USERNAME, &size);

    return name && size > length && memcmp(name, agent->ufrag, length) == 0 && name[length] == ':';
}

/* The second half of USERNAME: which of the peer's sessions this is. */
static char *
peer_ufrag(StileIceAgent *agent, const StileStunMessage *request)
{
    g_autofree char *name = stile_stun_message_string(request, STILE_STUN_USERNAME);

    return name ? g_strdup(name + strlen(agent->ufrag) + 1) : NULL;
}

static void
finish_response(StileIceAgent *agent, StileStunBuilder *builder, const StileEndpoint *to)
{
    gsize size;

    stile_stun_builder_integrity(builder, agent->password, strlen(agent->password));
    stile_stun_builder_fingerprint(builder);
    if ((size = stile_stun_builder_finish(builder)) > 0)
        stile_stun_transactions_send(agent->transactions, to, builder->data, size);
}

static void
respond(StileIceAgent *agent, const StileStunMessage *request, const StileEndpoint *to)
{
    StileAddress seen = stile_ice_agent_source(agent, to);
    StileStunBuilder builder;

    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, request->id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_MAPPED_ADDRESS, &seen);
    finish_response(agent, &builder, to);
}

static void
refuse(StileIceAgent *agent, const StileStunMessage *request, const StileEndpoint *to, guint code,
       const char *reason)
{
    StileStunBuilder builder;

    stile_stun_builder_init(&builder, STILE_STUN_ERROR, STILE_STUN_BINDING, request->id);
    stile_stun_builder_error(&builder, code, reason);
    if (code == 420) {
        guint8 types[2 * STILE_STUN_MAX_ATTRIBUTES];

        for (guint i = 0; i < request->n_unknown; i++) {
            types[2 * i] = (guint8)(request->unknown[i] >> 8);
            types[2 * i + 1] = (guint8)request->unknown[i];
        }
        stile_stun_builder_bytes(&builder, STILE_STUN_UNKNOWN_ATTRIBUTES, types,
                                 2 * (gsize)request->n_unknown);
    }
    finish_response(agent, &builder, to);
}

/* RFC 8445 §7.3.1.1. Returns: FALSE when the request is to be refused with 487 */
static gboolean
settle_roles(StileIceAgent *agent, const StileStunMessage *request)
{
    StileStunAttribute same = agent->controlling ? STILE_STUN_ICE_CONTROLLING
                                                 : STILE_STUN_ICE_CONTROLLED;
    gboolean we_control;
    guint64 theirs;

    if (!stile_stun_message_u64(request, same, &theirs))
        return TRUE;
    we_control = agent->tie_breaker >= theirs;
    if (we_control == agent->controlling)
        return FALSE;
    stile_ice_agent_set_role(agent, we_control);
    return TRUE;
}

/* RFC 8445 §7.3.1.3 to §7.3.1.5 */
static void
learn(StileIceAgent *agent, const StileCandidate *local, const StileEndpoint *from,
      guint32 priority, gboolean use_candidate)
{
    StileAddress source = stile_ice_agent_source(agent, from);
    const StileCandidate *remote = stile_ice_agent_learn_remote(agent, &source, priority);
    StileIceEntry *entry = remote ? stile_ice_checklist_pair(agent, local, remote) : NULL;

    if (!entry)
        return;
    if (entry->info.state != STILE_ICE_PAIR_SUCCEEDED)
        stile_ice_checklist_trigger(agent, entry);
    if (!use_candidate || agent->controlling)
        return;
    if (entry->info.state != STILE_ICE_PAIR_SUCCEEDED) {
        entry->nominate_on_success = TRUE;
    } else if (!entry->info.nominated) {
        entry->info.nominated = TRUE;
        entry->changed = TRUE;
    }
}

void
stile_ice_early_clear(StileIceEarly *early)
{
    g_clear_pointer(&early->ufrag, g_free);
}

static void
keep_early(StileIceAgent *agent, const StileEndpoint *from, guint32 priority,
           gboolean use_candidate, const char *ufrag)
{
    StileIceEarly early = {.from = *from, .priority = priority, .use_candidate = use_candidate};

    for (guint i = 0; i < agent->early->len; i++) {
        StileIceEarly *known = &g_array_index(agent->early, StileIceEarly, i);

        if (stile_endpoint_equal(&known->from, from) && strcmp(known->ufrag, ufrag) == 0) {
            known->use_candidate |= use_candidate;
            return;
        }
    }
    if (agent->early->len == STILE_ICE_MAX_EARLY)
        g_array_remove_index(agent->early, 0);
    early.ufrag = g_strdup(ufrag);
    g_array_append_val(agent->early, early);
}

void
stile_ice_request_replay(StileIceAgent *agent)
{
    for (guint i = 0; i < agent->early->len; i++) {
        const StileIceEarly *early = &g_array_index(agent->early, StileIceEarly, i);
        const StileCandidate *local = stile_ice_agent_local_for(agent, &early->from);

        if (local && strcmp(early->ufrag, agent->remote_ufrag) == 0)
            learn(agent, local, &early->from, early->priority, early->use_candidate);
    }
    g_array_set_size(agent->early, 0);
}

static void
receive_request(StileIceAgent *agent, const StileStunMessage *request, const StileEndpoint *from)
{
    const StileCandidate *local = stile_ice_agent_local_for(agent, from);
    g_autofree char *ufrag = NULL;
    gboolean use_candidate;
    guint32 priority;
    gsize size;

    /* No candidate of ours there: the owner does not want to be reached that way. */
    if (!local || !(ufrag = peer_ufrag(agent, request)))
        return;
    if (request->n_unknown > 0) {
        refuse(agent, request, from, 420, "Unknown Attribute");
        return;
    }
    if (!stile_stun_message_u32(request, STILE_STUN_PRIORITY, &priority)) {
        refuse(agent, request, from, 400, "Bad Request");
        return;
    }
    if (!settle_roles(agent, request)) {
        refuse(agent, request, from, 487, "Role Conflict");
        return;
    }
    respond(agent, request, from);
    use_candidate = stile_stun_message_find(request, STILE_STUN_USE_CANDIDATE, &size) != NULL;
    if (agent->remote_ufrag && strcmp(ufrag, agent->remote_ufrag) == 0)
        learn(agent, local, from, priority, use_candidate);
    else
        keep_early(agent, from, priority, use_candidate, ufrag);
}

void
stile_ice_agent_receive(StileIceAgent *agent, const StileStunMessage *message,
                        const StileEndpoint *from)
{
    /* Indications keep the NATs open just by having come. */
    if (message->method != STILE_STUN_BINDING || message->class != STILE_STUN_REQUEST)
        return;
    if (!stile_ice_agent_owns(agent, message) ||
        !stile_stun_message_check(message, agent->password, strlen(agent->password)))
        return;
    receive_request(agent, message, from);
    stile_ice_agent_flush(agent);
}

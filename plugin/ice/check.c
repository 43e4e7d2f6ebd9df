/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/agent-private.h"

#include <string.h>

/* One connectivity check: the request we send and what comes of it (RFC 8445 §7.2). */

struct _StileIceCheck {
    StileIceEntry *entry;
    StileIceCheckPurpose purpose;
    StileStunTransaction *transaction; /* NULL once it is over */
    StileEndpoint to;
    gboolean controlling; /* our role, as the request says it */
    guint32 priority;
    gint64 sent;
};

/* Sent at 0, 0.25, 0.75, 1.75 and 3.75 s, given up at 5 s. Quicker than STUN's own pace, because a
 * path that takes longer is not one we want, and often enough for a filter that opens only when the
 * other side has sent. */
static const StileStunPace check_pace = {
    .rto = 250 * G_TIME_SPAN_MILLISECOND,
    .max_sends = 5,
    .last_wait = 5,
};

typedef enum {
    OUTCOME_ANSWERED,
    OUTCOME_CONFLICT, /* 487 */
    OUTCOME_NOTHING,  /* no answer, or not one that counts */
} Outcome;

void
stile_ice_check_free(StileIceCheck *check)
{
    if (check->transaction)
        stile_stun_transaction_cancel(check->transaction);
    g_free(check);
}

/* RFC 8445 §7.1.1: the priority that a peer-reflexive candidate found by this check would have */
static guint32
reflexive_priority(const StileCandidate *from)
{
    return stile_candidate_priority(STILE_CANDIDATE_PEER_REFLEXIVE,
                                    (guint16)(from->priority >> 8 & 0xffff));
}

/* Heartbeats say it again: a peer that lost the pair for a while, or now sees us elsewhere because
 * our NAT started anew, has a new pair of which it has not been told. */
static gboolean
says_nominated(const StileIceCheck *check)
{
    return check->purpose == STILE_ICE_CHECK_NOMINATING ||
           (check->purpose == STILE_ICE_CHECK_HEARTBEAT && check->entry->info.nominated);
}

static gsize
build_request(StileIceAgent *agent, const StileIceCheck *check, StileStunBuilder *builder)
{
    g_autofree char *username = g_strconcat(agent->remote_ufrag, ":", agent->ufrag, NULL);
    guint8 id[STILE_STUN_ID_SIZE];

    stile_clock_random(agent->clock, id, sizeof id);
    stile_stun_builder_init(builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_string(builder, STILE_STUN_USERNAME, username);
    stile_stun_builder_u32(builder, STILE_STUN_PRIORITY, check->priority);
    stile_stun_builder_u64(
        builder, check->controlling ? STILE_STUN_ICE_CONTROLLING : STILE_STUN_ICE_CONTROLLED,
        agent->tie_breaker);
    if (check->controlling && says_nominated(check))
        stile_stun_builder_bytes(builder, STILE_STUN_USE_CANDIDATE, NULL, 0);
    stile_stun_builder_integrity(builder, agent->remote_password, strlen(agent->remote_password));
    stile_stun_builder_fingerprint(builder);
    return stile_stun_builder_finish(builder);
}

/* RFC 8445 §7.2.5.2.1: an answer from elsewhere, or to elsewhere, does not prove the pair. */
static gboolean
is_symmetric(const StileIceCheck *check, const StileEndpoint *from)
{
    StileAddress expected = stile_ice_unzoned(&check->to.remote);
    StileAddress actual = stile_ice_unzoned(&from->remote);

    if (from->kind != check->to.kind || !stile_address_equal(&expected, &actual))
        return FALSE;
    if (from->kind == STILE_ENDPOINT_TURN)
        return stile_address_equal(&from->server, &check->to.server);
    return !stile_address_is_set(&from->local) || !stile_address_is_set(&check->to.local) ||
           stile_address_equal_ip(&from->local, &check->to.local);
}

/* RFC 8445 §7.2.5.3.1: what the peer sees us as: one of our candidates, or a new peer-reflexive
 * one. */
static void
set_seen_as(StileIceEntry *entry, const StileAddress *mapped, guint32 priority)
{
    StileIceAgent *agent = entry->agent;
    StileCandidate seen = entry->from;

    if (entry->from.type == STILE_CANDIDATE_RELAYED)
        return;
    for (guint i = 0; i < agent->locals->len; i++) {
        const StileCandidate *local = &g_array_index(agent->locals, StileCandidate, i);

        if (local->type != STILE_CANDIDATE_RELAYED &&
            stile_address_equal(&local->address, mapped) &&
            stile_address_equal(&local->base, &entry->from.base)) {
            entry->info.local = *local;
            return;
        }
    }
    seen.type = STILE_CANDIDATE_PEER_REFLEXIVE;
    seen.technique = STILE_TECHNIQUE_REFLEXIVE;
    seen.address = *mapped;
    seen.priority = priority;
    stile_candidate_set_foundation(&seen);
    entry->info.local = seen;
}

static Outcome
judge(StileIceCheck *check, const StileStunMessage *response, const StileEndpoint *from)
{
    StileAddress mapped;

    if (!response)
        return OUTCOME_NOTHING;
    if (response->class == STILE_STUN_ERROR)
        return stile_stun_message_error(response, NULL) == 487 ? OUTCOME_CONFLICT : OUTCOME_NOTHING;
    if (!is_symmetric(check, from) ||
        !stile_stun_message_address(response, STILE_STUN_XOR_MAPPED_ADDRESS, &mapped))
        return OUTCOME_NOTHING;
    set_seen_as(check->entry, &mapped, check->priority);
    return OUTCOME_ANSWERED;
}

/* RFC 8445 §7.2.5.1: the peer has the role that we claimed. We take the other one, unless we did so
 * meanwhile, with a new tie-breaker so that a second conflict ends differently. */
static void
solve_conflict(const StileIceCheck *check)
{
    StileIceAgent *agent = check->entry->agent;

    if (agent->controlling != check->controlling)
        return;
    stile_clock_random(agent->clock, &agent->tie_breaker, sizeof agent->tie_breaker);
    stile_ice_agent_set_role(agent, !check->controlling);
}

static void
became_valid(StileIceEntry *entry, gint64 rtt)
{
    StileIceAgent *agent = entry->agent;

    entry->valid_since = stile_clock_now(agent->clock);
    if (agent->first_valid == 0)
        agent->first_valid = entry->valid_since;
    g_ptr_array_set_size(entry->checks, 0);
    if (entry->triggered) {
        entry->triggered = FALSE;
        g_queue_remove(&agent->triggered, entry);
    }
    stile_ice_heartbeat_pong(entry, rtt);
    stile_ice_entry_set_state(entry, STILE_ICE_PAIR_SUCCEEDED);
    if (entry->nominate_on_success && !agent->controlling)
        entry->info.nominated = TRUE;
    entry->nominate_on_success = FALSE;
}

static void
end_ordinary(StileIceEntry *entry, Outcome outcome, gint64 rtt)
{
    if (outcome == OUTCOME_ANSWERED)
        became_valid(entry, rtt);
    else if (outcome == OUTCOME_CONFLICT)
        stile_ice_checklist_trigger(entry->agent, entry);
    else if (entry->info.state == STILE_ICE_PAIR_IN_PROGRESS && entry->checks->len == 0)
        stile_ice_entry_set_state(entry, STILE_ICE_PAIR_FAILED);
}

static void
end_nominating(StileIceEntry *entry, Outcome outcome, gint64 sent, gint64 rtt)
{
    entry->nominating = FALSE;
    if (entry->info.state != STILE_ICE_PAIR_SUCCEEDED)
        return;
    if (outcome == OUTCOME_ANSWERED) {
        entry->info.nominated = TRUE;
        stile_ice_heartbeat_pong(entry, rtt);
    } else if (outcome == OUTCOME_NOTHING && entry->info.last_pong < sent) {
        stile_ice_entry_set_state(entry, STILE_ICE_PAIR_FAILED);
    }
}

static void
on_done(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from, gint64 rtt)
{
    StileIceCheck *check = user_data;
    StileIceEntry *entry = check->entry;
    StileIceAgent *agent = entry->agent;
    StileIceCheckPurpose purpose = check->purpose;
    gint64 sent = check->sent;
    Outcome outcome;

    check->transaction = NULL;
    outcome = judge(check, response, from);
    if (outcome == OUTCOME_CONFLICT)
        solve_conflict(check);
    g_ptr_array_remove_fast(entry->checks, check);
    switch (purpose) {
    case STILE_ICE_CHECK_ORDINARY:
        end_ordinary(entry, outcome, rtt);
        break;
    case STILE_ICE_CHECK_NOMINATING:
        end_nominating(entry, outcome, sent, rtt);
        break;
    case STILE_ICE_CHECK_HEARTBEAT:
        if (outcome == OUTCOME_NOTHING)
            stile_ice_heartbeat_missed(entry, sent);
        else
            stile_ice_heartbeat_answered(entry, sent, rtt);
        break;
    }
    stile_ice_agent_flush(agent);
}

void
stile_ice_check_start(StileIceEntry *entry, StileIceCheckPurpose purpose, gint64 timeout)
{
    StileIceAgent *agent = entry->agent;
    StileStunPace once = {.rto = timeout, .max_sends = 1, .last_wait = 1};
    StileIceCheck *check = g_new0(StileIceCheck, 1);
    StileStunTransaction *transaction;
    StileStunBuilder builder;
    gsize size;

    check->entry = entry;
    check->purpose = purpose;
    check->to = entry->info.endpoint;
    check->controlling = agent->controlling;
    check->priority = reflexive_priority(&entry->from);
    check->sent = stile_clock_now(agent->clock);
    size = build_request(agent, check, &builder);
    g_ptr_array_add(entry->checks, check);
    if (purpose == STILE_ICE_CHECK_ORDINARY) {
        entry->checked_at = check->sent;
        stile_ice_entry_set_state(entry, STILE_ICE_PAIR_IN_PROGRESS);
    }
    transaction = stile_stun_transactions_request(
        agent->transactions, &check->to, builder.data, size, agent->remote_password,
        strlen(agent->remote_password), purpose == STILE_ICE_CHECK_HEARTBEAT ? &once : &check_pace,
        on_done, check);
    if (transaction) /* else it was answered within, and the check is gone */
        check->transaction = transaction;
}

void
stile_ice_check_stop_sending(StileIceEntry *entry)
{
    for (guint i = 0; i < entry->checks->len; i++) {
        StileIceCheck *check = g_ptr_array_index(entry->checks, i);

        if (check->purpose == STILE_ICE_CHECK_ORDINARY)
            stile_stun_transaction_stop_sending(check->transaction);
    }
}

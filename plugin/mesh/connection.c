/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection.h"

#include "mesh/outside.h"
#include "mesh/signal.h"
#include "mesh/technique.h"
#include <string.h>

#define MSEC ((gint64)1000)
#define SEC  ((gint64)1000000)

/* With traffic, two heartbeats unanswered are noticed in three quarters of a second, and the next
 * way takes part before a second is over. Without, only the mappings of the NATs are to be kept
 * open, the shortest of which live for 30 seconds. */
#define HEARTBEAT_BUSY    (250 * MSEC)
#define HEARTBEAT_STANDBY (5 * SEC)
/* A direct way that was left for its losses is watched closely: it may be good again. */
#define HEARTBEAT_RETURN (1 * SEC)
#define HEARTBEAT_IDLE   (15 * SEC)
/* So long after the last packet a connection counts as idle. */
#define BUSY_FOR (10 * SEC)

/* A way that has not been heard of for so long is in doubt, whatever its last heartbeats said. */
#define STALE (2 * HEARTBEAT_IDLE)

/* Signals: changes that come together go together; unacknowledged ones are said again. */
#define SIGNAL_DEBOUNCE  (20 * MSEC)
#define SIGNAL_AGAIN     (1 * SEC)
#define SIGNAL_AGAIN_MAX (30 * SEC)

/* While there is no direct way, the failed pairs are tried again: soon at first, later rarely. */
#define RETRY_FIRST    (2 * SEC)
#define RETRY_BUSY_MAX (10 * SEC)
#define RETRY_IDLE_MAX (60 * SEC)
#define RETRY_GAP      (1 * SEC) /* a peer cannot make us check more often than that */

#define BROKER_ID     1
#define FIRST_PAIR_ID 16

struct _StileConnection {
    StileClock *clock;
    StileIceAgent *agent;
    StilePeerStats *stats;
    const StileConnectionOps *ops;
    gpointer user_data;

    /* signalling */
    GArray *locals;        /* of StileCandidate: what the peer may be told */
    GArray *remotes;       /* of StileCandidate: what the peer told us last */
    GHashTable *permitted; /* StileAddress: what relays were told to let through */
    StileTimer *signal_timer;
    gint64 signal_again;
    char remote_ufrag[33];
    gboolean acked;    /* the peer knows our ufrag */
    gboolean strange;  /* the peer began anew, and no handshake was made since */
    gboolean gathered; /* no more local candidates expected */

    /* the ladder */
    StileTimer *evaluate_timer;
    StileTimer *retry_timer;
    gint64 retry_after;
    gint64 last_retry;
    gboolean broker;
    StileRelayPolicy policy;
    GArray *ways; /* of StileConnectionWay */
    StileChoice choice;
    gboolean rerouted; /* and nobody has asked since */
    gint64 shaken;     /* ways not heard of since then are in doubt */
    gboolean settled;  /* all was tried once since the peer or the network changed */

    /* traffic */
    guint64 packets_seen;
    gint64 busy_until;

    StileNatSide mine, theirs;
};

const char *
stile_way_state_to_string(StileWayState state)
{
    switch (state) {
    case STILE_WAY_CHECKING:
        return "checking";
    case STILE_WAY_WORKING:
        return "working";
    case STILE_WAY_STANDBY:
        return "standby";
    case STILE_WAY_FAILED:
        return "failed";
    }
    return "";
}

static void
evaluate_soon(StileConnection *connection)
{
    stile_timer_set(connection->evaluate_timer, stile_clock_now(connection->clock));
}

/* Signalling */

static void
send_signal(StileConnection *connection, StileSignalKind kind)
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

static void
on_signal_timer(gpointer user_data)
{
    StileConnection *connection = user_data;

    send_signal(connection, STILE_SIGNAL_ICE);
    if (connection->acked)
        return;
    stile_timer_set_after(connection->signal_timer, connection->signal_again);
    connection->signal_again = MIN(connection->signal_again * 2, SIGNAL_AGAIN_MAX);
}

static void
signal_soon(StileConnection *connection, gint64 delay)
{
    connection->signal_again = SIGNAL_AGAIN;
    stile_timer_set_after(connection->signal_timer, delay);
}

static void
retry(StileConnection *connection)
{
    gint64 now = stile_clock_now(connection->clock);

    if (connection->last_retry && now - connection->last_retry < RETRY_GAP)
        return;
    connection->last_retry = now;
    stile_ice_agent_retry(connection->agent);
    evaluate_soon(connection);
}

static gboolean
permit(StileConnection *connection, const StileAddress *remote)
{
    if (!connection->ops->permit(connection->user_data, remote))
        return FALSE;
    g_hash_table_add(connection->permitted, g_memdup2(remote, sizeof *remote));
    return TRUE;
}

static void
forget_permitted(StileConnection *connection)
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
static void
set_remotes(StileConnection *connection, const StileSignal *signal)
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

        if (!permit(connection, &candidate->address))
            continue;
        g_array_append_val(connection->remotes, *candidate);
        stile_ice_agent_add_remote(connection->agent, candidate);
    }
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
        forget_permitted(connection);
        g_strlcpy(connection->remote_ufrag, signal->ufrag, sizeof connection->remote_ufrag);
        connection->strange = TRUE;
        stile_ice_agent_set_remote_credentials(connection->agent, signal->ufrag, signal->password);
        connection->retry_after = RETRY_FIRST;
    }
    connection->theirs.udp_blocked = signal->udp_blocked;
    connection->theirs.mapping = signal->mapping;
    connection->theirs.filtering = signal->filtering;
    set_remotes(connection, signal);
    if (stile_outside_is_shared(connection->locals, connection->remotes) != shared)
        signal_soon(connection, SIGNAL_DEBOUNCE); /* other candidates of ours are of use now */
    if (signal->complete)
        stile_ice_agent_end_of_remote(connection->agent);
    connection->acked = acked;
    /* An answer is due when they have told us something new, or do not know us yet; one that only
     * acknowledges gets none, or the two would go on for ever. */
    if (is_new || !acked)
        signal_soon(connection, SIGNAL_DEBOUNCE);
    evaluate_soon(connection);
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
        retry(connection);
}

/* The ladder */

static gboolean
busy(StileConnection *connection)
{
    gint64 now = stile_clock_now(connection->clock);
    guint64 packets = stile_stat_get(connection->stats->rx_packets) +
                      stile_stat_get(connection->stats->tx_packets);

    if (packets != connection->packets_seen) {
        connection->packets_seen = packets;
        connection->busy_until = now + BUSY_FOR;
    }
    return now < connection->busy_until;
}

static StileWayState
way_state(const StileIcePair *pair)
{
    switch (pair->state) {
    case STILE_ICE_PAIR_SUCCEEDED:
        return STILE_WAY_STANDBY;
    case STILE_ICE_PAIR_FAILED:
        return STILE_WAY_FAILED;
    default:
        return STILE_WAY_CHECKING;
    }
}

static guint
unanswered(StileConnection *connection, const StileIcePair *pair)
{
    gint64 now = stile_clock_now(connection->clock);

    if (pair->last_pong < connection->shaken || now - pair->last_pong > STALE)
        return MAX(pair->unanswered, STILE_WAY_DOUBT);
    return pair->unanswered;
}

static StileConnectionWay
way_of_pair(StileConnection *connection, const StileIcePair *pair)
{
    gboolean relayed = pair->local.type == STILE_CANDIDATE_RELAYED ||
                       pair->remote.type == STILE_CANDIDATE_RELAYED;
    StileConnectionWay way = {
        .way =
            {
                .id = FIRST_PAIR_ID + pair->id,
                .kind = relayed ? STILE_WAY_TURN : STILE_WAY_DIRECT,
                .usable = pair->state == STILE_ICE_PAIR_SUCCEEDED,
                .rtt = pair->rtt,
                .loss = pair->loss,
            },
        .state = way_state(pair),
        .technique = stile_technique_of_pair(pair, connection->locals),
        .endpoint = pair->endpoint,
        .local = pair->local.address,
        .remote = pair->remote.address,
    };

    if (way.way.usable)
        way.way.unanswered = unanswered(connection, pair);
    if (way.way.usable && way.endpoint.kind == STILE_ENDPOINT_TURN) {
        way.endpoint.channel = connection->ops->channel(connection->user_data, &way.endpoint.server,
                                                        &way.endpoint.remote);
        /* Without a channel the data plane could not use it. */
        way.way.usable = way.endpoint.channel != 0;
    }
    way.way.stream = stile_server_transport(&way.endpoint.server) != STILE_TRANSPORT_UDP;
    if (way.way.stream)
        way.endpoint.kind = STILE_ENDPOINT_CARRIED;
    return way;
}

static gint64
since(const GArray *old, const StileConnectionWay *way, gint64 now)
{
    for (guint i = 0; i < old->len; i++) {
        const StileConnectionWay *before = &g_array_index(old, StileConnectionWay, i);

        if (before->way.id == way->way.id && before->state == way->state)
            return before->since;
    }
    return now;
}

static GArray *
list_ways(StileConnection *connection)
{
    GArray *ways = g_array_new(FALSE, FALSE, sizeof(StileConnectionWay));
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(connection->agent);

    /* Not before the peer has said something: until it knows us, it would drop what we send, and a
     * handshake that was dropped is not repeated for seconds. */
    if (connection->broker && connection->remote_ufrag[0]) {
        StileConnectionWay broker = {
            .way = {.id = BROKER_ID, .kind = STILE_WAY_BROKER, .usable = TRUE},
            .state = STILE_WAY_STANDBY,
            .endpoint = {.kind = STILE_ENDPOINT_CARRIED},
        };

        g_array_append_val(ways, broker);
    }
    for (guint i = 0; i < pairs->len; i++) {
        StileConnectionWay way = way_of_pair(connection, pairs->pdata[i]);

        g_array_append_val(ways, way);
    }
    return ways;
}

static const StileConnectionWay *
find_way(const GArray *ways, guint id)
{
    for (guint i = 0; id && i < ways->len; i++)
        if (g_array_index(ways, StileConnectionWay, i).way.id == id)
            return &g_array_index(ways, StileConnectionWay, i);
    return NULL;
}

static StileChoice
choose(StileConnection *connection, const GArray *ways)
{
    g_autofree StileWay *plain = g_new(StileWay, ways->len + 1);

    for (guint i = 0; i < ways->len; i++)
        plain[i] = g_array_index(ways, StileConnectionWay, i).way;
    return stile_choose_way(plain, ways->len, connection->choice.first, connection->policy);
}

/* The cheapest way of @kind that answers, other than the one in use: what is kept warm. */
static guint
best_standby(const GArray *ways, StileWayKind kind, guint in_use)
{
    const StileConnectionWay *found = NULL;

    for (guint i = 0; i < ways->len; i++) {
        const StileConnectionWay *way = &g_array_index(ways, StileConnectionWay, i);

        if (way->way.kind != kind || way->way.id == in_use || !way->way.usable)
            continue;
        if (!found || stile_way_cost(&way->way) < stile_way_cost(&found->way))
            found = way;
    }
    return found ? found->way.id : 0;
}

static void
set_heartbeats(StileConnection *connection, const GArray *ways)
{
    const StileConnectionWay *first = find_way(ways, connection->choice.first);
    gboolean is_busy = busy(connection);
    gboolean doubt = first && first->way.unanswered >= STILE_WAY_DOUBT;
    guint direct = best_standby(ways, STILE_WAY_DIRECT, connection->choice.first);
    guint turn = best_standby(ways, STILE_WAY_TURN, connection->choice.first);
    gboolean may_return = first && first->way.kind != STILE_WAY_DIRECT;

    for (guint i = 0; i < ways->len; i++) {
        const StileConnectionWay *way = &g_array_index(ways, StileConnectionWay, i);
        guint id = way->way.id;
        gint64 interval = 0;

        if (id == BROKER_ID)
            continue;
        if (id == connection->choice.first)
            interval = is_busy || doubt ? HEARTBEAT_BUSY : HEARTBEAT_IDLE;
        else if (id == direct || id == turn)
            interval = doubt                        ? HEARTBEAT_BUSY
                       : !is_busy                   ? HEARTBEAT_IDLE
                       : may_return && id == direct ? HEARTBEAT_RETURN
                                                    : HEARTBEAT_STANDBY;
        stile_ice_agent_set_heartbeat(connection->agent, id - FIRST_PAIR_ID, interval);
    }
}

static void
plan_retry(StileConnection *connection, const GArray *ways)
{
    const StileConnectionWay *first = find_way(ways, connection->choice.first);
    gboolean wanted = connection->policy != STILE_RELAY_ONLY && connection->remote_ufrag[0] &&
                      (!first || first->way.kind != STILE_WAY_DIRECT);

    if (!wanted) {
        stile_timer_stop(connection->retry_timer);
        connection->retry_after = RETRY_FIRST;
    } else if (!stile_timer_is_set(connection->retry_timer)) {
        stile_timer_set_after(connection->retry_timer, connection->retry_after);
    }
}

static void
on_retry_timer(gpointer user_data)
{
    StileConnection *connection = user_data;
    gint64 longest = busy(connection) ? RETRY_BUSY_MAX : RETRY_IDLE_MAX;

    connection->retry_after = MIN(connection->retry_after * 2, longest);
    send_signal(connection, STILE_SIGNAL_RETRY);
    retry(connection);
}

static gboolean
ways_equal(const GArray *a, const GArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        const StileConnectionWay *x = &g_array_index(a, StileConnectionWay, i);
        const StileConnectionWay *y = &g_array_index(b, StileConnectionWay, i);

        if (x->way.id != y->way.id || x->state != y->state || x->way.usable != y->way.usable ||
            x->way.rtt != y->way.rtt || x->way.loss != y->way.loss ||
            !stile_endpoint_equal(&x->endpoint, &y->endpoint))
            return FALSE;
    }
    return TRUE;
}

/* Retries do not unsettle: what is known of why there is no direct way stays known meanwhile. */
static gboolean
has_settled(StileConnection *connection)
{
    if (!connection->remote_ufrag[0] || !connection->gathered)
        return FALSE;
    for (guint i = 0; i < connection->ways->len; i++)
        if (g_array_index(connection->ways, StileConnectionWay, i).state == STILE_WAY_CHECKING)
            return FALSE;
    return TRUE;
}

static gboolean
lead_alike(const StileConnectionWay *a, const StileConnectionWay *b)
{
    return a == b || (a && b && stile_endpoint_equal(&a->endpoint, &b->endpoint));
}

static void
on_evaluate(gpointer user_data)
{
    StileConnection *connection = user_data;
    g_autoptr(GArray) old = g_steal_pointer(&connection->ways);
    StileChoice before = connection->choice;
    gboolean was_settled = connection->settled;
    gint64 real = stile_clock_real(connection->clock);

    connection->ways = list_ways(connection);
    connection->choice = choose(connection, connection->ways);
    for (guint i = 0; i < connection->ways->len; i++) {
        StileConnectionWay *way = &g_array_index(connection->ways, StileConnectionWay, i);

        if (way->way.id == connection->choice.first)
            way->state = STILE_WAY_WORKING;
        way->since = since(old, way, real);
    }
    connection->settled |= has_settled(connection);
    connection->rerouted |= !lead_alike(find_way(old, before.first),
                                        stile_connection_first(connection)) ||
                            !lead_alike(find_way(old, before.second),
                                        stile_connection_second(connection));
    set_heartbeats(connection, connection->ways);
    plan_retry(connection, connection->ways);
    /* Idleness and staleness come without an event. */
    stile_timer_set_after(connection->evaluate_timer, busy(connection) ? SEC : HEARTBEAT_IDLE);
    if (before.first != connection->choice.first || before.second != connection->choice.second ||
        was_settled != connection->settled || !ways_equal(old, connection->ways))
        connection->ops->changed(connection->user_data);
}

/* The agent's events */

static void
on_pair(gpointer user_data, const StileIcePair *pair)
{
    evaluate_soon(user_data);
}

static void
on_idle(gpointer user_data)
{
    evaluate_soon(user_data);
}

static void
on_permit(gpointer user_data, const StileAddress *remote)
{
    permit(user_data, remote);
}

static const StileIceAgentOps agent_ops = {
    .pair_changed = on_pair,
    .pair_removed = on_pair,
    .idle = on_idle,
    .permit = on_permit,
};

StileConnection *
stile_connection_new(StileClock *clock, StileStunTransactions *transactions, gboolean controlling,
                     StilePeerStats *stats, const StileConnectionOps *ops, gpointer user_data)
{
    StileConnection *connection = g_new0(StileConnection, 1);

    connection->clock = stile_clock_ref(clock);
    connection->stats = stile_peer_stats_ref(stats);
    connection->ops = ops;
    connection->user_data = user_data;
    connection->locals = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    connection->remotes = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    connection->permitted = g_hash_table_new_full(stile_address_hash, stile_address_equal, g_free,
                                                  NULL);
    connection->ways = g_array_new(FALSE, FALSE, sizeof(StileConnectionWay));
    connection->signal_timer = stile_timer_new(clock, on_signal_timer, connection);
    connection->evaluate_timer = stile_timer_new(clock, on_evaluate, connection);
    connection->retry_timer = stile_timer_new(clock, on_retry_timer, connection);
    connection->retry_after = RETRY_FIRST;
    connection->strange = TRUE;
    /* Somebody wants to reach the peer: traffic is to be expected. */
    connection->busy_until = stile_clock_now(clock) + BUSY_FOR;
    connection->agent = stile_ice_agent_new(clock, transactions, controlling, &agent_ops,
                                            connection);
    signal_soon(connection, 0);
    evaluate_soon(connection);
    return connection;
}

void
stile_connection_free(StileConnection *connection)
{
    if (!connection)
        return;
    g_clear_pointer(&connection->agent, stile_ice_agent_free);
    forget_permitted(connection);
    g_hash_table_unref(connection->permitted);
    stile_timer_free(connection->signal_timer);
    stile_timer_free(connection->evaluate_timer);
    stile_timer_free(connection->retry_timer);
    g_array_unref(connection->locals);
    g_array_unref(connection->remotes);
    g_array_unref(connection->ways);
    stile_peer_stats_unref(connection->stats);
    stile_clock_unref(connection->clock);
    g_free(connection);
}

void
stile_connection_add_local(StileConnection *connection, const StileCandidate *candidate)
{
    g_array_append_val(connection->locals, *candidate);
    stile_ice_agent_add_local(connection->agent, candidate);
    signal_soon(connection, SIGNAL_DEBOUNCE);
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
    signal_soon(connection, SIGNAL_DEBOUNCE);
    evaluate_soon(connection);
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

void
stile_connection_set_gathered(StileConnection *connection, gboolean complete)
{
    if (complete == connection->gathered)
        return;
    connection->gathered = complete;
    signal_soon(connection, SIGNAL_DEBOUNCE);
}

void
stile_connection_set_broker(StileConnection *connection, gboolean usable)
{
    /* What was said while it was away, or as it broke, is lost. */
    if (usable && !connection->broker)
        signal_soon(connection, 0);
    connection->broker = usable;
    evaluate_soon(connection);
}

void
stile_connection_set_policy(StileConnection *connection, StileRelayPolicy policy)
{
    connection->policy = policy;
    evaluate_soon(connection);
}

void
stile_connection_set_nat64(StileConnection *connection, const StilePrefix *prefix)
{
    stile_ice_agent_set_nat64(connection->agent, prefix);
}

void
stile_connection_set_nat(StileConnection *connection, const StileNatSide *mine)
{
    if (memcmp(&connection->mine, mine, sizeof *mine) == 0)
        return;
    connection->mine = *mine;
    signal_soon(connection, SIGNAL_DEBOUNCE);
    evaluate_soon(connection);
}

gboolean
stile_connection_owns(StileConnection *connection, const StileStunMessage *request)
{
    return stile_ice_agent_owns(connection->agent, request);
}

void
stile_connection_receive(StileConnection *connection, const StileStunMessage *message,
                         const StileEndpoint *from)
{
    stile_ice_agent_receive(connection->agent, message, from);
}

void
stile_connection_greeted(StileConnection *connection)
{
    connection->strange = FALSE;
}

gboolean
stile_connection_is_strange(StileConnection *connection)
{
    return connection->strange;
}

void
stile_connection_refresh(StileConnection *connection)
{
    evaluate_soon(connection);
}

void
stile_connection_probe(StileConnection *connection)
{
    connection->retry_after = RETRY_FIRST;
    connection->busy_until = stile_clock_now(connection->clock) + BUSY_FOR;
    send_signal(connection, STILE_SIGNAL_RETRY);
    retry(connection);
}

void
stile_connection_shake(StileConnection *connection)
{
    connection->shaken = stile_clock_now(connection->clock);
    connection->settled = FALSE;
    connection->busy_until = connection->shaken + BUSY_FOR;
    stile_connection_probe(connection);
}

const GArray *
stile_connection_ways(StileConnection *connection)
{
    return connection->ways;
}

const StileConnectionWay *
stile_connection_first(StileConnection *connection)
{
    return find_way(connection->ways, connection->choice.first);
}

const StileConnectionWay *
stile_connection_second(StileConnection *connection)
{
    return find_way(connection->ways, connection->choice.second);
}

gboolean
stile_connection_take_rerouted(StileConnection *connection)
{
    gboolean rerouted = connection->rerouted;

    connection->rerouted = FALSE;
    return rerouted;
}

gboolean
stile_connection_checking(StileConnection *connection)
{
    return !connection->settled;
}

const StileNatSide *
stile_connection_theirs(StileConnection *connection)
{
    return &connection->theirs;
}

double
stile_connection_loss(StileConnection *connection)
{
    const StileConnectionWay *first = stile_connection_first(connection);

    return first ? first->way.loss : 0;
}

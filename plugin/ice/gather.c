/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/gather.h"

#include "ice/preference.h"
#include <string.h>

/* Each of our addresses is offered to every peer and every pair of them is checked: a machine with
 * a hundred container networks offers the best few. */
#define MAX_HOSTS    12
#define MAX_VIRTUALS 3

/* RFC 4787 §4.3 lets a NAT forget a mapping after two minutes, but many do after 30 seconds. */
#define ASK_AGAIN        (20 * G_USEC_PER_SEC)
#define ASK_AGAIN_SPREAD (5 * G_USEC_PER_SEC)

/* Five sends, given up after 4.75 s. */
static const StileStunPace ask_pace = {
    .rto = 250 * G_TIME_SPAN_MILLISECOND,
    .max_sends = 5,
    .last_wait = 4,
};

/** One of our addresses that makes a host candidate. */
typedef struct {
    StileAddress base; /* with the port of the shared socket */
    guint16 preference;
    gboolean is_virtual;
} Host;

/** Asking one server from one base. */
typedef struct {
    StileGatherer *gatherer;
    StileAddress base;
    StileAddress server;
    StileStunTransaction *transaction; /* NULL: nothing under way */
    gboolean done;                     /* answered, or given up, in this round */
} Query;

/** What a TURN client last told. */
typedef struct {
    StileTurn *turn; /* its name only: it may be gone */
    StileTurnState state;
    StileAddress server;
    StileAddress relayed;
    StileAddress mapped;
} Relay;

struct _StileGatherer {
    StileClock *clock;
    StileStunTransactions *transactions;
    guint16 port4, port6;
    StileGathererOps ops;
    gpointer user_data;

    GArray *hosts;      /* of Host, best first */
    GArray *servers;    /* of StileAddress */
    GArray *members;    /* of StileNatServer */
    GPtrArray *queries; /* of Query, owned */
    GArray *reflexives; /* of StileReflexive */
    GArray *relays;     /* of Relay */
    GArray *extras;     /* of StileCandidate: found by other means */
    GArray *candidates; /* of StileCandidate, best first: what the owner was told */
    StileTimer *ask_timer;
    gint64 asked_at;
    gboolean active;
    gboolean started;
    gboolean completed; /* this round */
};

static gboolean
is_active_base(StileGatherer *gatherer, const StileAddress *base)
{
    for (guint i = 0; i < gatherer->hosts->len; i++)
        if (stile_address_equal(&g_array_index(gatherer->hosts, Host, i).base, base))
            return TRUE;
    return FALSE;
}

static guint16
preference_of_base(StileGatherer *gatherer, const StileAddress *base)
{
    for (guint i = 0; i < gatherer->hosts->len; i++) {
        const Host *host = &g_array_index(gatherer->hosts, Host, i);

        if (stile_address_equal(&host->base, base))
            return host->preference;
    }
    return 0;
}

/* Which candidates there are. */

static gint
compare_candidates(gconstpointer a, gconstpointer b)
{
    const StileCandidate *left = a, *right = b;

    return left->priority < right->priority ? 1 : left->priority > right->priority ? -1 : 0;
}

static gboolean
contains(const GArray *candidates, const StileCandidate *candidate)
{
    for (guint i = 0; i < candidates->len; i++)
        if (stile_candidate_equal(&g_array_index(candidates, StileCandidate, i), candidate))
            return TRUE;
    return FALSE;
}

/* RFC 8445 §5.1.3: of two with one address and base the first stays. */
static void
append(GArray *candidates, const StileCandidate *candidate)
{
    for (guint i = 0; i < candidates->len; i++) {
        const StileCandidate *other = &g_array_index(candidates, StileCandidate, i);

        if (stile_address_equal(&other->address, &candidate->address) &&
            stile_address_equal(&other->base, &candidate->base))
            return;
    }
    g_array_append_val(candidates, *candidate);
}

static void
append_host(GArray *candidates, const Host *host)
{
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_HOST,
        .technique = STILE_TECHNIQUE_HOST,
        .address = host->base,
        .base = host->base,
        .priority = stile_candidate_priority(STILE_CANDIDATE_HOST, host->preference),
    };

    if (host->base.sa.sa_family == AF_INET6) {
        candidate.technique = STILE_TECHNIQUE_IPV6;
    }
    stile_candidate_set_foundation(&candidate);
    append(candidates, &candidate);
}

static void
append_reflexive(StileGatherer *gatherer, GArray *candidates, const StileAddress *mapped,
                 const StileAddress *base, const StileAddress *server)
{
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_REFLEXIVE,
        .address = *mapped,
        .base = *base,
        .server = *server,
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE,
                                             preference_of_base(gatherer, base)),
    };

    stile_candidate_set_foundation(&candidate);
    append(candidates, &candidate);
}

/* The base that a TURN server sees us from is not told; where there is only one way out, it is
 * that. */
static const Host *
only_way_out(StileGatherer *gatherer, int family)
{
    const Host *only = NULL;

    for (guint i = 0; i < gatherer->hosts->len; i++) {
        const Host *host = &g_array_index(gatherer->hosts, Host, i);

        if (host->is_virtual || stile_address_family(&host->base) != family)
            continue;
        if (only)
            return NULL;
        only = host;
    }
    return only;
}

static void
append_relay(StileGatherer *gatherer, GArray *candidates, const Relay *relay, guint number)
{
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_RELAYED,
        .technique = STILE_TECHNIQUE_HOST,
        .address = relay->relayed,
        .base = relay->relayed,
        .server = relay->server,
        .priority = stile_candidate_priority(STILE_CANDIDATE_RELAYED, (guint16)(0xffff - number)),
    };
    const Host *host = only_way_out(gatherer, stile_address_family(&relay->server));

    if (relay->state != STILE_TURN_READY)
        return;
    stile_candidate_set_foundation(&candidate);
    append(candidates, &candidate);
    if (host && stile_candidate_may_send_to(&relay->mapped))
        append_reflexive(gatherer, candidates, &relay->mapped, &host->base, &relay->server);
}

static GArray *
wanted(StileGatherer *gatherer)
{
    GArray *candidates = g_array_new(FALSE, TRUE, sizeof(StileCandidate));

    for (guint i = 0; i < gatherer->hosts->len; i++)
        append_host(candidates, &g_array_index(gatherer->hosts, Host, i));
    for (guint i = 0; i < gatherer->extras->len; i++)
        append(candidates, &g_array_index(gatherer->extras, StileCandidate, i));
    for (guint i = 0; i < gatherer->reflexives->len; i++) {
        const StileReflexive *reflexive = &g_array_index(gatherer->reflexives, StileReflexive, i);

        append_reflexive(gatherer, candidates, &reflexive->mapped, &reflexive->base,
                         &reflexive->server);
    }
    for (guint i = 0; i < gatherer->relays->len; i++)
        append_relay(gatherer, candidates, &g_array_index(gatherer->relays, Relay, i), i);
    g_array_sort(candidates, compare_candidates);
    return candidates;
}

/* Makes the owner's view that of now. The new list stands before anything is told, so that the
 * owner may read it in the callbacks. */
static void
update(StileGatherer *gatherer)
{
    g_autoptr(GArray) before = gatherer->candidates;
    g_autoptr(GArray) after = wanted(gatherer);

    gatherer->candidates = g_array_ref(after);
    for (guint i = 0; i < before->len && gatherer->candidates == after; i++) {
        StileCandidate candidate = g_array_index(before, StileCandidate, i);

        if (!contains(after, &candidate))
            gatherer->ops.removed(gatherer->user_data, &candidate);
    }
    for (guint i = 0; i < after->len && gatherer->candidates == after; i++) {
        StileCandidate candidate = g_array_index(after, StileCandidate, i);

        if (!contains(before, &candidate))
            gatherer->ops.added(gatherer->user_data, &candidate);
    }
}

static void
complete_if_done(StileGatherer *gatherer)
{
    if (!gatherer->started || gatherer->completed)
        return;
    for (guint i = 0; i < gatherer->queries->len; i++)
        if (!((const Query *)g_ptr_array_index(gatherer->queries, i))->done)
            return;
    for (guint i = 0; i < gatherer->relays->len; i++)
        if (g_array_index(gatherer->relays, Relay, i).state == STILE_TURN_ALLOCATING)
            return;
    gatherer->completed = TRUE;
    gatherer->ops.complete(gatherer->user_data);
}

/* Asking STUN servers. */

static void
query_free(Query *query)
{
    if (query->transaction)
        stile_stun_transaction_cancel(query->transaction);
    g_free(query);
}

static const StileNatServer *
find_member(StileGatherer *gatherer, const StileAddress *server)
{
    for (guint i = 0; i < gatherer->members->len; i++) {
        const StileNatServer *member = &g_array_index(gatherer->members, StileNatServer, i);

        if (stile_address_equal(&member->address, server))
            return member;
    }
    return NULL;
}

static gboolean
is_server(StileGatherer *gatherer, const StileAddress *server)
{
    if (find_member(gatherer, server))
        return TRUE;
    for (guint i = 0; i < gatherer->servers->len; i++)
        if (stile_address_equal(&g_array_index(gatherer->servers, StileAddress, i), server))
            return TRUE;
    return FALSE;
}

/* Returns: whether the server saw us at another IP address before. */
static gboolean
note_answer(StileGatherer *gatherer, const Query *query, const StileAddress *mapped)
{
    StileReflexive answer = {
        .base = query->base,
        .server = query->server,
        .mapped = *mapped,
        .at = stile_clock_now(gatherer->clock),
    };
    gboolean readdressed = FALSE;

    for (guint i = gatherer->reflexives->len; i-- > 0;) {
        const StileReflexive *old = &g_array_index(gatherer->reflexives, StileReflexive, i);

        readdressed |= stile_address_equal(&old->base, &query->base) &&
                       stile_address_equal(&old->server, &query->server) &&
                       !stile_address_equal_ip(&old->mapped, mapped);
        /* The last answers of forgotten servers go with the first new one. */
        if (stile_address_equal(&old->base, &query->base) &&
            (stile_address_equal(&old->server, &query->server) ||
             !is_server(gatherer, &old->server)))
            g_array_remove_index(gatherer->reflexives, i);
    }
    g_array_append_val(gatherer->reflexives, answer);
    return readdressed;
}

static void
on_answer(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from,
          gint64 rtt)
{
    Query *query = user_data;
    StileGatherer *gatherer = query->gatherer;
    StileAddress mapped;

    query->transaction = NULL;
    query->done = TRUE;
    if (response && response->class == STILE_STUN_SUCCESS && from->kind == STILE_ENDPOINT_UDP &&
        stile_address_equal(&from->remote, &query->server) &&
        (stile_stun_message_address(response, STILE_STUN_XOR_MAPPED_ADDRESS, &mapped) ||
         stile_stun_message_address(response, STILE_STUN_MAPPED_ADDRESS, &mapped)) &&
        stile_candidate_may_send_to(&mapped)) {
        gboolean readdressed = note_answer(gatherer, query, &mapped);

        update(gatherer);
        if (readdressed && gatherer->ops.readdressed)
            gatherer->ops.readdressed(gatherer->user_data);
    }
    complete_if_done(gatherer);
}

static void
ask(Query *query)
{
    StileGatherer *gatherer = query->gatherer;
    StileEndpoint to = {
        .kind = STILE_ENDPOINT_UDP,
        .remote = query->server,
        .local = query->base,
    };
    const StileNatServer *member = find_member(gatherer, &query->server);
    guint8 id[STILE_STUN_ID_SIZE];
    StileStunTransaction *transaction;
    StileStunBuilder builder;
    gsize size;

    if (query->transaction)
        return;
    stile_clock_random(gatherer->clock, id, sizeof id);
    if (member) {
        StileNatQuestion question = stile_nat_question_to(member);

        size = stile_nat_question_write(&question, id, &builder);
    } else {
        stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
        stile_stun_builder_fingerprint(&builder);
        size = stile_stun_builder_finish(&builder);
    }
    transaction = stile_stun_transactions_request(
        gatherer->transactions, &to, builder.data, size, member ? member->key : NULL,
        member ? sizeof member->key : 0, &ask_pace, on_answer, query);
    if (transaction) /* else it was answered within */
        query->transaction = transaction;
}

static void
schedule_next_round(StileGatherer *gatherer)
{
    guint32 random;

    if (!gatherer->active)
        return;
    stile_clock_random(gatherer->clock, &random, sizeof random);
    stile_timer_set(gatherer->ask_timer,
                    gatherer->asked_at + ASK_AGAIN + random % ASK_AGAIN_SPREAD);
}

static void
on_ask(gpointer user_data)
{
    StileGatherer *gatherer = user_data;

    if (!gatherer->active && gatherer->completed)
        return;
    gatherer->asked_at = stile_clock_now(gatherer->clock);
    for (guint i = 0; i < gatherer->queries->len; i++)
        ask(g_ptr_array_index(gatherer->queries, i));
    schedule_next_round(gatherer);
    complete_if_done(gatherer);
}

static Query *
find_query(StileGatherer *gatherer, const StileAddress *base, const StileAddress *server)
{
    for (guint i = 0; i < gatherer->queries->len; i++) {
        Query *query = g_ptr_array_index(gatherer->queries, i);

        if (stile_address_equal(&query->base, base) && stile_address_equal(&query->server, server))
            return query;
    }
    return NULL;
}

/* From a bridge or a container network the kernel sends through the same NAT as from the real
 * address behind it: nothing new to learn. From a unique local address nothing comes back, unless
 * it is all that the network gives and is translated (RFC 6296). */
static gboolean
leads_inside(const Host *host)
{
    return host->is_virtual || (stile_address_family(&host->base) == AF_INET6 &&
                                stile_address_scope(&host->base) == STILE_ADDRESS_PRIVATE);
}

static gboolean
can_ask(StileGatherer *gatherer, const Host *host, const StileAddress *server)
{
    if (stile_address_family(&host->base) != stile_address_family(server))
        return FALSE;
    if (!leads_inside(host) || stile_address_is_inside(server))
        return TRUE;
    for (guint i = 0; i < gatherer->hosts->len; i++) {
        const Host *other = &g_array_index(gatherer->hosts, Host, i);

        if (!leads_inside(other) &&
            stile_address_family(&other->base) == stile_address_family(server))
            return FALSE;
    }
    return TRUE;
}

static void
add_query(StileGatherer *gatherer, const Host *host, const StileAddress *server)
{
    Query *query;

    if (!can_ask(gatherer, host, server) || find_query(gatherer, &host->base, server))
        return;
    query = g_new0(Query, 1);
    query->gatherer = gatherer;
    query->base = host->base;
    query->server = *server;
    g_ptr_array_add(gatherer->queries, query);
}

/* Makes the queries those of the hosts and servers there are, and starts a round. */
static void
renew_queries(StileGatherer *gatherer)
{
    if (!gatherer->started)
        return;
    for (guint i = gatherer->queries->len; i-- > 0;) {
        Query *query = g_ptr_array_index(gatherer->queries, i);

        if (!is_active_base(gatherer, &query->base) || !is_server(gatherer, &query->server))
            g_ptr_array_remove_index(gatherer->queries, i);
    }
    for (guint i = 0; i < gatherer->hosts->len; i++) {
        const Host *host = &g_array_index(gatherer->hosts, Host, i);

        for (guint j = 0; j < gatherer->servers->len; j++)
            add_query(gatherer, host, &g_array_index(gatherer->servers, StileAddress, j));
        for (guint j = 0; j < gatherer->members->len; j++)
            add_query(gatherer, host, &g_array_index(gatherer->members, StileNatServer, j).address);
    }
    stile_timer_set_after(gatherer->ask_timer, 0);
}

/* Hosts. */

static gint
compare_hosts(gconstpointer a, gconstpointer b)
{
    return (gint)((const Host *)b)->preference - (gint)((const Host *)a)->preference;
}

static void
limit_hosts(GArray *hosts)
{
    guint virtuals = 0;

    g_array_sort(hosts, compare_hosts);
    for (guint i = 0; i < hosts->len;)
        if (g_array_index(hosts, Host, i).is_virtual && ++virtuals > MAX_VIRTUALS)
            g_array_remove_index(hosts, i);
        else
            i++;
    if (hosts->len > MAX_HOSTS)
        g_array_set_size(hosts, MAX_HOSTS);
}

void
stile_gatherer_set_links(StileGatherer *gatherer, const GArray *addresses, const char *exclude)
{
    g_array_set_size(gatherer->hosts, 0);
    for (guint i = 0; i < addresses->len; i++) {
        const StileLocalAddress *local = &g_array_index(addresses, StileLocalAddress, i);
        guint16 port = stile_address_family(&local->address) == AF_INET ? gatherer->port4
                                                                        : gatherer->port6;
        Host host = {
            .base = stile_address_with_port(&local->address, port),
            .preference = stile_preference_of(local),
            .is_virtual = stile_preference_is_virtual(local),
        };

        if (port == 0 || !stile_preference_usable(local, exclude) ||
            stile_preference_is_traceable(local, addresses))
            continue;
        g_array_append_val(gatherer->hosts, host);
    }
    limit_hosts(gatherer->hosts);
    for (guint i = gatherer->reflexives->len; i-- > 0;)
        if (!is_active_base(gatherer, &g_array_index(gatherer->reflexives, StileReflexive, i).base))
            g_array_remove_index(gatherer->reflexives, i);
    gatherer->started = TRUE;
    gatherer->completed = FALSE;
    for (guint i = 0; i < gatherer->queries->len; i++)
        ((Query *)g_ptr_array_index(gatherer->queries, i))->done = FALSE;
    renew_queries(gatherer);
    update(gatherer);
}

void
stile_gatherer_add_stun_server(StileGatherer *gatherer, const StileAddress *server)
{
    if (is_server(gatherer, server))
        return;
    g_array_append_val(gatherer->servers, *server);
    gatherer->completed = FALSE;
    renew_queries(gatherer);
}

void
stile_gatherer_set_members(StileGatherer *gatherer, const StileNatServer *members, gsize n)
{
    g_array_set_size(gatherer->members, 0);
    g_array_append_vals(gatherer->members, members, (guint)n);
    if (n > 0)
        gatherer->completed = FALSE;
    renew_queries(gatherer);
}

void
stile_gatherer_clear_stun_servers(StileGatherer *gatherer)
{
    g_array_set_size(gatherer->servers, 0);
    renew_queries(gatherer);
}

static Relay *
find_relay(StileGatherer *gatherer, const StileTurn *turn)
{
    for (guint i = 0; i < gatherer->relays->len; i++) {
        Relay *relay = &g_array_index(gatherer->relays, Relay, i);

        if (relay->turn == turn)
            return relay;
    }
    return NULL;
}

void
stile_gatherer_turn_changed(StileGatherer *gatherer, StileTurn *turn)
{
    Relay now = {
        .turn = turn,
        .state = stile_turn_state(turn),
        .server = stile_turn_server(turn),
        .relayed = stile_turn_relayed(turn),
        .mapped = stile_turn_mapped(turn),
    };
    Relay *known = find_relay(gatherer, turn);

    if (known)
        *known = now;
    else
        g_array_append_val(gatherer->relays, now);
    update(gatherer);
    complete_if_done(gatherer);
}

void
stile_gatherer_turn_gone(StileGatherer *gatherer, StileTurn *turn)
{
    for (guint i = gatherer->relays->len; i-- > 0;)
        if (g_array_index(gatherer->relays, Relay, i).turn == turn)
            g_array_remove_index(gatherer->relays, i);
    update(gatherer);
    complete_if_done(gatherer);
}

void
stile_gatherer_add(StileGatherer *gatherer, const StileCandidate *candidate)
{
    if (contains(gatherer->extras, candidate))
        return;
    g_array_append_val(gatherer->extras, *candidate);
    update(gatherer);
}

void
stile_gatherer_remove(StileGatherer *gatherer, const StileCandidate *candidate)
{
    for (guint i = gatherer->extras->len; i-- > 0;)
        if (stile_candidate_equal(&g_array_index(gatherer->extras, StileCandidate, i), candidate))
            g_array_remove_index(gatherer->extras, i);
    update(gatherer);
}

void
stile_gatherer_ask(StileGatherer *gatherer)
{
    if (gatherer->started &&
        stile_clock_now(gatherer->clock) - gatherer->asked_at >= G_USEC_PER_SEC)
        stile_timer_set_after(gatherer->ask_timer, 0);
}

void
stile_gatherer_set_active(StileGatherer *gatherer, gboolean active)
{
    if (active == gatherer->active)
        return;
    gatherer->active = active;
    if (!gatherer->started)
        return;
    if (!active) /* the round that may be due is still to be done */
        return;
    if (stile_clock_now(gatherer->clock) - gatherer->asked_at >= ASK_AGAIN)
        stile_timer_set_after(gatherer->ask_timer, 0);
    else
        schedule_next_round(gatherer);
}

StileGatherer *
stile_gatherer_new(StileClock *clock, StileStunTransactions *transactions, guint16 port4,
                   guint16 port6, const StileGathererOps *ops, gpointer user_data)
{
    StileGatherer *gatherer = g_new0(StileGatherer, 1);

    gatherer->clock = stile_clock_ref(clock);
    gatherer->transactions = transactions;
    gatherer->port4 = port4;
    gatherer->port6 = port6;
    gatherer->ops = *ops;
    gatherer->user_data = user_data;
    gatherer->hosts = g_array_new(FALSE, TRUE, sizeof(Host));
    gatherer->servers = g_array_new(FALSE, TRUE, sizeof(StileAddress));
    gatherer->members = g_array_new(FALSE, TRUE, sizeof(StileNatServer));
    gatherer->queries = g_ptr_array_new_with_free_func((GDestroyNotify)query_free);
    gatherer->reflexives = g_array_new(FALSE, TRUE, sizeof(StileReflexive));
    gatherer->relays = g_array_new(FALSE, TRUE, sizeof(Relay));
    gatherer->extras = g_array_new(FALSE, TRUE, sizeof(StileCandidate));
    gatherer->candidates = g_array_new(FALSE, TRUE, sizeof(StileCandidate));
    gatherer->ask_timer = stile_timer_new(clock, on_ask, gatherer);
    return gatherer;
}

void
stile_gatherer_free(StileGatherer *gatherer)
{
    if (!gatherer)
        return;
    g_ptr_array_unref(gatherer->queries);
    g_array_unref(gatherer->hosts);
    g_array_unref(gatherer->servers);
    g_array_unref(gatherer->members);
    g_array_unref(gatherer->reflexives);
    g_array_unref(gatherer->relays);
    g_array_unref(gatherer->extras);
    g_array_unref(gatherer->candidates);
    stile_timer_free(gatherer->ask_timer);
    stile_clock_unref(gatherer->clock);
    g_free(gatherer);
}

const GArray *
stile_gatherer_candidates(StileGatherer *gatherer)
{
    return gatherer->candidates;
}

const GArray *
stile_gatherer_reflexives(StileGatherer *gatherer)
{
    return gatherer->reflexives;
}

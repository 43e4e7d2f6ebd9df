/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/turn-private.h"

#include <string.h>

#define MIN_BACKOFF      (1 * G_USEC_PER_SEC)
#define MAX_BACKOFF      (60 * G_USEC_PER_SEC)
#define KEEPALIVE        (20 * G_USEC_PER_SEC) /* NATs forget UDP mappings after 30 s and up */
#define DEFAULT_LIFETIME 600                   /* seconds, RFC 8656 §3.2 */
#define MAX_LIFETIME     86400
#define MARGIN           (5 * G_USEC_PER_SEC)
#define SHORT_LIVED      (10 * G_USEC_PER_SEC) /* lost that soon: something is wrong, no hurry */
#define CLEARING         (2 * G_USEC_PER_SEC)  /* coturn needs a second to end a session */
#define PROVEN           (60 * G_USEC_PER_SEC) /* lived that long: the next failure is another one */

static void allocate(StileTurn *turn);
static void on_retry(gpointer user_data);
static void on_upkeep(gpointer user_data);

StileEndpoint
stile_turn_endpoint(StileTurn *turn)
{
    return (StileEndpoint){
        .kind = STILE_ENDPOINT_UDP,
        .remote = turn->servers[turn->n_servers - 1],
    };
}

char *
stile_turn_server_name(StileTurn *turn)
{
    return turn->stream ? g_strdup(turn->stream)
                        : stile_address_to_string(&turn->servers[turn->n_servers - 1]);
}

void
stile_turn_set_stream(StileTurn *turn, const char *name)
{
    g_free(turn->stream);
    turn->stream = g_strdup(name);
}

StileTurn *
stile_turn_new(StileClock *clock, StileStunTransactions *transactions, const StileAddress *server,
               int family, const char *username, const char *password, const StileTurnOps *ops,
               gpointer user_data)
{
    StileTurn *turn = g_new0(StileTurn, 1);

    turn->clock = stile_clock_ref(clock);
    turn->transactions = transactions;
    turn->ops = ops;
    turn->user_data = user_data;
    turn->family = family;
    turn->servers[turn->n_servers++] = *server;
    turn->username = stile_stun_prepare(username);
    turn->password = g_strdup(password);
    turn->backoff = MIN_BACKOFF;
    turn->retry = stile_timer_new(clock, on_retry, turn);
    turn->upkeep = stile_timer_new(clock, on_upkeep, turn);
    turn->requests = g_ptr_array_new();
    stile_turn_peers_init(turn);
    return turn;
}

static void
give_back(StileTurn *turn)
{
    StileTurnRequest *request = stile_turn_request_new(turn, STILE_STUN_REFRESH, NULL);

    request->with_lifetime = TRUE;
    stile_turn_request_send_once(request);
}

void
stile_turn_free(StileTurn *turn)
{
    if (!turn)
        return;
    stile_turn_requests_cancel(turn);
    if (turn->allocated)
        give_back(turn);
    g_ptr_array_unref(turn->requests);
    stile_turn_peers_clear(turn);
    stile_timer_free(turn->retry);
    stile_timer_free(turn->upkeep);
    stile_turn_forget_challenge(turn);
    g_free(turn->error);
    g_free(turn->stream);
    g_free(turn->username);
    g_free(turn->password);
    stile_clock_unref(turn->clock);
    g_free(turn);
}

static void
notify(StileTurn *turn)
{
    if (turn->ops->changed)
        turn->ops->changed(turn->user_data, turn);
}

/* Everything that hangs on the allocation, and what was asked about it. */
static void
drop_allocation(StileTurn *turn)
{
    gint64 now = stile_clock_now(turn->clock);

    if (turn->allocated && now - turn->allocated >= PROVEN)
        turn->backoff = MIN_BACKOFF;
    stile_turn_requests_cancel(turn);
    stile_timer_stop(turn->retry);
    stile_timer_stop(turn->upkeep);
    stile_turn_peers_reset(turn);
    if (turn->allocated) {
        turn->former_relayed = turn->relayed;
        turn->former_mapped = turn->mapped;
    }
    memset(&turn->relayed, 0, sizeof turn->relayed);
    memset(&turn->mapped, 0, sizeof turn->mapped);
    turn->allocated = 0;
    turn->expires = 0;
    turn->refreshing = turn->keeping_alive = turn->cleared = FALSE;
}

static void
forget_former(StileTurn *turn)
{
    memset(&turn->former_relayed, 0, sizeof turn->former_relayed);
    memset(&turn->former_mapped, 0, sizeof turn->former_mapped);
}

/* Back to the server that we were given: what it sent us on to may be gone. */
static void
return_to_first_server(StileTurn *turn)
{
    if (turn->n_servers == 1)
        return;
    turn->n_servers = 1;
    turn->rtt = 0;
    forget_former(turn);
    stile_turn_forget_challenge(turn);
}

/* @error: (transfer full) */
static void
fail(StileTurn *turn, char *error)
{
    gboolean changed = turn->state != STILE_TURN_FAILED || g_strcmp0(turn->error, error) != 0;

    drop_allocation(turn);
    return_to_first_server(turn);
    turn->state = STILE_TURN_FAILED;
    g_free(turn->error);
    turn->error = error;
    stile_timer_set_after(turn->retry, turn->backoff);
    turn->backoff = MIN(turn->backoff * 2, MAX_BACKOFF);
    if (changed)
        notify(turn);
}

void
stile_turn_fail(StileTurn *turn, const char *format, ...)
{
    va_list args;
    char *error;

    va_start(args, format);
    error = g_strdup_vprintf(format, args);
    va_end(args);
    fail(turn, error);
}

/* For those codes whose usual words do not tell a person what to do. */
static const char *
explain(guint code)
{
    switch (code) {
    case 401:
    case 441:
        return "refuses the user name or the password";
    case 437:
        return "still has an allocation for our port that is not ours";
    case 440:
        return "has no relayed addresses of that family";
    case 486:
        return "grants this user no more allocations";
    case 508:
        return "has no capacity left";
    default:
        return "refuses";
    }
}

void
stile_turn_fail_with_words(StileTurn *turn, guint code, const char *words)
{
    g_autofree char *server = stile_turn_server_name(turn);

    if (words && *words)
        stile_turn_fail(turn, "The TURN server %s %s: %s (%u)", server, explain(code), words, code);
    else
        stile_turn_fail(turn, "The TURN server %s %s (%u)", server, explain(code), code);
}

void
stile_turn_lost(StileTurn *turn, guint code, const char *words)
{
    g_autofree char *server = stile_turn_server_name(turn);

    if (stile_clock_now(turn->clock) - turn->allocated < SHORT_LIVED) {
        stile_turn_fail(turn, "The TURN server %s lost our allocation at once: %s (%u)", server,
                        words ? words : "Allocation Mismatch", code);
        return;
    }
    drop_allocation(turn);
    forget_former(turn);
    turn->state = STILE_TURN_ALLOCATING;
    allocate(turn);
    notify(turn);
}

/* A server may send us only to an address of its own kind: not from the internet into our own
 * network, nor to one that nobody can have. */
static gboolean
is_good_alternate(StileTurn *turn, const StileAddress *alternate)
{
    const StileAddress *current = &turn->servers[turn->n_servers - 1];
    StileAddressScope scope = stile_address_scope(alternate);

    if (stile_address_family(alternate) != stile_address_family(current) ||
        stile_address_port(alternate) == 0)
        return FALSE;
    return scope == STILE_ADDRESS_GLOBAL || scope == stile_address_scope(current);
}

static void
follow(StileTurn *turn, const StileStunMessage *response)
{
    g_autofree char *server = stile_turn_server_name(turn);
    g_autofree char *other = NULL;
    StileAddress alternate = {0};

    if (!stile_stun_message_address(response, STILE_STUN_ALTERNATE_SERVER, &alternate)) {
        stile_turn_fail(turn, "The TURN server %s sends us to another one without saying where",
                        server);
        return;
    }
    other = stile_address_to_string(&alternate);
    if (turn->stream) {
        stile_turn_fail(turn, "The TURN server %s sends us to %s, which is followed over UDP only",
                        server, other);
        return;
    }
    if (!is_good_alternate(turn, &alternate)) {
        stile_turn_fail(turn, "The TURN server %s sends us to %s, where we do not go", server,
                        other);
        return;
    }
    /* RFC 8489 §10: not again to one that was tried. */
    for (guint i = 0; i < turn->n_servers; i++)
        if (stile_address_equal(&turn->servers[i], &alternate)) {
            stile_turn_fail(turn, "The TURN servers %s and %s send us back and forth", server,
                            other);
            return;
        }
    if (turn->n_servers == STILE_TURN_MAX_SERVERS) {
        stile_turn_fail(turn, "The TURN server %s sends us on to %s after three others did", server,
                        other);
        return;
    }
    turn->servers[turn->n_servers++] = alternate;
    turn->rtt = 0;
    turn->cleared = FALSE;
    forget_former(turn);
    stile_turn_forget_challenge(turn);
    allocate(turn);
    notify(turn);
}

static void
take_lifetime(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response)
{
    guint32 lifetime;
    gint64 life;

    if (!stile_stun_message_u32(response, STILE_STUN_LIFETIME, &lifetime) || lifetime == 0)
        lifetime = DEFAULT_LIFETIME;
    life = (gint64)MIN(lifetime, MAX_LIFETIME) * G_USEC_PER_SEC;
    turn->expires = stile_clock_real(turn->clock) + life;
    /* At half of it, so that there is time to find a server dead and to try again. */
    turn->refresh_at = request->asked + MAX(life / 2 - MARGIN, life / 4);
}

static void
become_ready(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response)
{
    turn->allocated = MAX(stile_clock_now(turn->clock), 1);
    turn->keepalive_at = request->asked + KEEPALIVE;
    take_lifetime(turn, request, response);
    turn->state = STILE_TURN_READY;
    g_clear_pointer(&turn->error, g_free);
    stile_turn_schedule(turn);
    notify(turn);
}

static void
on_allocated(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response)
{
    StileAddress relayed;

    if (!stile_stun_message_address(response, STILE_STUN_XOR_RELAYED_ADDRESS, &relayed) ||
        stile_address_family(&relayed) != turn->family || stile_address_port(&relayed) == 0) {
        g_autofree char *server = stile_turn_server_name(turn);

        stile_turn_fail(turn, "The TURN server %s gave no relayed address", server);
        return;
    }
    turn->relayed = relayed;
    if (turn->stream ||
        !stile_stun_message_address(response, STILE_STUN_XOR_MAPPED_ADDRESS, &turn->mapped))
        memset(&turn->mapped, 0, sizeof turn->mapped);
    become_ready(turn, request, response);
}

static void
on_resumed(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response, guint code,
           const char *words)
{
    StileAddress relayed = turn->former_relayed, mapped = turn->former_mapped;

    forget_former(turn);
    if (response->class != STILE_STUN_SUCCESS) {
        allocate(turn);
        return;
    }
    turn->relayed = relayed;
    turn->mapped = mapped;
    become_ready(turn, request, response);
}

/* The network changed, or the server was out of sight, and after all we are the same 5-tuple to it:
 * what we had is still ours. */
static void
resume(StileTurn *turn)
{
    stile_turn_request_send(stile_turn_request_new(turn, STILE_STUN_REFRESH, on_resumed));
}

static void
on_cleared(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response, guint code,
           const char *words)
{
    stile_timer_set_after(turn->retry, CLEARING);
}

/* What the server has for our 5-tuple is from an earlier life of ours, whose end it did not hear
 * of: with the same user it can be deleted, so that no new port is needed. */
static void
clear_old_allocation(StileTurn *turn)
{
    StileTurnRequest *request = stile_turn_request_new(turn, STILE_STUN_REFRESH, on_cleared);

    turn->cleared = TRUE;
    request->with_lifetime = TRUE;
    stile_turn_request_send(request);
}

static void
on_allocate_answered(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response,
                     guint code, const char *words)
{
    if (response->class == STILE_STUN_SUCCESS)
        on_allocated(turn, request, response);
    else if (code == 300)
        follow(turn, response);
    else if (code == 437 && stile_address_is_set(&turn->former_relayed))
        resume(turn);
    else if (code == 437 && !turn->cleared)
        clear_old_allocation(turn);
    else
        stile_turn_fail_with_words(turn, code, words);
}

static void
allocate(StileTurn *turn)
{
    stile_turn_request_send(
        stile_turn_request_new(turn, STILE_STUN_ALLOCATE, on_allocate_answered));
}

static void
on_refreshed(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response,
             guint code, const char *words)
{
    turn->refreshing = FALSE;
    if (response->class != STILE_STUN_SUCCESS) {
        stile_turn_fail_with_words(turn, code, words);
        return;
    }
    take_lifetime(turn, request, response);
    stile_turn_schedule(turn);
    notify(turn);
}

static void
refresh(StileTurn *turn)
{
    StileTurnRequest *request = stile_turn_request_new(turn, STILE_STUN_REFRESH, on_refreshed);

    turn->refreshing = TRUE;
    stile_turn_request_send(request);
}

static void
on_kept_alive(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response,
              guint code, const char *words)
{
    StileAddress mapped;

    turn->keeping_alive = FALSE;
    turn->keepalive_at = stile_clock_now(turn->clock) + KEEPALIVE;
    /* Some servers relay but answer no Binding: only a Refresh tells whether this one is gone. */
    if (!response)
        turn->refresh_at = stile_clock_now(turn->clock);
    /* Seen from another address, we are another 5-tuple: nothing from the relay reaches us. */
    if (response && response->class == STILE_STUN_SUCCESS && stile_address_is_set(&turn->mapped) &&
        stile_stun_message_address(response, STILE_STUN_XOR_MAPPED_ADDRESS, &mapped) &&
        !stile_address_equal(&mapped, &turn->mapped)) {
        stile_turn_lost(turn, 437, "the NAT gave us another address");
        return;
    }
    stile_turn_schedule(turn);
}

/* A Binding request rather than an indication, which nobody would answer: it holds the NAT's
 * mapping and tells when that changed or when the server may be gone. */
static void
keep_alive(StileTurn *turn)
{
    StileTurnRequest *request = stile_turn_request_new(turn, STILE_STUN_BINDING, on_kept_alive);

    turn->keeping_alive = TRUE;
    stile_turn_request_send(request);
}

static void
on_upkeep(gpointer user_data)
{
    StileTurn *turn = user_data;
    gint64 now = stile_clock_now(turn->clock);

    if (!turn->refreshing && turn->refresh_at <= now)
        refresh(turn);
    if (!turn->keeping_alive && turn->keepalive_at <= now)
        keep_alive(turn);
    stile_turn_peers_upkeep(turn);
    stile_turn_schedule(turn);
}

void
stile_turn_schedule(StileTurn *turn)
{
    gint64 due;

    if (turn->state != STILE_TURN_READY)
        return;
    due = stile_turn_peers_due(turn);
    if (!turn->refreshing)
        due = MIN(due, turn->refresh_at);
    if (!turn->keeping_alive)
        due = MIN(due, turn->keepalive_at);
    if (due == G_MAXINT64)
        stile_timer_stop(turn->upkeep);
    else
        stile_timer_set(turn->upkeep, due);
}

static void
on_retry(gpointer user_data)
{
    allocate(user_data);
}

void
stile_turn_start(StileTurn *turn)
{
    if (turn->state != STILE_TURN_IDLE)
        return;
    turn->state = STILE_TURN_ALLOCATING;
    allocate(turn);
    notify(turn);
}

void
stile_turn_restart(StileTurn *turn)
{
    drop_allocation(turn);
    return_to_first_server(turn);
    turn->backoff = MIN_BACKOFF;
    turn->rtt = 0;
    turn->state = STILE_TURN_ALLOCATING;
    g_clear_pointer(&turn->error, g_free);
    allocate(turn);
    notify(turn);
}

StileTurnState
stile_turn_state(StileTurn *turn)
{
    return turn->state;
}

StileAddress
stile_turn_server(StileTurn *turn)
{
    return turn->servers[turn->n_servers - 1];
}

StileAddress
stile_turn_relayed(StileTurn *turn)
{
    return turn->relayed;
}

StileAddress
stile_turn_mapped(StileTurn *turn)
{
    return turn->mapped;
}

gint64
stile_turn_expires(StileTurn *turn)
{
    return turn->expires;
}

gint64
stile_turn_rtt(StileTurn *turn)
{
    return turn->rtt;
}

const char *
stile_turn_error(StileTurn *turn)
{
    return turn->error;
}

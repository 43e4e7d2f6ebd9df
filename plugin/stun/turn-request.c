/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/turn-private.h"

#include <string.h>

#define MAX_STALE 3 /* stale nonces in a row, for one request */
#define MAX_CREDENTIALS                                                                            \
    1500 /* user name, realm and nonce: a full batch of peers fits beside them */

/* A Binding that goes unanswered is only a doubt: 7.5 s, then a Refresh finds out. */
static const StileStunPace keepalive_pace = {.max_sends = 4, .last_wait = 8};
/* RFC 8489 §6.2.2: sent once, Ti. */
static const StileStunPace stream_pace = {
    .rto = 39500 * G_TIME_SPAN_MILLISECOND, .max_sends = 1, .last_wait = 1};
static const StileStunPace stream_keepalive_pace = {
    .rto = 7500 * G_TIME_SPAN_MILLISECOND, .max_sends = 1, .last_wait = 1};

StileTurnRequest *
stile_turn_request_new(StileTurn *turn, StileStunMethod method, StileTurnAnswered answered)
{
    StileTurnRequest *request = g_new0(StileTurnRequest, 1);

    request->turn = turn;
    request->method = method;
    request->answered = answered;
    return request;
}

void
stile_turn_request_free(StileTurnRequest *request)
{
    g_free(request);
}

static void
add_attributes(const StileTurnRequest *request, StileStunBuilder *builder)
{
    if (request->method == STILE_STUN_ALLOCATE) {
        stile_stun_builder_u32(builder, STILE_STUN_REQUESTED_TRANSPORT, (guint32)IPPROTO_UDP << 24);
        if (request->turn->family == AF_INET6)
            stile_stun_builder_u32(builder, STILE_STUN_REQUESTED_ADDRESS_FAMILY,
                                   (guint32)STILE_STUN_FAMILY_IPV6 << 24);
    }
    if (request->with_lifetime)
        stile_stun_builder_u32(builder, STILE_STUN_LIFETIME, request->lifetime);
    if (request->channel)
        stile_stun_builder_u32(builder, STILE_STUN_CHANNEL_NUMBER, (guint32)request->channel << 16);
    for (guint i = 0; i < request->n_peers; i++)
        stile_stun_builder_address(builder, STILE_STUN_XOR_PEER_ADDRESS, &request->peers[i]);
}

static gboolean
is_authenticated(const StileTurnRequest *request)
{
    return request->turn->realm && request->method != STILE_STUN_BINDING;
}

/* A new id each time: a request that meets a challenge is another one (RFC 8489 §9.2.5). */
static gsize
build(const StileTurnRequest *request, StileStunBuilder *builder)
{
    StileTurn *turn = request->turn;
    guint8 id[STILE_STUN_ID_SIZE];

    stile_clock_random(turn->clock, id, sizeof id);
    stile_stun_builder_init(builder, STILE_STUN_REQUEST, request->method, id);
    add_attributes(request, builder);
    if (is_authenticated(request)) {
        stile_stun_builder_string(builder, STILE_STUN_USERNAME, turn->username);
        stile_stun_builder_string(builder, STILE_STUN_REALM, turn->realm);
        stile_stun_builder_string(builder, STILE_STUN_NONCE, turn->nonce);
        stile_stun_builder_integrity(builder, turn->key, sizeof turn->key);
    }
    return stile_stun_builder_finish(builder);
}

/* Returns: FALSE when the challenge cannot be met, and nothing is changed then */
static gboolean
take_challenge(StileTurn *turn, const StileStunMessage *response)
{
    g_autofree char *realm = stile_stun_message_string(response, STILE_STUN_REALM);
    g_autofree char *nonce = stile_stun_message_string(response, STILE_STUN_NONCE);

    /* With 438 some servers leave the realm out: it stays. */
    if (!realm)
        realm = g_strdup(turn->realm);
    if (!realm || !nonce ||
        strlen(turn->username) + strlen(realm) + strlen(nonce) > MAX_CREDENTIALS)
        return FALSE;
    g_free(turn->realm);
    g_free(turn->nonce);
    turn->realm = g_steal_pointer(&realm);
    turn->nonce = g_steal_pointer(&nonce);
    stile_stun_long_term_key(turn->username, turn->realm, turn->password, turn->key);
    return TRUE;
}

void
stile_turn_forget_challenge(StileTurn *turn)
{
    g_clear_pointer(&turn->realm, g_free);
    g_clear_pointer(&turn->nonce, g_free);
    memset(turn->key, 0, sizeof turn->key);
}

static void
note_rtt(StileTurn *turn, gint64 rtt)
{
    if (rtt >= 0)
        turn->rtt = turn->rtt ? (7 * turn->rtt + rtt) / 8 : MAX(rtt, 1);
}

static gboolean
is_challenge(const StileTurnRequest *request, guint code)
{
    if (request->method == STILE_STUN_BINDING)
        return FALSE;
    return (code == 401 && !request->challenged) || (code == 438 && request->stale < MAX_STALE);
}

static gboolean
is_refusal(const StileTurnRequest *request, guint code)
{
    if (request->method == STILE_STUN_BINDING)
        return FALSE;
    /* 441 while we have no allocation: the one that is there belongs to somebody else. */
    return code == 401 || code == 438 || (code == 441 && request->turn->allocated);
}

static void
on_done(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from, gint64 rtt)
{
    StileTurnRequest *request = user_data;
    StileTurn *turn = request->turn;
    g_autofree char *server = stile_turn_server_name(turn);
    g_autofree char *words = NULL;
    guint code = response ? stile_stun_message_error(response, &words) : 0;

    request->transaction = NULL;
    g_ptr_array_remove_fast(turn->requests, request);
    note_rtt(turn, rtt);
    if (is_challenge(request, code) && take_challenge(turn, response)) {
        request->challenged |= code == 401;
        request->stale += code == 438;
        stile_turn_request_send(request);
        return;
    }
    if (!response && request->method != STILE_STUN_BINDING)
        stile_turn_fail(turn, "No answer from the TURN server %s", server);
    else if (is_challenge(request, code))
        stile_turn_fail(turn, "The TURN server %s asks for credentials in a way that cannot be met",
                        server);
    else if (is_refusal(request, code))
        stile_turn_fail_with_words(turn, code, words);
    else if (code == 437 && turn->allocated)
        stile_turn_lost(turn, code, words);
    else
        request->answered(turn, request, response, code, words);
    stile_turn_request_free(request);
}

static const StileStunPace *
pace(const StileTurnRequest *request)
{
    gboolean binding = request->method == STILE_STUN_BINDING;

    if (request->turn->stream)
        return binding ? &stream_keepalive_pace : &stream_pace;
    return binding ? &keepalive_pace : NULL;
}

void
stile_turn_request_send(StileTurnRequest *request)
{
    StileTurn *turn = request->turn;
    gboolean authenticated = is_authenticated(request);
    StileEndpoint server = stile_turn_endpoint(turn);
    StileStunTransaction *transaction;
    StileStunBuilder builder;
    gsize size = build(request, &builder);

    g_assert(size > 0);
    request->asked = stile_clock_now(turn->clock);
    g_ptr_array_add(turn->requests, request);
    transaction = stile_stun_transactions_request(
        turn->transactions, &server, builder.data, size, authenticated ? turn->key : NULL,
        authenticated ? sizeof turn->key : 0, pace(request), on_done, request);
    /* Without one it was answered within, and the request is gone. */
    if (transaction)
        request->transaction = transaction;
}

void
stile_turn_request_send_once(StileTurnRequest *request)
{
    StileEndpoint server = stile_turn_endpoint(request->turn);
    StileStunBuilder builder;
    gsize size = build(request, &builder);

    if (size > 0)
        stile_stun_transactions_send(request->turn->transactions, &server, builder.data, size);
    stile_turn_request_free(request);
}

void
stile_turn_requests_cancel(StileTurn *turn)
{
    for (guint i = 0; i < turn->requests->len; i++) {
        StileTurnRequest *request = turn->requests->pdata[i];

        stile_stun_transaction_cancel(request->transaction);
        stile_turn_request_free(request);
    }
    g_ptr_array_set_size(turn->requests, 0);
}

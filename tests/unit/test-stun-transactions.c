/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* STUN transactions under the virtual clock: requests are sent at the times of RFC 8489 §6.2.1 and
 * fail when it says; answers are matched by id and integrity; the round trip follows Karn;
 * callbacks may ask again, cancel, and free the whole. */
#include "stun/transactions.h"

#include <string.h>

#define MS G_TIME_SPAN_MILLISECOND

typedef struct {
    StileClock *clock;
    StileStunTransactions *transactions;
    StileEndpoint server;
    GArray *sent; /* of gint64: when */
    guint8 last[STILE_STUN_MAX_SIZE];
    gsize last_size;
    StileEndpoint last_to;
    guint done;
    guint code; /* of the last answer; 0 for success */
    gboolean answered;
    gint64 rtt;
    StileEndpoint from;
    StileStunTransaction *other;
    gboolean free_all;
    gboolean ask_again;
    gboolean answer_within;
} Fixture;

static StileEndpoint
endpoint(const char *text)
{
    StileEndpoint endpoint = {.kind = STILE_ENDPOINT_UDP};

    g_assert_true(stile_address_parse(&endpoint.remote, text, 0, NULL));
    return endpoint;
}

static void
answer(Fixture *fixture, StileStunClass class, guint code, const char *key, const char *from)
{
    StileStunMessage request, response;
    StileStunBuilder builder;
    StileEndpoint source = endpoint(from);

    g_assert_true(stile_stun_message_parse(&request, fixture->last, fixture->last_size, NULL));
    stile_stun_builder_init(&builder, class, request.method, request.id);
    if (code)
        stile_stun_builder_error(&builder, code, "No");
    if (key)
        stile_stun_builder_integrity(&builder, key, strlen(key));
    g_assert_true(stile_stun_message_parse(&response, builder.data,
                                           stile_stun_builder_finish(&builder), NULL));
    stile_stun_transactions_receive(fixture->transactions, &response, &source);
}

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    Fixture *fixture = user_data;
    gint64 now = stile_clock_now(fixture->clock);

    g_array_append_val(fixture->sent, now);
    memcpy(fixture->last, data, size);
    fixture->last_size = size;
    fixture->last_to = *to;
    if (fixture->answer_within)
        answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->clock = stile_clock_new_virtual(0, 1);
    fixture->transactions = stile_stun_transactions_new(fixture->clock, on_send, fixture);
    fixture->server = endpoint("192.0.2.1:3478");
    fixture->sent = g_array_new(FALSE, FALSE, sizeof(gint64));
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_clear_pointer(&fixture->transactions, stile_stun_transactions_free);
    stile_clock_unref(fixture->clock);
    g_array_unref(fixture->sent);
}

static void on_done(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from,
                    gint64 rtt);

static StileStunTransaction *
ask_method(Fixture *fixture, StileStunMethod method, gboolean with_key, const StileStunPace *pace)
{
    StileStunBuilder builder;
    guint8 id[STILE_STUN_ID_SIZE];

    stile_clock_random(fixture->clock, id, sizeof id);
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, method, id);
    return stile_stun_transactions_request(
        fixture->transactions, &fixture->server, builder.data, stile_stun_builder_finish(&builder),
        with_key ? "a password" : NULL, with_key ? 10 : 0, pace, on_done, fixture);
}

static StileStunTransaction *
ask(Fixture *fixture, gboolean with_key, const StileStunPace *pace)
{
    return ask_method(fixture, STILE_STUN_BINDING, with_key, pace);
}

static void
on_done(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from, gint64 rtt)
{
    Fixture *fixture = user_data;

    fixture->done++;
    fixture->answered = response != NULL;
    fixture->code = response ? stile_stun_message_error(response, NULL) : 0;
    fixture->rtt = rtt;
    g_assert_true((from != NULL) == (response != NULL));
    if (from)
        fixture->from = *from;
    if (fixture->other)
        stile_stun_transaction_cancel(g_steal_pointer(&fixture->other));
    if (fixture->ask_again) {
        fixture->ask_again = FALSE;
        g_assert_nonnull(ask(fixture, FALSE, NULL));
    }
    if (fixture->free_all)
        g_clear_pointer(&fixture->transactions, stile_stun_transactions_free);
}

static void
assert_sent(Fixture *fixture, const gint64 *milliseconds, gsize n)
{
    g_assert_cmpuint(fixture->sent->len, ==, n);
    for (gsize i = 0; i < n; i++)
        g_assert_cmpint(g_array_index(fixture->sent, gint64, i), ==, milliseconds[i] * MS);
}

static void
test_silence(Fixture *fixture, gconstpointer data)
{
    static const gint64 times[] = {0, 500, 1500, 3500, 7500, 15500, 31500};

    ask(fixture, FALSE, NULL);
    stile_clock_advance(fixture->clock, 39500 * MS - 1);
    assert_sent(fixture, times, G_N_ELEMENTS(times));
    g_assert_cmpuint(fixture->done, ==, 0);
    stile_clock_advance(fixture->clock, 1);
    g_assert_cmpuint(fixture->done, ==, 1);
    g_assert_false(fixture->answered);
    stile_clock_advance(fixture->clock, 100000 * MS);
    assert_sent(fixture, times, G_N_ELEMENTS(times));
}

static void
test_pace(Fixture *fixture, gconstpointer data)
{
    static const StileStunPace pace = {.rto = 100 * MS, .max_sends = 3, .last_wait = 2};
    static const gint64 times[] = {0, 100, 300};

    ask(fixture, FALSE, &pace);
    stile_clock_advance(fixture->clock, 499 * MS);
    g_assert_cmpuint(fixture->done, ==, 0);
    stile_clock_advance(fixture->clock, 1 * MS);
    g_assert_cmpuint(fixture->done, ==, 1);
    assert_sent(fixture, times, G_N_ELEMENTS(times));
}

static void
test_karn(Fixture *fixture, gconstpointer data)
{
    ask(fixture, FALSE, NULL);
    stile_clock_advance(fixture->clock, 42 * MS);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    g_assert_true(fixture->answered);
    g_assert_cmpint(fixture->rtt, ==, 42 * MS);

    ask(fixture, FALSE, NULL);
    stile_clock_advance(fixture->clock, 501 * MS);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    g_assert_cmpuint(fixture->done, ==, 2);
    g_assert_cmpint(fixture->rtt, ==, -1);

    /* Once more: it is not ours any longer. */
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    g_assert_cmpuint(fixture->done, ==, 2);
}

/* The owner judges by where an answer came from; the id alone says that it is one. */
static void
test_source(Fixture *fixture, gconstpointer data)
{
    StileEndpoint expected = endpoint("198.51.100.7:9");

    ask(fixture, FALSE, NULL);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "198.51.100.7:9");
    g_assert_true(fixture->answered);
    g_assert_true(stile_endpoint_equal(&fixture->from, &expected));
}

static void
test_not_ours(Fixture *fixture, gconstpointer data)
{
    StileStunBuilder builder;
    StileStunMessage message;
    guint8 id[STILE_STUN_ID_SIZE];

    ask(fixture, FALSE, NULL);
    memcpy(id, fixture->last + 8, sizeof id);
    /* Another method, a request with our id, an id that differs in its last byte. */
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_ALLOCATE, id);
    g_assert_true(stile_stun_message_parse(&message, builder.data, builder.size, NULL));
    g_assert_false(
        stile_stun_transactions_receive(fixture->transactions, &message, &fixture->server));
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    g_assert_true(stile_stun_message_parse(&message, builder.data, builder.size, NULL));
    g_assert_false(
        stile_stun_transactions_receive(fixture->transactions, &message, &fixture->server));
    id[STILE_STUN_ID_SIZE - 1] ^= 1;
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, id);
    g_assert_true(stile_stun_message_parse(&message, builder.data, builder.size, NULL));
    g_assert_false(
        stile_stun_transactions_receive(fixture->transactions, &message, &fixture->server));
    g_assert_cmpuint(fixture->done, ==, 0);
}

static void
test_integrity(Fixture *fixture, gconstpointer data)
{
    static const guint without[] = {401, 438, 300};

    ask(fixture, TRUE, NULL);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    answer(fixture, STILE_STUN_SUCCESS, 0, "another", "192.0.2.1:3478");
    answer(fixture, STILE_STUN_ERROR, 400, NULL, "192.0.2.1:3478");
    answer(fixture, STILE_STUN_ERROR, 437, NULL, "192.0.2.1:3478");
    answer(fixture, STILE_STUN_ERROR, 401, "another", "192.0.2.1:3478");
    g_assert_cmpuint(fixture->done, ==, 0);
    answer(fixture, STILE_STUN_SUCCESS, 0, "a password", "192.0.2.1:3478");
    g_assert_cmpuint(fixture->done, ==, 1);
    g_assert_true(fixture->answered);

    /* TURN's errors need none, but what they have must be right. */
    ask_method(fixture, STILE_STUN_ALLOCATE, TRUE, NULL);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    answer(fixture, STILE_STUN_ERROR, 486, "another", "192.0.2.1:3478");
    g_assert_cmpuint(fixture->done, ==, 1);
    answer(fixture, STILE_STUN_ERROR, 486, NULL, "192.0.2.1:3478");
    g_assert_cmpuint(fixture->code, ==, 486);

    ask(fixture, TRUE, NULL);
    answer(fixture, STILE_STUN_ERROR, 437, "a password", "192.0.2.1:3478");
    g_assert_cmpuint(fixture->code, ==, 437);

    for (gsize i = 0; i < G_N_ELEMENTS(without); i++) {
        ask(fixture, TRUE, NULL);
        answer(fixture, STILE_STUN_ERROR, without[i], NULL, "192.0.2.1:3478");
        g_assert_cmpuint(fixture->done, ==, 4 + i);
        g_assert_cmpuint(fixture->code, ==, without[i]);
    }
}

static void
test_unknown_attribute(Fixture *fixture, gconstpointer data)
{
    StileStunBuilder builder;
    StileStunMessage message;

    ask(fixture, FALSE, NULL);
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, fixture->last + 8);
    stile_stun_builder_u32(&builder, 0x7ffe, 1);
    g_assert_true(stile_stun_message_parse(&message, builder.data, builder.size, NULL));
    g_assert_true(
        stile_stun_transactions_receive(fixture->transactions, &message, &fixture->server));
    g_assert_cmpuint(fixture->done, ==, 1);
    g_assert_false(fixture->answered);
}

static void
test_cancel(Fixture *fixture, gconstpointer data)
{
    StileStunTransaction *transaction = ask(fixture, FALSE, NULL);

    stile_clock_advance(fixture->clock, 600 * MS);
    g_assert_cmpuint(fixture->sent->len, ==, 2);
    stile_stun_transaction_cancel(transaction);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    stile_clock_advance(fixture->clock, 60000 * MS);
    g_assert_cmpuint(fixture->sent->len, ==, 2);
    g_assert_cmpuint(fixture->done, ==, 0);
}

static void
test_cancel_within(Fixture *fixture, gconstpointer data)
{
    fixture->other = ask(fixture, FALSE, NULL);
    ask(fixture, FALSE, NULL);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    g_assert_cmpuint(fixture->done, ==, 1);
    stile_clock_advance(fixture->clock, 60000 * MS);
    g_assert_cmpuint(fixture->done, ==, 1);
}

/* Two that fall due together; the first cancels the second from its callback. */
static void
test_cancel_within_timeout(Fixture *fixture, gconstpointer data)
{
    ask(fixture, FALSE, NULL);
    fixture->other = ask(fixture, FALSE, NULL);
    stile_clock_advance(fixture->clock, 60000 * MS);
    g_assert_cmpuint(fixture->done, ==, 1);
}

static void
test_ask_again_within(Fixture *fixture, gconstpointer data)
{
    fixture->ask_again = TRUE;
    ask(fixture, FALSE, NULL);
    stile_clock_advance(fixture->clock, 39500 * MS);
    g_assert_cmpuint(fixture->done, ==, 1);
    g_assert_cmpuint(fixture->sent->len, ==, 8);
    stile_clock_advance(fixture->clock, 39500 * MS);
    g_assert_cmpuint(fixture->done, ==, 2);
}

static void
test_free_within(Fixture *fixture, gconstpointer data)
{
    fixture->free_all = TRUE;
    ask(fixture, FALSE, NULL);
    ask(fixture, FALSE, NULL);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    g_assert_null(fixture->transactions);
    stile_clock_advance(fixture->clock, 60000 * MS);
    g_assert_cmpuint(fixture->done, ==, 1);
}

static void
test_answer_within_send(Fixture *fixture, gconstpointer data)
{
    fixture->answer_within = TRUE;
    g_assert_null(ask(fixture, FALSE, NULL));
    g_assert_cmpuint(fixture->done, ==, 1);
}

static void
test_stop_sending(Fixture *fixture, gconstpointer data)
{
    StileStunTransaction *transaction = ask(fixture, FALSE, NULL);

    stile_clock_advance(fixture->clock, 100 * MS);
    stile_stun_transaction_stop_sending(transaction);
    stile_clock_advance(fixture->clock, 10000 * MS);
    g_assert_cmpuint(fixture->sent->len, ==, 1);
    answer(fixture, STILE_STUN_SUCCESS, 0, NULL, "192.0.2.1:3478");
    g_assert_true(fixture->answered);
    g_assert_cmpint(fixture->rtt, ==, 10100 * MS);

    stile_stun_transaction_stop_sending(ask(fixture, FALSE, NULL));
    stile_clock_advance(fixture->clock, 39500 * MS);
    g_assert_cmpuint(fixture->done, ==, 2);
    g_assert_false(fixture->answered);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *fixture, gconstpointer data);
    } tests[] = {
        {"/stun/transactions/silence", test_silence},
        {"/stun/transactions/pace", test_pace},
        {"/stun/transactions/karn", test_karn},
        {"/stun/transactions/source", test_source},
        {"/stun/transactions/not-ours", test_not_ours},
        {"/stun/transactions/integrity", test_integrity},
        {"/stun/transactions/unknown-attribute", test_unknown_attribute},
        {"/stun/transactions/cancel", test_cancel},
        {"/stun/transactions/cancel-within", test_cancel_within},
        {"/stun/transactions/cancel-within-timeout", test_cancel_within_timeout},
        {"/stun/transactions/ask-again-within", test_ask_again_within},
        {"/stun/transactions/free-within", test_free_within},
        {"/stun/transactions/answer-within-send", test_answer_within_send},
        {"/stun/transactions/stop-sending", test_stop_sending},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
    return g_test_run();
}

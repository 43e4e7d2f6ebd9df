/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/responder.h"

#include <string.h>

#define SEC ((gint64)1000000)

/* RFC 5780 §7.2 */
#define CHANGE_IP   0x4
#define CHANGE_PORT 0x2

/* A diagnosis asks a hundred times, most of it at once; many members may do so at the same time, as
 * after a power cut. */
#define SOURCE_RATE  40
#define SOURCE_BURST 200
#define ALL_RATE     400
#define ALL_BURST    1000
/* A source shares its count with one in so many others: no list to be filled up from outside. */
#define N_SOURCES 256

/* How long the other answer gets until it is said that it was sent, and how long that is of use */
#define SAY_AFTER   SEC
#define TEST_EXPIRY (10 * SEC)
#define MAX_TESTS   64

/* Below are services that take a datagram of anybody for something else. */
#define LOWEST_PORT 1024

typedef struct {
    gint64 at;
    double left;
} Bucket;

/** A request for an answer from elsewhere. */
typedef struct {
    guint8 id[STILE_STUN_ID_SIZE];
    StileEndpoint from;
    StileNatPort port;
    gint64 at;
    gboolean sent; /* that answer */
    gboolean late; /* it was asked for again when it should have been there */
} Test;

struct _StileNatResponder {
    StileClock *clock;
    guint8 key[STILE_NAT_KEY_SIZE];
    guint8 salt[4]; /* so that nobody can choose with whom to share a count */
    const StileNatResponderOps *ops;
    gpointer user_data;
    Bucket all, sources[N_SOURCES];
    GArray *tests; /* of Test, oldest first */
};

StileNatResponder *
stile_nat_responder_new(StileClock *clock, const guint8 key[STILE_NAT_KEY_SIZE],
                        const StileNatResponderOps *ops, gpointer user_data)
{
    StileNatResponder *responder = g_new0(StileNatResponder, 1);
    gint64 now = stile_clock_now(clock);

    responder->clock = stile_clock_ref(clock);
    memcpy(responder->key, key, sizeof responder->key);
    stile_clock_random(clock, responder->salt, sizeof responder->salt);
    responder->ops = ops;
    responder->user_data = user_data;
    responder->all = (Bucket){now, ALL_BURST};
    for (guint i = 0; i < N_SOURCES; i++)
        responder->sources[i] = (Bucket){now, SOURCE_BURST};
    responder->tests = g_array_new(FALSE, FALSE, sizeof(Test));
    return responder;
}

void
stile_nat_responder_free(StileNatResponder *responder)
{
    if (!responder)
        return;
    g_array_unref(responder->tests);
    stile_clock_unref(responder->clock);
    g_free(responder);
}

/* How often */

static void
fill(Bucket *bucket, gint64 now, guint rate, guint burst)
{
    bucket->left = MIN(bucket->left + (double)(now - bucket->at) * rate / SEC, burst);
    bucket->at = now;
}

static Bucket *
bucket_of(StileNatResponder *responder, const StileAddress *source)
{
    gsize size;
    const guint8 *ip = stile_address_ip(source, &size);
    guint hash = 5381;

    for (gsize i = 0; i < size; i++)
        hash = (hash ^ responder->salt[i % sizeof responder->salt]) * 33 + ip[i];
    return &responder->sources[(hash ^ hash >> 8) % N_SOURCES];
}

static gboolean
may_answer(StileNatResponder *responder, const StileAddress *source)
{
    gint64 now = stile_clock_now(responder->clock);
    Bucket *bucket = bucket_of(responder, source);

    fill(&responder->all, now, ALL_RATE, ALL_BURST);
    fill(bucket, now, SOURCE_RATE, SOURCE_BURST);
    if (responder->all.left < 1 || bucket->left < 1)
        return FALSE;
    responder->all.left--;
    bucket->left--;
    return TRUE;
}

/* Answers */

/* @seen: as what; @other: (nullable). Returns: the size of the response in @builder */
static gsize
write_answer(StileNatResponder *responder, const guint8 id[STILE_STUN_ID_SIZE],
             const StileAddress *seen, const StileAddress *other, StileStunBuilder *builder)
{
    stile_stun_builder_init(builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, id);
    stile_stun_builder_address(builder, STILE_STUN_XOR_MAPPED_ADDRESS, seen);
    if (other)
        stile_stun_builder_address(builder, STILE_STUN_OTHER_ADDRESS, other);
    stile_stun_builder_integrity(builder, responder->key, sizeof responder->key);
    stile_stun_builder_fingerprint(builder);
    return stile_stun_builder_finish(builder);
}

/* Returns: whether it was sent */
static gboolean
answer(StileNatResponder *responder, const guint8 id[STILE_STUN_ID_SIZE], StileNatPort port,
       const StileEndpoint *from, guint16 response_port)
{
    StileAddress to = response_port ? stile_address_with_port(&from->remote, response_port)
                                    : from->remote;
    StileAddress other;
    gboolean has_other = responder->ops->other(responder->user_data, &from->remote, &other);
    StileStunBuilder builder;
    gsize size = write_answer(responder, id, &from->remote, has_other ? &other : NULL, &builder);

    return size > 0 && size <= STILE_NAT_MEMBER_REQUEST_SIZE &&
           responder->ops->send(responder->user_data, port, &from->local, &to, builder.data, size);
}

/* Answers from elsewhere */

static Test *
find_test(StileNatResponder *responder, const guint8 id[STILE_STUN_ID_SIZE])
{
    for (guint i = 0; i < responder->tests->len; i++) {
        Test *test = &g_array_index(responder->tests, Test, i);

        if (memcmp(test->id, id, STILE_STUN_ID_SIZE) == 0)
            return test;
    }
    return NULL;
}

static void
drop_old_tests(StileNatResponder *responder)
{
    gint64 now = stile_clock_now(responder->clock);

    while (responder->tests->len > 0 &&
           g_array_index(responder->tests, Test, 0).at < now - TEST_EXPIRY)
        g_array_remove_index(responder->tests, 0);
}

static void
say_if_sent(StileNatResponder *responder, const Test *test)
{
    if (test->sent && test->late)
        answer(responder, test->id, test->port, &test->from, 0);
}

static void
answer_from_elsewhere(StileNatResponder *responder, StileNatPort port, guint32 change,
                      const StileStunMessage *message, const StileEndpoint *from)
{
    gint64 now = stile_clock_now(responder->clock);
    StileAddress other;
    Test *test;

    drop_old_tests(responder);
    test = find_test(responder, message->id);
    if (!test) {
        Test fresh = {.from = *from, .port = port, .at = now};

        memcpy(fresh.id, message->id, sizeof fresh.id);
        if (responder->tests->len == MAX_TESTS)
            g_array_remove_index(responder->tests, 0);
        g_array_append_val(responder->tests, fresh);
        test = &g_array_index(responder->tests, Test, responder->tests->len - 1);
    } else if (!stile_address_equal(&test->from.remote, &from->remote)) {
        return; /* one request has one sender */
    }
    test->late = now - test->at >= SAY_AFTER;
    if (test->late && test->sent) {
        say_if_sent(responder, test);
    } else if (!(change & CHANGE_IP)) {
        StileNatPort elsewhere = port == STILE_NAT_PORT_FIRST ? STILE_NAT_PORT_SECOND
                                                              : STILE_NAT_PORT_FIRST;

        test->sent = answer(responder, message->id, elsewhere, from, 0);
        say_if_sent(responder, test);
    } else if (responder->ops->other(responder->user_data, &from->remote, &other)) {
        responder->ops->ask(responder->user_data, &from->remote, message->id);
    }
}

void
stile_nat_responder_answered(StileNatResponder *responder, const guint8 id[STILE_STUN_ID_SIZE])
{
    Test *test = find_test(responder, id);

    if (!test || test->sent)
        return;
    test->sent = TRUE;
    say_if_sent(responder, test);
}

gboolean
stile_nat_responder_receive(StileNatResponder *responder, StileNatPort port,
                            const StileStunMessage *message, const StileEndpoint *from)
{
    guint32 change = 0, response_port = 0;

    if (message->class != STILE_STUN_REQUEST || message->method != STILE_STUN_BINDING ||
        !stile_stun_message_check(message, responder->key, sizeof responder->key))
        return FALSE;
    /* What we do not understand gets no answer: a newer Stile will know that of an older one. */
    if (message->n_unknown > 0 || message->size < STILE_NAT_MEMBER_REQUEST_SIZE ||
        !may_answer(responder, &from->remote))
        return TRUE;
    stile_stun_message_u32(message, STILE_STUN_CHANGE_REQUEST, &change);
    stile_stun_message_u32(message, STILE_STUN_RESPONSE_PORT, &response_port);
    response_port >>= 16;
    if (change & (CHANGE_IP | CHANGE_PORT))
        answer_from_elsewhere(responder, port, change, message, from);
    else if (response_port == 0 || response_port >= LOWEST_PORT)
        answer(responder, message->id, port, from, (guint16)response_port);
    return TRUE;
}

gboolean
stile_nat_responder_stand_in(StileNatResponder *responder, const StileAddress *to,
                             const guint8 id[STILE_STUN_ID_SIZE])
{
    static const StileAddress any = {0};
    StileStunBuilder builder;
    gsize size;

    if (stile_address_scope(to) != STILE_ADDRESS_GLOBAL || stile_address_port(to) < LOWEST_PORT ||
        !may_answer(responder, to))
        return FALSE;
    size = write_answer(responder, id, to, NULL, &builder);
    return size > 0 && responder->ops->send(responder->user_data, STILE_NAT_PORT_FIRST, &any, to,
                                            builder.data, size);
}

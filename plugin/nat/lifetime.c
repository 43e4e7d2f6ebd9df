/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/lifetime.h"

#include <string.h>

#define SEC ((gint64)1000000)
/* 2 s × 1.15^41 = 616 s: RFC 4787 §4.3 wants two minutes at least and recommends five. */
#define FIRST_WAIT 2.0
#define RATIO      1.15
#define N_RUNGS    42
/* Of the request that has the server send elsewhere */
#define N_SENDS  3
#define INTERVAL (SEC / 2)
/* The mappings are made one after the other: a router need not take 42 in one moment. */
#define STAGGER (SEC / 50)

typedef enum {
    RUNG_ASKING,
    RUNG_SILENT,
    RUNG_KNOCKING, /* is being sent to */
    RUNG_ALIVE,
    RUNG_DEAD,
    RUNG_LOST, /* the server did not answer: tells nothing */
} RungState;

/** A socket that stays silent for a while, and whether it still hears then. */
typedef struct {
    StileLifetimeTest *test;
    StileProbeSocket *socket; /* NULL: not made yet, or done with */
    StileTimer *timer;
    RungState state;
    StileAddress mapped;
    guint8 id[STILE_STUN_ID_SIZE]; /* of the message that it is to hear */
    guint sent;
} Rung;

struct _StileLifetimeTest {
    StileClock *clock;
    const StileProbeWire *wire;
    gpointer wire_data;
    StileNatServer server;
    gboolean preserves_ports;
    gboolean by_response_port;
    StileProbeSocket *control;
    Rung trial; /* does not wait: whether the server knows RESPONSE-PORT */
    Rung rungs[N_RUNGS];
    StileTimer *stagger;
    guint n_started;
    gboolean ended;
    StileTimer *end;
    guint seconds;
    gboolean at_least;
    StileLifetimeDone done;
    gpointer user_data;
};

/* In seconds */
static double
wait_of(guint rung)
{
    double wait = FIRST_WAIT;

    for (guint i = 0; i < rung; i++)
        wait *= RATIO;
    return wait;
}

static void
on_end(gpointer user_data)
{
    StileLifetimeTest *test = user_data;

    test->done(test->user_data, test->seconds, test->at_least);
}

static void
end(StileLifetimeTest *test, double seconds, gboolean at_least)
{
    if (test->ended)
        return;
    test->ended = TRUE;
    test->seconds = (guint)(seconds + 0.5);
    test->at_least = at_least;
    stile_timer_set_after(test->end, 0);
}

/* The first that is dead decides, as soon as all shorter ones are known. */
static void
judge(StileLifetimeTest *test)
{
    double alive = 0;

    for (guint i = 0; i < N_RUNGS; i++)
        switch (test->rungs[i].state) {
        case RUNG_ALIVE:
            alive = wait_of(i);
            break;
        case RUNG_DEAD:
            end(test, (alive + wait_of(i)) / 2, FALSE);
            return;
        case RUNG_LOST:
            break;
        case RUNG_ASKING:
        case RUNG_SILENT:
        case RUNG_KNOCKING:
            return;
        }
    end(test, alive, alive > 0);
}

static void start_rungs(StileLifetimeTest *test);

static void
settle(Rung *rung, RungState state)
{
    StileLifetimeTest *test = rung->test;

    rung->state = state;
    stile_timer_stop(rung->timer);
    if (rung != &test->trial) {
        judge(test);
        return;
    }
    test->by_response_port = state == RUNG_ALIVE;
    if (test->by_response_port || !test->preserves_ports)
        start_rungs(test);
    else
        end(test, 0, FALSE);
}

static void
on_asked_again(gpointer user_data, StileProbeSocket *socket, const StileNatAnswer *answer)
{
    Rung *rung = user_data;

    if (!answer || !stile_address_is_set(&answer->mapped))
        settle(rung, RUNG_LOST);
    else
        settle(rung, stile_address_equal(&answer->mapped, &rung->mapped) ? RUNG_ALIVE : RUNG_DEAD);
}

static void
have_server_send_to(Rung *rung)
{
    StileLifetimeTest *test = rung->test;
    StileNatQuestion question = stile_nat_question_to(&test->server);
    StileStunBuilder builder;
    gsize size;

    question.response_port = stile_address_port(&rung->mapped);
    size = stile_nat_question_write(&question, rung->id, &builder);
    stile_probe_socket_send(test->control, &question.to, builder.data, size);
}

static void
on_rung_timer(gpointer user_data)
{
    Rung *rung = user_data;
    StileLifetimeTest *test = rung->test;

    if (rung != &test->trial && !test->by_response_port) {
        StileNatQuestion question = stile_nat_question_to(&test->server);

        stile_probe_socket_ask(rung->socket, &question, on_asked_again, rung);
        return;
    }
    rung->state = RUNG_KNOCKING;
    if (rung->sent == N_SENDS) {
        settle(rung, RUNG_DEAD);
        return;
    }
    rung->sent++;
    stile_timer_set_after(rung->timer, INTERVAL);
    have_server_send_to(rung);
}

static void
on_heard(gpointer user_data, StileProbeSocket *socket, const StileStunMessage *message,
         const StileAddress *from)
{
    Rung *rung = user_data;

    if (rung->state == RUNG_KNOCKING && message->class == STILE_STUN_SUCCESS &&
        memcmp(message->id, rung->id, sizeof rung->id) == 0)
        settle(rung, RUNG_ALIVE);
}

static void
on_mapped(gpointer user_data, StileProbeSocket *socket, const StileNatAnswer *answer)
{
    Rung *rung = user_data;

    if (!answer || !stile_address_is_set(&answer->mapped)) {
        settle(rung, RUNG_LOST);
        return;
    }
    rung->state = RUNG_SILENT;
    rung->mapped = answer->mapped;
    stile_timer_set_after(rung->timer,
                          rung == &rung->test->trial
                              ? 0
                              : (gint64)(wait_of((guint)(rung - rung->test->rungs)) * SEC));
}

static void
start(StileLifetimeTest *test, Rung *rung)
{
    StileNatQuestion question = stile_nat_question_to(&test->server);

    rung->socket = stile_probe_socket_new(test->clock, test->wire, test->wire_data,
                                          stile_address_family(&test->server.address), NULL);
    if (!rung->socket) {
        settle(rung, RUNG_LOST);
        return;
    }
    stile_clock_random(test->clock, rung->id, sizeof rung->id);
    stile_probe_socket_set_heard(rung->socket, on_heard, rung);
    stile_probe_socket_ask(rung->socket, &question, on_mapped, rung);
}

static void
on_stagger(gpointer user_data)
{
    StileLifetimeTest *test = user_data;

    start(test, &test->rungs[test->n_started++]);
    if (test->n_started < N_RUNGS && !test->ended)
        stile_timer_set_after(test->stagger, STAGGER);
}

static void
start_rungs(StileLifetimeTest *test)
{
    stile_timer_set_after(test->stagger, 0);
}

StileLifetimeTest *
stile_lifetime_test_new(StileClock *clock, const StileProbeWire *wire, gpointer wire_data,
                        const StileNatServer *server, gboolean preserves_ports,
                        StileLifetimeDone done, gpointer user_data)
{
    StileLifetimeTest *test = g_new0(StileLifetimeTest, 1);

    test->clock = stile_clock_ref(clock);
    test->wire = wire;
    test->wire_data = wire_data;
    test->server = *server;
    test->preserves_ports = preserves_ports;
    test->done = done;
    test->user_data = user_data;
    test->end = stile_timer_new(clock, on_end, test);
    test->stagger = stile_timer_new(clock, on_stagger, test);
    test->trial.test = test;
    test->trial.timer = stile_timer_new(clock, on_rung_timer, &test->trial);
    for (guint i = 0; i < N_RUNGS; i++) {
        test->rungs[i].test = test;
        test->rungs[i].timer = stile_timer_new(clock, on_rung_timer, &test->rungs[i]);
    }
    test->control = stile_probe_socket_new(clock, wire, wire_data,
                                           stile_address_family(&server->address), NULL);
    if (test->control)
        start(test, &test->trial);
    else
        end(test, 0, FALSE);
    return test;
}

static void
rung_clear(Rung *rung)
{
    stile_probe_socket_free(rung->socket);
    stile_timer_free(rung->timer);
}

void
stile_lifetime_test_free(StileLifetimeTest *test)
{
    if (!test)
        return;
    rung_clear(&test->trial);
    for (guint i = 0; i < N_RUNGS; i++)
        rung_clear(&test->rungs[i]);
    stile_probe_socket_free(test->control);
    stile_timer_free(test->stagger);
    stile_timer_free(test->end);
    stile_clock_unref(test->clock);
    g_free(test);
}

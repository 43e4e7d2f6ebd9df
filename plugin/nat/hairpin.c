/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/hairpin.h"

#include <string.h>

#define N_SENDS  4
#define INTERVAL (200 * G_TIME_SPAN_MILLISECOND)

typedef struct {
    StileProbeSocket *socket;
    StileAddress mapped; /* unset until the server told */
    guint8 id[STILE_STUN_ID_SIZE];
} Side;

struct _StileHairpinTest {
    Side sides[2];
    guint n_answers;
    guint sent;
    StileTimer *timer;
    StileHairpinDone done;
    gpointer user_data;
};

const char *
stile_nat_hairpin_to_string(StileNatHairpin hairpin)
{
    switch (hairpin) {
    case STILE_NAT_HAIRPIN_EXTERNAL:
    case STILE_NAT_HAIRPIN_INTERNAL:
        return "yes";
    case STILE_NAT_HAIRPIN_NO:
        return "no";
    case STILE_NAT_HAIRPIN_UNKNOWN:
        break;
    }
    return "unknown";
}

static void
finish(StileHairpinTest *test, StileNatHairpin hairpin)
{
    stile_timer_stop(test->timer);
    test->done(test->user_data, hairpin);
}

static void
send_to(const Side *from, const Side *to)
{
    StileNatQuestion question = {.to = to->mapped};
    StileStunBuilder builder;
    gsize size = stile_nat_question_write(&question, from->id, &builder);

    stile_probe_socket_send(from->socket, &to->mapped, builder.data, size);
}

static void
on_timer(gpointer user_data)
{
    StileHairpinTest *test = user_data;

    if (!stile_address_is_set(&test->sides[0].mapped) ||
        !stile_address_is_set(&test->sides[1].mapped)) {
        finish(test, STILE_NAT_HAIRPIN_UNKNOWN);
        return;
    }
    if (test->sent == N_SENDS) {
        finish(test, STILE_NAT_HAIRPIN_NO);
        return;
    }
    test->sent++;
    stile_timer_set_after(test->timer, INTERVAL);
    send_to(&test->sides[0], &test->sides[1]);
    send_to(&test->sides[1], &test->sides[0]);
}

static void
on_answered(gpointer user_data, StileProbeSocket *socket, const StileNatAnswer *answer)
{
    StileHairpinTest *test = user_data;

    if (answer)
        test->sides[socket == test->sides[1].socket].mapped = answer->mapped;
    if (++test->n_answers == G_N_ELEMENTS(test->sides))
        stile_timer_set_after(test->timer, 0);
}

static void
on_heard(gpointer user_data, StileProbeSocket *socket, const StileStunMessage *message,
         const StileAddress *from)
{
    StileHairpinTest *test = user_data;
    const Side *other = &test->sides[socket == test->sides[0].socket];

    if (test->sent == 0 || memcmp(message->id, other->id, sizeof other->id) != 0)
        return;
    finish(test, stile_address_equal_ip(from, &other->mapped) ? STILE_NAT_HAIRPIN_EXTERNAL
                                                              : STILE_NAT_HAIRPIN_INTERNAL);
}

StileHairpinTest *
stile_hairpin_test_new(StileClock *clock, const StileProbeWire *wire, gpointer wire_data,
                       const StileNatServer *server, StileHairpinDone done, gpointer user_data,
                       GError **error)
{
    g_autoptr(StileHairpinTest) test = g_new0(StileHairpinTest, 1);
    StileNatQuestion question = stile_nat_question_to(server);

    test->timer = stile_timer_new(clock, on_timer, test);
    test->done = done;
    test->user_data = user_data;
    for (guint i = 0; i < G_N_ELEMENTS(test->sides); i++) {
        Side *side = &test->sides[i];

        side->socket = stile_probe_socket_new(clock, wire, wire_data,
                                              stile_address_family(&server->address), error);
        if (!side->socket)
            return NULL;
        stile_clock_random(clock, side->id, sizeof side->id);
        stile_probe_socket_set_heard(side->socket, on_heard, test);
        stile_probe_socket_ask(side->socket, &question, on_answered, test);
    }
    return g_steal_pointer(&test);
}

void
stile_hairpin_test_free(StileHairpinTest *test)
{
    if (!test)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(test->sides); i++)
        stile_probe_socket_free(test->sides[i].socket);
    stile_timer_free(test->timer);
    g_free(test);
}

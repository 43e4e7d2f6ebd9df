/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether UDP gets through, under the virtual clock: found out within a second, asked again when in
 * doubt and while it does not, and servers that never answer are no proof. */
#include "mesh/udp-watch.h"

#include <string.h>

typedef struct {
    StileClock *clock;
    StileStunTransactions *transactions;
    StileUdpWatch *watch;
    StileAddress servers[3];
    gboolean answers[3];
    guint asked;
    guint changes;
} World;

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    World *world = user_data;
    StileStunMessage request, response;
    StileStunBuilder builder;

    world->asked++;
    for (gsize i = 0; i < G_N_ELEMENTS(world->servers); i++) {
        if (!world->answers[i] || !stile_address_equal(&to->remote, &world->servers[i]))
            continue;
        g_assert_true(stile_stun_message_parse(&request, data, size, NULL));
        stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, request.method, request.id);
        g_assert_true(stile_stun_message_parse(&response, builder.data,
                                               stile_stun_builder_finish(&builder), NULL));
        stile_stun_transactions_receive(world->transactions, &response, to);
    }
}

static void
on_changed(gpointer user_data, gboolean blocked)
{
    World *world = user_data;

    g_assert_cmpint(stile_udp_watch_blocked(world->watch), ==, blocked);
    world->changes++;
}

static void
set_up(World *world, gconstpointer data)
{
    static const char *const servers[] = {"192.0.2.1:3478", "192.0.2.2:3478", "[2001:db8::1]:1"};

    memset(world, 0, sizeof *world);
    world->clock = stile_clock_new_virtual(1000 * G_TIME_SPAN_SECOND, 3);
    world->transactions = stile_stun_transactions_new(world->clock, on_send, world);
    world->watch = stile_udp_watch_new(world->clock, world->transactions, on_changed, world);
    for (gsize i = 0; i < G_N_ELEMENTS(servers); i++)
        g_assert_true(stile_address_parse(&world->servers[i], servers[i], 0, NULL));
}

static void
tear_down(World *world, gconstpointer data)
{
    stile_udp_watch_free(world->watch);
    stile_stun_transactions_free(world->transactions);
    stile_clock_unref(world->clock);
}

static void
add(World *world, guint n)
{
    for (guint i = 0; i < n; i++)
        stile_udp_watch_add(world->watch, &world->servers[i]);
}

static void
pass(World *world, gint64 time)
{
    stile_clock_advance(world->clock, time);
}

static void
test_blocked(World *world, gconstpointer data)
{
    add(world, 2);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    pass(world, STILE_UDP_WATCH_PATIENCE);
    g_assert_true(stile_udp_watch_blocked(world->watch));
    g_assert_true(stile_udp_watch_is_sure(world->watch));
    g_assert_cmpuint(world->asked, ==, 6);
    /* It comes back, and that is noticed soon. */
    world->answers[1] = TRUE;
    pass(world, STILE_UDP_WATCH_AGAIN + STILE_UDP_WATCH_PATIENCE);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    g_assert_cmpuint(world->changes, ==, 2);
    /* Then nobody is asked for nothing. */
    world->asked = 0;
    pass(world, 3600 * G_TIME_SPAN_SECOND);
    g_assert_cmpuint(world->asked, ==, 0);
}

static void
test_one_answers(World *world, gconstpointer data)
{
    world->answers[2] = TRUE;
    add(world, 3);
    pass(world, 60 * G_TIME_SPAN_SECOND);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    g_assert_cmpuint(world->changes, ==, 0);
}

static void
test_doubt(World *world, gconstpointer data)
{
    world->answers[0] = TRUE;
    add(world, 1);
    world->answers[0] = FALSE;
    pass(world, 60 * G_TIME_SPAN_SECOND);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    stile_udp_watch_doubt(world->watch);
    pass(world, STILE_UDP_WATCH_PATIENCE);
    g_assert_true(stile_udp_watch_blocked(world->watch));
    /* It may be that server, since it answered here before; not so with two. */
    g_assert_false(stile_udp_watch_is_sure(world->watch));
    add(world, 2);
    pass(world, STILE_UDP_WATCH_PATIENCE);
    g_assert_true(stile_udp_watch_is_sure(world->watch));
    world->answers[0] = world->answers[1] = TRUE;
    pass(world, 10 * G_TIME_SPAN_SECOND);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    /* However often somebody doubts, it asks once in a few seconds; and a doubt is not forgotten
     * because it was asked just before. */
    world->asked = 0;
    for (guint i = 0; i < 100; i++) {
        stile_udp_watch_doubt(world->watch);
        pass(world, 10 * G_TIME_SPAN_MILLISECOND);
    }
    g_assert_cmpuint(world->asked, ==, 2);
    world->answers[0] = world->answers[1] = FALSE;
    stile_udp_watch_doubt(world->watch);
    pass(world, 5 * G_TIME_SPAN_SECOND);
    g_assert_true(stile_udp_watch_blocked(world->watch));
}

/* Some TURN servers relay, but answer no Binding request. */
static void
test_mute_server(World *world, gconstpointer data)
{
    add(world, 1);
    pass(world, STILE_UDP_WATCH_PATIENCE);
    g_assert_true(stile_udp_watch_blocked(world->watch));
    stile_udp_watch_heard(world->watch);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    stile_udp_watch_doubt(world->watch);
    pass(world, 60 * G_TIME_SPAN_SECOND);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    /* In another network it may be another matter. */
    stile_udp_watch_restart(world->watch);
    pass(world, 60 * G_TIME_SPAN_SECOND);
    g_assert_true(stile_udp_watch_blocked(world->watch));
}

static void
test_nobody(World *world, gconstpointer data)
{
    stile_udp_watch_doubt(world->watch);
    stile_udp_watch_restart(world->watch);
    stile_udp_watch_heard(world->watch);
    pass(world, 60 * G_TIME_SPAN_SECOND);
    g_assert_false(stile_udp_watch_blocked(world->watch));
    g_assert_cmpuint(world->changes, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/udp-watch/blocked", World, NULL, set_up, test_blocked, tear_down);
    g_test_add("/udp-watch/one-answers", World, NULL, set_up, test_one_answers, tear_down);
    g_test_add("/udp-watch/doubt", World, NULL, set_up, test_doubt, tear_down);
    g_test_add("/udp-watch/mute-server", World, NULL, set_up, test_mute_server, tear_down);
    g_test_add("/udp-watch/nobody", World, NULL, set_up, test_nobody, tear_down);
    return g_test_run();
}

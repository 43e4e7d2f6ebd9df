/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves that the heap of the peers' timers fires each timer that is set when it is due, and none
 * that was moved or stopped: against a plain table of times. */
#include "tunnel/timers.h"

static void
test_random(void)
{
    StileTimers timers[40];
    gint64 due[40][STILE_N_PEER_TIMERS], now = 0;
    StileTimerHeap heap;
    g_autoptr(GRand) rand = g_rand_new_with_seed(21);
    guint fired = 0;

    stile_timer_heap_init(&heap);
    for (guint i = 0; i < G_N_ELEMENTS(timers); i++) {
        stile_timers_init(&timers[i], &heap, &timers[i]);
        for (guint j = 0; j < STILE_N_PEER_TIMERS; j++)
            due[i][j] = G_MAXINT64;
    }
    for (guint step = 0; step < 20000; step++) {
        guint i = (guint)g_rand_int_range(rand, 0, 40),
              j = (guint)g_rand_int_range(rand, 0, STILE_N_PEER_TIMERS);
        gint64 first = G_MAXINT64;
        StileTimers *owner;
        StilePeerTimer timer;

        switch (g_rand_int_range(rand, 0, 8)) {
        case 0:
            stile_timers_stop(&timers[i], j);
            due[i][j] = G_MAXINT64;
            break;
        case 1:
            stile_timers_clear(&timers[i]);
            for (j = 0; j < STILE_N_PEER_TIMERS; j++)
                due[i][j] = G_MAXINT64;
            break;
        case 2:
            now += g_rand_int_range(rand, 0, 100);
            while ((owner = stile_timer_heap_expire(&heap, now, &timer))) {
                i = (guint)(owner - timers);
                g_assert_cmpint(due[i][timer], <=, now);
                due[i][timer] = G_MAXINT64;
                fired++;
            }
            for (i = 0; i < 40; i++)
                for (j = 0; j < STILE_N_PEER_TIMERS; j++)
                    g_assert_cmpint(due[i][j], >, now);
            break;
        default:
            due[i][j] = now + g_rand_int_range(rand, 0, 500);
            stile_timers_set(&timers[i], j, due[i][j]);
            break;
        }
        for (i = 0; i < 40; i++)
            for (j = 0; j < STILE_N_PEER_TIMERS; j++)
                first = MIN(first, due[i][j]);
        g_assert_cmpint(stile_timer_heap_next(&heap), <=, first);
    }
    g_assert_cmpuint(fired, >, 1000);
    stile_timer_heap_clear(&heap);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/timers/random", test_random);
    return g_test_run();
}

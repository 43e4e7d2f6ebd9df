/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves that the replay window takes each counter once, whatever the order within the window, and
 * none from behind it: by cases at its edges and against a set of all counters seen. */
#include "tunnel/replay.h"

static void
test_edges(void)
{
    StileReplay replay = {0};
    const guint64 far = G_GUINT64_CONSTANT(1) << 40;

    g_assert_true(stile_replay_accept(&replay, 0));
    g_assert_false(stile_replay_accept(&replay, 0));
    g_assert_true(stile_replay_accept(&replay, STILE_REPLAY_WINDOW));
    g_assert_false(stile_replay_accept(&replay, 0)); /* just behind, and seen */
    g_assert_true(stile_replay_accept(&replay, 1));
    g_assert_false(stile_replay_accept(&replay, 1));

    g_assert_true(stile_replay_accept(&replay, far));
    g_assert_false(stile_replay_accept(&replay, far));
    g_assert_false(stile_replay_accept(&replay, far - STILE_REPLAY_WINDOW));
    for (guint64 counter = far - STILE_REPLAY_WINDOW + 1; counter < far; counter++) {
        g_assert_true(stile_replay_accept(&replay, counter));
        g_assert_false(stile_replay_accept(&replay, counter));
    }
    g_assert_false(stile_replay_accept(&replay, STILE_REPLAY_WINDOW + 1));

    g_assert_false(stile_replay_accept(&replay, G_MAXUINT64));
    g_assert_true(stile_replay_accept(&replay, G_MAXUINT64 - 1));
    g_assert_false(stile_replay_accept(&replay, G_MAXUINT64 - 1));
    g_assert_true(stile_replay_accept(&replay, G_MAXUINT64 - 2));
}

static void
test_first_is_late(void)
{
    StileReplay replay = {0};

    g_assert_true(stile_replay_accept(&replay, 8000));
    for (guint64 counter = 0; counter < 8000; counter++)
        g_assert_true(stile_replay_accept(&replay, counter));
    for (guint64 counter = 0; counter <= 8000; counter++)
        g_assert_false(stile_replay_accept(&replay, counter));
}

static void
test_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(6479);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    StileReplay replay = {0};
    gint64 greatest = -1;
    guint taken = 0;

    for (guint i = 0; i < 200000; i++) {
        gint64 near = greatest + g_rand_int_range(rand, -9000, 600), counter = MAX(0, near);
        gboolean expected = counter > greatest - STILE_REPLAY_WINDOW &&
                            !g_hash_table_contains(seen, &counter);

        if (i % 20000 == 19999)
            counter = greatest + g_rand_int_range(rand, 1, 20000), expected = TRUE;
        g_assert_cmpint(stile_replay_accept(&replay, (guint64)counter), ==, expected);
        if (expected) {
            g_hash_table_add(seen, g_memdup2(&counter, sizeof counter));
            greatest = MAX(greatest, counter);
            taken++;
        }
    }
    g_assert_cmpuint(taken, >, 50000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/replay/edges", test_edges);
    g_test_add_func("/tunnel/replay/first-is-late", test_first_is_late);
    g_test_add_func("/tunnel/replay/random", test_random);
    return g_test_run();
}

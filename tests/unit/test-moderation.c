/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves of the moderation of wake-ups, with times of its own making: who is woken seldom never
 * sleeps on, not even for the first of a burst; a stream of small packets is soon done in groups;
 * who was long at work is not held up; and nobody ever sleeps longer than a tenth of a millisecond.
 */
#include "tunnel/moderation.h"

#define START  1000000
#define WORK   5
#define MOST   100
#define SELDOM 1000

typedef struct {
    guint wakes, held;
} Seen;

/* One packet each @gap microseconds, @n of them, each @work to do. Those that come during a pause
 * share the wake-up after it. */
static Seen
stream(StileModeration *moderation, gint64 *now, guint n, gint64 gap, gint64 work)
{
    gint64 free_at = *now;
    Seen seen = {0};

    for (guint i = 0; i < n; i++) {
        gint64 pause;

        *now += gap;
        if (*now < free_at)
            continue;
        stile_moderation_woken(moderation, *now);
        pause = stile_moderation_pause(moderation, *now + work);
        g_assert_cmpint(pause, >=, 0);
        g_assert_cmpint(pause, <=, MOST);
        free_at = *now + work + pause;
        seen.wakes++;
        seen.held += pause > 0;
    }
    return seen;
}

static void
test_seldom(void)
{
    StileModeration moderation;
    gint64 now = START;

    stile_moderation_init(&moderation, now);
    /* Pings, a call, a page: a packet a millisecond. */
    g_assert_cmpuint(stream(&moderation, &now, 1000, SELDOM, WORK).held, ==, 0);
    /* A request and what answers it. */
    for (guint i = 0; i < 100; i++) {
        g_assert_cmpuint(stream(&moderation, &now, 2, 20, WORK).held, ==, 0);
        g_assert_cmpuint(stream(&moderation, &now, 2, 600, WORK).held, ==, 0);
    }
}

static void
test_stream(void)
{
    StileModeration moderation;
    gint64 now = START;
    Seen seen;

    stile_moderation_init(&moderation, now);
    seen = stream(&moderation, &now, 10000, 10, WORK);
    g_assert_cmpuint(seen.wakes, <, 10000 / 5);
    g_assert_cmpuint(seen.wakes, >, 10000 / 12);
    /* When it is over, all is as before. */
    stream(&moderation, &now, 10, SELDOM, WORK);
    g_assert_cmpuint(stream(&moderation, &now, 100, SELDOM, WORK).held, ==, 0);
}

static void
test_long_work(void)
{
    StileModeration moderation;
    gint64 now = START;

    stile_moderation_init(&moderation, now);
    stream(&moderation, &now, 1000, 10, WORK);
    /* A full tunnel: the next packets wait when a turn is over. */
    for (guint i = 0; i < 100; i++) {
        now += 120;
        stile_moderation_woken(&moderation, now);
        g_assert_cmpint(stile_moderation_pause(&moderation, now + 120), ==, 0);
    }
}

/* The machine slept, or the clock is not what it was. */
static void
test_jumps(void)
{
    StileModeration moderation;
    gint64 now = START;

    stile_moderation_init(&moderation, now);
    stream(&moderation, &now, 1000, 10, WORK);
    now += G_GINT64_CONSTANT(1) << 40;
    stream(&moderation, &now, 1000, 10, WORK);
    stream(&moderation, &now, 1000, 0, 0);
    /* Back, in between and before a pause. */
    now -= G_GINT64_CONSTANT(1) << 40;
    stream(&moderation, &now, 1, 0, -1000);
    stream(&moderation, &now, 10, SELDOM, WORK);
    g_assert_cmpuint(stream(&moderation, &now, 100, SELDOM, WORK).held, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/moderation/seldom", test_seldom);
    g_test_add_func("/moderation/stream", test_stream);
    g_test_add_func("/moderation/long-work", test_long_work);
    g_test_add_func("/moderation/jumps", test_jumps);
    return g_test_run();
}

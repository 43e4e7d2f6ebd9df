/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/*
 * Timers stand in a sorted sequence. A real clock has one timerfd on CLOCK_BOOTTIME, set to the
 * first of them, however many timers there are; a virtual clock is walked by stile_clock_advance().
 *
 * The timerfd is set when the loop is about to wait, not with each timer: most are set again or
 * stopped within the same turn, and one that is due by then needs no timerfd.
 */
struct _StileClock {
    gatomicrefcount refs;
    GSequence *timers; /* of StileTimer, by time */
    int fd;            /* the timerfd; -1 in a virtual clock */
    gint64 armed;      /* what it is set to, or NEVER */
    gboolean firing;
    GSource *source;
    gint64 now; /* virtual */
    gint64 real_offset;
    GRand *rand;
};

#define NEVER G_MAXINT64

typedef struct {
    GSource source;
    StileClock *clock;
} ClockSource;

struct _StileTimer {
    StileClock *clock;
    StileTimerFunc func;
    gpointer user_data;
    gint64 at;
    GSequenceIter *iter; /* NULL: not set */
};

static gint64
read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (gint64)ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000;
}

static int
compare_timers(gconstpointer a, gconstpointer b, gpointer user_data)
{
    gint64 left = ((const StileTimer *)a)->at, right = ((const StileTimer *)b)->at;

    return (left > right) - (left < right);
}

static StileTimer *
first_timer(StileClock *clock)
{
    GSequenceIter *iter = g_sequence_get_begin_iter(clock->timers);

    return g_sequence_iter_is_end(iter) ? NULL : g_sequence_get(iter);
}

static gint64
next_time(StileClock *clock)
{
    StileTimer *first = first_timer(clock);

    return first ? first->at : NEVER;
}

static void
arm(StileClock *clock, gint64 next)
{
    struct itimerspec spec = {0};

    if (clock->armed == next)
        return;
    if (next != NEVER) {
        gint64 at = MAX(next, 1); /* an all-zero time would disarm */

        spec.it_value.tv_sec = at / G_USEC_PER_SEC;
        spec.it_value.tv_nsec = at % G_USEC_PER_SEC * 1000;
    }
    timerfd_settime(clock->fd, TFD_TIMER_ABSTIME, &spec, NULL);
    clock->armed = next;
}

static void
fire(StileTimer *timer)
{
    g_sequence_remove(g_steal_pointer(&timer->iter));
    timer->func(timer->user_data);
}

static gboolean
is_due(StileClock *clock)
{
    gint64 next = next_time(clock);

    /* A loop that a timer's function runs fires no other timer. */
    return !clock->firing && next != NEVER && next <= stile_clock_now(clock);
}

static gboolean
on_prepare(GSource *source, int *timeout)
{
    StileClock *clock = ((ClockSource *)source)->clock;

    *timeout = -1;
    if (is_due(clock))
        return TRUE;
    arm(clock, clock->firing ? NEVER : next_time(clock));
    return FALSE;
}

static gboolean
on_check(GSource *source)
{
    return is_due(((ClockSource *)source)->clock);
}

static gboolean
on_dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    g_autoptr(StileClock) clock = stile_clock_ref(((ClockSource *)source)->clock);
    gint64 now = stile_clock_now(clock);
    StileTimer *timer;

    clock->firing = TRUE;
    /* Only what was due when we began: a timer that sets itself to now must not starve the loop. */
    while ((timer = first_timer(clock)) && timer->at <= now)
        fire(timer);
    clock->firing = FALSE;
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = on_prepare,
    .check = on_check,
    .dispatch = on_dispatch,
};

static StileClock *
clock_alloc(void)
{
    StileClock *clock = g_new0(StileClock, 1);

    g_atomic_ref_count_init(&clock->refs);
    clock->timers = g_sequence_new(NULL);
    clock->fd = -1;
    clock->armed = NEVER;
    return clock;
}

StileClock *
stile_clock_new(GMainContext *context)
{
    StileClock *clock = clock_alloc();

    clock->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    g_assert(clock->fd >= 0);
    clock->source = g_source_new(&source_funcs, sizeof(ClockSource));
    ((ClockSource *)clock->source)->clock = clock;
    g_source_set_static_name(clock->source, "stile-clock");
    /* Else GLib takes the descriptor out of its poll during each dispatch, and wakes itself twice
     * for that. */
    g_source_set_can_recurse(clock->source, TRUE);
    g_source_add_unix_fd(clock->source, clock->fd, G_IO_IN);
    g_source_attach(clock->source, context);
    return clock;
}

StileClock *
stile_clock_new_virtual(gint64 start, guint32 seed)
{
    StileClock *clock = clock_alloc();

    clock->now = start;
    clock->rand = g_rand_new_with_seed(seed);
    return clock;
}

StileClock *
stile_clock_ref(StileClock *clock)
{
    g_atomic_ref_count_inc(&clock->refs);
    return clock;
}

void
stile_clock_unref(StileClock *clock)
{
    if (!g_atomic_ref_count_dec(&clock->refs))
        return;
    if (clock->source) {
        g_source_destroy(clock->source);
        g_source_unref(clock->source);
        close(clock->fd);
    }
    g_clear_pointer(&clock->rand, g_rand_free);
    g_sequence_free(clock->timers);
    g_free(clock);
}

gint64
stile_clock_now(StileClock *clock)
{
    return clock->fd < 0 ? clock->now : read_clock(CLOCK_BOOTTIME);
}

gint64
stile_clock_real(StileClock *clock)
{
    return clock->fd < 0 ? clock->now + clock->real_offset : read_clock(CLOCK_REALTIME);
}

void
stile_clock_set_real(StileClock *clock, gint64 real)
{
    g_return_if_fail(clock->fd < 0);
    clock->real_offset = real - clock->now;
}

void
stile_clock_random(StileClock *clock, void *buffer, gsize size)
{
    guint8 *at = buffer;

    if (clock->rand) {
        for (gsize i = 0; i < size; i++)
            at[i] = (guint8)g_rand_int_range(clock->rand, 0, 256);
        return;
    }
    while (size > 0) {
        gssize got = getrandom(at, size, 0);

        if (got < 0)
            g_assert(errno == EINTR);
        else {
            at += got;
            size -= (gsize)got;
        }
    }
}

void
stile_clock_advance(StileClock *clock, gint64 by)
{
    gint64 end = clock->now + by;
    StileTimer *timer;

    g_return_if_fail(clock->fd < 0 && by >= 0);
    stile_clock_ref(clock);
    while ((timer = first_timer(clock)) && timer->at <= end) {
        clock->now = MAX(clock->now, timer->at);
        fire(timer);
    }
    clock->now = end;
    stile_clock_unref(clock);
}

StileTimer *
stile_timer_new(StileClock *clock, StileTimerFunc func, gpointer user_data)
{
    StileTimer *timer = g_new0(StileTimer, 1);

    timer->clock = stile_clock_ref(clock);
    timer->func = func;
    timer->user_data = user_data;
    return timer;
}

void
stile_timer_free(StileTimer *timer)
{
    if (!timer)
        return;
    stile_timer_stop(timer);
    stile_clock_unref(timer->clock);
    g_free(timer);
}

/* Whether this thread comes by on_prepare() before the loop waits. */
static gboolean
runs_loop(StileClock *clock)
{
    return g_main_context_is_owner(g_source_get_context(clock->source));
}

void
stile_timer_set(StileTimer *timer, gint64 at)
{
    StileClock *clock = timer->clock;

    if (timer->iter)
        g_sequence_remove(timer->iter);
    timer->at = at;
    timer->iter = g_sequence_insert_sorted(clock->timers, timer, compare_timers, NULL);
    if (first_timer(clock) == timer && clock->source && !runs_loop(clock))
        arm(clock, at);
}

void
stile_timer_set_after(StileTimer *timer, gint64 delay)
{
    stile_timer_set(timer, stile_clock_now(timer->clock) + delay);
}

void
stile_timer_stop(StileTimer *timer)
{
    if (timer->iter)
        g_sequence_remove(g_steal_pointer(&timer->iter));
}

gboolean
stile_timer_is_set(StileTimer *timer)
{
    return timer->iter != NULL;
}

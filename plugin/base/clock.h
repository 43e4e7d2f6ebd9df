/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * StileClock:
 *
 * Where state machines take time, timers and randomness from. The real one follows CLOCK_BOOTTIME,
 * which goes on while the machine sleeps (a NAT forgets its mappings meanwhile), and fires timers
 * in a GMainContext. The virtual one is for tests: time passes when the test says so, and
 * randomness comes from a seed, so that an hour takes a millisecond and is the same each time.
 *
 * All times are microseconds. Not thread-safe: one clock, one context.
 */
typedef struct _StileClock StileClock;
typedef struct _StileTimer StileTimer;

/** @context: (nullable): where timers fire; %NULL for the default one */
StileClock *stile_clock_new(GMainContext *context);
/** @start: the first answer of stile_clock_now(); @seed: of the randomness */
StileClock *stile_clock_new_virtual(gint64 start, guint32 seed);
StileClock *stile_clock_ref(StileClock *clock);
void stile_clock_unref(StileClock *clock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileClock, stile_clock_unref)

/** Returns: microseconds since some start; never goes back, includes suspended time */
gint64 stile_clock_now(StileClock *clock);
/** Returns: the wall clock in microseconds since 1970; may jump */
gint64 stile_clock_real(StileClock *clock);
/** Fills @buffer with random bytes, from the kernel or, in a virtual clock, from the seed. */
void stile_clock_random(StileClock *clock, void *buffer, gsize size);

/**
 * stile_clock_advance:
 *
 * Virtual clocks only: lets @by microseconds pass and fires the timers that fall due, in order,
 * each at its own time. A timer set while another fires takes part.
 */
void stile_clock_advance(StileClock *clock, gint64 by);
/** Virtual clocks only: sets what stile_clock_real() answers from now on, running at the same pace.
 */
void stile_clock_set_real(StileClock *clock, gint64 real);

typedef void (*StileTimerFunc)(gpointer user_data);

/**
 * stile_timer_new:
 *
 * A timer that is not set. It keeps a reference to @clock. @func may set, stop and free it.
 */
StileTimer *stile_timer_new(StileClock *clock, StileTimerFunc func, gpointer user_data);
void stile_timer_free(StileTimer *timer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTimer, stile_timer_free)

/** Fires once, when stile_clock_now() reaches @at; replaces an earlier setting. */
void stile_timer_set(StileTimer *timer, gint64 at);
/** The same, @delay microseconds from now. */
void stile_timer_set_after(StileTimer *timer, gint64 delay);
void stile_timer_stop(StileTimer *timer);
gboolean stile_timer_is_set(StileTimer *timer);

G_END_DECLS

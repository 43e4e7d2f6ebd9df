/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * When a thread that is woken for every packet should sleep on: as network cards moderate their
 * interrupts. A packet alone costs a wake-up, a send and its way through the kernel; with those
 * that come within the same 60 microseconds it shares them. Who is woken seldom never waits.
 *
 * A state machine without a clock; times are microseconds.
 */
typedef struct {
    gint64 woken;    /* last */
    gint64 interval; /* between wake-ups, on average */
} StileModeration;

void stile_moderation_init(StileModeration *moderation, gint64 now);
/** The thread was woken, to work. */
void stile_moderation_woken(StileModeration *moderation, gint64 now);
/** Returns: how long the thread should sleep before it waits for more; 0: not at all */
gint64 stile_moderation_pause(const StileModeration *moderation, gint64 now);

G_END_DECLS

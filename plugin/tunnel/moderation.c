/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/moderation.h"

/* The longer, the later a packet of a busy tunnel; the shorter, the more packets of a stream of
 * small ones have a wake-up to themselves, which costs them three times as much (tests/bench). */
#define SHORTEST_INTERVAL 60
/* Below this average they are held apart. */
#define OFTEN (2 * SHORTEST_INTERVAL)
/* A pause counts as no more, so that the average soon knows of what comes after it. */
#define LONGEST_INTERVAL (8 * SHORTEST_INTERVAL)
/* Of the last one in the average. */
#define WEIGHT 8

void
stile_moderation_init(StileModeration *self, gint64 now)
{
    *self = (StileModeration){.woken = now, .interval = LONGEST_INTERVAL};
}

void
stile_moderation_woken(StileModeration *self, gint64 now)
{
    gint64 interval = CLAMP(now - self->woken, 0, LONGEST_INTERVAL);

    self->interval += (interval - self->interval) / WEIGHT;
    self->woken = now;
}

gint64
stile_moderation_pause(const StileModeration *self, gint64 now)
{
    if (self->interval >= OFTEN)
        return 0;
    return CLAMP(self->woken + SHORTEST_INTERVAL - now, 0, SHORTEST_INTERVAL);
}

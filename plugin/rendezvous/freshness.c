/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/freshness.h"

#include <string.h>

static guint64 *
word(StileFreshness *freshness, guint64 counter)
{
    return &freshness->seen[counter % STILE_FRESHNESS_WINDOW / 64];
}

static guint64
bit(guint64 counter)
{
    return G_GUINT64_CONSTANT(1) << counter % 64;
}

gboolean
stile_freshness_accept(StileFreshness *freshness, guint64 life, guint64 counter)
{
    if (counter == 0 || life < freshness->life)
        return FALSE;
    if (life > freshness->life) {
        memset(freshness, 0, sizeof *freshness);
        freshness->life = life;
    }
    if (counter > freshness->newest) {
        if (counter - freshness->newest >= STILE_FRESHNESS_WINDOW)
            memset(freshness->seen, 0, sizeof freshness->seen);
        else
            for (guint64 at = counter; at != freshness->newest; at--)
                *word(freshness, at) &= ~bit(at);
        freshness->newest = counter;
    } else if (freshness->newest - counter >= STILE_FRESHNESS_WINDOW) {
        return FALSE;
    } else if (*word(freshness, counter) & bit(counter)) {
        return FALSE;
    }
    *word(freshness, counter) |= bit(counter);
    return TRUE;
}

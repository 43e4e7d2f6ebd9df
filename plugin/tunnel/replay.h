/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define STILE_REPLAY_BITS 8192
/* One word is being filled anew while the others are full (RFC 6479 §2). */
#define STILE_REPLAY_WINDOW (STILE_REPLAY_BITS - 64)

/**
 * StileReplay:
 *
 * Which counters of a session were seen: a sliding window over the last %STILE_REPLAY_WINDOW, in
 * the form of RFC 6479, which clears words instead of shifting bits. All zeros is a new one.
 */
typedef struct {
    guint64 end; /* one past the greatest counter seen */
    guint64 words[STILE_REPLAY_BITS / 64];
} StileReplay;

/**
 * stile_replay_accept:
 *
 * Call it with counters of authenticated messages only.
 *
 * Returns: %FALSE when @counter was seen before or lies behind the window; else it counts as seen
 */
gboolean stile_replay_accept(StileReplay *replay, guint64 counter);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/replay.h"

#define WORDS G_N_ELEMENTS(((StileReplay *)NULL)->words)

gboolean
stile_replay_accept(StileReplay *replay, guint64 counter)
{
    guint64 word = counter / 64, bit = G_GUINT64_CONSTANT(1) << (counter % 64);

    if (G_UNLIKELY(counter == G_MAXUINT64))
        return FALSE; /* its end could not be written; no session ever gets there */
    if (counter >= replay->end) {
        /* Before the first counter there is nothing to clear: every word is zero. */
        guint64 last = replay->end ? (replay->end - 1) / 64 : 0;
        guint64 fresh = MIN(word - last, WORDS);

        for (guint64 i = 1; i <= fresh; i++)
            replay->words[(last + i) % WORDS] = 0;
        replay->end = counter + 1;
    } else if (replay->end - counter > STILE_REPLAY_WINDOW) {
        return FALSE;
    }
    if (replay->words[word % WORDS] & bit)
        return FALSE;
    replay->words[word % WORDS] |= bit;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"

G_BEGIN_DECLS

typedef struct _StileSession StileSession;
typedef struct _StileTunnelPeer StileTunnelPeer;

/**
 * StileIndexEntry:
 * @session: %NULL when the index stands for a handshake that we began
 *
 * What one of our receiver indices stands for. Part of the session or handshake that it names.
 */
typedef struct {
    guint32 index;
    StileTunnelPeer *peer;
    StileSession *session;
} StileIndexEntry;

/**
 * StileIndex:
 *
 * Finds the entry for the receiver index in a message. Indices are random, so that they tell
 * nothing about how many sessions there are and cannot be guessed.
 */
typedef struct {
    GHashTable *entries;
} StileIndex;

void stile_index_init(StileIndex *index);
void stile_index_clear(StileIndex *index);
/** Gives @entry an unused number and adds it; @entry stays the caller's. */
void stile_index_add(StileIndex *index, StileIndexEntry *entry, StileClock *clock);
/** @entry takes over the number of @from, which is no longer in the index. */
void stile_index_replace(StileIndex *index, StileIndexEntry *from, StileIndexEntry *entry);
void stile_index_remove(StileIndex *index, StileIndexEntry *entry);
/** Returns: (transfer none) (nullable): */
StileIndexEntry *stile_index_find(const StileIndex *index, guint32 number);

G_END_DECLS

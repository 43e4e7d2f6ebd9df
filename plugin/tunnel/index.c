/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/index.h"

void
stile_index_init(StileIndex *index)
{
    index->entries = g_hash_table_new(g_direct_hash, g_direct_equal);
}

void
stile_index_clear(StileIndex *index)
{
    g_clear_pointer(&index->entries, g_hash_table_unref);
}

void
stile_index_add(StileIndex *index, StileIndexEntry *entry, StileClock *clock)
{
    do
        stile_clock_random(clock, &entry->index, sizeof entry->index);
    while (stile_index_find(index, entry->index));
    g_hash_table_insert(index->entries, GUINT_TO_POINTER(entry->index), entry);
}

void
stile_index_replace(StileIndex *index, StileIndexEntry *from, StileIndexEntry *entry)
{
    entry->index = from->index;
    g_hash_table_insert(index->entries, GUINT_TO_POINTER(entry->index), entry);
}

void
stile_index_remove(StileIndex *index, StileIndexEntry *entry)
{
    /* Another entry may have taken the number over. */
    if (stile_index_find(index, entry->index) == entry)
        g_hash_table_remove(index->entries, GUINT_TO_POINTER(entry->index));
}

StileIndexEntry *
stile_index_find(const StileIndex *index, guint32 number)
{
    return g_hash_table_lookup(index->entries, GUINT_TO_POINTER(number));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/table.h"

#include "base/address.h"
#include <string.h>

StilePeerStats *
stile_peer_stats_new(void)
{
    StilePeerStats *stats = g_new0(StilePeerStats, 1);

    g_atomic_ref_count_init(&stats->refs);
    return stats;
}

StilePeerStats *
stile_peer_stats_ref(StilePeerStats *stats)
{
    g_atomic_ref_count_inc(&stats->refs);
    return stats;
}

void
stile_peer_stats_unref(StilePeerStats *stats)
{
    if (g_atomic_ref_count_dec(&stats->refs))
        g_free(stats);
}

static void
table_peer_free(gpointer data)
{
    StileTablePeer *peer = data;

    g_array_unref(peer->allowed);
    stile_peer_stats_unref(peer->stats);
    stile_memory_wipe(peer->preshared_key, sizeof peer->preshared_key);
    g_free(peer);
}

StileTable *
stile_table_new(void)
{
    StileTable *table = g_new0(StileTable, 1);

    g_atomic_ref_count_init(&table->refs);
    table->peers = g_ptr_array_new_with_free_func(table_peer_free);
    return table;
}

StileTablePeer *
stile_table_add(StileTable *table, const guint8 public_key[STILE_KEY_SIZE], StilePeerStats *stats)
{
    StileTablePeer *peer = g_new0(StileTablePeer, 1);

    memcpy(peer->public_key, public_key, STILE_KEY_SIZE);
    peer->allowed = g_array_new(FALSE, FALSE, sizeof(StilePrefix));
    peer->stats = stats ? stile_peer_stats_ref(stats) : stile_peer_stats_new();
    g_ptr_array_add(table->peers, peer);
    return peer;
}

StileTable *
stile_table_ref(StileTable *table)
{
    g_atomic_ref_count_inc(&table->refs);
    return table;
}

void
stile_table_unref(StileTable *table)
{
    if (!g_atomic_ref_count_dec(&table->refs))
        return;
    g_ptr_array_unref(table->peers);
    g_free(table);
}

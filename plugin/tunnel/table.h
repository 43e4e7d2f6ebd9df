/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/keys.h"
#include "io/endpoint.h"

G_BEGIN_DECLS

/**
 * StilePeerStats:
 *
 * What the data plane counts for one peer, read by anybody at any time: each field is written by
 * the data-plane thread alone with relaxed atomics (stile_stat_add(), stile_stat_set()), and is
 * good by itself. Shared by reference between the tables and whoever shows it.
 */
typedef struct {
    gatomicrefcount refs;
    guint64 rx_bytes, tx_bytes;     /* of tunnelled packets, without our overhead */
    guint64 rx_packets, tx_packets; /* the same, keepalives not counted */
    gint64 last_rx, last_tx;        /* stile_clock_now() of the last authenticated packet, of the
                                       last data packet sent; 0 for never */
    gint64 last_handshake;          /* stile_clock_real(); 0 for never */
    guint64 dropped;                /* for this peer: no session, queue full, replay */
} StilePeerStats;

StilePeerStats *stile_peer_stats_new(void);
StilePeerStats *stile_peer_stats_ref(StilePeerStats *stats);
void stile_peer_stats_unref(StilePeerStats *stats);

#define stile_stat_add(field, value) __atomic_fetch_add(&(field), (value), __ATOMIC_RELAXED)
#define stile_stat_set(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
#define stile_stat_get(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)

/**
 * StileTablePeer:
 * @allowed: of StilePrefix: WireGuard's AllowedIPs
 * @path: where its packets go. Kind NONE: to where its last authenticated packet came from, as
 * plain WireGuard roams
 * @second_path: kind NONE, or where a copy of everything goes as well, while @path is in doubt
 * @persistent_keepalive: seconds, 0 for off
 */
typedef struct {
    guint8 public_key[STILE_KEY_SIZE];
    guint8 preshared_key[STILE_KEY_SIZE];
    GArray *allowed;
    StileEndpoint path;
    StileEndpoint second_path;
    guint16 persistent_keepalive;
    StilePeerStats *stats;
} StileTablePeer;

/**
 * StileTable:
 *
 * Who the peers are and which way each is reached: made by the main thread, immutable once handed
 * to the data plane, replaced as a whole.
 */
typedef struct {
    gatomicrefcount refs;
    GPtrArray *peers; /* of StileTablePeer */
} StileTable;

StileTable *stile_table_new(void);
/** Returns: (transfer none): the new entry, to fill in before the table is handed over */
StileTablePeer *stile_table_add(StileTable *table, const guint8 public_key[STILE_KEY_SIZE],
                                StilePeerStats *stats);
StileTable *stile_table_ref(StileTable *table);
void stile_table_unref(StileTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTable, stile_table_unref)

G_END_DECLS

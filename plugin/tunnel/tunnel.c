/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/tunnel.h"

#include "tunnel/peer.h"
#include <string.h>

StileTunnel *
stile_tunnel_new(StileClock *clock, const guint8 private_key[STILE_KEY_SIZE],
                 const StileTunnelOps *ops, gpointer user_data)
{
    StileTunnel *tunnel = g_new0(StileTunnel, 1);

    tunnel->clock = stile_clock_ref(clock);
    tunnel->ops = *ops;
    tunnel->user_data = user_data;
    memcpy(tunnel->self.private_key, private_key, STILE_KEY_SIZE);
    stile_x25519_public(private_key, tunnel->self.public_key);
    tunnel->table = stile_table_new();
    tunnel->peers = g_hash_table_new_full(stile_key_hash, stile_key_equal, NULL,
                                          (GDestroyNotify)stile_tunnel_peer_free);
    tunnel->allowed = stile_allowed_ips_new();
    stile_index_init(&tunnel->index);
    stile_timer_heap_init(&tunnel->timers);
    stile_cookie_checker_init(&tunnel->checker, clock, tunnel->self.public_key);
    tunnel->ratelimit = stile_ratelimit_new(clock);
    return tunnel;
}

void
stile_tunnel_free(StileTunnel *tunnel)
{
    g_hash_table_unref(tunnel->peers);
    stile_table_unref(tunnel->table);
    stile_allowed_ips_free(tunnel->allowed);
    stile_index_clear(&tunnel->index);
    stile_timer_heap_clear(&tunnel->timers);
    stile_cookie_checker_clear(&tunnel->checker);
    stile_ratelimit_free(tunnel->ratelimit);
    stile_clock_unref(tunnel->clock);
    stile_memory_wipe(&tunnel->self, sizeof tunnel->self);
    g_free(tunnel);
}

static gboolean
is_left_out(gpointer key, gpointer value, gpointer user_data)
{
    return !g_hash_table_contains(user_data, key);
}

void
stile_tunnel_set_table(StileTunnel *tunnel, StileTable *table, gint64 now)
{
    g_autoptr(GHashTable) listed = g_hash_table_new(stile_key_hash, stile_key_equal);
    StileTable *before = tunnel->table;

    tunnel->table = stile_table_ref(table);
    stile_allowed_ips_free(tunnel->allowed);
    tunnel->allowed = stile_allowed_ips_new();
    for (guint i = 0; i < table->peers->len; i++) {
        const StileTablePeer *entry = g_ptr_array_index(table->peers, i);
        StileTunnelPeer *peer = stile_tunnel_find(tunnel, entry->public_key);

        if (stile_key_equal(entry->public_key, tunnel->self.public_key) ||
            !g_hash_table_add(listed, (gpointer)entry->public_key))
            continue;
        if (!peer) {
            static const StileTablePeer nothing;

            peer = stile_tunnel_peer_new(tunnel, entry);
            peer->entry = &nothing;
            g_hash_table_insert(tunnel->peers, peer->public_key, peer);
        }
        stile_tunnel_peer_update(peer, entry, now);
        for (guint j = 0; j < entry->allowed->len; j++)
            stile_allowed_ips_insert(tunnel->allowed,
                                     &g_array_index(entry->allowed, StilePrefix, j), peer);
    }
    g_hash_table_foreach_remove(tunnel->peers, is_left_out, listed);
    stile_table_unref(before); /* the peers' entries stood in it until here */
}

gint64
stile_tunnel_tick(StileTunnel *tunnel, gint64 now)
{
    StilePeerTimer timer;
    StileTunnelPeer *peer;

    while ((peer = stile_timer_heap_expire(&tunnel->timers, now, &timer)))
        stile_tunnel_peer_timer(peer, timer, now);
    return stile_tunnel_deadline(tunnel);
}

gint64
stile_tunnel_deadline(StileTunnel *tunnel)
{
    return stile_timer_heap_next(&tunnel->timers);
}

StileTunnelPeer *
stile_tunnel_route(StileTunnel *tunnel, int family, const guint8 *ip)
{
    return stile_allowed_ips_lookup(tunnel->allowed, family, ip);
}

StileTunnelPeer *
stile_tunnel_find(StileTunnel *tunnel, const guint8 public_key[STILE_KEY_SIZE])
{
    return g_hash_table_lookup(tunnel->peers, public_key);
}

const guint8 *
stile_tunnel_peer_key(StileTunnelPeer *peer)
{
    return peer->public_key;
}

StilePeerStats *
stile_tunnel_peer_stats(StileTunnelPeer *peer)
{
    return peer->stats;
}

StileEndpoint
stile_tunnel_peer_endpoint(StileTunnelPeer *peer, StileEndpoint *ret_second)
{
    if (ret_second)
        *ret_second = peer->entry->second_path;
    return peer->entry->path.kind == STILE_ENDPOINT_NONE ? peer->learnt : peer->entry->path;
}

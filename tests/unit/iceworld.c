/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "iceworld.h"

#include <string.h>

#define LIMIT (20 * G_USEC_PER_SEC)

void
ice_world_open(IceWorld *world, guint32 seed, gboolean a_controls, gboolean b_controls)
{
    memset(world, 0, sizeof *world);
    world->clock = stile_clock_new_virtual(G_USEC_PER_SEC, seed);
    world->net = sim_net_new(world->clock, seed);
    sim_stun_new(world->net, "198.51.100.1");
    world->a = ice_peer_new(world->clock, world->net, NULL, "203.0.113.1:50000", a_controls);
    world->b = ice_peer_new(world->clock, world->net, NULL, "203.0.113.2:50000", b_controls);
    sim_end_gather(&world->a->end, NULL);
    sim_end_gather(&world->b->end, NULL);
}

void
ice_world_close(IceWorld *world)
{
    ice_peer_free(world->a);
    ice_peer_free(world->b);
    sim_net_free(world->net);
    stile_clock_unref(world->clock);
}

void
ice_world_connect(IceWorld *world)
{
    ice_peer_introduce(world->a, world->b);
    g_assert_true(ice_peers_connect(world->a, world->b, LIMIT));
}

StileIcePairState
ice_peer_state(IcePeer *peer)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);

    g_assert_cmpuint(pairs->len, ==, 1);
    return ((const StileIcePair *)g_ptr_array_index(pairs, 0))->state;
}

guint
ice_peer_n_pairs(IcePeer *peer)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);

    return pairs->len;
}

gboolean
ice_peer_has_pair_to(IcePeer *peer, const char *ip)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);
    StileAddress address = sim_address(ip);

    for (guint i = 0; i < pairs->len; i++) {
        const StileIcePair *pair = g_ptr_array_index(pairs, i);

        if (stile_address_equal_ip(&pair->remote.address, &address))
            return TRUE;
    }
    return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/mesh-private.h"

/* What makes us reachable comes in several steps, and each presence goes to all. */
#define OFFER_DELAY ((gint64)100 * 1000)

static void
on_changed(gpointer user_data)
{
    StileMesh *mesh = user_data;
    g_autoptr(GArray) servers = stile_stun_members_servers(mesh->stun_members);

    stile_underlay_set_members(mesh->underlay, servers);
    mesh->ops->stun_changed(mesh->user_data);
}

static gboolean
on_send(gpointer user_data, const StileAddress *local, const StileAddress *to, const guint8 *data,
        gsize size)
{
    StileMesh *mesh = user_data;
    StileSocket *socket = stile_underlay_socket(mesh->underlay, stile_address_family(to));

    return socket && stile_socket_send(socket, stile_address_is_set(local) ? local : NULL, to, data,
                                       size) == 0;
}

static void
on_tell(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload, gsize size)
{
    StileMesh *mesh = user_data;
    StilePeer *peer = stile_mesh_find_peer(mesh, device);

    if (peer)
        stile_rendezvous_send(mesh->rendezvous, stile_peer_member(peer), payload, size);
}

static const StileStunMembersOps stun_members_ops = {
    .changed = on_changed,
    .send = on_send,
    .tell = on_tell,
};

static gboolean
is_open(StileNatBehaviour filtering)
{
    return filtering == STILE_NAT_NONE || filtering == STILE_NAT_ENDPOINT_INDEPENDENT;
}

/*
 * Whether others can come in there without our having sent to them. Of an address of our own with
 * no NAT before it that is believed until the diagnosis knows of a firewall: somebody has to be the
 * first. Not of IPv6, where a firewall is the rule.
 */
static gboolean
is_reachable(const StileCandidate *candidate, const StileNatSide *nat, gboolean *ret_direct)
{
    gboolean ipv6 = stile_address_family(&candidate->address) == AF_INET6;

    *ret_direct = candidate->type == STILE_CANDIDATE_HOST;
    if (stile_address_scope(&candidate->address) != STILE_ADDRESS_GLOBAL)
        return FALSE;
    switch (candidate->type) {
    case STILE_CANDIDATE_HOST:
        return is_open(nat->filtering) || (!ipv6 && nat->filtering == STILE_NAT_UNKNOWN);
    case STILE_CANDIDATE_SERVER_REFLEXIVE:
        return candidate->technique == STILE_TECHNIQUE_PORT_MAPPED ||
               candidate->technique == STILE_TECHNIQUE_STATIC ||
               (nat->mapping == STILE_NAT_ENDPOINT_INDEPENDENT && is_open(nat->filtering));
    case STILE_CANDIDATE_PEER_REFLEXIVE:
    case STILE_CANDIDATE_RELAYED:
        break;
    }
    return FALSE;
}

static gboolean
is_listed(const StileAddress *addresses, guint n, const StileAddress *address)
{
    for (guint i = 0; i < n; i++)
        if (stile_address_equal(&addresses[i], address))
            return TRUE;
    return FALSE;
}

static void
on_offer(gpointer user_data)
{
    StileMesh *mesh = user_data;
    const GArray *candidates = stile_underlay_candidates(mesh->underlay);
    StileAddress addresses[STILE_STUN_MAX_OFFERS];
    gboolean direct[STILE_STUN_MAX_OFFERS];
    guint n = 0;

    for (guint i = 0; i < candidates->len && n < STILE_STUN_MAX_OFFERS; i++) {
        const StileCandidate *candidate = &g_array_index(candidates, StileCandidate, i);

        if (!is_reachable(candidate, stile_underlay_nat(mesh->underlay), &direct[n]) ||
            is_listed(addresses, n, &candidate->address))
            continue;
        addresses[n++] = candidate->address;
    }
    if (!stile_stun_members_offer(mesh->stun_members, addresses, direct, n))
        return;
    stile_mesh_announce(mesh);
    stile_mesh_set_active(mesh);
}

void
stile_mesh_start_stun(StileMesh *mesh)
{
    mesh->stun_members = stile_stun_members_new(mesh->clock, mesh->state->network_key,
                                                &stun_members_ops, mesh);
    mesh->offer_timer = stile_timer_new(mesh->clock, on_offer, mesh);
}

void
stile_mesh_offer_soon(StileMesh *mesh)
{
    stile_timer_set_after(mesh->offer_timer, OFFER_DELAY);
}

GArray *
stile_mesh_stun_servers(StileMesh *mesh)
{
    return stile_stun_members_servers(mesh->stun_members);
}

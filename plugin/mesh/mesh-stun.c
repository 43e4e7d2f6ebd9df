/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/mesh-private.h"

/* What makes us reachable comes in several steps, and each presence goes to all. */
#define OFFER_DELAY ((gint64)100 * 1000)

/* Enough to tell the mapping, and one of them may be gone. */
#define MAX_ASKED 3

static gboolean
is_server(const GArray *servers, const StileAddress *address)
{
    for (guint i = 0; i < servers->len; i++)
        if (stile_address_equal_ip(&g_array_index(servers, StileNatServer, i).address, address))
            return TRUE;
    return FALSE;
}

/* As long as no STUN server of the configuration answers. */
static gboolean
needs_members(StileMesh *mesh, const GArray *members)
{
    const GArray *answers = stile_gatherer_reflexives(stile_underlay_gatherer(mesh->underlay));

    for (guint i = 0; i < answers->len; i++)
        if (!is_server(members, &g_array_index(answers, StileReflexive, i).server))
            return FALSE;
    return !mesh->has_stun || stile_underlay_gathered(mesh->underlay);
}

/* A few of them, each member others; of one alone its second port, too, so that there is something
 * to compare. */
static void
ask_members(StileMesh *mesh, const GArray *members)
{
    g_autoptr(GArray) some = g_array_new(FALSE, TRUE, sizeof(StileNatServer));
    StileSocket *socket = stile_underlay_socket(mesh->underlay, AF_INET);
    guint n = members->len, start = 0;

    if (n > MAX_ASKED && socket)
        start = stile_socket_port(socket) % n;
    for (guint i = 0; mesh->by_members && i < MIN(n, MAX_ASKED); i++)
        g_array_append_val(some, g_array_index(members, StileNatServer, (start + i) % n));
    if (some->len == 1 && stile_address_is_set(&g_array_index(some, StileNatServer, 0).second)) {
        StileNatServer second = g_array_index(some, StileNatServer, 0);

        second.address = second.second;
        g_array_append_val(some, second);
    }
    stile_gatherer_set_members(stile_underlay_gatherer(mesh->underlay),
                               (const StileNatServer *)some->data, some->len);
}

void
stile_mesh_ask_members(StileMesh *mesh)
{
    g_autoptr(GArray) members = stile_stun_members_servers(mesh->stun_members);
    gboolean before = mesh->by_members;

    mesh->by_members = needs_members(mesh, members);
    if (mesh->by_members != before)
        ask_members(mesh, members);
}

static void
on_changed(gpointer user_data)
{
    StileMesh *mesh = user_data;
    g_autoptr(GArray) members = stile_stun_members_servers(mesh->stun_members);

    mesh->by_members = needs_members(mesh, members);
    ask_members(mesh, members);
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
stile_mesh_start_stun(StileMesh *mesh, const StileServers *servers)
{
    mesh->has_stun = servers->stun && servers->stun[0];
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

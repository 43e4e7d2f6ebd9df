/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/mesh-private.h"

#include "base/error.h"
#include "io/links.h"
#include <string.h>

#define INTERFACE_PATTERN "stile%d"
#define PRUNE_INTERVAL    ((gint64)60 * 1000000)
/* What the tunnel adds around a packet in the worst case: IPv6 and UDP headers (48), channel data
 * of TURN (4), WireGuard (32). */
#define WORST_OVERHEAD 84
#define MTU_MAX        (1500 - WORST_OVERHEAD)
#define MTU_MIN        1280 /* Linux takes IPv6 off an interface with less */

StilePeer *
stile_mesh_find_peer(StileMesh *mesh, const guint8 device[STILE_KEY_SIZE])
{
    g_autofree char *id = stile_key_to_string(device);

    return g_hash_table_lookup(mesh->peers, id);
}

static void
soon(StileMesh *mesh)
{
    stile_timer_set(mesh->refresh_timer, stile_clock_now(mesh->clock));
}

void
stile_mesh_refresh_soon(StileMesh *mesh)
{
    mesh->refresh_all = TRUE;
    soon(mesh);
}

void
stile_mesh_refresh_peer_soon(StileMesh *mesh, StilePeer *peer)
{
    g_hash_table_add(mesh->to_refresh, peer);
    soon(mesh);
}

/* The ladder's result goes to the data plane and to those who look */

static void
set_table(StileMesh *mesh)
{
    StileTable *table = stile_table_new();
    GHashTableIter iter;
    gpointer peer;

    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        stile_peer_fill_table(peer, table);
    stile_dataplane_set_table(mesh->dataplane, table);
}

static gboolean
is_rerouted(StilePeer *peer)
{
    return stile_peer_connection(peer) &&
           stile_connection_take_rerouted(stile_peer_connection(peer));
}

static void
on_refresh(gpointer user_data)
{
    StileMesh *mesh = user_data;
    StilePeerSurroundings around = {
        .up = TRUE,
        .policy = mesh->policy,
        .mine = stile_underlay_nat(mesh->underlay),
        .has_relay = stile_underlay_relay_ready(mesh->underlay),
        .gateway = stile_underlay_gateway(mesh->underlay),
        .addresses = stile_underlay_addresses(mesh->underlay),
    };
    g_autoptr(GHashTable) to_refresh = g_steal_pointer(&mesh->to_refresh);
    gboolean reroute = mesh->refresh_all;
    GHashTableIter iter;
    gpointer peer;

    mesh->to_refresh = g_hash_table_new(NULL, NULL);
    g_hash_table_iter_init(&iter, mesh->refresh_all ? mesh->peers : to_refresh);
    mesh->refresh_all = FALSE;
    while (g_hash_table_iter_next(&iter, NULL, &peer)) {
        reroute |= is_rerouted(peer);
        stile_peer_refresh(peer, &around);
    }
    if (reroute)
        set_table(mesh);
    mesh->ops->changed(mesh->user_data);
}

/* Connections to peers */

static gboolean
on_connection_signal(gpointer user_data, const guint8 *payload, gsize size)
{
    StilePeer *peer = user_data;
    StileMesh *mesh = stile_peer_mesh(peer);

    return stile_rendezvous_send(mesh->rendezvous, stile_peer_member(peer), payload, size);
}

static gboolean
on_connection_permit(gpointer user_data, const StileAddress *remote)
{
    StilePeer *peer = user_data;
    StileMesh *mesh = stile_peer_mesh(peer);

    /* The tunnel must not run through itself. */
    if (stile_prefix_contains(&mesh->state->subnet4, remote) ||
        stile_prefix_contains(&mesh->state->subnet6, remote))
        return FALSE;
    stile_underlay_permit(mesh->underlay, remote);
    return TRUE;
}

static void
on_connection_forget(gpointer user_data, const StileAddress *remote)
{
    StilePeer *peer = user_data;
    StileMesh *mesh = stile_peer_mesh(peer);

    stile_underlay_forget(mesh->underlay, remote);
}

static guint16
on_connection_channel(gpointer user_data, const StileAddress *server, const StileAddress *remote)
{
    StilePeer *peer = user_data;
    StileMesh *mesh = stile_peer_mesh(peer);

    return stile_underlay_channel(mesh->underlay, server, remote);
}

static void
on_connection_changed(gpointer user_data)
{
    StilePeer *peer = user_data;
    StileMesh *mesh = stile_peer_mesh(peer);
    StileConnection *connection = stile_peer_connection(peer);
    const StileConnectionWay *first = connection ? stile_connection_first(connection) : NULL;

    stile_mesh_refresh_peer_soon(mesh, peer);
    if (connection &&
        (!first || first->way.kind == STILE_WAY_BROKER || stile_connection_second(connection)))
        stile_underlay_doubt_udp(mesh->underlay);
    /* One side begins the handshake as soon as there is any way, not only when a packet waits: one
     * that was here all the time still has a session, which the other has forgotten. */
    if (connection && stile_connection_first(connection) &&
        stile_connection_is_strange(connection) &&
        memcmp(stile_roster_self(mesh->roster)->device, stile_peer_member(peer)->device,
               STILE_KEY_SIZE) > 0) {
        on_refresh(mesh);
        stile_dataplane_handshake(mesh->dataplane, stile_peer_member(peer)->tunnel);
    }
}

static void
on_connection_measured(gpointer user_data)
{
    stile_peer_measured(user_data);
}

static const StileConnectionOps connection_ops = {
    .signal = on_connection_signal,
    .permit = on_connection_permit,
    .forget = on_connection_forget,
    .channel = on_connection_channel,
    .changed = on_connection_changed,
    .measured = on_connection_measured,
};

void
stile_mesh_open_connection(StileMesh *mesh, StilePeer *peer)
{
    const StileCertificate *self = stile_roster_self(mesh->roster);
    gboolean controlling = memcmp(self->device, stile_peer_member(peer)->device, STILE_KEY_SIZE) >
                           0;
    const GArray *candidates = stile_underlay_candidates(mesh->underlay);
    StileConnection *connection = stile_connection_new(
        mesh->clock, stile_underlay_transactions(mesh->underlay), controlling,
        stile_peer_stats(peer), &connection_ops, peer);

    stile_peer_set_connection(peer, connection);
    stile_connection_set_policy(connection, mesh->policy);
    stile_connection_set_nat(connection, stile_underlay_nat(mesh->underlay));
    stile_connection_set_nat64(connection, stile_underlay_nat64(mesh->underlay));
    for (guint i = 0; i < candidates->len; i++)
        stile_connection_add_local(connection, &g_array_index(candidates, StileCandidate, i));
    stile_connection_set_gathered(connection, stile_underlay_gathered(mesh->underlay));
    stile_mesh_tell_broker(mesh, peer, connection, NULL);
    stile_mesh_set_active(mesh);
    stile_mesh_refresh_peer_soon(mesh, peer);
}

/* A peer that is gone and that no way leads to is not tried any longer; it begins anew when its
 * presence comes back. */
static void
on_prune(gpointer user_data)
{
    StileMesh *mesh = user_data;
    GHashTableIter iter;
    gpointer peer;
    gboolean pruned = FALSE;

    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        if (!stile_peer_online(peer) && stile_peer_connection(peer) &&
            !stile_connection_first(stile_peer_connection(peer))) {
            stile_peer_set_connection(peer, NULL);
            pruned = TRUE;
        }
    if (pruned) {
        stile_mesh_set_active(mesh);
        stile_mesh_refresh_soon(mesh);
    }
    stile_timer_set_after(mesh->prune_timer, PRUNE_INTERVAL);
}

void
stile_mesh_connect(StileMesh *mesh, StilePeer *peer)
{
    if (stile_peer_connection(peer))
        stile_connection_probe(stile_peer_connection(peer));
    else
        stile_mesh_open_connection(mesh, peer);
}

guint
stile_mesh_count_connections(StileMesh *mesh)
{
    GHashTableIter iter;
    gpointer peer;
    guint count = 0;

    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        count += stile_peer_connection(peer) != NULL;
    return count;
}

void
stile_mesh_set_active(StileMesh *mesh)
{
    stile_underlay_set_active(mesh->underlay,
                              stile_mesh_count_connections(mesh) > 0 ||
                                  stile_stun_members_offers(mesh->stun_members)->len > 0);
}

void
stile_mesh_for_each_connection(StileMesh *mesh, StileConnectionFunc func, gconstpointer data)
{
    GHashTableIter iter;
    gpointer peer;

    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        if (stile_peer_connection(peer))
            func(mesh, peer, stile_peer_connection(peer), data);
}

void
stile_mesh_tell_broker(StileMesh *mesh, StilePeer *peer, StileConnection *connection,
                       gconstpointer data)
{
    stile_connection_set_broker(
        connection,
        stile_peer_online(peer) &&
            stile_rendezvous_carries(mesh->rendezvous, stile_peer_member(peer)->device));
}

void
stile_mesh_attach_peer(StileMesh *mesh, StilePeer *peer)
{
    const StileMember *member = stile_peer_member(peer);

    stile_peer_set_mesh(peer, mesh);
    g_hash_table_insert(mesh->by_tunnel_key, (gpointer)member->tunnel, peer);
    stile_rendezvous_add_member(mesh->rendezvous, member);
    stile_mesh_refresh_soon(mesh);
}

/* Beginning and end */

/* The largest that goes over this machine's links without being cut up; what lies behind the first
 * router may be smaller still, and then the kernel fragments. */
static guint
choose_mtu(StileMesh *mesh, const StileMeshConfig *config)
{
    guint link = stile_underlay_link_mtu(mesh->underlay);

    if (config->mtu)
        return config->mtu;
    return CLAMP(link, MTU_MIN + WORST_OVERHEAD, MTU_MAX + WORST_OVERHEAD) - WORST_OVERHEAD;
}

static GArray *
prefix_list(const StilePrefix *first, const StilePrefix *second)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(StilePrefix));

    g_array_append_val(list, *first);
    if (stile_address_is_set(&second->address))
        g_array_append_val(list, *second);
    return list;
}

/* Without NetworkManager we give the interface its addresses; the prefix length makes the route. */
static gboolean
configure(StileMesh *mesh, GError **error)
{
    const StileCertificate *self = stile_roster_self(mesh->roster);
    g_autoptr(GArray) addresses = prefix_list(&self->voucher.address4, &self->voucher.address6);
    g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(StilePrefix));

    return stile_link_configure(stile_tun_ifindex(mesh->tun), mesh->mtu, addresses, routes, error);
}

static guint16
port_of(StileMesh *mesh, int family)
{
    StileSocket *socket = stile_underlay_socket(mesh->underlay, family);

    return socket ? stile_socket_port(socket) : 0;
}

static void
start_endpoints(StileMesh *mesh, const char *const *names)
{
    mesh->endpoints = stile_static_endpoints_new(mesh->clock,
                                                 stile_underlay_gatherer(mesh->underlay),
                                                 port_of(mesh, AF_INET), port_of(mesh, AF_INET6));
    stile_static_endpoints_set(mesh->endpoints, names);
}

void
stile_mesh_set_endpoints(StileMesh *mesh, const char *const *names)
{
    stile_static_endpoints_set(mesh->endpoints, names);
}

StileMesh *
stile_mesh_new(StileClock *clock, StileNetworkState *state, StileRoster *roster, GHashTable *peers,
               const StileMeshConfig *config, const StileMeshOps *ops, gpointer user_data,
               GError **error)
{
    g_autoptr(StileMesh) mesh = g_new0(StileMesh, 1);
    GHashTableIter iter;
    gpointer peer;

    mesh->clock = stile_clock_ref(clock);
    mesh->state = state;
    mesh->roster = roster;
    mesh->peers = g_hash_table_ref(peers);
    mesh->ops = ops;
    mesh->user_data = user_data;
    mesh->policy = config->policy;
    mesh->brokers = g_ptr_array_new_with_free_func(stile_mesh_free_broker);
    mesh->by_tunnel_key = g_hash_table_new(stile_key_hash, stile_key_equal);
    mesh->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    mesh->to_refresh = g_hash_table_new(NULL, NULL);
    mesh->refresh_timer = stile_timer_new(clock, on_refresh, mesh);
    mesh->prune_timer = stile_timer_new(clock, on_prune, mesh);

    if (!stile_roster_self(roster)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "The certificate of this machine in “%s” is not valid", state->name);
        return NULL;
    }
    if (!(mesh->tun = stile_tun_new(INTERFACE_PATTERN, error)))
        return NULL;
    mesh->underlay = stile_underlay_new(clock, config->servers, config->policy != STILE_RELAY_NEVER,
                                        config->port, stile_tun_name(mesh->tun),
                                        &stile_mesh_underlay_ops, mesh, error);
    if (!mesh->underlay)
        return NULL;
    mesh->mtu = choose_mtu(mesh, config);
    if (!config->managed && !configure(mesh, error))
        return NULL;
    mesh->dataplane = stile_dataplane_new(mesh->tun, stile_underlay_socket(mesh->underlay, AF_INET),
                                          stile_underlay_socket(mesh->underlay, AF_INET6),
                                          state->tunnel_private, &stile_mesh_dataplane_ops, mesh);
    stile_mesh_start_stun(mesh, config->servers);
    start_endpoints(mesh, config->endpoints);
    stile_mesh_start_rendezvous(mesh, config->servers);
    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        stile_mesh_attach_peer(mesh, peer);
    stile_mesh_announce(mesh);
    stile_mesh_set_lan(mesh, config->lan);
    stile_underlay_start(mesh->underlay);
    stile_mesh_refresh_soon(mesh);
    stile_timer_set_after(mesh->prune_timer, PRUNE_INTERVAL);
    return g_steal_pointer(&mesh);
}

static void
detach_peer(StileMesh *mesh, StilePeer *peer)
{
    const StilePeerSurroundings around = {.up = FALSE};

    stile_peer_set_connection(peer, NULL);
    stile_peer_set_mesh(peer, NULL);
    stile_peer_set_online(peer, FALSE);
    stile_peer_refresh(peer, &around);
}

void
stile_mesh_free(StileMesh *mesh)
{
    GHashTableIter iter;
    gpointer peer;

    if (!mesh)
        return;
    /* The thread first: what it still had to say finds its listeners alive. */
    g_clear_pointer(&mesh->dataplane, stile_dataplane_free);
    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        if (stile_peer_mesh(peer) == mesh)
            detach_peer(mesh, peer);
    g_clear_pointer(&mesh->rendezvous, stile_rendezvous_free);
    g_clear_pointer(&mesh->endpoints, stile_static_endpoints_free);
    g_clear_pointer(&mesh->stun_members, stile_stun_members_free);
    g_clear_pointer(&mesh->underlay, stile_underlay_free);
    g_clear_pointer(&mesh->tun, stile_tun_unref);
    stile_timer_free(mesh->offer_timer);
    stile_timer_free(mesh->refresh_timer);
    stile_timer_free(mesh->prune_timer);
    g_ptr_array_unref(mesh->brokers);
    g_hash_table_unref(mesh->by_tunnel_key);
    g_hash_table_unref(mesh->refused);
    g_hash_table_unref(mesh->to_refresh);
    g_hash_table_unref(mesh->peers);
    stile_clock_unref(mesh->clock);
    g_free(mesh);
}

const char *
stile_mesh_interface(StileMesh *mesh)
{
    return stile_tun_name(mesh->tun);
}

guint
stile_mesh_mtu(StileMesh *mesh)
{
    return mesh->mtu;
}

gboolean
stile_mesh_is_up(StileMesh *mesh)
{
    GHashTableIter iter;
    gpointer peer;

    if (stile_rendezvous_connected(mesh->rendezvous))
        return TRUE;
    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        if (stile_peer_connection(peer) && stile_connection_first(stile_peer_connection(peer)))
            return TRUE;
    return FALSE;
}

GPtrArray *
stile_mesh_relays(StileMesh *mesh)
{
    return stile_underlay_relays(mesh->underlay);
}

static void
tell_policy(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_set_policy(connection, mesh->policy);
}

void
stile_mesh_set_policy(StileMesh *mesh, StileRelayPolicy policy)
{
    mesh->policy = policy;
    stile_mesh_for_each_connection(mesh, tell_policy, NULL);
    stile_mesh_refresh_soon(mesh);
}

void
stile_mesh_set_lan(StileMesh *mesh, gboolean lan)
{
    stile_rendezvous_set_lan(mesh->rendezvous, lan);
}

void
stile_mesh_forget(StileMesh *mesh, StilePeer *peer)
{
    const StileMember *member = stile_peer_member(peer);

    if (stile_peer_mesh(peer) != mesh)
        return;
    stile_rendezvous_erase_presence(mesh->rendezvous, member->device);
    stile_rendezvous_remove_member(mesh->rendezvous, member);
    stile_stun_members_learn(mesh->stun_members, member->device, NULL, 0);
    g_hash_table_remove(mesh->by_tunnel_key, member->tunnel);
    g_hash_table_remove(mesh->to_refresh, peer);
    detach_peer(mesh, peer);
    stile_mesh_refresh_soon(mesh);
}

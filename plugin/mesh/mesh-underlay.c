/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/mesh-private.h"

static void
add_local(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_add_local(connection, data);
}

static void
remove_local(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_remove_local(connection, data);
}

static void
tell_learnt(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_set_nat(connection, stile_underlay_nat(mesh->underlay));
    stile_connection_set_nat64(connection, stile_underlay_nat64(mesh->underlay));
    stile_connection_set_gathered(connection, stile_underlay_gathered(mesh->underlay));
}

static void
tell_refresh(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_refresh(connection);
}

static void
tell_shake(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_shake(connection);
}

static void
on_candidate_added(gpointer user_data, const StileCandidate *candidate)
{
    StileMesh *mesh = user_data;

    stile_mesh_offer_soon(mesh);
    stile_static_endpoints_refresh_soon(mesh->endpoints);
    stile_mesh_for_each_connection(user_data, add_local, candidate);
}

static void
on_candidate_removed(gpointer user_data, const StileCandidate *candidate)
{
    StileMesh *mesh = user_data;

    stile_mesh_offer_soon(mesh);
    stile_static_endpoints_refresh_soon(mesh->endpoints);
    stile_mesh_for_each_connection(user_data, remove_local, candidate);
}

static void
on_learnt(gpointer user_data)
{
    stile_mesh_offer_soon(user_data);
    stile_mesh_ask_members(user_data);
    stile_mesh_for_each_connection(user_data, tell_learnt, NULL);
    stile_mesh_refresh_soon(user_data);
}

static void
on_check(gpointer user_data, const StileStunMessage *message, const StileEndpoint *from)
{
    StileMesh *mesh = user_data;
    GHashTableIter iter;
    gpointer peer;

    g_hash_table_iter_init(&iter, mesh->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer)) {
        StileConnection *connection = stile_peer_connection(peer);

        if (connection && stile_connection_owns(connection, message)) {
            stile_connection_receive(connection, message, from);
            return;
        }
    }
    stile_stun_members_receive(mesh->stun_members, message, from);
}

static void
on_relayed_packet(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size)
{
    StileMesh *mesh = user_data;

    stile_dataplane_inject(mesh->dataplane, from, data, size);
}

static void
tell_probe(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_probe(connection);
}

static void
on_udp_returned(gpointer user_data)
{
    stile_mesh_for_each_connection(user_data, tell_probe, NULL);
}

static void
on_channel(gpointer user_data)
{
    stile_mesh_for_each_connection(user_data, tell_refresh, NULL);
}

static void
on_relay_server(gpointer user_data, const StileAddress *server, gboolean used)
{
    StileMesh *mesh = user_data;

    if (!mesh->dataplane)
        return; /* going down: it was stopped first */
    if (used)
        stile_dataplane_add_relay(mesh->dataplane, server);
    else
        stile_dataplane_remove_relay(mesh->dataplane, server);
    stile_mesh_refresh_soon(mesh);
}

static void
tell_relay(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    stile_connection_permit_again(connection);
}

static void
on_relay_ready(gpointer user_data)
{
    stile_mesh_for_each_connection(user_data, tell_relay, NULL);
    stile_mesh_refresh_soon(user_data);
}

static void
on_relay_added(gpointer user_data, StileRelay *relay)
{
    StileMesh *mesh = user_data;

    mesh->ops->relay_added(mesh->user_data, relay);
}

static void
on_relay_removed(gpointer user_data, StileRelay *relay)
{
    StileMesh *mesh = user_data;

    mesh->ops->relay_removed(mesh->user_data, relay);
}

static void
on_network_changed(gpointer user_data)
{
    StileMesh *mesh = user_data;

    stile_rendezvous_reconnect(mesh->rendezvous);
    stile_static_endpoints_look_up(mesh->endpoints);
    stile_mesh_for_each_connection(mesh, tell_shake, NULL);
    stile_mesh_refresh_soon(mesh);
}

static void
on_readdressed(gpointer user_data)
{
    StileMesh *mesh = user_data;

    mesh->ops->readdressed(mesh->user_data);
}

typedef struct {
    const StileAddress *remote;
    const StileCandidate *candidate;
    gboolean there;
} PeerMapping;

static void
tell_mapped(StileMesh *mesh, StilePeer *peer, StileConnection *connection, gconstpointer data)
{
    const PeerMapping *mapping = data;

    stile_connection_set_mapped(connection, mapping->remote, mapping->candidate, mapping->there);
}

static void
on_peer_mapped(gpointer user_data, const StileAddress *remote, const StileCandidate *candidate,
               gboolean there)
{
    PeerMapping mapping = {remote, candidate, there};

    stile_mesh_for_each_connection(user_data, tell_mapped, &mapping);
}

const StileUnderlayOps stile_mesh_underlay_ops = {
    .peer_mapped = on_peer_mapped,
    .candidate_added = on_candidate_added,
    .candidate_removed = on_candidate_removed,
    .learnt = on_learnt,
    .check = on_check,
    .packet = on_relayed_packet,
    .udp_returned = on_udp_returned,
    .channel = on_channel,
    .relay_server = on_relay_server,
    .relay_ready = on_relay_ready,
    .relay_added = on_relay_added,
    .relay_removed = on_relay_removed,
    .network_changed = on_network_changed,
    .readdressed = on_readdressed,
};

void
stile_mesh_set_nat64(StileMesh *mesh, const StilePrefix *prefix)
{
    stile_underlay_set_nat64(mesh->underlay, prefix);
}

void
stile_mesh_set_filtering(StileMesh *mesh, StileNatBehaviour filtering)
{
    stile_underlay_set_filtering(mesh->underlay, filtering);
}

/* From the data plane */

static void
on_control(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size)
{
    StileMesh *mesh = user_data;

    stile_underlay_control(mesh->underlay, from, data, size);
}

static void
on_carry(gpointer user_data, const guint8 key[STILE_KEY_SIZE], const StileEndpoint *to,
         const guint8 *data, gsize size)
{
    StileMesh *mesh = user_data;
    StilePeer *peer = g_hash_table_lookup(mesh->by_tunnel_key, key);

    if (stile_address_is_set(&to->server))
        stile_underlay_carry(mesh->underlay, to, data, size);
    else if (peer)
        stile_rendezvous_send_packet(mesh->rendezvous, stile_peer_member(peer), data, size);
}

static void
on_handshake(gpointer user_data, const guint8 key[STILE_KEY_SIZE])
{
    StileMesh *mesh = user_data;
    StilePeer *peer = g_hash_table_lookup(mesh->by_tunnel_key, key);

    if (!peer)
        return;
    if (stile_peer_connection(peer))
        stile_connection_greeted(stile_peer_connection(peer));
    stile_mesh_refresh_peer_soon(mesh, peer);
}

static void
on_active(gpointer user_data, const guint8 key[STILE_KEY_SIZE])
{
    StileMesh *mesh = user_data;
    StilePeer *peer = g_hash_table_lookup(mesh->by_tunnel_key, key);

    if (!peer)
        return;
    if (stile_peer_connection(peer))
        stile_connection_refresh(stile_peer_connection(peer));
    else if (stile_peer_online(peer))
        stile_mesh_open_connection(mesh, peer);
}

static void
on_roamed(gpointer user_data, const guint8 key[STILE_KEY_SIZE], const StileEndpoint *from)
{
    /* The checks find every way by themselves, with proof; where a packet came from is only a hint.
     */
    on_active(user_data, key);
}

static void
on_dataplane_failed(gpointer user_data, const GError *error)
{
    StileMesh *mesh = user_data;

    mesh->ops->warning(mesh->user_data, error->message);
}

const StileDataplaneOps stile_mesh_dataplane_ops = {
    .control = on_control,
    .carry = on_carry,
    .roamed = on_roamed,
    .handshake = on_handshake,
    .active = on_active,
    .failed = on_dataplane_failed,
};

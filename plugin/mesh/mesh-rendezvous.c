/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/mesh-private.h"

#include "mesh/identity.h"
#include "mesh/signal.h"
#include <string.h>

/* Peers that come online are connected to at once while they are few, so that the first packet
 * finds the way open; in a large network only those that there is traffic for. */
#define EAGER_PEERS 8

/* Whoever has the network's key can come as any number of strangers. */
#define MAX_REFUSED 256

void
stile_mesh_free_broker(gpointer pointer)
{
    Broker *broker = pointer;

    g_free(broker->url);
    g_free(broker->state);
    g_free(broker);
}

static void
on_broker_state(gpointer user_data, const char *url, gboolean connected, const char *reason)
{
    StileMesh *mesh = user_data;
    Broker *broker = NULL;

    for (guint i = 0; i < mesh->brokers->len && !broker; i++)
        if (strcmp(((Broker *)mesh->brokers->pdata[i])->url, url) == 0)
            broker = mesh->brokers->pdata[i];
    if (!broker) {
        broker = g_new0(Broker, 1);
        broker->url = g_strdup(url);
        g_ptr_array_add(mesh->brokers, broker);
    }
    g_free(broker->state);
    broker->state = g_strdup(reason);
    /* That the way to it broke may be the NAT's doing, which lost its mappings or its address. */
    if (connected && !broker->connected && mesh->underlay)
        stile_underlay_ask(mesh->underlay);
    broker->connected = connected;
    if (mesh->rendezvous)
        stile_mesh_for_each_connection(mesh, stile_mesh_tell_broker, NULL);
    stile_mesh_refresh_soon(mesh);
}

static void
refuse(StileMesh *mesh, const guint8 device[STILE_KEY_SIZE], const GError *error)
{
    g_autofree char *id = stile_key_to_string(device);
    g_autofree char *message = NULL;

    if (g_hash_table_contains(mesh->refused, id) || g_hash_table_size(mesh->refused) >= MAX_REFUSED)
        return;
    message = g_strdup_printf("%s; device %s is not accepted", error->message, id);
    g_hash_table_add(mesh->refused, g_steal_pointer(&id));
    mesh->ops->warning(mesh->user_data, message);
}

static void
take_revocations(StileMesh *mesh, const StilePresence *presence)
{
    if (!presence->revocations ||
        !stile_roster_update_revocations(mesh->roster, presence->revocations,
                                         presence->revocations_size))
        return;
    mesh->ops->revoked(mesh->user_data);
    mesh->ops->save(mesh->user_data);
    stile_mesh_announce(mesh);
}

static void
peer_came(StileMesh *mesh, StilePeer *peer)
{
    stile_peer_set_online(peer, TRUE);
    if (stile_peer_connection(peer))
        stile_mesh_tell_broker(mesh, peer, stile_peer_connection(peer), NULL);
    else if (stile_mesh_count_connections(mesh) < EAGER_PEERS)
        stile_mesh_open_connection(mesh, peer);
    stile_mesh_refresh_peer_soon(mesh, peer);
}

static void
peer_went(StileMesh *mesh, StilePeer *peer)
{
    StileConnection *connection = stile_peer_connection(peer);

    stile_peer_set_online(peer, FALSE);
    stile_stun_members_learn(mesh->stun_members, stile_peer_member(peer)->device, NULL, 0);
    /* Maybe only its broker is gone: a direct way that works goes on working. */
    if (connection) {
        stile_mesh_tell_broker(mesh, peer, connection, NULL);
        stile_connection_shake(connection);
    }
    stile_mesh_refresh_peer_soon(mesh, peer);
}

/* @presence: (out). Returns: (nullable): the peer that it is of; %NULL when it is nobody we accept
 */
static StilePeer *
take_presence(StileMesh *mesh, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
              gsize size, StilePresence *presence)
{
    const StileCertificate *certificate;
    g_autoptr(GError) error = NULL;
    StilePeer *peer;
    gboolean changed;

    if (!stile_presence_parse(presence, payload, size, &error)) {
        refuse(mesh, device, error);
        return NULL;
    }
    certificate = stile_roster_accept(mesh->roster, device, presence->certificate,
                                      presence->certificate_size, &changed, &error);
    if (!certificate) {
        refuse(mesh, device, error);
        return NULL;
    }
    /* Only a member's word about revocations is looked at; it is checked all the same. */
    take_revocations(mesh, presence);
    if (!(certificate = stile_roster_find(mesh->roster, device)))
        return NULL; /* it has just revoked itself */
    if (changed) {
        mesh->ops->save(mesh->user_data);
        stile_mesh_refresh_soon(mesh);
    }
    peer = mesh->ops->peer(mesh->user_data, certificate);
    if (stile_peer_mesh(peer) != mesh)
        stile_mesh_attach_peer(mesh, peer);
    return peer;
}

static void
on_presence(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
            gsize size)
{
    StileMesh *mesh = user_data;
    StilePresence presence;
    StilePeer *peer = payload ? take_presence(mesh, device, payload, size, &presence)
                              : stile_mesh_find_peer(mesh, device);

    if (peer && payload) {
        peer_came(mesh, peer);
        stile_stun_members_learn(mesh->stun_members, device, presence.offers, presence.n_offers);
    } else if (peer) {
        peer_went(mesh, peer);
    }
}

/* Who is away is a member all the same, and what it used is used. */
static void
on_absent(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
          gsize size)
{
    StilePresence presence;
    StilePeer *peer = take_presence(user_data, device, payload, size, &presence);

    if (peer)
        stile_mesh_refresh_peer_soon(user_data, peer);
}

/* Now that everybody has been seen, those who did not come in time are known. */
static void
on_roster_complete(gpointer user_data, const char *url)
{
    StileMesh *mesh = user_data;

    if (!stile_identity_retire_vouchers(mesh->clock, mesh->state))
        return;
    stile_roster_load_revocations(mesh->roster);
    mesh->ops->revoked(mesh->user_data);
    mesh->ops->save(mesh->user_data);
    stile_mesh_announce(mesh);
}

static void
on_message(gpointer user_data, const StileMember *from, const guint8 *payload, gsize size)
{
    StileMesh *mesh = user_data;
    StilePeer *peer = stile_mesh_find_peer(mesh, from->device);

    if (!peer || stile_stun_members_told(mesh->stun_members, from->device, payload, size))
        return;
    if (!stile_peer_connection(peer))
        stile_mesh_open_connection(mesh, peer);
    stile_connection_receive_signal(stile_peer_connection(peer), payload, size);
}

static void
on_carried_packet(gpointer user_data, const guint8 *data, gsize size)
{
    StileMesh *mesh = user_data;
    StileEndpoint from = {.kind = STILE_ENDPOINT_CARRIED};

    stile_dataplane_inject(mesh->dataplane, &from, data, size);
}

static void
on_carries(gpointer user_data, const guint8 device[STILE_KEY_SIZE])
{
    StileMesh *mesh = user_data;
    StilePeer *peer = stile_mesh_find_peer(mesh, device);

    if (!peer || !stile_peer_connection(peer))
        return;
    stile_mesh_tell_broker(mesh, peer, stile_peer_connection(peer), NULL);
    stile_mesh_refresh_peer_soon(mesh, peer);
}

static const StileRendezvousOps rendezvous_ops = {
    .state = on_broker_state,
    .presence = on_presence,
    .roster_complete = on_roster_complete,
    .message = on_message,
    .packet = on_carried_packet,
    .absent = on_absent,
    .carries = on_carries,
};

void
stile_mesh_start_rendezvous(StileMesh *mesh, const StileServers *servers)
{
    mesh->rendezvous = stile_rendezvous_new(mesh->clock, mesh->state->network_key,
                                            mesh->state->device_private,
                                            mesh->state->tunnel_private, &rendezvous_ops, mesh);
    for (gsize i = 0; servers->rendezvous && servers->rendezvous[i]; i++) {
        g_autoptr(GError) error = NULL;

        if (!stile_rendezvous_add_server(mesh->rendezvous, servers->rendezvous[i], &error))
            mesh->ops->warning(mesh->user_data, error->message);
    }
}

GVariant *
stile_mesh_rendezvous(StileMesh *mesh)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ss)"));
    for (guint i = 0; i < mesh->brokers->len; i++) {
        Broker *broker = mesh->brokers->pdata[i];

        g_variant_builder_add(&builder, "(ss)", broker->url, broker->state);
    }
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

void
stile_mesh_announce(StileMesh *mesh)
{
    const GArray *offers = stile_stun_members_offers(mesh->stun_members);
    g_autoptr(GBytes)
        presence = stile_presence_write(mesh->state->certificate, mesh->state->revocations,
                                        (const StileStunOffer *)offers->data, offers->len);
    gsize size;
    const guint8 *data = g_bytes_get_data(presence, &size);

    stile_rendezvous_set_presence(mesh->rendezvous, data, size);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/peer.h"
#include "mesh/roster.h"

G_BEGIN_DECLS

/**
 * StileMesh:
 *
 * A network while it is up: ties the tunnel interface, the underlay, the rendezvous and the data
 * plane to the peers. What outlives it (peers, roster, state) belongs to the StileNetwork.
 */
typedef struct _StileMesh StileMesh;

/**
 * StileMeshConfig:
 * @managed: somebody else gives the interface its addresses and routes
 * @mtu: 0 to find one
 * @lan: whether members on the local network are looked for by mDNS
 * @servers: (transfer none)
 * @endpoints: (transfer none) (nullable): where else we can be reached (mesh/static-endpoints.h)
 * @port: of the shared sockets; 0: any
 */
typedef struct {
    gboolean managed;
    guint mtu;
    StileRelayPolicy policy;
    gboolean lan;
    const StileServers *servers;
    const char *const *endpoints;
    guint16 port;
} StileMeshConfig;

typedef struct {
    /* The peer for a member that was just accepted, made if need be. */
    StilePeer *(*peer)(gpointer user_data, const StileCertificate *certificate);
    /* Members were revoked: peers that the roster does not know any more are to go. */
    void (*revoked)(gpointer user_data);
    /* The state of the network must be written. */
    void (*save)(gpointer user_data);
    /* Other members answer STUN than before. */
    void (*stun_changed)(gpointer user_data);
    /* The list of brokers with their states, or the state of the whole, changed. */
    void (*changed)(gpointer user_data);
    void (*relay_added)(gpointer user_data, StileRelay *relay);
    void (*relay_removed)(gpointer user_data, StileRelay *relay);
    /* Our address on the internet is another one, behind the same router. */
    void (*readdressed)(gpointer user_data);
    /* Something a person should read in the journal. */
    void (*warning)(gpointer user_data, const char *message);
} StileMeshOps;

/**
 * stile_mesh_new:
 * @peers: (transfer none): of StilePeer, by device key in base64: those known from before
 *
 * The interface exists when it returns.
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED
 */
StileMesh *stile_mesh_new(StileClock *clock, StileNetworkState *state, StileRoster *roster,
                          GHashTable *peers, const StileMeshConfig *config, const StileMeshOps *ops,
                          gpointer user_data, GError **error);
/** Tells the others that we are gone, takes the interface away. */
void stile_mesh_free(StileMesh *mesh);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileMesh, stile_mesh_free)

const char *stile_mesh_interface(StileMesh *mesh);
guint stile_mesh_mtu(StileMesh *mesh);
/** Whether somebody can be reached: a broker answers, or a peer does. */
gboolean stile_mesh_is_up(StileMesh *mesh);
/** Returns: (transfer full): a(ss): url, state */
GVariant *stile_mesh_rendezvous(StileMesh *mesh);
/** Returns: (transfer none): of StileRelay */
GPtrArray *stile_mesh_relays(StileMesh *mesh);
void stile_mesh_set_policy(StileMesh *mesh, StileRelayPolicy policy);
void stile_mesh_set_endpoints(StileMesh *mesh, const char *const *names);
void stile_mesh_set_lan(StileMesh *mesh, gboolean lan);

/** Returns: (transfer full): of StileNatServer: the members that answer STUN */
GArray *stile_mesh_stun_servers(StileMesh *mesh);
/** As stile_underlay_set_nat64(). */
void stile_mesh_set_nat64(StileMesh *mesh, const StilePrefix *prefix);
/** What the NAT filters, as far as known. */
void stile_mesh_set_filtering(StileMesh *mesh, StileNatBehaviour filtering);

/** Begins to reach @peer, or tries harder if that has begun. */
void stile_mesh_connect(StileMesh *mesh, StilePeer *peer);
/** The peer is no member any more. */
void stile_mesh_forget(StileMesh *mesh, StilePeer *peer);
/** Says our presence again: the revocation list changed. */
void stile_mesh_announce(StileMesh *mesh);

G_END_DECLS

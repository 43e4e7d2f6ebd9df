/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/mesh.h"
#include "mesh/static-endpoints.h"
#include "mesh/stun-members.h"
#include "mesh/underlay.h"
#include "tunnel/dataplane.h"

G_BEGIN_DECLS

/*
 * What the files of a mesh share: mesh.c (beginning, end, the peers), mesh-rendezvous.c
 * (what comes by the side channel), mesh-stun.c (STUN among the members), mesh-underlay.c (what
 * comes from below: sockets, servers, the data plane).
 */

typedef struct {
    char *url;
    char *state;
    gboolean connected;
} Broker;

struct _StileMesh {
    StileClock *clock;
    StileNetworkState *state;
    StileRoster *roster;
    GHashTable *peers; /* device key in base64 -> StilePeer */
    const StileMeshOps *ops;
    gpointer user_data;
    StileRelayPolicy policy;
    guint mtu;

    StileTun *tun;
    StileUnderlay *underlay;
    StileStaticEndpoints *endpoints;
    StileDataplane *dataplane;
    StileRendezvous *rendezvous;
    GPtrArray *brokers;        /* of Broker */
    GHashTable *by_tunnel_key; /* tunnel key -> StilePeer */
    GHashTable *refused;       /* device keys in base64 that a warning was given for */
    StileStunMembers *stun_members;
    gboolean by_members;       /* they are asked, not the STUN servers of the configuration */
    gboolean has_stun;         /* there are such */
    StileTimer *offer_timer;   /* where we answer STUN is found again */
    StileTimer *refresh_timer; /* tables and what is shown, once a main-loop iteration */
    gboolean refresh_all;
    GHashTable *to_refresh;  /* of StilePeer: these, when not all */
    StileTimer *prune_timer; /* connections to peers that are gone */
};

/* mesh.c */

StilePeer *stile_mesh_find_peer(StileMesh *mesh, const guint8 device[STILE_KEY_SIZE]);
/** What is shown and the data plane's table are derived again, once a main-loop iteration. */
void stile_mesh_refresh_soon(StileMesh *mesh);
/** The same for one peer that is attached: in a large network, all of them are much for one. */
void stile_mesh_refresh_peer_soon(StileMesh *mesh, StilePeer *peer);
void stile_mesh_open_connection(StileMesh *mesh, StilePeer *peer);
guint stile_mesh_count_connections(StileMesh *mesh);
/** Keeps our mappings open while anybody needs them. */
void stile_mesh_set_active(StileMesh *mesh);
/** Makes the mesh know @peer, by name and by key. */
void stile_mesh_attach_peer(StileMesh *mesh, StilePeer *peer);

typedef void (*StileConnectionFunc)(StileMesh *mesh, StilePeer *peer, StileConnection *connection,
                                    gconstpointer data);
void stile_mesh_for_each_connection(StileMesh *mesh, StileConnectionFunc func, gconstpointer data);
/** A StileConnectionFunc: whether the broker can be used to reach the peer. */
void stile_mesh_tell_broker(StileMesh *mesh, StilePeer *peer, StileConnection *connection,
                            gconstpointer data);

/* mesh-rendezvous.c */

void stile_mesh_start_rendezvous(StileMesh *mesh, const StileServers *servers);
void stile_mesh_free_broker(gpointer broker);

/* mesh-stun.c */

void stile_mesh_start_stun(StileMesh *mesh, const StileServers *servers);
/** The STUN servers have been asked: whether members have to be. */
void stile_mesh_ask_members(StileMesh *mesh);
/** Something changed of what makes us reachable for others. */
void stile_mesh_offer_soon(StileMesh *mesh);

/* mesh-underlay.c */

extern const StileUnderlayOps stile_mesh_underlay_ops;
extern const StileDataplaneOps stile_mesh_dataplane_ops;

G_END_DECLS

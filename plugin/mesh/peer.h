/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/certificate.h"
#include "mesh/connection.h"
#include "rendezvous/rendezvous.h"
#include "stile.h"
#include "tunnel/table.h"

G_BEGIN_DECLS

/* The inner side of StilePeer: what a mesh does with it. */

StilePeer *stile_peer_new(const StileCertificate *certificate);
/** A renewed certificate of the same device. */
void stile_peer_set_certificate(StilePeer *peer, const StileCertificate *certificate);
const char *stile_peer_name(StilePeer *peer);
const StileMember *stile_peer_member(StilePeer *peer);
StilePeerStats *stile_peer_stats(StilePeer *peer);
/** Returns: (nullable): the IPv4 address in the tunnel */
const StileAddress *stile_peer_address(StilePeer *peer);

/** Shown as “online”: its presence is on a broker. */
void stile_peer_set_online(StilePeer *peer, gboolean online);
gboolean stile_peer_online(StilePeer *peer);

/** @connection: (nullable) (transfer full): replaces, and frees, the one there is */
void stile_peer_set_connection(StilePeer *peer, StileConnection *connection);
StileConnection *stile_peer_connection(StilePeer *peer);

/** What the mesh has; for methods of the peer that need it. NULL while the network is down. */
void stile_peer_set_mesh(StilePeer *peer, gpointer mesh);
gpointer stile_peer_mesh(StilePeer *peer);

/** Why a peer is as it is: the codes of the contract. */
typedef struct {
    gboolean up; /* the network */
    StileRelayPolicy policy;
    const StileNatSide *mine;
    gboolean has_relay;      /* a relay is ready */
    StileAddress gateway;    /* for advice */
    const GArray *addresses; /* of StileLocalAddress: of this machine */
} StilePeerSurroundings;

/** Derives everything that is shown from the connection and from what is around; notifies. */
void stile_peer_refresh(StilePeer *peer, const StilePeerSurroundings *around);
/** The connection has measured its ways anew: they can be read, nobody is told. */
void stile_peer_measured(StilePeer *peer);
/** Notifies the counters and round-trip times that moved since the last call. */
void stile_peer_tick(StilePeer *peer);

/** Adds the peer to what the data plane is given. */
void stile_peer_fill_table(StilePeer *peer, StileTable *table);

G_END_DECLS

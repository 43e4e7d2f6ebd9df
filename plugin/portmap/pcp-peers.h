/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "portmap/pcp.h"

G_BEGIN_DECLS

/**
 * StilePcpPeers:
 *
 * What a router tells by PCP's PEER opcode (RFC 6887 §12) of the mappings that our own packets make
 * in it: from where each remote address sees us. That is how a peer can be told the port of a
 * symmetric NAT's that is meant for it, where a router maps no port for all. It knows no socket.
 */
typedef struct _StilePcpPeers StilePcpPeers;

/**
 * StilePcpPeersCalls:
 * @changed: @external: (nullable): what @remote sees of us; %NULL: that is not known any more. Told
 *   at every renewal
 */
typedef struct {
    void (*send)(gpointer user_data, const guint8 *data, gsize size);
    void (*changed)(gpointer user_data, const StileAddress *remote, const StileAddress *external);
} StilePcpPeersCalls;

/** @internal: our address and port; @calls: static */
StilePcpPeers *stile_pcp_peers_new(StileClock *clock, const StileAddress *internal,
                                   const StilePcpPeersCalls *calls, gpointer user_data);
/** Gives the mappings back. */
void stile_pcp_peers_free(StilePcpPeers *peers);

/** Asks about @remote, or again; those beyond a bound are ignored. */
void stile_pcp_peers_add(StilePcpPeers *peers, const StileAddress *remote);
void stile_pcp_peers_remove(StilePcpPeers *peers, const StileAddress *remote);
/** Whether to ask at all; at first not. What is known stays so until it expires. */
void stile_pcp_peers_set_wanted(StilePcpPeers *peers, gboolean wanted);
/** The router lost its tables: asks about everything again. */
void stile_pcp_peers_renew(StilePcpPeers *peers);
/** A response of the router's; those that are not to ours are ignored. */
void stile_pcp_peers_receive(StilePcpPeers *peers, const StilePcpResponse *response);

G_END_DECLS

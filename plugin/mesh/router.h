/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/gather.h"

G_BEGIN_DECLS

/**
 * StileRouter:
 *
 * What the routers of our networks open for us: a port mapped to the shared IPv4 socket, and for
 * each IPv6 address a pinhole in the firewall. A mapped address becomes a candidate; a pinhole
 * makes the host candidate that is there already reachable.
 */
typedef struct _StileRouter StileRouter;

/** @candidate: what @remote sees of us, or saw: of use to whoever is there, and to nobody else */
typedef void (*StileRouterPeerFunc)(gpointer user_data, const StileAddress *remote,
                                    const StileCandidate *candidate, gboolean there);

/**
 * stile_router_new:
 * @gatherer: (transfer none): gets the candidates
 * @port4, @port6: of the shared sockets, 0 for none
 */
StileRouter *stile_router_new(StileClock *clock, StileGatherer *gatherer, guint16 port4,
                              guint16 port6, StileRouterPeerFunc peer_mapped, gpointer user_data);
/** Gives everything back. Before the gatherer is freed. */
void stile_router_free(StileRouter *router);

/**
 * stile_router_ask:
 * @links: where the gateways stand
 * @addresses: of StileLocalAddress: ours that may be reached
 * @anew: we are in another network, maybe: what was opened is forgotten
 *
 * Asks for what is missing; what is not wanted any more is given back.
 */
void stile_router_ask(StileRouter *router, StileLinks *links, const GArray *addresses,
                      gboolean anew);

/** A peer's address, as the peer told it: the router may know how we look from there. */
void stile_router_permit(StileRouter *router, const StileAddress *remote);
void stile_router_forget(StileRouter *router, const StileAddress *remote);

G_END_DECLS

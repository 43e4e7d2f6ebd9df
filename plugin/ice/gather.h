/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/candidate.h"
#include "io/links.h"
#include "nat/inquiry.h"
#include "stun/transactions.h"
#include "stun/turn.h"

G_BEGIN_DECLS

/**
 * StileGatherer:
 *
 * The local candidates of one network, gathered once for all its peers because all share one socket
 * per family: host candidates from the links, server-reflexive ones by asking STUN servers from the
 * shared socket, relayed ones from the TURN clients. Goes on for as long as it lives (RFC 8838):
 * asks the STUN servers again every 20 to 25 seconds while stile_gatherer_set_active(), which keeps
 * the mapping open and notices when it changes, and reports what comes and goes.
 */
typedef struct _StileGatherer StileGatherer;

/** The gatherer must not be freed in these. */
typedef struct {
    void (*added)(gpointer user_data, const StileCandidate *candidate);
    void (*removed)(gpointer user_data, const StileCandidate *candidate);
    /* Every server has answered or been given up once since the start or the last restart. */
    void (*complete)(gpointer user_data);
    /* (nullable): A server that knew us sees us at another IP address now: the NAT was given a new
     * one. What changed is told before. */
    void (*readdressed)(gpointer user_data);
} StileGathererOps;

/** @port4, @port6: of the shared sockets; 0: no such socket */
StileGatherer *stile_gatherer_new(StileClock *clock, StileStunTransactions *transactions,
                                  guint16 port4, guint16 port6, const StileGathererOps *ops,
                                  gpointer user_data);
void stile_gatherer_free(StileGatherer *gatherer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileGatherer, stile_gatherer_free)

/**
 * stile_gatherer_set_links:
 * @addresses: of StileLocalAddress, as stile_links_addresses() gives them
 * @exclude: (nullable): name of our own tunnel interface
 *
 * Which addresses this machine has: loopback, link-local, our own tunnel and deprecated ones make
 * no candidates, nor do IPv6 addresses made of a hardware address where there are others; networks
 * of containers, virtual machines and other tunnels come last. Call again when they change: what
 * went is removed, what came is added, STUN servers are asked again.
 */
void stile_gatherer_set_links(StileGatherer *gatherer, const GArray *addresses,
                              const char *exclude);
/** @server: of a STUN server, resolved; each is asked */
void stile_gatherer_add_stun_server(StileGatherer *gatherer, const StileAddress *server);
/** @members: those that are asked from now on, beside the STUN servers */
void stile_gatherer_set_members(StileGatherer *gatherer, const StileNatServer *members, gsize n);
/** Forgets the STUN servers; their candidates stay until the next answer or restart. */
void stile_gatherer_clear_stun_servers(StileGatherer *gatherer);
/** To be called from StileTurnOps.changed: adds or removes the relayed candidate of @turn. */
void stile_gatherer_turn_changed(StileGatherer *gatherer, StileTurn *turn);
/** To be called when @turn is freed: its relayed candidate goes. */
void stile_gatherer_turn_gone(StileGatherer *gatherer, StileTurn *turn);
/** A candidate found by other means: a port mapping, a static endpoint. */
void stile_gatherer_add(StileGatherer *gatherer, const StileCandidate *candidate);
void stile_gatherer_remove(StileGatherer *gatherer, const StileCandidate *candidate);
/** Whether any peer needs us reachable now; while not, servers are asked only on change. */
void stile_gatherer_set_active(StileGatherer *gatherer, gboolean active);

/** Asks now: something hints that the NAT is not what it was. Not more than once a second. */
void stile_gatherer_ask(StileGatherer *gatherer);

/** Returns: (transfer none): of StileCandidate, best first */
const GArray *stile_gatherer_candidates(StileGatherer *gatherer);

/**
 * StileReflexive:
 *
 * One answer of one STUN server: the samples from which nat/ tells how the NAT maps.
 */
typedef struct {
    StileAddress base;
    StileAddress server;
    StileAddress mapped;
    gint64 at; /* stile_clock_now() */
} StileReflexive;

/** Returns: (transfer none): of StileReflexive: the latest answer of each server, per base */
const GArray *stile_gatherer_reflexives(StileGatherer *gatherer);

G_END_DECLS

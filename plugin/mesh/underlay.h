/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/gather.h"
#include "io/socket.h"
#include "mesh/invitation.h"
#include "mesh/relay.h"
#include "punch/odds.h"

G_BEGIN_DECLS

/**
 * StileUnderlay:
 *
 * What a network stands on while it is up: the shared UDP sockets, the links of this machine, the
 * STUN and TURN servers, port mappings. It gathers the candidates and sorts what is not WireGuard;
 * the sockets' receive side belongs to the data plane.
 */
typedef struct _StileUnderlay StileUnderlay;

typedef struct {
    void (*candidate_added)(gpointer user_data, const StileCandidate *candidate);
    void (*candidate_removed)(gpointer user_data, const StileCandidate *candidate);
    /* What @remote sees of us, or saw, if the router knows: for whoever is there. */
    void (*peer_mapped)(gpointer user_data, const StileAddress *remote,
                        const StileCandidate *candidate, gboolean there);
    /* Whether all servers were asked, or what the NAT does, changed. */
    void (*learnt)(gpointer user_data);
    /* A Binding request or indication: somebody's connectivity check. */
    void (*check)(gpointer user_data, const StileStunMessage *message, const StileEndpoint *from);
    /* A WireGuard message that came out of a relay outside a channel, or by a stream. */
    void (*packet)(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size);
    /* UDP gets through again after it did not. */
    void (*udp_returned)(gpointer user_data);
    /* A channel became usable. */
    void (*channel)(gpointer user_data);
    /* Channel data of @server is to be unwrapped from now on, or no longer. */
    void (*relay_server)(gpointer user_data, const StileAddress *server, gboolean used);
    /* A relay got an address: whom it is to let through must be told again. */
    void (*relay_ready)(gpointer user_data);
    void (*relay_added)(gpointer user_data, StileRelay *relay);
    void (*relay_removed)(gpointer user_data, StileRelay *relay);
    /* The machine's addresses or routes, or its address on the internet, changed: nothing is sure
     * any more. */
    void (*network_changed)(gpointer user_data);
    /* The latter, which the links do not show. */
    void (*readdressed)(gpointer user_data);
} StileUnderlayOps;

/**
 * stile_underlay_new:
 * @servers: (transfer none): copied
 * @relays: whether TURN servers may be used
 * @port: of the shared sockets; 0: any
 * @tunnel: name of our own tunnel interface
 *
 * Errors: %STILE_ERROR_FAILED (@port is taken; neither IPv4 nor IPv6 sockets can be had)
 */
StileUnderlay *stile_underlay_new(StileClock *clock, const StileServers *servers, gboolean relays,
                                  guint16 port, const char *tunnel, const StileUnderlayOps *ops,
                                  gpointer user_data, GError **error);
/** Begins: afterwards the ops are called. */
void stile_underlay_start(StileUnderlay *underlay);
void stile_underlay_free(StileUnderlay *underlay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileUnderlay, stile_underlay_free)

/** Returns: (transfer none) (nullable): the shared socket of AF_INET or AF_INET6 */
StileSocket *stile_underlay_socket(StileUnderlay *underlay, int family);
StileStunTransactions *stile_underlay_transactions(StileUnderlay *underlay);
/** Returns: (transfer none): to be given candidates found by other means */
StileGatherer *stile_underlay_gatherer(StileUnderlay *underlay);
/** Returns: (transfer none): of StileCandidate */
const GArray *stile_underlay_candidates(StileUnderlay *underlay);
gboolean stile_underlay_gathered(StileUnderlay *underlay);
const StileNatSide *stile_underlay_nat(StileUnderlay *underlay);
/** What only the diagnosis can tell: candidates say nothing of the filter. */
void stile_underlay_set_filtering(StileUnderlay *underlay, StileNatBehaviour filtering);
/**
 * stile_underlay_set_nat64:
 * @prefix: of the NAT64 of this network, length 0: there is none
 *
 * Used only while this machine has no route to the IPv4 internet of its own (RFC 7050 §5, RFC
 * 6877): IPv4 servers are then asked, and IPv4 candidates of peers checked, through the NAT64.
 */
void stile_underlay_set_nat64(StileUnderlay *underlay, const StilePrefix *prefix);
/** Returns: (transfer none): the prefix in use; length 0: none, or not needed */
const StilePrefix *stile_underlay_nat64(StileUnderlay *underlay);
/** Asks the STUN servers now: something hints that the NAT is not what it was. */
void stile_underlay_ask(StileUnderlay *underlay);
/** The default gateway of this machine; unset for none. */
StileAddress stile_underlay_gateway(StileUnderlay *underlay);
/** Returns: (transfer none): of StileLocalAddress: what this machine has */
const GArray *stile_underlay_addresses(StileUnderlay *underlay);
/** The smallest MTU of the links that we may send over; 0 when there is none. */
guint stile_underlay_link_mtu(StileUnderlay *underlay);
/** Whether a TURN server has lent us an address. */
gboolean stile_underlay_relay_ready(StileUnderlay *underlay);
/** Returns: (transfer none): of StileRelay */
GPtrArray *stile_underlay_relays(StileUnderlay *underlay);
/** Whether any peer wants us reachable. */
void stile_underlay_set_active(StileUnderlay *underlay, gboolean active);

/** A way by UDP does not answer: finds out within a second whether it is UDP. */
void stile_underlay_doubt_udp(StileUnderlay *underlay);

/** To the `remote` of @to by the stream to its `server`. */
void stile_underlay_carry(StileUnderlay *underlay, const StileEndpoint *to, const guint8 *data,
                          gsize size);
/** What the data plane handed up. */
void stile_underlay_control(StileUnderlay *underlay, const StileEndpoint *from, const guint8 *data,
                            gsize size);
/** The relays let @remote through, as long as it is not forgotten. */
void stile_underlay_permit(StileUnderlay *underlay, const StileAddress *remote);
void stile_underlay_forget(StileUnderlay *underlay, const StileAddress *remote);
guint16 stile_underlay_channel(StileUnderlay *underlay, const StileAddress *server,
                               const StileAddress *remote);

G_END_DECLS

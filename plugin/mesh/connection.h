/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/agent.h"
#include "mesh/choice.h"
#include "punch/odds.h"
#include "tunnel/table.h"

G_BEGIN_DECLS

/**
 * StileConnection:
 *
 * The effort to reach one peer, from the moment somebody wants to until it is given up: drives an
 * ICE agent, tells the peer by signals what it must know, keeps the ladder of ways (broker, TURN,
 * direct) and says which one carries the traffic. Has no socket; time comes from the clock.
 */
typedef struct _StileConnection StileConnection;

typedef enum {
    STILE_WAY_CHECKING,
    STILE_WAY_WORKING, /* carries the traffic */
    STILE_WAY_STANDBY, /* answers, and waits for its turn */
    STILE_WAY_FAILED,
} StileWayState;

/** The words of the contract: `checking`, `working`, … */
const char *stile_way_state_to_string(StileWayState state);

/**
 * StileConnectionWay:
 * @local: the address that the peer sees us as
 * @remote: the peer's address, also where @endpoint is that in which a NAT64 knows it
 * @since: stile_clock_real() of the last change of @state
 *
 * One way as people and programs are shown it.
 */
typedef struct {
    StileWay way;
    StileWayState state;
    StileTechnique technique;
    StileEndpoint endpoint;
    StileAddress local;
    StileAddress remote;
    gint64 since;
} StileConnectionWay;

typedef struct {
    /* Brings @payload to the peer by the rendezvous. Returns: whether it could be sent. */
    gboolean (*signal)(gpointer user_data, const guint8 *payload, gsize size);
    /* The peer says it has the address @remote. Returns: whether that may be sent to at all; if so,
     * the relays let it through from now on. */
    gboolean (*permit)(gpointer user_data, const StileAddress *remote);
    /* The peer does not have the address @remote any more. */
    void (*forget)(gpointer user_data, const StileAddress *remote);
    /* A channel to @remote on the TURN server @server is wanted. Returns: its number, 0 for not
     * yet: call stile_connection_refresh() when it is there. */
    guint16 (*channel)(gpointer user_data, const StileAddress *server, const StileAddress *remote);
    /* The ways, the choice or the reason changed. */
    void (*changed)(gpointer user_data);
    /* Round trips and losses of the ways may have changed, and nothing else. */
    void (*measured)(gpointer user_data);
} StileConnectionOps;

/**
 * stile_connection_new:
 * @controlling: our ICE role to begin with; the two sides should differ
 * @stats: of the peer, to see whether there is traffic
 *
 * Signals the peer at once.
 */
StileConnection *stile_connection_new(StileClock *clock, StileStunTransactions *transactions,
                                      gboolean controlling, StilePeerStats *stats,
                                      const StileConnectionOps *ops, gpointer user_data);
void stile_connection_free(StileConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileConnection, stile_connection_free)

/* What the owner knows and the connection must. */
void stile_connection_add_local(StileConnection *connection, const StileCandidate *candidate);
void stile_connection_remove_local(StileConnection *connection, const StileCandidate *candidate);
/** A local candidate that only who is at @remote can use: ignored unless the peer is. */
void stile_connection_set_mapped(StileConnection *connection, const StileAddress *remote,
                                 const StileCandidate *candidate, gboolean there);
void stile_connection_set_gathered(StileConnection *connection, gboolean complete);
void stile_connection_set_broker(StileConnection *connection, gboolean usable);
void stile_connection_set_policy(StileConnection *connection, StileRelayPolicy policy);
void stile_connection_set_nat(StileConnection *connection, const StileNatSide *mine);
/** @prefix: of the NAT64 that brings us to IPv4 addresses; length 0: none, or not needed */
void stile_connection_set_nat64(StileConnection *connection, const StilePrefix *prefix);

/* What happens. */
void stile_connection_receive_signal(StileConnection *connection, const guint8 *payload,
                                     gsize size);
gboolean stile_connection_owns(StileConnection *connection, const StileStunMessage *request);
void stile_connection_receive(StileConnection *connection, const StileStunMessage *message,
                              const StileEndpoint *from);
/** A relay is ready that knows nothing of the peer: its addresses are permitted again. */
void stile_connection_permit_again(StileConnection *connection);
/** The tunnel has made a handshake with the peer. */
void stile_connection_greeted(StileConnection *connection);
/** Something outside changed that matters to the choice: a channel is there, traffic began. */
void stile_connection_refresh(StileConnection *connection);
/** Try for a direct path now, both sides together. */
void stile_connection_probe(StileConnection *connection);
/** The network under us changed, or the machine slept: every way is in doubt until it answers. */
void stile_connection_shake(StileConnection *connection);

/* What came of it. */
/** Returns: (transfer none): of StileConnectionWay; good until the next call of anything here */
const GArray *stile_connection_ways(StileConnection *connection);
/** Returns: (nullable): the way in use */
const StileConnectionWay *stile_connection_first(StileConnection *connection);
/** Returns: (nullable): the way that gets a copy, while the first is in doubt */
const StileConnectionWay *stile_connection_second(StileConnection *connection);
/** Whether the endpoints of these two are others than when this was last asked. */
gboolean stile_connection_take_rerouted(StileConnection *connection);
/** Whether the peer, or we, began anew since the last handshake: a session from before is of no
 * use, whatever the tunnel thinks of it. */
gboolean stile_connection_is_strange(StileConnection *connection);
/** Whether the first checks since the peer or the network changed are still under way. */
gboolean stile_connection_checking(StileConnection *connection);
const StileNatSide *stile_connection_theirs(StileConnection *connection);
/** Returns: the share of heartbeats lost on the way in use */
double stile_connection_loss(StileConnection *connection);

G_END_DECLS

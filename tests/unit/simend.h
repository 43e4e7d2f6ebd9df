/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/gather.h"
#include "simnet.h"
#include "stun/transactions.h"

G_BEGIN_DECLS

/** @message: no response to a transaction of its own */
typedef void (*SimEndReceiveFunc)(gpointer user_data, const StileStunMessage *message,
                                  const StileEndpoint *from);

/*
 * One end of what crosses a simulated network: a host with one socket, its transactions, a gatherer
 * and, if it is given one, an address on a relay, wired as the service wires them.
 */
typedef struct {
    StileClock *clock;
    SimNet *net;
    SimHost *host;
    StileAddress local;
    StileStunTransactions *transactions;
    StileGatherer *gatherer;
    SimHost *nat64;     /* its stand-in on the IPv4 side of the NAT64; NULL: none */
    StilePrefix prefix; /* of the NAT64 */
    SimRelay *relay;    /* NULL: none */
    StileAddress relayed;
    SimEndReceiveFunc receive;
    gpointer user_data;
} SimEnd;

/** @nat: (nullable); @local: with port; @user_data: for @ops and @receive. @end must not move. */
void sim_end_init(SimEnd *end, StileClock *clock, SimNet *net, SimNat *nat, const char *local,
                  const StileGathererOps *ops, SimEndReceiveFunc receive, gpointer user_data);
void sim_end_clear(SimEnd *end);

/** Puts it, who has IPv6 only, behind a NAT64 that is @nat towards the internet. */
void sim_end_use_nat64(SimEnd *end, SimNat *nat, const char *prefix);
/** Gives it an address on @relay, as a relayed candidate. Before sim_end_gather(). */
void sim_end_use_relay(SimEnd *end, SimRelay *relay);
/** Lets @remote through its relay, if it has one. */
void sim_end_permit(SimEnd *end, const StileAddress *remote);
/** Starts gathering, from the STUN server at @stun (nullable). */
void sim_end_gather(SimEnd *end, const char *stun);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "io/endpoint.h"
#include "nat/mapping.h"

G_BEGIN_DECLS

/*
 * A network inside a test, under a virtual clock: hosts, NATs with the behaviours of RFC 4787 (also
 * one behind another), delay, loss, cut wires, STUN servers and relays. The same seed gives the
 * same run. Everything belongs to the SimNet and is freed with it.
 */

typedef struct _SimNet SimNet;
typedef struct _SimNat SimNat;
typedef struct _SimHost SimHost;
typedef struct _SimRelay SimRelay;

/** @data is good until it returns. */
typedef void (*SimReceiveFunc)(gpointer user_data, const StileAddress *local,
                               const StileAddress *remote, const guint8 *data, gsize size);

SimNet *sim_net_new(StileClock *clock, guint32 seed);
/** The clock's timers of packets under way are freed, too. */
void sim_net_free(SimNet *net);
/** One way, microseconds; @jitter is the most that is added, so that packets overtake each other.
 */
void sim_net_set_delay(SimNet *net, gint64 delay, gint64 jitter);
/** @loss: 0 to 1, of each datagram */
void sim_net_set_loss(SimNet *net, double loss);
/** Nothing passes between these two addresses, as they appear on the way, until mended. */
void sim_net_cut(SimNet *net, const char *ip_a, const char *ip_b, gboolean cut);
guint64 sim_net_sent(SimNet *net);

/** Sees each datagram that arrives anywhere, with the addresses it arrives with. Returns: FALSE to
 * drop it */
typedef gboolean (*SimTapFunc)(gpointer user_data, const StileAddress *source,
                               const StileAddress *destination, const guint8 *data, gsize size);
void sim_net_set_tap(SimNet *net, SimTapFunc tap, gpointer user_data);
/** Puts a datagram on the internet with any source address, as an attacker does. */
void sim_net_inject(SimNet *net, const StileAddress *source, const StileAddress *destination,
                    const void *data, gsize size);

/**
 * sim_nat_new:
 * @outer: (nullable): the NAT that it is behind itself
 * @filtering: of what comes in: anybody (endpoint-independent), addresses sent to, or addresses and
 *   ports sent to
 *
 * An endpoint-independent mapping keeps the port where it is free; others get a random one.
 */
SimNat *sim_nat_new(SimNet *net, SimNat *outer, const char *public_ip, StileNatBehaviour mapping,
                    StileNatBehaviour filtering);
void sim_nat_set_filtering(SimNat *nat, StileNatBehaviour filtering);
/** Whether its own public address can be reached from inside. Not, by default. */
void sim_nat_set_hairpin(SimNat *nat, gboolean hairpin);
/** The same, but the sender is seen with its inside address, and no filter looks. */
void sim_nat_set_hairpin_internal(SimNat *nat);
/** How it chooses ports instead: @step behind the one before, at random from
 * @size ports, or the inside one although the mapping depends on the destination. */
void sim_nat_set_sequential(SimNat *nat, int step);
void sim_nat_set_block(SimNat *nat, guint16 first, guint size);
void sim_nat_set_preserving(SimNat *nat);
/** @lifetime: microseconds without anything sent from inside, until a mapping is gone */
void sim_nat_set_lifetime(SimNat *nat, gint64 lifetime);
/** Loses all its mappings, as after a reboot; new ones get other ports. */
void sim_nat_forget(SimNat *nat);
/** The same, and it has another public address now. */
void sim_nat_set_public(SimNat *nat, const char *public_ip);

/** @nat: (nullable): that it is behind; %NULL for a host on the internet */
SimHost *sim_host_new(SimNet *net, SimNat *nat, const char *ip, SimReceiveFunc receive,
                      gpointer user_data);
/** @local: of the host; its port counts */
void sim_host_send(SimHost *host, const StileAddress *local, const StileAddress *remote,
                   const void *data, gsize size);

/** A server on the internet that answers Binding requests, on any port. */
void sim_stun_new(SimNet *net, const char *ip);

/**
 * sim_relay_new:
 *
 * A relay on the internet: what TURN does (one relayed address for each client's transport address,
 * permissions by IP address), without TURN's messages.
 */
SimRelay *sim_relay_new(SimNet *net, const char *ip);
/** Where clients send to: with this as `server`, endpoints of kind TURN go through the relay. */
StileAddress sim_relay_server(SimRelay *relay);
/** Returns: the relayed address of @host's @local as the relay sees it. Makes it. */
StileAddress sim_relay_allocate(SimRelay *relay, SimHost *host, const StileAddress *local);
void sim_relay_permit(SimRelay *relay, const StileAddress *relayed, const StileAddress *peer);

/** Sends where @to says, directly or through the relay. */
void sim_host_send_endpoint(SimHost *host, const StileAddress *local, const StileEndpoint *to,
                            const void *data, gsize size);
/** Turns what a host received into the endpoint it came from; @data and @size become the payload.
 */
StileEndpoint sim_net_unwrap(SimNet *net, const StileAddress *local, const StileAddress *remote,
                             const guint8 **data, gsize *size);

/** For tests: an address from its text. */
StileAddress sim_address(const char *text);

G_END_DECLS

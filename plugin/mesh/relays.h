/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/relay.h"
#include "mesh/servers.h"

G_BEGIN_DECLS

/**
 * StileRelays:
 *
 * The TURN servers of a network while it is up, and what comes and goes through them. Those by UDP
 * are used at once; those by TCP and TLS when none of these serves within a second, and they are
 * given up again half a minute after one does. In endpoints the latter go by their stand-ins.
 */
typedef struct _StileRelays StileRelays;

typedef struct {
    /* As StileTurnOps.changed: for the gatherer. */
    void (*changed)(gpointer user_data, StileTurn *turn);
    /* @turn is about to be freed: its connection ended, or its server is reached by another address
     * now. */
    void (*gone)(gpointer user_data, StileTurn *turn);
    /* The address of one by UDP is known. */
    void (*found)(gpointer user_data, const StileAddress *server);
    /* A STUN message came out of a relay. */
    void (*message)(gpointer user_data, const StileStunMessage *message, const StileEndpoint *from);
    /* A WireGuard message came out of a relay outside a channel. */
    void (*packet)(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size);
    /* A channel became usable. */
    void (*channel)(gpointer user_data);
    /* Channel data of @server is to be unwrapped from now on, or no longer. */
    void (*server)(gpointer user_data, const StileAddress *server, gboolean used);
    /* A relay got an address: whom it is to let through must be told again. */
    void (*ready)(gpointer user_data);
} StileRelaysOps;

/**
 * stile_relays_new:
 * @transactions: of the shared sockets; must outlive it
 * @servers: (element-type StileTurnServer): copied
 * @ipv4, @ipv6: which of the shared sockets there are
 */
StileRelays *stile_relays_new(StileClock *clock, StileStunTransactions *transactions,
                              const GPtrArray *servers, gboolean ipv4, gboolean ipv6,
                              const StileRelaysOps *ops, gpointer user_data);
/** Gives all allocations back. */
void stile_relays_free(StileRelays *relays);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileRelays, stile_relays_free)

/** Begins, and again asks for those whose names did not resolve: the network may be there now. */
void stile_relays_look_up(StileRelays *relays);
/** What we sent from may be gone: the relays know us by another address now. */
void stile_relays_restart(StileRelays *relays);

/** The prefix of the NAT64 that IPv4 servers are now reached through, length 0 for none. */
void stile_relays_set_nat64(StileRelays *relays, const StilePrefix *prefix);
/** UDP gets through, or does not: which servers are wanted depends on it. */
void stile_relays_set_udp_blocked(StileRelays *relays, gboolean blocked);

/** Whether one has lent us an address. */
gboolean stile_relays_ready(StileRelays *relays);
/** Returns: (transfer none): of StileRelay, what is shown of each */
GPtrArray *stile_relays_shown(StileRelays *relays);

/** The relays that can reach @remote let it through, as long as it is not forgotten. */
void stile_relays_permit(StileRelays *relays, const StileAddress *remote);
void stile_relays_forget(StileRelays *relays, const StileAddress *remote);
/** Returns: the channel to @remote on @server, 0 for not yet */
guint16 stile_relays_channel(StileRelays *relays, const StileAddress *server,
                             const StileAddress *remote);
/** To the `remote` of @to through its `server`. */
void stile_relays_send(StileRelays *relays, const StileEndpoint *to, const guint8 *data,
                       gsize size);
/** @server: TURN server; @ret: (out): whom a channel there is bound to; FALSE when to nobody */
gboolean stile_relays_channel_peer(StileRelays *relays, const StileAddress *server, guint16 channel,
                                   StileAddress *ret);
/** A WireGuard message of the data plane's, to be carried by a stream. */
void stile_relays_carry(StileRelays *relays, const StileEndpoint *to, const guint8 *data,
                        gsize size);
/** A Data indication that came by the shared sockets. */
void stile_relays_receive(StileRelays *relays, const StileStunMessage *message,
                          const StileEndpoint *from);

G_END_DECLS

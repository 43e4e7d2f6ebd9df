/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/**
 * StileEndpointKind:
 * @STILE_ENDPOINT_NONE: nowhere
 * @STILE_ENDPOINT_UDP: straight from the shared UDP socket
 * @STILE_ENDPOINT_TURN: from the shared UDP socket to a TURN server that relays
 * @STILE_ENDPOINT_CARRIED: by something in the main thread: the broker
 */
typedef enum {
    STILE_ENDPOINT_NONE,
    STILE_ENDPOINT_UDP,
    STILE_ENDPOINT_TURN,
    STILE_ENDPOINT_CARRIED,
} StileEndpointKind;

/**
 * StileEndpoint:
 * @remote: the far end: the peer's address (UDP), or the peer's address as the relay sees it (TURN)
 * @local: our own IP address, to send from (UDP, TURN); unset lets the kernel choose; its port does
 *   not matter. On what was received: the address it was sent to.
 * @server: the TURN server (TURN only)
 * @channel: the TURN channel bound to @remote, 0x4000 to 0x4FFF; 0 while there is none (the main
 *   thread then uses a Send indication; the data plane sends nothing)
 *
 * Where a datagram goes to or came from: all that the data plane, STUN, TURN and ICE need to know
 * of a way. A value type.
 */
typedef struct {
    StileEndpointKind kind;
    guint16 channel;
    StileAddress remote;
    StileAddress local;
    StileAddress server;
} StileEndpoint;

static inline gboolean
stile_endpoint_equal(const StileEndpoint *a, const StileEndpoint *b)
{
    return a->kind == b->kind && a->channel == b->channel &&
           stile_address_equal(&a->remote, &b->remote) &&
           stile_address_equal_ip(&a->local, &b->local) &&
           stile_address_equal(&a->server, &b->server);
}

G_END_DECLS

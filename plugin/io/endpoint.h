/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/**
 * StileEndpointKind:
 * @STILE_ENDPOINT_NONE: nowhere
 * @STILE_ENDPOINT_UDP: straight from the shared UDP socket
 * @STILE_ENDPOINT_TURN: from the shared UDP socket to a TURN server that relays
 * @STILE_ENDPOINT_CARRIED: by something in the main thread: the broker, or a stream to a TURN
 *   server
 */
typedef enum {
    STILE_ENDPOINT_NONE,
    STILE_ENDPOINT_UDP,
    STILE_ENDPOINT_TURN,
    STILE_ENDPOINT_CARRIED,
} StileEndpointKind;

/** What a TURN server is reached by. */
typedef enum {
    STILE_TRANSPORT_UDP,
    STILE_TRANSPORT_TCP,
    STILE_TRANSPORT_TLS,
} StileTransport;

/** The words of the contract: `udp`, `tcp`, `tls` */
static inline const char *
stile_transport_to_string(StileTransport transport)
{
    return transport == STILE_TRANSPORT_UDP   ? "udp"
           : transport == STILE_TRANSPORT_TCP ? "tcp"
                                              : "tls";
}

/**
 * StileEndpoint:
 * @remote: the far end: the peer's address (UDP), or the peer's address as the relay sees it (TURN)
 * @local: our own IP address, to send from (UDP, TURN); unset lets the kernel choose; its port does
 *   not matter. On what was received: the address it was sent to.
 * @server: the TURN server (TURN only; CARRIED: the one reached by a stream that carries it, unset
 *   for the broker). The address of one reached by a stream may be known to nobody but a proxy: it
 *   goes by a stand-in (stile_stream_stand_in()).
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

/**
 * stile_stream_stand_in:
 * @number: from 1; tells the servers of one network apart
 *
 * Returns: what stands for a server that is reached by a stream, wherever a server is told by its
 *   address: one of the discard prefix 100::/64 (RFC 6666), where nothing can be sent by mistake
 */
static inline StileAddress
stile_stream_stand_in(StileTransport transport, guint16 number)
{
    const guint8 ip[16] = {0x01, [15] = (guint8)transport};

    return stile_address_from_ip(AF_INET6, ip, number);
}

/** What @server, an address or a stand-in, is reached by. */
static inline StileTransport
stile_server_transport(const StileAddress *server)
{
    static const StileTransport streams[] = {STILE_TRANSPORT_TCP, STILE_TRANSPORT_TLS};

    for (gsize i = 0; i < G_N_ELEMENTS(streams); i++) {
        StileAddress stand_in = stile_stream_stand_in(streams[i], 0);

        if (stile_address_equal_ip(server, &stand_in))
            return streams[i];
    }
    return STILE_TRANSPORT_UDP;
}

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "tunnel/table.h"

G_BEGIN_DECLS

/**
 * StileTunnel:
 *
 * A WireGuard interface as a state machine: handshakes, cookies, sessions, timers, allowed
 * addresses. It has no socket, no thread and no loop: messages, packets and time go in, messages
 * and packets come out. The data-plane thread drives one; the unit tests drive two against each
 * other under a virtual clock. Paper: WireGuard: Next Generation Kernel Network Tunnel; numbers in
 * comments are its sections.
 */
typedef struct _StileTunnel StileTunnel;
typedef struct _StileTunnelPeer StileTunnelPeer;

/* What a transport data message adds to a packet (§5.4.6): header of 16, tag of 16. */
#define STILE_TUNNEL_OVERHEAD 32

/* All may be %NULL but send. None may call the tunnel back; @peer may be asked about. */
typedef struct {
    /* A whole message is to go to @endpoint now (handshake, cookie, keepalive, a packet that was
     * waiting for its session). With a second path it is called for each. @peer: %NULL for a
     * cookie reply, the receiver of which is not known yet; never to a CARRIED endpoint then. */
    void (*send)(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *endpoint,
                 const guint8 *message, gsize size);
    /* A session was made (both directions confirmed). */
    void (*handshake)(gpointer user_data, StileTunnelPeer *peer);
    /* The endpoint of a peer's last authenticated packet changed. */
    void (*roamed)(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *from);
} StileTunnelOps;

/** @clock: for the wall clock (TAI64N) and randomness; "now" is an argument everywhere */
StileTunnel *stile_tunnel_new(StileClock *clock, const guint8 private_key[STILE_KEY_SIZE],
                              const StileTunnelOps *ops, gpointer user_data);
void stile_tunnel_free(StileTunnel *tunnel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTunnel, stile_tunnel_free)

/** Peers that are in @table keep their sessions, others go, new ones come. Keeps a reference. */
void stile_tunnel_set_table(StileTunnel *tunnel, StileTable *table, gint64 now);

/**
 * stile_tunnel_tick:
 *
 * Does what the timers ask for (§6).
 *
 * Returns: when to call again at the latest; G_MAXINT64 for never. Other calls may bring it
 * forward: ask stile_tunnel_deadline() before sleeping.
 */
gint64 stile_tunnel_tick(StileTunnel *tunnel, gint64 now);
gint64 stile_tunnel_deadline(StileTunnel *tunnel);

/** Returns: (transfer none) (nullable): whom a packet with this destination goes to */
StileTunnelPeer *stile_tunnel_route(StileTunnel *tunnel, int family, const guint8 *ip);
StileTunnelPeer *stile_tunnel_find(StileTunnel *tunnel, const guint8 public_key[STILE_KEY_SIZE]);
const guint8 *stile_tunnel_peer_key(StileTunnelPeer *peer);
StilePeerStats *stile_tunnel_peer_stats(StileTunnelPeer *peer);

/**
 * stile_tunnel_peer_endpoint:
 * @ret_second: (nullable): gets the second path; kind NONE when there is none
 *
 * Where sealed packets of this peer go now: the table's path, or the learnt endpoint.
 */
StileEndpoint stile_tunnel_peer_endpoint(StileTunnelPeer *peer, StileEndpoint *ret_second);

/**
 * stile_tunnel_seal:
 * @packet: an IP packet; may stand 16 bytes into @out, where it is sealed in place
 * @out: room for @size padded to 16, + %STILE_TUNNEL_OVERHEAD
 *
 * Makes a transport data message (§5.4.6). Padding never exceeds @mtu.
 *
 * Returns: the size of the message; 0 when there is no session: then a handshake was begun, and the
 *   caller may leave the packet with stile_tunnel_queue()
 */
gsize stile_tunnel_seal(StileTunnel *tunnel, StileTunnelPeer *peer, gint64 now,
                        const guint8 *packet, gsize size, gsize mtu, guint8 *out);
/** Returns: how many bytes of a packet of @size are sealed: the message is that and
 * %STILE_TUNNEL_OVERHEAD */
gsize stile_tunnel_padded_size(gsize size, gsize mtu);
/** Keeps a copy until there is a session; a bounded number, the oldest is dropped (§6.3). */
void stile_tunnel_queue(StileTunnel *tunnel, StileTunnelPeer *peer, const guint8 *packet,
                        gsize size);
/** Begins a handshake now, unless one was begun in the last second. */
void stile_tunnel_handshake(StileTunnel *tunnel, StileTunnelPeer *peer, gint64 now);

/**
 * StileTunnelResult:
 * @STILE_TUNNEL_PACKET: a packet for the tun
 * @STILE_TUNNEL_CONSUMED: a handshake message, a cookie or a keepalive: nothing more to do
 *
 * The others are the reasons for dropping. What is not looked at because we are under load counts
 * as unauthenticated, an initiation that comes too soon after another as replayed.
 */
typedef enum {
    STILE_TUNNEL_PACKET,
    STILE_TUNNEL_CONSUMED,
    STILE_TUNNEL_MALFORMED,
    STILE_TUNNEL_UNAUTHENTICATED,
    STILE_TUNNEL_REPLAYED,
    STILE_TUNNEL_DISALLOWED,
} StileTunnelResult;

/**
 * stile_tunnel_receive:
 * @message: what arrived; opened in place
 * @ret_peer: (out) (transfer none) (nullable): who sent it, once that is proven, even if dropped
 * @ret_packet: (out) (transfer none): into @message, with its true length by the IP header; %NULL
 *   unless %STILE_TUNNEL_PACKET
 *
 * Takes any WireGuard message from the network.
 */
StileTunnelResult stile_tunnel_receive(StileTunnel *tunnel, const StileEndpoint *from, gint64 now,
                                       guint8 *message, gsize size, StileTunnelPeer **ret_peer,
                                       guint8 **ret_packet, gsize *ret_size);

G_END_DECLS

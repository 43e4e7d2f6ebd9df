/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/allowed-ips.h"
#include "tunnel/cookie.h"
#include "tunnel/handshake.h"
#include "tunnel/ratelimit.h"
#include "tunnel/session.h"
#include "tunnel/timers.h"
#include "tunnel/tunnel.h"

G_BEGIN_DECLS

/*
 * For the files of the tunnel only: what a tunnel and its peers are made of. peer.c keeps keys and
 * queue, events.c the timers, send.c and receive.c the messages, tunnel.c the rest.
 */

#define STILE_TUNNEL_MAX_STAGED 64
/* Paper §5.1: initiations of one peer that come faster are not answered. */
#define STILE_INITIATION_INTERVAL 50000
/* For "long ago": far from the end, so that adding to it and subtracting cannot wrap. */
#define STILE_NEVER (G_MININT64 / 4)

struct _StileTunnel {
    StileClock *clock;
    StileTunnelOps ops;
    gpointer user_data;
    StileHandshakeIdentity self;
    StileTable *table;
    GHashTable *peers; /* by public key */
    StileAllowedIps *allowed;
    StileIndex index;
    StileTimerHeap timers;
    StileCookieChecker checker;
    StileRatelimit *ratelimit;
    gsize mtu; /* as the last caller of stile_tunnel_seal() said */
};

/* Our initiation that waits for its response. */
typedef struct {
    StileIndexEntry entry;
    StileIkpsk2 state;
    gboolean deliberate; /* as that of the session that it will give */
} StilePendingHandshake;

/* A packet that waits for a session, with room to seal it where it stands. */
typedef struct {
    gsize size;
    guint8 message[];
} StileStagedPacket;

/*
 * Up to three sessions (as in the kernel's WireGuard): @current is the one we send with; @previous
 * still receives what was under way; @next was made by an initiation of the peer, and becomes
 * current when the peer has shown that it has it too, by using it.
 */
struct _StileTunnelPeer {
    StileTunnel *tunnel;
    guint8 public_key[STILE_KEY_SIZE];
    const StileTablePeer *entry; /* in the tunnel's table */
    StilePeerStats *stats;
    StileTimers timers;
    StileCookie cookie;
    StileEndpoint learnt;
    guint8 static_static[STILE_KEY_SIZE];
    gboolean has_static_static;
    guint8 greatest_timestamp[STILE_TAI64N_SIZE];
    gint64 last_initiation_received;
    gint64 last_initiation_sent;
    gint64 last_stamp; /* wall clock of the last timestamp we sent */
    guint attempts;
    gboolean last_minute;       /* the one renewal on receiving was begun */
    gboolean another_keepalive; /* more data came while the keepalive timer ran */
    StilePendingHandshake *pending;
    StileSession *current, *previous, *next;
    GQueue staged; /* of StileStagedPacket */
};

/* peer.c */

StileTunnelPeer *stile_tunnel_peer_new(StileTunnel *tunnel, const StileTablePeer *entry);
void stile_tunnel_peer_free(StileTunnelPeer *peer);
/** What the new table says of the peer. */
void stile_tunnel_peer_update(StileTunnelPeer *peer, const StileTablePeer *entry, gint64 now);
/** Returns: (transfer none) (nullable): %NULL when the peer's key is of low order */
const guint8 *stile_tunnel_peer_static_static(StileTunnelPeer *peer);
/** @session: (transfer full): that a handshake has given */
void stile_tunnel_peer_install(StileTunnelPeer *peer, StileSession *session);
/** Returns: whether @session was the next and is now proven */
gboolean stile_tunnel_peer_confirm(StileTunnelPeer *peer, StileSession *session);
/** Returns: whether two sessions that were begun at once, one by each side, are there */
gboolean stile_tunnel_peer_has_crossed(const StileTunnelPeer *peer);
/** Something that is authentic came with @session. */
void stile_tunnel_peer_heard(StileTunnelPeer *peer, StileSession *session);
/** Drops our initiation; a response to it will not be understood. */
void stile_tunnel_peer_drop_pending(StileTunnelPeer *peer);
void stile_tunnel_peer_forget_keys(StileTunnelPeer *peer);
void stile_tunnel_peer_stage(StileTunnelPeer *peer, const guint8 *packet, gsize size);
void stile_tunnel_peer_drop_staged(StileTunnelPeer *peer);

/* send.c */

/** A new initiation, unless the last one is younger than @gap. */
void stile_tunnel_peer_initiate(StileTunnelPeer *peer, gint64 now, gint64 gap);
/** Answers an initiation, the state of which is @state. Returns: whether there is a new session */
gboolean stile_tunnel_peer_respond(StileTunnelPeer *peer, StileIkpsk2 *state, guint32 receiver,
                                   const StileEndpoint *from, gint64 now);
/** Sends what is staged, or else a keepalive; begins a handshake when there is no session. */
void stile_tunnel_peer_keepalive(StileTunnelPeer *peer, gint64 now);
void stile_tunnel_peer_flush(StileTunnelPeer *peer, gint64 now);

/* events.c: what happens to a peer, and what it means for the timers (§6) */

void stile_tunnel_peer_sent(StileTunnelPeer *peer, gint64 now);
void stile_tunnel_peer_sent_initiation(StileTunnelPeer *peer, gint64 now);
/** After a transport message: renews the session when it is getting old. */
void stile_tunnel_peer_sent_transport(StileTunnelPeer *peer, gboolean data, gint64 now);
void stile_tunnel_peer_received(StileTunnelPeer *peer, const StileEndpoint *from, gint64 now);
void stile_tunnel_peer_received_transport(StileTunnelPeer *peer, gboolean data, gint64 now);
/** A session was made in either role; it may still wait to be confirmed. */
void stile_tunnel_peer_derived(StileTunnelPeer *peer, gint64 now);
/** A session is confirmed both ways. */
void stile_tunnel_peer_established(StileTunnelPeer *peer);
void stile_tunnel_peer_timer(StileTunnelPeer *peer, StilePeerTimer timer, gint64 now);

G_END_DECLS

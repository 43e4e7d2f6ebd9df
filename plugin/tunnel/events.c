/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/peer.h"

/* So that two sides which began at the same time do not go on doing so (§6.1). */
static gint64
jitter(StileTunnelPeer *peer)
{
    guint32 random;

    stile_clock_random(peer->tunnel->clock, &random, sizeof random);
    return random % STILE_REKEY_TIMEOUT_JITTER;
}

static void
traversed(StileTunnelPeer *peer, gint64 now)
{
    guint16 interval = peer->entry->persistent_keepalive;

    if (interval)
        stile_timers_set(&peer->timers, STILE_PEER_TIMER_PERSISTENT_KEEPALIVE,
                         now + interval * G_USEC_PER_SEC);
}

void
stile_tunnel_peer_sent(StileTunnelPeer *peer, gint64 now)
{
    stile_timers_stop(&peer->timers, STILE_PEER_TIMER_KEEPALIVE);
    traversed(peer, now);
}

void
stile_tunnel_peer_sent_initiation(StileTunnelPeer *peer, gint64 now)
{
    peer->last_initiation_sent = now;
    stile_tunnel_peer_sent(peer, now);
    stile_timers_set(&peer->timers, STILE_PEER_TIMER_RETRANSMIT,
                     now + STILE_REKEY_TIMEOUT + jitter(peer));
}

void
stile_tunnel_peer_sent_transport(StileTunnelPeer *peer, gboolean data, gint64 now)
{
    const StileSession *session = peer->current;

    stile_tunnel_peer_sent(peer, now);
    if (data && !stile_timers_is_set(&peer->timers, STILE_PEER_TIMER_NEW_HANDSHAKE))
        stile_timers_set(&peer->timers, STILE_PEER_TIMER_NEW_HANDSHAKE,
                         now + STILE_KEEPALIVE_TIMEOUT + STILE_REKEY_TIMEOUT + jitter(peer));
    /* Only the initiator renews by age, lest both do it at once (§6.2). */
    if (session->counter > STILE_REKEY_AFTER_MESSAGES ||
        (session->initiator && now - session->created >= STILE_REKEY_AFTER_TIME)) {
        peer->attempts = 0;
        stile_tunnel_peer_initiate(peer, now, STILE_REKEY_TIMEOUT);
    }
}

void
stile_tunnel_peer_received(StileTunnelPeer *peer, const StileEndpoint *from, gint64 now)
{
    StileTunnel *tunnel = peer->tunnel;

    stile_timers_stop(&peer->timers, STILE_PEER_TIMER_NEW_HANDSHAKE);
    traversed(peer, now);
    stile_stat_set(peer->stats->last_rx, now);
    if (stile_endpoint_equal(&peer->learnt, from))
        return;
    peer->learnt = *from;
    if (tunnel->ops.roamed)
        tunnel->ops.roamed(tunnel->user_data, peer, from);
}

void
stile_tunnel_peer_received_transport(StileTunnelPeer *peer, gboolean data, gint64 now)
{
    const StileSession *session = peer->current;

    if (data && stile_timers_is_set(&peer->timers, STILE_PEER_TIMER_KEEPALIVE))
        peer->another_keepalive = TRUE;
    else if (data)
        stile_timers_set(&peer->timers, STILE_PEER_TIMER_KEEPALIVE, now + STILE_KEEPALIVE_TIMEOUT);
    if (session && session->initiator && !peer->last_minute &&
        now - session->created >= STILE_REKEY_AFTER_TIME_RECEIVING) {
        peer->last_minute = TRUE;
        peer->attempts = 0;
        stile_tunnel_peer_initiate(peer, now, STILE_REKEY_TIMEOUT);
    }
}

void
stile_tunnel_peer_derived(StileTunnelPeer *peer, gint64 now)
{
    stile_timers_set(&peer->timers, STILE_PEER_TIMER_ZERO_KEYS, now + STILE_ZERO_KEYS_AFTER);
}

void
stile_tunnel_peer_established(StileTunnelPeer *peer)
{
    StileTunnel *tunnel = peer->tunnel;

    stile_timers_stop(&peer->timers, STILE_PEER_TIMER_RETRANSMIT);
    peer->attempts = 0;
    peer->last_minute = FALSE;
    stile_stat_set(peer->stats->last_handshake, stile_clock_real(tunnel->clock));
    if (tunnel->ops.handshake)
        tunnel->ops.handshake(tunnel->user_data, peer);
}

static void
retransmit(StileTunnelPeer *peer, gint64 now)
{
    if (++peer->attempts <= STILE_MAX_ATTEMPTS) {
        stile_tunnel_peer_initiate(peer, now, 0);
        return;
    }
    stile_timers_stop(&peer->timers, STILE_PEER_TIMER_KEEPALIVE);
    stile_tunnel_peer_drop_staged(peer);
    /* An old session may have set this timer already; else the ephemeral key would stay. */
    if (!stile_timers_is_set(&peer->timers, STILE_PEER_TIMER_ZERO_KEYS))
        stile_timers_set(&peer->timers, STILE_PEER_TIMER_ZERO_KEYS, now + STILE_ZERO_KEYS_AFTER);
}

void
stile_tunnel_peer_timer(StileTunnelPeer *peer, StilePeerTimer timer, gint64 now)
{
    switch (timer) {
    case STILE_PEER_TIMER_RETRANSMIT:
        retransmit(peer, now);
        break;
    case STILE_PEER_TIMER_KEEPALIVE:
        stile_tunnel_peer_keepalive(peer, now);
        if (peer->another_keepalive) {
            peer->another_keepalive = FALSE;
            stile_timers_set(&peer->timers, STILE_PEER_TIMER_KEEPALIVE,
                             now + STILE_KEEPALIVE_TIMEOUT);
        }
        break;
    case STILE_PEER_TIMER_NEW_HANDSHAKE:
        peer->attempts = 0;
        stile_tunnel_peer_initiate(peer, now, STILE_REKEY_TIMEOUT);
        break;
    case STILE_PEER_TIMER_ZERO_KEYS:
        stile_tunnel_peer_forget_keys(peer);
        break;
    case STILE_PEER_TIMER_PERSISTENT_KEEPALIVE:
        if (peer->entry->persistent_keepalive)
            stile_tunnel_peer_keepalive(peer, now);
        break;
    case STILE_N_PEER_TIMERS:
        g_assert_not_reached();
    }
}

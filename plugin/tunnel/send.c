/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/peer.h"

#include "tunnel/tai64n.h"

static void
send_to(StileTunnelPeer *peer, const StileEndpoint *to, const guint8 *message, gsize size)
{
    if (to->kind != STILE_ENDPOINT_NONE)
        peer->tunnel->ops.send(peer->tunnel->user_data, peer, to, message, size);
}

/* @answer_to: (nullable): where the message that this one answers came from: whatever the table
 * says, that way works at this moment */
static void
transmit(StileTunnelPeer *peer, const StileEndpoint *answer_to, const guint8 *message, gsize size)
{
    StileEndpoint second, first = stile_tunnel_peer_endpoint(peer, &second);

    if (answer_to)
        send_to(peer, answer_to, message, size);
    if (!answer_to ||
        (second.kind != STILE_ENDPOINT_NONE && !stile_endpoint_equal(&first, answer_to)))
        send_to(peer, &first, message, size);
    if (!answer_to || !stile_endpoint_equal(&second, answer_to))
        send_to(peer, &second, message, size);
}

/* The peer takes no timestamp that is not greater than the last: not even our clock being set back
 * may make one. */
static void
next_timestamp(StileTunnelPeer *peer, guint8 ret[STILE_TAI64N_SIZE])
{
    gint64 real = stile_clock_real(peer->tunnel->clock);

    peer->last_stamp = MAX(real, peer->last_stamp + STILE_TAI64N_GRAIN / 1000 + 1);
    stile_tai64n(peer->last_stamp, ret);
}

void
stile_tunnel_peer_initiate(StileTunnelPeer *peer, gint64 now, gint64 gap)
{
    StileTunnel *tunnel = peer->tunnel;
    const guint8 *static_static;
    guint8 ephemeral[STILE_KEY_SIZE], timestamp[STILE_TAI64N_SIZE];
    StileMessageInitiation message;
    StilePendingHandshake *pending;
    gboolean ok;

    if (now - peer->last_initiation_sent < gap)
        return;
    if (stile_tunnel_peer_endpoint(peer, NULL).kind == STILE_ENDPOINT_NONE ||
        !(static_static = stile_tunnel_peer_static_static(peer))) {
        stile_stat_add(peer->stats->dropped, 1);
        return;
    }
    stile_tunnel_peer_drop_pending(peer);
    peer->pending = pending = g_new0(StilePendingHandshake, 1);
    pending->entry.peer = peer;
    pending->deliberate = peer->current && peer->current->heard;
    stile_index_add(&tunnel->index, &pending->entry, tunnel->clock);
    stile_clock_random(tunnel->clock, ephemeral, sizeof ephemeral);
    next_timestamp(peer, timestamp);
    ok = stile_handshake_initiate(&pending->state, &tunnel->self, peer->public_key, static_static,
                                  ephemeral, timestamp, pending->entry.index, &message);
    stile_memory_wipe(ephemeral, sizeof ephemeral);
    if (!ok)
        return;
    stile_cookie_sign(&peer->cookie, now, (guint8 *)&message, sizeof message);
    stile_tunnel_peer_sent_initiation(peer, now);
    transmit(peer, NULL, (guint8 *)&message, sizeof message);
}

gboolean
stile_tunnel_peer_respond(StileTunnelPeer *peer, StileIkpsk2 *state, guint32 receiver,
                          const StileEndpoint *from, gint64 now)
{
    StileTunnel *tunnel = peer->tunnel;
    guint8 ephemeral[STILE_KEY_SIZE];
    StileMessageResponse message;
    StileIndexEntry number = {0};
    StileSession *session;
    gboolean ok;

    stile_index_add(&tunnel->index, &number, tunnel->clock);
    stile_clock_random(tunnel->clock, ephemeral, sizeof ephemeral);
    ok = stile_handshake_respond(state, peer->public_key, peer->entry->preshared_key, ephemeral,
                                 number.index, receiver, &message);
    stile_memory_wipe(ephemeral, sizeof ephemeral);
    if (!ok) {
        stile_index_remove(&tunnel->index, &number);
        return FALSE;
    }
    session = stile_session_new(&state->noise, FALSE, receiver, now);
    session->entry.peer = peer;
    stile_index_replace(&tunnel->index, &number, &session->entry);
    stile_tunnel_peer_install(peer, session);
    stile_cookie_sign(&peer->cookie, now, (guint8 *)&message, sizeof message);
    stile_tunnel_peer_derived(peer, now);
    stile_tunnel_peer_sent(peer, now);
    transmit(peer, from, (guint8 *)&message, sizeof message);
    return TRUE;
}

/* So that lengths tell less; a multiple of 16, but not more than fits (§5.4.6). */
gsize
stile_tunnel_padded_size(gsize size, gsize mtu)
{
    return MIN((size + 15) / 16 * 16, MAX(mtu, size));
}

/* @out must have room; @packet may stand 16 bytes into it. There is a session. */
static gsize
seal(StileTunnelPeer *peer, gint64 now, const guint8 *packet, gsize size, guint8 *out)
{
    gsize message = stile_session_seal(peer->current, packet, size,
                                       stile_tunnel_padded_size(size, peer->tunnel->mtu), out);

    if (size > 0) {
        stile_stat_add(peer->stats->tx_bytes, size);
        stile_stat_add(peer->stats->tx_packets, 1);
        stile_stat_set(peer->stats->last_tx, now);
    }
    return message;
}

static gboolean
has_session(const StileTunnelPeer *peer, gint64 now)
{
    return peer->current && stile_session_usable(peer->current, now);
}

void
stile_tunnel_peer_flush(StileTunnelPeer *peer, gint64 now)
{
    while (peer->staged.length > 0 && has_session(peer, now)) {
        g_autofree StileStagedPacket *staged = g_queue_pop_head(&peer->staged);
        gsize size = seal(peer, now, staged->message + sizeof(StileMessageTransport), staged->size,
                          staged->message);

        transmit(peer, NULL, staged->message, size);
        stile_tunnel_peer_sent_transport(peer, TRUE, now);
    }
}

void
stile_tunnel_peer_keepalive(StileTunnelPeer *peer, gint64 now)
{
    guint8 message[STILE_TUNNEL_OVERHEAD];

    if (!has_session(peer, now)) {
        peer->attempts = 0;
        stile_tunnel_peer_initiate(peer, now, STILE_REKEY_TIMEOUT);
    } else if (peer->staged.length > 0) {
        stile_tunnel_peer_flush(peer, now);
    } else {
        seal(peer, now, NULL, 0, message);
        transmit(peer, NULL, message, sizeof message);
        stile_tunnel_peer_sent_transport(peer, FALSE, now);
    }
}

gsize
stile_tunnel_seal(StileTunnel *tunnel, StileTunnelPeer *peer, gint64 now, const guint8 *packet,
                  gsize size, gsize mtu, guint8 *out)
{
    gsize message;

    tunnel->mtu = mtu;
    if (G_UNLIKELY(!has_session(peer, now))) {
        peer->attempts = 0;
        stile_tunnel_peer_initiate(peer, now, STILE_REKEY_TIMEOUT);
        return 0;
    }
    message = seal(peer, now, packet, size, out);
    stile_tunnel_peer_sent_transport(peer, size > 0, now);
    return message;
}

void
stile_tunnel_queue(StileTunnel *tunnel, StileTunnelPeer *peer, const guint8 *packet, gsize size)
{
    stile_tunnel_peer_stage(peer, packet, size);
}

void
stile_tunnel_handshake(StileTunnel *tunnel, StileTunnelPeer *peer, gint64 now)
{
    peer->attempts = 0;
    stile_tunnel_peer_initiate(peer, now, G_USEC_PER_SEC);
}

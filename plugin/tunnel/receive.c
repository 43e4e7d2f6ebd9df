/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/peer.h"

#include "tunnel/packet.h"
#include "tunnel/tai64n.h"
#include <string.h>

/*
 * Whether a handshake message with a right mac1 is to be handled now (§5.3). Under load the sender
 * first has to show, by a cookie, that it is where it says; what comes carried by the main thread
 * has no address that could be forged or answered.
 */
static gboolean
admit(StileTunnel *tunnel, const StileEndpoint *from, gint64 now, const guint8 *message, gsize size)
{
    StileMessageCookie reply;

    if (!stile_cookie_under_load(&tunnel->checker, now))
        return TRUE;
    if (from->kind == STILE_ENDPOINT_CARRIED ||
        stile_cookie_check_mac2(&tunnel->checker, from, now, message, size))
        return stile_ratelimit_allow(tunnel->ratelimit, from, now);
    if (from->kind == STILE_ENDPOINT_NONE)
        return FALSE;
    stile_cookie_reply(&tunnel->checker, from, now, message, size, &reply);
    tunnel->ops.send(tunnel->user_data, NULL, from, (guint8 *)&reply, sizeof reply);
    return FALSE;
}

static StileTunnelResult
receive_initiation(StileTunnel *tunnel, const StileEndpoint *from, gint64 now,
                   const StileMessageInitiation *message, StileTunnelPeer **ret_peer)
{
    StileIkpsk2 state;
    guint8 who[STILE_KEY_SIZE], timestamp[STILE_TAI64N_SIZE];
    StileTunnelResult result = STILE_TUNNEL_UNAUTHENTICATED;
    const guint8 *static_static;
    StileTunnelPeer *peer;

    if (!stile_handshake_read_who(&state, &tunnel->self, message, who) ||
        !(peer = stile_tunnel_find(tunnel, who)) ||
        !(static_static = stile_tunnel_peer_static_static(peer)) ||
        !stile_handshake_read_initiation(&state, static_static, message, timestamp))
        goto out;
    *ret_peer = peer;
    result = STILE_TUNNEL_REPLAYED;
    if (!stile_tai64n_after(timestamp, peer->greatest_timestamp) ||
        now - peer->last_initiation_received < STILE_INITIATION_INTERVAL) {
        stile_stat_add(peer->stats->dropped, 1);
        goto out;
    }
    memcpy(peer->greatest_timestamp, timestamp, sizeof timestamp);
    peer->last_initiation_received = now;
    stile_tunnel_peer_received(peer, from, now);
    stile_tunnel_peer_respond(peer, &state, stile_message_get_u32(message->sender), from, now);
    result = STILE_TUNNEL_CONSUMED;
out:
    stile_ikpsk2_clear(&state);
    return result;
}

static StileTunnelResult
receive_response(StileTunnel *tunnel, const StileEndpoint *from, gint64 now,
                 const StileMessageResponse *message, StileTunnelPeer **ret_peer)
{
    StileIndexEntry *entry = stile_index_find(&tunnel->index,
                                              stile_message_get_u32(message->receiver));
    StileTunnelPeer *peer = entry ? entry->peer : NULL;
    StilePendingHandshake *pending = peer ? peer->pending : NULL;
    StileSession *session;

    if (!pending || entry != &pending->entry ||
        !stile_handshake_read_response(&pending->state, &tunnel->self, peer->entry->preshared_key,
                                       message))
        return STILE_TUNNEL_UNAUTHENTICATED;
    *ret_peer = peer;
    session = stile_session_new(&pending->state.noise, TRUE, stile_message_get_u32(message->sender),
                                now);
    session->entry.peer = peer;
    session->deliberate = pending->deliberate;
    stile_index_replace(&tunnel->index, &pending->entry, &session->entry);
    stile_tunnel_peer_drop_pending(peer);
    stile_tunnel_peer_install(peer, session);
    stile_tunnel_peer_derived(peer, now);
    stile_tunnel_peer_received(peer, from, now);
    stile_tunnel_peer_established(peer);
    /* The peer may not use the session before it has seen us do so. */
    stile_tunnel_peer_keepalive(peer, now);
    return STILE_TUNNEL_CONSUMED;
}

static StileTunnelResult
receive_cookie(StileTunnel *tunnel, gint64 now, const StileMessageCookie *message,
               StileTunnelPeer **ret_peer)
{
    StileIndexEntry *entry = stile_index_find(&tunnel->index,
                                              stile_message_get_u32(message->receiver));

    if (!entry || !stile_cookie_take(&entry->peer->cookie, now, message))
        return STILE_TUNNEL_UNAUTHENTICATED;
    *ret_peer = entry->peer;
    return STILE_TUNNEL_CONSUMED;
}

static StileTunnelResult
receive_transport(StileTunnel *tunnel, const StileEndpoint *from, gint64 now, guint8 *message,
                  gsize size, StileTunnelPeer **ret_peer, guint8 **ret_packet, gsize *ret_size)
{
    const StileMessageTransport *header = (const StileMessageTransport *)message;
    StileIndexEntry *entry = stile_index_find(&tunnel->index,
                                              stile_message_get_u32(header->receiver));
    guint8 *packet = message + sizeof *header;
    const guint8 *source;
    StileTunnelPeer *peer;
    gsize length;
    int family;

    if (!entry || !entry->session)
        return STILE_TUNNEL_UNAUTHENTICATED;
    peer = entry->peer;
    switch (stile_session_open(entry->session, now, message, size)) {
    case STILE_SESSION_OPENED:
        break;
    case STILE_SESSION_REPLAYED:
        *ret_peer = peer;
        stile_stat_add(peer->stats->dropped, 1);
        return STILE_TUNNEL_REPLAYED;
    case STILE_SESSION_EXPIRED:
    case STILE_SESSION_FORGED:
        return STILE_TUNNEL_UNAUTHENTICATED;
    }
    *ret_peer = peer;
    size -= STILE_TUNNEL_OVERHEAD;
    stile_tunnel_peer_received(peer, from, now);
    if (stile_tunnel_peer_confirm(peer, entry->session)) {
        stile_tunnel_peer_established(peer);
        /* Of two sessions the peer may prefer this one too, once it has seen us use it. */
        if (stile_tunnel_peer_has_crossed(peer))
            stile_tunnel_peer_keepalive(peer, now);
        else
            stile_tunnel_peer_flush(peer, now);
    }
    stile_tunnel_peer_heard(peer, entry->session);
    stile_tunnel_peer_received_transport(peer, size > 0, now);
    if (size == 0)
        return STILE_TUNNEL_CONSUMED;
    if (!stile_packet_parse(packet, size, &length, &family, &source))
        return STILE_TUNNEL_MALFORMED;
    if (stile_tunnel_route(tunnel, family, source) != peer)
        return STILE_TUNNEL_DISALLOWED;
    stile_stat_add(peer->stats->rx_bytes, length);
    stile_stat_add(peer->stats->rx_packets, 1);
    *ret_packet = packet;
    *ret_size = length;
    return STILE_TUNNEL_PACKET;
}

StileTunnelResult
stile_tunnel_receive(StileTunnel *tunnel, const StileEndpoint *from, gint64 now, guint8 *message,
                     gsize size, StileTunnelPeer **ret_peer, guint8 **ret_packet, gsize *ret_size)
{
    StileMessageType type = stile_message_type(message, size);

    *ret_peer = NULL;
    *ret_packet = NULL;
    *ret_size = 0;
    switch (type) {
    case STILE_MESSAGE_NONE:
        return STILE_TUNNEL_MALFORMED;
    case STILE_MESSAGE_TRANSPORT:
        return receive_transport(tunnel, from, now, message, size, ret_peer, ret_packet, ret_size);
    case STILE_MESSAGE_COOKIE:
        return receive_cookie(tunnel, now, (const StileMessageCookie *)message, ret_peer);
    case STILE_MESSAGE_INITIATION:
    case STILE_MESSAGE_RESPONSE:
        break;
    }
    if (!stile_cookie_check_mac1(&tunnel->checker, message, size))
        return STILE_TUNNEL_UNAUTHENTICATED;
    if (!admit(tunnel, from, now, message, size))
        return STILE_TUNNEL_UNAUTHENTICATED;
    if (type == STILE_MESSAGE_INITIATION)
        return receive_initiation(tunnel, from, now, (const StileMessageInitiation *)message,
                                  ret_peer);
    return receive_response(tunnel, from, now, (const StileMessageResponse *)message, ret_peer);
}

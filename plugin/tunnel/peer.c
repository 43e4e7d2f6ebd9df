/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/peer.h"

#include <string.h>

/* Two handshakes that were begun at once are finished within a round trip of each other. Longer,
 * and a peer that was started anew would be taken for one that began at the same time as we did. */
#define CROSSING (1 * G_USEC_PER_SEC)

StileTunnelPeer *
stile_tunnel_peer_new(StileTunnel *tunnel, const StileTablePeer *entry)
{
    StileTunnelPeer *peer = g_new0(StileTunnelPeer, 1);

    peer->tunnel = tunnel;
    memcpy(peer->public_key, entry->public_key, STILE_KEY_SIZE);
    peer->entry = entry;
    peer->stats = stile_peer_stats_ref(entry->stats);
    peer->last_initiation_received = peer->last_initiation_sent = STILE_NEVER;
    peer->last_stamp = STILE_NEVER;
    stile_timers_init(&peer->timers, &tunnel->timers, peer);
    stile_cookie_init(&peer->cookie, peer->public_key);
    g_queue_init(&peer->staged);
    return peer;
}

void
stile_tunnel_peer_free(StileTunnelPeer *peer)
{
    stile_timers_clear(&peer->timers);
    stile_tunnel_peer_forget_keys(peer);
    g_queue_clear_full(&peer->staged, g_free);
    stile_peer_stats_unref(peer->stats);
    stile_memory_wipe(peer->static_static, sizeof peer->static_static);
    g_free(peer);
}

void
stile_tunnel_peer_update(StileTunnelPeer *peer, const StileTablePeer *entry, gint64 now)
{
    StileEndpoint before = peer->entry->path;
    guint16 interval = peer->entry->persistent_keepalive;

    peer->entry = entry;
    if (peer->stats != entry->stats) {
        stile_peer_stats_unref(peer->stats);
        peer->stats = stile_peer_stats_ref(entry->stats);
    }
    if (entry->persistent_keepalive != interval) {
        if (entry->persistent_keepalive)
            stile_timers_set(&peer->timers, STILE_PEER_TIMER_PERSISTENT_KEEPALIVE, now);
        else
            stile_timers_stop(&peer->timers, STILE_PEER_TIMER_PERSISTENT_KEEPALIVE);
    }
    /* What waits for an answer that was asked for on another path, or could not be asked for, is
     * asked for at once on this one; but a path that flaps must not make a flood. */
    if (!stile_endpoint_equal(&entry->path, &before) &&
        (stile_timers_is_set(&peer->timers, STILE_PEER_TIMER_RETRANSMIT) || peer->staged.length))
        stile_timers_set(&peer->timers, STILE_PEER_TIMER_RETRANSMIT,
                         MAX(now, peer->last_initiation_sent + G_USEC_PER_SEC));
}

const guint8 *
stile_tunnel_peer_static_static(StileTunnelPeer *peer)
{
    /* Not before it is needed: most peers of a big network are never spoken to. */
    if (!peer->has_static_static)
        peer->has_static_static = stile_x25519(peer->tunnel->self.private_key, peer->public_key,
                                               peer->static_static);
    return peer->has_static_static ? peer->static_static : NULL;
}

static void
drop_session(StileTunnelPeer *peer, StileSession **session)
{
    if (*session)
        stile_index_remove(&peer->tunnel->index, &(*session)->entry);
    g_clear_pointer(session, stile_session_free);
}

static void
move_session(StileTunnelPeer *peer, StileSession **to, StileSession **from)
{
    drop_session(peer, to);
    *to = g_steal_pointer(from);
}

/*
 * When both sides begin at once, both handshakes may succeed. Either session would do, but if each
 * side ended up sending with the one that the other began, nobody would be its initiator and so
 * nobody would renew it in time. Both prefer the one that was begun by the greater key, as soon as
 * the peer has shown that it has it: one that was started anew does not, and looks the same.
 */
static gboolean
crossed(const StileSession *session, const StileSession *other)
{
    return other && session->initiator != other->initiator && !session->deliberate &&
           !other->deliberate && ABS(session->created - other->created) < CROSSING;
}

static gboolean
loses(const StileTunnelPeer *peer, const StileSession *session, const StileSession *other)
{
    gboolean we_win = memcmp(peer->tunnel->self.public_key, peer->public_key, STILE_KEY_SIZE) > 0;

    return crossed(session, other) && other->heard && session->initiator != we_win;
}

void
stile_tunnel_peer_install(StileTunnelPeer *peer, StileSession *session)
{
    if (!session->initiator) {
        session->deliberate = peer->current && peer->current->heard;
        move_session(peer, &peer->next, &session);
        return;
    }
    if (loses(peer, session, peer->current)) {
        move_session(peer, &peer->previous, &session);
        return;
    }
    /* The peer may be about to use it, unless it could have done so long ago. */
    if (peer->next && !crossed(session, peer->next))
        drop_session(peer, &peer->next);
    move_session(peer, &peer->previous, &peer->current);
    peer->current = session;
}

gboolean
stile_tunnel_peer_confirm(StileTunnelPeer *peer, StileSession *session)
{
    if (session != peer->next)
        return FALSE;
    if (loses(peer, session, peer->current)) {
        move_session(peer, &peer->previous, &peer->next);
    } else {
        move_session(peer, &peer->previous, &peer->current);
        peer->current = g_steal_pointer(&peer->next);
    }
    return TRUE;
}

gboolean
stile_tunnel_peer_has_crossed(const StileTunnelPeer *peer)
{
    return peer->previous && crossed(peer->previous, peer->current);
}

void
stile_tunnel_peer_heard(StileTunnelPeer *peer, StileSession *session)
{
    session->heard = TRUE;
    if (session != peer->previous || !crossed(session, peer->current) ||
        loses(peer, session, peer->current))
        return;
    peer->previous = peer->current;
    peer->current = session;
}

void
stile_tunnel_peer_drop_pending(StileTunnelPeer *peer)
{
    if (!peer->pending)
        return;
    stile_index_remove(&peer->tunnel->index, &peer->pending->entry);
    stile_ikpsk2_clear(&peer->pending->state);
    g_clear_pointer(&peer->pending, g_free);
}

void
stile_tunnel_peer_forget_keys(StileTunnelPeer *peer)
{
    stile_tunnel_peer_drop_pending(peer);
    drop_session(peer, &peer->current);
    drop_session(peer, &peer->previous);
    drop_session(peer, &peer->next);
}

void
stile_tunnel_peer_stage(StileTunnelPeer *peer, const guint8 *packet, gsize size)
{
    StileStagedPacket *staged = g_malloc(sizeof *staged + STILE_TUNNEL_OVERHEAD +
                                         (size + 15) / 16 * 16);

    if (peer->staged.length >= STILE_TUNNEL_MAX_STAGED) {
        g_free(g_queue_pop_head(&peer->staged));
        stile_stat_add(peer->stats->dropped, 1);
    }
    staged->size = size;
    memcpy(staged->message + sizeof(StileMessageTransport), packet, size);
    g_queue_push_tail(&peer->staged, staged);
}

void
stile_tunnel_peer_drop_staged(StileTunnelPeer *peer)
{
    stile_stat_add(peer->stats->dropped, peer->staged.length);
    g_queue_clear_full(&peer->staged, g_free);
}

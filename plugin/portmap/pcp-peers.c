/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/pcp-peers.h"

#include <string.h>

#define LIFETIME       3600 /* seconds */
#define MAX_PEERS      64   /* addresses, of all members together */
#define FIRST_INTERVAL (500 * G_TIME_SPAN_MILLISECOND)
#define MAX_INTERVAL   (1024 * G_USEC_PER_SEC) /* RFC 6887 §8.1.1 */
#define MIN_REFUSED    (30 * G_USEC_PER_SEC)
#define MAX_REFUSED    (1800 * G_USEC_PER_SEC) /* RFC 6887 §8.3 */

struct _StilePcpPeers {
    StileClock *clock;
    StileAddress internal;
    const StilePcpPeersCalls *calls;
    gpointer user_data;
    gboolean wanted;
    GPtrArray *list; /* of Peer */
};

typedef struct {
    StilePcpPeers *peers;
    StileAddress remote;
    guint8 nonce[STILE_PCP_NONCE_SIZE];
    StileTimer *timer;
    gint64 interval;
    StileAddress external; /* unset: not known */
    gint64 expires;
} Peer;

static void
send_request(Peer *peer, guint32 lifetime)
{
    StilePcpPeers *peers = peer->peers;
    guint8 request[STILE_PCP_PEER_SIZE];

    stile_pcp_build_peer(request, &peers->internal, peer->nonce,
                         stile_address_is_set(&peer->external) ? &peer->external : NULL,
                         &peer->remote, lifetime);
    peers->calls->send(peers->user_data, request, sizeof request);
}

static void
ask(Peer *peer)
{
    gint64 next = stile_clock_now(peer->peers->clock) + peer->interval;

    if (peer->peers->wanted) {
        send_request(peer, LIFETIME);
        peer->interval = MIN(peer->interval * 2, MAX_INTERVAL);
    } else if (stile_address_is_set(&peer->external)) {
        next = peer->expires;
    } else {
        stile_timer_stop(peer->timer);
        return;
    }
    if (stile_address_is_set(&peer->external))
        next = MIN(next, peer->expires);
    stile_timer_set(peer->timer, next);
}

static void
ask_afresh(Peer *peer)
{
    peer->interval = FIRST_INTERVAL;
    ask(peer);
}

static void
on_timer(gpointer user_data)
{
    Peer *peer = user_data;
    StilePcpPeers *peers = peer->peers;
    StileAddress remote = peer->remote;

    if (!stile_address_is_set(&peer->external) || peer->expires > stile_clock_now(peers->clock)) {
        ask(peer);
        return;
    }
    peer->external = (StileAddress){0};
    ask_afresh(peer);
    peers->calls->changed(peers->user_data, &remote, NULL);
}

static void
peer_free(gpointer pointer)
{
    Peer *peer = pointer;

    if (stile_address_is_set(&peer->external))
        send_request(peer, 0);
    stile_timer_free(peer->timer);
    g_free(peer);
}

StilePcpPeers *
stile_pcp_peers_new(StileClock *clock, const StileAddress *internal,
                    const StilePcpPeersCalls *calls, gpointer user_data)
{
    StilePcpPeers *peers = g_new0(StilePcpPeers, 1);

    peers->clock = stile_clock_ref(clock);
    peers->internal = *internal;
    peers->calls = calls;
    peers->user_data = user_data;
    peers->list = g_ptr_array_new_with_free_func(peer_free);
    return peers;
}

void
stile_pcp_peers_free(StilePcpPeers *peers)
{
    if (!peers)
        return;
    g_ptr_array_unref(peers->list);
    stile_clock_unref(peers->clock);
    g_free(peers);
}

static Peer *
find(StilePcpPeers *peers, const StileAddress *remote)
{
    for (guint i = 0; i < peers->list->len; i++) {
        Peer *peer = peers->list->pdata[i];

        if (stile_address_equal(&peer->remote, remote))
            return peer;
    }
    return NULL;
}

void
stile_pcp_peers_add(StilePcpPeers *peers, const StileAddress *remote)
{
    Peer *peer = find(peers, remote);

    if (peer && !stile_address_is_set(&peer->external))
        return; /* under way */
    if (!peer) {
        if (peers->list->len >= MAX_PEERS)
            return;
        peer = g_new0(Peer, 1);
        peer->peers = peers;
        peer->remote = *remote;
        peer->timer = stile_timer_new(peers->clock, on_timer, peer);
        stile_clock_random(peers->clock, peer->nonce, sizeof peer->nonce);
        g_ptr_array_add(peers->list, peer);
    }
    ask_afresh(peer);
}

void
stile_pcp_peers_remove(StilePcpPeers *peers, const StileAddress *remote)
{
    Peer *peer = find(peers, remote);

    if (peer)
        g_ptr_array_remove(peers->list, peer);
}

void
stile_pcp_peers_renew(StilePcpPeers *peers)
{
    for (guint i = 0; i < peers->list->len; i++)
        ask_afresh(peers->list->pdata[i]);
}

void
stile_pcp_peers_set_wanted(StilePcpPeers *peers, gboolean wanted)
{
    if (wanted == peers->wanted)
        return;
    peers->wanted = wanted;
    stile_pcp_peers_renew(peers);
}

static gint64
refused_for(guint32 seconds)
{
    gint64 wait = (gint64)seconds * G_USEC_PER_SEC;

    return CLAMP(wait, MIN_REFUSED, MAX_REFUSED);
}

void
stile_pcp_peers_receive(StilePcpPeers *peers, const StilePcpResponse *response)
{
    Peer *peer = response->has_map ? find(peers, &response->remote) : NULL;
    gint64 now = stile_clock_now(peers->clock), life;
    StileAddress remote, external;

    if (!peer || response->protocol != IPPROTO_UDP ||
        response->internal_port != stile_address_port(&peers->internal) ||
        memcmp(response->nonce, peer->nonce, sizeof peer->nonce) != 0)
        return;
    if (response->result != STILE_PCP_SUCCESS) {
        gint64 again = now + refused_for(response->lifetime);

        peer->interval = FIRST_INTERVAL;
        stile_timer_set(peer->timer,
                        stile_address_is_set(&peer->external) ? MIN(again, peer->expires) : again);
        return;
    }
    if (response->lifetime == 0 || !stile_address_port(&response->external))
        return;
    life = (gint64)MIN(response->lifetime, LIFETIME) * G_USEC_PER_SEC;
    remote = peer->remote;
    external = peer->external = response->external;
    peer->expires = now + life;
    peer->interval = FIRST_INTERVAL;
    stile_timer_set(peer->timer, peers->wanted ? now + life / 2 : peer->expires);
    peers->calls->changed(peers->user_data, &remote, &external);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "icepeer.h"

#include <string.h>

typedef struct {
    IcePeer *to;
    char *ufrag; /* NULL: a candidate */
    char *password;
    guint8 data[128];
    gsize size;
    StileTimer *timer;
} Signal;

static void
signal_free(Signal *signal)
{
    stile_timer_free(signal->timer);
    g_free(signal->ufrag);
    g_free(signal->password);
    g_free(signal);
}

static void
on_signal(gpointer user_data)
{
    Signal *signal = user_data;
    IcePeer *to = signal->to;

    if (to->agent && signal->ufrag) {
        stile_ice_agent_set_remote_credentials(to->agent, signal->ufrag, signal->password);
    } else if (to->agent) {
        StileReader reader = STILE_READER_INIT(signal->data, signal->size);
        StileCandidate candidate;

        g_assert_true(stile_candidate_read(&candidate, &reader));
        g_assert_true(stile_reader_done(&reader));
        stile_ice_agent_add_remote(to->agent, &candidate);
    }
    g_ptr_array_remove(to->signals, signal);
}

static Signal *
signal_new(IcePeer *to)
{
    Signal *signal = g_new0(Signal, 1);

    signal->to = to;
    signal->timer = stile_timer_new(to->end.clock, on_signal, signal);
    stile_timer_set_after(signal->timer, to->signalling_delay);
    g_ptr_array_add(to->signals, signal);
    return signal;
}

static void
signal_candidate(IcePeer *to, const StileCandidate *candidate)
{
    Signal *signal = signal_new(to);
    StileWriter writer = STILE_WRITER_INIT(signal->data, sizeof signal->data);

    stile_candidate_write(candidate, &writer);
    g_assert_false(writer.failed);
    signal->size = writer.used;
}

static void
on_receive(gpointer user_data, const StileStunMessage *message, const StileEndpoint *from)
{
    IcePeer *peer = user_data;

    if (peer->agent && stile_ice_agent_owns(peer->agent, message))
        stile_ice_agent_receive(peer->agent, message, from);
}

void
ice_peer_use_nat64(IcePeer *peer, SimNat *nat, const char *prefix)
{
    sim_end_use_nat64(&peer->end, nat, prefix);
    stile_ice_agent_set_nat64(peer->agent, &peer->end.prefix);
}

static void
on_added(gpointer user_data, const StileCandidate *candidate)
{
    IcePeer *peer = user_data;

    peer->n_added++;
    if (peer->agent)
        stile_ice_agent_add_local(peer->agent, candidate);
    if (peer->other)
        signal_candidate(peer->other, candidate);
}

static void
on_removed(gpointer user_data, const StileCandidate *candidate)
{
    IcePeer *peer = user_data;

    if (peer->agent)
        stile_ice_agent_remove_local(peer->agent, candidate);
}

static void
on_complete(gpointer user_data)
{
    ((IcePeer *)user_data)->n_completed++;
}

static void
on_readdressed(gpointer user_data)
{
    ((IcePeer *)user_data)->n_readdressed++;
}

static void
on_pair_changed(gpointer user_data, const StileIcePair *pair)
{
    IcePeer *peer = user_data;

    if (pair->state == STILE_ICE_PAIR_FAILED)
        peer->n_failed++;
    if (pair->state == STILE_ICE_PAIR_SUCCEEDED && peer->heartbeat > 0)
        stile_ice_agent_set_heartbeat(peer->agent, pair->id, peer->heartbeat);
    if (pair->state == STILE_ICE_PAIR_SUCCEEDED && peer->free_on_success)
        g_clear_pointer(&peer->agent, stile_ice_agent_free);
}

static void
on_pair_removed(gpointer user_data, const StileIcePair *pair)
{
    ((IcePeer *)user_data)->n_removed++;
}

static void
on_idle(gpointer user_data)
{
    ((IcePeer *)user_data)->n_idle++;
}

static void
on_permit(gpointer user_data, const StileAddress *remote)
{
    IcePeer *peer = user_data;

    peer->n_permits++;
    peer->last_permit = *remote;
    sim_end_permit(&peer->end, remote);
}

IcePeer *
ice_peer_new(StileClock *clock, SimNet *net, SimNat *nat, const char *local, gboolean controlling)
{
    static const StileGathererOps gatherer_ops = {on_added, on_removed, on_complete,
                                                  on_readdressed};
    static const StileIceAgentOps agent_ops = {on_pair_changed, on_pair_removed, on_idle,
                                               on_permit};
    IcePeer *peer = g_new0(IcePeer, 1);

    sim_end_init(&peer->end, clock, net, nat, local, &gatherer_ops, on_receive, peer);
    peer->agent = stile_ice_agent_new(clock, peer->end.transactions, controlling, &agent_ops, peer);
    peer->signals = g_ptr_array_new_with_free_func((GDestroyNotify)signal_free);
    peer->signalling_delay = 40 * G_TIME_SPAN_MILLISECOND;
    return peer;
}

void
ice_peer_free(IcePeer *peer)
{
    g_ptr_array_unref(peer->signals);
    stile_ice_agent_free(peer->agent);
    sim_end_clear(&peer->end);
    g_free(peer);
}

void
ice_peer_signal_all(IcePeer *peer)
{
    const GArray *candidates = stile_gatherer_candidates(peer->end.gatherer);
    Signal *signal = signal_new(peer->other);

    signal->ufrag = g_strdup(stile_ice_agent_ufrag(peer->agent));
    signal->password = g_strdup(stile_ice_agent_password(peer->agent));
    for (guint i = 0; i < candidates->len; i++)
        signal_candidate(peer->other, &g_array_index(candidates, StileCandidate, i));
}

void
ice_peer_introduce(IcePeer *a, IcePeer *b)
{
    a->other = b;
    b->other = a;
    ice_peer_signal_all(a);
    ice_peer_signal_all(b);
}

gboolean
ice_peers_connect(IcePeer *a, IcePeer *b, gint64 limit)
{
    gint64 end = stile_clock_now(a->end.clock) + limit;

    while (!stile_ice_agent_selected(a->agent) || !stile_ice_agent_selected(b->agent)) {
        if (stile_clock_now(a->end.clock) >= end)
            return FALSE;
        stile_clock_advance(a->end.clock, G_TIME_SPAN_MILLISECOND);
    }
    return TRUE;
}

gboolean
ice_peer_is_direct(const IcePeer *peer)
{
    const StileIcePair *pair = stile_ice_agent_selected(peer->agent);

    return pair && pair->local.type != STILE_CANDIDATE_RELAYED &&
           pair->remote.type != STILE_CANDIDATE_RELAYED;
}

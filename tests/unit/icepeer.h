/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/agent.h"
#include "simend.h"

G_BEGIN_DECLS

/*
 * One end of an ICE session in a simulated network, with its agent. Two of them signal to each
 * other, written and read as on the wire, with a delay.
 */

typedef struct _IcePeer IcePeer;
struct _IcePeer {
    SimEnd end;
    StileIceAgent *agent;
    IcePeer *other;
    GPtrArray *signals;
    gint64 signalling_delay;
    gint64 heartbeat; /* set on each pair that succeeds; 0: none */
    gboolean free_on_success;
    guint n_added, n_completed, n_idle, n_removed, n_permits, n_failed, n_readdressed;
    StileAddress last_permit;
};

/** @local: with port */
IcePeer *ice_peer_new(StileClock *clock, SimNet *net, SimNat *nat, const char *local,
                      gboolean controlling);
void ice_peer_free(IcePeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IcePeer, ice_peer_free)

/** Puts it, who has IPv6 only, behind a NAT64 that is @nat towards the internet. */
void ice_peer_use_nat64(IcePeer *peer, SimNat *nat, const char *prefix);
/** From now on each is told what the other has and finds. */
void ice_peer_introduce(IcePeer *a, IcePeer *b);
/** Sends credentials and all candidates again, as after a restart. */
void ice_peer_signal_all(IcePeer *peer);

/** Lets time pass, at most @limit, until both have selected a pair. */
gboolean ice_peers_connect(IcePeer *a, IcePeer *b, gint64 limit);
/** Whether @peer's selected pair goes through no relay, of either side. */
gboolean ice_peer_is_direct(const IcePeer *peer);

G_END_DECLS

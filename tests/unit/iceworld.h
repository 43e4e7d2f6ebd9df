/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "icepeer.h"

G_BEGIN_DECLS

/* Two peers on the internet itself, at 203.0.113.1 and .2, port 50000, and their agents. */
typedef struct {
    StileClock *clock;
    SimNet *net;
    IcePeer *a, *b;
} IceWorld;

void ice_world_open(IceWorld *world, guint32 seed, gboolean a_controls, gboolean b_controls);
void ice_world_close(IceWorld *world);
/** Introduces them, and lets time pass until both have selected a pair. */
void ice_world_connect(IceWorld *world);

/** The state of @peer's only pair. */
StileIcePairState ice_peer_state(IcePeer *peer);
guint ice_peer_n_pairs(IcePeer *peer);
gboolean ice_peer_has_pair_to(IcePeer *peer, const char *ip);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "mesh/store.h"
#include "nat/inquiry.h"
#include "nat/mapping.h"
#include "stile.h"

G_BEGIN_DECLS

/* The inner side of StileNetwork: what the engine does with it. */

/** @state: (transfer full). @store: (transfer none): outlives the network */
StileNetwork *stile_network_new(StileClock *clock, StileStore *store, StileNetworkState *state);
const StileNetworkState *stile_network_state(StileNetwork *network);
/** Up again if it was when the service died, or if it is to be always. Errors go to the journal. */
void stile_network_resume(StileNetwork *network);
/** Down, without remembering it. */
void stile_network_stop(StileNetwork *network);
/** Returns: (transfer full): of StileNatServer: the members that answer STUN now; the signal
 * `stun-changed` tells of others */
GArray *stile_network_stun_servers(StileNetwork *network);
/** As stile_underlay_set_nat64(), while it is up. Its signal `readdressed` says that our address on
 * the internet is another one. */
void stile_network_set_nat64(StileNetwork *network, const StilePrefix *prefix);
/** What the NAT filters, as far as known: from now on, while it is up. */
void stile_network_set_filtering(StileNetwork *network, StileNatBehaviour filtering);
/** Once a second while somebody watches: counters and round-trip times. */
void stile_network_tick(StileNetwork *network);

G_END_DECLS

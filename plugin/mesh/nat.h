/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "nat/prober.h"
#include "stile.h"

G_BEGIN_DECLS

/* The inner side of StileNat: what the engine does with it. */

/** Returns: (transfer full): the STUN servers to ask when nobody says which */
typedef GStrv (*StileNatServers)(gpointer user_data);

/** Returns: (transfer full): of StileNatServer: members, asked when none of the servers answers */
typedef GArray *(*StileNatMembers)(gpointer user_data);

/** Errors: those of stile_links_new() */
StileNat *stile_nat_new(StileClock *clock, StileNatServers servers, StileNatMembers members,
                        gpointer user_data, GError **error);
/** Ends what is under way; who waits gets an error. */
void stile_nat_stop(StileNat *nat);
/** Probes if that was not done since the network changed and there is a server to ask. */
void stile_nat_refresh(StileNat *nat);
/** Probes soon if that was done before: our address on the internet is another one. */
void stile_nat_repeat(StileNat *nat);
/** Other members answer than before: probes if that may tell more than is known. */
void stile_nat_members_changed(StileNat *nat);
/** Returns: (nullable): what the last probe found, %NULL before the first */
const StileNatReport *stile_nat_report(StileNat *nat);
/** Returns: the prefix of the NAT64 here, length 0 for none; `notify::nat64-prefix` says when that
 * may have changed */
StilePrefix stile_nat_nat64(StileNat *nat);

G_END_DECLS

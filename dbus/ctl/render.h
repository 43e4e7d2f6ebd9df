/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "snapshot.h"

G_BEGIN_DECLS

/* What a person reads. Each appends lines to @out; @network and @peer are object paths. */

/** A network, its brokers and relays, and a line for each peer with the reason if it is not direct.
 */
void ctl_render_network(Ctl *ctl, CtlSnapshot *snapshot, const char *network, GString *out);
/** All networks, a line each. */
void ctl_render_list(Ctl *ctl, CtlSnapshot *snapshot, GString *out);
/** The peers of @networks, a line each. */
void ctl_render_peers(Ctl *ctl, CtlSnapshot *snapshot, char **networks, GString *out);
/** All that is known of one peer. */
void ctl_render_peer(Ctl *ctl, CtlSnapshot *snapshot, const char *peer, GString *out);
/** What stands between this machine and the internet, and what that means. */
void ctl_render_nat(Ctl *ctl, CtlSnapshot *snapshot, const char *nat, GString *out);

G_END_DECLS

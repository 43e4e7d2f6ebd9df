/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/agent.h"

G_BEGIN_DECLS

/**
 * stile_technique_of_pair:
 * @locals: of StileCandidate: all that we have told the peer
 *
 * What a way is called: by the one of its ends that took more to be found. Where the peer is
 * reached at an outside address that is ours, too, it is behind the same NAT, which turns our
 * packets around: `hairpin`. Pure.
 */
StileTechnique stile_technique_of_pair(const StileIcePair *pair, const GArray *locals);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/candidate.h"

G_BEGIN_DECLS

/* What the internet sees of two machines, and what of that is of use to them. Pure. The arrays are
 * of StileCandidate. */

/** Whether both are behind one outermost NAT: a STUN server saw the same IPv4 address of both. */
gboolean stile_outside_is_shared(const GArray *mine, const GArray *theirs);

/**
 * stile_outside_may_tell:
 * @mine: all local candidates
 * @shared: stile_outside_is_shared() with that peer
 *
 * A router whose own outer address is not what STUN servers see of us is behind another NAT: its
 * port mappings end there, and only a peer behind that same NAT can use them. To others the address
 * may be a stranger's, and who we share it with is none of their business.
 *
 * Returns: whether the peer is to be told @candidate
 */
gboolean stile_outside_may_tell(const StileCandidate *candidate, const GArray *mine,
                                gboolean shared);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/candidate.h"
#include "nice/candidate.h"

G_BEGIN_DECLS

/** Returns: (transfer full): the face of @candidate */
NiceCandidate *stile_nice_candidate_new(const StileCandidate *candidate, guint stream_id);
/** Returns: %FALSE when it is not UDP or has no address */
gboolean stile_nice_candidate_to_stile(const NiceCandidate *candidate, StileCandidate *ret);
gboolean stile_nice_address_to_stile(const NiceAddress *addr, StileAddress *ret);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "io/endpoint.h"

G_BEGIN_DECLS

#define STILE_RATELIMIT_PER_SECOND 20
#define STILE_RATELIMIT_BURST      5

/**
 * StileRatelimit:
 *
 * Token buckets by source address: how many handshakes from one place are worth our time while
 * there is too much to do (§5.3). Of fixed size: sources that fall into the same bucket share it,
 * and which do is secret.
 */
typedef struct _StileRatelimit StileRatelimit;

StileRatelimit *stile_ratelimit_new(StileClock *clock);
void stile_ratelimit_free(StileRatelimit *ratelimit);

/** Returns: whether one more from there may be handled now. IPv6 counts by /64. */
gboolean stile_ratelimit_allow(StileRatelimit *ratelimit, const StileEndpoint *from, gint64 now);

G_END_DECLS

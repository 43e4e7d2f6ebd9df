/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/message.h"

G_BEGIN_DECLS

/* Low bits of a timestamp are cleared to this many nanoseconds: the largest power of two below the
 * shortest time between two initiations that a responder accepts. */
#define STILE_TAI64N_GRAIN (1 << 25)

/**
 * stile_tai64n:
 * @real: stile_clock_real()
 *
 * The timestamp of an initiation (§5.1). A finer one would tell the network how far this machine's
 * clock has drifted, which is good for recognising it and for attacking by time.
 */
void stile_tai64n(gint64 real, guint8 ret[STILE_TAI64N_SIZE]);

/** Returns: whether @a is later than @b */
gboolean stile_tai64n_after(const guint8 a[STILE_TAI64N_SIZE], const guint8 b[STILE_TAI64N_SIZE]);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/tai64n.h"

#include "base/bytes.h"
#include <string.h>

/* 1970 in TAI64, with the ten leap seconds that every implementation counts and no later ones. */
#define TAI64_EPOCH G_GUINT64_CONSTANT(0x400000000000000a)

void
stile_tai64n(gint64 real, guint8 ret[STILE_TAI64N_SIZE])
{
    StileWriter writer = STILE_WRITER_INIT(ret, STILE_TAI64N_SIZE);
    guint64 past = (guint64)MAX(real, 0);
    guint32 nanoseconds = (guint32)(past % G_USEC_PER_SEC * 1000);

    stile_writer_u64be(&writer, TAI64_EPOCH + past / G_USEC_PER_SEC);
    stile_writer_u32be(&writer, nanoseconds & ~(guint32)(STILE_TAI64N_GRAIN - 1));
}

gboolean
stile_tai64n_after(const guint8 a[STILE_TAI64N_SIZE], const guint8 b[STILE_TAI64N_SIZE])
{
    return memcmp(a, b, STILE_TAI64N_SIZE) > 0;
}

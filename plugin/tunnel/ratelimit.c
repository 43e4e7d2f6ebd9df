/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/ratelimit.h"

#include "crypto/hash.h"
#include "crypto/keys.h"
#include <string.h>

#define BUCKETS    1024
#define TOKEN_COST (G_USEC_PER_SEC / STILE_RATELIMIT_PER_SECOND)

/* A bucket is the time at which it is full again: full when that has passed. */
struct _StileRatelimit {
    guint8 key[STILE_BLAKE2S_SIZE];
    gint64 full_at[BUCKETS];
};

StileRatelimit *
stile_ratelimit_new(StileClock *clock)
{
    StileRatelimit *ratelimit = g_new0(StileRatelimit, 1);

    stile_clock_random(clock, ratelimit->key, sizeof ratelimit->key);
    for (gsize i = 0; i < BUCKETS; i++)
        ratelimit->full_at[i] = G_MININT64;
    return ratelimit;
}

void
stile_ratelimit_free(StileRatelimit *ratelimit)
{
    g_free(ratelimit);
}

gboolean
stile_ratelimit_allow(StileRatelimit *ratelimit, const StileEndpoint *from, gint64 now)
{
    guint8 source[1 + 8] = {(guint8)from->kind}, hash[STILE_MAC_SIZE];
    gsize size;
    const guint8 *ip = stile_address_ip(&from->remote, &size);
    gint64 *bucket;
    guint32 number;

    if (size > 0)
        memcpy(source + 1, ip, MIN(size, 8));
    stile_blake2s_mac(ratelimit->key, sizeof ratelimit->key, source, sizeof source, hash);
    memcpy(&number, hash, sizeof number);
    bucket = &ratelimit->full_at[number % BUCKETS];
    if (*bucket > now + (STILE_RATELIMIT_BURST - 1) * TOKEN_COST)
        return FALSE;
    *bucket = MAX(*bucket, now) + TOKEN_COST;
    return TRUE;
}

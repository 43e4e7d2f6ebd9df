/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/checksum.h"

#include <string.h>

/* Eight 32-bit lanes; the compiler makes one AVX2 register of it, two of SSE2 or NEON, or plain
 * numbers. Each lane takes two 16-bit words of every block: 2^15 blocks fit before it overflows. */
typedef guint32 Lanes __attribute__((vector_size(32)));

#define MAX_RUN ((gsize)sizeof(Lanes) << 14)

static inline __attribute__((always_inline)) guint64
sum_blocks(const guint8 *data, gsize size)
{
    Lanes low = {0}, high = {0};
    guint64 sum = 0;

    for (gsize at = 0; at < size; at += sizeof(Lanes)) {
        Lanes words;

        memcpy(&words, data + at, sizeof words);
        low += words & 0xffff;
        high += words >> 16;
    }
    for (gsize i = 0; i < sizeof(Lanes) / sizeof(guint32); i++)
        sum += (guint64)low[i] + high[i];
    return sum;
}

static guint64
sum_blocks_portable(const guint8 *data, gsize size)
{
    return sum_blocks(data, size);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static guint64
sum_blocks_avx2(const guint8 *data, gsize size)
{
    return sum_blocks(data, size);
}

/* Chosen here rather than by an ifunc, which would run before a sanitizer is ready. */
#define SUM_BLOCKS(data, size)                                                                     \
    (__builtin_cpu_supports("avx2") ? sum_blocks_avx2(data, size) : sum_blocks_portable(data, size))
#else
#define SUM_BLOCKS(data, size) sum_blocks_portable(data, size)
#endif

static guint64
sum_rest(const guint8 *data, gsize size)
{
    guint64 sum = 0;
    guint16 word;

    for (; size >= sizeof word; data += sizeof word, size -= sizeof word) {
        memcpy(&word, data, sizeof word);
        sum += word;
    }
    if (size > 0) {
        word = 0;
        memcpy(&word, data, 1);
        sum += word;
    }
    return sum;
}

guint32
stile_checksum_add(guint32 sum, const void *bytes, gsize size)
{
    const guint8 *data = bytes;
    guint64 total = sum;

    while (size >= sizeof(Lanes)) {
        gsize run = MIN(size & ~(sizeof(Lanes) - 1), MAX_RUN);

        total += SUM_BLOCKS(data, run);
        data += run;
        size -= run;
    }
    total += sum_rest(data, size);
    total = (total & 0xffffffff) + (total >> 32);
    total = (total & 0xffff) + (total >> 16 & 0xffff) + (total >> 32);
    return (guint32)total;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as what a TURN server says over a stream: they fall into the same frames in one piece
 * and byte by byte, every frame is what it is said to be, and no byte is in two. */
#include "stun/channel-data.h"
#include "stun/frames.h"
#include "stun/message.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(StileFrame frame, const guint8 *data, gsize size, gsize whole)
{
    const guint8 *payload;
    gsize payload_size;
    guint16 channel;

    g_assert(whole % 4 == 0 && whole >= size && whole - size == stile_frame_padding(size));
    g_assert(whole <= STILE_FRAME_MAX_SIZE);
    if (frame == STILE_FRAME_STUN) {
        g_assert(stile_stun_looks_like(data, size) && whole == size);
    } else {
        g_assert(stile_channel_data_parse(data, size, &channel, &payload, &payload_size));
        g_assert(payload_size == size - STILE_CHANNEL_DATA_HEADER_SIZE);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gsize at = 0, length, whole, early, early_whole;
    StileFrame frame;

    if (size == 0)
        return 0;
    while ((frame = stile_frame_find(data + at, size - at, &length, &whole)) == STILE_FRAME_STUN ||
           frame == STILE_FRAME_CHANNEL_DATA) {
        check(frame, data + at, length, whole);
        g_assert(whole <= size - at);
        /* Not one byte earlier, and not judged otherwise before. */
        for (gsize n = 0; n < whole; n++)
            g_assert(stile_frame_find(data + at, n, &early, &early_whole) == STILE_FRAME_PART);
        at += whole;
    }
    if (frame == STILE_FRAME_PART)
        g_assert(size - at < STILE_FRAME_MAX_SIZE);
    return 0;
}

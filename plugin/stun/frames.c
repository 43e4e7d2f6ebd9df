/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/frames.h"

#include "stun/channel-data.h"

#define STUN_HEADER   20
#define COOKIE_OFFSET 4

static const guint8 cookie[4] = {0x21, 0x12, 0xa4, 0x42}; /* RFC 8489 §5 */

gsize
stile_frame_padding(gsize size)
{
    return (4 - size % 4) % 4;
}

/* As much of the cookie as is there: who does not speak STUN is found out at once. */
static gboolean
may_be_stun(const guint8 *data, gsize size)
{
    if (data[0] & 0xc0)
        return FALSE;
    if (size >= 4 && data[3] % 4 != 0)
        return FALSE;
    for (gsize i = 0; i < sizeof cookie && COOKIE_OFFSET + i < size; i++)
        if (data[COOKIE_OFFSET + i] != cookie[i])
            return FALSE;
    return TRUE;
}

StileFrame
stile_frame_find(const guint8 *data, gsize size, gsize *ret_size, gsize *ret_whole)
{
    gboolean stun;
    gsize length, whole;

    if (size == 0)
        return STILE_FRAME_PART;
    stun = may_be_stun(data, size);
    if (!stun && (data[0] < STILE_CHANNEL_FIRST >> 8 || data[0] > STILE_CHANNEL_LAST >> 8))
        return STILE_FRAME_BAD;
    if (size < STILE_CHANNEL_DATA_HEADER_SIZE)
        return STILE_FRAME_PART;
    length = (gsize)data[2] << 8 | data[3];
    length += stun ? STUN_HEADER : STILE_CHANNEL_DATA_HEADER_SIZE;
    whole = length + stile_frame_padding(length);
    if (size < whole)
        return STILE_FRAME_PART;
    *ret_size = length;
    *ret_whole = whole;
    return stun ? STILE_FRAME_STUN : STILE_FRAME_CHANNEL_DATA;
}

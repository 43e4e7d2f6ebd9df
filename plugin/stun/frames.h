/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * TURN over a stream: STUN messages and ChannelData one behind another, each padded to a multiple
 * of four bytes (RFC 8656 §3.1, §12.5), with nothing between. Pure.
 */

/**
 * StileFrame:
 * @STILE_FRAME_PART: not all of it is there yet
 * @STILE_FRAME_STUN: a STUN message
 * @STILE_FRAME_CHANNEL_DATA: ChannelData, without its padding
 * @STILE_FRAME_BAD: neither; where the next one would begin is not known
 */
typedef enum {
    STILE_FRAME_PART,
    STILE_FRAME_STUN,
    STILE_FRAME_CHANNEL_DATA,
    STILE_FRAME_BAD,
} StileFrame;

/* No frame is longer, with its padding: lengths have 16 bits. */
#define STILE_FRAME_MAX_SIZE (20 + 65536)

/**
 * stile_frame_find:
 * @ret_size: (out): of what begins at @data
 * @ret_whole: (out): the same with its padding: where the next one begins
 *
 * Both are set for STUN and ChannelData only.
 */
StileFrame stile_frame_find(const guint8 *data, gsize size, gsize *ret_size, gsize *ret_whole);

/** Returns: how many zeros stand behind a frame of @size bytes, 0 to 3 */
gsize stile_frame_padding(gsize size);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* ChannelData, TURN's short form for data (RFC 8656 §12.4): a channel number, a length, the data.
 * Over UDP nothing needs padding, but up to three bytes of it may stand there (§12.5). Pure. */

#define STILE_CHANNEL_DATA_HEADER_SIZE 4
#define STILE_CHANNEL_FIRST            0x4000
#define STILE_CHANNEL_LAST             0x4fff

/** Whether @data, a datagram, can be ChannelData, by its first byte. For demultiplexing. */
static inline gboolean
stile_channel_data_looks_like(const guint8 *data, gsize size)
{
    return size >= STILE_CHANNEL_DATA_HEADER_SIZE && data[0] >= 0x40 && data[0] <= 0x4f;
}

/**
 * stile_channel_data_parse:
 * @ret_channel: (out): the channel
 * @ret_payload: (out) (transfer none): stands in @data
 *
 * Returns: %FALSE when it is none, or longer or shorter than it says; nothing is set then
 */
static inline gboolean
stile_channel_data_parse(const guint8 *data, gsize size, guint16 *ret_channel,
                         const guint8 **ret_payload, gsize *ret_size)
{
    gsize length;

    if (!stile_channel_data_looks_like(data, size))
        return FALSE;
    length = (gsize)data[2] << 8 | data[3];
    size -= STILE_CHANNEL_DATA_HEADER_SIZE;
    if (length > size || size - length > 3)
        return FALSE;
    *ret_channel = (guint16)(data[0] << 8 | data[1]);
    *ret_payload = data + STILE_CHANNEL_DATA_HEADER_SIZE;
    *ret_size = length;
    return TRUE;
}

/** Writes what stands before @size bytes of data. */
static inline void
stile_channel_data_header(guint8 ret[STILE_CHANNEL_DATA_HEADER_SIZE], guint16 channel, guint16 size)
{
    ret[0] = (guint8)(channel >> 8);
    ret[1] = (guint8)channel;
    ret[2] = (guint8)(size >> 8);
    ret[3] = (guint8)size;
}

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any datagram: ChannelData or not; what is stands within the datagram and is written as it was. */
#include "stun/channel-data.h"
#include "stun/message.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    guint8 header[STILE_CHANNEL_DATA_HEADER_SIZE];
    const guint8 *payload;
    gsize payload_size;
    guint16 channel;

    if (!stile_channel_data_parse(data, size, &channel, &payload, &payload_size))
        return 0;
    g_assert(!stile_stun_looks_like(data, size));
    g_assert(channel >= STILE_CHANNEL_FIRST && channel <= STILE_CHANNEL_LAST);
    g_assert(payload == data + sizeof header && payload_size <= size - sizeof header);
    g_assert(size - sizeof header - payload_size <= 3);
    stile_channel_data_header(header, channel, (guint16)payload_size);
    g_assert(memcmp(header, data, sizeof header) == 0);
    return 0;
}

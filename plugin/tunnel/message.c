/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/message.h"

StileMessageType
stile_message_type(const guint8 *data, gsize size)
{
    if (size < 4)
        return STILE_MESSAGE_NONE;
    switch (stile_message_get_u32(data)) {
    case STILE_MESSAGE_INITIATION:
        return size == sizeof(StileMessageInitiation) ? STILE_MESSAGE_INITIATION
                                                      : STILE_MESSAGE_NONE;
    case STILE_MESSAGE_RESPONSE:
        return size == sizeof(StileMessageResponse) ? STILE_MESSAGE_RESPONSE : STILE_MESSAGE_NONE;
    case STILE_MESSAGE_COOKIE:
        return size == sizeof(StileMessageCookie) ? STILE_MESSAGE_COOKIE : STILE_MESSAGE_NONE;
    case STILE_MESSAGE_TRANSPORT:
        return size >= sizeof(StileMessageTransport) + STILE_AEAD_TAG_SIZE ? STILE_MESSAGE_TRANSPORT
                                                                           : STILE_MESSAGE_NONE;
    default:
        return STILE_MESSAGE_NONE;
    }
}

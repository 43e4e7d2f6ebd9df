/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/packet.h"

#include <sys/socket.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40

gboolean
stile_packet_parse(const guint8 *packet, gsize size, gsize *ret_length, int *ret_family,
                   const guint8 **ret_source)
{
    gsize length;

    if (size >= IPV4_HEADER && packet[0] >> 4 == 4) {
        length = (gsize)packet[2] << 8 | packet[3];
        if (length < IPV4_HEADER || length > size)
            return FALSE;
        *ret_family = AF_INET;
        *ret_source = packet + 12;
    } else if (size >= IPV6_HEADER && packet[0] >> 4 == 6) {
        length = IPV6_HEADER + ((gsize)packet[4] << 8 | packet[5]);
        if (length > size)
            return FALSE;
        *ret_family = AF_INET6;
        *ret_source = packet + 8;
    } else {
        return FALSE;
    }
    *ret_length = length;
    return TRUE;
}

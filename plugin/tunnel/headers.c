/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/headers.h"

#include "tunnel/checksum.h"
#include <netinet/in.h>
#include <sys/socket.h>

#define IP_FRAGMENT_MASK 0x3fff /* more fragments, and the offset */

static gboolean
parse_ipv4(StileHeaders *headers, const guint8 *data, gsize size)
{
    gsize header;

    if (size < STILE_IPV4_HEADER)
        return FALSE;
    header = (data[0] & 0x0f) * 4u;
    headers->family = AF_INET;
    headers->size = stile_get_u16be(data + STILE_IPV4_LENGTH);
    if (header < STILE_IPV4_HEADER || headers->size < header || headers->size > size)
        return FALSE;
    headers->plain = header == STILE_IPV4_HEADER;
    headers->transport = header;
    headers->protocol = data[9];
    if (stile_get_u16be(data + STILE_IPV4_FRAGMENT) & IP_FRAGMENT_MASK)
        headers->protocol = IPPROTO_NONE;
    return TRUE;
}

static gboolean
parse_ipv6(StileHeaders *headers, const guint8 *data, gsize size)
{
    gsize at = STILE_IPV6_HEADER;
    int next;

    if (size < STILE_IPV6_HEADER)
        return FALSE;
    next = data[6];
    headers->family = AF_INET6;
    headers->size = STILE_IPV6_HEADER + (gsize)stile_get_u16be(data + STILE_IPV6_LENGTH);
    if (headers->size > size)
        return FALSE;
    headers->plain = TRUE;
    while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS) {
        headers->plain = FALSE;
        if (at + 8 > headers->size)
            break;
        next = data[at];
        at += (data[at + 1] + 1u) * 8;
    }
    headers->transport = MIN(at, headers->size);
    headers->protocol = at <= headers->size ? next : IPPROTO_NONE;
    return TRUE;
}

gboolean
stile_headers_parse(StileHeaders *ret, const guint8 *data, gsize size)
{
    StileHeaders headers = {0};
    gsize room, header = 0;

    if (size < 1 || (data[0] >> 4 == 4   ? !parse_ipv4(&headers, data, size)
                     : data[0] >> 4 == 6 ? !parse_ipv6(&headers, data, size)
                                         : TRUE))
        return FALSE;
    room = headers.size - headers.transport;
    if (headers.protocol == IPPROTO_TCP && room >= STILE_TCP_HEADER)
        header = (data[headers.transport + 12] >> 4) * 4u;
    else if (headers.protocol == IPPROTO_UDP && room >= STILE_UDP_HEADER)
        header = STILE_UDP_HEADER;
    if (header > room || header < (headers.protocol == IPPROTO_TCP ? STILE_TCP_HEADER : 1)) {
        headers.protocol = IPPROTO_NONE;
        header = 0;
    }
    headers.header_size = headers.transport + header;
    *ret = headers;
    return TRUE;
}

const guint8 *
stile_headers_destination(const StileHeaders *headers, const guint8 *data)
{
    return data + (headers->family == AF_INET ? STILE_IPV4_DESTINATION : STILE_IPV6_DESTINATION);
}

static guint32
mix(guint32 hash, const guint8 *data, gsize size)
{
    for (gsize at = 0; at < size; at += sizeof(guint32)) {
        guint32 word;

        memcpy(&word, data + at, sizeof word);
        hash = (hash ^ word) * 0x9e3779b1u; /* 2³² over the golden ratio */
        hash ^= hash >> 15;
    }
    return hash;
}

guint32
stile_headers_flow_hash(const StileHeaders *headers, const guint8 *data, guint32 seed)
{
    guint32 hash = seed ^ (guint32)headers->protocol;

    if (headers->family == AF_INET)
        hash = mix(hash, data + STILE_IPV4_SOURCE, 2 * 4);
    else
        hash = mix(hash, data + STILE_IPV6_SOURCE, 2 * 16);
    if (headers->header_size > headers->transport) /* TCP's and UDP's ports */
        hash = mix(hash, data + headers->transport, 4);
    return hash;
}

guint32
stile_headers_pseudo_sum(const StileHeaders *headers, const guint8 *data, gsize size)
{
    guint32 sum = headers->family == AF_INET
                      ? stile_checksum_add(0, data + STILE_IPV4_SOURCE, 2 * 4)
                      : stile_checksum_add(0, data + STILE_IPV6_SOURCE, 2 * 16);

    sum = stile_checksum_add_u16(sum, (guint16)headers->protocol);
    return stile_checksum_add_u16(sum, (guint16)size);
}

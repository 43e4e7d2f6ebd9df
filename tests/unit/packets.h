/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the tests of segments: packets made by hand, and a checksum the slow way, straight from RFC
 * 1071, that shares nothing with the one under test. */
#include "tunnel/headers.h"

#include <netinet/in.h>
#include <sys/socket.h>

static inline guint16
slow_checksum(const guint8 *data, gsize size, guint32 sum)
{
    for (gsize i = 0; i < size; i++) {
        sum += i % 2 == 0 ? (guint32)data[i] << 8 : data[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (guint16)~sum;
}

/* Whether all checksums of a TCP or UDP packet without options in its IP header are right. */
static inline gboolean
slow_check(const guint8 *packet, gsize size)
{
    gboolean four = packet[0] >> 4 == 4;
    gsize header = four ? (packet[0] & 15) * 4u : 40;
    guint32 sum = (four ? packet[9] : packet[6]) + (guint32)(size - header);

    for (gsize i = four ? 12 : 8; i < (four ? 20 : 40); i += 2)
        sum += (guint32)packet[i] << 8 | packet[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    if (four && slow_checksum(packet, header, 0) != 0)
        return FALSE;
    return slow_checksum(packet + header, size - header, sum) == 0;
}

typedef struct {
    int family;
    int protocol;
    guint16 port; /* the source's */
    guint32 sequence;
    guint8 tcp_flags;
    gsize options; /* bytes of TCP options */
    gsize payload;
    guint16 id;
    gboolean fragmentable;
} PacketSpec;

/* Writes a packet with good checksums; its payload counts on from @sequence. Returns its size. */
static inline gsize
make_packet(const PacketSpec *spec, guint8 *out)
{
    gboolean four = spec->family == AF_INET, tcp = spec->protocol == IPPROTO_TCP;
    gsize ip = four ? 20 : 40, header = ip + (tcp ? 20 + spec->options : 8);
    gsize size = header + spec->payload;
    guint8 *transport = out + ip;
    guint32 sum = (guint32)spec->protocol + (guint32)(size - ip);
    guint16 checksum;

    memset(out, 0, header);
    if (four) {
        out[0] = 0x45;
        stile_put_u16be(out + 2, (guint16)size);
        stile_put_u16be(out + 4, spec->id);
        stile_put_u16be(out + 6, spec->fragmentable ? 0 : 0x4000);
        out[8] = 64;
        out[9] = (guint8)spec->protocol;
        memcpy(out + 12, "\x0a\x56\x00\x01\x0a\x56\x00\x02", 8);
        stile_put_u16be(out + 10, slow_checksum(out, 20, 0));
    } else {
        out[0] = 0x60;
        stile_put_u16be(out + 4, (guint16)(size - 40));
        out[6] = (guint8)spec->protocol;
        out[7] = 64;
        out[8] = out[24] = 0xfd;
        out[23] = 1;
        out[39] = 2;
    }
    stile_put_u16be(transport, spec->port);
    stile_put_u16be(transport + 2, 443);
    for (gsize i = 0; i < spec->payload; i++)
        out[header + i] = (guint8)((spec->sequence + i) * 31 + ((spec->sequence + i) >> 8));
    if (tcp) {
        stile_put_u32be(transport + 4, spec->sequence);
        stile_put_u32be(transport + 8, 77);
        transport[12] = (guint8)((20 + spec->options) / 4 << 4);
        transport[13] = spec->tcp_flags;
        stile_put_u16be(transport + 14, 501);
        memset(transport + 20, 1, spec->options);
    } else {
        stile_put_u16be(transport + 4, (guint16)(size - ip));
    }
    for (gsize i = four ? 12 : 8; i < ip; i += 2)
        sum += (guint32)out[i] << 8 | out[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    checksum = slow_checksum(transport, size - ip, sum);
    stile_put_u16be(transport + (tcp ? 16 : 6), checksum == 0 && !tcp ? 0xffff : checksum);
    return size;
}

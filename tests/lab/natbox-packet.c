/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-packet.h"

#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define IP_SIZE       20
#define ICMP_SIZE     8
#define FRAGMENT_MASK 0x1fff
#define ECHO_ID       4 /* offset in the ICMP message */

static guint16
get16(const guint8 *data)
{
    return (guint16)(data[0] << 8 | data[1]);
}

static guint32
get32(const guint8 *data)
{
    return (guint32)get16(data) << 16 | get16(data + 2);
}

static void
put16(guint8 *data, guint16 value)
{
    data[0] = (guint8)(value >> 8);
    data[1] = (guint8)value;
}

static void
put32(guint8 *data, guint32 value)
{
    put16(data, (guint16)(value >> 16));
    put16(data + 2, (guint16)value);
}

static guint16
fold(guint32 sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (guint16)sum;
}

static guint16
checksum(const guint8 *data, gsize size, guint32 sum)
{
    for (gsize i = 0; i + 1 < size; i += 2)
        sum += get16(data + i);
    if (size & 1)
        sum += (guint32)data[size - 1] << 8;
    return (guint16)~fold(sum);
}

/* Changes 16 bits that two sums cover, by their difference (RFC 1624): a packet that was damaged on
 * its way stays damaged. Either sum may be NULL. */
static void
patch16(guint8 *field, guint16 value, guint8 *sum1, guint8 *sum2)
{
    guint8 *sums[] = {sum1, sum2};
    guint16 old = get16(field);

    for (gsize i = 0; i < G_N_ELEMENTS(sums); i++)
        if (sums[i])
            put16(sums[i],
                  (guint16)~fold((guint16)~get16(sums[i]) + (guint32)(guint16)~old + value));
    put16(field, value);
}

/* Where the checksum of what follows the header is, NULL where there is none or it is not quoted.
 */
static guint8 *
transport_sum(const NatboxHeader *header)
{
    gsize offset = header->protocol == IPPROTO_TCP ? 16 : header->protocol == IPPROTO_UDP ? 6 : 2;
    guint8 *sum = header->data + header->header + offset;

    if (header->size < header->header + offset + 2)
        return NULL;
    /* A UDP sender may leave it out. */
    return header->protocol == IPPROTO_UDP && get16(sum) == 0 ? NULL : sum;
}

/* @pseudo: the sum of a pseudo header, or NULL */
static void
set_address(NatboxHeader *header, gsize offset, guint32 value, guint8 *pseudo)
{
    guint8 *address = header->data + offset;

    patch16(address, (guint16)(value >> 16), header->data + 10, pseudo);
    patch16(address + 2, (guint16)value, header->data + 10, pseudo);
}

void
natbox_header_set_source_address(NatboxHeader *header, guint32 address)
{
    set_address(header, 12, address, NULL);
    header->source.address = address;
}

void
natbox_header_set_destination_address(NatboxHeader *header, guint32 address)
{
    set_address(header, 16, address, NULL);
    header->destination.address = address;
}

static void
set_end(NatboxHeader *header, gsize address_offset, gsize port_offset, NatboxEndpoint endpoint)
{
    guint8 *transport = header->data + header->header;
    guint8 *sum = transport_sum(header);
    gboolean icmp = header->protocol == IPPROTO_ICMP;

    /* ICMP's sum does not cover the addresses. */
    set_address(header, address_offset, endpoint.address, icmp ? NULL : sum);
    patch16(transport + (icmp ? ECHO_ID : port_offset), endpoint.port, sum, NULL);
    /* The two zeroes of a ones' complement: UDP has another meaning for one of them, and the sum of
     * nothing but zeroes, an echo reply can be that, is the other. */
    if (sum && get16(sum) == 0 &&
        (header->protocol == IPPROTO_UDP ||
         checksum(transport, header->size - header->header, 0) == 0xffff))
        put16(sum, 0xffff);
}

void
natbox_header_set_source(NatboxHeader *header, NatboxEndpoint endpoint)
{
    set_end(header, 12, 0, endpoint);
    header->source = endpoint;
    if (header->protocol == IPPROTO_ICMP)
        header->destination.port = endpoint.port;
}

void
natbox_header_set_destination(NatboxHeader *header, NatboxEndpoint endpoint)
{
    set_end(header, 16, 2, endpoint);
    header->destination = endpoint;
    if (header->protocol == IPPROTO_ICMP)
        header->source.port = endpoint.port;
}

void
natbox_packet_seal_error(NatboxPacket *packet)
{
    NatboxHeader *outer = &packet->outer;
    guint8 *icmp = outer->data + outer->header;

    put16(icmp + 2, 0);
    put16(icmp + 2, checksum(icmp, outer->size - outer->header, 0));
}

/* The address alone: the header of an error has no ports. */
static gboolean
parse_header(NatboxHeader *header, guint8 *data, gsize size, gboolean quoted)
{
    gsize total;

    memset(header, 0, sizeof *header);
    if (size < IP_SIZE || data[0] >> 4 != 4)
        return FALSE;
    header->header = (guint)(data[0] & 15) * 4;
    total = get16(data + 2);
    if (header->header < IP_SIZE || header->header > size || total < header->header ||
        (!quoted && (total > size || checksum(data, header->header, 0) != 0)))
        return FALSE;
    header->data = data;
    header->size = MIN(size, total);
    header->protocol = data[9];
    header->source.address = get32(data + 12);
    header->destination.address = get32(data + 16);
    return TRUE;
}

static gboolean
is_fragment(const NatboxHeader *header)
{
    return (get16(header->data + 6) & FRAGMENT_MASK) != 0;
}

/* Returns: FALSE where there are no ports */
static gboolean
parse_ports(NatboxHeader *header)
{
    const guint8 *transport = header->data + header->header;
    gsize left = header->size - header->header;

    if (is_fragment(header) || left < 8)
        return FALSE;
    if (header->protocol == IPPROTO_UDP || header->protocol == IPPROTO_TCP) {
        header->source.port = get16(transport);
        header->destination.port = get16(transport + 2);
        return TRUE;
    }
    if (header->protocol == IPPROTO_ICMP &&
        (transport[0] == ICMP_ECHO || transport[0] == ICMP_ECHOREPLY)) {
        header->source.port = header->destination.port = get16(transport + ECHO_ID);
        return TRUE;
    }
    return FALSE;
}

static gboolean
is_error(const NatboxHeader *header)
{
    const guint8 *icmp = header->data + header->header;
    gsize left = header->size - header->header;

    return header->protocol == IPPROTO_ICMP && !is_fragment(header) &&
           left >= ICMP_SIZE + IP_SIZE &&
           (icmp[0] == ICMP_DEST_UNREACH || icmp[0] == ICMP_TIME_EXCEEDED ||
            icmp[0] == ICMP_PARAMETERPROB) &&
           checksum(icmp, left, 0) == 0;
}

gboolean
natbox_packet_parse(NatboxPacket *packet, guint8 *data, gsize size)
{
    NatboxHeader *outer = &packet->outer;

    memset(packet, 0, sizeof *packet);
    packet->kind = NATBOX_PACKET_OTHER;
    if (!parse_header(outer, data, size, FALSE))
        return FALSE;
    if (is_fragment(outer)) {
        packet->kind = NATBOX_PACKET_FRAGMENT;
        return TRUE;
    }
    if (outer->protocol == IPPROTO_TCP && outer->size < outer->header + 20)
        return FALSE;
    if (parse_ports(outer)) {
        packet->kind = NATBOX_PACKET_FLOW;
    } else if (is_error(outer)) {
        gsize quoted = outer->header + ICMP_SIZE;

        if (parse_header(&packet->inner, outer->data + quoted, outer->size - quoted, TRUE) &&
            parse_ports(&packet->inner))
            packet->kind = NATBOX_PACKET_ERROR;
    }
    return TRUE;
}

guint8
natbox_packet_tcp_flags(const NatboxPacket *packet)
{
    return packet->outer.data[packet->outer.header + 13];
}

void
natbox_packet_return_hop(NatboxPacket *packet)
{
    guint8 *data = packet->outer.data;

    if (data[8] < 255)
        patch16(data + 8, (guint16)(get16(data + 8) + 0x100), data + 10, NULL);
}

static void
make_header(guint8 *ret, gsize size, guint8 protocol, const NatboxPacket *about)
{
    memset(ret, 0, IP_SIZE);
    ret[0] = 0x45;
    put16(ret + 2, (guint16)size);
    ret[8] = 64;
    ret[9] = protocol;
    put32(ret + 12, about->outer.destination.address);
    put32(ret + 16, about->outer.source.address);
    put16(ret + 10, checksum(ret, IP_SIZE, 0));
}

gsize
natbox_packet_make_unreachable(guint8 *ret, const NatboxPacket *packet)
{
    gsize quoted = MIN(packet->outer.size, packet->outer.header + 8U);
    gsize size = IP_SIZE + ICMP_SIZE + quoted;
    guint8 *icmp = ret + IP_SIZE;

    make_header(ret, size, IPPROTO_ICMP, packet);
    memset(icmp, 0, ICMP_SIZE);
    icmp[0] = ICMP_DEST_UNREACH;
    icmp[1] = ICMP_PORT_UNREACH;
    memcpy(icmp + ICMP_SIZE, packet->outer.data, quoted);
    put16(icmp + 2, checksum(icmp, ICMP_SIZE + quoted, 0));
    return size;
}

gsize
natbox_packet_make_reset(guint8 *ret, const NatboxPacket *packet)
{
    const guint8 *from = packet->outer.data + packet->outer.header;
    gsize length = packet->outer.size - packet->outer.header;
    gsize data_offset = MIN((gsize)(from[12] >> 4) * 4, length);
    guint8 flags = from[13];
    guint8 *tcp = ret + IP_SIZE;
    guint32 pseudo = 0;

    make_header(ret, IP_SIZE + 20, IPPROTO_TCP, packet);
    memset(tcp, 0, 20);
    put16(tcp, packet->outer.destination.port);
    put16(tcp + 2, packet->outer.source.port);
    tcp[12] = 5 << 4;
    tcp[13] = NATBOX_RST;
    if (flags & NATBOX_ACK) {
        memcpy(tcp + 4, from + 8, 4);
    } else {
        guint32 past = (guint32)(length - data_offset) + !!(flags & NATBOX_SYN) +
                       !!(flags & NATBOX_FIN);

        tcp[13] |= NATBOX_ACK;
        put32(tcp + 8, get32(from + 4) + past);
    }
    for (gsize i = 12; i < 20; i += 2)
        pseudo += get16(ret + i);
    put16(tcp + 16, checksum(tcp, 20, pseudo + IPPROTO_TCP + 20));
    return IP_SIZE + 20;
}

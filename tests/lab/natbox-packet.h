/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_PACKET_H
#define NATBOX_PACKET_H

/* IPv4 packets: found out, rewritten with their checksums, made. Pure: bytes in, bytes changed. */

#include <glib.h>
#include <netinet/in.h>

/* What fits a TUN device, and the most that IPv4 can say. */
#define NATBOX_PACKET_MAX 65535

/* In host byte order. The port of an ICMP echo is its identifier. */
typedef struct {
    guint32 address;
    guint16 port;
} NatboxEndpoint;

typedef enum {
    NATBOX_PACKET_FLOW,     /* UDP, TCP, ICMP echo: has endpoints */
    NATBOX_PACKET_ERROR,    /* an ICMP error about a packet of a flow */
    NATBOX_PACKET_FRAGMENT, /* not the first one: has no ports */
    NATBOX_PACKET_OTHER
} NatboxPacketKind;

/* One IPv4 header and what follows it; a view, it owns nothing. */
typedef struct {
    guint8 *data;
    gsize size;
    guint header;
    guint8 protocol; /* IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP */
    NatboxEndpoint source;
    NatboxEndpoint destination;
} NatboxHeader;

typedef struct {
    NatboxPacketKind kind;
    NatboxHeader outer;
    NatboxHeader inner; /* of an error: the packet it is about, as far as it is quoted */
} NatboxPacket;

/* TCP flags of a packet whose outer.protocol is IPPROTO_TCP */
#define NATBOX_FIN 0x01
#define NATBOX_SYN 0x02
#define NATBOX_RST 0x04
#define NATBOX_ACK 0x10

/**
 * natbox_packet_parse:
 * @packet: filled; a view of @data
 *
 * Returns: FALSE for what is not IPv4, is cut short, or has a wrong header checksum
 */
gboolean natbox_packet_parse(NatboxPacket *packet, guint8 *data, gsize size);
guint8 natbox_packet_tcp_flags(const NatboxPacket *packet);

/* Rewrite one end of a header with all checksums that cover it. For an echo both ends have the one
 * identifier. */
void natbox_header_set_source(NatboxHeader *header, NatboxEndpoint endpoint);
void natbox_header_set_destination(NatboxHeader *header, NatboxEndpoint endpoint);

/* Of an error, which has no ports. */
void natbox_header_set_source_address(NatboxHeader *header, guint32 address);
void natbox_header_set_destination_address(NatboxHeader *header, guint32 address);

/* After the quoted header of an error was rewritten: the checksum of the ICMP message itself. */
void natbox_packet_seal_error(NatboxPacket *packet);

/* The kernel of the box forwards to the TUN device and from it, and takes one hop each time; giving
 * one back makes both together the one router that the box is. */
void natbox_packet_return_hop(NatboxPacket *packet);

/**
 * natbox_packet_make_unreachable:
 * @ret: room for 20 + 8 + 60 + 8 bytes
 *
 * An ICMP port unreachable about @packet, from its destination to its source (RFC 792).
 *
 * Returns: its size
 */
gsize natbox_packet_make_unreachable(guint8 *ret, const NatboxPacket *packet);

/**
 * natbox_packet_make_reset:
 * @ret: room for 40 bytes
 *
 * The RST that a closed port answers @packet with (RFC 9293 3.5.2).
 *
 * Returns: its size
 */
gsize natbox_packet_make_reset(guint8 *ret, const NatboxPacket *packet);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* Offsets and bits of the headers that segments are made of and merged by. */
#define STILE_IPV4_HEADER      20
#define STILE_IPV4_LENGTH      2
#define STILE_IPV4_ID          4
#define STILE_IPV4_FRAGMENT    6
#define STILE_IPV4_CHECKSUM    10
#define STILE_IPV4_SOURCE      12
#define STILE_IPV4_DESTINATION 16
#define STILE_IPV6_HEADER      40
#define STILE_IPV6_LENGTH      4
#define STILE_IPV6_SOURCE      8
#define STILE_IPV6_DESTINATION 24
#define STILE_TCP_HEADER       20
#define STILE_TCP_SEQUENCE     4
#define STILE_TCP_FLAGS        13
#define STILE_TCP_CHECKSUM     16
#define STILE_UDP_HEADER       8
#define STILE_UDP_LENGTH       4
#define STILE_UDP_CHECKSUM     6

#define STILE_IP_DONT_FRAGMENT 0x4000

#define STILE_TCP_FIN 0x01
#define STILE_TCP_PSH 0x08
#define STILE_TCP_ACK 0x10
#define STILE_TCP_ECE 0x40
#define STILE_TCP_CWR 0x80

/**
 * StileHeaders:
 * @family: AF_INET or AF_INET6
 * @protocol: what stands at @transport: IPPROTO_TCP, IPPROTO_UDP, whole with its header; for all
 *   else, and for fragments, IPPROTO_NONE
 * @plain: neither IPv4 options nor IPv6 extension headers
 * @transport: where the transport header begins
 * @header_size: where its payload begins
 * @size: of the whole packet, by its IP header
 *
 * What the headers of an IP packet say. A view: the bytes stay where they are.
 */
typedef struct {
    int family;
    int protocol;
    gboolean plain;
    gsize transport;
    gsize header_size;
    gsize size;
} StileHeaders;

/** Returns: %FALSE when it is no whole IP packet; bytes behind its end are not an error */
gboolean stile_headers_parse(StileHeaders *ret, const guint8 *data, gsize size);

/** Returns: (transfer none): the destination, 4 or 16 bytes */
const guint8 *stile_headers_destination(const StileHeaders *headers, const guint8 *data);

/** A number that is the same for all packets of a flow: addresses, protocol and ports. @seed:
 * random, or strangers choose who shares a number */
guint32 stile_headers_flow_hash(const StileHeaders *headers, const guint8 *data, guint32 seed);

/** The sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1) for @size bytes of transport. */
guint32 stile_headers_pseudo_sum(const StileHeaders *headers, const guint8 *data, gsize size);

static inline guint16
stile_get_u16be(const guint8 *at)
{
    return (guint16)(at[0] << 8 | at[1]);
}

static inline guint32
stile_get_u32be(const guint8 *at)
{
    return (guint32)stile_get_u16be(at) << 16 | stile_get_u16be(at + 2);
}

static inline void
stile_put_u16be(guint8 *at, guint16 value)
{
    at[0] = (guint8)(value >> 8);
    at[1] = (guint8)value;
}

static inline void
stile_put_u32be(guint8 *at, guint32 value)
{
    stile_put_u16be(at, (guint16)(value >> 16));
    stile_put_u16be(at + 2, (guint16)value);
}

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/segment.h"

#include "tunnel/checksum.h"
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* The smallest MSS that Linux uses cuts 64 KiB into fewer; more would be an amplifier. */
#define MAX_SEGMENTS 2048

static gsize
checksum_offset(int protocol)
{
    return protocol == IPPROTO_TCP ? STILE_TCP_CHECKSUM : STILE_UDP_CHECKSUM;
}

static void
put_checksum(guint8 *at, guint16 checksum, gboolean zero_means_none)
{
    if (checksum == 0 && zero_means_none)
        checksum = 0xffff;
    memcpy(at, &checksum, sizeof checksum);
}

/* The kernel left the sum of the pseudo header in the field. */
static gboolean
complete_checksum(StileSegments *self, const struct virtio_net_hdr *wish)
{
    gsize start = wish->csum_start, field = start + wish->csum_offset;
    guint16 checksum;

    if (start < self->headers.transport || field + sizeof checksum > self->headers.size)
        return FALSE;
    checksum = stile_checksum_finish(
        stile_checksum_add(0, self->packet + start, self->headers.size - start));
    put_checksum(self->packet + field, checksum,
                 self->headers.protocol == IPPROTO_UDP && wish->csum_offset == STILE_UDP_CHECKSUM);
    return TRUE;
}

static gboolean
is_wanted_kind(const StileHeaders *headers, guint8 gso_type)
{
    switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        return headers->family == AF_INET && headers->protocol == IPPROTO_TCP;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return headers->family == AF_INET6 && headers->protocol == IPPROTO_TCP;
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        return headers->protocol == IPPROTO_UDP;
    default:
        return FALSE;
    }
}

/* What is the same in each segment is summed up once. */
static void
prepare_sums(StileSegments *self)
{
    if (self->headers.family == AF_INET) {
        guint8 *ip = self->packet;

        memset(ip + STILE_IPV4_CHECKSUM, 0, 2);
        self->ip_sum = stile_checksum_add(0, ip, STILE_IPV4_LENGTH);
        self->ip_sum = stile_checksum_add(self->ip_sum, ip + STILE_IPV4_FRAGMENT,
                                          self->headers.transport - STILE_IPV4_FRAGMENT);
    }
    self->pseudo_sum = stile_headers_pseudo_sum(&self->headers, self->packet, 0);
}

gboolean
stile_segments_init(StileSegments *self, guint8 *data, gsize size)
{
    struct virtio_net_hdr wish;
    gsize payload;

    if (size < sizeof wish)
        return FALSE;
    memcpy(&wish, data, sizeof wish);
    self->packet = data + sizeof wish;
    self->count = 1;
    self->segment = 0;
    if (!stile_headers_parse(&self->headers, self->packet, size - sizeof wish))
        return FALSE;
    if (wish.gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return !(wish.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || complete_checksum(self, &wish);
    payload = self->headers.size - self->headers.header_size;
    if (!is_wanted_kind(&self->headers, wish.gso_type) || wish.gso_size == 0 || payload == 0 ||
        payload / wish.gso_size >= MAX_SEGMENTS || self->headers.header_size > sizeof self->header)
        return FALSE;
    self->segment = wish.gso_size;
    self->count = (guint)((payload + self->segment - 1) / self->segment);
    prepare_sums(self);
    memcpy(self->header, self->packet, self->headers.header_size);
    return TRUE;
}

gsize
stile_segments_size(const StileSegments *self, guint index)
{
    gsize done = index * self->segment;

    if (self->segment == 0)
        return self->headers.size;
    return self->headers.header_size +
           MIN(self->segment, self->headers.size - self->headers.header_size - done);
}

static void
fix_ip(const StileSegments *self, guint index, gsize size, guint8 *ip)
{
    guint32 sum = self->ip_sum;
    guint16 checksum;

    if (self->headers.family == AF_INET6) {
        stile_put_u16be(ip + STILE_IPV6_LENGTH, (guint16)(size - STILE_IPV6_HEADER));
        return;
    }
    stile_put_u16be(ip + STILE_IPV4_LENGTH, (guint16)size);
    stile_put_u16be(ip + STILE_IPV4_ID, (guint16)(stile_get_u16be(ip + STILE_IPV4_ID) + index));
    checksum = stile_checksum_finish(stile_checksum_add(sum, ip + STILE_IPV4_LENGTH, 4));
    memcpy(ip + STILE_IPV4_CHECKSUM, &checksum, sizeof checksum);
}

static void
fix_tcp(const StileSegments *self, guint index, guint8 *tcp)
{
    guint32 sequence = stile_get_u32be(tcp + STILE_TCP_SEQUENCE);

    stile_put_u32be(tcp + STILE_TCP_SEQUENCE, sequence + (guint32)(index * self->segment));
    /* The end of what was sent is in the last segment, the answer to congestion (RFC 3168 §6.1.2)
     * in the first. */
    if (index + 1 < self->count)
        tcp[STILE_TCP_FLAGS] &= (guint8) ~(STILE_TCP_FIN | STILE_TCP_PSH);
    if (index > 0)
        tcp[STILE_TCP_FLAGS] &= (guint8)~STILE_TCP_CWR;
}

guint8 *
stile_segments_cut(const StileSegments *self, guint index)
{
    guint8 *packet = self->packet + index * self->segment;
    guint8 *transport = packet + self->headers.transport;
    gsize size = stile_segments_size(self, index), transport_size = size - self->headers.transport;
    guint8 *field;
    guint32 sum;

    if (self->segment == 0)
        return packet;
    memcpy(packet, self->header, self->headers.header_size);
    fix_ip(self, index, size, packet);
    if (self->headers.protocol == IPPROTO_TCP)
        fix_tcp(self, index, transport);
    else
        stile_put_u16be(transport + STILE_UDP_LENGTH, (guint16)transport_size);
    field = transport + checksum_offset(self->headers.protocol);
    memset(field, 0, 2);
    sum = stile_checksum_add_u16(self->pseudo_sum, (guint16)transport_size);
    sum = stile_checksum_add(sum, transport, transport_size);
    put_checksum(field, stile_checksum_finish(sum), self->headers.protocol == IPPROTO_UDP);
    return packet;
}

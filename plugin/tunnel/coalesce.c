/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/coalesce.h"

#include "tunnel/checksum.h"
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* More flows at once than this, and the oldest is written early. */
#define MAX_FLOWS 16
/* The kernel cuts UDP into no more than this (UDP_MAX_SEGMENTS of older kernels). */
#define MAX_PACKETS 64
#define MAX_SIZE    65535

/* One super-packet in the making. */
typedef struct {
    guint8 *first; /* its headers become those of the whole */
    StileHeaders headers;
    gsize segment; /* payload of the first packet */
    gsize payload; /* of all */
    guint count;
    gboolean verified;     /* the checksum of the first was looked at */
    guint8 late_tcp_flags; /* of the last packet */
    struct iovec parts[1 + MAX_PACKETS];
    struct virtio_net_hdr header;
} Flow;

struct _StileCoalescer {
    StileCoalescerFunc write;
    gpointer user_data;
    gboolean tcp, udp;
    guint count;
    Flow *open[MAX_FLOWS]; /* oldest first */
    Flow flows[MAX_FLOWS];
};

StileCoalescer *
stile_coalescer_new(StileCoalescerFunc write, gpointer user_data)
{
    StileCoalescer *self = g_new0(StileCoalescer, 1);

    self->write = write;
    self->user_data = user_data;
    self->tcp = self->udp = TRUE;
    for (guint i = 0; i < MAX_FLOWS; i++)
        self->open[i] = &self->flows[i];
    return self;
}

void
stile_coalescer_free(StileCoalescer *self)
{
    g_free(self);
}

void
stile_coalescer_set_kinds(StileCoalescer *self, gboolean tcp, gboolean udp)
{
    self->tcp = tcp;
    self->udp = udp;
}

static gsize
checksum_offset(int protocol)
{
    return protocol == IPPROTO_TCP ? STILE_TCP_CHECKSUM : STILE_UDP_CHECKSUM;
}

static gboolean
is_intact(const StileHeaders *headers, const guint8 *packet)
{
    gsize size = headers->size - headers->transport;
    guint32 sum = stile_headers_pseudo_sum(headers, packet, size);

    if (headers->family == AF_INET &&
        stile_checksum_finish(stile_checksum_add(0, packet, headers->transport)) != 0)
        return FALSE;
    return stile_checksum_finish(stile_checksum_add(sum, packet + headers->transport, size)) == 0;
}

/* Turns the headers of the first packet into those of the whole, its checksum left to the kernel.
 */
static void
finish_headers(Flow *flow)
{
    gsize size = flow->headers.header_size + flow->payload;
    gsize transport_size = size - flow->headers.transport;
    guint8 *ip = flow->first, *transport = ip + flow->headers.transport;
    gboolean tcp = flow->headers.protocol == IPPROTO_TCP;
    guint16 checksum;

    if (flow->headers.family == AF_INET) {
        stile_put_u16be(ip + STILE_IPV4_LENGTH, (guint16)size);
        memset(ip + STILE_IPV4_CHECKSUM, 0, 2);
        checksum = stile_checksum_finish(stile_checksum_add(0, ip, flow->headers.transport));
        memcpy(ip + STILE_IPV4_CHECKSUM, &checksum, sizeof checksum);
    } else {
        stile_put_u16be(ip + STILE_IPV6_LENGTH, (guint16)(size - STILE_IPV6_HEADER));
    }
    if (tcp)
        transport[STILE_TCP_FLAGS] |= flow->late_tcp_flags;
    else
        stile_put_u16be(transport + STILE_UDP_LENGTH, (guint16)transport_size);
    checksum = stile_checksum_fold(stile_headers_pseudo_sum(&flow->headers, ip, transport_size));
    memcpy(transport + checksum_offset(flow->headers.protocol), &checksum, sizeof checksum);
    flow->header = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = !tcp                              ? VIRTIO_NET_HDR_GSO_UDP_L4
                    : flow->headers.family == AF_INET ? VIRTIO_NET_HDR_GSO_TCPV4
                                                      : VIRTIO_NET_HDR_GSO_TCPV6,
        .hdr_len = (guint16)flow->headers.header_size,
        .gso_size = (guint16)flow->segment,
        .csum_start = (guint16)flow->headers.transport,
        .csum_offset = (guint16)checksum_offset(flow->headers.protocol),
    };
}

static void
write_flow(StileCoalescer *self, Flow *flow)
{
    memset(&flow->header, 0, sizeof flow->header);
    if (flow->count > 1)
        finish_headers(flow);
    flow->parts[0].iov_base = &flow->header;
    flow->parts[0].iov_len = sizeof flow->header;
    self->write(self->user_data, flow->parts, 1 + flow->count);
}

static void
write_single(StileCoalescer *self, guint8 *packet, gsize size)
{
    struct virtio_net_hdr header = {0};
    struct iovec parts[2] = {{&header, sizeof header}, {packet, size}};

    self->write(self->user_data, parts, 2);
}

/* Writes the flow at @index of the open ones, and closes it. */
static void
close_flow(StileCoalescer *self, guint index)
{
    Flow *flow = self->open[index];

    write_flow(self, flow);
    self->count--;
    memmove(&self->open[index], &self->open[index + 1],
            (self->count - index) * sizeof self->open[0]);
    self->open[self->count] = flow;
}

void
stile_coalescer_flush(StileCoalescer *self)
{
    for (guint i = 0; i < self->count; i++)
        write_flow(self, self->open[i]);
    self->count = 0;
}

/* Whether it has a payload and says nothing that a merged packet could not say. */
static gboolean
can_merge(StileCoalescer *self, const StileHeaders *headers, const guint8 *packet)
{
    const guint8 *transport = packet + headers->transport;
    gsize payload = headers->size - headers->header_size;

    if (!headers->plain || payload == 0)
        return FALSE;
    if (headers->protocol == IPPROTO_TCP)
        return self->tcp &&
               (transport[STILE_TCP_FLAGS] & ~(STILE_TCP_PSH | STILE_TCP_ECE)) == STILE_TCP_ACK;
    /* A datagram without a checksum (0, IPv4) would get one. */
    return self->udp && headers->protocol == IPPROTO_UDP &&
           stile_get_u16be(transport + STILE_UDP_LENGTH) == headers->size - headers->transport &&
           stile_get_u16be(transport + STILE_UDP_CHECKSUM) != 0;
}

static gboolean
is_same_flow(const Flow *flow, const StileHeaders *headers, const guint8 *packet)
{
    gsize addresses = headers->family == AF_INET ? STILE_IPV4_SOURCE : STILE_IPV6_SOURCE;
    gsize size = headers->family == AF_INET ? 2 * 4 : 2 * 16;

    return flow->headers.family == headers->family && flow->headers.protocol == headers->protocol &&
           memcmp(flow->first + flow->headers.transport, packet + headers->transport, 4) == 0 &&
           memcmp(flow->first + addresses, packet + addresses, size) == 0;
}

static gboolean
is_same_ip(const Flow *flow, const guint8 *packet)
{
    const guint8 *first = flow->first;
    guint16 fragment;

    if (flow->headers.family == AF_INET6) /* version, class, flow label; hop limit */
        return memcmp(first, packet, 4) == 0 && first[7] == packet[7];
    fragment = stile_get_u16be(first + STILE_IPV4_FRAGMENT);
    if (memcmp(first, packet, 2) != 0 || first[8] != packet[8] ||
        fragment != stile_get_u16be(packet + STILE_IPV4_FRAGMENT))
        return FALSE;
    /* Cutting counts the ids up from the first; they only mean something to what may be fragmented
     * (RFC 6864 §4). */
    return (fragment & STILE_IP_DONT_FRAGMENT) ||
           stile_get_u16be(packet + STILE_IPV4_ID) ==
               (guint16)(stile_get_u16be(first + STILE_IPV4_ID) + flow->count);
}

static gboolean
is_next_tcp(const Flow *flow, const StileHeaders *headers, const guint8 *packet)
{
    const guint8 *first = flow->first + flow->headers.transport;
    const guint8 *next = packet + headers->transport;
    gsize size = headers->header_size - headers->transport;

    return stile_get_u32be(next + STILE_TCP_SEQUENCE) ==
               stile_get_u32be(first + STILE_TCP_SEQUENCE) + (guint32)flow->payload &&
           /* acknowledgement, offset; flags; window; urgent pointer and options */
           memcmp(first + 8, next + 8, 5) == 0 &&
           (first[STILE_TCP_FLAGS] | STILE_TCP_PSH) == (next[STILE_TCP_FLAGS] | STILE_TCP_PSH) &&
           memcmp(first + 14, next + 14, 2) == 0 && memcmp(first + 18, next + 18, size - 18) == 0;
}

/* Whether nothing may follow it in a super-packet. */
static gboolean
is_last(const Flow *flow, const StileHeaders *headers, const guint8 *packet)
{
    if (headers->size - headers->header_size < flow->segment || flow->count == MAX_PACKETS ||
        flow->headers.header_size + flow->payload + flow->segment > MAX_SIZE)
        return TRUE;
    return headers->protocol == IPPROTO_TCP &&
           (packet[headers->transport + STILE_TCP_FLAGS] & STILE_TCP_PSH);
}

static gboolean
append(Flow *flow, const StileHeaders *headers, guint8 *packet)
{
    gsize payload = headers->size - headers->header_size;

    if (headers->header_size != flow->headers.header_size || payload > flow->segment ||
        !is_same_ip(flow, packet))
        return FALSE;
    if (headers->protocol == IPPROTO_TCP && !is_next_tcp(flow, headers, packet))
        return FALSE;
    /* A merged packet gets new checksums, which would make a damaged one good. */
    if (!flow->verified && !is_intact(&flow->headers, flow->first))
        return FALSE;
    flow->verified = TRUE;
    if (!is_intact(headers, packet))
        return FALSE;
    flow->count++;
    flow->payload += payload;
    flow->parts[flow->count].iov_base = packet + headers->header_size;
    flow->parts[flow->count].iov_len = payload;
    if (headers->protocol == IPPROTO_TCP)
        flow->late_tcp_flags = packet[headers->transport + STILE_TCP_FLAGS];
    return TRUE;
}

static void
open_flow(StileCoalescer *self, const StileHeaders *headers, guint8 *packet)
{
    Flow *flow;

    if (self->count == MAX_FLOWS)
        close_flow(self, 0);
    flow = self->open[self->count++];
    flow->first = packet;
    flow->headers = *headers;
    flow->segment = flow->payload = headers->size - headers->header_size;
    flow->count = 1;
    flow->verified = FALSE;
    flow->late_tcp_flags = 0;
    flow->parts[1].iov_base = packet;
    flow->parts[1].iov_len = headers->size;
    if (is_last(flow, headers, packet))
        close_flow(self, self->count - 1);
}

static guint
find_flow(StileCoalescer *self, const StileHeaders *headers, const guint8 *packet)
{
    /* The newest first: packets come in runs. */
    for (guint i = self->count; i > 0; i--)
        if (is_same_flow(self->open[i - 1], headers, packet))
            return i - 1;
    return MAX_FLOWS;
}

void
stile_coalescer_add(StileCoalescer *self, guint8 *packet, gsize size)
{
    StileHeaders headers;
    guint index;
    gboolean mergeable;

    if (!stile_headers_parse(&headers, packet, size) || headers.protocol == IPPROTO_NONE) {
        write_single(self, packet, size);
        return;
    }
    mergeable = can_merge(self, &headers, packet);
    index = find_flow(self, &headers, packet);
    if (index < MAX_FLOWS) {
        if (mergeable && append(self->open[index], &headers, packet)) {
            if (is_last(self->open[index], &headers, packet))
                close_flow(self, index);
            return;
        }
        close_flow(self, index); /* what comes later in a flow stays later */
    }
    if (mergeable)
        open_flow(self, &headers, packet);
    else
        write_single(self, packet, headers.size);
}

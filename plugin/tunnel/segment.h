/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/headers.h"

G_BEGIN_DECLS

/* Of a super-packet; a TCP header is at most 60 bytes behind at most 60 of IPv4, or 40 of IPv6 and
 * its extensions. What has more of them cannot be cut. */
#define STILE_SEGMENTS_MAX_HEADER 256

/**
 * StileSegments:
 * @packet: the IP packet, in the caller's buffer
 * @headers: of @packet
 * @count: how many packets it becomes
 *
 * What the kernel wrote to a tun device with IFF_VNET_HDR: one packet, or a super-packet that is
 * to be cut (TSO, USO) into packets as they go over a wire. Pure. The fields below @count belong to
 * segment.c.
 */
typedef struct {
    guint8 *packet;
    StileHeaders headers;
    guint count;
    gsize segment; /* payload of each but the last */
    guint32 ip_sum;
    guint32 pseudo_sum;
    guint8 header[STILE_SEGMENTS_MAX_HEADER]; /* of the whole */
} StileSegments;

/**
 * stile_segments_init:
 * @data: a struct virtio_net_hdr and what follows it; a checksum that was left to us is filled in
 *
 * The virtio header is taken as a wish, never as a measure: sizes come from the packet's own
 * headers.
 *
 * Returns: %FALSE when it is no whole IP packet, or what it asks for makes no sense
 */
gboolean stile_segments_init(StileSegments *ret, guint8 *data, gsize size);

/** Returns: how large packet number @index is */
gsize stile_segments_size(const StileSegments *segments, guint index);

/**
 * stile_segments_cut:
 * @index: 0 first, then 1, …
 *
 * Makes packet number @index, stile_segments_size() bytes with their checksums, where its payload
 * stands: nothing but headers is copied. They take the place of the end of the packet before, which
 * is gone then.
 *
 * Returns: (transfer none): the packet, in the caller's buffer
 */
guint8 *stile_segments_cut(const StileSegments *segments, guint index);

G_END_DECLS

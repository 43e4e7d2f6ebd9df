/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/headers.h"

G_BEGIN_DECLS

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

/** Writes packet number @index, stile_segments_size() bytes, with its checksums. */
void stile_segments_write(const StileSegments *segments, guint index, guint8 *out);

G_END_DECLS

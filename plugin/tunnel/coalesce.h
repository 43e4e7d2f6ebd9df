/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/headers.h"
#include <sys/uio.h>

G_BEGIN_DECLS

/**
 * StileCoalescer:
 *
 * Merges packets of one TCP or UDP flow that follow each other into super-packets for a tun device
 * with IFF_VNET_HDR, so that the kernel takes them through its stack as one. The inverse of
 * StileSegments: what it merged can be cut into the very packets again, but for the ids of IPv4
 * packets that may not be fragmented, which mean nothing (RFC 6864 §4). Packets of one flow stay in
 * order; a packet that cannot be merged is written by itself, unaltered. Nothing is copied.
 */
typedef struct _StileCoalescer StileCoalescer;

/**
 * StileCoalescerFunc:
 * @parts: a struct virtio_net_hdr, then the packet, for one writev()
 */
typedef void (*StileCoalescerFunc)(gpointer user_data, const struct iovec *parts, guint n_parts);

StileCoalescer *stile_coalescer_new(StileCoalescerFunc write, gpointer user_data);
void stile_coalescer_free(StileCoalescer *coalescer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileCoalescer, stile_coalescer_free)

/** Which flows are merged: both, until the kernel refuses. */
void stile_coalescer_set_kinds(StileCoalescer *coalescer, gboolean tcp, gboolean udp);

/**
 * stile_coalescer_add:
 * @packet: (transfer none): an IP packet, from outside and not believed; must stay, and may be
 *   altered, until stile_coalescer_flush()
 */
void stile_coalescer_add(StileCoalescer *coalescer, guint8 *packet, gsize size);

/** Writes all that is held back. */
void stile_coalescer_flush(StileCoalescer *coalescer);

G_END_DECLS

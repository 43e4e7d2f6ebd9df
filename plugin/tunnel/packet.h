/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * stile_packet_parse:
 * @size: of @packet with WireGuard's padding behind it
 * @ret_length: (out): of the packet without the padding, by its own header
 * @ret_family: (out): AF_INET or AF_INET6
 * @ret_source: (out) (transfer none): its source address, in network order, in @packet
 *
 * Looks at the IP header of a packet that came out of the tunnel.
 *
 * Returns: %FALSE when it is not a whole IP packet
 */
gboolean stile_packet_parse(const guint8 *packet, gsize size, gsize *ret_length, int *ret_family,
                            const guint8 **ret_source);

G_END_DECLS

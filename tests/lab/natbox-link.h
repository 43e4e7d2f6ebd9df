/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_LINK_H
#define NATBOX_LINK_H

/* A TUN device, and the bad line behind it: what is sent to it may get lost or be late. */

#include <glib.h>

typedef struct NatboxLink NatboxLink;

/* Makes the device and brings it up. */
NatboxLink *natbox_link_open(const char *device, guint32 seed, GError **error);
void natbox_link_free(NatboxLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NatboxLink, natbox_link_free)
int natbox_link_get_fd(const NatboxLink *link);

/* Of what is sent from now on. @loss: probability; @delay: µs */
void natbox_link_set(NatboxLink *link, gdouble loss, gint64 delay);
void natbox_link_send(NatboxLink *link, const guint8 *data, gsize size, gint64 now);
/* Sends what is due. Returns: when the next packet is, G_MAXINT64 when none waits */
gint64 natbox_link_flush(NatboxLink *link, gint64 now);
/* Returns: the size of a packet, 0 when none is there, -1 when the device is gone */
gssize natbox_link_receive(NatboxLink *link, guint8 *data, gsize size);

#endif

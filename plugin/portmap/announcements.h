/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/**
 * StileAnnouncements:
 *
 * Listens to what a PCP or NAT-PMP server tells everybody on its link, without being asked, when it
 * has restarted or got another address (RFC 6887 §14.1, RFC 6886 §3.2.1): at 224.0.0.1 or ff02::1,
 * port 5350.
 */
typedef struct _StileAnnouncements StileAnnouncements;

/** A datagram of the server's. May free the listener. */
typedef void (*StileAnnouncementsFunc)(gpointer user_data, const guint8 *data, gsize size);

/**
 * stile_announcements_new:
 * @context: (nullable)
 * @server: with its port: nobody else is heard
 *
 * Returns: (nullable): %NULL when the port cannot be had: then there are none to be heard
 */
StileAnnouncements *stile_announcements_new(GMainContext *context, const StileAddress *server,
                                            StileAnnouncementsFunc func, gpointer user_data);
void stile_announcements_free(StileAnnouncements *announcements);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/netlink.h"

G_BEGIN_DECLS

/**
 * StileAdvertisements:
 *
 * What routers advertise (RFC 4861) beyond that which the kernel uses itself: as it passes it on
 * over rtnetlink, and from the routers directly where we may have a raw socket, because the kernel
 * is silent where something else handles advertisements (`accept_ra` is 0, as NetworkManager sets
 * it). What comes by both ways is told twice.
 */
typedef struct _StileAdvertisements StileAdvertisements;

/** The listener may be freed in it. */
typedef void (*StileAdvertised)(gpointer user_data, const StileNetlinkAdvertisement *advertisement);

/** Errors: %STILE_ERROR_FAILED */
StileAdvertisements *stile_advertisements_new(GMainContext *context, StileAdvertised advertised,
                                              gpointer user_data, GError **error);
void stile_advertisements_free(StileAdvertisements *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileAdvertisements, stile_advertisements_free)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"

G_BEGIN_DECLS

#define STILE_NAT_MAX_HOPS 8

/**
 * stile_nat_count_layers:
 * @own: this machine's address
 * @hops: the routers on the way out, the nearest first; unset where one was silent
 *
 * How many NATs stand one behind another, judged by the routers' addresses: each further inside
 * network on the way (another /24 of 192.168.0.0/16, else another block of RFC 1918 and RFC 6598)
 * is another NAT's. Pure, IPv4 only. A guess that takes a company's routed networks for NATs, and
 * sees no NAT whose routers say nothing.
 *
 * Returns: 0 when @own is no inside address
 */
guint stile_nat_count_layers(const StileAddress *own, const StileAddress *hops, gsize n_hops);

/**
 * StileLayersTest:
 *
 * Sends towards a server with times to live of 1 and more, and collects who says by ICMP that it
 * was not enough (RFC 792). Each from a socket of its own, so that it is known which one it was.
 */
typedef struct _StileLayersTest StileLayersTest;
/** @hops: of #STILE_NAT_MAX_HOPS. May free the test. */
typedef void (*StileLayersDone)(gpointer user_data, const StileAddress *hops);

/** @server: where to; IPv4. @context: (nullable). @done is not called from within. */
StileLayersTest *stile_layers_test_new(StileClock *clock, GMainContext *context,
                                       const StileAddress *server, StileLayersDone done,
                                       gpointer user_data);
void stile_layers_test_free(StileLayersTest *test);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileLayersTest, stile_layers_test_free)

G_END_DECLS

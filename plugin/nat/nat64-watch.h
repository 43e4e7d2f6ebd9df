/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "base/nat64.h"

G_BEGIN_DECLS

/**
 * StileNat64Watch:
 *
 * The prefix of the NAT64 of the network we are in, for as long as it lives: what routers advertise
 * (RFC 8781); while none does, what the name server says (RFC 7050), asked for again when the
 * network changes and once an hour.
 */
typedef struct _StileNat64Watch StileNat64Watch;

/** The prefix changed, or was asked for the first time. The watch must not be freed in it. */
typedef void (*StileNat64Changed)(gpointer user_data);

StileNat64Watch *stile_nat64_watch_new(StileClock *clock, StileNat64Changed changed,
                                       gpointer user_data);
void stile_nat64_watch_free(StileNat64Watch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileNat64Watch, stile_nat64_watch_free)

/** Asks the name server now: at the start, and when the network changed. */
void stile_nat64_watch_ask(StileNat64Watch *watch);
/** The options of a router's advertisement that came in at @ifindex. Of several prefixes the one
 * that has been there longest is taken. */
void stile_nat64_watch_advertised(StileNat64Watch *watch, guint ifindex, const StileAddress *router,
                                  const guint8 *options, gsize size);
/** @addresses: of StileLocalAddress: what was advertised where we have none any more is forgotten
 */
void stile_nat64_watch_set_links(StileNat64Watch *watch, const GArray *addresses);
/** Whether it was advertised, or there was an answer since stile_nat64_watch_ask(), be it that
 * there is none. */
gboolean stile_nat64_watch_is_settled(StileNat64Watch *watch);
/** Returns: length 0 when there is no NAT64, as far as is known */
StilePrefix stile_nat64_watch_prefix(StileNat64Watch *watch);

G_END_DECLS

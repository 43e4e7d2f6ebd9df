/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/allocation.h"
#include "nat/hairpin.h"
#include "nat/probe-socket.h"

G_BEGIN_DECLS

#define STILE_NAT_MAX_PUBLIC 8

/**
 * StileNatReport:
 * @mapping, @filtering: of IPv4, or of IPv6 where only that answers; filtering NONE: open
 * @udp_blocked: no server answered
 * @lifetime: seconds that a mapping lives in silence; 0 when it was not measured
 * @lifetime_at_least: it was still alive then, and nobody waited longer
 * @ipv6: a server answered over IPv6
 * @n_public: of @public_addresses: what servers saw of us, each IP address once, without port
 * @confidence: 0 to 1: of mapping and filtering
 *
 * All that a probe found out. A value type.
 */
typedef struct {
    StileNatBehaviour mapping, filtering;
    gboolean udp_blocked;
    StileNatAllocation allocation;
    StileNatHairpin hairpin;
    guint lifetime;
    gboolean lifetime_at_least;
    gboolean ipv6;
    StileAddress public_addresses[STILE_NAT_MAX_PUBLIC];
    guint n_public;
    double confidence;
} StileNatReport;

/**
 * StileNatProber:
 *
 * One diagnosis: mapping; then filtering and port allocation at once; then hairpin; then, when
 * asked for, the lifetime. A few seconds, with the lifetime as long as that.
 */
typedef struct _StileNatProber StileNatProber;
/** May free the prober. */
typedef void (*StileNatProbed)(gpointer user_data, const StileNatReport *report);

/**
 * stile_nat_prober_new:
 * @servers: STUN servers and members of both families, at least one
 * @progress: (nullable): called with what is known before the lifetime is measured
 *
 * Neither @progress nor @done is called from within. Freeing it is how to stop it.
 *
 * Errors: those of @wire
 */
StileNatProber *stile_nat_prober_new(StileClock *clock, const StileProbeWire *wire,
                                     gpointer wire_data, const StileNatServer *servers,
                                     gsize n_servers, gboolean lifetime, StileNatProbed progress,
                                     StileNatProbed done, gpointer user_data, GError **error);
void stile_nat_prober_free(StileNatProber *prober);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileNatProber, stile_nat_prober_free)

G_END_DECLS

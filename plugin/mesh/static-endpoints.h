/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/gather.h"

G_BEGIN_DECLS

/**
 * StileEndpointName:
 * @host: (nullable): a name or an address; %NULL: our public address, whatever it is now
 *
 * Where this machine can be reached because somebody has set it up so: a port that a router
 * forwards, a DMZ host.
 */
typedef struct {
    char *host;
    guint16 port;
} StileEndpointName;

void stile_endpoint_name_clear(StileEndpointName *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileEndpointName, stile_endpoint_name_clear)

/** @text: `HOST:PORT`, `[2001:db8::1]:PORT`, `:PORT`. Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_endpoint_name_parse(StileEndpointName *ret, const char *text, GError **error);

/**
 * StileStaticEndpoints:
 *
 * Keeps the candidates of technique `static` in a gatherer. Names are asked for again every minute
 * (a name by DynDNS is another address after the night); as long as that fails, the last address
 * stands.
 */
typedef struct _StileStaticEndpoints StileStaticEndpoints;

/** @gatherer: must outlive it. @port4, @port6: of the shared sockets; 0: no such socket */
StileStaticEndpoints *stile_static_endpoints_new(StileClock *clock, StileGatherer *gatherer,
                                                 guint16 port4, guint16 port6);
void stile_static_endpoints_free(StileStaticEndpoints *endpoints);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileStaticEndpoints, stile_static_endpoints_free)

/** @names: (nullable): the endpoints from now on; what cannot be read is left out */
void stile_static_endpoints_set(StileStaticEndpoints *endpoints, const char *const *names);
/** The candidates of the gatherer changed, and with them maybe our public address. An op of the
 * gatherer may call it. */
void stile_static_endpoints_refresh_soon(StileStaticEndpoints *endpoints);
/** The network changed: names are asked for at once. */
void stile_static_endpoints_look_up(StileStaticEndpoints *endpoints);

G_END_DECLS

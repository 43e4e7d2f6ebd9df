/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"

G_BEGIN_DECLS

/**
 * StileUpnp:
 *
 * The client of UPnP's Internet Gateway Device, versions 1 and 2, for one UDP port: finds the
 * router's service, maps, gives back. It speaks to the gateway and to nobody else, whatever a
 * description says. IPv4 only. When to ask is portmap.c's affair.
 */
typedef struct _StileUpnp StileUpnp;

/**
 * StileUpnpCalls:
 * @found: the router maps ports, and has an external address
 * @mapped: @lifetime: seconds, until when it must be mapped again
 * @failed: @problem: one sentence for a person
 *
 * Each may free the object. A search that nobody answers calls nothing.
 */
typedef struct {
    void (*found)(gpointer user_data);
    void (*mapped)(gpointer user_data, const StileAddress *external, guint32 lifetime);
    void (*failed)(gpointer user_data, const char *problem);
} StileUpnpCalls;

/**
 * stile_upnp_new:
 * @context: (nullable): for the sockets
 * @gateway: without port
 * @internal: our address and port
 * @calls: static
 */
StileUpnp *stile_upnp_new(StileClock *clock, GMainContext *context, const StileAddress *gateway,
                          const StileAddress *internal, const StileUpnpCalls *calls,
                          gpointer user_data);
/** Asks for the mapping to be deleted, if there is one; the main context has to run on for a moment
 * for it to be sent. */
void stile_upnp_free(StileUpnp *upnp);
/** For tests: where the gateway listens instead of port 1900. */
void stile_upnp_set_search_port(StileUpnp *upnp, guint16 port);

/** Looks for the router, if it is not known or looked for already. */
void stile_upnp_search(StileUpnp *upnp);
/** Makes the mapping or renews it, after a search where needed; once at a time. */
void stile_upnp_map(StileUpnp *upnp);
/** The mapping is not wanted any more. @keep: a port not to be deleted, because another protocol
 * has it now; 0 for none */
void stile_upnp_unmap(StileUpnp *upnp, guint16 keep);

G_END_DECLS

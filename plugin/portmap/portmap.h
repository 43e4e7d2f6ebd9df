/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"

G_BEGIN_DECLS

/**
 * StilePortmap:
 *
 * Asks the router to forward a UDP port to us and keeps it so: renews at half life and at once when
 * the router lost it, gives it back at the end. For an IPv6 address that is a pinhole in the
 * router's firewall, whose outer address is our own. One interface over the protocols; each
 * protocol has a file of its own. Sends from sockets of its own.
 */
typedef struct _StilePortmap StilePortmap;

typedef enum {
    STILE_PORTMAP_NONE, /* no protocol answers */
    STILE_PORTMAP_PCP,
    STILE_PORTMAP_NAT_PMP,
    STILE_PORTMAP_UPNP_IGD,
} StilePortmapProtocol;

/** The words of the contract: `pcp`, `nat-pmp`, `upnp-igd`; `` for none */
const char *stile_portmap_protocol_to_string(StilePortmapProtocol protocol);

/** @external: (nullable): the mapped address, or %NULL when there is none (any more). May free the
 * mapping's object. Not called from within stile_portmap_new(). */
typedef void (*StilePortmapFunc)(gpointer user_data, StilePortmapProtocol protocol,
                                 const StileAddress *external);

/**
 * stile_portmap_new:
 * @context: (nullable): for the socket
 * @gateway: the router, without port; of IPv6 with the interface it is at
 * @internal: our address and port
 * @beyond: whether a PCP server behind the router may be asked, too: the request leaves our network
 */
StilePortmap *stile_portmap_new(StileClock *clock, GMainContext *context,
                                const StileAddress *gateway, const StileAddress *internal,
                                gboolean beyond, StilePortmapFunc changed, gpointer user_data);
/**
 * StilePortmapPeerFunc:
 * @external: (nullable): what @remote sees of us; %NULL: not known any more
 *
 * Told at every renewal.
 */
typedef void (*StilePortmapPeerFunc)(gpointer user_data, const StileAddress *remote,
                                     const StileAddress *external);
/**
 * stile_portmap_set_peer_func:
 *
 * Where a router maps no port for all, it may still say by PCP what single remotes see of us (RFC
 * 6887 §12). @func is called with the same user data as the other one.
 */
void stile_portmap_set_peer_func(StilePortmap *portmap, StilePortmapPeerFunc func);
/** A remote address that we send to. */
void stile_portmap_add_peer(StilePortmap *portmap, const StileAddress *remote);
void stile_portmap_remove_peer(StilePortmap *portmap, const StileAddress *remote);
/** Returns: (nullable): why there is no mapping, or why it may not help, one sentence for a person;
 * @changed is called when it changes, too */
const char *stile_portmap_problem(StilePortmap *portmap);
/** Asks for the mapping to be deleted (not waited for). */
void stile_portmap_free(StilePortmap *portmap);
/** @context: (nullable): as in stile_portmap_new(). Returns: whether a router is still being told
 * by UPnP that a mapping is not wanted any more, for which @context has to run on */
gboolean stile_portmap_is_leaving(GMainContext *context);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StilePortmap, stile_portmap_free)

G_END_DECLS

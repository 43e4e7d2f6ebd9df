/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "portmap/portmap.h"
#include "portmap/upnp.h"

G_BEGIN_DECLS

/* portmap.c is the state machine and knows no socket; portmap-socket.c has the socket. */

/**
 * StilePortmapServer:
 * @STILE_PORTMAP_GATEWAY: speaks any of the protocols
 * @STILE_PORTMAP_ANYCAST: the next PCP server on the way to the internet, such as a carrier's (RFC
 *   7723); PCP only
 */
typedef enum {
    STILE_PORTMAP_GATEWAY,
    STILE_PORTMAP_ANYCAST,
} StilePortmapServer;
#define STILE_PORTMAP_N_SERVERS (STILE_PORTMAP_ANYCAST + 1)

/** Sends to the PCP port of @server. */
typedef void (*StilePortmapSend)(gpointer transport, StilePortmapServer server, const guint8 *data,
                                 gsize size);

/** @transport_free: (nullable): called last */
StilePortmap *stile_portmap_new_with_transport(StileClock *clock, const StileAddress *gateway,
                                               const StileAddress *internal, StilePortmapSend send,
                                               gpointer transport, GDestroyNotify transport_free,
                                               StilePortmapFunc changed, gpointer user_data);
/** stile_portmap_new(), but nothing is asked yet. */
StilePortmap *stile_portmap_new_unstarted(StileClock *clock, GMainContext *context,
                                          const StileAddress *gateway, const StileAddress *internal,
                                          StilePortmapFunc changed, gpointer user_data);
/** What a StileUpnp of a portmap calls, with the portmap. */
extern const StileUpnpCalls stile_portmap_upnp_calls;
/** @upnp: (transfer full): speak UPnP, too. Before the start. */
void stile_portmap_set_upnp(StilePortmap *portmap, StileUpnp *upnp);
/** Ask the anycast server, too. Before the start. */
void stile_portmap_set_beyond(StilePortmap *portmap);
/** Begins to ask. */
void stile_portmap_start(StilePortmap *portmap);
/** For tests: never speaks PCP. Before the start. */
void stile_portmap_without_pcp(StilePortmap *portmap);
/** A datagram from the PCP port of @server. Nothing may be done with @portmap afterwards: it calls
 * back. */
void stile_portmap_receive(StilePortmap *portmap, StilePortmapServer server, const guint8 *data,
                           gsize size);

G_END_DECLS

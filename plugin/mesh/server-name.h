/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "mesh/server-uri.h"

G_BEGIN_DECLS

/**
 * StileServerName:
 *
 * Finds the address of one server by its name: the one to send to, which with NAT64 differs from
 * what the server has. A name that does not resolve is asked for again: the
 * network may just be coming up.
 */
typedef struct _StileServerName StileServerName;

typedef struct {
    /* Once, and again with every stile_server_name_set_nat64(). */
    void (*found)(gpointer user_data, const StileAddress *address);
    /* @text: why not; it is asked again later. */
    void (*failed)(gpointer user_data, const char *text);
} StileServerNameOps;

/**
 * stile_server_name_new:
 * @uri: host and port; copied
 * @ipv4, @ipv6: which families can be reached. IPv4 is taken before IPv6: relayed addresses and
 *   most NATs to be learnt about are IPv4.
 */
StileServerName *stile_server_name_new(StileClock *clock, const StileServerUri *uri, gboolean ipv4,
                                       gboolean ipv6, const StileServerNameOps *ops,
                                       gpointer user_data);
void stile_server_name_free(StileServerName *name);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileServerName, stile_server_name_free)

/** Asks now, unless the address is known. What needs no asking is found within. */
void stile_server_name_look_up(StileServerName *name);
/** @prefix: of the NAT64 that IPv4 servers are now reached through, length 0 for none. The address
 * is looked for anew. */
void stile_server_name_set_nat64(StileServerName *name, const StilePrefix *prefix);
/** Returns: unset while it is not known */
StileAddress stile_server_name_address(const StileServerName *name);

G_END_DECLS

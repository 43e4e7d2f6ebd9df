/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/**
 * StileLocalAddress:
 * @temporary: an IPv6 privacy address (RFC 8981), which will go
 * @deprecated: not for new sessions
 * @link_type: what the interface is: `ether`, `wlan`, `bridge`, `docker`, `virbr` (any other bridge
 *   without a port to the world), `tun`, `loopback`, …
 *
 * An address of this machine that can be used now: interface up and running, not tentative, not
 * failed duplicate address detection.
 */
typedef struct {
    StileAddress address; /* port 0 */
    guint8 prefix_length;
    guint ifindex;
    char ifname[16];
    const char *link_type;
    guint mtu;
    gboolean temporary;
    gboolean deprecated;
} StileLocalAddress;

/**
 * StileLinks:
 *
 * Follows the kernel's links, addresses and default routes over rtnetlink in a GMainContext, and
 * says when something changed that matters to reaching or being reached. Changes that come together
 * are reported once, a moment later.
 */
typedef struct _StileLinks StileLinks;
typedef void (*StileLinksFunc)(StileLinks *links, gpointer user_data);

StileLinks *stile_links_new(GMainContext *context, StileLinksFunc changed, gpointer user_data,
                            GError **error);
void stile_links_free(StileLinks *links);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileLinks, stile_links_free)

/** Returns: (transfer none): the usable addresses, of StileLocalAddress, until the next change */
const GArray *stile_links_addresses(StileLinks *links);
/** The gateway of the default route of @family with the lowest metric; unset when there is none. */
StileAddress stile_links_gateway(StileLinks *links, int family);
/**
 * stile_links_on_lan:
 * @addresses: of StileLocalAddress
 *
 * Whether @remote is a neighbour: on a subnet that one of our links is directly connected to, where
 * tunnels and what is inside this machine (containers, virtual machines) do not count.
 *
 * Returns: the index of that link, or 0; of a link-local IPv6 address, the one in its scope
 */
guint stile_links_on_lan(const GArray *addresses, const StileAddress *remote);
/** The address the kernel would send from towards @remote; unset when there is no route. */
StileAddress stile_links_source_for(const StileAddress *remote);

/**
 * stile_link_configure:
 * @addresses: of StilePrefix: what the interface gets
 * @routes: of StilePrefix: what goes through it
 *
 * Brings an interface up, for `up` without NetworkManager. Addresses and routes that are there are
 * not an error.
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED
 */
gboolean stile_link_configure(guint ifindex, guint mtu, const GArray *addresses,
                              const GArray *routes, GError **error);
/**
 * stile_link_set_gso_max_size:
 * @bytes: with headers; at most 65536
 *
 * The largest super-packet that the kernel hands to the device.
 *
 * Returns: 0, or an errno
 */
int stile_link_set_gso_max_size(guint ifindex, guint bytes);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What NetworkManager is told of the tunnel, made from what the service says of the network. Pure.
 */

/**
 * StileIpConfig:
 * @config: the general part; @ip4, @ip6: %NULL when the network has no address of that family
 *
 * a{sv} each, with the keys of nm-vpn-dbus-interface.h; not floating.
 */
typedef struct {
    GVariant *config;
    GVariant *ip4;
    GVariant *ip6;
} StileIpConfig;

void stile_ip_config_free(StileIpConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileIpConfig, stile_ip_config_free)

/**
 * stile_ip_config_new:
 * @addresses: `address/prefix-length`, IPv4 and IPv6; the first of each family is used
 * @mtu: 0: not told
 * @gateway: what the tunnel is reached through. NetworkManager makes a host route to it through the
 *   physical device, unless it is that device's own address; peers are at many places, so give
 * that.
 *
 * No default route and no name server are taken: reaching one's machines is no reason to send the
 * rest of the traffic elsewhere. The route to the network is that of the address's prefix.
 *
 * Errors: %G_IO_ERROR_INVALID_DATA: the service said something that is not an address
 */
StileIpConfig *stile_ip_config_new(const char *interface, const char *const *addresses, guint mtu,
                                   GInetAddress *gateway, GError **error);

/**
 * stile_base_address:
 *
 * This machine's own address on the way to the internet; sends nothing. Without one the loopback
 * address, as NetworkManager refuses a configuration without gateway.
 *
 * Returns: (transfer full)
 */
GInetAddress *stile_base_address(void);

G_END_DECLS

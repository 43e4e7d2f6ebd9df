/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ip-config.h"

#include <NetworkManager.h>
#include <stdlib.h>
#include <string.h>

void
stile_ip_config_free(StileIpConfig *config)
{
    g_clear_pointer(&config->config, g_variant_unref);
    g_clear_pointer(&config->ip4, g_variant_unref);
    g_clear_pointer(&config->ip6, g_variant_unref);
    g_free(config);
}

/* An address in the form of NetworkManager: IPv4 as a number in network order, IPv6 as bytes. */
static GVariant *
address_variant(GInetAddress *address)
{
    const guint8 *bytes = g_inet_address_to_bytes(address);
    gsize size = g_inet_address_get_native_size(address);
    guint32 number;

    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4) {
        memcpy(&number, bytes, sizeof number);
        return g_variant_new_uint32(number);
    }
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, size, 1);
}

static GVariant *
family_config(const char *text, gboolean *ret_ip6, GError **error)
{
    g_autofree char *host = g_strdup(text);
    char *slash = strchr(host, '/');
    g_autoptr(GInetAddress) address = NULL;
    guint64 prefix = 0;
    GVariantDict dict;

    if (slash != NULL) {
        *slash = '\0';
        address = g_inet_address_new_from_string(host);
    }
    if (address == NULL ||
        !g_ascii_string_to_unsigned(slash + 1, 10, 1, 8 * g_inet_address_get_native_size(address),
                                    &prefix, NULL)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "“%s” is not an address with the length of its prefix", text);
        return NULL;
    }
    *ret_ip6 = g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6;
    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert_value(
        &dict, *ret_ip6 ? NM_VPN_PLUGIN_IP6_CONFIG_ADDRESS : NM_VPN_PLUGIN_IP4_CONFIG_ADDRESS,
        address_variant(address));
    g_variant_dict_insert(
        &dict, *ret_ip6 ? NM_VPN_PLUGIN_IP6_CONFIG_PREFIX : NM_VPN_PLUGIN_IP4_CONFIG_PREFIX, "u",
        (guint32)prefix);
    g_variant_dict_insert(&dict,
                          *ret_ip6 ? NM_VPN_PLUGIN_IP6_CONFIG_NEVER_DEFAULT
                                   : NM_VPN_PLUGIN_IP4_CONFIG_NEVER_DEFAULT,
                          "b", TRUE);
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

StileIpConfig *
stile_ip_config_new(const char *interface, const char *const *addresses, guint mtu,
                    GInetAddress *gateway, GError **error)
{
    g_autoptr(StileIpConfig) config = g_new0(StileIpConfig, 1);
    GVariantDict dict;

    for (; *addresses != NULL; addresses++) {
        gboolean ip6;
        g_autoptr(GVariant) family = family_config(*addresses, &ip6, error);
        GVariant **place;

        if (family == NULL)
            return NULL;
        place = ip6 ? &config->ip6 : &config->ip4;
        if (*place == NULL)
            *place = g_steal_pointer(&family);
    }
    if (config->ip4 == NULL && config->ip6 == NULL) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "the network has no address for this machine");
        return NULL;
    }
    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, NM_VPN_PLUGIN_CONFIG_TUNDEV, "s", interface);
    g_variant_dict_insert_value(&dict, NM_VPN_PLUGIN_CONFIG_EXT_GATEWAY, address_variant(gateway));
    if (mtu != 0)
        g_variant_dict_insert(&dict, NM_VPN_PLUGIN_CONFIG_MTU, "u", (guint32)mtu);
    g_variant_dict_insert(&dict, NM_VPN_PLUGIN_CONFIG_HAS_IP4, "b", config->ip4 != NULL);
    g_variant_dict_insert(&dict, NM_VPN_PLUGIN_CONFIG_HAS_IP6, "b", config->ip6 != NULL);
    g_variant_dict_insert(&dict, NM_VPN_PLUGIN_CAN_PERSIST, "b", TRUE);
    config->config = g_variant_ref_sink(g_variant_dict_end(&dict));
    return g_steal_pointer(&config);
}

/* Connecting a datagram socket asks the routing table and sends nothing. */
static GInetAddress *
source_towards(const char *somewhere)
{
    g_autoptr(GSocketAddress) remote = g_inet_socket_address_new_from_string(somewhere, 9);
    g_autoptr(GSocketAddress) local = NULL;
    g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(remote),
                                             G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);

    if (socket == NULL || !g_socket_connect(socket, remote, NULL, NULL))
        return NULL;
    local = g_socket_get_local_address(socket, NULL);
    if (local == NULL)
        return NULL;
    return g_object_ref(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(local)));
}

GInetAddress *
stile_base_address(void)
{
    /* Documentation prefixes (RFC 5737, RFC 3849): nobody's, so they go the way of the default
     * route. */
    GInetAddress *address = source_towards("203.0.113.1");

    if (address == NULL)
        address = source_towards("2001:db8::1");
    return address != NULL ? address : g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/preference.h"

#include <string.h>

gboolean
stile_preference_usable(const StileLocalAddress *local, const char *exclude)
{
    if (local->deprecated || (exclude && strcmp(local->ifname, exclude) == 0))
        return FALSE;
    switch (stile_address_scope(&local->address)) {
    case STILE_ADDRESS_PRIVATE:
    case STILE_ADDRESS_SHARED:
    case STILE_ADDRESS_GLOBAL:
        return TRUE;
    /* RFC 8445 §5.1.1.1: of use on one link only, and whoever is there has another address of ours.
     */
    case STILE_ADDRESS_LINK_LOCAL:
    case STILE_ADDRESS_UNSPECIFIED:
    case STILE_ADDRESS_LOOPBACK:
    case STILE_ADDRESS_MULTICAST:
    case STILE_ADDRESS_BROADCAST:
    case STILE_ADDRESS_RESERVED:
        break;
    }
    return FALSE;
}

/* RFC 4291, appendix A: an interface identifier made of a hardware address has FFFE in its middle.
 */
static gboolean
is_of_hardware(const StileLocalAddress *local)
{
    gsize size;
    const guint8 *ip = stile_address_ip(&local->address, &size);

    return size == 16 && ip[11] == 0xff && ip[12] == 0xfe;
}

gboolean
stile_preference_is_traceable(const StileLocalAddress *local, const GArray *addresses)
{
    StilePrefix network = {local->address, 64};

    if (!is_of_hardware(local))
        return FALSE;
    for (guint i = 0; i < addresses->len; i++) {
        const StileLocalAddress *other = &g_array_index(addresses, StileLocalAddress, i);

        if (other->ifindex == local->ifindex && stile_prefix_contains(&network, &other->address) &&
            !other->deprecated && !is_of_hardware(other))
            return TRUE;
    }
    return FALSE;
}

gboolean
stile_preference_is_virtual(const StileLocalAddress *local)
{
    static const char *const types[] = {"docker", "virbr", "dummy", "tun", "wireguard", "tunnel"};

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_strcmp0(local->link_type, types[i]) == 0)
            return TRUE;
    return FALSE;
}

static guint
link_quality(const char *type)
{
    static const struct {
        const char *type;
        guint quality;
    } lower[] = {{"bridge", 2}, {"wlan", 1}, {"wwan", 0}, {"ppp", 0}};

    for (gsize i = 0; i < G_N_ELEMENTS(lower); i++)
        if (g_strcmp0(type, lower[i].type) == 0)
            return lower[i].quality;
    return 3;
}

guint16
stile_preference_of(const StileLocalAddress *local)
{
    guint preference = link_quality(local->link_type) << 11;

    if (!stile_preference_is_virtual(local))
        preference |= 0x8000;
    if (local->address.sa.sa_family == AF_INET6)
        preference |= 0x2000;
    if (!local->temporary)
        preference |= 0x0400;
    /* RFC 8445 §5.1.2.1: each address has one of its own */
    return (guint16)(preference | (stile_address_hash(&local->address) & 0x03ff));
}

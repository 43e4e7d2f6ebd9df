/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/problem.h"

#include "portmap/nat-pmp.h"
#include "portmap/pcp.h"

char *
stile_portmap_explain_pcp(const StileAddress *address, guint result)
{
    g_autofree char *router = stile_address_ip_to_string(address);

    switch (result) {
    case STILE_PCP_NOT_AUTHORIZED:
        return g_strdup_printf("The router %s does not permit port mappings", router);
    case STILE_PCP_NETWORK_FAILURE:
        return g_strdup_printf("The router %s is not connected itself", router);
    case STILE_PCP_NO_RESOURCES:
    case STILE_PCP_USER_EX_QUOTA:
        return g_strdup_printf("The router %s has no room for another port mapping", router);
    case STILE_PCP_ADDRESS_MISMATCH:
        return g_strdup_printf("There is another NAT between us and the router %s", router);
    default:
        return g_strdup_printf("The router %s cannot map ports (PCP error %u)", router, result);
    }
}

char *
stile_portmap_explain_nat_pmp(const StileAddress *address, guint result)
{
    switch (result) {
    case STILE_NAT_PMP_NOT_AUTHORIZED:
        return stile_portmap_explain_pcp(address, STILE_PCP_NOT_AUTHORIZED);
    case STILE_NAT_PMP_NETWORK_FAILURE:
        return stile_portmap_explain_pcp(address, STILE_PCP_NETWORK_FAILURE);
    case STILE_NAT_PMP_OUT_OF_RESOURCES:
        return stile_portmap_explain_pcp(address, STILE_PCP_NO_RESOURCES);
    default: {
        g_autofree char *router = stile_address_ip_to_string(address);

        return g_strdup_printf("The router %s cannot map ports (NAT-PMP error %u)", router, result);
    }
    }
}

char *
stile_portmap_explain_silence(const StileAddress *address, gboolean upnp)
{
    g_autofree char *router = stile_address_ip_to_string(address);

    if (stile_address_family(address) == AF_INET6)
        return g_strdup_printf("The router %s does not answer PCP%s", router,
                               upnp ? " nor UPnP" : "");
    return g_strdup_printf("The router %s answers neither PCP%s NAT-PMP%s", router,
                           upnp ? "," : " nor", upnp ? " nor UPnP" : "");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <string.h>

/* The attributes behind a message's fixed part. Not mnl_attr_for_each(): it rounds the end of the
 * message up. */
static const void *
attributes(const struct nlmsghdr *message, gsize fixed, int *ret_size)
{
    *ret_size = MAX(0, (int)mnl_nlmsg_get_payload_len(message) - (int)MNL_ALIGN(fixed));
    return mnl_nlmsg_get_payload_offset(message, fixed);
}

static gboolean
read_u32(const struct nlattr *attribute, guint32 *ret)
{
    if (mnl_attr_get_payload_len(attribute) < sizeof *ret)
        return FALSE;
    memcpy(ret, mnl_attr_get_payload(attribute), sizeof *ret);
    return TRUE;
}

static gboolean
read_name(const struct nlattr *attribute, char ret[16])
{
    const char *text = mnl_attr_get_payload(attribute);
    gsize size = strnlen(text, mnl_attr_get_payload_len(attribute));

    if (size >= 16)
        return FALSE;
    memset(ret, 0, 16);
    memcpy(ret, text, size);
    return TRUE;
}

static gboolean
read_ip(const struct nlattr *attribute, int family, StileAddress *ret)
{
    gsize size = mnl_attr_get_payload_len(attribute);

    if (size != (family == AF_INET ? 4 : 16))
        return FALSE;
    *ret = stile_address_from_ip(family, mnl_attr_get_payload(attribute), 0);
    return stile_address_family(ret) == family;
}

static void
set_scope(StileAddress *address, guint ifindex)
{
    if (stile_address_family(address) == AF_INET6 &&
        stile_address_scope(address) == STILE_ADDRESS_LINK_LOCAL)
        address->in6.sin6_scope_id = ifindex;
}

gboolean
stile_netlink_parse_link(StileNetlinkLink *ret, const struct nlmsghdr *message)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    StileNetlinkLink link = {0};
    const struct nlattr *attr, *inner;
    const void *all;
    int size;

    if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
        mnl_nlmsg_get_payload_len(message) < sizeof *info || info->ifi_index <= 0)
        return FALSE;
    link.ifindex = (guint)info->ifi_index;
    link.flags = info->ifi_flags;
    link.device_type = info->ifi_type;
    all = attributes(message, sizeof *info, &size);
    mnl_attr_for_each_payload(all, size)
    {
        switch (mnl_attr_get_type(attr)) {
        case IFLA_IFNAME:
            if (!read_name(attr, link.name))
                return FALSE;
            break;
        case IFLA_MTU:
            if (!read_u32(attr, &link.mtu))
                return FALSE;
            break;
        case IFLA_MASTER:
            if (!read_u32(attr, &link.master))
                return FALSE;
            break;
        case IFLA_LINKINFO:
            mnl_attr_for_each_nested(inner, attr)
            {
                /* A kind too long for us is none that we know. */
                if (mnl_attr_get_type(inner) == IFLA_INFO_KIND && !read_name(inner, link.kind))
                    g_strlcpy(link.kind, "other", sizeof link.kind);
            }
            break;
        }
    }
    if (link.name[0] == '\0')
        return FALSE;
    *ret = link;
    return TRUE;
}

gboolean
stile_netlink_parse_address(StileNetlinkAddress *ret, const struct nlmsghdr *message)
{
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
    StileNetlinkAddress address = {0};
    StileAddress local = {0};
    const struct nlattr *attr;
    const void *all;
    int size;

    if ((message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) ||
        mnl_nlmsg_get_payload_len(message) < sizeof *info || info->ifa_index == 0)
        return FALSE;
    if ((info->ifa_family != AF_INET && info->ifa_family != AF_INET6) ||
        info->ifa_prefixlen > (info->ifa_family == AF_INET ? 32 : 128))
        return FALSE;
    address.prefix_length = info->ifa_prefixlen;
    address.ifindex = info->ifa_index;
    address.flags = info->ifa_flags;
    all = attributes(message, sizeof *info, &size);
    mnl_attr_for_each_payload(all, size)
    {
        switch (mnl_attr_get_type(attr)) {
        case IFA_ADDRESS:
            if (!read_ip(attr, info->ifa_family, &address.address))
                return FALSE;
            break;
        case IFA_LOCAL:
            if (!read_ip(attr, info->ifa_family, &local))
                return FALSE;
            break;
        case IFA_FLAGS: /* all 32 of them, where the header has eight */
            if (!read_u32(attr, &address.flags))
                return FALSE;
            break;
        }
    }
    /* On a point-to-point link IFA_ADDRESS is the other end. */
    if (stile_address_is_set(&local))
        address.address = local;
    if (!stile_address_is_set(&address.address))
        return FALSE;
    set_scope(&address.address, address.ifindex);
    *ret = address;
    return TRUE;
}

/* The first hop of a multipath route. */
static gboolean
read_nexthop(const struct nlattr *attribute, int family, StileNetlinkRoute *route)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(attribute);
    gsize left = mnl_attr_get_payload_len(attribute);
    const struct nlattr *attr;
    const void *all = hop + 1;
    int size;

    if (left < sizeof *hop || hop->rtnh_len < sizeof *hop || hop->rtnh_len > left)
        return FALSE;
    route->ifindex = (guint)MAX(hop->rtnh_ifindex, 0);
    size = (int)(hop->rtnh_len - sizeof *hop);
    mnl_attr_for_each_payload(all, size)
    {
        if (mnl_attr_get_type(attr) == RTA_GATEWAY && !read_ip(attr, family, &route->gateway))
            return FALSE;
    }
    return TRUE;
}

gboolean
stile_netlink_parse_route(StileNetlinkRoute *ret, const struct nlmsghdr *message)
{
    const struct rtmsg *info = mnl_nlmsg_get_payload(message);
    StileNetlinkRoute route = {0};
    const struct nlattr *attr;
    const void *all;
    guint32 table;
    int size;

    if ((message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE) ||
        mnl_nlmsg_get_payload_len(message) < sizeof *info)
        return FALSE;
    if ((info->rtm_family != AF_INET && info->rtm_family != AF_INET6) || info->rtm_dst_len != 0 ||
        info->rtm_src_len != 0 || info->rtm_type != RTN_UNICAST)
        return FALSE;
    table = info->rtm_table;
    all = attributes(message, sizeof *info, &size);
    mnl_attr_for_each_payload(all, size)
    {
        gboolean good = TRUE;

        switch (mnl_attr_get_type(attr)) {
        case RTA_TABLE:
            good = read_u32(attr, &table);
            break;
        case RTA_OIF:
            good = read_u32(attr, &route.ifindex);
            break;
        case RTA_PRIORITY:
            good = read_u32(attr, &route.metric);
            break;
        case RTA_GATEWAY:
            good = read_ip(attr, info->rtm_family, &route.gateway);
            break;
        case RTA_MULTIPATH:
            good = read_nexthop(attr, info->rtm_family, &route);
            break;
        }
        if (!good)
            return FALSE;
    }
    if (table != RT_TABLE_MAIN || !stile_address_is_set(&route.gateway))
        return FALSE;
    set_scope(&route.gateway, route.ifindex);
    *ret = route;
    return TRUE;
}

gboolean
stile_netlink_parse_advertisement(StileNetlinkAdvertisement *ret, const struct nlmsghdr *message)
{
    const struct nduseroptmsg *info = mnl_nlmsg_get_payload(message);
    StileNetlinkAdvertisement advertisement = {0};
    const struct nlattr *attr;
    const void *all;
    gsize left;
    int size;

    if (message->nlmsg_type != RTM_NEWNDUSEROPT ||
        mnl_nlmsg_get_payload_len(message) < sizeof *info)
        return FALSE;
    left = mnl_nlmsg_get_payload_len(message) - sizeof *info;
    if (info->nduseropt_family != AF_INET6 || info->nduseropt_icmp_type != ND_ROUTER_ADVERT ||
        info->nduseropt_icmp_code != 0 || info->nduseropt_ifindex <= 0 ||
        info->nduseropt_opts_len > left)
        return FALSE;
    advertisement.ifindex = (guint)info->nduseropt_ifindex;
    advertisement.options = (const guint8 *)(info + 1);
    advertisement.size = info->nduseropt_opts_len;
    all = attributes(message, sizeof *info + advertisement.size, &size);
    mnl_attr_for_each_payload(all, size)
    {
        if (mnl_attr_get_type(attr) == NDUSEROPT_SRCADDR &&
            !read_ip(attr, AF_INET6, &advertisement.router))
            return FALSE;
    }
    set_scope(&advertisement.router, advertisement.ifindex);
    *ret = advertisement;
    return TRUE;
}

static gboolean
is_docker_bridge(const char *name)
{
    return g_str_has_prefix(name, "docker") || g_str_has_prefix(name, "podman") ||
           g_str_has_prefix(name, "cni") ||
           (g_str_has_prefix(name, "br-") && strlen(name) == strlen("br-0123456789ab"));
}

static const char *
bridge_type(const char *name)
{
    if (is_docker_bridge(name))
        return "docker";
    return g_str_has_prefix(name, "virbr") || g_str_has_prefix(name, "lxcbr") ||
                   g_str_has_prefix(name, "lxdbr")
               ? "virbr"
               : "bridge";
}

gboolean
stile_netlink_leads_out(const StileNetlinkLink *bridge, const StileNetlinkLink *links,
                        gsize n_links)
{
    static const char *const outward[] = {"",     "vlan", "macvlan", "macvtap", "ipvlan",
                                          "bond", "team", "wwan",    "rmnet",   NULL};

    for (gsize i = 0; i < n_links; i++)
        if (links[i].master == bridge->ifindex && g_strv_contains(outward, links[i].kind))
            return TRUE;
    return FALSE;
}

const char *
stile_netlink_link_type(const StileNetlinkLink *link, gboolean wireless)
{
    static const struct {
        const char *kind, *type;
    } kinds[] = {
        {"veth", "veth"},
        {"netkit", "veth"},
        {"vlan", "vlan"},
        {"macvlan", "vlan"},
        {"ipvlan", "vlan"},
        {"bond", "bond"},
        {"team", "bond"},
        {"tun", "tun"},
        {"ovpn", "tun"},
        {"ovpn-dco", "tun"},
        {"dummy", "dummy"},
        {"wwan", "wwan"},
        {"rmnet", "wwan"},
        {"wireguard", "wireguard"},
        {"amneziawg", "wireguard"},
        {"ppp", "ppp"},
        {"gre", "tunnel"},
        {"gretap", "tunnel"},
        {"ip6gre", "tunnel"},
        {"ip6gretap", "tunnel"},
        {"erspan", "tunnel"},
        {"ip6erspan", "tunnel"},
        {"ipip", "tunnel"},
        {"ip6tnl", "tunnel"},
        {"sit", "tunnel"},
        {"vti", "tunnel"},
        {"vti6", "tunnel"},
        {"xfrm", "tunnel"},
        {"vxlan", "tunnel"},
        {"geneve", "tunnel"},
        {"l2tp", "tunnel"},
    };

    if (link->device_type == ARPHRD_LOOPBACK)
        return "loopback";
    if (wireless ||
        (link->device_type >= ARPHRD_IEEE80211 && link->device_type <= ARPHRD_IEEE80211_RADIOTAP))
        return "wlan";
    if (g_str_equal(link->kind, "bridge"))
        return bridge_type(link->name);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (g_str_equal(link->kind, kinds[i].kind))
            return kinds[i].type;
    if (g_str_has_prefix(link->name, "wwan") || g_str_has_prefix(link->name, "rmnet"))
        return "wwan";
    if (link->device_type == ARPHRD_PPP)
        return "ppp";
    return link->device_type == ARPHRD_ETHER && link->kind[0] == '\0' ? "ether" : "other";
}

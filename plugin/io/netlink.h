/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include <linux/netlink.h>

G_BEGIN_DECLS

/*
 * What Stile reads of the kernel's rtnetlink messages. Pure: bytes in, struct out. The caller has
 * seen that the message is whole (mnl_nlmsg_ok()) and stands on a multiple of four bytes.
 */

/**
 * StileNetlinkLink:
 * @kind: IFLA_INFO_KIND, of virtual devices: `bridge`, `veth`, `tun`, …; else empty
 * @flags: IFF_UP, IFF_RUNNING, …
 * @device_type: ARPHRD_ETHER, …
 * @master: the index of the bridge or bond that it is a port of; 0: of none
 */
typedef struct {
    guint ifindex;
    guint master;
    char name[16];
    char kind[16];
    guint flags;
    guint mtu;
    guint16 device_type;
} StileNetlinkLink;

/** @flags: IFA_F_TENTATIVE, … */
typedef struct {
    StileAddress address;
    guint8 prefix_length;
    guint ifindex;
    guint32 flags;
} StileNetlinkAddress;

/** A default route of the main table with a gateway of its own family. */
typedef struct {
    StileAddress gateway;
    guint32 metric;
    guint ifindex;
} StileNetlinkRoute;

/**
 * StileNetlinkAdvertisement:
 * @router: who sent it; unset if the kernel does not say
 * @options: (transfer none): those that are for others than the kernel (RFC 4861 §4.6), within the
 *   message
 *
 * What the kernel passes on of a router's advertisement.
 */
typedef struct {
    guint ifindex;
    StileAddress router;
    const guint8 *options;
    gsize size;
} StileNetlinkAdvertisement;

/** Returns: whether it is about a link, and whole; @ret is untouched otherwise */
gboolean stile_netlink_parse_link(StileNetlinkLink *ret, const struct nlmsghdr *message);
/** Returns: whether it is about an IP address, and whole; @ret is untouched otherwise */
gboolean stile_netlink_parse_address(StileNetlinkAddress *ret, const struct nlmsghdr *message);
/** Returns: whether it is about such a default route, and whole; @ret is untouched otherwise */
gboolean stile_netlink_parse_route(StileNetlinkRoute *ret, const struct nlmsghdr *message);
/** Returns: whether it is such options, and whole; @ret is untouched otherwise */
gboolean stile_netlink_parse_advertisement(StileNetlinkAdvertisement *ret,
                                           const struct nlmsghdr *message);

/**
 * stile_netlink_link_type:
 * @wireless: whether the device has a radio (it has a phy80211 in sysfs)
 *
 * Returns: (transfer none): `loopback`, `ether`, `wlan`, `wwan`, `ppp`, `bridge`, `docker`, `veth`,
 *   `vlan`, `bond`, `tun`, `wireguard`, `tunnel` or `other`: what decides how much an address is
 *   worth as a way to be reached. Bridges of containers and of virtual machines are `docker` and
 *   `virbr`.
 */
const char *stile_netlink_link_type(const StileNetlinkLink *link, gboolean wireless);
/**
 * stile_netlink_leads_out:
 * @links: all links of this machine
 *
 * Whether the bridge has a port to the world: a device of its own, or what is made of one. With
 * none but the ends of containers and virtual machines it only leads to these, whatever it is
 * called.
 */
gboolean stile_netlink_leads_out(const StileNetlinkLink *bridge, const StileNetlinkLink *links,
                                 gsize n_links);

G_END_DECLS

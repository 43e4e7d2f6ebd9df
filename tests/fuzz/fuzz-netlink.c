/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages of any content: what the parsers let through is sound. */
#include "io/netlink.h"

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_message(const struct nlmsghdr *message)
{
    StileNetlinkLink link;
    StileNetlinkAddress address;
    StileNetlinkRoute route;
    StileNetlinkAdvertisement advertisement;

    if (stile_netlink_parse_link(&link, message)) {
        g_assert_cmpuint(link.ifindex, >, 0);
        g_assert_nonnull(memchr(link.name, 0, sizeof link.name));
        g_assert_nonnull(memchr(link.kind, 0, sizeof link.kind));
        g_assert_cmpuint(strlen(link.name), >, 0);
        g_assert_nonnull(stile_netlink_link_type(&link, FALSE));
    }
    if (stile_netlink_parse_address(&address, message)) {
        gsize bytes;

        stile_address_ip(&address.address, &bytes);
        g_assert_cmpuint(bytes, >, 0);
        g_assert_cmpuint(address.prefix_length, <=, bytes * 8);
        g_assert_cmpuint(address.ifindex, >, 0);
        g_assert_cmpuint(stile_address_port(&address.address), ==, 0);
    }
    if (stile_netlink_parse_route(&route, message))
        g_assert_true(stile_address_is_set(&route.gateway));
    if (stile_netlink_parse_advertisement(&advertisement, message)) {
        const guint8 *end = (const guint8 *)message + message->nlmsg_len;

        g_assert_cmpuint(advertisement.ifindex, >, 0);
        g_assert_true(advertisement.options + advertisement.size <= end);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *copy = g_memdup2(data, size); /* aligned, as the kernel's are */
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)copy;
    int left = (int)size;

    /* libmnl 1.0.4 takes a length of 2 GiB and more for a negative one; no kernel sends that. */
    while (copy && mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (guint32)left) {
        check_message(message);
        message = mnl_nlmsg_next(message, &left);
    }
    return 0;
}

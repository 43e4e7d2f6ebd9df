/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/advertisements.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/source.h"
#include <errno.h>
#include <glib-unix.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES 16384
/* RFC 4861 §6.1.2: nobody else's came through a router. */
#define OWN_LINK_HOPS 255

struct _StileAdvertisements {
    struct mnl_socket *netlink;
    int packets; /* -1: we may not */
    GSource *netlink_source, *packet_source;
    gboolean closed;
    StileAdvertised advertised;
    gpointer user_data;
    guint refs; /* one of the owner, one while something is read */
};

static void
unref(StileAdvertisements *listener)
{
    if (--listener->refs > 0)
        return;
    if (listener->netlink)
        mnl_socket_close(listener->netlink);
    if (listener->packets >= 0)
        close(listener->packets);
    g_free(listener);
}

/* From the kernel */

static int
on_message(const struct nlmsghdr *message, void *user_data)
{
    StileAdvertisements *listener = user_data;
    StileNetlinkAdvertisement advertisement;

    if (stile_netlink_parse_advertisement(&advertisement, message))
        listener->advertised(listener->user_data, &advertisement);
    return listener->closed ? MNL_CB_STOP : MNL_CB_OK;
}

static gboolean
on_netlink(int fd, GIOCondition condition, gpointer user_data)
{
    StileAdvertisements *listener = user_data;
    guint8 buffer[BUFFER_BYTES] __attribute__((aligned(8)));
    gssize got;

    /* Whatever was lost (ENOBUFS), routers say again. */
    listener->refs++;
    while (!listener->closed &&
           (got = mnl_socket_recvfrom(listener->netlink, buffer, sizeof buffer)) > 0)
        mnl_cb_run(buffer, (gsize)got, 0, 0, on_message, listener);
    unref(listener);
    return G_SOURCE_CONTINUE;
}

static gboolean
listen_to_netlink(StileAdvertisements *listener)
{
    int group = RTNLGRP_ND_USEROPT;

    listener->netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return listener->netlink && mnl_socket_bind(listener->netlink, 0, MNL_SOCKET_AUTOPID) == 0 &&
           mnl_socket_setsockopt(listener->netlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) ==
               0;
}

/* From the router itself */

static int
hops_left(struct msghdr *header)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
        int hops;

        if (at->cmsg_level != IPPROTO_IPV6 || at->cmsg_type != IPV6_HOPLIMIT ||
            at->cmsg_len < CMSG_LEN(sizeof hops))
            continue;
        memcpy(&hops, CMSG_DATA(at), sizeof hops);
        return hops;
    }
    return 0;
}

/* RFC 4861 §6.1.2; the kernel has looked at the checksum. */
static gboolean
read_packet(StileNetlinkAdvertisement *ret, struct msghdr *header, gsize size)
{
    const struct sockaddr_in6 *from = header->msg_name;
    StileReader reader = STILE_READER_INIT(header->msg_iov->iov_base, size);
    StileAddress router;

    if ((header->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || hops_left(header) != OWN_LINK_HOPS ||
        !stile_address_from_sockaddr(&router, header->msg_name, header->msg_namelen) ||
        stile_address_scope(&router) != STILE_ADDRESS_LINK_LOCAL || from->sin6_scope_id == 0)
        return FALSE;
    router = stile_address_with_port(&router, 0);
    if (stile_reader_u8(&reader) != ND_ROUTER_ADVERT || stile_reader_u8(&reader) != 0 ||
        !stile_reader_take(&reader, sizeof(struct nd_router_advert) - 2))
        return FALSE;
    *ret = (StileNetlinkAdvertisement){from->sin6_scope_id, router, reader.data, reader.left};
    return TRUE;
}

static gboolean
on_packet(int fd, GIOCondition condition, gpointer user_data)
{
    StileAdvertisements *listener = user_data;
    guint8 buffer[BUFFER_BYTES];
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
    struct sockaddr_in6 from;
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr header = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    gssize got = recvmsg(fd, &header, 0);
    StileNetlinkAdvertisement advertisement;

    if (got > 0 && read_packet(&advertisement, &header, (gsize)got))
        listener->advertised(listener->user_data, &advertisement);
    return G_SOURCE_CONTINUE;
}

static void
listen_to_packets(StileAdvertisements *listener)
{
    struct icmp6_filter filter;
    int on = 1;

    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
    listener->packets = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (listener->packets < 0)
        return;
    if (setsockopt(listener->packets, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0 ||
        setsockopt(listener->packets, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) < 0) {
        close(listener->packets);
        listener->packets = -1;
    }
}

static GSource *
watch(StileAdvertisements *listener, GMainContext *context, int fd, GUnixFDSourceFunc readable)
{
    GSource *source = g_unix_fd_source_new(fd, G_IO_IN);

    g_source_set_callback(source, G_SOURCE_FUNC(readable), listener, NULL);
    g_source_attach(source, context);
    return source;
}

StileAdvertisements *
stile_advertisements_new(GMainContext *context, StileAdvertised advertised, gpointer user_data,
                         GError **error)
{
    g_autoptr(StileAdvertisements) listener = g_new0(StileAdvertisements, 1);

    listener->refs = 1;
    listener->advertised = advertised;
    listener->user_data = user_data;
    listener->packets = -1;
    if (!listen_to_netlink(listener)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "Listening for what routers advertise failed: %s", g_strerror(errno));
        return NULL;
    }
    listener->netlink_source = watch(listener, context, mnl_socket_get_fd(listener->netlink),
                                     on_netlink);
    listen_to_packets(listener);
    if (listener->packets >= 0)
        listener->packet_source = watch(listener, context, listener->packets, on_packet);
    return g_steal_pointer(&listener);
}

void
stile_advertisements_free(StileAdvertisements *listener)
{
    if (!listener)
        return;
    listener->closed = TRUE;
    stile_source_clear(&listener->netlink_source);
    stile_source_clear(&listener->packet_source);
    unref(listener);
}

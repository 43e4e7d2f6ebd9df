/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/links.h"

#include "base/error.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#define BUFFER_BYTES 8192

typedef struct {
    struct mnl_socket *socket;
    guint32 sequence;
    guint8 buffer[BUFFER_BYTES] __attribute__((aligned(8)));
} Request;

/* Returns: 0, or an errno */
static int
request_open(Request *request)
{
    int code;

    request->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!request->socket)
        return errno;
    if (mnl_socket_bind(request->socket, 0, MNL_SOCKET_AUTOPID) == 0)
        return 0;
    code = errno;
    mnl_socket_close(request->socket);
    return code;
}

static struct nlmsghdr *
request_begin(Request *request, guint16 type, guint16 flags)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(request->buffer);

    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    message->nlmsg_seq = ++request->sequence;
    return message;
}

/* Returns: 0, or the errno the kernel answered with */
static int
request_run(Request *request, const struct nlmsghdr *message)
{
    int status = MNL_CB_OK;

    if (mnl_socket_sendto(request->socket, message, message->nlmsg_len) < 0)
        return errno;
    while (status == MNL_CB_OK) {
        gssize got = mnl_socket_recvfrom(request->socket, request->buffer, sizeof request->buffer);

        if (got < 0)
            return errno;
        status = mnl_cb_run(request->buffer, (gsize)got, request->sequence,
                            mnl_socket_get_portid(request->socket), NULL, NULL);
    }
    return status < 0 ? errno : 0;
}

static void
put_ip(struct nlmsghdr *message, guint16 type, const StileAddress *address)
{
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    mnl_attr_put(message, type, size, ip);
}

/* A change of a link, of which @flags are set. */
static struct nlmsghdr *
request_begin_link(Request *request, guint ifindex, guint flags)
{
    struct nlmsghdr *message = request_begin(request, RTM_NEWLINK, 0);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof *info);

    info->ifi_family = AF_UNSPEC;
    info->ifi_index = (int)ifindex;
    info->ifi_change = flags;
    info->ifi_flags = flags;
    return message;
}

static int
bring_up(Request *request, guint ifindex, guint mtu)
{
    struct nlmsghdr *message = request_begin_link(request, ifindex, IFF_UP);

    mnl_attr_put_u32(message, IFLA_MTU, mtu);
    return request_run(request, message);
}

/* A link-local address of its own making would only have the kernel send router solicitations and
 * group reports into the tunnel, to nobody. */
static int
no_generated_address(Request *request, guint ifindex)
{
    struct nlmsghdr *message = request_begin_link(request, ifindex, 0);
    struct nlattr *families, *family;

    families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
    family = mnl_attr_nest_start(message, AF_INET6);
    mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(message, family);
    mnl_attr_nest_end(message, families);
    return request_run(request, message);
}

static int
add_address(Request *request, guint ifindex, const StilePrefix *prefix)
{
    struct nlmsghdr *message = request_begin(request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof *info);

    info->ifa_family = (guint8)stile_address_family(&prefix->address);
    info->ifa_prefixlen = prefix->length;
    info->ifa_scope = RT_SCOPE_UNIVERSE;
    info->ifa_index = ifindex;
    put_ip(message, IFA_LOCAL, &prefix->address);
    put_ip(message, IFA_ADDRESS, &prefix->address);
    /* Nobody else can have it on this link, so it need not be asked for first. */
    if (info->ifa_family == AF_INET6)
        mnl_attr_put_u32(message, IFA_FLAGS, IFA_F_NODAD);
    return request_run(request, message);
}

static int
add_route(Request *request, guint ifindex, const StilePrefix *route)
{
    StilePrefix network = stile_prefix_network(route);
    struct nlmsghdr *message = request_begin(request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    struct rtmsg *info = mnl_nlmsg_put_extra_header(message, sizeof *info);

    info->rtm_family = (guchar)stile_address_family(&network.address);
    info->rtm_dst_len = network.length;
    info->rtm_table = RT_TABLE_MAIN;
    info->rtm_protocol = RTPROT_STATIC;
    info->rtm_scope = info->rtm_family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    info->rtm_type = RTN_UNICAST;
    put_ip(message, RTA_DST, &network.address);
    mnl_attr_put_u32(message, RTA_OIF, ifindex);
    return request_run(request, message);
}

static gboolean
check(int code, const char *what, const StilePrefix *prefix, GError **error)
{
    g_autofree char *text = NULL;

    if (code == 0 || code == EEXIST)
        return TRUE;
    /* IPv6 may be switched off on this machine; the tunnel is of use without it. */
    if (prefix && stile_address_family(&prefix->address) == AF_INET6 &&
        (code == EAFNOSUPPORT || code == EOPNOTSUPP || code == EACCES)) {
        g_debug("no IPv6 here: %s", g_strerror(code));
        return TRUE;
    }
    text = prefix ? stile_prefix_to_string(prefix) : g_strdup("");
    g_set_error(error, STILE_ERROR, code == EPERM ? STILE_ERROR_NOT_AUTHORIZED : STILE_ERROR_FAILED,
                "%s%s%s failed: %s", what, prefix ? " " : "", text, g_strerror(code));
    return FALSE;
}

static gboolean
configure(Request *request, guint ifindex, guint mtu, const GArray *addresses, const GArray *routes,
          GError **error)
{
    int code;

    if ((code = no_generated_address(request, ifindex)) != 0)
        g_debug("address generation of interface %u: %s", ifindex, g_strerror(code));
    if (!check(bring_up(request, ifindex, mtu), "Bringing the interface up", NULL, error))
        return FALSE;
    for (guint i = 0; addresses && i < addresses->len; i++) {
        const StilePrefix *prefix = &g_array_index(addresses, StilePrefix, i);

        if (!check(add_address(request, ifindex, prefix), "Adding the address", prefix, error))
            return FALSE;
    }
    for (guint i = 0; routes && i < routes->len; i++) {
        const StilePrefix *prefix = &g_array_index(routes, StilePrefix, i);

        if (!check(add_route(request, ifindex, prefix), "Adding the route", prefix, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
stile_link_configure(guint ifindex, guint mtu, const GArray *addresses, const GArray *routes,
                     GError **error)
{
    Request request = {0};
    gboolean good;

    if (!check(request_open(&request), "Talking to the kernel", NULL, error))
        return FALSE;
    good = configure(&request, ifindex, mtu, addresses, routes, error);
    mnl_socket_close(request.socket);
    return good;
}

int
stile_link_set_gso_max_size(guint ifindex, guint bytes)
{
    Request request = {0};
    struct nlmsghdr *message;
    int code = request_open(&request);

    if (code != 0)
        return code;
    message = request_begin_link(&request, ifindex, 0);
    mnl_attr_put_u32(message, IFLA_GSO_MAX_SIZE, bytes);
    code = request_run(&request, message);
    mnl_socket_close(request.socket);
    return code;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/links.h"

#include "base/error.h"
#include "base/source.h"
#include "io/netlink.h"
#include <errno.h>
#include <glib-unix.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

/* Linux 4.20: the kernel then honours what a dump asks for, here the main table alone. */
#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

#define SETTLE_MS    100
#define BUFFER_BYTES 16384
/* A dump during which things changed is to be repeated; on a machine where they always change, the
 * next notification mends it. */
#define DUMP_TRIES 5

struct _StileLinks {
    GMainContext *context;
    StileLinksFunc changed;
    gpointer user_data;
    struct mnl_socket *events;
    GSource *source;
    GSource *settle;
    GArray *addresses;
    StileAddress gateways[2]; /* IPv4, IPv6 */
};

/* Everything at one moment. */
typedef struct {
    GArray *links;     /* of StileNetlinkLink */
    GArray *addresses; /* of StileNetlinkAddress */
    GArray *routes;    /* of StileNetlinkRoute */
} Dump;

static void
dump_clear(Dump *dump)
{
    g_clear_pointer(&dump->links, g_array_unref);
    g_clear_pointer(&dump->addresses, g_array_unref);
    g_clear_pointer(&dump->routes, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Dump, dump_clear)

static int
on_dumped(const struct nlmsghdr *message, void *user_data)
{
    Dump *dump = user_data;
    StileNetlinkLink link;
    StileNetlinkAddress address;
    StileNetlinkRoute route;

    if (stile_netlink_parse_link(&link, message))
        g_array_append_val(dump->links, link);
    else if (stile_netlink_parse_address(&address, message))
        g_array_append_val(dump->addresses, address);
    else if (stile_netlink_parse_route(&route, message))
        g_array_append_val(dump->routes, route);
    return MNL_CB_OK;
}

static gboolean
dump_one(struct mnl_socket *socket, guint16 type, int family, Dump *dump)
{
    static guint32 sequence;
    guint32 number = (guint32)g_atomic_int_add((gint *)&sequence, 1) + 1;
    guint8 buffer[BUFFER_BYTES] __attribute__((aligned(8)));
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    int status = MNL_CB_OK;

    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message->nlmsg_seq = number;
    if (type == RTM_GETLINK) {
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof *info);

        info->ifi_family = (guchar)family;
    } else if (type == RTM_GETADDR) {
        struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof *info);

        info->ifa_family = (guint8)family;
    } else {
        struct rtmsg *info = mnl_nlmsg_put_extra_header(message, sizeof *info);

        info->rtm_family = (guchar)family;
        info->rtm_table = RT_TABLE_MAIN;
    }
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
        return FALSE;
    while (status == MNL_CB_OK) {
        gssize got = mnl_socket_recvfrom(socket, buffer, sizeof buffer);

        if (got < 0)
            return FALSE;
        status = mnl_cb_run(buffer, (gsize)got, number, mnl_socket_get_portid(socket), on_dumped,
                            dump);
    }
    return status == MNL_CB_STOP;
}

static gboolean
dump_try(Dump *dump)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    int on = 1;
    gboolean good;

    if (!socket)
        return FALSE;
    mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    dump_clear(dump);
    dump->links = g_array_new(FALSE, TRUE, sizeof(StileNetlinkLink));
    dump->addresses = g_array_new(FALSE, TRUE, sizeof(StileNetlinkAddress));
    dump->routes = g_array_new(FALSE, TRUE, sizeof(StileNetlinkRoute));
    good = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
           dump_one(socket, RTM_GETLINK, AF_UNSPEC, dump) &&
           dump_one(socket, RTM_GETADDR, AF_UNSPEC, dump) &&
           dump_one(socket, RTM_GETROUTE, AF_INET, dump);
    /* A kernel without IPv6 has no such routes, and says so with an error. */
    if (good && !dump_one(socket, RTM_GETROUTE, AF_INET6, dump) && errno == EINTR)
        good = FALSE;
    mnl_socket_close(socket);
    return good;
}

static gboolean
dump_all(Dump *dump)
{
    for (guint i = 0; i < DUMP_TRIES; i++) {
        if (dump_try(dump))
            return TRUE;
        if (errno != EINTR)
            return FALSE;
    }
    return dump->links != NULL;
}

static const StileNetlinkLink *
find_link(const Dump *dump, guint ifindex)
{
    for (guint i = 0; i < dump->links->len; i++) {
        const StileNetlinkLink *link = &g_array_index(dump->links, StileNetlinkLink, i);

        if (link->ifindex == ifindex)
            return link;
    }
    return NULL;
}

static gboolean
is_wireless(const StileNetlinkLink *link)
{
    g_autofree char *path = g_strdup_printf("/sys/class/net/%s/phy80211", link->name);

    return access(path, F_OK) == 0;
}

static const char *
type_of(const Dump *dump, const StileNetlinkLink *link)
{
    const char *type = stile_netlink_link_type(link, is_wireless(link));

    if (g_str_equal(type, "bridge") &&
        !stile_netlink_leads_out(link, (const StileNetlinkLink *)dump->links->data,
                                 dump->links->len))
        return "virbr";
    return type;
}

static GArray *
usable_addresses(const Dump *dump)
{
    GArray *usable = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));

    for (guint i = 0; i < dump->addresses->len; i++) {
        const StileNetlinkAddress *entry = &g_array_index(dump->addresses, StileNetlinkAddress, i);
        const StileNetlinkLink *link = find_link(dump, entry->ifindex);
        StileLocalAddress local;

        if (!link || !(link->flags & IFF_UP) || !(link->flags & IFF_RUNNING))
            continue;
        /* An optimistic address (RFC 4429) is tentative and may be used all the same. */
        if ((entry->flags & IFA_F_DADFAILED) ||
            ((entry->flags & IFA_F_TENTATIVE) && !(entry->flags & IFA_F_OPTIMISTIC)))
            continue;
        local = (StileLocalAddress){
            .address = entry->address,
            .prefix_length = entry->prefix_length,
            .ifindex = entry->ifindex,
            .link_type = type_of(dump, link),
            .mtu = link->mtu,
            /* The same bit means “secondary” in IPv4. */
            .temporary = stile_address_family(&entry->address) == AF_INET6 &&
                         (entry->flags & IFA_F_TEMPORARY) != 0,
            .deprecated = (entry->flags & IFA_F_DEPRECATED) != 0,
        };
        g_strlcpy(local.ifname, link->name, sizeof local.ifname);
        g_array_append_val(usable, local);
    }
    return usable;
}

static StileAddress
best_gateway(const Dump *dump, int family)
{
    const StileNetlinkRoute *best = NULL;

    for (guint i = 0; i < dump->routes->len; i++) {
        const StileNetlinkRoute *route = &g_array_index(dump->routes, StileNetlinkRoute, i);

        if (stile_address_family(&route->gateway) == family &&
            (!best || route->metric < best->metric))
            best = route;
    }
    return best ? best->gateway : (StileAddress){0};
}

static gboolean
same_address(const StileLocalAddress *a, const StileLocalAddress *b)
{
    return stile_address_equal(&a->address, &b->address) && a->prefix_length == b->prefix_length &&
           a->ifindex == b->ifindex && g_str_equal(a->ifname, b->ifname) &&
           g_str_equal(a->link_type, b->link_type) && a->mtu == b->mtu &&
           a->temporary == b->temporary && a->deprecated == b->deprecated;
}

static gboolean
same_addresses(const GArray *a, const GArray *b)
{
    if (!a || a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++)
        if (!same_address(&g_array_index(a, StileLocalAddress, i),
                          &g_array_index(b, StileLocalAddress, i)))
            return FALSE;
    return TRUE;
}

/* Returns: whether anything that matters is different now. */
static gboolean
refresh(StileLinks *self)
{
    g_auto(Dump) dump = {0};
    g_autoptr(GArray) addresses = NULL;
    StileAddress gateways[2];

    if (!dump_all(&dump))
        return FALSE;
    addresses = usable_addresses(&dump);
    gateways[0] = best_gateway(&dump, AF_INET);
    gateways[1] = best_gateway(&dump, AF_INET6);
    if (same_addresses(self->addresses, addresses) &&
        stile_address_equal(&self->gateways[0], &gateways[0]) &&
        stile_address_equal(&self->gateways[1], &gateways[1]))
        return FALSE;
    g_clear_pointer(&self->addresses, g_array_unref);
    self->addresses = g_steal_pointer(&addresses);
    memcpy(self->gateways, gateways, sizeof gateways);
    return TRUE;
}

static gboolean
on_settled(gpointer user_data)
{
    StileLinks *self = user_data;

    stile_source_clear(&self->settle);
    if (refresh(self))
        self->changed(self, self->user_data); /* may free us */
    return G_SOURCE_REMOVE;
}

static int
on_event(const struct nlmsghdr *message, void *user_data)
{
    gboolean *relevant = user_data;
    StileNetlinkLink link;
    StileNetlinkAddress address;
    StileNetlinkRoute route;

    /* What exactly is new, the dump will tell: the kernel announces no routes that go away with
     * their link, so following the announcements alone would lead astray. */
    if (stile_netlink_parse_link(&link, message) ||
        stile_netlink_parse_address(&address, message) ||
        stile_netlink_parse_route(&route, message))
        *relevant = TRUE;
    return MNL_CB_OK;
}

static gboolean
on_events(int fd, GIOCondition condition, gpointer user_data)
{
    StileLinks *self = user_data;
    guint8 buffer[BUFFER_BYTES] __attribute__((aligned(8)));
    gboolean relevant = FALSE;
    gssize got;

    while ((got = mnl_socket_recvfrom(self->events, buffer, sizeof buffer)) > 0)
        mnl_cb_run(buffer, (gsize)got, 0, 0, on_event, &relevant);
    /* ENOBUFS: announcements were lost, so anything may have happened. */
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        relevant = TRUE;
    if (relevant && !self->settle) {
        self->settle = g_timeout_source_new(SETTLE_MS);
        g_source_set_callback(self->settle, on_settled, self, NULL);
        g_source_attach(self->settle, self->context);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
listen_to_events(StileLinks *self)
{
    static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                 RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};

    self->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!self->events || mnl_socket_bind(self->events, 0, MNL_SOCKET_AUTOPID) < 0)
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        int group = groups[i];

        if (mnl_socket_setsockopt(self->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
            return FALSE;
    }
    self->source = g_unix_fd_source_new(mnl_socket_get_fd(self->events), G_IO_IN);
    g_source_set_callback(self->source, G_SOURCE_FUNC(on_events), self, NULL);
    g_source_attach(self->source, self->context);
    return TRUE;
}

StileLinks *
stile_links_new(GMainContext *context, StileLinksFunc changed, gpointer user_data, GError **error)
{
    g_autoptr(StileLinks) self = g_new0(StileLinks, 1);

    self->context = context ? g_main_context_ref(context) : NULL;
    self->changed = changed;
    self->user_data = user_data;
    /* Listening comes first: what changes while we look is then announced. */
    if (!listen_to_events(self) || (!refresh(self) && !self->addresses)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "Asking the kernel for the network interfaces failed: %s", g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
stile_links_free(StileLinks *self)
{
    stile_source_clear(&self->source);
    stile_source_clear(&self->settle);
    g_clear_pointer(&self->events, mnl_socket_close);
    g_clear_pointer(&self->addresses, g_array_unref);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self);
}

const GArray *
stile_links_addresses(StileLinks *self)
{
    return self->addresses;
}

StileAddress
stile_links_gateway(StileLinks *self, int family)
{
    return self->gateways[family == AF_INET ? 0 : 1];
}

static gboolean
is_lan(const StileLocalAddress *local)
{
    static const char *const types[] = {"ether", "wlan", "bridge", "veth", "vlan", "bond", "other"};

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_strcmp0(local->link_type, types[i]) == 0)
            return TRUE;
    return FALSE;
}

guint
stile_links_on_lan(const GArray *addresses, const StileAddress *remote)
{
    gboolean link_local = stile_address_family(remote) == AF_INET6 &&
                          stile_address_scope(remote) == STILE_ADDRESS_LINK_LOCAL;

    for (guint i = 0; i < addresses->len; i++) {
        const StileLocalAddress *local = &g_array_index(addresses, StileLocalAddress, i);
        const StilePrefix prefix = {local->address, local->prefix_length};

        /* Every link has the same link-local prefix. */
        if (is_lan(local) && stile_prefix_contains(&prefix, remote) &&
            (!link_local || remote->in6.sin6_scope_id == local->ifindex))
            return local->ifindex;
    }
    return 0;
}

StileAddress
stile_links_source_for(const StileAddress *remote)
{
    StileAddress source = {0};
    StileAddress to = *remote;
    socklen_t size = sizeof source;
    int fd = socket(stile_address_family(&to), SOCK_DGRAM | SOCK_CLOEXEC, 0);

    /* Connecting a UDP socket sends nothing: it only looks the route up. */
    if (stile_address_port(&to) == 0)
        to = stile_address_with_port(&to, 9);
    if (fd < 0 || connect(fd, &to.sa, stile_address_sockaddr_size(&to)) < 0 ||
        getsockname(fd, &source.sa, &size) < 0)
        memset(&source, 0, sizeof source);
    if (fd >= 0)
        close(fd);
    return stile_address_with_port(&source, 0);
}

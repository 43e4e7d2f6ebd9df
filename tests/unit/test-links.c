/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch on links: the kernel's messages are read as they are meant (recorded ones, in
 * tests/fuzz/seeds/netlink), link types are told apart, and a change is reported once, after the
 * last of those that come together, and not at all when nothing that matters changed. */
#include "config.h"

#include "io/links.h"

#include "base/error.h"
#include "io/netlink.h"
#include "io/tun.h"
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define EXPECTED_DUMP                                                                              \
    "link lo loopback 65536 running\n"                                                             \
    "link eth1 veth 1500 running\n"                                                                \
    "link eth0 veth 1500 running\n"                                                                \
    "link docker0 docker 1500\n"                                                                   \
    "address 127.0.0.1/8\n"                                                                        \
    "address 198.51.100.1/32\n"                                                                    \
    "address 192.0.2.10/24\n"                                                                      \
    "address 172.17.0.1/16\n"                                                                      \
    "address ::1/128\n"                                                                            \
    "address fe80::ff:fe00:2%2/64\n"                                                               \
    "address 2001:db8::11/64 deprecated\n"                                                         \
    "address 2001:db8::10/64\n"                                                                    \
    "address fe80::ff:fe00:1%3/64\n"
#define EXPECTED_ROUTES                                                                            \
    "default 192.0.2.3 metric 10\n"                                                                \
    "default 192.0.2.2 metric 50\n"                                                                \
    "default 192.0.2.1 metric 100\n"                                                               \
    "default fe80::1%3 metric 20\n"                                                                \
    "default 2001:db8::1 metric 30\n"

typedef struct {
    GString *text;
    guint messages;
} Listing;

static void
list_message(Listing *listing, const struct nlmsghdr *message)
{
    StileNetlinkLink link;
    StileNetlinkAddress address;
    StileNetlinkRoute route;

    listing->messages++;
    if (stile_netlink_parse_link(&link, message)) {
        g_string_append_printf(listing->text, "link %s %s %u%s\n", link.name,
                               stile_netlink_link_type(&link, FALSE), link.mtu,
                               link.flags & IFF_RUNNING ? " running" : "");
    } else if (stile_netlink_parse_address(&address, message)) {
        g_autofree char *ip = stile_address_ip_to_string(&address.address);

        g_string_append_printf(listing->text, "address %s/%u%s\n", ip, address.prefix_length,
                               address.flags & IFA_F_DEPRECATED ? " deprecated" : "");
    } else if (stile_netlink_parse_route(&route, message)) {
        g_autofree char *ip = stile_address_ip_to_string(&route.gateway);

        g_string_append_printf(listing->text, "default %s metric %u\n", ip, route.metric);
    }
}

static char *
list_recording(const char *name, guint *ret_messages)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tests/fuzz/seeds/netlink", name,
                                                  NULL);
    g_autofree char *data = NULL;
    g_autoptr(GError) error = NULL;
    Listing listing = {.text = g_string_new(NULL)};
    const struct nlmsghdr *message;
    gsize size;
    int left;

    g_file_get_contents(path, &data, &size, &error);
    g_assert_no_error(error);
    message = (const struct nlmsghdr *)(const void *)data;
    left = (int)size;
    while (mnl_nlmsg_ok(message, left)) {
        list_message(&listing, message);
        message = mnl_nlmsg_next(message, &left);
    }
    *ret_messages = listing.messages;
    return g_string_free(listing.text, FALSE);
}

static void
test_recorded(void)
{
    guint messages;
    g_autofree char *dump = list_recording("dump", &messages);
    g_autofree char *routes = NULL;

    g_assert_cmpstr(dump, ==, EXPECTED_DUMP);
    routes = list_recording("routes", &messages);
    g_assert_cmpuint(messages, >, 5); /* all others are no default routes of the main table */
    g_assert_cmpstr(routes, ==, EXPECTED_ROUTES);
}

/* What the kernel passes on of a router's advertisement: here a PREF64 option, RFC 8781. */
static void
test_advertisement(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tests/fuzz/seeds/netlink",
                                                  "advertisement", NULL);
    g_autofree char *data = NULL, *router = NULL;
    StileNetlinkAdvertisement advertisement;
    struct nlmsghdr *message;
    struct nduseroptmsg *info;
    gsize size;

    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    message = (struct nlmsghdr *)(void *)data;
    info = mnl_nlmsg_get_payload(message);
    g_assert_true(mnl_nlmsg_ok(message, (int)size));
    g_assert_true(stile_netlink_parse_advertisement(&advertisement, message));
    g_assert_cmpuint(advertisement.ifindex, ==, 2);
    g_assert_cmpuint(advertisement.size, ==, 16);
    g_assert_cmpuint(advertisement.options[0], ==, 38);
    router = stile_address_ip_to_string(&advertisement.router);
    g_assert_cmpstr(router, ==, "fe80::1%2");
    /* More options than there are, something else than an advertisement, no interface, cut off */
    info->nduseropt_opts_len = 40;
    g_assert_false(stile_netlink_parse_advertisement(&advertisement, message));
    info->nduseropt_opts_len = 16;
    info->nduseropt_icmp_type = 137;
    g_assert_false(stile_netlink_parse_advertisement(&advertisement, message));
    info->nduseropt_icmp_type = 134;
    info->nduseropt_ifindex = 0;
    g_assert_false(stile_netlink_parse_advertisement(&advertisement, message));
    info->nduseropt_ifindex = 2;
    message->nlmsg_len = MNL_NLMSG_HDRLEN + sizeof *info - 1;
    g_assert_false(stile_netlink_parse_advertisement(&advertisement, message));
}

static void
test_link_type(void)
{
    static const struct {
        const char *name, *kind;
        guint16 device_type;
        gboolean wireless;
        const char *type;
    } cases[] = {
        {"lo", "", ARPHRD_LOOPBACK, FALSE, "loopback"},
        {"enp3s0", "", ARPHRD_ETHER, FALSE, "ether"},
        {"wlp2s0", "", ARPHRD_ETHER, TRUE, "wlan"},
        {"wwan0", "", ARPHRD_RAWIP, FALSE, "wwan"},
        {"ppp0", "ppp", ARPHRD_PPP, FALSE, "ppp"},
        {"docker0", "bridge", ARPHRD_ETHER, FALSE, "docker"},
        {"br-0123456789ab", "bridge", ARPHRD_ETHER, FALSE, "docker"},
        {"br-lan", "bridge", ARPHRD_ETHER, FALSE, "bridge"},
        {"virbr0", "bridge", ARPHRD_ETHER, FALSE, "virbr"},
        {"vethabc", "veth", ARPHRD_ETHER, FALSE, "veth"},
        {"stile0", "tun", ARPHRD_NONE, FALSE, "tun"},
        {"wg0", "wireguard", ARPHRD_NONE, FALSE, "wireguard"},
        {"he-ipv6", "sit", ARPHRD_SIT, FALSE, "tunnel"},
        {"dummy0", "dummy", ARPHRD_ETHER, FALSE, "dummy"},
        {"tap0", "tun", ARPHRD_ETHER, FALSE, "tun"},
        {"eth0", "netkit", ARPHRD_ETHER, FALSE, "veth"},
        {"work", "ovpn", ARPHRD_NONE, FALSE, "tun"},
        {"vrf0", "vrf", ARPHRD_ETHER, FALSE, "other"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileNetlinkLink link = {.ifindex = 1, .device_type = cases[i].device_type};

        g_strlcpy(link.name, cases[i].name, sizeof link.name);
        g_strlcpy(link.kind, cases[i].kind, sizeof link.kind);
        g_assert_cmpstr(stile_netlink_link_type(&link, cases[i].wireless), ==, cases[i].type);
    }
}

/* What a bridge is for is told by its ports, not by its name. */
static void
test_bridges(void)
{
    static const struct {
        const char *kinds[4];
        gboolean out;
    } cases[] = {
        {{NULL}, FALSE},
        {{"veth", "veth", NULL}, FALSE},
        {{"tun", "veth", "dummy", NULL}, FALSE},
        {{"vxlan", NULL}, FALSE},
        {{"veth", "", NULL}, TRUE},
        {{"vlan", NULL}, TRUE},
        {{"tun", "bond", NULL}, TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        /* A machine that has a device of its own all the same, which is no port of the bridge. */
        StileNetlinkLink links[6] = {{.ifindex = 1, .kind = "bridge", .name = "podman1"},
                                     {.ifindex = 2, .name = "eth0"}};
        gsize n = 2;

        for (guint j = 0; cases[i].kinds[j]; j++, n++) {
            links[n] = (StileNetlinkLink){.ifindex = (guint)n + 1, .master = 1};
            g_strlcpy(links[n].kind, cases[i].kinds[j], sizeof links[n].kind);
        }
        g_assert_cmpint(stile_netlink_leads_out(&links[0], links, n), ==, cases[i].out);
    }
}

typedef struct {
    GMainContext *context;
    StileLinks *links;
    guint changes;
} Watch;

static void
on_changed(StileLinks *links, gpointer user_data)
{
    Watch *watch = user_data;

    g_assert_true(links == watch->links);
    watch->changes++;
}

static gboolean
on_timeout(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Lets the watch run until its @changes are reached, at most @ms. */
static void
run(Watch *watch, guint changes, guint ms)
{
    g_autoptr(GSource) timeout = g_timeout_source_new(ms);
    gboolean over = FALSE;

    g_source_set_callback(timeout, on_timeout, &over, NULL);
    g_source_attach(timeout, watch->context);
    while (!over && watch->changes < changes)
        g_main_context_iteration(watch->context, TRUE);
    g_source_destroy(timeout);
}

static gboolean
has_address(StileLinks *links, const char *text, const char *type)
{
    const GArray *addresses = stile_links_addresses(links);
    StileAddress wanted;

    g_assert_true(stile_address_parse(&wanted, text, 0, NULL));
    for (guint i = 0; i < addresses->len; i++) {
        const StileLocalAddress *local = &g_array_index(addresses, StileLocalAddress, i);

        if (stile_address_equal(&local->address, &wanted))
            return g_str_equal(local->link_type, type);
    }
    return FALSE;
}

static void
add_addresses(StileTun *tun)
{
    static const char *const texts[] = {"10.86.0.1/16", "10.87.0.1/16", "fd00::1/64"};
    g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(StilePrefix));
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        StilePrefix prefix;

        g_assert_true(stile_prefix_parse(&prefix, texts[i], NULL));
        g_array_append_val(addresses, prefix);
    }
    stile_link_configure(stile_tun_ifindex(tun), 1400, addresses, NULL, &error);
    g_assert_no_error(error);
}

static gpointer
watch_in_namespace(gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(StileLinks) links = NULL;
    g_autoptr(StileTun) tun = NULL;
    Watch watch = {.context = context};
    StileAddress gateway;

    if (unshare(CLONE_NEWNET) < 0)
        return GINT_TO_POINTER(FALSE);
    links = watch.links = stile_links_new(context, on_changed, &watch, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(stile_links_addresses(links)->len, ==, 0);
    gateway = stile_links_gateway(links, AF_INET);
    g_assert_false(stile_address_is_set(&gateway));

    /* A device that is down gives no address. */
    tun = stile_tun_new("stile0", &error);
    g_assert_no_error(error);
    run(&watch, 1, 400);
    g_assert_cmpuint(watch.changes, ==, 0);

    add_addresses(tun);
    run(&watch, 1, 10000);
    g_assert_cmpuint(watch.changes, ==, 1);
    run(&watch, 2, 400);
    g_assert_cmpuint(watch.changes, ==, 1);
    g_assert_true(has_address(links, "10.86.0.1", "tun"));
    g_assert_true(has_address(links, "10.87.0.1", "tun"));
    g_assert_true(has_address(links, "fd00::1", "tun"));

    stile_tun_unref(g_steal_pointer(&tun));
    run(&watch, 2, 10000);
    g_assert_cmpuint(watch.changes, ==, 2);
    g_assert_cmpuint(stile_links_addresses(links)->len, ==, 0);
    return GINT_TO_POINTER(TRUE);
}

static void
test_watch(void)
{
    GThread *thread;

    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        g_test_skip("no /dev/net/tun");
        return;
    }
    thread = g_thread_new("netns", watch_in_namespace, NULL);
    if (!GPOINTER_TO_INT(g_thread_join(thread)))
        g_test_skip("needs root");
}

static void
test_here(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileLinks) links = stile_links_new(NULL, on_changed, NULL, &error);
    StileAddress loopback, source, nowhere = {0};

    g_assert_no_error(error);
    g_assert_true(has_address(links, "127.0.0.1", "loopback"));
    g_assert_true(stile_address_parse(&loopback, "127.0.0.1", 0, NULL));
    source = stile_links_source_for(&loopback);
    g_assert_true(stile_address_equal(&source, &loopback));
    source = stile_links_source_for(&nowhere);
    g_assert_false(stile_address_is_set(&source));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/links/recorded", test_recorded);
    g_test_add_func("/links/advertisement", test_advertisement);
    g_test_add_func("/links/link-type", test_link_type);
    g_test_add_func("/links/bridges", test_bridges);
    g_test_add_func("/links/watch", test_watch);
    g_test_add_func("/links/here", test_here);
    return g_test_run();
}

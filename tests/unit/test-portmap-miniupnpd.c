/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Port mappings by the real miniupnpd, on a router of three network namespaces (a host in a LAN,
 * the router, a host outside): PCP, NAT-PMP and UPnP (of both versions, on a router that speaks
 * nothing else) get one, a datagram from outside comes through it, and none does after it was given
 * back; and what a router announces to its whole link is heard, of both families. Needs root; the
 * namespaces end with the test. */
#include "config.h"

#include "io/socket.h"
#include "portmap/announcements.h"
#include "portmap/portmap-private.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

static const char rules[] = "table inet miniupnpd {\n"
                            "  chain forward {\n"
                            "    type filter hook forward priority 0; policy drop;\n"
                            "    ct state established,related accept\n"
                            "    iifname \"lan1\" accept\n"
                            "    jump miniupnpd\n"
                            "  }\n"
                            "  chain miniupnpd { }\n"
                            "  chain prerouting {\n"
                            "    type nat hook prerouting priority -100; policy accept;\n"
                            "    jump prerouting_miniupnpd\n"
                            "  }\n"
                            "  chain postrouting {\n"
                            "    type nat hook postrouting priority 100; policy accept;\n"
                            "    jump postrouting_miniupnpd\n"
                            "    oifname \"wan1\" masquerade\n"
                            "  }\n"
                            "  chain prerouting_miniupnpd { }\n"
                            "  chain postrouting_miniupnpd { }\n"
                            "}\n";

static const char settings[] = "ext_ifname=wan1\n"
                               "listening_ip=lan1\n"
                               "upnp_table_name=miniupnpd\n"
                               "upnp_nat_table_name=miniupnpd\n"
                               "secure_mode=yes\n"
                               "uuid=7f4f0b0a-3a5d-4f3e-9a68-111111111111\n"
                               "allow 1024-65535 192.168.77.0/24 1024-65535\n"
                               "deny 0-65535 0.0.0.0/0 0-65535\n";

typedef struct {
    GPid router;
    GPid outside;
    GPid daemon;
    char *folder;
} World;

static void
on_child(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (GPOINTER_TO_INT(user_data))
        unshare(CLONE_NEWNET);
}

static GPid
spawn(char **argv, gboolean new_namespace)
{
    g_autoptr(GError) error = NULL;
    GPid pid = 0;

    g_spawn_async(NULL, argv, NULL,
                  G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                      G_SPAWN_STDERR_TO_DEV_NULL,
                  on_child, GINT_TO_POINTER(new_namespace), &pid, &error);
    g_assert_no_error(error);
    return pid;
}

static void
end(GPid *pid)
{
    if (*pid) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
        *pid = 0;
    }
}

/* In the namespace of @pid; 0 for ours. */
static void
run(GPid pid, const char *command)
{
    g_autofree char *line = pid ? g_strdup_printf("nsenter -t %d -n %s", (int)pid, command)
                                : g_strdup(command);
    g_autofree char *errors = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    g_spawn_command_line_sync(line, NULL, &errors, &status, &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, NULL))
        g_error("%s: %s", line, errors);
}

static char *
write_file(World *world, const char *name, const char *text)
{
    char *path = g_build_filename(world->folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
start_daemon(World *world, const char *protocols)
{
    g_autofree char *text = g_strconcat(settings, protocols, NULL);
    g_autofree char *conf = write_file(world, "conf", text);
    g_autofree char *line = g_strdup_printf("nsenter -t %d -n miniupnpd -d -f %s -P %s/pid",
                                            (int)world->router, conf, world->folder);
    g_auto(GStrv) argv = NULL;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    world->daemon = spawn(argv, FALSE);
}

/* Returns: FALSE, and the test is skipped, where it cannot be built */
static gboolean
world_build(World *world)
{
    static const char *const programs[] = {"miniupnpd", "nft", "ip", "nsenter", "sleep"};
    char *holder[] = {(char *)"sleep", (char *)"1000", NULL};
    g_autofree char *rules_file = NULL, *load = NULL, *lan = NULL, *wan = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *path = g_find_program_in_path(programs[i]);

        if (!path) {
            g_test_skip("miniupnpd, nft, ip or nsenter is not installed");
            return FALSE;
        }
    }
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        g_test_skip("no right to make network namespaces");
        return FALSE;
    }
    world->folder = g_dir_make_tmp("stile-miniupnpd-XXXXXX", NULL);
    world->router = spawn(holder, TRUE);
    world->outside = spawn(holder, TRUE);
    rules_file = write_file(world, "rules", rules);
    load = g_strdup_printf("nft -f %s", rules_file);
    lan = g_strdup_printf("ip link add lan0 type veth peer name lan1 netns %d", (int)world->router);
    wan = g_strdup_printf("ip link add wan1 type veth peer name wan0 netns %d",
                          (int)world->outside);
    run(0, lan);
    run(0, "ip addr add 192.168.77.2/24 dev lan0");
    run(0, "ip link set lan0 up");
    run(0, "ip route add default via 192.168.77.1");
    run(world->router, wan);
    run(world->router, "ip addr add 192.168.77.1/24 dev lan1");
    run(world->router, "ip link set lan1 up");
    /* Not an address for documentation: miniupnpd refuses to map those. Nothing leaves from here.
     */
    run(world->router, "ip addr add 11.0.0.1/24 dev wan1");
    run(world->router, "ip link set wan1 up");
    run(world->router, "bash -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'");
    run(world->router, load);
    run(world->outside, "ip addr add 11.0.0.2/24 dev wan0");
    run(world->outside, "ip link set wan0 up");
    return TRUE;
}

static void
world_end(World *world)
{
    static const char *const files[] = {"announce.py", "conf", "rules", "pid"};

    end(&world->daemon);
    end(&world->router);
    end(&world->outside);
    for (gsize i = 0; world->folder && i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(world->folder, files[i], NULL);

        g_unlink(path);
    }
    if (world->folder)
        g_rmdir(world->folder);
    g_free(world->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_end)

typedef struct {
    StilePortmapProtocol protocol;
    StileAddress external;
} Mapping;

static void
on_changed(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    Mapping *mapping = user_data;

    mapping->protocol = protocol;
    mapping->external = external ? *external : (StileAddress){0};
}

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

static void
wait_for(Mapping *mapping, StilePortmap *portmap, StilePortmapProtocol protocol)
{
    gint64 stop = g_get_monotonic_time() + PATIENCE;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (mapping->protocol != protocol && g_get_monotonic_time() < stop)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    if (mapping->protocol != protocol)
        g_error("Waited in vain for %s: %s", stile_portmap_protocol_to_string(protocol),
                stile_portmap_problem(portmap) ? stile_portmap_problem(portmap) : "no answer");
}

/* Returns: whether a datagram sent to @external by the host outside came to @socket */
static gboolean
comes_through(World *world, StileSocket *socket, const StileAddress *external)
{
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();
    g_autofree char *ip = stile_address_ip_to_string(external);
    g_autofree char *command = g_strdup_printf("bash -c 'echo knock > /dev/udp/%s/%u'", ip,
                                               stile_address_port(external));
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];

    for (guint tries = 0; tries < 5; tries++) {
        run(world->outside, command);
        for (guint i = 0; i < 10; i++) {
            if (stile_socket_receive(socket, buffers, datagrams, STILE_SOCKET_MAX_BATCH) > 0)
                return datagrams[0].size == 6 && memcmp(datagrams[0].data, "knock\n", 6) == 0;
            g_usleep(10000);
        }
    }
    return FALSE;
}

static void
map_and_knock(World *world, StilePortmapProtocol protocol)
{
    const guint8 gateway_ip[4] = {192, 168, 77, 1}, our_ip[4] = {192, 168, 77, 2};
    StileAddress gateway = stile_address_from_ip(AF_INET, gateway_ip, 0), internal, external;
    g_autoptr(StileClock) clock = stile_clock_new(NULL);
    g_autoptr(StileSocket) socket = stile_socket_new(AF_INET, 0, NULL);
    g_autofree char *ip = NULL;
    StilePortmap *portmap;
    Mapping mapping = {0};

    g_assert_nonnull(socket);
    internal = stile_address_from_ip(AF_INET, our_ip, stile_socket_port(socket));
    portmap = stile_portmap_new_unstarted(clock, NULL, &gateway, &internal, on_changed, &mapping);
    if (protocol == STILE_PORTMAP_NAT_PMP)
        stile_portmap_without_pcp(portmap);
    stile_portmap_start(portmap);
    wait_for(&mapping, portmap, protocol);
    ip = stile_address_ip_to_string(&mapping.external);
    g_assert_cmpstr(ip, ==, "11.0.0.1");
    g_assert_null(stile_portmap_problem(portmap));
    g_assert_true(comes_through(world, socket, &mapping.external));

    external = mapping.external;
    stile_portmap_free(portmap);
    for (guint i = 0; i < 100 && comes_through(world, socket, &external); i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(10000);
    }
    g_assert_false(comes_through(world, socket, &external));
}

static void
test_mappings(void)
{
    static const struct {
        const char *settings;
        StilePortmapProtocol protocol;
    } routers[] = {
        {"enable_natpmp=yes\nenable_upnp=no\n", STILE_PORTMAP_PCP},
        {"enable_natpmp=yes\nenable_upnp=no\n", STILE_PORTMAP_NAT_PMP},
        {"enable_natpmp=yes\nenable_upnp=yes\n", STILE_PORTMAP_PCP},
        {"enable_natpmp=no\nenable_upnp=yes\n", STILE_PORTMAP_UPNP_IGD},
        {"enable_natpmp=no\nenable_upnp=yes\nforce_igd_desc_v1=yes\n", STILE_PORTMAP_UPNP_IGD},
    };
    g_auto(World) world = {0};

    if (!world_build(&world))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(routers); i++) {
        start_daemon(&world, routers[i].settings);
        map_and_knock(&world, routers[i].protocol);
        end(&world.daemon);
    }
}

/* From the router's address and that port to all hosts of the link. */
static void
announce(World *world, const char *from, guint16 port, char word)
{
    gboolean ipv6 = strchr(from, ':') != NULL;
    g_autofree char *script = g_strdup_printf(
        "import socket\n"
        "link = socket.if_nametoindex('lan1')\n"
        "s = socket.socket(socket.%s, socket.SOCK_DGRAM)\n"
        "s.setsockopt(%s)\n"
        "s.bind(('%s', %u%s))\n"
        "s.sendto(b'%c' * 24, %s)\n",
        ipv6 ? "AF_INET6" : "AF_INET",
        ipv6 ? "socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, link"
             : "socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('192.168.77.1')",
        from, port, ipv6 ? ", 0, link" : "", word,
        ipv6 ? "('ff02::1', 5350, 0, link)" : "('224.0.0.1', 5350)");
    g_autofree char *file = write_file(world, "announce.py", script);
    g_autofree char *command = g_strconcat("python3 ", file, NULL);

    run(world->router, command);
}

static void
on_announcement(gpointer user_data, const guint8 *data, gsize size)
{
    g_string_append_printf(user_data, "%c%zu ", data[0], size);
}

static void
hear(World *world, const char *from, const char *server)
{
    g_autoptr(GString) heard = g_string_new(NULL);
    gint64 stop = g_get_monotonic_time() + PATIENCE;
    StileAnnouncements *announcements;
    StileAddress address;

    g_assert_true(stile_address_parse(&address, server, 5351, NULL));
    announcements = stile_announcements_new(NULL, &address, on_announcement, heard);
    g_assert_nonnull(announcements);
    /* Who speaks from another port is not the server; the second one shows that the first came. */
    announce(world, from, 5352, 'a');
    announce(world, from, 5351, 'b');
    while (!strstr(heard->str, "b") && g_get_monotonic_time() < stop) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_cmpstr(heard->str, ==, "b24 ");
    stile_announcements_free(announcements);
}

static void
test_announcements(void)
{
    g_auto(World) world = {0};
    g_autofree char *python = g_find_program_in_path("python3");

    if (!python || !world_build(&world)) {
        g_test_skip("no python3, or no right to make network namespaces");
        return;
    }
    run(world.router, "ip addr add fe80::1/64 dev lan1 nodad");
    hear(&world, "192.168.77.1", "192.168.77.1");
    hear(&world, "fe80::1", "[fe80::1%lan0]:5351");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/portmap/miniupnpd", test_mappings);
    g_test_add_func("/portmap/announcements", test_announcements);
    return g_test_run();
}

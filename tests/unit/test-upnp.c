/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UPnP's client on loopback against a router that can be told what to answer: what a mapping needs
 * of both versions; errors 718, 724, 725, 402 and their cures; what a crash left behind; refusals
 * explained. test-upnp-messages has the parsers, test-upnp-hostile what no router should answer,
 * test-portmap-miniupnpd the real router. */
#include "io/socket.h"
#include "portmap/portmap-private.h"
#include "portmap/soap.h"
#include "upnp-world.h"

#include <string.h>

static void
test_version_1(UpnpWorld *world, gconstpointer data)
{
    stile_upnp_search(world->upnp);
    upnp_world_wait(&world->found, 1);
    g_assert_cmpuint(world->calls->len, ==, 0);
    upnp_world_map(world);
    g_assert_cmpstr(world->address, ==, "8.8.4.4:51820");
    upnp_world_assert_call(world, 0, "AddPortMapping 51820 7200");
    /* Renewed, with the provider's new address. */
    world->external = "8.8.8.8";
    upnp_world_map(world);
    g_assert_cmpstr(world->address, ==, "8.8.8.8:51820");
    upnp_world_assert_call(world, 1, "AddPortMapping 51820 7200");
    g_clear_pointer(&world->upnp, stile_upnp_free);
    upnp_world_wait(&world->calls->len, 3);
    upnp_world_assert_call(world, 2, "DeletePortMapping 51820");
}

/* Version 2 may give another port, and that one is renewed and given back. */
static void
test_version_2(UpnpWorld *world, gconstpointer data)
{
    world->description = DESCRIPTION(SERVICE(IP_TYPE "2", "/control?a=b"));
    upnp_world_map(world);
    g_assert_cmpstr(world->address, ==, "8.8.4.4:40001");
    upnp_world_assert_call(world, 0, "AddAnyPortMapping 51820 7200");
    upnp_world_map(world);
    g_assert_cmpstr(world->address, ==, "8.8.4.4:40001");
    upnp_world_assert_call(world, 1, "AddPortMapping 40001 7200");
    stile_upnp_unmap(world->upnp, 40001);
    g_assert_cmpuint(world->calls->len, ==, 2);
}

static void
test_version_2_in_name_only(UpnpWorld *world, gconstpointer data)
{
    world->description = DESCRIPTION(SERVICE(IP_TYPE "2", "/control?a=b"));
    g_queue_push_tail(&world->add_errors, GUINT_TO_POINTER(STILE_SOAP_INVALID_ACTION));
    upnp_world_map(world);
    g_assert_cmpstr(world->address, ==, "8.8.4.4:51820");
    upnp_world_assert_call(world, 1, "AddPortMapping 51820 7200");
}

static void
test_conflict(UpnpWorld *world, gconstpointer data)
{
    g_autofree char *given = NULL, *last = NULL;

    g_queue_push_tail(&world->add_errors, GUINT_TO_POINTER(STILE_SOAP_CONFLICT));
    g_queue_push_tail(&world->add_errors, GUINT_TO_POINTER(STILE_SOAP_CONFLICT_WITH_OTHER));
    upnp_world_map(world);
    g_assert_cmpuint(world->calls->len, ==, 3);
    g_assert_cmpstr(world->calls->pdata[1], !=, world->calls->pdata[0]);
    g_assert_cmpstr(world->calls->pdata[2], !=, world->calls->pdata[1]);
    given = g_strdup(strchr(world->address, ':') + 1);
    last = g_strdup_printf("AddPortMapping %s 7200", given);
    upnp_world_assert_call(world, 2, last);
}

/* @data: the router's error; afterwards no lease is asked for. */
static void
test_permanent(UpnpWorld *world, gconstpointer data)
{
    g_queue_push_tail(&world->add_errors, (gpointer)data);
    upnp_world_map(world);
    upnp_world_assert_call(world, 0, "AddPortMapping 51820 7200");
    upnp_world_assert_call(world, 1, "AddPortMapping 51820 0");
    upnp_world_map(world);
    upnp_world_assert_call(world, 2, "AddPortMapping 51820 0");
}

static char *
entry(guint external, const char *client, guint16 port, const char *name, guint lease)
{
    return g_strdup_printf(REPLY("<NewRemoteHost/><NewExternalPort>%u</NewExternalPort>"
                                 "<NewProtocol>UDP</NewProtocol>"
                                 "<NewInternalPort>%u</NewInternalPort>"
                                 "<NewInternalClient>%s</NewInternalClient>"
                                 "<NewEnabled>1</NewEnabled>"
                                 "<NewPortMappingDescription>%s</NewPortMappingDescription>"
                                 "<NewLeaseDuration>%u</NewLeaseDuration>"),
                           external, port, client, name, lease);
}

/* What a crashed service left in a router without leases is deleted, and nothing else. */
static void
test_sweep(UpnpWorld *world, gconstpointer data)
{
    g_autoptr(StileSocket) alive = stile_socket_new(AF_INET, 0, NULL);
    g_autoptr(StileSocket) dead = stile_socket_new(AF_INET, 0, NULL);
    guint16 free_port = stile_socket_port(dead);

    g_clear_pointer(&dead, stile_socket_unref);
    world->table[0] = entry(30000, "127.0.0.1", free_port, "Stile", 0);
    world->table[1] = entry(30001, "127.0.0.1", stile_socket_port(alive), "Stile", 0);
    world->table[2] = entry(30002, "127.0.0.1", 51820, "Stile", 0);
    world->table[3] = entry(30003, "127.0.0.2", free_port, "Stile", 0);
    world->table[4] = entry(30004, "127.0.0.1", free_port, "Game", 0);
    world->table[5] = entry(30005, "127.0.0.1", free_port, "Stile", 600);
    world->table[6] = entry(30006, "127.0.0.1", free_port, "Stile", 0);
    g_queue_push_tail(&world->add_errors, GUINT_TO_POINTER(STILE_SOAP_ONLY_PERMANENT));
    upnp_world_map(world);
    upnp_world_wait(&world->calls->len, 4);
    /* Both go at once. */
    g_assert_true(g_ptr_array_find_with_equal_func(world->calls, "DeletePortMapping 30000",
                                                   g_str_equal, NULL));
    g_assert_true(g_ptr_array_find_with_equal_func(world->calls, "DeletePortMapping 30006",
                                                   g_str_equal, NULL));
    upnp_world_map(world);
    g_assert_cmpuint(world->calls->len, ==, 5);
}

static void
test_refused(UpnpWorld *world, gconstpointer data)
{
    static const struct {
        guint error;
        guint calls;
        const char *problem;
    } cases[] = {
        {606, 1, "The router 127.0.0.1 does not permit port mappings"},
        {728, 1, "The router 127.0.0.1 has no room for another port mapping"},
        {718, 8, "The router 127.0.0.1 has given every port that we asked for to others"},
        {402, 2, "The router 127.0.0.1 cannot map ports (UPnP error 402)"},
        {724, 1, "The router 127.0.0.1 cannot map ports (UPnP error 724)"},
        {501, 1, "The router 127.0.0.1 cannot map ports (UPnP error 501)"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        world->always = cases[i].error;
        g_ptr_array_set_size(world->calls, 0);
        stile_upnp_map(world->upnp);
        upnp_world_wait(&world->failed, (guint)i + 1);
        g_assert_cmpstr(world->problem, ==, cases[i].problem);
        g_assert_cmpuint(world->calls->len, ==, cases[i].calls);
    }
    g_assert_cmpuint(world->mapped, ==, 0);
    world->always = 0;
    stile_upnp_map(world->upnp);
    upnp_world_wait(&world->mapped, 1);
}

static void
test_not_connected(UpnpWorld *world, gconstpointer data)
{
    world->external = data;
    stile_upnp_search(world->upnp);
    upnp_world_wait(&world->failed, 1);
    g_assert_cmpstr(world->problem, ==, "The router 127.0.0.1 is not connected itself");
}

static void
on_port_mapped(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    UpnpWorld *world = user_data;

    g_assert_cmpint(protocol, ==, STILE_PORTMAP_UPNP_IGD);
    g_free(world->address);
    world->address = stile_address_to_string(external);
    world->mapped++;
}

static void
send_nowhere(gpointer transport, StilePortmapServer server, const guint8 *data, gsize size)
{
}

/* Nobody answers PCP and NAT-PMP: UPnP's turn; renewed at half life, given back. */
static void
test_portmap(UpnpWorld *world, gconstpointer data)
{
    StilePortmap *portmap = stile_portmap_new_with_transport(world->clock, &world->gateway,
                                                             &world->internal, send_nowhere, NULL,
                                                             NULL, on_port_mapped, world);
    g_autoptr(GSocketAddress) ssdp = g_socket_get_local_address(world->ssdp, NULL);
    StileUpnp *upnp = stile_upnp_new(world->clock, NULL, &world->gateway, &world->internal,
                                     &stile_portmap_upnp_calls, portmap);

    stile_upnp_set_search_port(upnp, g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(ssdp)));
    stile_portmap_set_upnp(portmap, upnp);
    world->external = "100.64.1.2";
    stile_portmap_start(portmap);
    for (guint i = 0; i < 200 && !world->mapped; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        stile_clock_advance(world->clock, 50 * G_TIME_SPAN_MILLISECOND);
        g_usleep(2000);
    }
    g_assert_cmpstr(world->address, ==, "100.64.1.2:51820");
    g_assert_cmpstr(stile_portmap_problem(portmap), ==,
                    "The router 127.0.0.1 is behind another NAT itself: its address is 100.64.1.2");
    g_assert_cmpuint(world->calls->len, ==, 1);
    world->external = "8.8.4.4";
    /* Virtual time runs on by small steps, so that the real connections keep up with it. */
    stile_clock_advance(world->clock, 3200 * (gint64)G_USEC_PER_SEC);
    for (guint i = 0; i < 3000 && strcmp(world->address, "8.8.4.4:51820") != 0; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        stile_clock_advance(world->clock, G_USEC_PER_SEC);
        g_usleep(1000);
    }
    g_assert_cmpstr(world->address, ==, "8.8.4.4:51820");
    g_assert_null(stile_portmap_problem(portmap));
    g_assert_false(stile_portmap_is_leaving(NULL));
    stile_portmap_free(portmap);
    g_assert_true(stile_portmap_is_leaving(NULL));
    upnp_world_wait(&world->calls->len, world->calls->len + 1);
    upnp_world_assert_call(world, world->calls->len - 1, "DeletePortMapping 51820");
    for (guint i = 0; i < 1000 && stile_portmap_is_leaving(NULL); i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(1000);
    }
    g_assert_false(stile_portmap_is_leaving(NULL));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(UpnpWorld *world, gconstpointer data);
        gconstpointer data;
    } tests[] = {
        {"/upnp/version-1", test_version_1, NULL},
        {"/upnp/version-2", test_version_2, NULL},
        {"/upnp/version-2-in-name-only", test_version_2_in_name_only, NULL},
        {"/upnp/conflict", test_conflict, NULL},
        {"/upnp/permanent/725", test_permanent, GUINT_TO_POINTER(725)},
        {"/upnp/permanent/402", test_permanent, GUINT_TO_POINTER(402)},
        {"/upnp/sweep", test_sweep, NULL},
        {"/upnp/refused", test_refused, NULL},
        {"/upnp/not-connected", test_not_connected, "0.0.0.0"},
        {"/upnp/not-connected/empty", test_not_connected, ""},
        {"/upnp/portmap", test_portmap, NULL},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, UpnpWorld, tests[i].data, upnp_world_set_up, tests[i].func,
                   upnp_world_tear_down);
    return g_test_run();
}

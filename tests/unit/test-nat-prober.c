/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole diagnosis, on a virtual network: all nine kinds of mapping and filtering are named,
 * with a server of RFC 5780; without one the mapping still is. So are the ways to choose ports,
 * hairpin, the lifetime of a mapping, firewalls, blocked UDP. Servers that lie or do not do as
 * asked make it say less, never something wrong. */
#include "nat/behaviour.h"
#include "nat/prober.h"
#include "simstun.h"
#include <gio/gio.h>

#define SEC ((gint64)1000000)

#define SERVER  "198.51.100.1"
#define OTHER   "198.51.100.2"
#define SERVER2 "198.51.100.3"
#define PUBLIC  "203.0.113.1"
#define INSIDE  "192.168.1.2"

typedef struct {
    StileClock *clock;
    SimNet *net;
    SimNat *nat;
    SimHost *host;
    SimStun *stun;
    GPtrArray *sockets; /* of Socket */
    guint16 next_port;
    StileNatReport report;
    guint n_reports, n_progress;
} World;

typedef struct {
    World *world;
    StileProbeSocket *owner;
    guint16 port;
} Socket;

static gpointer
wire_open(gpointer user_data, int family, StileProbeSocket *owner, GError **error)
{
    World *world = user_data;
    Socket *socket;

    if (family != AF_INET) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "No IPv6 here");
        return NULL;
    }
    socket = g_new0(Socket, 1);
    socket->world = world;
    socket->owner = owner;
    /* As the kernel: no two in a row. */
    socket->port = world->next_port = (guint16)(32768 + (world->next_port * 7919u + 13) % 28000);
    g_ptr_array_add(world->sockets, socket);
    return socket;
}

static void
wire_send(gpointer opened, const StileAddress *to, const guint8 *data, gsize size)
{
    Socket *socket = opened;
    StileAddress local = stile_address_with_port(to, socket->port);

    sim_host_send(socket->world->host, &local, to, data, size);
}

static void
wire_close(gpointer opened)
{
    Socket *socket = opened;

    g_ptr_array_remove(socket->world->sockets, socket);
}

static const StileProbeWire wire = {wire_open, wire_send, wire_close};

static void
on_received(gpointer user_data, const StileAddress *local, const StileAddress *remote,
            const guint8 *data, gsize size)
{
    World *world = user_data;

    for (guint i = 0; i < world->sockets->len; i++) {
        Socket *socket = world->sockets->pdata[i];

        if (socket->port != stile_address_port(local))
            continue;
        stile_probe_socket_receive(socket->owner, local, remote, data, size);
        return;
    }
}

static void
world_init(World *world, StileNatBehaviour mapping, StileNatBehaviour filtering, SimStunFlags flags)
{
    *world = (World){.clock = stile_clock_new_virtual(SEC, 7), .next_port = 1};
    world->net = sim_net_new(world->clock, 11);
    world->sockets = g_ptr_array_new_with_free_func(g_free);
    world->stun = sim_stun_behaviour_new(world->net, SERVER, OTHER, flags);
    if (mapping != STILE_NAT_NONE)
        world->nat = sim_nat_new(world->net, NULL, PUBLIC, mapping, filtering);
    else if (filtering != STILE_NAT_NONE)
        /* A firewall: what comes out has the address that it had inside. */
        world->nat = sim_nat_new(world->net, NULL, PUBLIC, STILE_NAT_ENDPOINT_INDEPENDENT,
                                 filtering);
    world->host = sim_host_new(world->net, world->nat, mapping == STILE_NAT_NONE ? PUBLIC : INSIDE,
                               on_received, world);
}

static void
world_clear(World *world)
{
    sim_net_free(world->net);
    g_assert_cmpuint(world->sockets->len, ==, 0);
    g_ptr_array_unref(world->sockets);
    stile_clock_unref(world->clock);
    g_free(world->stun);
}

static void
on_done(gpointer user_data, const StileNatReport *report)
{
    World *world = user_data;

    world->report = *report;
    world->n_reports++;
}

static void
on_progress(gpointer user_data, const StileNatReport *report)
{
    World *world = user_data;

    world->n_progress++;
}

static void
probe_for(World *world, const char *const *servers, gboolean lifetime, gint64 time)
{
    g_autoptr(StileNatProber) prober = NULL;
    g_autoptr(GError) error = NULL;
    StileNatServer list[8] = {0};
    gsize n = 0;

    for (; servers[n]; n++)
        g_assert_true(stile_address_parse(&list[n].address, servers[n], 3478, NULL));
    prober = stile_nat_prober_new(world->clock, &wire, world, list, n, lifetime, on_progress,
                                  on_done, world, &error);
    g_assert_no_error(error);
    stile_clock_advance(world->clock, time);
    g_assert_cmpuint(world->n_reports, ==, 1);
}

static void
probe(World *world)
{
    probe_for(world, (const char *const[]){SERVER, NULL}, FALSE, 20 * SEC);
}

static const char *
cone_name(const World *world)
{
    return stile_nat_cone_name(world->report.mapping, world->report.filtering,
                               world->report.udp_blocked);
}

static void
assert_public(const World *world)
{
    g_autofree char *seen = NULL;

    g_assert_cmpuint(world->report.n_public, ==, 1);
    seen = stile_address_ip_to_string(&world->report.public_addresses[0]);
    g_assert_cmpstr(seen, ==, PUBLIC);
}

static const StileNatBehaviour three[] = {
    STILE_NAT_ENDPOINT_INDEPENDENT,
    STILE_NAT_ADDRESS_DEPENDENT,
    STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
};

static void
test_nine_kinds(void)
{
    static const char *const names[] = {"full-cone", "restricted-cone", "port-restricted-cone"};

    for (guint m = 0; m < 3; m++)
        for (guint f = 0; f < 3; f++) {
            World world;

            world_init(&world, three[m], three[f], SIM_STUN_GOOD);
            probe(&world);
            g_assert_cmpint(world.report.mapping, ==, three[m]);
            g_assert_cmpint(world.report.filtering, ==, three[f]);
            g_assert_cmpstr(cone_name(&world), ==, m == 0 ? names[f] : "symmetric");
            g_assert_cmpfloat(world.report.confidence, >, 0.7);
            assert_public(&world);
            world_clear(&world);
        }
}

static void
test_nine_kinds_with_loss(void)
{
    for (guint m = 0; m < 3; m++)
        for (guint f = 0; f < 3; f++) {
            World world;

            world_init(&world, three[m], three[f], SIM_STUN_GOOD);
            sim_net_set_loss(world.net, 0.05);
            sim_net_set_delay(world.net, 60 * 1000, 40 * 1000);
            probe_for(&world, (const char *const[]){SERVER, NULL}, FALSE, 60 * SEC);
            g_assert_cmpint(world.report.mapping, ==, three[m]);
            g_assert_cmpint(world.report.filtering, ==, three[f]);
            world_clear(&world);
        }
}

/* By two plain servers; nothing can be said of the filter. */
static void
test_plain_servers(void)
{
    for (guint m = 0; m < 3; m++) {
        World world;

        world_init(&world, three[m], STILE_NAT_ADDRESS_DEPENDENT, SIM_STUN_GOOD);
        sim_stun_new(world.net, SERVER2);
        sim_stun_new(world.net, "198.51.100.4");
        probe_for(&world, (const char *const[]){SERVER2, "198.51.100.4", NULL}, FALSE, 20 * SEC);
        g_assert_cmpint(world.report.filtering, ==, STILE_NAT_UNKNOWN);
        g_assert_cmpint(world.report.mapping, ==,
                        m == 0 ? STILE_NAT_ENDPOINT_INDEPENDENT
                               : STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
        g_assert_cmpstr(cone_name(&world), ==, m == 0 ? "unknown" : "symmetric");
        world_clear(&world);
    }
}

static void
test_no_nat(void)
{
    static const struct {
        StileNatBehaviour filtering, reported;
        const char *name;
    } cases[] = {
        {STILE_NAT_NONE, STILE_NAT_NONE, "open-internet"},
        {STILE_NAT_ADDRESS_DEPENDENT, STILE_NAT_ADDRESS_DEPENDENT, "symmetric-firewall"},
        {STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
         "symmetric-firewall"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        World world;

        world_init(&world, STILE_NAT_NONE, cases[i].filtering, SIM_STUN_GOOD);
        probe(&world);
        g_assert_cmpint(world.report.mapping, ==, STILE_NAT_NONE);
        g_assert_cmpint(world.report.filtering, ==, cases[i].reported);
        g_assert_cmpstr(cone_name(&world), ==, cases[i].name);
        g_assert_cmpint(world.report.allocation.kind, ==, STILE_NAT_ALLOCATION_PRESERVING);
        g_assert_cmpint(world.report.hairpin, ==, STILE_NAT_HAIRPIN_UNKNOWN);
        world_clear(&world);
    }
}

static void
test_udp_blocked(void)
{
    World world;

    world_init(&world, three[0], three[2], SIM_STUN_GOOD);
    sim_net_cut(world.net, PUBLIC, SERVER, TRUE);
    sim_net_cut(world.net, PUBLIC, SERVER2, TRUE);
    probe_for(&world, (const char *const[]){SERVER, SERVER2, NULL}, FALSE, 20 * SEC);
    g_assert_true(world.report.udp_blocked);
    g_assert_cmpstr(cone_name(&world), ==, "udp-blocked");
    g_assert_cmpint(world.report.mapping, ==, STILE_NAT_UNKNOWN);
    g_assert_cmpuint(world.report.n_public, ==, 0);
    world_clear(&world);
}

/* One of two servers is silent: the other one is enough. */
static void
test_one_server_down(void)
{
    World world;

    world_init(&world, three[0], three[2], SIM_STUN_GOOD);
    probe_for(&world, (const char *const[]){SERVER2, SERVER, NULL}, FALSE, 20 * SEC);
    g_assert_cmpstr(cone_name(&world), ==, "port-restricted-cone");
    world_clear(&world);
}

static void
test_ports(void)
{
    enum {
        DEFAULT,
        PRESERVING,
        SEQUENTIAL,
        BLOCK
    };
    static const struct {
        int how, argument;
        StileNatAllocationKind kind;
    } cases[] = {
        {PRESERVING, 0, STILE_NAT_ALLOCATION_PRESERVING},
        {SEQUENTIAL, 1, STILE_NAT_ALLOCATION_SEQUENTIAL},
        {SEQUENTIAL, -2, STILE_NAT_ALLOCATION_SEQUENTIAL},
        {SEQUENTIAL, 7, STILE_NAT_ALLOCATION_SEQUENTIAL},
        {BLOCK, 256, STILE_NAT_ALLOCATION_BLOCK},
        {BLOCK, 1024, STILE_NAT_ALLOCATION_BLOCK},
        {DEFAULT, 0, STILE_NAT_ALLOCATION_RANDOM},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        World world;
        const StileNatAllocation *allocation = &world.report.allocation;

        world_init(&world, three[2], three[2], SIM_STUN_GOOD);
        if (cases[i].how == PRESERVING)
            sim_nat_set_preserving(world.nat);
        else if (cases[i].how == SEQUENTIAL)
            sim_nat_set_sequential(world.nat, cases[i].argument);
        else if (cases[i].how == BLOCK)
            sim_nat_set_block(world.nat, 30000, (guint)cases[i].argument);
        probe(&world);
        g_assert_cmpint(allocation->kind, ==, cases[i].kind);
        g_assert_cmpint(allocation->delta, ==, cases[i].how == SEQUENTIAL ? cases[i].argument : 0);
        if (cases[i].how == BLOCK) {
            int tolerance = cases[i].argument / 3;

            g_assert_cmpint(ABS(allocation->first - 30000), <, tolerance);
            g_assert_cmpint(ABS(allocation->last - (30000 + cases[i].argument - 1)), <, tolerance);
        } else {
            g_assert_cmpint(allocation->last, ==, 0);
        }
        world_clear(&world);
    }
}

static void
test_hairpin(void)
{
    World world;

    world_init(&world, three[0], three[2], SIM_STUN_GOOD);
    probe(&world);
    g_assert_cmpint(world.report.hairpin, ==, STILE_NAT_HAIRPIN_NO);
    world_clear(&world);

    world_init(&world, three[0], three[2], SIM_STUN_GOOD);
    sim_nat_set_hairpin(world.nat, TRUE);
    probe(&world);
    g_assert_cmpint(world.report.hairpin, ==, STILE_NAT_HAIRPIN_EXTERNAL);
    world_clear(&world);

    world_init(&world, three[0], three[2], SIM_STUN_GOOD);
    sim_nat_set_hairpin_internal(world.nat);
    probe(&world);
    g_assert_cmpint(world.report.hairpin, ==, STILE_NAT_HAIRPIN_INTERNAL);
    world_clear(&world);

    /* It does hairpin, but that cannot be seen through the mapping and the filter. */
    world_init(&world, three[2], three[2], SIM_STUN_GOOD);
    sim_nat_set_hairpin(world.nat, TRUE);
    probe(&world);
    g_assert_cmpint(world.report.hairpin, ==, STILE_NAT_HAIRPIN_UNKNOWN);
    world_clear(&world);
}

static void
assert_within_tenth(guint seconds, guint truth)
{
    g_assert_cmpuint(seconds * 10, >=, truth * 9);
    g_assert_cmpuint(seconds * 10, <=, truth * 11);
}

static void
test_lifetime(void)
{
    static const guint lifetimes[] = {20, 30, 65, 180, 300};

    for (gsize i = 0; i < G_N_ELEMENTS(lifetimes); i++) {
        World world;

        world_init(&world, three[0], three[2], SIM_STUN_GOOD);
        sim_nat_set_lifetime(world.nat, lifetimes[i] * SEC);
        probe_for(&world, (const char *const[]){SERVER, NULL}, TRUE, 700 * SEC);
        g_assert_cmpuint(world.n_progress, ==, 1);
        assert_within_tenth(world.report.lifetime, lifetimes[i]);
        g_assert_false(world.report.lifetime_at_least);
        world_clear(&world);
    }
}

static void
test_lifetime_without_response_port(void)
{
    World world;

    /* A new port tells that the mapping was gone … */
    world_init(&world, three[2], three[2], SIM_STUN_NO_RESPONSE_PORT);
    sim_nat_set_lifetime(world.nat, 120 * SEC);
    probe_for(&world, (const char *const[]){SERVER, NULL}, TRUE, 700 * SEC);
    assert_within_tenth(world.report.lifetime, 120);
    world_clear(&world);

    /* … but not where the port is the inside one every time. */
    world_init(&world, three[0], three[2], SIM_STUN_NO_RESPONSE_PORT);
    sim_nat_set_lifetime(world.nat, 120 * SEC);
    probe_for(&world, (const char *const[]){SERVER, NULL}, TRUE, 700 * SEC);
    g_assert_cmpuint(world.report.lifetime, ==, 0);
    world_clear(&world);

    /* Longer than anybody waits */
    world_init(&world, three[0], three[2], SIM_STUN_GOOD);
    probe_for(&world, (const char *const[]){SERVER, NULL}, TRUE, 700 * SEC);
    g_assert_cmpuint(world.report.lifetime, >, 600);
    g_assert_true(world.report.lifetime_at_least);
    world_clear(&world);
}

static void
test_bad_servers(void)
{
    static const struct {
        SimStunFlags flags;
        StileNatBehaviour mapping, filtering;
        gboolean udp_blocked;
    } cases[] = {
        {SIM_STUN_IGNORES_CHANGE, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_UNKNOWN, FALSE},
        {SIM_STUN_REFUSES_CHANGE, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_UNKNOWN, FALSE},
        {SIM_STUN_LIES, STILE_NAT_UNKNOWN, STILE_NAT_UNKNOWN, TRUE},
        {SIM_STUN_OTHER_IS_PRIVATE, STILE_NAT_UNKNOWN, STILE_NAT_UNKNOWN, FALSE},
        {SIM_STUN_ANSWERS_FROM_OTHER, STILE_NAT_UNKNOWN, STILE_NAT_UNKNOWN, TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        World world;

        world_init(&world, three[0], three[0], cases[i].flags);
        probe(&world);
        g_assert_cmpint(world.report.mapping, ==, cases[i].mapping);
        g_assert_cmpint(world.report.filtering, ==, cases[i].filtering);
        g_assert_cmpint(world.report.udp_blocked, ==, cases[i].udp_blocked);
        world_clear(&world);
    }
}

/* Stopped at any moment, nothing is left and nothing is called. */
static void
test_stopped(void)
{
    World world;
    StileNatServer server = {0};

    world_init(&world, three[0], three[1], SIM_STUN_GOOD);
    g_assert_true(stile_address_parse(&server.address, SERVER, 3478, NULL));
    for (gint64 at = 0; at < 10 * SEC; at += 333 * 1000) {
        StileNatProber *prober = stile_nat_prober_new(world.clock, &wire, &world, &server, 1, TRUE,
                                                      NULL, on_done, &world, NULL);

        stile_clock_advance(world.clock, at);
        stile_nat_prober_free(prober);
    }
    stile_clock_advance(world.clock, 10 * SEC);
    g_assert_cmpuint(world.n_reports, ==, 0);
    world_clear(&world);
}

static void
test_no_family(void)
{
    World world;
    StileNatServer server = {0};
    g_autoptr(GError) error = NULL;

    world_init(&world, three[0], three[1], SIM_STUN_GOOD);
    g_assert_true(stile_address_parse(&server.address, "[2001:db8::1]:3478", 0, NULL));
    g_assert_null(stile_nat_prober_new(world.clock, &wire, &world, &server, 1, FALSE, NULL, on_done,
                                       &world, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
    world_clear(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nat-prober/nine-kinds", test_nine_kinds);
    g_test_add_func("/nat-prober/nine-kinds-with-loss", test_nine_kinds_with_loss);
    g_test_add_func("/nat-prober/plain-servers", test_plain_servers);
    g_test_add_func("/nat-prober/no-nat", test_no_nat);
    g_test_add_func("/nat-prober/udp-blocked", test_udp_blocked);
    g_test_add_func("/nat-prober/one-server-down", test_one_server_down);
    g_test_add_func("/nat-prober/ports", test_ports);
    g_test_add_func("/nat-prober/hairpin", test_hairpin);
    g_test_add_func("/nat-prober/lifetime", test_lifetime);
    g_test_add_func("/nat-prober/lifetime-without-response-port",
                    test_lifetime_without_response_port);
    g_test_add_func("/nat-prober/bad-servers", test_bad_servers);
    g_test_add_func("/nat-prober/stopped", test_stopped);
    g_test_add_func("/nat-prober/no-family", test_no_family);
    return g_test_run();
}

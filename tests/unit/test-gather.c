/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering: what is offered of links, STUN servers and relays, when it is asked again, and that
 * what goes is taken back. */
#include "icepeer.h"

#include <string.h>

#define STUN "198.51.100.1:3478"

typedef struct {
    StileClock *clock;
    SimNet *net;
    SimNat *nat;
    IcePeer *peer;
} World;

static void
world_open(World *world, StileNatBehaviour mapping)
{
    world->clock = stile_clock_new_virtual(G_USEC_PER_SEC, 1);
    world->net = sim_net_new(world->clock, 1);
    sim_stun_new(world->net, "198.51.100.1");
    sim_stun_new(world->net, "198.51.100.2");
    world->nat = sim_nat_new(world->net, NULL, "203.0.113.1", mapping,
                             STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    world->peer = ice_peer_new(world->clock, world->net, world->nat, "192.168.1.2:50000", TRUE);
}

static void
world_close(World *world)
{
    ice_peer_free(world->peer);
    sim_net_free(world->net);
    stile_clock_unref(world->clock);
}

static const StileCandidate *
candidate(World *world, guint i)
{
    const GArray *candidates = stile_gatherer_candidates(world->peer->end.gatherer);

    g_assert_cmpuint(candidates->len, >, i);
    return &g_array_index(candidates, StileCandidate, i);
}

static guint
count(World *world)
{
    return stile_gatherer_candidates(world->peer->end.gatherer)->len;
}

static void
add_server(World *world, const char *text)
{
    StileAddress server = sim_address(text);

    stile_gatherer_add_stun_server(world->peer->end.gatherer, &server);
}

static void
assert_address(const StileAddress *address, const char *text)
{
    g_autofree char *actual = stile_address_to_string(address);

    g_assert_cmpstr(actual, ==, text);
}

static void
test_host_and_reflexive(void)
{
    const StileReflexive *reflexive;
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    sim_end_gather(&world.peer->end, STUN);
    g_assert_cmpuint(count(&world), ==, 1); /* the host at once */
    g_assert_cmpuint(world.peer->n_completed, ==, 0);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    g_assert_cmpuint(count(&world), ==, 2);
    g_assert_cmpint(candidate(&world, 0)->type, ==, STILE_CANDIDATE_HOST);
    assert_address(&candidate(&world, 0)->address, "192.168.1.2:50000");
    g_assert_cmpint(candidate(&world, 1)->type, ==, STILE_CANDIDATE_SERVER_REFLEXIVE);
    assert_address(&candidate(&world, 1)->address, "203.0.113.1:50000");
    assert_address(&candidate(&world, 1)->base, "192.168.1.2:50000");
    g_assert_cmpuint(candidate(&world, 0)->priority, >, candidate(&world, 1)->priority);
    g_assert_cmpuint(stile_gatherer_reflexives(world.peer->end.gatherer)->len, ==, 1);
    reflexive = &g_array_index(stile_gatherer_reflexives(world.peer->end.gatherer), StileReflexive,
                               0);
    assert_address(&reflexive->server, STUN);
    assert_address(&reflexive->mapped, "203.0.113.1:50000");
    world_close(&world);
}

static void
test_two_servers(void)
{
    static const StileNatBehaviour mappings[] = {STILE_NAT_ENDPOINT_INDEPENDENT,
                                                 STILE_NAT_ADDRESS_AND_PORT_DEPENDENT};

    for (gsize i = 0; i < G_N_ELEMENTS(mappings); i++) {
        World world;

        world_open(&world, mappings[i]);
        add_server(&world, "198.51.100.2:3478");
        sim_end_gather(&world.peer->end, STUN);
        stile_clock_advance(world.clock, G_USEC_PER_SEC);
        /* A NAT that maps per destination has as many addresses for us as there are servers. */
        g_assert_cmpuint(count(&world), ==, 2 + i);
        g_assert_cmpuint(stile_gatherer_reflexives(world.peer->end.gatherer)->len, ==, 2);
        g_assert_cmpuint(world.peer->n_completed, ==, 1);
        world_close(&world);
    }
}

static void
test_silent_server(void)
{
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    add_server(&world, "198.51.100.77:3478");
    sim_end_gather(&world.peer->end, STUN);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 2);
    g_assert_cmpuint(world.peer->n_completed, ==, 0);
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    world_close(&world);
}

/* Answers in the STUN server's place, from an address of its own. */
static gboolean
answer_from_elsewhere(gpointer user_data, const StileAddress *source,
                      const StileAddress *destination, const guint8 *data, gsize size)
{
    StileAddress elsewhere = sim_address("198.51.100.66:3478"), lie = sim_address("192.0.2.66:6");
    StileStunMessage request;
    StileStunBuilder builder;

    if (!stile_stun_message_parse(&request, data, size, NULL) ||
        request.class != STILE_STUN_REQUEST)
        return TRUE;
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, request.id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_MAPPED_ADDRESS, &lie);
    size = stile_stun_builder_finish(&builder);
    sim_net_inject(user_data, &elsewhere, source, builder.data, size);
    return FALSE;
}

static void
test_answer_from_elsewhere(void)
{
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    sim_nat_set_filtering(world.nat, STILE_NAT_ENDPOINT_INDEPENDENT); /* so that it gets in */
    sim_net_set_tap(world.net, answer_from_elsewhere, world.net);
    sim_end_gather(&world.peer->end, STUN);
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 1);
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    world_close(&world);
}

static void
test_mapping_changes(void)
{
    StileAddress before;
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    sim_end_gather(&world.peer->end, STUN);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    before = candidate(&world, 1)->address;
    sim_nat_forget(world.nat);
    stile_clock_advance(world.clock, 26 * G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 2);
    g_assert_false(stile_address_equal(&before, &candidate(&world, 1)->address));
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    world_close(&world);
}

static void
test_inactive_is_silent(void)
{
    guint64 sent;
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    sim_end_gather(&world.peer->end, STUN);
    stile_gatherer_set_active(world.peer->end.gatherer, FALSE);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    sent = sim_net_sent(world.net);
    stile_clock_advance(world.clock, G_TIME_SPAN_HOUR);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent);
    /* After so long the mapping is gone: asked at once. */
    stile_gatherer_set_active(world.peer->end.gatherer, TRUE);
    stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent + 1);
    world_close(&world);
}

static void
add_local(GArray *addresses, const char *address, const char *name, const char *type)
{
    StileLocalAddress local = {.address = sim_address(address), .ifindex = 3, .link_type = type};

    g_strlcpy(local.ifname, name, sizeof local.ifname);
    g_array_append_val(addresses, local);
}

static void
test_links(void)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    add_local(addresses, "192.168.1.2", "wlan0", "wlan");
    add_local(addresses, "127.0.0.1", "lo", "loopback");
    add_local(addresses, "169.254.1.1", "eth0", "ether");
    add_local(addresses, "10.86.0.1", "stile0", "tun");
    add_local(addresses, "2001:db8::5", "eth0", "ether");
    add_local(addresses, "fe80::5", "eth0", "ether");
    for (guint i = 0; i < 15; i++) {
        g_autofree char *text = g_strdup_printf("172.%u.0.1", 17 + i);

        add_local(addresses, text, "docker0", "docker");
    }
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, "stile0");
    g_assert_cmpuint(count(&world), ==, 5);
    assert_address(&candidate(&world, 0)->address, "[2001:db8::5]:50000");
    g_assert_cmpint(candidate(&world, 0)->technique, ==, STILE_TECHNIQUE_IPV6);
    assert_address(&candidate(&world, 1)->address, "192.168.1.2:50000");
    /* One goes: it is taken back, the rest stays as it is. */
    add_server(&world, STUN);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 6);
    world.peer->n_completed = 0;
    world.peer->n_added = 0;
    g_array_remove_index(addresses, 0);
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, "stile0");
    g_assert_cmpuint(count(&world), ==, 4);
    g_assert_cmpuint(world.peer->n_added, ==, 0);
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    world_close(&world);
}

static void
assert_offered(World *world, const char *const *expected)
{
    guint n = 0;

    for (; expected[n]; n++) {
        gboolean found = FALSE;

        for (guint i = 0; i < count(world); i++) {
            g_autofree char *text = stile_address_ip_to_string(&candidate(world, i)->address);

            found |= strcmp(text, expected[n]) == 0;
        }
        if (!found)
            g_error("%s is not offered", expected[n]);
    }
    g_assert_cmpuint(count(world), ==, n);
}

static void
test_ipv6_privacy(void)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));
    World world;

    /* RFC 8445 §5.1.1.1: no address made of the hardware's, where its network gave another one. */
    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    add_local(addresses, "2001:db8:1::5054:ff:fe12:3456", "eth0", "ether");
    add_local(addresses, "2001:db8:2::5054:ff:fe12:3456", "eth0", "ether");
    add_local(addresses, "2001:db8:1::a:b:c:d", "eth0", "ether");
    add_local(addresses, "fe80::5054:ff:fe12:3456", "eth0", "ether");
    g_array_index(addresses, StileLocalAddress, 2).temporary = TRUE;
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, NULL);
    assert_offered(&world, (const char *const[]){"2001:db8:1:0:a:b:c:d",
                                                 "2001:db8:2:0:5054:ff:fe12:3456", NULL});
    /* The temporary address' time is over, a new one has come: that is offered, the old one not. */
    g_array_index(addresses, StileLocalAddress, 2).deprecated = TRUE;
    add_local(addresses, "2001:db8:1::e:f:a:b", "eth0", "ether");
    g_array_index(addresses, StileLocalAddress, 4).temporary = TRUE;
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, NULL);
    assert_offered(&world, (const char *const[]){"2001:db8:1:0:e:f:a:b",
                                                 "2001:db8:2:0:5054:ff:fe12:3456", NULL});
    /* With no other left, the hardware's has to do. */
    g_array_set_size(addresses, 3);
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, NULL);
    assert_offered(&world, (const char *const[]){"2001:db8:1:0:5054:ff:fe12:3456",
                                                 "2001:db8:2:0:5054:ff:fe12:3456", NULL});
    world_close(&world);
}

static void
test_ipv6_inside(void)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));
    World world;
    guint64 sent;

    /* A unique local address is offered, but asks nobody on the internet beside a global one. */
    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    add_server(&world, "[2001:db8:ffff::1]:3478");
    add_local(addresses, "fd00::5", "eth0", "ether");
    add_local(addresses, "2001:db8::5", "eth0", "ether");
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, NULL);
    assert_offered(&world, (const char *const[]){"fd00::5", "2001:db8::5", NULL});
    sent = sim_net_sent(world.net);
    stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent + 1);
    g_array_remove_index(addresses, 1);
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    sent = sim_net_sent(world.net);
    stile_gatherer_set_links(world.peer->end.gatherer, addresses, NULL);
    stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent + 1);
    world_close(&world);
}

/* The provider gives the router another address: told once for each server that noticed. */
static void
test_readdressed(void)
{
    StileAddress expected;
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    sim_end_gather(&world.peer->end, STUN);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_readdressed, ==, 0);
    sim_nat_forget(world.nat); /* another port is no other address */
    stile_clock_advance(world.clock, 30 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_readdressed, ==, 0);
    sim_nat_set_public(world.nat, "203.0.113.2");
    stile_gatherer_ask(world.peer->end.gatherer);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_readdressed, ==, 1);
    g_assert_cmpuint(count(&world), ==, 2);
    expected = sim_address("203.0.113.2");
    g_assert_true(stile_address_equal_ip(&candidate(&world, 1)->address, &expected));
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_readdressed, ==, 1);
    world_close(&world);
}

static void
test_extra(void)
{
    StileCandidate mapped = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_PORT_MAPPED,
        .address = sim_address("203.0.113.1:50000"),
        .base = sim_address("192.168.1.2:50000"),
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 65535),
    };
    World world;

    /* The router's mapping and the NAT's are one address: told once, as what is surer. */
    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    stile_gatherer_add(world.peer->end.gatherer, &mapped);
    sim_end_gather(&world.peer->end, STUN);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 2);
    g_assert_cmpint(candidate(&world, 1)->technique, ==, STILE_TECHNIQUE_PORT_MAPPED);
    stile_gatherer_remove(world.peer->end.gatherer, &mapped);
    g_assert_cmpuint(count(&world), ==, 2);
    g_assert_cmpint(candidate(&world, 1)->technique, ==, STILE_TECHNIQUE_REFLEXIVE);
    world_close(&world);
}

static void
test_servers_change(void)
{
    World world;

    world_open(&world, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    sim_end_gather(&world.peer->end, STUN);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    stile_gatherer_clear_stun_servers(world.peer->end.gatherer);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 2); /* no better knowledge yet */
    add_server(&world, "198.51.100.2:3478");
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(count(&world), ==, 2);
    assert_address(&candidate(&world, 1)->server, "198.51.100.2:3478");
    world_close(&world);
}

/* An open TURN server: allocates for whoever asks. */
static void
on_turn_request(gpointer user_data, const StileAddress *local, const StileAddress *remote,
                const guint8 *data, gsize size)
{
    SimHost **host = user_data;
    StileAddress relayed = stile_address_with_port(local, 49152);
    StileStunMessage request;
    StileStunBuilder builder;

    if (!stile_stun_message_parse(&request, data, size, NULL))
        return;
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, request.method, request.id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_MAPPED_ADDRESS, remote);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_RELAYED_ADDRESS, &relayed);
    stile_stun_builder_u32(&builder, STILE_STUN_LIFETIME, 600);
    size = stile_stun_builder_finish(&builder);
    sim_host_send(*host, local, remote, builder.data, size);
}

static void
on_turn_changed(gpointer user_data, StileTurn *turn)
{
    stile_gatherer_turn_changed(user_data, turn);
}

static void
test_turn(void)
{
    static const StileTurnOps ops = {.changed = on_turn_changed};
    StileAddress server = sim_address("198.51.100.7:3478");
    SimHost *host = NULL;
    StileTurn *turn;
    World world;

    world_open(&world, STILE_NAT_ENDPOINT_INDEPENDENT);
    host = sim_host_new(world.net, NULL, "198.51.100.7", on_turn_request, &host);
    turn = stile_turn_new(world.clock, world.peer->end.transactions, &server, AF_INET, "user",
                          "secret", &ops, world.peer->end.gatherer);
    stile_turn_start(turn);
    sim_end_gather(&world.peer->end, NULL);
    stile_clock_advance(world.clock, 5 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(world.peer->n_completed, ==, 0); /* allocating */
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(world.peer->n_completed, ==, 1);
    g_assert_cmpuint(count(&world), ==, 3); /* a reflexive one for free */
    assert_address(&candidate(&world, 1)->address, "203.0.113.1:50000");
    g_assert_cmpint(candidate(&world, 2)->type, ==, STILE_CANDIDATE_RELAYED);
    assert_address(&candidate(&world, 2)->address, "198.51.100.7:49152");
    assert_address(&candidate(&world, 2)->server, "198.51.100.7:3478");
    stile_turn_free(turn);
    stile_gatherer_turn_gone(world.peer->end.gatherer, turn);
    g_assert_cmpuint(count(&world), ==, 1);
    world_close(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gather/host-and-reflexive", test_host_and_reflexive);
    g_test_add_func("/gather/two-servers", test_two_servers);
    g_test_add_func("/gather/silent-server", test_silent_server);
    g_test_add_func("/gather/answer-from-elsewhere", test_answer_from_elsewhere);
    g_test_add_func("/gather/mapping-changes", test_mapping_changes);
    g_test_add_func("/gather/inactive-is-silent", test_inactive_is_silent);
    g_test_add_func("/gather/links", test_links);
    g_test_add_func("/gather/readdressed", test_readdressed);
    g_test_add_func("/gather/ipv6-privacy", test_ipv6_privacy);
    g_test_add_func("/gather/ipv6-inside", test_ipv6_inside);
    g_test_add_func("/gather/extra", test_extra);
    g_test_add_func("/gather/servers-change", test_servers_change);
    g_test_add_func("/gather/turn", test_turn);
    return g_test_run();
}

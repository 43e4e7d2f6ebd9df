/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two agents over simulated NATs: whatever can be reached directly is, by the theory of RFC 4787's
 * behaviours; the rest through a relay; and that lost packets, delay and order do not matter. */
#include "base/nat64.h"
#include "icepeer.h"

#define LIMIT (20 * G_USEC_PER_SEC)

typedef struct {
    const char *name;
    gboolean open; /* no NAT */
    StileNatBehaviour mapping, filtering;
} Kind;

#define EI  STILE_NAT_ENDPOINT_INDEPENDENT
#define AD  STILE_NAT_ADDRESS_DEPENDENT
#define APD STILE_NAT_ADDRESS_AND_PORT_DEPENDENT

static const Kind kinds[] = {
    {"open", TRUE, EI, EI},
    {"full-cone", FALSE, EI, EI},
    {"restricted-cone", FALSE, EI, AD},
    {"port-restricted-cone", FALSE, EI, APD},
    {"address-dependent", FALSE, AD, APD},
    {"symmetric", FALSE, APD, APD},
};

/* One side must know where the other will send from, or not care. */
static gboolean
theory_says_direct(const Kind *a, const Kind *b)
{
    if (a->mapping == EI && b->mapping == EI)
        return TRUE;
    return (a->mapping == EI && a->filtering != APD) || (b->mapping == EI && b->filtering != APD);
}

typedef struct {
    StileClock *clock;
    SimNet *net;
    IcePeer *a, *b;
} World;

static IcePeer *
settle_down(World *world, const Kind *kind, const char *public_ip, const char *private_address,
            gboolean controlling)
{
    g_autofree char *address = g_strconcat(public_ip, ":50000", NULL);
    SimNat *nat;

    if (kind->open)
        return ice_peer_new(world->clock, world->net, NULL, address, controlling);
    nat = sim_nat_new(world->net, NULL, public_ip, kind->mapping, kind->filtering);
    return ice_peer_new(world->clock, world->net, nat, private_address, controlling);
}

static void
world_open(World *world, const Kind *a, const Kind *b, guint32 seed)
{
    world->clock = stile_clock_new_virtual(G_USEC_PER_SEC, seed);
    world->net = sim_net_new(world->clock, seed);
    sim_stun_new(world->net, "198.51.100.1");
    world->a = settle_down(world, a, "203.0.113.1", "192.168.1.2:50000", TRUE);
    world->b = settle_down(world, b, "203.0.113.2", "192.168.1.3:50000", FALSE);
}

static void
world_close(World *world)
{
    ice_peer_free(world->a);
    ice_peer_free(world->b);
    sim_net_free(world->net);
    stile_clock_unref(world->clock);
}

static void
gather_and_introduce(World *world)
{
    sim_end_gather(&world->a->end, "198.51.100.1:3478");
    sim_end_gather(&world->b->end, "198.51.100.1:3478");
    ice_peer_introduce(world->a, world->b);
}

/* What A selected must lead to what B selected, and back. */
static void
assert_agreed(World *world)
{
    const StileIcePair *a = stile_ice_agent_selected(world->a->agent);
    const StileIcePair *b = stile_ice_agent_selected(world->b->agent);

    g_assert_true(stile_address_equal(&a->local.address, &b->remote.address));
    g_assert_true(stile_address_equal(&b->local.address, &a->remote.address));
}

static void
test_direct(gconstpointer data)
{
    const Kind *const *pair = data;
    World world;

    for (guint32 seed = 1; seed <= 3; seed++) {
        gboolean connected;

        world_open(&world, pair[0], pair[1], seed);
        sim_net_set_delay(world.net, 10 * G_TIME_SPAN_MILLISECOND, 30 * G_TIME_SPAN_MILLISECOND);
        gather_and_introduce(&world);
        connected = ice_peers_connect(world.a, world.b, LIMIT);
        g_test_message("%s-%s: %d, %" G_GINT64_FORMAT " us, %" G_GUINT64_FORMAT " sent",
                       pair[0]->name, pair[1]->name, connected,
                       stile_clock_now(world.clock) - G_USEC_PER_SEC, sim_net_sent(world.net));
        g_assert_cmpint(connected, ==, theory_says_direct(pair[0], pair[1]));
        if (connected) {
            stile_clock_advance(world.clock, 2 * G_USEC_PER_SEC);
            g_assert_true(ice_peer_is_direct(world.a));
            assert_agreed(&world);
        } else {
            g_assert_cmpuint(world.a->n_idle, >, 0);
            g_assert_cmpuint(world.b->n_idle, >, 0);
        }
        world_close(&world);
    }
}

/* A relay on the internet is not asked to reach into private networks. */
static void
assert_relays_stay_outside(IcePeer *peer)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);

    for (guint i = 0; i < pairs->len; i++) {
        const StileIcePair *pair = g_ptr_array_index(pairs, i);

        if (pair->endpoint.kind == STILE_ENDPOINT_TURN)
            g_assert_cmpint(stile_address_scope(&pair->remote.address), ==, STILE_ADDRESS_GLOBAL);
    }
    g_assert_cmpuint(peer->n_permits, >, 0);
}

static void
test_relay(gconstpointer data)
{
    const Kind *const *pair = data;
    World world;

    world_open(&world, pair[0], pair[1], 5);
    sim_end_use_relay(&world.a->end, sim_relay_new(world.net, "198.51.100.8"));
    sim_end_use_relay(&world.b->end, sim_relay_new(world.net, "198.51.100.9"));
    gather_and_introduce(&world);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    /* Whatever came first: in the end it is direct where it can be. */
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    g_assert_cmpint(ice_peer_is_direct(world.a), ==, theory_says_direct(pair[0], pair[1]));
    g_assert_cmpint(ice_peer_is_direct(world.b), ==, theory_says_direct(pair[0], pair[1]));
    assert_relays_stay_outside(world.a);
    assert_relays_stay_outside(world.b);
    world_close(&world);
}

static void
test_one_relay(void)
{
    /* Only one side has a relay: the other reaches it there. */
    for (guint side = 0; side < 2; side++) {
        World world;

        world_open(&world, &kinds[5], &kinds[5], 6);
        sim_end_use_relay(&(side ? world.b : world.a)->end,
                          sim_relay_new(world.net, "198.51.100.8"));
        gather_and_introduce(&world);
        g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
        g_assert_false(ice_peer_is_direct(world.a));
        assert_agreed(&world);
        world_close(&world);
    }
}

static void
test_loss(void)
{
    for (guint32 seed = 1; seed <= 20; seed++) {
        World world;

        world_open(&world, &kinds[3], &kinds[3], seed);
        sim_net_set_loss(world.net, 0.3);
        sim_net_set_delay(world.net, 80 * G_TIME_SPAN_MILLISECOND, 60 * G_TIME_SPAN_MILLISECOND);
        gather_and_introduce(&world);
        while (!ice_peers_connect(world.a, world.b, LIMIT / 2)) {
            g_assert_cmpint(stile_clock_now(world.clock), <, 10 * LIMIT);
            stile_ice_agent_retry(world.a->agent);
            stile_ice_agent_retry(world.b->agent);
        }
        g_assert_true(ice_peer_is_direct(world.a));
        g_assert_true(ice_peer_is_direct(world.b));
        world_close(&world);
    }
}

static void
test_late_candidate(void)
{
    World world;

    world_open(&world, &kinds[3], &kinds[3], 7);
    sim_end_gather(&world.a->end, "198.51.100.1:3478");
    ice_peer_introduce(world.a, world.b);
    stile_clock_advance(world.clock, 30 * G_USEC_PER_SEC);
    g_assert_null(stile_ice_agent_selected(world.a->agent));
    sim_end_gather(&world.b->end, "198.51.100.1:3478");
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    world_close(&world);
}

static void
test_peer_reflexive(void)
{
    const StileIcePair *pair;
    World world;

    /* Behind a symmetric NAT, what the peer is told is not where we come from. */
    world_open(&world, &kinds[5], &kinds[1], 8);
    gather_and_introduce(&world);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    pair = stile_ice_agent_selected(world.a->agent);
    g_assert_cmpint(pair->local.type, ==, STILE_CANDIDATE_PEER_REFLEXIVE);
    pair = stile_ice_agent_selected(world.b->agent);
    g_assert_cmpint(pair->remote.type, ==, STILE_CANDIDATE_PEER_REFLEXIVE);
    assert_agreed(&world);
    world_close(&world);
}

static void
test_reflexive_before_signalled(void)
{
    g_autoptr(GPtrArray) pairs = NULL;
    const StileIcePair *pair;
    World world;

    /* B's check arrives at A before B's candidates do: peer-reflexive first, then what it is. */
    world_open(&world, &kinds[0], &kinds[1], 9);
    sim_end_gather(&world.a->end, "198.51.100.1:3478");
    sim_end_gather(&world.b->end, "198.51.100.1:3478");
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    world.a->signalling_delay = 2 * G_USEC_PER_SEC;
    ice_peer_introduce(world.a, world.b);
    stile_clock_advance(world.clock, 1900 * G_TIME_SPAN_MILLISECOND);
    pairs = stile_ice_agent_pairs(world.a->agent);
    g_assert_cmpuint(pairs->len, ==, 0); /* kept, not believed yet */
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    pair = stile_ice_agent_selected(world.a->agent);
    g_assert_cmpint(pair->remote.type, ==, STILE_CANDIDATE_SERVER_REFLEXIVE);
    world_close(&world);
}

static void
test_same_lan(void)
{
    World world = {.clock = stile_clock_new_virtual(0, 3)};
    const StileIcePair *pair;
    SimNat *nat;

    world.net = sim_net_new(world.clock, 3);
    sim_stun_new(world.net, "198.51.100.1");
    nat = sim_nat_new(world.net, NULL, "203.0.113.1", APD, APD);
    world.a = ice_peer_new(world.clock, world.net, nat, "192.168.1.2:50000", TRUE);
    world.b = ice_peer_new(world.clock, world.net, nat, "192.168.1.3:50000", FALSE);
    gather_and_introduce(&world);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    pair = stile_ice_agent_selected(world.a->agent);
    g_assert_cmpint(pair->local.type, ==, STILE_CANDIDATE_HOST);
    g_assert_cmpint(pair->remote.type, ==, STILE_CANDIDATE_HOST);
    world_close(&world);
}

static void
test_two_layers(void)
{
    World world = {.clock = stile_clock_new_virtual(0, 4)};
    SimNat *carrier, *home;

    /* A home router behind a carrier's NAT, on both sides. */
    world.net = sim_net_new(world.clock, 4);
    sim_stun_new(world.net, "198.51.100.1");
    carrier = sim_nat_new(world.net, NULL, "203.0.113.1", EI, APD);
    home = sim_nat_new(world.net, carrier, "100.64.0.5", EI, APD);
    world.a = ice_peer_new(world.clock, world.net, home, "192.168.1.2:50000", TRUE);
    carrier = sim_nat_new(world.net, NULL, "203.0.113.2", EI, AD);
    home = sim_nat_new(world.net, carrier, "100.64.0.5", EI, AD);
    world.b = ice_peer_new(world.clock, world.net, home, "192.168.1.2:50000", FALSE);
    gather_and_introduce(&world);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    g_assert_true(ice_peer_is_direct(world.a));
    world_close(&world);
}

static void
test_ipv6(void)
{
    World world = {.clock = stile_clock_new_virtual(0, 4)};

    world.net = sim_net_new(world.clock, 4);
    world.a = ice_peer_new(world.clock, world.net, NULL, "[2001:db8:1::1]:50000", TRUE);
    world.b = ice_peer_new(world.clock, world.net, NULL, "[2001:db8:2::1]:50000", FALSE);
    sim_end_gather(&world.a->end, NULL);
    sim_end_gather(&world.b->end, NULL);
    ice_peer_introduce(world.a, world.b);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->local.technique, ==,
                    STILE_TECHNIQUE_IPV6);
    world_close(&world);
}

/* RFC 6052's prefixes of each length */
static const char *const nat64_prefixes[] = {
    "2001:db8::/32",         "2001:db8:100::/40",     "2001:db8:122::/48",
    "2001:db8:122:300::/56", "2001:db8:122:344::/64", "64:ff9b::/96",
};

static void
test_nat64(gconstpointer data)
{
    const char *prefix = data;
    World world = {.clock = stile_clock_new_virtual(0, 4)};
    const StileIcePair *a, *b;
    StileAddress server = sim_address("198.51.100.1:3478"), synthesized, through;
    SimNat *nat64, *home;

    world.net = sim_net_new(world.clock, 4);
    sim_stun_new(world.net, "198.51.100.1");
    nat64 = sim_nat_new(world.net, NULL, "203.0.113.64", STILE_NAT_ENDPOINT_INDEPENDENT,
                        STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    home = sim_nat_new(world.net, NULL, "203.0.113.1", STILE_NAT_ENDPOINT_INDEPENDENT,
                       STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    world.a = ice_peer_new(world.clock, world.net, NULL, "[2001:db8:ffff::1]:50000", TRUE);
    world.b = ice_peer_new(world.clock, world.net, home, "192.168.1.2:50001", FALSE);
    ice_peer_use_nat64(world.a, nat64, prefix);
    g_assert_true(stile_nat64_synthesize(&synthesized, &world.a->end.prefix, &server));
    stile_gatherer_add_stun_server(world.a->end.gatherer, &synthesized);
    sim_end_gather(&world.a->end, NULL);
    sim_end_gather(&world.b->end, "198.51.100.1:3478");
    ice_peer_introduce(world.a, world.b);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    a = stile_ice_agent_selected(world.a->agent);
    b = stile_ice_agent_selected(world.b->agent);
    /* Both know each other by IPv4, as they were told; only what is sent to is synthesized. */
    g_assert_cmpint(a->remote.type, ==, STILE_CANDIDATE_SERVER_REFLEXIVE);
    g_assert_cmpint(a->local.type, ==, STILE_CANDIDATE_SERVER_REFLEXIVE);
    g_assert_cmpint(b->remote.type, ==, STILE_CANDIDATE_SERVER_REFLEXIVE);
    g_assert_cmpint(b->local.type, ==, STILE_CANDIDATE_SERVER_REFLEXIVE);
    g_assert_true(stile_address_equal(&a->local.address, &b->remote.address));
    g_assert_true(stile_address_equal(&b->local.address, &a->remote.address));
    g_assert_true(stile_address_equal(&a->local.base, &world.a->end.local));
    g_assert_true(stile_address_equal_ip(&a->endpoint.local, &world.a->end.local));
    g_assert_true(stile_nat64_synthesize(&through, &world.a->end.prefix, &a->remote.address));
    g_assert_true(stile_address_equal(&a->endpoint.remote, &through));
    /* IPv4 is there: no more detours. */
    stile_ice_agent_set_nat64(world.a->agent, &(StilePrefix){0});
    g_assert_null(stile_ice_agent_selected(world.a->agent));
    world_close(&world);
}

static void
test_nat64_private(void)
{
    World world = {.clock = stile_clock_new_virtual(0, 4)};
    g_autoptr(GPtrArray) pairs = NULL;

    /* What is private is not behind the carrier's NAT64. */
    world.net = sim_net_new(world.clock, 4);
    world.a = ice_peer_new(world.clock, world.net, NULL, "[2001:db8:ffff::1]:50000", TRUE);
    world.b = ice_peer_new(world.clock, world.net, NULL, "192.168.1.2:50001", FALSE);
    ice_peer_use_nat64(world.a, NULL, "64:ff9b::/96");
    sim_end_gather(&world.a->end, NULL);
    sim_end_gather(&world.b->end, NULL);
    ice_peer_introduce(world.a, world.b);
    stile_clock_advance(world.clock, LIMIT);
    pairs = stile_ice_agent_pairs(world.a->agent);
    g_assert_cmpuint(pairs->len, ==, 0);
    world_close(&world);
}

/* The gatherer offers no such addresses; who knows that both are on one link may. */
static void
offer(IcePeer *peer)
{
    StileCandidate host = {
        .type = STILE_CANDIDATE_HOST,
        .technique = STILE_TECHNIQUE_IPV6,
        .address = peer->end.local,
        .base = peer->end.local,
        .priority = stile_candidate_priority(STILE_CANDIDATE_HOST, 65535),
    };

    host.address.in6.sin6_scope_id = 0;
    stile_candidate_set_foundation(&host);
    stile_gatherer_add(peer->end.gatherer, &host);
}

static void
test_link_local(void)
{
    World world = {.clock = stile_clock_new_virtual(0, 4)};
    const StileIcePair *pair;

    /* Zones are not signalled: each side puts in that of its own interface, number 2. */
    world.net = sim_net_new(world.clock, 4);
    world.a = ice_peer_new(world.clock, world.net, NULL, "[fe80::1%2]:50000", TRUE);
    world.b = ice_peer_new(world.clock, world.net, NULL, "[fe80::2%2]:50000", FALSE);
    offer(world.a);
    offer(world.b);
    ice_peer_introduce(world.a, world.b);
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    pair = stile_ice_agent_selected(world.a->agent);
    g_assert_cmpuint(pair->endpoint.remote.in6.sin6_scope_id, ==, 2);
    g_assert_cmpint(pair->remote.type, ==, STILE_CANDIDATE_HOST);
    g_assert_cmpint(pair->local.type, ==, STILE_CANDIDATE_HOST);
    world_close(&world);
}

static void
add(const char *prefix, GTestDataFunc func)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(kinds); j++) {
            g_autofree char *path = g_strdup_printf("/ice/connect/%s/%s-%s", prefix, kinds[i].name,
                                                    kinds[j].name);
            const Kind **pair = g_new(const Kind *, 2);

            pair[0] = &kinds[i];
            pair[1] = &kinds[j];
            g_test_add_data_func_full(path, pair, func, g_free);
        }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("direct", test_direct);
    add("relay", test_relay);
    g_test_add_func("/ice/connect/one-relay", test_one_relay);
    g_test_add_func("/ice/connect/loss", test_loss);
    g_test_add_func("/ice/connect/late-candidate", test_late_candidate);
    g_test_add_func("/ice/connect/peer-reflexive", test_peer_reflexive);
    g_test_add_func("/ice/connect/reflexive-before-signalled", test_reflexive_before_signalled);
    g_test_add_func("/ice/connect/same-lan", test_same_lan);
    g_test_add_func("/ice/connect/two-layers", test_two_layers);
    g_test_add_func("/ice/connect/ipv6", test_ipv6);
    for (gsize i = 0; i < G_N_ELEMENTS(nat64_prefixes); i++) {
        StilePrefix nat64;
        g_autofree char *path = NULL;

        g_assert_true(stile_prefix_parse(&nat64, nat64_prefixes[i], NULL));
        path = g_strdup_printf("/ice/connect/nat64/%u", nat64.length);
        g_test_add_data_func(path, nat64_prefixes[i], test_nat64);
    }
    g_test_add_func("/ice/connect/nat64/private", test_nat64_private);
    g_test_add_func("/ice/connect/link-local", test_link_local);
    return g_test_run();
}

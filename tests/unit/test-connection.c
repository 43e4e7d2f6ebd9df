/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ladder, in a simulated network under a virtual clock: broker at once, then the relay, then
 * direct; a cut is bridged inside a second of the clock and direct again when mended; signals that
 * are lost are said again; the two sides come to rest; a port that was mapped inside a carrier's
 * network is told to those in it. */
#include "mesh/connection.h"
#include "mesh/signal.h"
#include "simend.h"

#define MSEC ((gint64)1000)
#define SEC  ((gint64)1000000)

typedef struct _Side Side;

typedef struct {
    Side *to;
    GBytes *payload;
    StileTimer *timer;
} Letter;

struct _Side {
    SimEnd end;
    StileConnection *connection;
    StilePeerStats *stats;
    Side *other;
    GPtrArray *letters;
    guint n_letters, lose_letters, n_forgotten, n_changed, n_measured;
    gboolean tells_mapped; /* the last letter had a port mapping */
    gboolean traffic;
    StileTimer *traffic_timer;
};

static void
letter_free(gpointer pointer)
{
    Letter *letter = pointer;

    stile_timer_free(letter->timer);
    g_bytes_unref(letter->payload);
    g_free(letter);
}

static void
on_letter(gpointer user_data)
{
    Letter *letter = user_data;
    gsize size;
    const guint8 *data = g_bytes_get_data(letter->payload, &size);

    stile_connection_receive_signal(letter->to->connection, data, size);
    g_ptr_array_remove(letter->to->letters, letter);
}

static gboolean
tells_mapped(const guint8 *payload, gsize size)
{
    g_autofree StileSignal *signal = g_new0(StileSignal, 1);

    g_assert_true(stile_signal_parse(signal, payload, size, NULL));
    for (guint i = 0; i < signal->n_candidates; i++)
        if (signal->candidates[i].technique == STILE_TECHNIQUE_PORT_MAPPED)
            return TRUE;
    return FALSE;
}

static gboolean
on_signal(gpointer user_data, const guint8 *payload, gsize size)
{
    Side *side = user_data;
    Letter *letter;

    side->tells_mapped = tells_mapped(payload, size);
    side->n_letters++;
    if (side->n_letters <= side->lose_letters)
        return TRUE;
    letter = g_new0(Letter, 1);
    letter->to = side->other;
    letter->payload = g_bytes_new(payload, size);
    letter->timer = stile_timer_new(side->end.clock, on_letter, letter);
    stile_timer_set_after(letter->timer, 40 * MSEC);
    g_ptr_array_add(side->other->letters, letter);
    return TRUE;
}

static gboolean
on_permit(gpointer user_data, const StileAddress *remote)
{
    Side *side = user_data;

    sim_end_permit(&side->end, remote);
    return TRUE;
}

static void
on_forget(gpointer user_data, const StileAddress *remote)
{
    ((Side *)user_data)->n_forgotten++;
}

static guint16
on_channel(gpointer user_data, const StileAddress *server, const StileAddress *remote)
{
    return 0x4000;
}

static void
on_changed(gpointer user_data)
{
    ((Side *)user_data)->n_changed++;
}

static void
on_measured(gpointer user_data)
{
    ((Side *)user_data)->n_measured++;
}

static const StileConnectionOps connection_ops = {on_signal,  on_permit,  on_forget,
                                                  on_channel, on_changed, on_measured};

static void
on_receive(gpointer user_data, const StileStunMessage *message, const StileEndpoint *from)
{
    Side *side = user_data;

    if (stile_connection_owns(side->connection, message))
        stile_connection_receive(side->connection, message, from);
}

static void
on_added(gpointer user_data, const StileCandidate *candidate)
{
    stile_connection_add_local(((Side *)user_data)->connection, candidate);
}

static void
on_removed(gpointer user_data, const StileCandidate *candidate)
{
    stile_connection_remove_local(((Side *)user_data)->connection, candidate);
}

static void
on_complete(gpointer user_data)
{
    stile_connection_set_gathered(((Side *)user_data)->connection, TRUE);
}

/* Applications that send ten packets a second. */
static void
on_traffic(gpointer user_data)
{
    Side *side = user_data;

    if (side->traffic)
        stile_stat_add(side->stats->tx_packets, 1);
    stile_timer_set_after(side->traffic_timer, 100 * MSEC);
}

static Side *
side_new(StileClock *clock, SimNet *net, SimNat *nat, const char *local, SimRelay *relay,
         gboolean controlling)
{
    static const StileGathererOps gatherer_ops = {
        .added = on_added, .removed = on_removed, .complete = on_complete};
    Side *side = g_new0(Side, 1);

    sim_end_init(&side->end, clock, net, nat, local, &gatherer_ops, on_receive, side);
    side->stats = stile_peer_stats_new();
    side->letters = g_ptr_array_new_with_free_func(letter_free);
    side->traffic = TRUE;
    side->traffic_timer = stile_timer_new(clock, on_traffic, side);
    stile_timer_set_after(side->traffic_timer, 0);
    side->connection = stile_connection_new(clock, side->end.transactions, controlling, side->stats,
                                            &connection_ops, side);
    stile_connection_set_broker(side->connection, TRUE);
    sim_end_use_relay(&side->end, relay);
    return side;
}

static void
side_free(Side *side)
{
    g_ptr_array_unref(side->letters);
    stile_connection_free(side->connection);
    sim_end_clear(&side->end);
    stile_timer_free(side->traffic_timer);
    stile_peer_stats_unref(side->stats);
    g_free(side);
}

typedef struct {
    StileClock *clock;
    SimNet *net;
    SimRelay *relay;
    Side *a, *b;
} World;

static void
world_set_up_behind(World *world, StileNatBehaviour mapping, StileNatBehaviour filtering,
                    gboolean one_carrier)
{
    SimNat *home, *office, *carrier = NULL;

    world->clock = stile_clock_new_virtual(SEC, 7);
    world->net = sim_net_new(world->clock, 7);
    sim_net_set_delay(world->net, 20 * MSEC, 2 * MSEC);
    sim_stun_new(world->net, "198.51.100.1");
    world->relay = sim_relay_new(world->net, "198.51.100.2");
    if (one_carrier)
        carrier = sim_nat_new(world->net, NULL, "203.0.113.3", mapping, filtering);
    home = sim_nat_new(world->net, carrier, one_carrier ? "100.64.0.1" : "203.0.113.1", mapping,
                       filtering);
    office = sim_nat_new(world->net, carrier, one_carrier ? "100.64.0.2" : "203.0.113.2", mapping,
                         filtering);
    world->a = side_new(world->clock, world->net, home, "192.168.1.2:4001", world->relay, TRUE);
    world->b = side_new(world->clock, world->net, office, "192.168.2.2:4002", world->relay, FALSE);
    world->a->other = world->b;
    world->b->other = world->a;
    sim_end_gather(&world->a->end, "198.51.100.1:3478");
    sim_end_gather(&world->b->end, "198.51.100.1:3478");
}

static void
world_set_up(World *world, StileNatBehaviour mapping, StileNatBehaviour filtering)
{
    world_set_up_behind(world, mapping, filtering, FALSE);
}

static void
world_clear(World *world)
{
    side_free(world->a);
    side_free(world->b);
    sim_net_free(world->net);
    stile_clock_unref(world->clock);
}

static gboolean
uses(Side *side, StileWayKind kind)
{
    const StileConnectionWay *way = stile_connection_first(side->connection);

    return way && way->way.kind == kind;
}

/* Lets time pass until both use @kind. Returns: whether that came inside @limit. */
static gboolean
reach(World *world, StileWayKind kind, gint64 limit)
{
    for (gint64 at = 0; at <= limit; at += 5 * MSEC) {
        if (uses(world->a, kind) && uses(world->b, kind))
            return TRUE;
        stile_clock_advance(world->clock, 5 * MSEC);
    }
    return FALSE;
}

static void
test_ladder(void)
{
    World world;
    const StileConnectionWay *way;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    /* As soon as each has heard of the other. */
    g_assert_true(reach(&world, STILE_WAY_BROKER, 60 * MSEC));
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 2 * SEC));
    way = stile_connection_first(world.a->connection);
    g_assert_cmpint(way->state, ==, STILE_WAY_WORKING);
    g_assert_cmpint(way->technique, ==, STILE_TECHNIQUE_REFLEXIVE);
    world_clear(&world);
}

static void
test_hard_both(void)
{
    World world;

    world_set_up(&world, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
                 STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    g_assert_true(reach(&world, STILE_WAY_TURN, 3 * SEC));
    stile_clock_advance(world.clock, 60 * SEC);
    g_assert_true(uses(world.a, STILE_WAY_TURN));
    g_assert_true(uses(world.b, STILE_WAY_TURN));
    world_clear(&world);
}

static gboolean
takes_another(Side *side)
{
    const StileConnectionWay *first = stile_connection_first(side->connection);

    return (first && first->way.kind != STILE_WAY_DIRECT) ||
           stile_connection_second(side->connection) != NULL;
}

static void
test_cut_and_mend(void)
{
    World world;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 2 * SEC));
    stile_clock_advance(world.clock, 5 * SEC);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    stile_clock_advance(world.clock, SEC);
    g_assert_true(takes_another(world.a));
    g_assert_true(takes_another(world.b));
    g_assert_true(reach(&world, STILE_WAY_TURN, 3 * SEC));
    stile_clock_advance(world.clock, 30 * SEC);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", FALSE);
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 30 * SEC));
    world_clear(&world);
}

static void
test_everything_cut(void)
{
    World world;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 2 * SEC));
    stile_clock_advance(world.clock, 5 * SEC);
    sim_net_set_loss(world.net, 1);
    stile_clock_advance(world.clock, 3 * SEC);
    g_assert_true(reach(&world, STILE_WAY_BROKER, 10 * SEC));
    sim_net_set_loss(world.net, 0);
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 60 * SEC));
    world_clear(&world);
}

static void
test_lost_signals(void)
{
    World world;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    world.a->lose_letters = 3;
    world.b->lose_letters = 3;
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 20 * SEC));
    world_clear(&world);
}

static void
test_comes_to_rest(void)
{
    World world;
    guint letters, changed, measured;
    guint64 sent;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 2 * SEC));
    world.a->traffic = world.b->traffic = FALSE;
    stile_clock_advance(world.clock, 60 * SEC);
    changed = world.a->n_changed + world.b->n_changed;
    measured = world.a->n_measured;
    letters = world.a->n_letters + world.b->n_letters;
    sent = sim_net_sent(world.net);
    stile_clock_advance(world.clock, 600 * SEC);
    g_assert_cmpuint(world.a->n_letters + world.b->n_letters, ==, letters);
    /* Ten idle minutes: heartbeats on the way in use and on one or two in reserve, and STUN. */
    g_assert_cmpuint(sim_net_sent(world.net) - sent, <, 1200);
    /* What is measured is told apart: nobody has to look at anything for it. */
    g_assert_cmpuint(world.a->n_changed + world.b->n_changed, ==, changed);
    g_assert_cmpuint(world.a->n_measured, >, measured);
    g_assert_true(uses(world.a, STILE_WAY_DIRECT));
    world_clear(&world);
}

static void
test_policy(void)
{
    World world;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    stile_connection_set_policy(world.a->connection, STILE_RELAY_ONLY);
    stile_connection_set_policy(world.b->connection, STILE_RELAY_NEVER);
    stile_clock_advance(world.clock, 5 * SEC);
    g_assert_true(uses(world.a, STILE_WAY_TURN));
    g_assert_true(uses(world.b, STILE_WAY_DIRECT));
    world_clear(&world);
}

static void
test_bad_signals(void)
{
    World world;
    guint8 noise[300];

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    for (guint i = 0; i < 1000; i++) {
        stile_clock_random(world.clock, noise, sizeof noise);
        stile_connection_receive_signal(world.a->connection, noise, i % sizeof noise);
    }
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 2 * SEC));
    world_clear(&world);
}

static gboolean
has_way_to(Side *side, const StileAddress *remote)
{
    const GArray *ways = stile_connection_ways(side->connection);

    for (guint i = 0; i < ways->len; i++)
        if (stile_address_equal(&g_array_index(ways, StileConnectionWay, i).remote, remote))
            return TRUE;
    return FALSE;
}

/* What one side has no longer, the other neither shows nor tries any more, nor lets through. */
static void
test_address_gone(void)
{
    StileCandidate extra = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_STATIC,
        .address = sim_address("203.0.113.77:7"),
        .base = sim_address("192.168.1.2:4001"),
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 9),
    };
    World world;

    world_set_up(&world, STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    stile_candidate_set_foundation(&extra);
    stile_gatherer_add(world.a->end.gatherer, &extra);
    g_assert_true(reach(&world, STILE_WAY_DIRECT, 2 * SEC));
    stile_clock_advance(world.clock, 10 * SEC);
    g_assert_true(has_way_to(world.b, &extra.address));
    stile_gatherer_remove(world.a->end.gatherer, &extra);
    stile_clock_advance(world.clock, SEC);
    g_assert_false(has_way_to(world.b, &extra.address));
    g_assert_cmpuint(world.b->n_forgotten, ==, 1);
    stile_connection_probe(world.b->connection);
    stile_clock_advance(world.clock, 60 * SEC);
    g_assert_false(has_way_to(world.b, &extra.address));
    g_assert_true(uses(world.b, STILE_WAY_DIRECT));
    world_clear(&world);
}

/* @data: whether both are in that carrier's network */
static void
test_mapped_inside(gconstpointer data)
{
    gboolean one_carrier = data != NULL;
    StileCandidate mapped = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_PORT_MAPPED,
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 0xffff),
        .address = sim_address("100.64.0.1:40000"),
        .base = sim_address("192.168.1.2:4001"),
    };
    World world;

    world_set_up_behind(&world, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
                        STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, one_carrier);
    stile_candidate_set_foundation(&mapped);
    stile_gatherer_add(world.a->end.gatherer, &mapped);
    stile_clock_advance(world.clock, 5 * SEC);
    g_assert_true(world.a->tells_mapped == one_carrier);
    world_clear(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/connection/ladder", test_ladder);
    g_test_add_func("/connection/hard-both", test_hard_both);
    g_test_add_func("/connection/cut-and-mend", test_cut_and_mend);
    g_test_add_func("/connection/everything-cut", test_everything_cut);
    g_test_add_func("/connection/lost-signals", test_lost_signals);
    g_test_add_func("/connection/comes-to-rest", test_comes_to_rest);
    g_test_add_func("/connection/policy", test_policy);
    g_test_add_func("/connection/bad-signals", test_bad_signals);
    g_test_add_func("/connection/address-gone", test_address_gone);
    g_test_add_data_func("/connection/mapped-inside/one-carrier", "one", test_mapped_inside);
    g_test_add_data_func("/connection/mapped-inside/elsewhere", NULL, test_mapped_inside);
    return g_test_run();
}

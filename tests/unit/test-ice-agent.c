/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes on around a connection: roles are settled, a dead path is noticed and tried again, a
 * better one is taken, what goes is taken back. */
#include "iceworld.h"

#include <string.h>

#define LIMIT (20 * G_USEC_PER_SEC)

static void
test_role_conflict(gconstpointer data)
{
    gboolean controlling = GPOINTER_TO_INT(data);

    for (guint32 seed = 1; seed <= 20; seed++) {
        IceWorld world;

        ice_world_open(&world, seed, controlling, controlling);
        ice_world_connect(&world);
        g_assert_cmpint(stile_ice_agent_controlling(world.a->agent), !=,
                        stile_ice_agent_controlling(world.b->agent));
        ice_world_close(&world);
    }
}

/* What A's requests say of its role, and how often each was said. */
typedef struct {
    IceWorld *world;
    guint n_controlling, n_controlled;
    guint64 first_tie_breaker, last_tie_breaker;
} RoleTap;

static gboolean
watch_roles(gpointer user_data, const StileAddress *source, const StileAddress *destination,
            const guint8 *data, gsize size)
{
    RoleTap *tap = user_data;
    IceWorld *world = tap->world;
    const char *password = stile_ice_agent_password(world->b->agent);
    StileStunMessage message;
    StileStunBuilder builder;

    if (!stile_address_equal(destination, &world->b->end.local) ||
        !stile_stun_message_parse(&message, data, size, NULL) ||
        message.class != STILE_STUN_REQUEST)
        return stile_address_equal(destination, &world->a->end.local);
    if (stile_stun_message_u64(&message, STILE_STUN_ICE_CONTROLLED, &tap->last_tie_breaker)) {
        tap->n_controlled++;
        return FALSE;
    }
    g_assert_true(
        stile_stun_message_u64(&message, STILE_STUN_ICE_CONTROLLING, &tap->first_tie_breaker));
    tap->n_controlling++;
    stile_stun_builder_init(&builder, STILE_STUN_ERROR, STILE_STUN_BINDING, message.id);
    stile_stun_builder_error(&builder, 487, "Role Conflict");
    stile_stun_builder_integrity(&builder, password, strlen(password));
    size = stile_stun_builder_finish(&builder);
    sim_net_inject(world->net, destination, source, builder.data, size);
    return FALSE;
}

static void
test_refused_role(void)
{
    RoleTap tap = {0};
    IceWorld world;

    /* B refuses A's role: A takes the other and asks again, as somebody new. */
    ice_world_open(&world, 1, TRUE, FALSE);
    tap.world = &world;
    sim_net_set_tap(world.net, watch_roles, &tap);
    world.a->other = world.b;
    world.b->other = world.a;
    ice_peer_signal_all(world.b);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(tap.n_controlling, ==, 1);
    g_assert_cmpuint(tap.n_controlled, >, 0);
    g_assert_cmpuint(tap.first_tie_breaker, !=, tap.last_tie_breaker);
    g_assert_false(stile_ice_agent_controlling(world.a->agent));
    ice_world_close(&world);
}

static void
test_early_request_is_kept(void)
{
    IceWorld world;

    /* B's check comes before A knows B's credentials; when A does, nothing comes any more. */
    ice_world_open(&world, 1, TRUE, FALSE);
    world.a->other = world.b;
    world.b->other = world.a;
    ice_peer_signal_all(world.a);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 0);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    stile_ice_agent_set_remote_credentials(world.a->agent, stile_ice_agent_ufrag(world.b->agent),
                                           stile_ice_agent_password(world.b->agent));
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 1);
    g_assert_true(ice_peer_has_pair_to(world.a, "203.0.113.2"));
    ice_world_close(&world);
}

static void
test_seen_by_the_relay_first(void)
{
    static const char *const relay = "198.51.100.8";
    StileCandidate host;
    IceWorld world;

    /* B's check reaches A's relay before B's address is signalled, as when the relay still lets B
     * in from the session before: what is signalled then has a direct pair all the same. */
    ice_world_open(&world, 1, TRUE, FALSE);
    sim_end_use_relay(&world.a->end, sim_relay_new(world.net, relay));
    sim_end_permit(&world.a->end, &world.b->end.local);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    world.a->other = world.b;
    world.b->other = world.a;
    host = g_array_index(stile_gatherer_candidates(world.b->end.gatherer), StileCandidate, 0);
    ice_peer_signal_all(world.a);
    stile_ice_agent_set_remote_credentials(world.a->agent, stile_ice_agent_ufrag(world.b->agent),
                                           stile_ice_agent_password(world.b->agent));
    stile_clock_advance(world.clock, LIMIT);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 1);
    g_assert_false(ice_peer_is_direct(world.a));
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", FALSE);
    stile_ice_agent_add_remote(world.a->agent, &host);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 2);
    stile_clock_advance(world.clock, LIMIT);
    g_assert_true(ice_peer_is_direct(world.a));
    ice_world_close(&world);
}

static void
test_restart(void)
{
    g_autofree char *before = NULL;
    IceWorld world;

    ice_world_open(&world, 1, TRUE, FALSE);
    ice_world_connect(&world);
    before = g_strdup(stile_ice_agent_ufrag(world.a->agent));
    stile_ice_agent_restart(world.a->agent);
    g_assert_cmpstr(before, !=, stile_ice_agent_ufrag(world.a->agent));
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 0);
    g_assert_cmpuint(world.a->n_removed, ==, 1);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_null(stile_ice_agent_selected(world.a->agent));
    ice_peer_signal_all(world.a);
    ice_peer_signal_all(world.b);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(world.b->n_removed, ==, 1); /* those with the old credentials */
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    ice_world_close(&world);
}

static void
test_silence_takes_a_second(void)
{
    gint64 cut_at;
    IceWorld world;

    /* However fast the heartbeats are: a path may be gone for a moment. */
    ice_world_open(&world, 1, TRUE, FALSE);
    world.a->heartbeat = 50 * G_TIME_SPAN_MILLISECOND;
    ice_world_connect(&world);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    cut_at = stile_clock_now(world.clock);
    while (ice_peer_state(world.a) == STILE_ICE_PAIR_SUCCEEDED)
        stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
    g_assert_cmpint(stile_clock_now(world.clock) - cut_at, >=, 900 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpint(stile_clock_now(world.clock) - cut_at, <=, 1300 * G_TIME_SPAN_MILLISECOND);
    ice_world_close(&world);
}

static void
test_cut_and_mended(void)
{
    gint64 cut_at, last;
    IceWorld world;

    for (guint32 seed = 1; seed <= 5; seed++) {
        ice_world_open(&world, seed, TRUE, FALSE);
        world.a->heartbeat = world.b->heartbeat = 250 * G_TIME_SPAN_MILLISECOND;
        ice_world_connect(&world);
        stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC + seed * 50000);
        g_assert_cmpfloat(stile_ice_agent_selected(world.a->agent)->loss, ==, 0);
        g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->rtt, ==,
                        20 * G_TIME_SPAN_MILLISECOND);
        sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
        cut_at = stile_clock_now(world.clock);
        while (ice_peer_state(world.a) != STILE_ICE_PAIR_FAILED)
            stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
        last = stile_clock_now(world.clock) - cut_at;
        g_assert_cmpint(last, >=, G_USEC_PER_SEC);
        g_assert_cmpint(last, <, 2 * G_USEC_PER_SEC);
        g_assert_null(stile_ice_agent_selected(world.a->agent));
        /* While it is cut, trying again does not help. */
        stile_ice_agent_retry(world.a->agent);
        stile_clock_advance(world.clock, LIMIT);
        g_assert_cmpint(ice_peer_state(world.a), ==, STILE_ICE_PAIR_FAILED);
        sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", FALSE);
        stile_ice_agent_retry(world.a->agent);
        g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
        ice_world_close(&world);
    }
}

static void
test_slow_first_answer_is_outlived(void)
{
    IceWorld world;

    /* The first answer waited for something that later ones do not; the owner's pace is slow. */
    ice_world_open(&world, 3, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 15 * G_USEC_PER_SEC;
    sim_net_set_delay(world.net, 200 * G_TIME_SPAN_MILLISECOND, 0);
    ice_world_connect(&world);
    g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->rtt, >=,
                    300 * G_TIME_SPAN_MILLISECOND);
    sim_net_set_delay(world.net, 10 * G_TIME_SPAN_MILLISECOND, 0);
    stile_clock_advance(world.clock, 3 * G_USEC_PER_SEC);
    g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->rtt, ==,
                    20 * G_TIME_SPAN_MILLISECOND);
    ice_world_close(&world);
}

static void
test_lossy_path_stays(void)
{
    const StileIcePair *pair;
    IceWorld world;

    ice_world_open(&world, 5, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 500 * G_TIME_SPAN_MILLISECOND;
    ice_world_connect(&world);
    sim_net_set_loss(world.net, 0.1);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_nonnull(pair = stile_ice_agent_selected(world.a->agent));
    g_assert_cmpfloat(pair->loss, >, 0);
    g_assert_cmpfloat(pair->loss, <, 0.6);
    ice_world_close(&world);
}

static void
test_no_heartbeat_no_traffic(void)
{
    guint64 sent;
    IceWorld world;

    ice_world_open(&world, 5, TRUE, FALSE);
    ice_world_connect(&world);
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    sent = sim_net_sent(world.net);
    stile_clock_advance(world.clock, G_TIME_SPAN_HOUR);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent);
    ice_world_close(&world);
}

static void
test_nat_reboot(void)
{
    StileClock *clock = stile_clock_new_virtual(0, 2);
    SimNet *net = sim_net_new(clock, 2);
    SimNat *nat = sim_nat_new(net, NULL, "203.0.113.1", STILE_NAT_ENDPOINT_INDEPENDENT,
                              STILE_NAT_ADDRESS_AND_PORT_DEPENDENT);
    IcePeer *a = ice_peer_new(clock, net, nat, "192.168.1.2:50000", TRUE);
    IcePeer *b = ice_peer_new(clock, net, NULL, "203.0.113.2:50000", FALSE);
    StileAddress before;

    a->heartbeat = b->heartbeat = G_USEC_PER_SEC;
    sim_end_gather(&a->end, NULL);
    sim_end_gather(&b->end, NULL);
    ice_peer_introduce(a, b);
    g_assert_true(ice_peers_connect(a, b, LIMIT));
    before = stile_ice_agent_selected(a->agent)->local.address;
    sim_nat_forget(nat);
    stile_clock_advance(clock, 30 * G_USEC_PER_SEC);
    /* B learned the new mapping from A's heartbeats, A from B's answers. */
    g_assert_true(ice_peers_connect(a, b, 0));
    g_assert_false(
        stile_address_equal(&before, &stile_ice_agent_selected(a->agent)->local.address));
    g_assert_true(stile_address_equal(&stile_ice_agent_selected(a->agent)->local.address,
                                      &stile_ice_agent_selected(b->agent)->remote.address));
    ice_peer_free(a);
    ice_peer_free(b);
    sim_net_free(net);
    stile_clock_unref(clock);
}

static void
test_upgrade_and_downgrade(void)
{
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 250 * G_TIME_SPAN_MILLISECOND;
    sim_end_use_relay(&world.a->end, sim_relay_new(world.net, "198.51.100.8"));
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    ice_world_connect(&world);
    stile_clock_advance(world.clock, LIMIT);
    g_assert_false(ice_peer_is_direct(world.a));
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", FALSE);
    stile_ice_agent_retry(world.a->agent);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_true(ice_peer_is_direct(world.a));
    g_assert_true(ice_peer_is_direct(world.b));
    /* And away again when it dies: the relayed pair was kept alive. */
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    stile_clock_advance(world.clock, 2 * G_USEC_PER_SEC);
    g_assert_nonnull(stile_ice_agent_selected(world.a->agent));
    g_assert_false(ice_peer_is_direct(world.a));
    g_assert_nonnull(stile_ice_agent_selected(world.b->agent));
    g_assert_false(ice_peer_is_direct(world.b));
    ice_world_close(&world);
}

static void
test_local_goes(void)
{
    StileCandidate host, mapped;
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
    ice_world_connect(&world);
    host = g_array_index(stile_gatherer_candidates(world.a->end.gatherer), StileCandidate, 0);
    mapped = host;
    mapped.type = STILE_CANDIDATE_SERVER_REFLEXIVE;
    mapped.address = sim_address("192.0.2.9:999");
    stile_ice_agent_add_local(world.a->agent, &mapped);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 1); /* the same base, so the same pair */
    stile_ice_agent_remove_local(world.a->agent, &mapped);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 1);
    g_assert_nonnull(stile_ice_agent_selected(world.a->agent));
    stile_ice_agent_remove_local(world.a->agent, &host);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 0);
    g_assert_cmpuint(world.a->n_removed, ==, 1);
    ice_world_close(&world);
}

static void
test_end_of_candidates(void)
{
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_end_of_remote(world.a->agent);
    g_assert_cmpuint(world.a->n_idle, ==, 1);
    ice_world_connect(&world);
    stile_clock_advance(world.clock, LIMIT);
    g_assert_cmpuint(world.a->n_idle, ==, 2);
    g_assert_cmpuint(world.b->n_idle, ==, 0); /* more may come, and one works */
    ice_world_close(&world);
}

static void
test_freed_in_callback(void)
{
    for (guint side = 0; side < 2; side++) {
        IceWorld world;

        ice_world_open(&world, 3, TRUE, FALSE);
        (side ? world.a : world.b)->free_on_success = TRUE;
        ice_peer_introduce(world.a, world.b);
        stile_clock_advance(world.clock, LIMIT);
        g_assert_null((side ? world.a : world.b)->agent);
        ice_world_close(&world);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/ice/agent/both-controlling", GINT_TO_POINTER(TRUE), test_role_conflict);
    g_test_add_data_func("/ice/agent/both-controlled", GINT_TO_POINTER(FALSE), test_role_conflict);
    g_test_add_func("/ice/agent/refused-role", test_refused_role);
    g_test_add_func("/ice/agent/early-request", test_early_request_is_kept);
    g_test_add_func("/ice/agent/seen-by-the-relay-first", test_seen_by_the_relay_first);
    g_test_add_func("/ice/agent/restart", test_restart);
    g_test_add_func("/ice/agent/cut-and-mended", test_cut_and_mended);
    g_test_add_func("/ice/agent/silence-takes-a-second", test_silence_takes_a_second);
    g_test_add_func("/ice/agent/slow-first-answer", test_slow_first_answer_is_outlived);
    g_test_add_func("/ice/agent/lossy", test_lossy_path_stays);
    g_test_add_func("/ice/agent/silence", test_no_heartbeat_no_traffic);
    g_test_add_func("/ice/agent/nat-reboot", test_nat_reboot);
    g_test_add_func("/ice/agent/upgrade-downgrade", test_upgrade_and_downgrade);
    g_test_add_func("/ice/agent/local-goes", test_local_goes);
    g_test_add_func("/ice/agent/end-of-candidates", test_end_of_candidates);
    g_test_add_func("/ice/agent/freed-in-callback", test_freed_in_callback);
    return g_test_run();
}

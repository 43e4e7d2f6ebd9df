/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes on around a connection: roles are settled, forgeries and noise change nothing,
 * strangers get no answer, a dead path is noticed and tried again, a better one is taken, bounds
 * hold. */
#include "icepeer.h"

#include <string.h>

#define LIMIT (20 * G_USEC_PER_SEC)
#define STUN  "198.51.100.1:3478"

/* Two peers on the internet itself, a stranger beside them. */
typedef struct {
    StileClock *clock;
    SimNet *net;
    IcePeer *a, *b;
    SimHost *stranger;
    StileAddress stranger_address;
    guint n_answers; /* that the stranger got */
    guint last_code; /* of the last of them */
} World;

static void
on_stranger_receive(gpointer user_data, const StileAddress *local, const StileAddress *remote,
                    const guint8 *data, gsize size)
{
    World *world = user_data;
    StileStunMessage message;

    if (!stile_stun_message_parse(&message, data, size, NULL) ||
        message.class == STILE_STUN_REQUEST)
        return;
    world->n_answers++;
    world->last_code = stile_stun_message_error(&message, NULL);
}

static void
world_open(World *world, guint32 seed, gboolean a_controls, gboolean b_controls)
{
    memset(world, 0, sizeof *world);
    world->clock = stile_clock_new_virtual(G_USEC_PER_SEC, seed);
    world->net = sim_net_new(world->clock, seed);
    sim_stun_new(world->net, "198.51.100.1");
    world->a = ice_peer_new(world->clock, world->net, NULL, "203.0.113.1:50000", a_controls);
    world->b = ice_peer_new(world->clock, world->net, NULL, "203.0.113.2:50000", b_controls);
    world->stranger = sim_host_new(world->net, NULL, "192.0.2.66", on_stranger_receive, world);
    world->stranger_address = sim_address("192.0.2.66:6666");
    sim_end_gather(&world->a->end, NULL);
    sim_end_gather(&world->b->end, NULL);
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
world_connect(World *world)
{
    ice_peer_introduce(world->a, world->b);
    g_assert_true(ice_peers_connect(world->a, world->b, LIMIT));
}

/* The state of the only pair. */
static StileIcePairState
state_of(IcePeer *peer)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);

    g_assert_cmpuint(pairs->len, ==, 1);
    return ((const StileIcePair *)g_ptr_array_index(pairs, 0))->state;
}

static guint
n_pairs(IcePeer *peer)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);

    return pairs->len;
}

static gboolean
has_pair_to(IcePeer *peer, const char *ip)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);
    StileAddress address = sim_address(ip);

    for (guint i = 0; i < pairs->len; i++) {
        const StileIcePair *pair = g_ptr_array_index(pairs, i);

        if (stile_address_equal_ip(&pair->remote.address, &address))
            return TRUE;
    }
    return FALSE;
}

static void
test_role_conflict(gconstpointer data)
{
    gboolean controlling = GPOINTER_TO_INT(data);

    for (guint32 seed = 1; seed <= 20; seed++) {
        World world;

        world_open(&world, seed, controlling, controlling);
        world_connect(&world);
        g_assert_cmpint(stile_ice_agent_controlling(world.a->agent), !=,
                        stile_ice_agent_controlling(world.b->agent));
        world_close(&world);
    }
}

static void
test_restart(void)
{
    g_autofree char *before = NULL;
    World world;

    world_open(&world, 1, TRUE, FALSE);
    world_connect(&world);
    before = g_strdup(stile_ice_agent_ufrag(world.a->agent));
    stile_ice_agent_restart(world.a->agent);
    g_assert_cmpstr(before, !=, stile_ice_agent_ufrag(world.a->agent));
    g_assert_cmpuint(n_pairs(world.a), ==, 0);
    g_assert_cmpuint(world.a->n_removed, ==, 1);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_null(stile_ice_agent_selected(world.a->agent));
    ice_peer_signal_all(world.a);
    ice_peer_signal_all(world.b);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(world.b->n_removed, ==, 1); /* those with the old credentials */
    g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
    world_close(&world);
}

static gsize
make_request(World *world, StileStunBuilder *builder, const char *ufrag, const char *password,
             gboolean unknown)
{
    g_autofree char *username = g_strconcat(ufrag, ":stranger", NULL);
    guint8 id[STILE_STUN_ID_SIZE];

    stile_clock_random(world->clock, id, sizeof id);
    stile_stun_builder_init(builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_string(builder, STILE_STUN_USERNAME, username);
    stile_stun_builder_u32(builder, STILE_STUN_PRIORITY, 1);
    if (unknown)
        stile_stun_builder_u32(builder, (StileStunAttribute)0x7123, 1);
    stile_stun_builder_u64(builder, STILE_STUN_ICE_CONTROLLING, 0);
    if (password)
        stile_stun_builder_integrity(builder, password, strlen(password));
    stile_stun_builder_fingerprint(builder);
    return stile_stun_builder_finish(builder);
}

static guint
answers_to(World *world, const char *ufrag, const char *password, gboolean unknown)
{
    StileStunBuilder builder;
    gsize size = make_request(world, &builder, ufrag, password, unknown);

    world->n_answers = 0;
    sim_host_send(world->stranger, &world->stranger_address, &world->a->end.local, builder.data,
                  size);
    stile_clock_advance(world->clock, G_USEC_PER_SEC);
    return world->n_answers;
}

static void
test_strangers_get_no_answer(void)
{
    World world;
    const char *ufrag;

    world_open(&world, 1, FALSE, TRUE);
    world_connect(&world);
    ufrag = stile_ice_agent_ufrag(world.a->agent);
    g_assert_cmpuint(answers_to(&world, ufrag, NULL, FALSE), ==, 0);
    g_assert_cmpuint(answers_to(&world, ufrag, "", FALSE), ==, 0);
    g_assert_cmpuint(answers_to(&world, ufrag, "wrong", FALSE), ==, 0);
    g_assert_cmpuint(answers_to(&world, ufrag, "wrong", TRUE), ==, 0);
    g_assert_cmpuint(answers_to(&world, "wrong", stile_ice_agent_password(world.a->agent), FALSE),
                     ==, 0);
    g_assert_cmpuint(n_pairs(world.a), ==, 1);
    /* Who knows the password is answered, from any address. */
    g_assert_cmpuint(answers_to(&world, ufrag, stile_ice_agent_password(world.a->agent), FALSE), ==,
                     1);
    g_assert_cmpuint(world.last_code, ==, 0);
    g_assert_cmpuint(answers_to(&world, ufrag, stile_ice_agent_password(world.a->agent), TRUE), ==,
                     1);
    g_assert_cmpuint(world.last_code, ==, 420);
    g_assert_cmpuint(n_pairs(world.a), ==, 1); /* not of this session: nothing learned */
    world_close(&world);
}

/* Keeps requests from B, and B from A, and answers in its place. */
typedef struct {
    World *world;
    const char *password; /* that the forger signs with */
    const char *source;
    guint n;
} Forger;

static gboolean
forge(gpointer user_data, const StileAddress *source, const StileAddress *destination,
      const guint8 *data, gsize size)
{
    Forger *forger = user_data;
    World *world = forger->world;
    StileAddress from = sim_address(forger->source);
    StileStunMessage message;
    StileStunBuilder builder;

    if (!stile_stun_message_parse(&message, data, size, NULL))
        return TRUE;
    if (message.class != STILE_STUN_REQUEST)
        return TRUE;
    if (stile_address_equal(source, &world->b->end.local)) /* B is not to be heard at all */
        return FALSE;
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, message.id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_MAPPED_ADDRESS, &world->a->end.local);
    if (forger->password)
        stile_stun_builder_integrity(&builder, forger->password, strlen(forger->password));
    stile_stun_builder_fingerprint(&builder);
    size = stile_stun_builder_finish(&builder);
    sim_net_inject(world->net, &from, &world->a->end.local, builder.data, size);
    forger->n++;
    return FALSE;
}

static void
test_forged_responses(void)
{
    World world;

    world_open(&world, 1, TRUE, FALSE);
    for (guint i = 0; i < 4; i++) {
        g_autofree char *password = g_strdup(stile_ice_agent_password(world.b->agent));
        const Forger forgers[] = {
            {&world, NULL, "203.0.113.2:50000", 0},
            {&world, "wrong", "203.0.113.2:50000", 0},
            {&world, password, "203.0.113.2:50001", 0}, /* right, but from elsewhere */
            {&world, password, "203.0.113.2:50000", 0}, /* the forger is B */
        };
        Forger forger = forgers[i];

        stile_ice_agent_restart(world.a->agent);
        sim_net_set_tap(world.net, forge, &forger);
        ice_peer_introduce(world.a, world.b);
        stile_clock_advance(world.clock, LIMIT);
        g_assert_cmpuint(forger.n, >, 0);
        g_assert_cmpint(state_of(world.a), ==,
                        i == 3 ? STILE_ICE_PAIR_SUCCEEDED : STILE_ICE_PAIR_FAILED);
    }
    world_close(&world);
}

/* What A's requests say of its role, and how often each was said. */
typedef struct {
    World *world;
    guint n_controlling, n_controlled;
    guint64 first_tie_breaker, last_tie_breaker;
} RoleTap;

static gboolean
watch_roles(gpointer user_data, const StileAddress *source, const StileAddress *destination,
            const guint8 *data, gsize size)
{
    RoleTap *tap = user_data;
    World *world = tap->world;
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
    World world;

    /* B refuses A's role: A takes the other and asks again, as somebody new. */
    world_open(&world, 1, TRUE, FALSE);
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
    world_close(&world);
}

static void
test_early_request_is_kept(void)
{
    World world;

    /* B's check comes before A knows B's credentials; when A does, nothing comes any more. */
    world_open(&world, 1, TRUE, FALSE);
    world.a->other = world.b;
    world.b->other = world.a;
    ice_peer_signal_all(world.a);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    g_assert_cmpuint(n_pairs(world.a), ==, 0);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    stile_ice_agent_set_remote_credentials(world.a->agent, stile_ice_agent_ufrag(world.b->agent),
                                           stile_ice_agent_password(world.b->agent));
    g_assert_cmpuint(n_pairs(world.a), ==, 1);
    g_assert_true(has_pair_to(world.a, "203.0.113.2"));
    world_close(&world);
}

static void
test_silence_takes_a_second(void)
{
    gint64 cut_at;
    World world;

    /* However fast the heartbeats are: a path may be gone for a moment. */
    world_open(&world, 1, TRUE, FALSE);
    world.a->heartbeat = 50 * G_TIME_SPAN_MILLISECOND;
    world_connect(&world);
    stile_clock_advance(world.clock, G_USEC_PER_SEC);
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    cut_at = stile_clock_now(world.clock);
    while (state_of(world.a) == STILE_ICE_PAIR_SUCCEEDED)
        stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
    g_assert_cmpint(stile_clock_now(world.clock) - cut_at, >=, 900 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpint(stile_clock_now(world.clock) - cut_at, <=, 1300 * G_TIME_SPAN_MILLISECOND);
    world_close(&world);
}

static void
test_cut_and_mended(void)
{
    gint64 cut_at, last;
    World world;

    for (guint32 seed = 1; seed <= 5; seed++) {
        world_open(&world, seed, TRUE, FALSE);
        world.a->heartbeat = world.b->heartbeat = 250 * G_TIME_SPAN_MILLISECOND;
        world_connect(&world);
        stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC + seed * 50000);
        g_assert_cmpfloat(stile_ice_agent_selected(world.a->agent)->loss, ==, 0);
        g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->rtt, ==,
                        20 * G_TIME_SPAN_MILLISECOND);
        sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
        cut_at = stile_clock_now(world.clock);
        while (state_of(world.a) != STILE_ICE_PAIR_FAILED)
            stile_clock_advance(world.clock, G_TIME_SPAN_MILLISECOND);
        last = stile_clock_now(world.clock) - cut_at;
        g_assert_cmpint(last, >=, G_USEC_PER_SEC);
        g_assert_cmpint(last, <, 2 * G_USEC_PER_SEC);
        g_assert_null(stile_ice_agent_selected(world.a->agent));
        /* While it is cut, trying again does not help. */
        stile_ice_agent_retry(world.a->agent);
        stile_clock_advance(world.clock, LIMIT);
        g_assert_cmpint(state_of(world.a), ==, STILE_ICE_PAIR_FAILED);
        sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", FALSE);
        stile_ice_agent_retry(world.a->agent);
        g_assert_true(ice_peers_connect(world.a, world.b, LIMIT));
        world_close(&world);
    }
}

static void
test_slow_first_answer_is_outlived(void)
{
    World world;

    /* The first answer waited for something that later ones do not; the owner's pace is slow. */
    world_open(&world, 3, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 15 * G_USEC_PER_SEC;
    sim_net_set_delay(world.net, 200 * G_TIME_SPAN_MILLISECOND, 0);
    world_connect(&world);
    g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->rtt, >=,
                    300 * G_TIME_SPAN_MILLISECOND);
    sim_net_set_delay(world.net, 10 * G_TIME_SPAN_MILLISECOND, 0);
    stile_clock_advance(world.clock, 3 * G_USEC_PER_SEC);
    g_assert_cmpint(stile_ice_agent_selected(world.a->agent)->rtt, ==,
                    20 * G_TIME_SPAN_MILLISECOND);
    world_close(&world);
}

static void
test_lossy_path_stays(void)
{
    const StileIcePair *pair;
    World world;

    world_open(&world, 5, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 500 * G_TIME_SPAN_MILLISECOND;
    world_connect(&world);
    sim_net_set_loss(world.net, 0.1);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_nonnull(pair = stile_ice_agent_selected(world.a->agent));
    g_assert_cmpfloat(pair->loss, >, 0);
    g_assert_cmpfloat(pair->loss, <, 0.6);
    world_close(&world);
}

static void
test_no_heartbeat_no_traffic(void)
{
    guint64 sent;
    World world;

    world_open(&world, 5, TRUE, FALSE);
    world_connect(&world);
    stile_clock_advance(world.clock, 10 * G_USEC_PER_SEC);
    sent = sim_net_sent(world.net);
    stile_clock_advance(world.clock, G_TIME_SPAN_HOUR);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent);
    world_close(&world);
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
    World world;

    world_open(&world, 3, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 250 * G_TIME_SPAN_MILLISECOND;
    sim_end_use_relay(&world.a->end, sim_relay_new(world.net, "198.51.100.8"));
    sim_net_cut(world.net, "203.0.113.1", "203.0.113.2", TRUE);
    world_connect(&world);
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
    world_close(&world);
}

static StileCandidate
remote_candidate(const char *address)
{
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .address = sim_address(address),
        .base = sim_address(address),
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 9),
    };

    stile_candidate_set_foundation(&candidate);
    return candidate;
}

static void
test_refused_addresses(void)
{
    static const char *const bad[] = {
        "224.0.0.1:5", "255.255.255.255:5", "0.0.0.0:5", "127.0.0.1:5", "169.254.169.254:80",
        "240.0.0.1:5", "192.0.2.1:0",       "[::1]:5",   "[ff02::1]:5", "203.0.113.1:50000",
    };
    guint64 sent;
    World world;

    world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_set_remote_credentials(world.a->agent, "someone", "password");
    sent = sim_net_sent(world.net);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        StileCandidate candidate = remote_candidate(bad[i]);

        stile_ice_agent_add_remote(world.a->agent, &candidate);
    }
    stile_clock_advance(world.clock, LIMIT);
    g_assert_cmpuint(n_pairs(world.a), ==, 0);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent);
    world_close(&world);
}

static void
add_remotes(World *world, const char *ip, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *text = g_strdup_printf("%s:%u", ip, 1000 + i);
        StileCandidate candidate = remote_candidate(text);

        stile_ice_agent_add_remote(world->a->agent, &candidate);
        stile_ice_agent_add_remote(world->a->agent, &candidate);
    }
}

static void
test_bounds(void)
{
    World world;

    world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_set_remote_credentials(world.a->agent, "someone", "password");
    add_remotes(&world, "192.0.2.7", 200);
    g_assert_cmpuint(n_pairs(world.a), ==, 64);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *text = g_strdup_printf("203.0.113.1%u:50000", i);
        StileCandidate local = remote_candidate(text);

        stile_ice_agent_add_local(world.a->agent, &local);
    }
    g_assert_cmpuint(n_pairs(world.a), ==, 100);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.a->n_idle, ==, 1);
    /* Each check is sent at most five times. */
    g_assert_cmpuint(sim_net_sent(world.net), <=, 500);
    /* All have failed: now others have their chance. */
    add_remotes(&world, "192.0.2.8", 200);
    g_assert_cmpuint(n_pairs(world.a), <=, 100);
    g_assert_true(has_pair_to(world.a, "192.0.2.8"));
    world_close(&world);
}

static void
test_worst_make_room(void)
{
    StileCandidate low = remote_candidate("192.0.2.98:1"), high = remote_candidate("192.0.2.99:1");
    World world;

    world_open(&world, 3, TRUE, FALSE);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *text = g_strdup_printf("203.0.113.1%u:50000", i);
        StileCandidate local = remote_candidate(text);

        stile_ice_agent_add_local(world.a->agent, &local);
    }
    add_remotes(&world, "192.0.2.7", 30);
    g_assert_cmpuint(n_pairs(world.a), ==, 100);
    low.priority = 1;
    high.priority = G_MAXINT32;
    stile_ice_agent_add_remote(world.a->agent, &low);
    g_assert_false(has_pair_to(world.a, "192.0.2.98"));
    stile_ice_agent_add_remote(world.a->agent, &high);
    g_assert_true(has_pair_to(world.a, "192.0.2.99"));
    g_assert_cmpuint(n_pairs(world.a), ==, 100);
    world_close(&world);
}

static guint
n_in_state(IcePeer *peer, StileIcePairState state)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(peer->agent);
    guint n = 0;

    for (guint i = 0; i < pairs->len; i++)
        n += ((const StileIcePair *)g_ptr_array_index(pairs, i))->state == state;
    return n;
}

static void
test_paced(void)
{
    guint64 sent;
    World world;

    world_open(&world, 3, TRUE, FALSE);
    for (guint i = 0; i < 60; i++) {
        g_autofree char *text = g_strdup_printf("192.0.2.%u:1000", i + 1);
        StileCandidate candidate = remote_candidate(text);

        stile_ice_agent_add_remote(world.a->agent, &candidate);
    }
    sent = sim_net_sent(world.net);
    stile_ice_agent_set_remote_credentials(world.a->agent, "someone", "password");
    stile_clock_advance(world.clock, 0);
    g_assert_cmpuint(sim_net_sent(world.net) - sent, ==, 1); /* the first at once */
    stile_clock_advance(world.clock, 100 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(sim_net_sent(world.net) - sent, >=, 20);
    g_assert_cmpuint(sim_net_sent(world.net) - sent, <=, 23);
    /* From there on one every 50 ms. */
    stile_clock_advance(world.clock, 500 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(n_in_state(world.a, STILE_ICE_PAIR_IN_PROGRESS), >=, 30);
    g_assert_cmpuint(n_in_state(world.a, STILE_ICE_PAIR_IN_PROGRESS), <=, 34);
    world_close(&world);
}

static void
test_frozen(void)
{
    World world;

    /* Ten addresses of one foundation: one is tried, the rest wait for it. */
    world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_set_remote_credentials(world.a->agent, "someone", "password");
    for (guint i = 0; i < 10; i++) {
        g_autofree char *text = g_strdup_printf("192.0.2.1:%u", 1000 + i);
        StileCandidate candidate = remote_candidate(text);

        stile_ice_agent_add_remote(world.a->agent, &candidate);
    }
    stile_clock_advance(world.clock, 200 * G_TIME_SPAN_MILLISECOND);
    g_assert_cmpuint(n_in_state(world.a, STILE_ICE_PAIR_FROZEN), ==, 9);
    g_assert_cmpuint(n_in_state(world.a, STILE_ICE_PAIR_IN_PROGRESS), ==, 1);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(n_in_state(world.a, STILE_ICE_PAIR_FAILED), ==, 10);
    world_close(&world);
}

static void
test_local_goes(void)
{
    StileCandidate host, mapped;
    World world;

    world_open(&world, 3, TRUE, FALSE);
    world_connect(&world);
    host = g_array_index(stile_gatherer_candidates(world.a->end.gatherer), StileCandidate, 0);
    mapped = host;
    mapped.type = STILE_CANDIDATE_SERVER_REFLEXIVE;
    mapped.address = sim_address("192.0.2.9:999");
    stile_ice_agent_add_local(world.a->agent, &mapped);
    g_assert_cmpuint(n_pairs(world.a), ==, 1); /* the same base, so the same pair */
    stile_ice_agent_remove_local(world.a->agent, &mapped);
    g_assert_cmpuint(n_pairs(world.a), ==, 1);
    g_assert_nonnull(stile_ice_agent_selected(world.a->agent));
    stile_ice_agent_remove_local(world.a->agent, &host);
    g_assert_cmpuint(n_pairs(world.a), ==, 0);
    g_assert_cmpuint(world.a->n_removed, ==, 1);
    world_close(&world);
}

static void
test_end_of_candidates(void)
{
    World world;

    world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_end_of_remote(world.a->agent);
    g_assert_cmpuint(world.a->n_idle, ==, 1);
    world_connect(&world);
    stile_clock_advance(world.clock, LIMIT);
    g_assert_cmpuint(world.a->n_idle, ==, 2);
    g_assert_cmpuint(world.b->n_idle, ==, 0); /* more may come, and one works */
    world_close(&world);
}

static void
test_freed_in_callback(void)
{
    for (guint side = 0; side < 2; side++) {
        World world;

        world_open(&world, 3, TRUE, FALSE);
        (side ? world.a : world.b)->free_on_success = TRUE;
        ice_peer_introduce(world.a, world.b);
        stile_clock_advance(world.clock, LIMIT);
        g_assert_null((side ? world.a : world.b)->agent);
        world_close(&world);
    }
}

/* From the peer itself, or from whoever stole its password: anything, well signed. */
static void
send_nonsense(World *world, GRand *rand)
{
    static const StileStunAttribute types[] = {
        STILE_STUN_PRIORITY,           STILE_STUN_USE_CANDIDATE,      STILE_STUN_ICE_CONTROLLING,
        STILE_STUN_ICE_CONTROLLED,     STILE_STUN_XOR_MAPPED_ADDRESS, STILE_STUN_ERROR_CODE,
        STILE_STUN_UNKNOWN_ATTRIBUTES, STILE_STUN_USERNAME,
    };
    const char *password = stile_ice_agent_password(world->a->agent);
    g_autofree char *username = g_strconcat(
        stile_ice_agent_ufrag(world->a->agent), ":",
        g_rand_boolean(rand) ? stile_ice_agent_ufrag(world->b->agent) : "x", NULL);
    StileAddress source = sim_address(g_rand_boolean(rand) ? "203.0.113.2:50000"
                                                           : "192.0.2.66:6666");
    guint8 noise[40], id[STILE_STUN_ID_SIZE];
    StileStunBuilder builder;
    gsize size;

    source = stile_address_with_port(&source, (guint16)g_rand_int_range(rand, 0, 65536));
    stile_clock_random(world->clock, id, sizeof id);
    stile_clock_random(world->clock, noise, sizeof noise);
    stile_stun_builder_init(&builder, (StileStunClass)g_rand_int_range(rand, 0, 4),
                            STILE_STUN_BINDING, id);
    if (g_rand_int_range(rand, 0, 10) > 0)
        stile_stun_builder_string(&builder, STILE_STUN_USERNAME, username);
    for (gint32 i = g_rand_int_range(rand, 0, 6); i > 0; i--)
        stile_stun_builder_bytes(
            &builder, types[g_rand_int_range(rand, 0, G_N_ELEMENTS(types))], noise,
            g_rand_boolean(rand) ? 4 : (gsize)g_rand_int_range(rand, 0, sizeof noise));
    stile_stun_builder_integrity(&builder, password, strlen(password));
    if (g_rand_boolean(rand))
        stile_stun_builder_fingerprint(&builder);
    size = stile_stun_builder_finish(&builder);
    sim_net_inject(world->net, &source, &world->a->end.local, builder.data, size);
}

static void
test_noise(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    World world;

    world_open(&world, 11, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 250 * G_TIME_SPAN_MILLISECOND;
    world_connect(&world);
    for (guint i = 0; i < 5000; i++) {
        guint8 noise[100];
        gsize size = (gsize)g_rand_int_range(rand, 0, sizeof noise);

        stile_clock_random(world.clock, noise, sizeof noise);
        if (i % 2 && size >= 8) { /* what looks like STUN */
            memset(noise, 0, 4);
            noise[1] = (guint8)g_rand_int_range(rand, 0, 2);
            noise[3] = (guint8)((size & ~3u) - 20);
            memcpy(noise + 4, "\x21\x12\xa4\x42", 4);
            size &= ~3u;
        }
        sim_net_inject(world.net, &world.b->end.local, &world.a->end.local, noise, size);
        send_nonsense(&world, rand);
        stile_clock_advance(world.clock, 5 * G_TIME_SPAN_MILLISECOND);
        g_assert_cmpuint(n_pairs(world.a), <=, 100);
    }
    /* And through all of it the real pair worked. */
    stile_clock_advance(world.clock, LIMIT);
    g_assert_true(ice_peers_connect(world.a, world.b, 0));
    g_assert_true(stile_address_equal(&stile_ice_agent_selected(world.b->agent)->endpoint.remote,
                                      &world.a->end.local));
    world_close(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/ice/agent/both-controlling", GINT_TO_POINTER(TRUE), test_role_conflict);
    g_test_add_data_func("/ice/agent/both-controlled", GINT_TO_POINTER(FALSE), test_role_conflict);
    g_test_add_func("/ice/agent/refused-role", test_refused_role);
    g_test_add_func("/ice/agent/early-request", test_early_request_is_kept);
    g_test_add_func("/ice/agent/restart", test_restart);
    g_test_add_func("/ice/agent/strangers", test_strangers_get_no_answer);
    g_test_add_func("/ice/agent/forged-responses", test_forged_responses);
    g_test_add_func("/ice/agent/cut-and-mended", test_cut_and_mended);
    g_test_add_func("/ice/agent/silence-takes-a-second", test_silence_takes_a_second);
    g_test_add_func("/ice/agent/slow-first-answer", test_slow_first_answer_is_outlived);
    g_test_add_func("/ice/agent/lossy", test_lossy_path_stays);
    g_test_add_func("/ice/agent/silence", test_no_heartbeat_no_traffic);
    g_test_add_func("/ice/agent/nat-reboot", test_nat_reboot);
    g_test_add_func("/ice/agent/upgrade-downgrade", test_upgrade_and_downgrade);
    g_test_add_func("/ice/agent/refused-addresses", test_refused_addresses);
    g_test_add_func("/ice/agent/bounds", test_bounds);
    g_test_add_func("/ice/agent/worst-make-room", test_worst_make_room);
    g_test_add_func("/ice/agent/paced", test_paced);
    g_test_add_func("/ice/agent/frozen", test_frozen);
    g_test_add_func("/ice/agent/local-goes", test_local_goes);
    g_test_add_func("/ice/agent/end-of-candidates", test_end_of_candidates);
    g_test_add_func("/ice/agent/freed-in-callback", test_freed_in_callback);
    g_test_add_func("/ice/agent/noise", test_noise);
    return g_test_run();
}

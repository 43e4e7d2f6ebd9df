/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others do to an agent: forgeries and noise change nothing, strangers get no answer, bounds
 * hold, and nobody can make it send where it should not, or much. */
#include "iceworld.h"

#include <string.h>

#define LIMIT (20 * G_USEC_PER_SEC)

/* Beside the two peers, on the internet itself. */
typedef struct {
    IceWorld *world;
    SimHost *host;
    StileAddress address;
    guint n_answers; /* that it got */
    guint last_code; /* of the last of them */
} Stranger;

static void
on_stranger_receive(gpointer user_data, const StileAddress *local, const StileAddress *remote,
                    const guint8 *data, gsize size)
{
    Stranger *stranger = user_data;
    StileStunMessage message;

    if (!stile_stun_message_parse(&message, data, size, NULL) ||
        message.class == STILE_STUN_REQUEST)
        return;
    stranger->n_answers++;
    stranger->last_code = stile_stun_message_error(&message, NULL);
}

static gsize
make_request(IceWorld *world, StileStunBuilder *builder, const char *ufrag, const char *password,
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
answers_to(Stranger *stranger, const char *ufrag, const char *password, gboolean unknown)
{
    StileStunBuilder builder;
    IceWorld *world = stranger->world;
    gsize size = make_request(world, &builder, ufrag, password, unknown);

    stranger->n_answers = 0;
    sim_host_send(stranger->host, &stranger->address, &world->a->end.local, builder.data, size);
    stile_clock_advance(world->clock, G_USEC_PER_SEC);
    return stranger->n_answers;
}

static void
test_strangers_get_no_answer(void)
{
    IceWorld world;
    Stranger stranger = {.world = &world, .address = sim_address("192.0.2.66:6666")};
    const char *ufrag;

    ice_world_open(&world, 1, FALSE, TRUE);
    stranger.host = sim_host_new(world.net, NULL, "192.0.2.66", on_stranger_receive, &stranger);
    ice_world_connect(&world);
    ufrag = stile_ice_agent_ufrag(world.a->agent);
    g_assert_cmpuint(answers_to(&stranger, ufrag, NULL, FALSE), ==, 0);
    g_assert_cmpuint(answers_to(&stranger, ufrag, "", FALSE), ==, 0);
    g_assert_cmpuint(answers_to(&stranger, ufrag, "wrong", FALSE), ==, 0);
    g_assert_cmpuint(answers_to(&stranger, ufrag, "wrong", TRUE), ==, 0);
    g_assert_cmpuint(
        answers_to(&stranger, "wrong", stile_ice_agent_password(world.a->agent), FALSE), ==, 0);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 1);
    /* Who knows the password is answered, from any address. */
    g_assert_cmpuint(answers_to(&stranger, ufrag, stile_ice_agent_password(world.a->agent), FALSE),
                     ==, 1);
    g_assert_cmpuint(stranger.last_code, ==, 0);
    g_assert_cmpuint(answers_to(&stranger, ufrag, stile_ice_agent_password(world.a->agent), TRUE),
                     ==, 1);
    g_assert_cmpuint(stranger.last_code, ==, 420);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 1); /* not of this session: nothing learned */
    ice_world_close(&world);
}

/* Keeps requests from B, and B from A, and answers in its place. */
typedef struct {
    IceWorld *world;
    const char *password; /* that the forger signs with */
    const char *source;
    guint n;
} Forger;

static gboolean
forge(gpointer user_data, const StileAddress *source, const StileAddress *destination,
      const guint8 *data, gsize size)
{
    Forger *forger = user_data;
    IceWorld *world = forger->world;
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
    IceWorld world;

    ice_world_open(&world, 1, TRUE, FALSE);
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
        g_assert_cmpint(ice_peer_state(world.a), ==,
                        i == 3 ? STILE_ICE_PAIR_SUCCEEDED : STILE_ICE_PAIR_FAILED);
    }
    ice_world_close(&world);
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
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_set_remote_credentials(world.a->agent, "someone", "password");
    sent = sim_net_sent(world.net);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        StileCandidate candidate = remote_candidate(bad[i]);

        stile_ice_agent_add_remote(world.a->agent, &candidate);
    }
    stile_clock_advance(world.clock, LIMIT);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 0);
    g_assert_cmpuint(sim_net_sent(world.net), ==, sent);
    ice_world_close(&world);
}

static void
add_remotes(IceWorld *world, const char *ip, guint n)
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
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
    stile_ice_agent_set_remote_credentials(world.a->agent, "someone", "password");
    add_remotes(&world, "192.0.2.7", 200);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 64);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *text = g_strdup_printf("203.0.113.1%u:50000", i);
        StileCandidate local = remote_candidate(text);

        stile_ice_agent_add_local(world.a->agent, &local);
    }
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 100);
    stile_clock_advance(world.clock, 60 * G_USEC_PER_SEC);
    g_assert_cmpuint(world.a->n_idle, ==, 1);
    /* Each check is sent at most five times. */
    g_assert_cmpuint(sim_net_sent(world.net), <=, 500);
    /* All have failed: now others have their chance. */
    add_remotes(&world, "192.0.2.8", 200);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), <=, 100);
    g_assert_true(ice_peer_has_pair_to(world.a, "192.0.2.8"));
    ice_world_close(&world);
}

static void
test_worst_make_room(void)
{
    StileCandidate low = remote_candidate("192.0.2.98:1"), high = remote_candidate("192.0.2.99:1");
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *text = g_strdup_printf("203.0.113.1%u:50000", i);
        StileCandidate local = remote_candidate(text);

        stile_ice_agent_add_local(world.a->agent, &local);
    }
    add_remotes(&world, "192.0.2.7", 30);
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 100);
    low.priority = 1;
    high.priority = G_MAXINT32;
    stile_ice_agent_add_remote(world.a->agent, &low);
    g_assert_false(ice_peer_has_pair_to(world.a, "192.0.2.98"));
    stile_ice_agent_add_remote(world.a->agent, &high);
    g_assert_true(ice_peer_has_pair_to(world.a, "192.0.2.99"));
    g_assert_cmpuint(ice_peer_n_pairs(world.a), ==, 100);
    ice_world_close(&world);
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
    IceWorld world;

    ice_world_open(&world, 3, TRUE, FALSE);
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
    ice_world_close(&world);
}

static void
test_frozen(void)
{
    IceWorld world;

    /* Ten addresses of one foundation: one is tried, the rest wait for it. */
    ice_world_open(&world, 3, TRUE, FALSE);
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
    ice_world_close(&world);
}

/* From the peer itself, or from whoever stole its password: anything, well signed. */
static void
send_nonsense(IceWorld *world, GRand *rand)
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
    IceWorld world;

    ice_world_open(&world, 11, TRUE, FALSE);
    world.a->heartbeat = world.b->heartbeat = 250 * G_TIME_SPAN_MILLISECOND;
    ice_world_connect(&world);
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
        g_assert_cmpuint(ice_peer_n_pairs(world.a), <=, 100);
    }
    /* And through all of it the real pair worked. */
    stile_clock_advance(world.clock, LIMIT);
    g_assert_true(ice_peers_connect(world.a, world.b, 0));
    g_assert_true(stile_address_equal(&stile_ice_agent_selected(world.b->agent)->endpoint.remote,
                                      &world.a->end.local));
    ice_world_close(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ice/hostile/strangers", test_strangers_get_no_answer);
    g_test_add_func("/ice/hostile/forged-responses", test_forged_responses);
    g_test_add_func("/ice/hostile/refused-addresses", test_refused_addresses);
    g_test_add_func("/ice/hostile/bounds", test_bounds);
    g_test_add_func("/ice/hostile/worst-make-room", test_worst_make_room);
    g_test_add_func("/ice/hostile/paced", test_paced);
    g_test_add_func("/ice/hostile/frozen", test_frozen);
    g_test_add_func("/ice/hostile/noise", test_noise);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The allocation of the TURN client under the virtual clock, against servers that misbehave:
 * challenges and stale nonces for every method, lost and left-over allocations, redirections,
 * refusals, silence. test-turn-peers has permissions and channels, test-turn-coturn the real
 * server. */
#include "turn-world.h"

static void
test_allocate(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_IDLE);
    stile_turn_start(world->turn);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_ALLOCATING);
    stile_turn_start(world->turn);
    turn_pass(world, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    g_assert_cmpuint(server->with_family, ==, 0);
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50001");
    turn_assert_address(stile_turn_mapped(world->turn), "203.0.113.5:40000");
    turn_assert_address(stile_turn_server(world->turn), "192.0.2.1:3478");
    g_assert_cmpint(stile_turn_rtt(world->turn), ==, TURN_DELAY);
    g_assert_cmpint(stile_turn_expires(world->turn) - stile_clock_real(world->clock), >,
                    598 * SECOND);
    g_assert_cmpint(stile_turn_expires(world->turn) - stile_clock_real(world->clock), <=,
                    600 * SECOND);
    /* Ten hours later it is the same allocation. */
    turn_pass(world, 36000);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    g_assert_true(server->allocated_until > stile_clock_now(world->clock));
    g_assert_cmpuint(server->seen[STILE_STUN_REFRESH], >=, 120);
    g_assert_cmpuint(server->seen[STILE_STUN_REFRESH], <=, 130);
}

static void
test_ipv6(TurnWorld *world, gconstpointer data)
{
    StileAddress six = turn_address("[2001:db8::7]:9"), four = turn_address("198.51.100.1:9");

    stile_turn_free(world->turn);
    turn_make(world, AF_INET6, "secret");
    turn_start(world);
    g_assert_cmpuint(world->servers[0].with_family, ==, 1);
    turn_assert_address(stile_turn_relayed(world->turn), "[2001:db8::9]:50001");
    stile_turn_permit(world->turn, &six);
    stile_turn_permit(world->turn, &four);
    turn_pass(world, 1);
    g_assert_true(turn_server_permits(&world->servers[0], &six));
    g_assert_false(turn_server_permits(&world->servers[0], &four));
}

static void
test_short_lifetime(TurnWorld *world, gconstpointer data)
{
    world->servers[0].lifetime = 8;
    turn_start(world);
    for (guint i = 0; i < 100; i++) {
        turn_pass(world, 1);
        g_assert_true(world->servers[0].allocated_until > stile_clock_now(world->clock));
    }
    g_assert_cmpuint(world->servers[0].seen[STILE_STUN_ALLOCATE], ==, 2);
}

static void
test_wrong_password(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    stile_turn_free(world->turn);
    turn_make(world, AF_INET, "wrong");
    stile_turn_start(world->turn);
    turn_pass(world, 0);
    stile_clock_advance(world->clock, SECOND / 2);
    turn_assert_failed(world,
                       "The TURN server 192.0.2.1:3478 refuses the user name or the password: "
                       "Unauthorized (401)");
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    /* Tries again: after 1, 2, 4 … and at last every 60 s, and says it once. */
    turn_pass(world, 1);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 4);
    turn_pass(world, 3600);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], <=, 2 * (8 + 60));
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], >=, 2 * (4 + 59));
    g_assert_cmpuint(world->failures, ==, 1);
    /* The administrator mends it. */
    server->password = "wrong";
    turn_pass(world, 61);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

/* 438 may answer every method, and more than once. */
static void
test_stale_nonce(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];
    StileAddress peers[3] = {turn_peer_number(1), turn_peer_number(2), turn_peer_number(3)};

    turn_start(world);
    server->nonce++;
    stile_turn_bind(world->turn, &peers[0]);
    stile_turn_permit(world->turn, &peers[1]);
    turn_pass(world, 1);
    g_assert_true(turn_server_permits(server, &peers[1]));
    g_assert_cmpuint(turn_server_channel(server, &peers[0]), !=, 0);
    g_assert_cmpuint(server->seen[STILE_STUN_CHANNEL_BIND], ==, 2);
    g_assert_cmpuint(server->seen[STILE_STUN_CREATE_PERMISSION], ==, 2);
    for (guint i = 0; i < 3600; i++) {
        server->nonce += i % 7 == 0;
        turn_pass(world, 1);
        g_assert_true(turn_server_permits(server, &peers[1]));
        g_assert_cmpuint(turn_server_channel(server, &peers[0]), !=, 0);
    }
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    g_assert_cmpuint(world->failures, ==, 0);
    /* Allocate, too. */
    server->nonce++;
    turn_server_forget(server);
    stile_turn_restart(world->turn);
    turn_pass(world, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 4);
}

/* An allocation from an earlier life on the same port is deleted first. */
static void
test_left_over(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    server->allocated = TRUE;
    server->allocated_until = G_MAXINT64;
    stile_turn_start(world->turn);
    turn_pass(world, 3);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50001");
    g_assert_cmpuint(server->seen[STILE_STUN_REFRESH], ==, 1);
}

static void
test_left_over_stays(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    server->allocated = server->keeps_what_is_there = TRUE;
    server->allocated_until = G_MAXINT64;
    stile_turn_start(world->turn);
    stile_clock_advance(world->clock, 5 * SECOND / 2);
    turn_assert_failed(world, "The TURN server 192.0.2.1:3478 still has an allocation for our port "
                              "that is not ours: Allocation Mismatch (437)");
    turn_server_forget(server);
    turn_pass(world, 61);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

/* The server restarted: what we had there is made anew, with the same channel number. */
static void
test_lost(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];
    StileAddress peer = turn_peer_number(1);
    guint16 number;

    turn_start(world);
    stile_turn_bind(world->turn, &peer);
    turn_pass(world, 60);
    number = turn_server_channel(server, &peer);
    g_assert_cmpuint(number, !=, 0);
    turn_server_forget(server);
    turn_pass(world, 300);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50002");
    g_assert_true(turn_server_permits(server, &peer));
    g_assert_cmpuint(turn_server_channel(server, &peer), ==, number);
    g_assert_cmpuint(world->channels, ==, 2);
    g_assert_cmpuint(world->failures, ==, 0);
}

/* A server that forgets at once is not asked again and again without a pause. */
static void
test_lost_at_once(TurnWorld *world, gconstpointer data)
{
    StileAddress peer = turn_peer_number(1);

    turn_start(world);
    turn_server_forget(&world->servers[0]);
    stile_turn_permit(world->turn, &peer);
    stile_clock_advance(world->clock, SECOND / 2);
    turn_assert_failed(world, "The TURN server 192.0.2.1:3478 lost our allocation at once: "
                              "Allocation Mismatch (437)");
    turn_pass(world, 2);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

static void
redirect(TurnServer *server, const char *alternate)
{
    server->refuse = 300;
    server->refuse_words = "Try Alternate";
    server->alternate = turn_address(alternate);
}

static void
test_alternate_server(TurnWorld *world, gconstpointer data)
{
    redirect(&world->servers[0], "192.0.2.2:3478");
    redirect(&world->servers[1], "192.0.2.3:3478");
    redirect(&world->servers[2], "192.0.2.4:3478");
    turn_start(world);
    turn_assert_address(stile_turn_server(world->turn), "192.0.2.4:3478");
    /* When it fails, we begin with the first again. */
    world->servers[3].silent = TRUE;
    world->servers[0].refuse = 0;
    turn_pass(world, 200);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    turn_assert_address(stile_turn_server(world->turn), "192.0.2.1:3478");
}

/* RFC 8489 §6.2.2: over a stream nothing is sent again, and the wait is 39.5 s. */
static void
test_stream(TurnWorld *world, gconstpointer data)
{
    stile_turn_set_stream(world->turn, "turn.example.org:443");
    turn_start(world);
    /* As it is seen over TCP, it means nothing for UDP. */
    turn_assert_address(stile_turn_mapped(world->turn), "");
    stile_turn_restart(world->turn);
    turn_pass(world, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);

    world->servers[0].silent = TRUE;
    world->sent = 0;
    stile_turn_restart(world->turn);
    turn_pass(world, 39);
    g_assert_cmpuint(world->sent, ==, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_ALLOCATING);
    stile_clock_advance(world->clock, SECOND);
    turn_assert_failed(world, "No answer from the TURN server turn.example.org:443");

    world->servers[0].silent = FALSE;
    redirect(&world->servers[0], "192.0.2.2:3478");
    stile_turn_restart(world->turn);
    turn_pass(world, 0);
    stile_clock_advance(world->clock, SECOND / 2);
    turn_assert_failed(world, "The TURN server turn.example.org:443 sends us to 192.0.2.2:3478, "
                              "which is followed over UDP only");
}

static void
test_alternate_refused(TurnWorld *world, gconstpointer data)
{
    static const struct {
        const char *alternate[4];
        const char *error;
    } cases[] = {
        {{"192.0.2.2:3478", "192.0.2.1:3478"},
         "The TURN servers 192.0.2.2:3478 and 192.0.2.1:3478 send us back and forth"},
        {{"192.0.2.1:3478"},
         "The TURN servers 192.0.2.1:3478 and 192.0.2.1:3478 send us back and forth"},
        {{"192.0.2.2:3478", "192.0.2.3:3478", "192.0.2.4:3478", "192.0.2.5:3478"},
         "The TURN server 192.0.2.4:3478 sends us on to 192.0.2.5:3478 after three others did"},
        {{"127.0.0.1:3478"},
         "The TURN server 192.0.2.1:3478 sends us to 127.0.0.1:3478, where we do not go"},
        {{"224.0.0.1:3478"},
         "The TURN server 192.0.2.1:3478 sends us to 224.0.0.1:3478, where we do not go"},
        {{"[2001:db8::1]:3478"},
         "The TURN server 192.0.2.1:3478 sends us to [2001:db8::1]:3478, where we do not go"},
        {{"192.0.2.2:0"},
         "The TURN server 192.0.2.1:3478 sends us to 192.0.2.2:0, where we do not go"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (guint n = 0; n < 4; n++)
            if (cases[i].alternate[n])
                redirect(&world->servers[n], cases[i].alternate[n]);
        stile_turn_restart(world->turn);
        stile_clock_advance(world->clock, SECOND / 2);
        turn_assert_failed(world, cases[i].error);
    }
    /* 300 needs no integrity (RFC 8489 §10). */
    world->servers[0].refuse_without_integrity = TRUE;
    redirect(&world->servers[0], "192.0.2.2:3478");
    world->servers[1].refuse = 0;
    stile_turn_restart(world->turn);
    stile_clock_advance(world->clock, SECOND / 2);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

static void
test_refused(TurnWorld *world, gconstpointer data)
{
    static const struct {
        guint code;
        const char *words, *error;
    } cases[] = {
        {486, "Allocation Quota Reached",
         "The TURN server 192.0.2.1:3478 grants this user no more allocations: "
         "Allocation Quota Reached (486)"},
        {508, "Cannot create socket",
         "The TURN server 192.0.2.1:3478 has no capacity left: Cannot create socket (508)"},
        {440, "", "The TURN server 192.0.2.1:3478 has no relayed addresses of that family (440)"},
        {403, "Go\naway", "The TURN server 192.0.2.1:3478 refuses: Go away (403)"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        world->servers[0].refuse = cases[i].code;
        world->servers[0].refuse_words = cases[i].words;
        stile_turn_restart(world->turn);
        stile_clock_advance(world->clock, SECOND / 2);
        turn_assert_failed(world, cases[i].error);
    }
    world->servers[0].refuse = 0;
    turn_pass(world, 2);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

static void
test_silence(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    server->silent = TRUE;
    stile_turn_start(world->turn);
    turn_pass(world, 39);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_ALLOCATING);
    turn_pass(world, 1);
    turn_assert_failed(world, "No answer from the TURN server 192.0.2.1:3478");
    turn_pass(world, 1000);
    g_assert_cmpuint(world->failures, ==, 1);
    server->silent = FALSE;
    turn_pass(world, 100);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

/* Found dead long before its allocation ends. */
static void
test_gone(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    turn_start(world);
    turn_pass(world, 400);
    server->silent = TRUE;
    turn_pass(world, 70);
    turn_assert_failed(world, "No answer from the TURN server 192.0.2.1:3478");
    server->silent = FALSE;
    turn_pass(world, 60);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    /* It was only out of sight. */
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50001");
}

static void
test_no_binding(TurnWorld *world, gconstpointer data)
{
    world->servers[0].no_binding = TRUE;
    turn_start(world);
    turn_pass(world, 3600);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(world->failures, ==, 0);
    g_assert_cmpuint(world->servers[0].seen[STILE_STUN_ALLOCATE], ==, 2);
}

/* The NAT gave us another port: the server does not know us any more. */
static void
test_remapped(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    turn_start(world);
    turn_pass(world, 100);
    server->mapped = turn_address("203.0.113.5:40001");
    turn_server_forget(server);
    turn_pass(world, 25);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    turn_assert_address(stile_turn_mapped(world->turn), "203.0.113.5:40001");
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50002");
}

static void
test_restart(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];
    StileAddress peer = turn_peer_number(1);
    guint16 number;

    turn_start(world);
    stile_turn_bind(world->turn, &peer);
    turn_pass(world, 1);
    number = turn_server_channel(server, &peer);

    /* To the server we are the same: all is as before. */
    stile_turn_restart(world->turn);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_ALLOCATING);
    g_assert_cmpuint(stile_turn_bind(world->turn, &peer), ==, 0);
    turn_pass(world, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50001");
    turn_assert_address(stile_turn_mapped(world->turn), "203.0.113.5:40000");
    g_assert_cmpuint(stile_turn_bind(world->turn, &peer), ==, number);

    /* To the server we are somebody else. */
    turn_server_forget(server);
    stile_turn_restart(world->turn);
    turn_pass(world, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
    turn_assert_address(stile_turn_relayed(world->turn), "192.0.2.9:50002");
    g_assert_true(turn_server_permits(server, &peer));
    g_assert_cmpuint(stile_turn_bind(world->turn, &peer), ==, turn_server_channel(server, &peer));
}

/* Many at once, in few requests; none lapses within hours; one that is forbidden spoils no other.
 */
static void
test_free(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];
    StileAddress peer = turn_peer_number(1);

    turn_start(world);
    stile_turn_bind(world->turn, &peer);
    stile_clock_advance(world->clock, 1);
    g_clear_pointer(&world->turn, stile_turn_free);
    g_assert_false(server->allocated);
    turn_pass(world, 1000);

    /* While it asks; and from within its callback, of success and of failure. */
    turn_make(world, AF_INET, "secret");
    stile_turn_start(world->turn);
    g_clear_pointer(&world->turn, stile_turn_free);
    turn_pass(world, 1000);
    world->free_in_changed = TRUE;
    turn_make(world, AF_INET, "secret");
    stile_turn_start(world->turn);
    turn_pass(world, 1000);
    g_assert_null(world->turn);
    turn_make(world, AF_INET, "wrong");
    stile_turn_start(world->turn);
    turn_pass(world, 1000);
    g_assert_null(world->turn);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(TurnWorld *world, gconstpointer data);
    } tests[] = {
        {"/turn/allocate", test_allocate},
        {"/turn/ipv6", test_ipv6},
        {"/turn/short-lifetime", test_short_lifetime},
        {"/turn/wrong-password", test_wrong_password},
        {"/turn/stale-nonce", test_stale_nonce},
        {"/turn/left-over", test_left_over},
        {"/turn/left-over-stays", test_left_over_stays},
        {"/turn/lost", test_lost},
        {"/turn/lost-at-once", test_lost_at_once},
        {"/turn/alternate-server", test_alternate_server},
        {"/turn/stream", test_stream},
        {"/turn/alternate-refused", test_alternate_refused},
        {"/turn/refused", test_refused},
        {"/turn/silence", test_silence},
        {"/turn/gone", test_gone},
        {"/turn/no-binding", test_no_binding},
        {"/turn/remapped", test_remapped},
        {"/turn/restart", test_restart},
        {"/turn/free", test_free},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, TurnWorld, NULL, turn_set_up, tests[i].func, turn_tear_down);
    return g_test_run();
}

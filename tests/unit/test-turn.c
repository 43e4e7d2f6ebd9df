/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TURN client under the virtual clock, against a small server that can be told to misbehave:
 * challenges and stale nonces for every method, lost and left-over allocations, redirections,
 * refusals, silence; permissions and channels never lapse, whatever the hour; channel numbers are
 * not used again too early. test-turn-coturn has the real server. */
#include "stun/channel-data.h"
#include "stun/turn.h"
#include "turn-server.h"

#include <string.h>

#define SECOND  G_USEC_PER_SEC
#define DELAY   (10 * G_TIME_SPAN_MILLISECOND) /* there, and back */
#define SERVERS 6

typedef struct {
    StileEndpoint from;
    GBytes *bytes;
    gint64 at;
} Packet;

typedef struct {
    StileClock *clock;
    StileStunTransactions *transactions;
    StileTurn *turn;
    TurnServer servers[SERVERS];
    GQueue packets;
    StileTimer *delivery;
    guint sent;
    guint changes;
    guint failures; /* changes into FAILED */
    GString *received;
    StileAddress received_from;
    guint channels;
    guint16 channel;
    gboolean free_in_changed;
} Fixture;

static StileAddress
address(const char *text)
{
    StileAddress ret;

    g_assert_true(stile_address_parse(&ret, text, 0, NULL));
    return ret;
}

static StileAddress
peer_number(guint n)
{
    const guint8 ip[4] = {198, 51, 100, (guint8)n};

    return stile_address_from_ip(AF_INET, ip, 7000);
}

static void
packet_free(gpointer pointer)
{
    Packet *packet = pointer;

    g_bytes_unref(packet->bytes);
    g_free(packet);
}

static void
enqueue(Fixture *fixture, const StileAddress *from, GBytes *bytes)
{
    Packet *packet = g_new0(Packet, 1);

    packet->from.kind = STILE_ENDPOINT_UDP;
    packet->from.remote = *from;
    packet->bytes = bytes;
    packet->at = stile_clock_now(fixture->clock) + DELAY;
    g_queue_push_tail(&fixture->packets, packet);
    if (!stile_timer_is_set(fixture->delivery))
        stile_timer_set(fixture->delivery, packet->at);
}

static void
deliver(gpointer user_data)
{
    Fixture *fixture = user_data;
    Packet *packet;

    while ((packet = g_queue_peek_head(&fixture->packets)) &&
           packet->at <= stile_clock_now(fixture->clock)) {
        StileStunMessage message;
        gsize size;
        const guint8 *data = g_bytes_get_data(packet->bytes, &size);

        g_queue_pop_head(&fixture->packets);
        g_assert_true(stile_stun_message_parse(&message, data, size, NULL));
        if (!stile_stun_transactions_receive(fixture->transactions, &message, &packet->from) &&
            fixture->turn)
            stile_turn_receive(fixture->turn, &message, &packet->from);
        packet_free(packet);
    }
    if (packet)
        stile_timer_set(fixture->delivery, packet->at);
}

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    Fixture *fixture = user_data;

    g_assert_cmpint(to->kind, ==, STILE_ENDPOINT_UDP);
    fixture->sent++;
    for (guint i = 0; i < SERVERS; i++)
        if (stile_address_equal(&to->remote, &fixture->servers[i].address)) {
            GBytes *answer = turn_server_receive(&fixture->servers[i], data, size);

            if (answer)
                enqueue(fixture, &to->remote, answer);
        }
}

static void
on_changed(gpointer user_data, StileTurn *turn)
{
    Fixture *fixture = user_data;

    fixture->changes++;
    fixture->failures += stile_turn_state(turn) == STILE_TURN_FAILED;
    g_assert_true((stile_turn_state(turn) == STILE_TURN_FAILED) ==
                  (stile_turn_error(turn) != NULL));
    if (fixture->free_in_changed && stile_turn_state(turn) != STILE_TURN_ALLOCATING)
        g_clear_pointer(&fixture->turn, stile_turn_free);
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    Fixture *fixture = user_data;

    fixture->received_from = *peer;
    g_string_append_len(fixture->received, (const char *)data, (gssize)size);
}

static void
on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    Fixture *fixture = user_data;
    StileAddress bound;

    fixture->channels++;
    fixture->channel = number;
    g_assert_true(stile_turn_channel_peer(turn, number, &bound));
    g_assert_true(stile_address_equal(&bound, peer));
    g_assert_cmpuint(stile_turn_bind(turn, peer), ==, number);
}

static const StileTurnOps ops = {on_changed, on_received, on_channel};

static void
make_turn(Fixture *fixture, int family, const char *password)
{
    fixture->turn = stile_turn_new(fixture->clock, fixture->transactions,
                                   &fixture->servers[0].address, family, "stile", password, &ops,
                                   fixture);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    static const char *const addresses[SERVERS] = {
        "192.0.2.1:3478", "192.0.2.2:3478", "192.0.2.3:3478",
        "192.0.2.4:3478", "192.0.2.5:3478", "127.0.0.1:3478",
    };

    fixture->clock = stile_clock_new_virtual(1000 * SECOND, 7);
    fixture->transactions = stile_stun_transactions_new(fixture->clock, on_send, fixture);
    fixture->delivery = stile_timer_new(fixture->clock, deliver, fixture);
    fixture->received = g_string_new(NULL);
    g_queue_init(&fixture->packets);
    for (guint i = 0; i < SERVERS; i++)
        turn_server_init(&fixture->servers[i], fixture->clock, addresses[i]);
    make_turn(fixture, AF_INET, "secret");
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    stile_turn_free(fixture->turn);
    stile_stun_transactions_free(fixture->transactions);
    stile_timer_free(fixture->delivery);
    g_queue_clear_full(&fixture->packets, packet_free);
    for (guint i = 0; i < SERVERS; i++)
        turn_server_clear(&fixture->servers[i]);
    g_string_free(fixture->received, TRUE);
    stile_clock_unref(fixture->clock);
}

static void
pass(Fixture *fixture, gint64 seconds)
{
    stile_clock_advance(fixture->clock, seconds * SECOND);
}

static void
start(Fixture *fixture)
{
    stile_turn_start(fixture->turn);
    pass(fixture, 1);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

static void
assert_address(StileAddress actual, const char *expected)
{
    g_autofree char *written = stile_address_to_string(&actual);

    g_assert_cmpstr(written, ==, expected);
}

static void
assert_failed(Fixture *fixture, const char *error)
{
    StileAddress relayed = stile_turn_relayed(fixture->turn);

    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_FAILED);
    g_assert_cmpstr(stile_turn_error(fixture->turn), ==, error);
    g_assert_false(stile_address_is_set(&relayed));
    g_assert_cmpint(stile_turn_expires(fixture->turn), ==, 0);
}

static void
test_allocate(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_IDLE);
    stile_turn_start(fixture->turn);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_ALLOCATING);
    stile_turn_start(fixture->turn);
    pass(fixture, 1);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    g_assert_cmpuint(server->with_family, ==, 0);
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50001");
    assert_address(stile_turn_mapped(fixture->turn), "203.0.113.5:40000");
    assert_address(stile_turn_server(fixture->turn), "192.0.2.1:3478");
    g_assert_cmpint(stile_turn_rtt(fixture->turn), ==, DELAY);
    g_assert_cmpint(stile_turn_expires(fixture->turn) - stile_clock_real(fixture->clock), >,
                    598 * SECOND);
    g_assert_cmpint(stile_turn_expires(fixture->turn) - stile_clock_real(fixture->clock), <=,
                    600 * SECOND);
    /* Ten hours later it is the same allocation. */
    pass(fixture, 36000);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    g_assert_true(server->allocated_until > stile_clock_now(fixture->clock));
    g_assert_cmpuint(server->seen[STILE_STUN_REFRESH], >=, 120);
    g_assert_cmpuint(server->seen[STILE_STUN_REFRESH], <=, 130);
}

static void
test_ipv6(Fixture *fixture, gconstpointer data)
{
    StileAddress six = address("[2001:db8::7]:9"), four = address("198.51.100.1:9");

    stile_turn_free(fixture->turn);
    make_turn(fixture, AF_INET6, "secret");
    start(fixture);
    g_assert_cmpuint(fixture->servers[0].with_family, ==, 1);
    assert_address(stile_turn_relayed(fixture->turn), "[2001:db8::9]:50001");
    stile_turn_permit(fixture->turn, &six);
    stile_turn_permit(fixture->turn, &four);
    pass(fixture, 1);
    g_assert_true(turn_server_permits(&fixture->servers[0], &six));
    g_assert_false(turn_server_permits(&fixture->servers[0], &four));
}

static void
test_short_lifetime(Fixture *fixture, gconstpointer data)
{
    fixture->servers[0].lifetime = 8;
    start(fixture);
    for (guint i = 0; i < 100; i++) {
        pass(fixture, 1);
        g_assert_true(fixture->servers[0].allocated_until > stile_clock_now(fixture->clock));
    }
    g_assert_cmpuint(fixture->servers[0].seen[STILE_STUN_ALLOCATE], ==, 2);
}

static void
test_wrong_password(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    stile_turn_free(fixture->turn);
    make_turn(fixture, AF_INET, "wrong");
    stile_turn_start(fixture->turn);
    pass(fixture, 0);
    stile_clock_advance(fixture->clock, SECOND / 2);
    assert_failed(fixture, "The TURN server 192.0.2.1:3478 refuses the user name or the password: "
                           "Unauthorized (401)");
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    /* Tries again: after 1, 2, 4 … and at last every 60 s, and says it once. */
    pass(fixture, 1);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 4);
    pass(fixture, 3600);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], <=, 2 * (8 + 60));
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], >=, 2 * (4 + 59));
    g_assert_cmpuint(fixture->failures, ==, 1);
    /* The administrator mends it. */
    server->password = "wrong";
    pass(fixture, 61);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

/* 438 may answer every method, and more than once. */
static void
test_stale_nonce(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];
    StileAddress peers[3] = {peer_number(1), peer_number(2), peer_number(3)};

    start(fixture);
    server->nonce++;
    stile_turn_bind(fixture->turn, &peers[0]);
    stile_turn_permit(fixture->turn, &peers[1]);
    pass(fixture, 1);
    g_assert_true(turn_server_permits(server, &peers[1]));
    g_assert_cmpuint(turn_server_channel(server, &peers[0]), !=, 0);
    g_assert_cmpuint(server->seen[STILE_STUN_CHANNEL_BIND], ==, 2);
    g_assert_cmpuint(server->seen[STILE_STUN_CREATE_PERMISSION], ==, 2);
    for (guint i = 0; i < 3600; i++) {
        server->nonce += i % 7 == 0;
        pass(fixture, 1);
        g_assert_true(turn_server_permits(server, &peers[1]));
        g_assert_cmpuint(turn_server_channel(server, &peers[0]), !=, 0);
    }
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 2);
    g_assert_cmpuint(fixture->failures, ==, 0);
    /* Allocate, too. */
    server->nonce++;
    turn_server_forget(server);
    stile_turn_restart(fixture->turn);
    pass(fixture, 1);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(server->seen[STILE_STUN_ALLOCATE], ==, 4);
}

/* An allocation from an earlier life on the same port is deleted first. */
static void
test_left_over(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    server->allocated = TRUE;
    server->allocated_until = G_MAXINT64;
    stile_turn_start(fixture->turn);
    pass(fixture, 3);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50001");
    g_assert_cmpuint(server->seen[STILE_STUN_REFRESH], ==, 1);
}

static void
test_left_over_stays(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    server->allocated = server->keeps_what_is_there = TRUE;
    server->allocated_until = G_MAXINT64;
    stile_turn_start(fixture->turn);
    stile_clock_advance(fixture->clock, 5 * SECOND / 2);
    assert_failed(fixture, "The TURN server 192.0.2.1:3478 still has an allocation for our port "
                           "that is not ours: Allocation Mismatch (437)");
    turn_server_forget(server);
    pass(fixture, 61);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

/* The server restarted: what we had there is made anew, with the same channel number. */
static void
test_lost(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];
    StileAddress peer = peer_number(1);
    guint16 number;

    start(fixture);
    stile_turn_bind(fixture->turn, &peer);
    pass(fixture, 60);
    number = turn_server_channel(server, &peer);
    g_assert_cmpuint(number, !=, 0);
    turn_server_forget(server);
    pass(fixture, 300);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50002");
    g_assert_true(turn_server_permits(server, &peer));
    g_assert_cmpuint(turn_server_channel(server, &peer), ==, number);
    g_assert_cmpuint(fixture->channels, ==, 2);
    g_assert_cmpuint(fixture->failures, ==, 0);
}

/* A server that forgets at once is not asked again and again without a pause. */
static void
test_lost_at_once(Fixture *fixture, gconstpointer data)
{
    StileAddress peer = peer_number(1);

    start(fixture);
    turn_server_forget(&fixture->servers[0]);
    stile_turn_permit(fixture->turn, &peer);
    stile_clock_advance(fixture->clock, SECOND / 2);
    assert_failed(fixture, "The TURN server 192.0.2.1:3478 lost our allocation at once: "
                           "Allocation Mismatch (437)");
    pass(fixture, 2);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

static void
redirect(TurnServer *server, const char *alternate)
{
    server->refuse = 300;
    server->refuse_words = "Try Alternate";
    server->alternate = address(alternate);
}

static void
test_alternate_server(Fixture *fixture, gconstpointer data)
{
    redirect(&fixture->servers[0], "192.0.2.2:3478");
    redirect(&fixture->servers[1], "192.0.2.3:3478");
    redirect(&fixture->servers[2], "192.0.2.4:3478");
    start(fixture);
    assert_address(stile_turn_server(fixture->turn), "192.0.2.4:3478");
    /* When it fails, we begin with the first again. */
    fixture->servers[3].silent = TRUE;
    fixture->servers[0].refuse = 0;
    pass(fixture, 200);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    assert_address(stile_turn_server(fixture->turn), "192.0.2.1:3478");
}

static void
test_alternate_refused(Fixture *fixture, gconstpointer data)
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
                redirect(&fixture->servers[n], cases[i].alternate[n]);
        stile_turn_restart(fixture->turn);
        stile_clock_advance(fixture->clock, SECOND / 2);
        assert_failed(fixture, cases[i].error);
    }
    /* 300 needs no integrity (RFC 8489 §10). */
    fixture->servers[0].refuse_without_integrity = TRUE;
    redirect(&fixture->servers[0], "192.0.2.2:3478");
    fixture->servers[1].refuse = 0;
    stile_turn_restart(fixture->turn);
    stile_clock_advance(fixture->clock, SECOND / 2);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

static void
test_refused(Fixture *fixture, gconstpointer data)
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
        fixture->servers[0].refuse = cases[i].code;
        fixture->servers[0].refuse_words = cases[i].words;
        stile_turn_restart(fixture->turn);
        stile_clock_advance(fixture->clock, SECOND / 2);
        assert_failed(fixture, cases[i].error);
    }
    fixture->servers[0].refuse = 0;
    pass(fixture, 2);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

static void
test_silence(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    server->silent = TRUE;
    stile_turn_start(fixture->turn);
    pass(fixture, 39);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_ALLOCATING);
    pass(fixture, 1);
    assert_failed(fixture, "No answer from the TURN server 192.0.2.1:3478");
    pass(fixture, 1000);
    g_assert_cmpuint(fixture->failures, ==, 1);
    server->silent = FALSE;
    pass(fixture, 100);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
}

/* Found dead long before its allocation ends. */
static void
test_gone(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    start(fixture);
    pass(fixture, 400);
    server->silent = TRUE;
    pass(fixture, 70);
    assert_failed(fixture, "No answer from the TURN server 192.0.2.1:3478");
    server->silent = FALSE;
    pass(fixture, 60);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    /* It was only out of sight. */
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50001");
}

static void
test_no_binding(Fixture *fixture, gconstpointer data)
{
    fixture->servers[0].no_binding = TRUE;
    start(fixture);
    pass(fixture, 3600);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    g_assert_cmpuint(fixture->failures, ==, 0);
    g_assert_cmpuint(fixture->servers[0].seen[STILE_STUN_ALLOCATE], ==, 2);
}

/* The NAT gave us another port: the server does not know us any more. */
static void
test_remapped(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    start(fixture);
    pass(fixture, 100);
    server->mapped = address("203.0.113.5:40001");
    turn_server_forget(server);
    pass(fixture, 25);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    assert_address(stile_turn_mapped(fixture->turn), "203.0.113.5:40001");
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50002");
}

static void
test_restart(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];
    StileAddress peer = peer_number(1);
    guint16 number;

    start(fixture);
    stile_turn_bind(fixture->turn, &peer);
    pass(fixture, 1);
    number = turn_server_channel(server, &peer);

    /* To the server we are the same: all is as before. */
    stile_turn_restart(fixture->turn);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_ALLOCATING);
    g_assert_cmpuint(stile_turn_bind(fixture->turn, &peer), ==, 0);
    pass(fixture, 1);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50001");
    assert_address(stile_turn_mapped(fixture->turn), "203.0.113.5:40000");
    g_assert_cmpuint(stile_turn_bind(fixture->turn, &peer), ==, number);

    /* To the server we are somebody else. */
    turn_server_forget(server);
    stile_turn_restart(fixture->turn);
    pass(fixture, 1);
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);
    assert_address(stile_turn_relayed(fixture->turn), "192.0.2.9:50002");
    g_assert_true(turn_server_permits(server, &peer));
    g_assert_cmpuint(stile_turn_bind(fixture->turn, &peer), ==, turn_server_channel(server, &peer));
}

/* Many at once, in few requests; none lapses within hours; one that is forbidden spoils no other.
 */
static void
test_permissions(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];
    const StileAddress never[] = {address("224.0.0.1:1"), address("255.255.255.255:1"),
                                  address("0.0.0.0:1"), address("[2001:db8::1]:1")};
    StileAddress peer;
    guint asked;

    server->forbidden = peer_number(7);
    for (guint i = 0; i < G_N_ELEMENTS(never); i++)
        stile_turn_permit(fixture->turn, &never[i]);
    for (guint i = 20; i < 40; i++) {
        peer = peer_number(i);
        stile_turn_permit(fixture->turn, &peer);
        stile_turn_permit(fixture->turn, &peer);
    }
    start(fixture);
    g_assert_cmpuint(server->seen[STILE_STUN_CREATE_PERMISSION], ==, 2);
    g_assert_cmpuint(server->most_peers, ==, 16);
    g_assert_cmpuint(g_hash_table_size(server->permissions), ==, 20);
    for (guint i = 0; i < 10; i++) {
        peer = peer_number(i);
        stile_turn_permit(fixture->turn, &peer);
    }
    pass(fixture, 1);
    asked = server->seen[STILE_STUN_CREATE_PERMISSION];
    g_assert_cmpuint(asked, ==, 2 + 1 + 10);
    for (guint s = 0; s < 3 * 3600; s += 10) {
        for (guint i = 0; i < 40; i++) {
            peer = peer_number(i);
            g_assert_true(turn_server_permits(server, &peer) == ((i < 10 && i != 7) || i >= 20));
        }
        pass(fixture, 10);
    }
    g_assert_cmpint(stile_turn_state(fixture->turn), ==, STILE_TURN_READY);

    /* Two ports of one address: the permission goes with the last of them. */
    peer = peer_number(30);
    peer = stile_address_with_port(&peer, 7001);
    stile_turn_permit(fixture->turn, &peer);
    stile_turn_forget(fixture->turn, &peer);
    stile_turn_forget(fixture->turn, &peer);
    pass(fixture, 310);
    g_assert_true(turn_server_permits(server, &peer));
    peer = peer_number(30);
    stile_turn_forget(fixture->turn, &peer);
    pass(fixture, 310);
    g_assert_false(turn_server_permits(server, &peer));
}

static void
test_channels(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];
    StileAddress first = peer_number(1), second = peer_number(2), bound;
    guint16 number;

    start(fixture);
    g_assert_cmpuint(stile_turn_bind(fixture->turn, &first), ==, 0);
    pass(fixture, 1);
    number = stile_turn_bind(fixture->turn, &first);
    g_assert_cmpuint(number, >=, STILE_CHANNEL_FIRST);
    g_assert_cmpuint(number, ==, turn_server_channel(server, &first));
    g_assert_cmpuint(fixture->channels, ==, 1);
    for (guint i = 0; i < 7200; i++) {
        pass(fixture, 1);
        g_assert_cmpuint(turn_server_channel(server, &first), ==, number);
        g_assert_true(turn_server_permits(server, &first));
    }
    g_assert_cmpuint(fixture->channels, ==, 1);

    stile_turn_forget(fixture->turn, &first);
    pass(fixture, 601);
    g_assert_cmpuint(turn_server_channel(server, &first), ==, 0);
    g_assert_false(stile_turn_channel_peer(fixture->turn, number, &bound));
    stile_turn_bind(fixture->turn, &second);
    pass(fixture, 1);
    g_assert_cmpuint(turn_server_channel(server, &second), !=, number);
    /* The peer itself may have its number back. */
    stile_turn_bind(fixture->turn, &first);
    pass(fixture, 1);
    g_assert_cmpuint(turn_server_channel(server, &first), ==, number);
    g_assert_cmpuint(server->conflicts, ==, 0);
}

/* More peers than numbers, coming and going for hours: no number is used again too early. */
static void
test_channel_numbers(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];

    start(fixture);
    for (guint round = 0; round < 80; round++) {
        StileAddress peers[100];

        for (guint i = 0; i < G_N_ELEMENTS(peers); i++) {
            const guint8 ip[4] = {10, 0, (guint8)round, (guint8)i};

            peers[i] = stile_address_from_ip(AF_INET, ip, 9);
            stile_turn_bind(fixture->turn, &peers[i]);
        }
        pass(fixture, 1);
        for (guint i = 0; i < G_N_ELEMENTS(peers); i++) {
            g_assert_cmpuint(turn_server_channel(server, &peers[i]), !=, 0);
            stile_turn_forget(fixture->turn, &peers[i]);
        }
        pass(fixture, 40);
    }
    g_assert_cmpuint(server->conflicts, ==, 0);
    g_assert_cmpuint(server->seen[STILE_STUN_CHANNEL_BIND], ==, 8000);
}

static void
indicate(Fixture *fixture, const char *server, const char *peer, const char *text)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {9};
    StileAddress from = address(server), source = address(peer);
    StileStunBuilder builder;

    stile_stun_builder_init(&builder, STILE_STUN_INDICATION, STILE_STUN_DATA, id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_PEER_ADDRESS, &source);
    if (text)
        stile_stun_builder_string(&builder, STILE_STUN_DATA_ATTRIBUTE, text);
    enqueue(fixture, &from, g_bytes_new(builder.data, stile_stun_builder_finish(&builder)));
}

static void
test_data(Fixture *fixture, gconstpointer data)
{
    static const guint8 large[4000] = {0};
    TurnServer *server = &fixture->servers[0];
    StileAddress peer = peer_number(1);

    stile_turn_send(fixture->turn, &peer, (const guint8 *)"early", 5);
    start(fixture);
    g_assert_cmpuint(server->data->len, ==, 0);
    stile_turn_permit(fixture->turn, &peer);
    pass(fixture, 1);
    stile_turn_send(fixture->turn, &peer, (const guint8 *)"one", 3);
    g_assert_cmpuint(server->indications, ==, 1);
    stile_turn_bind(fixture->turn, &peer);
    pass(fixture, 1);
    stile_turn_send(fixture->turn, &peer, (const guint8 *)"two", 3);
    stile_turn_send(fixture->turn, &peer, NULL, 0);
    stile_turn_send(fixture->turn, &peer, large, sizeof large);
    g_assert_cmpuint(server->channel_data, ==, 2);
    g_assert_cmpuint(server->data->len, ==, 3);
    g_assert_cmpmem(g_bytes_get_data(server->data->pdata[1], NULL), 3, "two", 3);

    indicate(fixture, "192.0.2.1:3478", "198.51.100.1:9999", "a"); /* permitted, any port */
    indicate(fixture, "192.0.2.1:3478", "198.51.100.2:7000", "b"); /* not permitted */
    indicate(fixture, "192.0.2.2:3478", "198.51.100.1:7000", "c"); /* not our server */
    indicate(fixture, "192.0.2.1:3479", "198.51.100.1:7000", "d"); /* nor is this */
    indicate(fixture, "192.0.2.1:3478", "198.51.100.1:7000", NULL);
    indicate(fixture, "192.0.2.1:3478", "198.51.100.1:7000", "e");
    pass(fixture, 1);
    g_assert_cmpstr(fixture->received->str, ==, "ae");
    g_assert_true(stile_address_equal(&fixture->received_from, &peer));
}

static void
test_free(Fixture *fixture, gconstpointer data)
{
    TurnServer *server = &fixture->servers[0];
    StileAddress peer = peer_number(1);

    start(fixture);
    stile_turn_bind(fixture->turn, &peer);
    stile_clock_advance(fixture->clock, 1);
    g_clear_pointer(&fixture->turn, stile_turn_free);
    g_assert_false(server->allocated);
    pass(fixture, 1000);

    /* While it asks; and from within its callback, of success and of failure. */
    make_turn(fixture, AF_INET, "secret");
    stile_turn_start(fixture->turn);
    g_clear_pointer(&fixture->turn, stile_turn_free);
    pass(fixture, 1000);
    fixture->free_in_changed = TRUE;
    make_turn(fixture, AF_INET, "secret");
    stile_turn_start(fixture->turn);
    pass(fixture, 1000);
    g_assert_null(fixture->turn);
    make_turn(fixture, AF_INET, "wrong");
    stile_turn_start(fixture->turn);
    pass(fixture, 1000);
    g_assert_null(fixture->turn);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *fixture, gconstpointer data);
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
        {"/turn/alternate-refused", test_alternate_refused},
        {"/turn/refused", test_refused},
        {"/turn/silence", test_silence},
        {"/turn/gone", test_gone},
        {"/turn/no-binding", test_no_binding},
        {"/turn/remapped", test_remapped},
        {"/turn/restart", test_restart},
        {"/turn/permissions", test_permissions},
        {"/turn/channels", test_channels},
        {"/turn/channel-numbers", test_channel_numbers},
        {"/turn/data", test_data},
        {"/turn/free", test_free},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
    return g_test_run();
}

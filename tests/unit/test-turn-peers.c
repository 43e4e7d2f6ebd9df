/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Permissions, channels and data of the TURN client under the virtual clock: they never lapse,
 * whatever the hour, and channel numbers are not used again too early. */
#include "stun/channel-data.h"
#include "turn-world.h"

#include <string.h>

static void
test_permissions(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];
    const StileAddress never[] = {turn_address("224.0.0.1:1"), turn_address("255.255.255.255:1"),
                                  turn_address("0.0.0.0:1"), turn_address("[2001:db8::1]:1")};
    StileAddress peer;
    guint asked;

    server->forbidden = turn_peer_number(7);
    for (guint i = 0; i < G_N_ELEMENTS(never); i++)
        stile_turn_permit(world->turn, &never[i]);
    for (guint i = 20; i < 40; i++) {
        peer = turn_peer_number(i);
        stile_turn_permit(world->turn, &peer);
        stile_turn_permit(world->turn, &peer);
    }
    turn_start(world);
    g_assert_cmpuint(server->seen[STILE_STUN_CREATE_PERMISSION], ==, 2);
    g_assert_cmpuint(server->most_peers, ==, 16);
    g_assert_cmpuint(g_hash_table_size(server->permissions), ==, 20);
    for (guint i = 0; i < 10; i++) {
        peer = turn_peer_number(i);
        stile_turn_permit(world->turn, &peer);
    }
    turn_pass(world, 1);
    asked = server->seen[STILE_STUN_CREATE_PERMISSION];
    g_assert_cmpuint(asked, ==, 2 + 1 + 10);
    for (guint s = 0; s < 3 * 3600; s += 10) {
        for (guint i = 0; i < 40; i++) {
            peer = turn_peer_number(i);
            g_assert_true(turn_server_permits(server, &peer) == ((i < 10 && i != 7) || i >= 20));
        }
        turn_pass(world, 10);
    }
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);

    /* Two ports of one address: the permission goes with the last of them. */
    peer = turn_peer_number(30);
    peer = stile_address_with_port(&peer, 7001);
    stile_turn_permit(world->turn, &peer);
    stile_turn_forget(world->turn, &peer);
    stile_turn_forget(world->turn, &peer);
    turn_pass(world, 310);
    g_assert_true(turn_server_permits(server, &peer));
    peer = turn_peer_number(30);
    stile_turn_forget(world->turn, &peer);
    turn_pass(world, 310);
    g_assert_false(turn_server_permits(server, &peer));
}

static void
test_channels(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];
    StileAddress first = turn_peer_number(1), second = turn_peer_number(2), bound;
    guint16 number;

    turn_start(world);
    g_assert_cmpuint(stile_turn_bind(world->turn, &first), ==, 0);
    turn_pass(world, 1);
    number = stile_turn_bind(world->turn, &first);
    g_assert_cmpuint(number, >=, STILE_CHANNEL_FIRST);
    g_assert_cmpuint(number, ==, turn_server_channel(server, &first));
    g_assert_cmpuint(world->channels, ==, 1);
    for (guint i = 0; i < 7200; i++) {
        turn_pass(world, 1);
        g_assert_cmpuint(turn_server_channel(server, &first), ==, number);
        g_assert_true(turn_server_permits(server, &first));
    }
    g_assert_cmpuint(world->channels, ==, 1);

    stile_turn_forget(world->turn, &first);
    turn_pass(world, 601);
    g_assert_cmpuint(turn_server_channel(server, &first), ==, 0);
    g_assert_false(stile_turn_channel_peer(world->turn, number, &bound));
    stile_turn_bind(world->turn, &second);
    turn_pass(world, 1);
    g_assert_cmpuint(turn_server_channel(server, &second), !=, number);
    /* The peer itself may have its number back. */
    stile_turn_bind(world->turn, &first);
    turn_pass(world, 1);
    g_assert_cmpuint(turn_server_channel(server, &first), ==, number);
    g_assert_cmpuint(server->conflicts, ==, 0);
}

/* More peers than numbers, coming and going for hours: no number is used again too early. */
static void
test_channel_numbers(TurnWorld *world, gconstpointer data)
{
    TurnServer *server = &world->servers[0];

    turn_start(world);
    for (guint round = 0; round < 80; round++) {
        StileAddress peers[100];

        for (guint i = 0; i < G_N_ELEMENTS(peers); i++) {
            const guint8 ip[4] = {10, 0, (guint8)round, (guint8)i};

            peers[i] = stile_address_from_ip(AF_INET, ip, 9);
            stile_turn_bind(world->turn, &peers[i]);
        }
        turn_pass(world, 1);
        for (guint i = 0; i < G_N_ELEMENTS(peers); i++) {
            g_assert_cmpuint(turn_server_channel(server, &peers[i]), !=, 0);
            stile_turn_forget(world->turn, &peers[i]);
        }
        turn_pass(world, 40);
    }
    g_assert_cmpuint(server->conflicts, ==, 0);
    g_assert_cmpuint(server->seen[STILE_STUN_CHANNEL_BIND], ==, 8000);
}

static void
indicate(TurnWorld *world, const char *server, const char *peer, const char *text)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {9};
    StileAddress from = turn_address(server), source = turn_address(peer);
    StileStunBuilder builder;

    stile_stun_builder_init(&builder, STILE_STUN_INDICATION, STILE_STUN_DATA, id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_PEER_ADDRESS, &source);
    if (text)
        stile_stun_builder_string(&builder, STILE_STUN_DATA_ATTRIBUTE, text);
    turn_enqueue(world, &from, g_bytes_new(builder.data, stile_stun_builder_finish(&builder)));
}

static void
test_data(TurnWorld *world, gconstpointer data)
{
    static const guint8 large[4000] = {0};
    TurnServer *server = &world->servers[0];
    StileAddress peer = turn_peer_number(1);

    stile_turn_send(world->turn, &peer, (const guint8 *)"early", 5);
    turn_start(world);
    g_assert_cmpuint(server->data->len, ==, 0);
    stile_turn_permit(world->turn, &peer);
    turn_pass(world, 1);
    stile_turn_send(world->turn, &peer, (const guint8 *)"one", 3);
    g_assert_cmpuint(server->indications, ==, 1);
    stile_turn_bind(world->turn, &peer);
    turn_pass(world, 1);
    stile_turn_send(world->turn, &peer, (const guint8 *)"two", 3);
    stile_turn_send(world->turn, &peer, NULL, 0);
    stile_turn_send(world->turn, &peer, large, sizeof large);
    g_assert_cmpuint(server->channel_data, ==, 2);
    g_assert_cmpuint(server->data->len, ==, 3);
    g_assert_cmpmem(g_bytes_get_data(server->data->pdata[1], NULL), 3, "two", 3);

    indicate(world, "192.0.2.1:3478", "198.51.100.1:9999", "a"); /* permitted, any port */
    indicate(world, "192.0.2.1:3478", "198.51.100.2:7000", "b"); /* not permitted */
    indicate(world, "192.0.2.2:3478", "198.51.100.1:7000", "c"); /* not our server */
    indicate(world, "192.0.2.1:3479", "198.51.100.1:7000", "d"); /* nor is this */
    indicate(world, "192.0.2.1:3478", "198.51.100.1:7000", NULL);
    indicate(world, "192.0.2.1:3478", "198.51.100.1:7000", "e");
    turn_pass(world, 1);
    g_assert_cmpstr(world->received->str, ==, "ae");
    g_assert_true(stile_address_equal(&world->received_from, &peer));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(TurnWorld *world, gconstpointer data);
    } tests[] = {
        {"/turn-peers/permissions", test_permissions},
        {"/turn-peers/channels", test_channels},
        {"/turn-peers/channel-numbers", test_channel_numbers},
        {"/turn-peers/data", test_data},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, TurnWorld, NULL, turn_set_up, tests[i].func, turn_tear_down);
    return g_test_run();
}

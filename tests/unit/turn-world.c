/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "turn-world.h"

typedef struct {
    StileEndpoint from;
    GBytes *bytes;
    gint64 at;
} Packet;

StileAddress
turn_address(const char *text)
{
    StileAddress ret;

    g_assert_true(stile_address_parse(&ret, text, 0, NULL));
    return ret;
}

StileAddress
turn_peer_number(guint n)
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

void
turn_enqueue(TurnWorld *world, const StileAddress *from, GBytes *bytes)
{
    Packet *packet = g_new0(Packet, 1);

    packet->from.kind = STILE_ENDPOINT_UDP;
    packet->from.remote = *from;
    packet->bytes = bytes;
    packet->at = stile_clock_now(world->clock) + TURN_DELAY;
    g_queue_push_tail(&world->packets, packet);
    if (!stile_timer_is_set(world->delivery))
        stile_timer_set(world->delivery, packet->at);
}

static void
deliver(gpointer user_data)
{
    TurnWorld *world = user_data;
    Packet *packet;

    while ((packet = g_queue_peek_head(&world->packets)) &&
           packet->at <= stile_clock_now(world->clock)) {
        StileStunMessage message;
        gsize size;
        const guint8 *data = g_bytes_get_data(packet->bytes, &size);

        g_queue_pop_head(&world->packets);
        g_assert_true(stile_stun_message_parse(&message, data, size, NULL));
        if (!stile_stun_transactions_receive(world->transactions, &message, &packet->from) &&
            world->turn)
            stile_turn_receive(world->turn, &message, &packet->from);
        packet_free(packet);
    }
    if (packet)
        stile_timer_set(world->delivery, packet->at);
}

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    TurnWorld *world = user_data;

    g_assert_cmpint(to->kind, ==, STILE_ENDPOINT_UDP);
    world->sent++;
    for (guint i = 0; i < TURN_SERVERS; i++)
        if (stile_address_equal(&to->remote, &world->servers[i].address)) {
            GBytes *answer = turn_server_receive(&world->servers[i], data, size);

            if (answer)
                turn_enqueue(world, &to->remote, answer);
        }
}

static void
on_changed(gpointer user_data, StileTurn *turn)
{
    TurnWorld *world = user_data;

    world->changes++;
    world->failures += stile_turn_state(turn) == STILE_TURN_FAILED;
    g_assert_true((stile_turn_state(turn) == STILE_TURN_FAILED) ==
                  (stile_turn_error(turn) != NULL));
    if (world->free_in_changed && stile_turn_state(turn) != STILE_TURN_ALLOCATING)
        g_clear_pointer(&world->turn, stile_turn_free);
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    TurnWorld *world = user_data;

    world->received_from = *peer;
    g_string_append_len(world->received, (const char *)data, (gssize)size);
}

static void
on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    TurnWorld *world = user_data;
    StileAddress bound;

    world->channels++;
    world->channel = number;
    g_assert_true(stile_turn_channel_peer(turn, number, &bound));
    g_assert_true(stile_address_equal(&bound, peer));
    g_assert_cmpuint(stile_turn_bind(turn, peer), ==, number);
}

static const StileTurnOps ops = {on_changed, on_received, on_channel};

void
turn_make(TurnWorld *world, int family, const char *password)
{
    world->turn = stile_turn_new(world->clock, world->transactions, &world->servers[0].address,
                                 family, "stile", password, &ops, world);
}

void
turn_set_up(TurnWorld *world, gconstpointer data)
{
    static const char *const addresses[TURN_SERVERS] = {
        "192.0.2.1:3478", "192.0.2.2:3478", "192.0.2.3:3478",
        "192.0.2.4:3478", "192.0.2.5:3478", "127.0.0.1:3478",
    };

    world->clock = stile_clock_new_virtual(1000 * SECOND, 7);
    world->transactions = stile_stun_transactions_new(world->clock, on_send, world);
    world->delivery = stile_timer_new(world->clock, deliver, world);
    world->received = g_string_new(NULL);
    g_queue_init(&world->packets);
    for (guint i = 0; i < TURN_SERVERS; i++)
        turn_server_init(&world->servers[i], world->clock, addresses[i]);
    turn_make(world, AF_INET, "secret");
}

void
turn_tear_down(TurnWorld *world, gconstpointer data)
{
    stile_turn_free(world->turn);
    stile_stun_transactions_free(world->transactions);
    stile_timer_free(world->delivery);
    g_queue_clear_full(&world->packets, packet_free);
    for (guint i = 0; i < TURN_SERVERS; i++)
        turn_server_clear(&world->servers[i]);
    g_string_free(world->received, TRUE);
    stile_clock_unref(world->clock);
}

void
turn_pass(TurnWorld *world, gint64 seconds)
{
    stile_clock_advance(world->clock, seconds * SECOND);
}

void
turn_start(TurnWorld *world)
{
    stile_turn_start(world->turn);
    turn_pass(world, 1);
    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_READY);
}

void
turn_assert_address(StileAddress actual, const char *expected)
{
    g_autofree char *written = stile_address_to_string(&actual);

    g_assert_cmpstr(written, ==, expected);
}

void
turn_assert_failed(TurnWorld *world, const char *error)
{
    StileAddress relayed = stile_turn_relayed(world->turn);

    g_assert_cmpint(stile_turn_state(world->turn), ==, STILE_TURN_FAILED);
    g_assert_cmpstr(stile_turn_error(world->turn), ==, error);
    g_assert_false(stile_address_is_set(&relayed));
    g_assert_cmpint(stile_turn_expires(world->turn), ==, 0);
}

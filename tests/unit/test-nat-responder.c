/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's side of the diagnosis among members: who signs is answered, from where it wants,
 * with no more than it sent and not too often; who does not gets nothing. */
#include "addresses.h"
#include "nat/responder.h"

#include <string.h>

#define SEC ((gint64)1000000)

static const guint8 key[STILE_NAT_KEY_SIZE] = "the network's key for questions";

typedef struct {
    StileClock *clock;
    StileNatResponder *responder;
    StileAddress client, other;
    gboolean has_other, has_second;
    guint n_sent[2], n_asked;
    StileAddress sent_to;
    guint8 last[STILE_STUN_MAX_SIZE];
    gsize last_size;
} World;

static gboolean
on_send(gpointer user_data, StileNatPort port, const StileAddress *local, const StileAddress *to,
        const guint8 *data, gsize size)
{
    World *world = user_data;

    if (port == STILE_NAT_PORT_SECOND && !world->has_second)
        return FALSE;
    world->n_sent[port]++;
    world->sent_to = *to;
    memcpy(world->last, data, size);
    world->last_size = size;
    return TRUE;
}

static gboolean
on_other(gpointer user_data, const StileAddress *to, StileAddress *ret)
{
    World *world = user_data;

    *ret = world->other;
    return world->has_other;
}

static void
on_ask(gpointer user_data, const StileAddress *to, const guint8 id[STILE_STUN_ID_SIZE])
{
    World *world = user_data;

    g_assert_true(stile_address_equal(to, &world->client));
    world->n_asked++;
}

static const StileNatResponderOps ops = {on_send, on_other, on_ask};

static void
world_init(World *world)
{
    memset(world, 0, sizeof *world);
    world->clock = stile_clock_new_virtual(SEC, 1);
    world->responder = stile_nat_responder_new(world->clock, key, &ops, world);
    world->client = address("198.51.100.7:40000");
    world->other = address("203.0.113.9:51820");
    world->has_other = world->has_second = TRUE;
}

static void
world_clear(World *world)
{
    stile_nat_responder_free(world->responder);
    stile_clock_unref(world->clock);
}

static gboolean
hear(World *world, const void *data, gsize size)
{
    StileEndpoint from = {.kind = STILE_ENDPOINT_UDP, .remote = world->client};
    StileStunMessage message;

    g_assert_true(stile_stun_message_parse(&message, data, size, NULL));
    return stile_nat_responder_receive(world->responder, STILE_NAT_PORT_FIRST, &message, &from);
}

static gboolean
ask(World *world, StileNatQuestion question, const char *id)
{
    guint8 padded[STILE_STUN_ID_SIZE] = {0};
    StileStunBuilder builder;
    gsize size;

    memcpy(padded, id, strlen(id));
    question.member = TRUE;
    memcpy(question.key, key, sizeof key);
    size = stile_nat_question_write(&question, padded, &builder);
    g_assert_cmpuint(size, ==, STILE_NAT_MEMBER_REQUEST_SIZE);
    return hear(world, builder.data, size);
}

/* What was sent last is a right answer to @id, and says as what the client was seen. */
static void
assert_answer(World *world, const char *id, gboolean with_other)
{
    guint8 padded[STILE_STUN_ID_SIZE] = {0};
    StileStunMessage message;
    StileAddress seen, other;

    memcpy(padded, id, strlen(id));
    g_assert_cmpuint(world->last_size, <=, STILE_NAT_MEMBER_REQUEST_SIZE);
    g_assert_true(stile_stun_message_parse(&message, world->last, world->last_size, NULL));
    g_assert_cmpint(message.class, ==, STILE_STUN_SUCCESS);
    g_assert_cmpmem(message.id, sizeof message.id, padded, sizeof padded);
    g_assert_true(stile_stun_message_check(&message, key, sizeof key));
    g_assert_true(stile_stun_message_address(&message, STILE_STUN_XOR_MAPPED_ADDRESS, &seen));
    g_assert_true(stile_address_equal(&seen, &world->client));
    g_assert_true(stile_stun_message_address(&message, STILE_STUN_OTHER_ADDRESS, &other) ==
                  with_other);
    if (with_other)
        g_assert_true(stile_address_equal(&other, &world->other));
}

static void
test_answers(void)
{
    World world;

    world_init(&world);
    g_assert_true(ask(&world, (StileNatQuestion){.change_ip = FALSE}, "a"));
    assert_answer(&world, "a", TRUE);
    g_assert_true(stile_address_equal(&world.sent_to, &world.client));
    world.has_other = FALSE;
    g_assert_true(ask(&world, (StileNatQuestion){.change_ip = FALSE}, "b"));
    assert_answer(&world, "b", FALSE);
    world.client = address("[2001:db8::7]:40000");
    world.other = address("[2001:db8::9]:51820");
    world.has_other = TRUE;
    g_assert_true(ask(&world, (StileNatQuestion){.change_ip = FALSE}, "c"));
    assert_answer(&world, "c", TRUE);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 3);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_SECOND], ==, 0);
    world_clear(&world);
}

static void
test_strangers(void)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = "stranger";
    static const guint8 padding[100];
    static const guint8 wrong[STILE_NAT_KEY_SIZE] = "another key";
    StileStunBuilder builder;
    World world;
    gsize size;

    world_init(&world);
    /* Unsigned, however long */
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_bytes(&builder, STILE_STUN_PADDING, padding, sizeof padding);
    size = stile_stun_builder_finish(&builder);
    g_assert_false(hear(&world, builder.data, size));
    /* Signed by somebody else */
    stile_stun_builder_integrity(&builder, wrong, sizeof wrong);
    size = stile_stun_builder_finish(&builder);
    g_assert_false(hear(&world, builder.data, size));
    /* A member's, too short for its answer: taken, and not answered */
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    stile_stun_builder_integrity(&builder, key, sizeof key);
    size = stile_stun_builder_finish(&builder);
    g_assert_true(hear(&world, builder.data, size));
    /* An answer, sent back at us */
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, id);
    stile_stun_builder_bytes(&builder, STILE_STUN_PADDING, padding, sizeof padding);
    stile_stun_builder_integrity(&builder, key, sizeof key);
    size = stile_stun_builder_finish(&builder);
    g_assert_false(hear(&world, builder.data, size));
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST] + world.n_sent[STILE_NAT_PORT_SECOND], ==,
                     0);
    world_clear(&world);
}

static void
test_other_port(void)
{
    const StileNatQuestion question = {.change_port = TRUE};
    World world;

    world_init(&world);
    ask(&world, question, "a");
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_SECOND], ==, 1);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 0);
    assert_answer(&world, "a", TRUE);
    /* It asks again, much later: so that did not come through, and it is told. */
    stile_clock_advance(world.clock, 2 * SEC);
    ask(&world, question, "a");
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    assert_answer(&world, "a", TRUE);
    /* What was never sent was not filtered. */
    world.has_second = FALSE;
    ask(&world, question, "b");
    stile_clock_advance(world.clock, 2 * SEC);
    ask(&world, question, "b");
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    world_clear(&world);
}

static void
test_other_address(void)
{
    const StileNatQuestion question = {.change_ip = TRUE, .change_port = TRUE};
    const guint8 id[STILE_STUN_ID_SIZE] = "a";
    World world;

    world_init(&world);
    ask(&world, question, "a");
    g_assert_cmpuint(world.n_asked, ==, 1);
    stile_clock_advance(world.clock, 2 * SEC);
    ask(&world, question, "a");
    g_assert_cmpuint(world.n_asked, ==, 2);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 0);
    /* Only now the other says that it has. */
    stile_nat_responder_answered(world.responder, id);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    assert_answer(&world, "a", TRUE);
    /* Somebody else with that id gets nothing by it. */
    world.client = address("198.51.100.8:40000");
    ask(&world, question, "a");
    g_assert_cmpuint(world.n_asked, ==, 2);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    /* Nobody to ask */
    world.has_other = FALSE;
    ask(&world, question, "b");
    stile_clock_advance(world.clock, 2 * SEC);
    ask(&world, question, "b");
    g_assert_cmpuint(world.n_asked, ==, 2);
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    /* What is over is forgotten, and what is not known is ignored. */
    stile_clock_advance(world.clock, 60 * SEC);
    stile_nat_responder_answered(world.responder, (const guint8 *)"nobody knows");
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    world_clear(&world);
}

static void
test_response_port(void)
{
    World world;
    StileAddress wanted;

    world_init(&world);
    wanted = stile_address_with_port(&world.client, 50000);
    ask(&world, (StileNatQuestion){.response_port = 50000}, "a");
    g_assert_true(stile_address_equal(&world.sent_to, &wanted));
    assert_answer(&world, "a", TRUE);
    ask(&world, (StileNatQuestion){.response_port = 53}, "b");
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    world_clear(&world);
}

static void
test_stand_in(void)
{
    static const char *const bad[] = {"192.168.1.1:40000", "198.51.100.7:53",
                                      "224.0.0.1:40000",   "127.0.0.1:40000",
                                      "[fe80::1]:40000",   "255.255.255.255:4000"};
    const guint8 id[STILE_STUN_ID_SIZE] = "a";
    World world;

    world_init(&world);
    g_assert_true(stile_nat_responder_stand_in(world.responder, &world.client, id));
    g_assert_true(stile_address_equal(&world.sent_to, &world.client));
    assert_answer(&world, "a", FALSE);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        StileAddress to = address(bad[i]);

        g_assert_false(stile_nat_responder_stand_in(world.responder, &to, id));
    }
    g_assert_cmpuint(world.n_sent[STILE_NAT_PORT_FIRST], ==, 1);
    world_clear(&world);
}

/* A flood gets what a diagnosis needs and no more, whatever is asked for; another source is not
 * the worse for it; and later it may ask again. */
static void
test_limits(void)
{
    const StileNatQuestion questions[] = {{.change_port = FALSE}, {.change_port = TRUE}};
    World world;
    guint total;

    world_init(&world);
    for (guint i = 0; i < 3000; i++)
        g_assert_true(ask(&world, questions[i % 2], "flood"));
    total = world.n_sent[0] + world.n_sent[1];
    g_assert_cmpuint(total, >=, 100);
    g_assert_cmpuint(total, <=, 200);
    for (guint i = 0; i < 3000; i++)
        stile_nat_responder_stand_in(world.responder, &world.client, (const guint8 *)"flooooooood");
    g_assert_cmpuint(world.n_sent[0] + world.n_sent[1], ==, total);
    world.client = address("203.0.113.77:40000");
    g_assert_true(ask(&world, questions[0], "calm"));
    g_assert_cmpuint(world.n_sent[0] + world.n_sent[1], ==, total + 1);
    /* From everywhere at once */
    for (guint i = 0; i < 5000; i++) {
        guint8 ip[4] = {198, 18, (guint8)(i >> 8), (guint8)i};

        world.client = stile_address_from_ip(AF_INET, ip, 40000);
        ask(&world, questions[0], "many");
    }
    g_assert_cmpuint(world.n_sent[0] + world.n_sent[1], <=, 1000);
    stile_clock_advance(world.clock, 60 * SEC);
    total = world.n_sent[0];
    ask(&world, questions[0], "again");
    g_assert_cmpuint(world.n_sent[0], ==, total + 1);
    world_clear(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/responder/answers", test_answers);
    g_test_add_func("/responder/strangers", test_strangers);
    g_test_add_func("/responder/other-port", test_other_port);
    g_test_add_func("/responder/other-address", test_other_address);
    g_test_add_func("/responder/response-port", test_response_port);
    g_test_add_func("/responder/stand-in", test_stand_in);
    g_test_add_func("/responder/limits", test_limits);
    return g_test_run();
}

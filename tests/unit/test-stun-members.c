/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* STUN among members: what each offers is known to the others and forgotten when it goes; where an
 * answer has to come from another address, one member has another one send it, and hears that it
 * did. */
#include "addresses.h"
#include "mesh/stand-in.h"
#include "mesh/stun-members.h"

#include <string.h>

#define SEC ((gint64)1000000)

typedef struct _Node Node;
struct _Node {
    guint8 device[STILE_KEY_SIZE];
    StileStunMembers *members;
    Node *nodes; /* all three */
    guint n_changed, n_sent, n_told;
    StileAddress sent_to;
};

enum {
    FIRST,
    SECOND,
    CLIENT,
    N_NODES,
};

typedef struct {
    StileClock *clock;
    Node nodes[N_NODES];
} World;

static void
on_changed(gpointer user_data)
{
    ((Node *)user_data)->n_changed++;
}

static gboolean
on_send(gpointer user_data, const StileAddress *local, const StileAddress *to, const guint8 *data,
        gsize size)
{
    Node *node = user_data;

    node->n_sent++;
    node->sent_to = *to;
    return TRUE;
}

static void
on_tell(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload, gsize size)
{
    Node *node = user_data;

    node->n_told++;
    for (guint i = 0; i < N_NODES; i++)
        if (memcmp(node->nodes[i].device, device, STILE_KEY_SIZE) == 0)
            g_assert_true(
                stile_stun_members_told(node->nodes[i].members, node->device, payload, size));
}

static const StileStunMembersOps ops = {on_changed, on_send, on_tell};

static void
world_open(World *world)
{
    static const guint8 network_key[STILE_KEY_SIZE] = {7};

    memset(world, 0, sizeof *world);
    world->clock = stile_clock_new_virtual(SEC, 1);
    for (guint i = 0; i < N_NODES; i++) {
        world->nodes[i].device[0] = (guint8)(i + 1);
        world->nodes[i].nodes = world->nodes;
        world->nodes[i].members = stile_stun_members_new(world->clock, network_key, &ops,
                                                         &world->nodes[i]);
    }
}

static void
world_close(World *world)
{
    for (guint i = 0; i < N_NODES; i++)
        stile_stun_members_free(world->nodes[i].members);
    stile_clock_unref(world->clock);
}

/* @text: (nullable): %NULL: nowhere any longer. All others are told. */
static void
offer(World *world, guint who, const char *text, gboolean direct)
{
    Node *node = &world->nodes[who];
    StileAddress where = text ? address(text) : (StileAddress){0};
    const GArray *offers;

    g_assert_true(stile_stun_members_offer(node->members, &where, &direct, text ? 1 : 0));
    g_assert_false(stile_stun_members_offer(node->members, &where, &direct, text ? 1 : 0));
    offers = stile_stun_members_offers(node->members);
    for (guint i = 0; i < N_NODES; i++)
        if (i != who)
            stile_stun_members_learn(world->nodes[i].members, node->device,
                                     (const StileStunOffer *)offers->data, offers->len);
}

static void
test_offers(void)
{
    World world;
    StileStunMembers *client;

    world_open(&world);
    client = world.nodes[CLIENT].members;
    offer(&world, FIRST, "198.51.100.1:1000", TRUE);
    offer(&world, SECOND, "198.51.100.2:2000", FALSE);
    g_assert_cmpuint(world.nodes[CLIENT].n_changed, ==, 2);
    {
        g_autoptr(GArray) servers = stile_stun_members_servers(client);
        const StileNatServer *first = &g_array_index(servers, StileNatServer, 0);
        const StileNatServer *second = &g_array_index(servers, StileNatServer, 1);

        g_assert_cmpuint(servers->len, ==, 2);
        g_assert_true(first->member && second->member);
        g_assert_cmpmem(first->key, sizeof first->key, second->key, sizeof second->key);
        /* Only where there is no NAT before it a second port is of use. */
        g_assert_true(stile_address_equal_ip(&first->second, &first->address));
        g_assert_false(stile_address_equal(&first->second, &first->address));
        g_assert_false(stile_address_is_set(&second->second));
    }
    offer(&world, FIRST, NULL, FALSE);
    stile_stun_members_learn(client, world.nodes[SECOND].device, NULL, 0);
    g_assert_cmpuint(world.nodes[CLIENT].n_changed, ==, 4);
    stile_stun_members_learn(client, world.nodes[SECOND].device, NULL, 0);
    g_assert_cmpuint(world.nodes[CLIENT].n_changed, ==, 4);
    {
        g_autoptr(GArray) servers = stile_stun_members_servers(client);

        g_assert_cmpuint(servers->len, ==, 0);
    }
    world_close(&world);
}

/* The client asks the first node, from @from. Returns: whether that took it for a question */
static gboolean
ask(World *world, const char *from, gboolean change_ip)
{
    g_autoptr(GArray) servers = stile_stun_members_servers(world->nodes[CLIENT].members);
    StileNatQuestion question = stile_nat_question_to(&g_array_index(servers, StileNatServer, 0));
    StileEndpoint endpoint = {.kind = STILE_ENDPOINT_UDP, .remote = address(from)};
    guint8 id[STILE_STUN_ID_SIZE] = "question";
    StileStunBuilder builder;
    StileStunMessage message;
    gsize size;

    question.change_ip = question.change_port = change_ip;
    size = stile_nat_question_write(&question, id, &builder);
    g_assert_true(stile_stun_message_parse(&message, builder.data, size, NULL));
    return stile_stun_members_receive(world->nodes[FIRST].members, &message, &endpoint);
}

static void
test_questions(void)
{
    World world;
    Node *first = &world.nodes[FIRST], *second = &world.nodes[SECOND];
    StileAddress client = address("203.0.113.9:40000");

    world_open(&world);
    offer(&world, FIRST, "198.51.100.1:1000", TRUE);
    g_assert_true(ask(&world, "203.0.113.9:40000", FALSE));
    g_assert_cmpuint(first->n_sent, ==, 1);
    /* Alone it has nobody to stand in for it. */
    g_assert_true(ask(&world, "203.0.113.9:40000", TRUE));
    g_assert_cmpuint(first->n_told, ==, 0);
    offer(&world, SECOND, "198.51.100.2:2000", TRUE);
    stile_clock_advance(world.clock, 20 * SEC);
    g_assert_true(ask(&world, "203.0.113.9:40000", TRUE));
    g_assert_cmpuint(first->n_told, ==, 1);
    g_assert_cmpuint(second->n_sent, ==, 1);
    g_assert_true(stile_address_equal(&second->sent_to, &client));
    g_assert_cmpuint(second->n_told, ==, 1); /* that it was sent */
    g_assert_cmpuint(first->n_sent, ==, 1);
    stile_clock_advance(world.clock, 2 * SEC);
    g_assert_true(ask(&world, "203.0.113.9:40000", TRUE));
    g_assert_cmpuint(first->n_sent, ==, 2);
    g_assert_true(stile_address_equal(&first->sent_to, &client));
    /* The second node itself gets nothing from its own address. */
    g_assert_true(ask(&world, "198.51.100.2:40000", TRUE));
    g_assert_cmpuint(second->n_sent, ==, 1);
    /* Who offers nothing answers nothing. */
    offer(&world, FIRST, NULL, FALSE);
    offer(&world, FIRST, "198.51.100.1:1000", TRUE);
    stile_stun_members_offer(first->members, NULL, NULL, 0);
    g_assert_false(ask(&world, "203.0.113.9:40000", FALSE));
    world_close(&world);
}

/* A member that answers no STUN itself has no reason to have others send. */
static void
test_pretender(void)
{
    World world;
    StileStandIn stand_in = {.kind = STILE_STAND_IN_ASK, .to = address("203.0.113.9:40000")};
    guint8 payload[STILE_STAND_IN_MAX_SIZE];
    gsize size = stile_stand_in_write(&stand_in, payload);

    world_open(&world);
    offer(&world, FIRST, "198.51.100.1:1000", TRUE);
    g_assert_true(stile_stun_members_told(world.nodes[FIRST].members, world.nodes[CLIENT].device,
                                          payload, size));
    g_assert_cmpuint(world.nodes[FIRST].n_sent, ==, 0);
    /* Nor can anybody have a member send that offers nothing. */
    g_assert_true(stile_stun_members_told(world.nodes[CLIENT].members, world.nodes[FIRST].device,
                                          payload, size));
    g_assert_cmpuint(world.nodes[CLIENT].n_sent, ==, 0);
    payload[1] = 1;
    g_assert_false(stile_stun_members_told(world.nodes[FIRST].members, world.nodes[SECOND].device,
                                           payload, size));
    world_close(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stun-members/offers", test_offers);
    g_test_add_func("/stun-members/questions", test_questions);
    g_test_add_func("/stun-members/pretender", test_pretender);
    return g_test_run();
}

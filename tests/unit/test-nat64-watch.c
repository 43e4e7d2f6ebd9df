/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which NAT64 prefix is believed, under a virtual clock: a router's word before the name server's,
 * for as long as it is good; a name server that is away is asked again, one that talks nonsense is
 * not believed. The name server is a GResolver of ours, so what is tested is all but the packets.
 */
#include "io/links.h"
#include "nat/nat64-watch.h"

#include <gio/gio.h>

#define SEC ((gint64)1000000)

/* A name server that says what it is told to. */

typedef struct {
    GResolver parent;
    const char *const *answers; /* NULL: does not answer */
    guint n_asked;
} SaidResolver;
typedef GResolverClass SaidResolverClass;
static GType said_resolver_get_type(void);
G_DEFINE_TYPE(SaidResolver, said_resolver, G_TYPE_RESOLVER)

static void
free_addresses(gpointer list)
{
    g_resolver_free_addresses(list);
}

static void
said_resolver_lookup_async(GResolver *resolver, const char *host, GResolverNameLookupFlags flags,
                           GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data)
{
    SaidResolver *said = (SaidResolver *)resolver;
    g_autoptr(GTask) task = g_task_new(resolver, cancellable, callback, user_data);
    GList *list = NULL;

    g_assert_cmpstr(host, ==, "ipv4only.arpa");
    said->n_asked++;
    for (guint i = 0; said->answers && said->answers[i]; i++)
        list = g_list_append(list, g_inet_address_new_from_string(said->answers[i]));
    if (list)
        g_task_return_pointer(task, list, free_addresses);
    else if (said->answers)
        g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no such name");
    else
        g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE,
                                "no answer");
}

static GList *
said_resolver_lookup_finish(GResolver *resolver, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
said_resolver_class_init(SaidResolverClass *class)
{
    class->lookup_by_name_with_flags_async = said_resolver_lookup_async;
    class->lookup_by_name_with_flags_finish = said_resolver_lookup_finish;
}

static void
said_resolver_init(SaidResolver *said)
{
}

typedef struct {
    StileClock *clock;
    SaidResolver *server;
    GResolver *before;
    StileNat64Watch *watch;
    guint n_changed;
} World;

static void
on_changed(gpointer user_data)
{
    ((World *)user_data)->n_changed++;
}

static void
world_open(World *world, const char *const *answers)
{
    *world = (World){.clock = stile_clock_new_virtual(SEC, 1)};
    world->before = g_resolver_get_default();
    world->server = g_object_new(said_resolver_get_type(), NULL);
    world->server->answers = answers;
    g_resolver_set_default(G_RESOLVER(world->server));
    world->watch = stile_nat64_watch_new(world->clock, on_changed, world);
}

static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
ask(World *world)
{
    stile_nat64_watch_ask(world->watch);
    settle();
}

static void
world_close(World *world)
{
    stile_nat64_watch_free(world->watch);
    settle();
    g_resolver_set_default(world->before);
    g_object_unref(world->before);
    g_object_unref(world->server);
    stile_clock_unref(world->clock);
}

static void
assert_prefix(World *world, const char *expected)
{
    StilePrefix prefix = stile_nat64_watch_prefix(world->watch);
    g_autofree char *text = prefix.length ? stile_prefix_to_string(&prefix) : NULL;

    g_assert_cmpstr(text, ==, expected);
}

static void
advertise(World *world, guint ifindex, const char *router, guint lifetime, const char *prefix)
{
    guint8 option[16] = {38, 2};
    StileAddress from;
    StilePrefix parsed;
    gsize size;

    g_assert_true(stile_prefix_parse(&parsed, prefix, NULL));
    g_assert_true(stile_address_parse(&from, router, 0, NULL));
    option[2] = (guint8)(lifetime >> 8);
    option[3] = (guint8)((lifetime & 0xf8) | (parsed.length == 96 ? 0 : 1));
    memcpy(option + 4, stile_address_ip(&parsed.address, &size), 12);
    stile_nat64_watch_advertised(world->watch, ifindex, &from, option, sizeof option);
}

static void
test_name_server(void)
{
    World world;

    world_open(&world, (const char *const[]){"64:ff9b::c000:aa", "64:ff9b::c000:ab", NULL});
    assert_prefix(&world, NULL);
    g_assert_false(stile_nat64_watch_is_settled(world.watch));
    ask(&world);
    assert_prefix(&world, "64:ff9b::/96");
    g_assert_true(stile_nat64_watch_is_settled(world.watch));
    g_assert_cmpuint(world.n_changed, ==, 1);
    /* Once an hour; the same answer is no news. */
    stile_clock_advance(world.clock, 3700 * SEC);
    settle();
    g_assert_cmpuint(world.server->n_asked, ==, 2);
    g_assert_cmpuint(world.n_changed, ==, 1);
    /* Another network, without NAT64. */
    world.server->answers = (const char *const[]){NULL};
    ask(&world);
    assert_prefix(&world, NULL);
    g_assert_cmpuint(world.n_changed, ==, 2);
    world_close(&world);
}

static void
test_no_answer(void)
{
    World world;

    world_open(&world, NULL);
    ask(&world);
    assert_prefix(&world, NULL);
    g_assert_true(stile_nat64_watch_is_settled(world.watch)); /* nobody waits for it */
    world.server->answers = (const char *const[]){"64:ff9b::c000:aa", NULL};
    stile_clock_advance(world.clock, 5 * SEC);
    settle();
    assert_prefix(&world, "64:ff9b::/96");
    /* Away again: what it said stays. */
    world.server->answers = NULL;
    stile_clock_advance(world.clock, 3700 * SEC);
    settle();
    assert_prefix(&world, "64:ff9b::/96");
    world_close(&world);
}

static void
test_nonsense(void)
{
    static const char *const lies[][4] = {
        {"2001:db8::1", NULL},               /* no IPv4 address of that name in it */
        {"fe80::c000:aa", NULL},             /* on the link */
        {"ff02::c000:aa", NULL},             /* everybody */
        {"::ffff:192.0.0.170", NULL},        /* IPv4 */
        {"2001:db8::c000:aa:0:0", NULL},     /* at a place that RFC 6052 does not have */
        {"2001:db8:c000:aa::c000:aa", NULL}, /* at two */
        {"2001:db8::ff00:0:c000:aa", NULL},  /* over the zero octet */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(lies); i++) {
        World world;

        world_open(&world, lies[i]);
        ask(&world);
        assert_prefix(&world, NULL);
        world_close(&world);
    }
}

static void
test_asked_anew(void)
{
    World world;

    /* The network changes while the answer is on its way: only the newer one counts. */
    world_open(&world, (const char *const[]){"64:ff9b::c000:aa", NULL});
    stile_nat64_watch_ask(world.watch);
    world.server->answers = (const char *const[]){"2001:db8:64::c000:aa", NULL};
    ask(&world);
    assert_prefix(&world, "2001:db8:64::/96");
    g_assert_cmpuint(world.n_changed, ==, 1);
    stile_nat64_watch_ask(world.watch); /* and is freed meanwhile */
    world_close(&world);
}

static void
test_router_first(void)
{
    World world;

    world_open(&world, (const char *const[]){"64:ff9b::c000:aa", NULL});
    advertise(&world, 2, "fe80::1", 600, "2001:db8:64::/96");
    g_assert_true(stile_nat64_watch_is_settled(world.watch));
    assert_prefix(&world, "2001:db8:64::/96");
    ask(&world);
    assert_prefix(&world, "2001:db8:64::/96");
    /* Said again in time, it lives on; its time over, the name server's word counts. */
    stile_clock_advance(world.clock, 500 * SEC);
    advertise(&world, 2, "fe80::1", 600, "2001:db8:64::/96");
    stile_clock_advance(world.clock, 599 * SEC);
    assert_prefix(&world, "2001:db8:64::/96");
    stile_clock_advance(world.clock, 2 * SEC);
    assert_prefix(&world, "64:ff9b::/96");
    world_close(&world);
}

static void
test_withdrawn(void)
{
    World world;
    guint n_changed;

    world_open(&world, (const char *const[]){NULL});
    advertise(&world, 2, "fe80::1", 600, "2001:db8:64::/96");
    advertise(&world, 2, "fe80::2", 600, "2001:db8:65:0::/64");
    assert_prefix(&world, "2001:db8:64::/96"); /* the one that was there first */
    n_changed = world.n_changed;
    advertise(&world, 2, "fe80::2", 0, "2001:db8:64::/96"); /* not this router's to take */
    assert_prefix(&world, "2001:db8:64::/96");
    g_assert_cmpuint(world.n_changed, ==, n_changed);
    advertise(&world, 2, "fe80::1", 0, "2001:db8:64::/96");
    assert_prefix(&world, "2001:db8:65::/64");
    advertise(&world, 2, "fe80::2", 0, "2001:db8:65::/64");
    assert_prefix(&world, NULL);
    /* Whoever is on the link cannot make us remember without end. */
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *prefix = g_strdup_printf("2001:db8:%x::/96", i + 1);

        advertise(&world, 2, "fe80::1", 600, prefix);
    }
    assert_prefix(&world, "2001:db8:1::/96");
    world_close(&world);
}

static void
test_link_gone(void)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));
    StileLocalAddress local = {.ifindex = 2};
    World world;

    world_open(&world, (const char *const[]){NULL});
    g_array_append_val(addresses, local);
    advertise(&world, 2, "fe80::1", 600, "2001:db8:64::/96");
    advertise(&world, 3, "fe80::1", 600, "2001:db8:65::/96");
    stile_nat64_watch_set_links(world.watch, addresses);
    assert_prefix(&world, "2001:db8:64::/96");
    g_array_set_size(addresses, 0);
    stile_nat64_watch_set_links(world.watch, addresses);
    assert_prefix(&world, NULL);
    world_close(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nat64-watch/name-server", test_name_server);
    g_test_add_func("/nat64-watch/no-answer", test_no_answer);
    g_test_add_func("/nat64-watch/nonsense", test_nonsense);
    g_test_add_func("/nat64-watch/asked-anew", test_asked_anew);
    g_test_add_func("/nat64-watch/router-first", test_router_first);
    g_test_add_func("/nat64-watch/withdrawn", test_withdrawn);
    g_test_add_func("/nat64-watch/link-gone", test_link_gone);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/router.h"

#include "portmap/portmap.h"

/* Addresses of one machine: the stable one, and a temporary one that is coming beside one that is
 * going; there are routers that advertise several prefixes. */
#define MAX_PINHOLES 6

struct _StileRouter {
    StileClock *clock;
    StileGatherer *gatherer;
    guint16 port4, port6;
    GPtrArray *openings; /* of Opening */
};

typedef struct {
    StileRouter *router;
    StileAddress gateway;
    StilePortmap *portmap;
    StileCandidate mapped; /* its address is unset: there is none to be told */
} Opening;

static void
forget_candidate(Opening *opening)
{
    if (stile_address_is_set(&opening->mapped.address))
        stile_gatherer_remove(opening->router->gatherer, &opening->mapped);
    opening->mapped.address = (StileAddress){0};
}

static void
on_mapped(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    Opening *opening = user_data;

    forget_candidate(opening);
    if (!external || stile_address_equal(external, &opening->mapped.base))
        return;
    opening->mapped.address = *external;
    stile_candidate_set_foundation(&opening->mapped);
    stile_gatherer_add(opening->router->gatherer, &opening->mapped);
}

static void
opening_free(gpointer pointer)
{
    Opening *opening = pointer;

    stile_portmap_free(opening->portmap);
    g_free(opening);
}

StileRouter *
stile_router_new(StileClock *clock, StileGatherer *gatherer, guint16 port4, guint16 port6)
{
    StileRouter *router = g_new0(StileRouter, 1);

    router->clock = stile_clock_ref(clock);
    router->gatherer = gatherer;
    router->port4 = port4;
    router->port6 = port6;
    router->openings = g_ptr_array_new_with_free_func(opening_free);
    return router;
}

void
stile_router_free(StileRouter *router)
{
    if (!router)
        return;
    g_ptr_array_unref(router->openings);
    stile_clock_unref(router->clock);
    g_free(router);
}

typedef struct {
    StileAddress gateway, internal;
} Wish;

static gboolean
is_wish(const Opening *opening, const Wish *wish)
{
    return stile_address_equal(&opening->gateway, &wish->gateway) &&
           stile_address_equal(&opening->mapped.base, &wish->internal);
}

static void
wish_for(GArray *wishes, const StileAddress *gateway, const StileAddress *address, guint16 port)
{
    Wish wish = {*gateway, stile_address_with_port(address, port)};

    g_array_append_val(wishes, wish);
}

/* Its firewall stands between the internet and the addresses of its own link. */
static void
wish_for_pinholes(StileRouter *router, const StileAddress *gateway, const GArray *addresses,
                  GArray *wishes)
{
    guint ifindex = gateway->in6.sin6_scope_id, n = 0;

    for (guint i = 0; i < addresses->len && n < MAX_PINHOLES; i++) {
        const StileLocalAddress *local = &g_array_index(addresses, StileLocalAddress, i);

        if (stile_address_family(&local->address) != AF_INET6 || local->deprecated ||
            stile_address_scope(&local->address) != STILE_ADDRESS_GLOBAL ||
            (ifindex && local->ifindex != ifindex))
            continue;
        wish_for(wishes, gateway, &local->address, router->port6);
        n++;
    }
}

static GArray *
list_wishes(StileRouter *router, StileLinks *links, const GArray *addresses)
{
    GArray *wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
    StileAddress gateway = stile_links_gateway(links, AF_INET);
    StileAddress source = {0};

    if (router->port4 && stile_address_is_set(&gateway))
        source = stile_links_source_for(&gateway);
    if (stile_address_is_set(&source))
        wish_for(wishes, &gateway, &source, router->port4);
    gateway = stile_links_gateway(links, AF_INET6);
    if (router->port6 && stile_address_is_set(&gateway))
        wish_for_pinholes(router, &gateway, addresses, wishes);
    return wishes;
}

static void
open_one(StileRouter *router, const Wish *wish)
{
    Opening *opening = g_new0(Opening, 1);

    opening->router = router;
    opening->gateway = wish->gateway;
    opening->mapped.type = STILE_CANDIDATE_SERVER_REFLEXIVE;
    opening->mapped.technique = STILE_TECHNIQUE_PORT_MAPPED;
    opening->mapped.base = wish->internal;
    opening->mapped.priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 65535);
    opening->portmap = stile_portmap_new(router->clock, g_main_context_get_thread_default(),
                                         &wish->gateway, &wish->internal, TRUE, on_mapped, opening);
    g_ptr_array_add(router->openings, opening);
}

void
stile_router_ask(StileRouter *router, StileLinks *links, const GArray *addresses, gboolean anew)
{
    g_autoptr(GArray) wishes = list_wishes(router, links, addresses);

    for (guint i = router->openings->len; i-- > 0;) {
        gboolean wanted = FALSE;

        for (guint w = 0; !anew && w < wishes->len && !wanted; w++)
            if (is_wish(router->openings->pdata[i], &g_array_index(wishes, Wish, w))) {
                g_array_remove_index(wishes, w);
                wanted = TRUE;
            }
        if (!wanted) {
            forget_candidate(router->openings->pdata[i]);
            g_ptr_array_remove_index(router->openings, i);
        }
    }
    for (guint w = 0; w < wishes->len; w++)
        open_one(router, &g_array_index(wishes, Wish, w));
}

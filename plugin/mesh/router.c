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
    StileRouterPeerFunc peer_mapped;
    gpointer user_data;
    GPtrArray *openings; /* of Opening */
    GHashTable *remotes; /* StileAddress -> StileCandidate; its address is unset: not known */
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

static StileCandidate
mapped_candidate(const StileAddress *base, const StileAddress *external)
{
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_PORT_MAPPED,
        .base = *base,
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 65535),
    };

    if (external) {
        candidate.address = *external;
        stile_candidate_set_foundation(&candidate);
    }
    return candidate;
}

static void
forget_peer(StileRouter *router, const StileAddress *remote, StileCandidate *known)
{
    StileCandidate gone = *known;

    known->address = (StileAddress){0};
    if (stile_address_is_set(&gone.address))
        router->peer_mapped(router->user_data, remote, &gone, FALSE);
}

static void
on_peer_mapped(gpointer user_data, const StileAddress *remote, const StileAddress *external)
{
    Opening *opening = user_data;
    StileRouter *router = opening->router;
    StileCandidate *known = g_hash_table_lookup(router->remotes, remote);

    if (!known)
        return;
    if (!external || !stile_address_equal(external, &known->address))
        forget_peer(router, remote, known);
    if (external) {
        *known = mapped_candidate(&opening->mapped.base, external);
        router->peer_mapped(router->user_data, remote, known, TRUE);
    }
}

static gboolean
is_ipv4(const Opening *opening)
{
    return stile_address_family(&opening->mapped.base) == AF_INET;
}

static void
opening_free(gpointer pointer)
{
    Opening *opening = pointer;

    stile_portmap_free(opening->portmap);
    g_free(opening);
}

StileRouter *
stile_router_new(StileClock *clock, StileGatherer *gatherer, guint16 port4, guint16 port6,
                 StileRouterPeerFunc peer_mapped, gpointer user_data)
{
    StileRouter *router = g_new0(StileRouter, 1);

    router->clock = stile_clock_ref(clock);
    router->gatherer = gatherer;
    router->port4 = port4;
    router->port6 = port6;
    router->peer_mapped = peer_mapped;
    router->user_data = user_data;
    router->remotes = g_hash_table_new_full(stile_address_hash, stile_address_equal, g_free,
                                            g_free);
    router->openings = g_ptr_array_new_with_free_func(opening_free);
    return router;
}

void
stile_router_free(StileRouter *router)
{
    if (!router)
        return;
    g_ptr_array_unref(router->openings);
    g_hash_table_unref(router->remotes);
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
    GHashTableIter iter;
    gpointer remote;

    opening->router = router;
    opening->gateway = wish->gateway;
    opening->mapped = mapped_candidate(&wish->internal, NULL);
    opening->portmap = stile_portmap_new(router->clock, g_main_context_get_thread_default(),
                                         &wish->gateway, &wish->internal, TRUE, on_mapped, opening);
    g_ptr_array_add(router->openings, opening);
    if (!is_ipv4(opening))
        return;
    stile_portmap_set_peer_func(opening->portmap, on_peer_mapped);
    g_hash_table_iter_init(&iter, router->remotes);
    while (g_hash_table_iter_next(&iter, &remote, NULL))
        stile_portmap_add_peer(opening->portmap, remote);
}

static void
forget_peers(StileRouter *router)
{
    GHashTableIter iter;
    gpointer remote, known;

    g_hash_table_iter_init(&iter, router->remotes);
    while (g_hash_table_iter_next(&iter, &remote, &known))
        forget_peer(router, remote, known);
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
            if (is_ipv4(router->openings->pdata[i]))
                forget_peers(router);
            g_ptr_array_remove_index(router->openings, i);
        }
    }
    for (guint w = 0; w < wishes->len; w++)
        open_one(router, &g_array_index(wishes, Wish, w));
}

void
stile_router_permit(StileRouter *router, const StileAddress *remote)
{
    if (stile_address_family(remote) != AF_INET ||
        stile_address_scope(remote) != STILE_ADDRESS_GLOBAL)
        return;
    if (!g_hash_table_contains(router->remotes, remote))
        g_hash_table_insert(router->remotes, g_memdup2(remote, sizeof *remote),
                            g_new0(StileCandidate, 1));
    for (guint i = 0; i < router->openings->len; i++)
        if (is_ipv4(router->openings->pdata[i]))
            stile_portmap_add_peer(((Opening *)router->openings->pdata[i])->portmap, remote);
}

void
stile_router_forget(StileRouter *router, const StileAddress *remote)
{
    StileAddress gone = *remote;
    StileCandidate *known = g_hash_table_lookup(router->remotes, &gone);

    if (!known)
        return;
    for (guint i = 0; i < router->openings->len; i++)
        if (is_ipv4(router->openings->pdata[i]))
            stile_portmap_remove_peer(((Opening *)router->openings->pdata[i])->portmap, &gone);
    forget_peer(router, &gone, known);
    g_hash_table_remove(router->remotes, &gone);
}

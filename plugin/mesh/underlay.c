/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/underlay.h"

#include "base/error.h"
#include "io/links.h"
#include "mesh/server-uri.h"
#include "portmap/portmap.h"
#include <gio/gio.h>
#include <string.h>

#define SEC ((gint64)1000000)
/* A name that did not resolve is asked for again: the network may just be coming up. */
#define RESOLVE_AGAIN (10 * SEC)

typedef struct {
    StileUnderlay *underlay;
    char *text; /* as the user wrote it */
    StileServerUri uri;
    StileAddress address;         /* unset until resolved */
    StileTurnServer *credentials; /* of a relay; NULL for a STUN server */
    StileRelay *relay;
    StileTurn *turn;
    StileAddress unwrapped; /* the server whose channel data we had unwrapped */
} Server;

struct _StileUnderlay {
    StileClock *clock;
    const StileUnderlayOps *ops;
    gpointer user_data;
    char *tunnel;
    StileSocket *socket4, *socket6;
    StileLinks *links;
    StileStunTransactions *transactions;
    StileGatherer *gatherer;
    gboolean gathered;
    GPtrArray *servers; /* of Server */
    GPtrArray *relays;  /* of StileRelay */
    GCancellable *cancellable;
    StileTimer *resolve_timer;
    StileNatSide nat;
    GArray *seen; /* of StileLocalAddress: what the gatherer was last given */
    StileAddress gateway;
    StilePortmap *portmap;
    StileCandidate mapped; /* address unset: no port mapping */
};

/* Sending */

static Server *
find_relay(StileUnderlay *underlay, const StileAddress *address)
{
    for (guint i = 0; i < underlay->servers->len; i++) {
        Server *server = underlay->servers->pdata[i];
        StileAddress used;

        if (!server->turn)
            continue;
        used = stile_turn_server(server->turn);
        if (stile_address_equal(&used, address))
            return server;
    }
    return NULL;
}

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    StileUnderlay *underlay = user_data;
    StileSocket *socket = stile_underlay_socket(underlay, stile_address_family(&to->remote));
    Server *relay;

    if (to->kind == STILE_ENDPOINT_TURN) {
        if ((relay = find_relay(underlay, &to->server)))
            stile_turn_send(relay->turn, &to->remote, data, size);
    } else if (to->kind == STILE_ENDPOINT_UDP && socket) {
        /* A packet that cannot be sent is a packet lost: whoever waits for an answer notices. */
        stile_socket_send(socket, stile_address_is_set(&to->local) ? &to->local : NULL, &to->remote,
                          data, size);
    }
}

/* The NAT */

static gboolean
has_stun_servers(StileUnderlay *underlay)
{
    for (guint i = 0; i < underlay->servers->len; i++)
        if (stile_address_is_set(&((Server *)underlay->servers->pdata[i])->address))
            return TRUE;
    return FALSE;
}

gboolean
stile_underlay_relay_ready(StileUnderlay *underlay)
{
    for (guint i = 0; i < underlay->servers->len; i++) {
        Server *server = underlay->servers->pdata[i];

        if (server->turn && stile_turn_state(server->turn) == STILE_TURN_READY)
            return TRUE;
    }
    return FALSE;
}

/* What each STUN server and each relay saw of our IPv4 socket. */
static void
judge_nat(StileUnderlay *underlay)
{
    const GArray *reflexives = stile_gatherer_reflexives(underlay->gatherer);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(StileNatSample));
    StileNatSide nat = {.filtering = underlay->nat.filtering};

    for (guint i = 0; i < reflexives->len; i++) {
        const StileReflexive *reflexive = &g_array_index(reflexives, StileReflexive, i);
        StileNatSample sample = {reflexive->base, reflexive->server, reflexive->mapped};

        if (stile_address_family(&reflexive->mapped) == AF_INET)
            g_array_append_val(samples, sample);
    }
    nat.mapping = stile_nat_judge_mapping((StileNatSample *)samples->data, samples->len).mapping;
    nat.udp_blocked = underlay->gathered && has_stun_servers(underlay) && reflexives->len == 0 &&
                      !stile_underlay_relay_ready(underlay);
    if (memcmp(&nat, &underlay->nat, sizeof nat) == 0)
        return;
    underlay->nat = nat;
    underlay->ops->learnt(underlay->user_data);
}

/* Candidates */

static void
on_candidate_added(gpointer user_data, const StileCandidate *candidate)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->candidate_added(underlay->user_data, candidate);
    judge_nat(underlay);
}

static void
on_candidate_removed(gpointer user_data, const StileCandidate *candidate)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->candidate_removed(underlay->user_data, candidate);
}

static void
on_gathered(gpointer user_data)
{
    StileUnderlay *underlay = user_data;

    underlay->gathered = TRUE;
    judge_nat(underlay);
    underlay->ops->learnt(underlay->user_data);
}

static const StileGathererOps gatherer_ops = {
    .added = on_candidate_added,
    .removed = on_candidate_removed,
    .complete = on_gathered,
};

/* Relays */

static void
unwrap(Server *server, const StileAddress *address)
{
    StileUnderlay *underlay = server->underlay;

    if (stile_address_equal(&server->unwrapped, address))
        return;
    if (stile_address_is_set(&server->unwrapped))
        underlay->ops->relay_server(underlay->user_data, &server->unwrapped, FALSE);
    server->unwrapped = *address;
    if (stile_address_is_set(address))
        underlay->ops->relay_server(underlay->user_data, address, TRUE);
}

static void
on_turn_changed(gpointer user_data, StileTurn *turn)
{
    Server *server = user_data;
    StileAddress address = stile_turn_server(turn);

    unwrap(server, &address);
    stile_relay_update(server->relay, turn);
    stile_gatherer_turn_changed(server->underlay->gatherer, turn);
    if (stile_turn_state(turn) == STILE_TURN_READY)
        server->underlay->ops->relay_ready(server->underlay->user_data);
}

static void
route_message(StileUnderlay *underlay, const StileStunMessage *message, const StileEndpoint *from)
{
    switch (message->class) {
    case STILE_STUN_SUCCESS:
    case STILE_STUN_ERROR:
        stile_stun_transactions_receive(underlay->transactions, message, from);
        break;
    case STILE_STUN_REQUEST:
    case STILE_STUN_INDICATION:
        if (message->method == STILE_STUN_BINDING)
            underlay->ops->check(underlay->user_data, message, from);
        break;
    }
}

static void
on_turn_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
                 gsize size)
{
    Server *server = user_data;
    StileUnderlay *underlay = server->underlay;
    StileEndpoint from = {
        .kind = STILE_ENDPOINT_TURN,
        .remote = *peer,
        .server = stile_turn_server(turn),
    };
    StileStunMessage message;

    if (!stile_stun_looks_like(data, size))
        underlay->ops->packet(underlay->user_data, &from, data, size);
    else if (stile_stun_message_parse(&message, data, size, NULL))
        route_message(underlay, &message, &from);
}

static void
on_turn_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    Server *server = user_data;

    server->underlay->ops->channel(server->underlay->user_data);
}

static const StileTurnOps turn_ops = {
    .changed = on_turn_changed,
    .received = on_turn_received,
    .channel = on_turn_channel,
};

/* A relay on the internet cannot reach into a private network, and need not know what is there. */
static gboolean
can_relay_to(StileTurn *turn, const StileAddress *remote)
{
    StileAddress relayed = stile_turn_relayed(turn);

    return stile_turn_state(turn) == STILE_TURN_READY &&
           stile_address_family(&relayed) == stile_address_family(remote) &&
           (stile_address_is_inside(&relayed) || !stile_address_is_inside(remote));
}

void
stile_underlay_permit(StileUnderlay *underlay, const StileAddress *remote)
{
    for (guint i = 0; i < underlay->servers->len; i++) {
        Server *server = underlay->servers->pdata[i];

        if (server->turn && can_relay_to(server->turn, remote))
            stile_turn_permit(server->turn, remote);
    }
}

void
stile_underlay_forget(StileUnderlay *underlay, const StileAddress *remote)
{
    for (guint i = 0; i < underlay->servers->len; i++) {
        Server *server = underlay->servers->pdata[i];

        if (server->turn)
            stile_turn_forget(server->turn, remote);
    }
}

guint16
stile_underlay_channel(StileUnderlay *underlay, const StileAddress *server,
                       const StileAddress *remote)
{
    Server *relay = find_relay(underlay, server);

    return relay ? stile_turn_bind(relay->turn, remote) : 0;
}

/* Servers by name */

static void
start_server(Server *server)
{
    StileUnderlay *underlay = server->underlay;

    if (!server->credentials) {
        stile_gatherer_add_stun_server(underlay->gatherer, &server->address);
        return;
    }
    server->turn = stile_turn_new(underlay->clock, underlay->transactions, &server->address,
                                  AF_INET, server->credentials->username,
                                  server->credentials->password, &turn_ops, server);
    unwrap(server, &server->address);
    stile_turn_start(server->turn);
    stile_relay_update(server->relay, server->turn);
}

static void
resolve_again(StileUnderlay *underlay)
{
    if (!stile_timer_is_set(underlay->resolve_timer))
        stile_timer_set_after(underlay->resolve_timer, RESOLVE_AGAIN);
}

/* The first address that one of our sockets can reach, IPv4 before IPv6: relayed addresses and most
 * NATs to be learnt about are IPv4. */
static gboolean
pick_address(Server *server, GList *addresses)
{
    static const int families[] = {AF_INET, AF_INET6};

    for (gsize f = 0; f < G_N_ELEMENTS(families); f++) {
        if (!stile_underlay_socket(server->underlay, families[f]))
            continue;
        for (GList *at = addresses; at; at = at->next) {
            if ((int)g_inet_address_get_family(at->data) != families[f])
                continue;
            server->address = stile_address_from_ip(families[f], g_inet_address_to_bytes(at->data),
                                                    server->uri.port);
            return TRUE;
        }
    }
    return FALSE;
}

static void
on_resolved(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    Server *server = user_data;
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* the server is gone with its underlay */
    if (pick_address(server, addresses)) {
        start_server(server);
    } else {
        if (server->relay)
            stile_relay_fail(server->relay, error ? error->message : "The server has no address");
        resolve_again(server->underlay);
    }
    g_resolver_free_addresses(addresses);
}

static void
resolve(Server *server)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();

    if (stile_address_parse(&server->address, server->uri.host, server->uri.port, NULL)) {
        start_server(server);
        return;
    }
    g_resolver_lookup_by_name_async(resolver, server->uri.host, server->underlay->cancellable,
                                    on_resolved, server);
}

static void
resolve_missing(gpointer user_data)
{
    StileUnderlay *underlay = user_data;

    for (guint i = 0; i < underlay->servers->len; i++) {
        Server *server = underlay->servers->pdata[i];

        if (server->uri.host && !stile_address_is_set(&server->address))
            resolve(server);
    }
}

static Server *
server_new(StileUnderlay *underlay, const char *text, const StileTurnServer *credentials)
{
    Server *server = g_new0(Server, 1);

    server->underlay = underlay;
    server->text = g_strdup(text);
    if (credentials) {
        server->credentials = stile_turn_server_new(credentials->uri, credentials->username,
                                                    credentials->password);
        server->relay = stile_relay_new(underlay->relays->len + 1, credentials->uri);
        g_ptr_array_add(underlay->relays, g_object_ref(server->relay));
    }
    g_ptr_array_add(underlay->servers, server);
    return server;
}

static void
server_free(gpointer pointer)
{
    Server *server = pointer;

    g_clear_pointer(&server->turn, stile_turn_free);
    g_clear_pointer(&server->credentials, stile_turn_server_free);
    g_clear_object(&server->relay);
    stile_server_uri_clear(&server->uri);
    g_free(server->text);
    g_free(server);
}

static void
add_servers(StileUnderlay *underlay, const StileServers *servers, gboolean relays)
{
    for (gsize i = 0; servers->stun && servers->stun[i]; i++) {
        Server *server = server_new(underlay, servers->stun[i], NULL);

        if (!stile_stun_uri_parse(&server->uri, server->text, NULL))
            g_debug("not a STUN server: %s", server->text);
    }
    for (guint i = 0; relays && servers->turn && i < servers->turn->len; i++) {
        StileTurnServer *config = servers->turn->pdata[i];
        Server *server = server_new(underlay, config->uri, config);
        g_autoptr(GError) error = NULL;

        if (!stile_turn_uri_parse(&server->uri, server->text, &error))
            stile_relay_fail(server->relay, error->message);
    }
}

/* Links */

static void
on_port_mapped(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    StileUnderlay *underlay = user_data;

    if (stile_address_is_set(&underlay->mapped.address))
        stile_gatherer_remove(underlay->gatherer, &underlay->mapped);
    underlay->mapped.address = (StileAddress){0};
    if (!external)
        return;
    underlay->mapped.type = STILE_CANDIDATE_SERVER_REFLEXIVE;
    underlay->mapped.technique = STILE_TECHNIQUE_PORT_MAPPED;
    underlay->mapped.address = *external;
    underlay->mapped.priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 65535);
    stile_candidate_set_foundation(&underlay->mapped);
    stile_gatherer_add(underlay->gatherer, &underlay->mapped);
}

static void
ask_router(StileUnderlay *underlay)
{
    StileAddress source;

    g_clear_pointer(&underlay->portmap, stile_portmap_free);
    on_port_mapped(underlay, STILE_PORTMAP_NONE, NULL);
    if (!underlay->socket4 || !stile_address_is_set(&underlay->gateway))
        return;
    source = stile_links_source_for(&underlay->gateway);
    if (!stile_address_is_set(&source))
        return;
    underlay->mapped.base = stile_address_with_port(&source, stile_socket_port(underlay->socket4));
    underlay->portmap = stile_portmap_new(underlay->clock, g_main_context_get_thread_default(),
                                          &underlay->gateway, &underlay->mapped.base,
                                          on_port_mapped, underlay);
}

static gboolean
is_ours(StileUnderlay *underlay, const StileLocalAddress *address)
{
    return strcmp(address->ifname, underlay->tunnel) == 0;
}

/* The addresses as far as they matter under the tunnel; our own interface coming up is no news. */
static GArray *
addresses_under_us(StileUnderlay *underlay)
{
    const GArray *all = stile_links_addresses(underlay->links);
    GArray *some = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));

    for (guint i = 0; i < all->len; i++)
        if (!is_ours(underlay, &g_array_index(all, StileLocalAddress, i)))
            g_array_append_val(some, g_array_index(all, StileLocalAddress, i));
    return some;
}

static gboolean
has_address(const GArray *list, const StileLocalAddress *wanted)
{
    for (guint i = 0; i < list->len; i++) {
        const StileLocalAddress *local = &g_array_index(list, StileLocalAddress, i);

        if (stile_address_equal_ip(&local->address, &wanted->address) &&
            local->ifindex == wanted->ifindex && local->deprecated == wanted->deprecated)
            return TRUE;
    }
    return FALSE;
}

/* Whether @list lacks an address that @than has. */
static gboolean
has_lost(const GArray *list, const GArray *than)
{
    for (guint i = 0; i < than->len; i++)
        if (!has_address(list, &g_array_index(than, StileLocalAddress, i)))
            return TRUE;
    return FALSE;
}

/* What we sent from may be gone: the relays know us by another address now. */
static void
start_anew(StileUnderlay *underlay)
{
    for (guint i = 0; i < underlay->servers->len; i++) {
        Server *server = underlay->servers->pdata[i];

        if (server->turn)
            stile_turn_restart(server->turn);
    }
    ask_router(underlay);
    underlay->ops->network_changed(underlay->user_data);
}

static void
on_links(StileLinks *links, gpointer user_data)
{
    StileUnderlay *underlay = user_data;
    g_autoptr(GArray) before = g_steal_pointer(&underlay->seen);
    StileAddress gateway = stile_links_gateway(underlay->links, AF_INET);
    gboolean moved = !stile_address_equal_ip(&gateway, &underlay->gateway);

    underlay->seen = addresses_under_us(underlay);
    underlay->gateway = gateway;
    moved |= has_lost(underlay->seen, before);
    if (!moved && !has_lost(before, underlay->seen))
        return;
    stile_gatherer_set_links(underlay->gatherer, underlay->seen, underlay->tunnel);
    resolve_missing(underlay);
    if (moved)
        start_anew(underlay);
}

StileUnderlay *
stile_underlay_new(StileClock *clock, const StileServers *servers, gboolean relays,
                   const char *tunnel, const StileUnderlayOps *ops, gpointer user_data,
                   GError **error)
{
    g_autoptr(StileUnderlay) underlay = g_new0(StileUnderlay, 1);

    underlay->clock = stile_clock_ref(clock);
    underlay->ops = ops;
    underlay->user_data = user_data;
    underlay->tunnel = g_strdup(tunnel);
    underlay->servers = g_ptr_array_new_with_free_func(server_free);
    underlay->relays = g_ptr_array_new_with_free_func(g_object_unref);
    underlay->cancellable = g_cancellable_new();
    underlay->resolve_timer = stile_timer_new(clock, resolve_missing, underlay);
    /* Either family may be missing on a machine; one of them is enough. */
    underlay->socket6 = stile_socket_new(AF_INET6, 0, NULL);
    underlay->socket4 = stile_socket_new(AF_INET, 0, underlay->socket6 ? NULL : error);
    if (!underlay->socket4 && !underlay->socket6)
        return NULL;
    underlay->links = stile_links_new(g_main_context_get_thread_default(), on_links, underlay,
                                      error);
    if (!underlay->links)
        return NULL;
    underlay->transactions = stile_stun_transactions_new(clock, on_send, underlay);
    underlay->gatherer = stile_gatherer_new(
        clock, underlay->transactions, underlay->socket4 ? stile_socket_port(underlay->socket4) : 0,
        underlay->socket6 ? stile_socket_port(underlay->socket6) : 0, &gatherer_ops, underlay);
    add_servers(underlay, servers, relays);
    return g_steal_pointer(&underlay);
}

void
stile_underlay_start(StileUnderlay *underlay)
{
    for (guint i = 0; i < underlay->relays->len; i++)
        underlay->ops->relay_added(underlay->user_data, underlay->relays->pdata[i]);
    underlay->seen = addresses_under_us(underlay);
    underlay->gateway = stile_links_gateway(underlay->links, AF_INET);
    /* The servers before the addresses: gathering is complete when all have been asked. */
    resolve_missing(underlay);
    stile_gatherer_set_links(underlay->gatherer, underlay->seen, underlay->tunnel);
    ask_router(underlay);
}

void
stile_underlay_free(StileUnderlay *underlay)
{
    if (!underlay)
        return;
    g_cancellable_cancel(underlay->cancellable);
    g_clear_pointer(&underlay->portmap, stile_portmap_free);
    g_clear_pointer(&underlay->links, stile_links_free);
    g_clear_pointer(&underlay->servers, g_ptr_array_unref);
    for (guint i = 0; i < underlay->relays->len; i++)
        underlay->ops->relay_removed(underlay->user_data, underlay->relays->pdata[i]);
    g_clear_pointer(&underlay->relays, g_ptr_array_unref);
    g_clear_pointer(&underlay->gatherer, stile_gatherer_free);
    g_clear_pointer(&underlay->transactions, stile_stun_transactions_free);
    g_clear_pointer(&underlay->socket4, stile_socket_unref);
    g_clear_pointer(&underlay->socket6, stile_socket_unref);
    g_clear_pointer(&underlay->seen, g_array_unref);
    stile_timer_free(underlay->resolve_timer);
    g_object_unref(underlay->cancellable);
    g_free(underlay->tunnel);
    stile_clock_unref(underlay->clock);
    g_free(underlay);
}

StileSocket *
stile_underlay_socket(StileUnderlay *underlay, int family)
{
    return family == AF_INET6 ? underlay->socket6 : underlay->socket4;
}

StileStunTransactions *
stile_underlay_transactions(StileUnderlay *underlay)
{
    return underlay->transactions;
}

const GArray *
stile_underlay_candidates(StileUnderlay *underlay)
{
    return stile_gatherer_candidates(underlay->gatherer);
}

gboolean
stile_underlay_gathered(StileUnderlay *underlay)
{
    return underlay->gathered;
}

const StileNatSide *
stile_underlay_nat(StileUnderlay *underlay)
{
    return &underlay->nat;
}

void
stile_underlay_set_filtering(StileUnderlay *underlay, StileNatBehaviour filtering)
{
    if (underlay->nat.filtering == filtering)
        return;
    underlay->nat.filtering = filtering;
    underlay->ops->learnt(underlay->user_data);
}

StileAddress
stile_underlay_gateway(StileUnderlay *underlay)
{
    return underlay->gateway;
}

guint
stile_underlay_link_mtu(StileUnderlay *underlay)
{
    g_autoptr(GArray) addresses = addresses_under_us(underlay);
    guint smallest = 0;

    for (guint i = 0; i < addresses->len; i++) {
        const StileLocalAddress *local = &g_array_index(addresses, StileLocalAddress, i);

        if (stile_address_scope(&local->address) == STILE_ADDRESS_LOOPBACK || local->mtu == 0)
            continue;
        if (smallest == 0 || local->mtu < smallest)
            smallest = local->mtu;
    }
    return smallest;
}

GPtrArray *
stile_underlay_relays(StileUnderlay *underlay)
{
    return underlay->relays;
}

void
stile_underlay_set_active(StileUnderlay *underlay, gboolean active)
{
    stile_gatherer_set_active(underlay->gatherer, active);
}

void
stile_underlay_control(StileUnderlay *underlay, const StileEndpoint *from, const guint8 *data,
                       gsize size)
{
    StileEndpoint source = *from;
    StileStunMessage message;

    if (!stile_stun_message_parse(&message, data, size, NULL))
        return;
    if (from->kind == STILE_ENDPOINT_TURN) {
        Server *relay = find_relay(underlay, &from->server);

        if (!relay || !stile_turn_channel_peer(relay->turn, from->channel, &source.remote))
            return;
        source.channel = 0; /* a way through a relay is known by server and peer */
    } else if (message.class == STILE_STUN_INDICATION && message.method == STILE_STUN_DATA) {
        Server *relay = find_relay(underlay, &from->remote);

        if (relay)
            stile_turn_receive(relay->turn, &message, from);
        return;
    }
    route_message(underlay, &message, &source);
}

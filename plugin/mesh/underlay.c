/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/underlay.h"

#include "base/error.h"
#include "base/nat64.h"
#include "io/links.h"
#include "mesh/relays.h"
#include "mesh/router.h"
#include "mesh/server-name.h"
#include "mesh/udp-watch.h"
#include <string.h>

/* A NAT with several addresses may give us another one time and again. */
#define READDRESSED_GAP (60 * G_USEC_PER_SEC)

/* A STUN server. */
typedef struct {
    StileUnderlay *underlay;
    StileServerName *name;
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
    StileRelays *relays;
    StileUdpWatch *watch;
    StileNatSide nat;
    GArray *seen; /* of StileLocalAddress: what the gatherer was last given */
    StileAddress gateway;
    gint64 readdressed;      /* stile_clock_now(); 0 for never */
    StilePrefix nat64_known; /* length 0: none */
    StilePrefix nat64;       /* the same, if needed */
    StileRouter *router;
};

/* Sending */

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    StileUnderlay *underlay = user_data;
    StileSocket *socket = stile_underlay_socket(underlay, stile_address_family(&to->remote));

    if (to->kind == STILE_ENDPOINT_TURN) {
        stile_relays_send(underlay->relays, to, data, size);
    } else if (to->kind == STILE_ENDPOINT_UDP && socket) {
        /* A packet that cannot be sent is a packet lost: whoever waits for an answer notices. */
        stile_socket_send(socket, stile_address_is_set(&to->local) ? &to->local : NULL, &to->remote,
                          data, size);
    }
}

/* The NAT */

gboolean
stile_underlay_relay_ready(StileUnderlay *underlay)
{
    return stile_relays_ready(underlay->relays);
}

/* What is told of it: that no server answers may have other reasons, unless one is seen to be there
 * by a stream. */
static gboolean
is_udp_blocked(StileUnderlay *underlay)
{
    const GArray *reflexives = stile_gatherer_reflexives(underlay->gatherer);

    for (guint i = 0; i < reflexives->len; i++)
        if (g_array_index(reflexives, StileReflexive, i).at >=
            stile_udp_watch_asked(underlay->watch))
            return FALSE; /* by a member, then */
    return stile_udp_watch_is_sure(underlay->watch) ||
           (stile_udp_watch_blocked(underlay->watch) && stile_relays_ready(underlay->relays));
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
    nat.udp_blocked = is_udp_blocked(underlay);
    if (memcmp(&nat, &underlay->nat, sizeof nat) == 0)
        return;
    underlay->nat = nat;
    underlay->ops->learnt(underlay->user_data);
}

/* UDP at all */

static void
on_udp_changed(gpointer user_data, gboolean blocked)
{
    StileUnderlay *underlay = user_data;

    stile_relays_set_udp_blocked(underlay->relays, blocked);
    /* What was asked while nothing got through is asked again. */
    if (!blocked)
        stile_gatherer_set_links(underlay->gatherer, underlay->seen, underlay->tunnel);
    judge_nat(underlay);
    if (!blocked)
        underlay->ops->udp_returned(underlay->user_data);
}

void
stile_underlay_doubt_udp(StileUnderlay *underlay)
{
    stile_udp_watch_doubt(underlay->watch);
}

/* Candidates */

static void start_anew(StileUnderlay *underlay);

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

/* The same router, another address: the provider gave it a new one. */
static void
on_readdressed(gpointer user_data)
{
    StileUnderlay *underlay = user_data;
    gint64 now = stile_clock_now(underlay->clock);

    /* Each server tells. */
    if (underlay->readdressed && now - underlay->readdressed < READDRESSED_GAP)
        return;
    underlay->readdressed = now;
    start_anew(underlay);
    underlay->ops->readdressed(underlay->user_data);
}

static void
on_peer_mapped(gpointer user_data, const StileAddress *remote, const StileCandidate *candidate,
               gboolean there)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->peer_mapped(underlay->user_data, remote, candidate, there);
}

static const StileGathererOps gatherer_ops = {
    .added = on_candidate_added,
    .removed = on_candidate_removed,
    .complete = on_gathered,
    .readdressed = on_readdressed,
};

/* Relays */

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
on_relay_changed(gpointer user_data, StileTurn *turn)
{
    StileUnderlay *underlay = user_data;
    StileAddress server = stile_turn_server(turn);

    stile_gatherer_turn_changed(underlay->gatherer, turn);
    if (stile_turn_state(turn) == STILE_TURN_READY &&
        stile_server_transport(&server) == STILE_TRANSPORT_UDP)
        stile_udp_watch_heard(underlay->watch);
}

static void
on_relay_gone(gpointer user_data, StileTurn *turn)
{
    StileUnderlay *underlay = user_data;

    stile_gatherer_turn_gone(underlay->gatherer, turn);
}

static void
on_relay_found(gpointer user_data, const StileAddress *server)
{
    StileUnderlay *underlay = user_data;

    stile_udp_watch_add(underlay->watch, server);
}

static void
on_relay_message(gpointer user_data, const StileStunMessage *message, const StileEndpoint *from)
{
    route_message(user_data, message, from);
}

static void
on_relay_packet(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->packet(underlay->user_data, from, data, size);
}

static void
on_relay_channel(gpointer user_data)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->channel(underlay->user_data);
}

static void
on_relay_server(gpointer user_data, const StileAddress *server, gboolean used)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->relay_server(underlay->user_data, server, used);
}

static void
on_relay_ready(gpointer user_data)
{
    StileUnderlay *underlay = user_data;

    underlay->ops->relay_ready(underlay->user_data);
}

static const StileRelaysOps relays_ops = {
    .changed = on_relay_changed,
    .gone = on_relay_gone,
    .found = on_relay_found,
    .message = on_relay_message,
    .packet = on_relay_packet,
    .channel = on_relay_channel,
    .server = on_relay_server,
    .ready = on_relay_ready,
};

void
stile_underlay_carry(StileUnderlay *underlay, const StileEndpoint *to, const guint8 *data,
                     gsize size)
{
    stile_relays_carry(underlay->relays, to, data, size);
}

void
stile_underlay_permit(StileUnderlay *underlay, const StileAddress *remote)
{
    stile_relays_permit(underlay->relays, remote);
    stile_router_permit(underlay->router, remote);
}

void
stile_underlay_forget(StileUnderlay *underlay, const StileAddress *remote)
{
    stile_relays_forget(underlay->relays, remote);
    stile_router_forget(underlay->router, remote);
}

guint16
stile_underlay_channel(StileUnderlay *underlay, const StileAddress *server,
                       const StileAddress *remote)
{
    return stile_relays_channel(underlay->relays, server, remote);
}

/* STUN servers by name */

static void
on_server_found(gpointer user_data, const StileAddress *address)
{
    Server *server = user_data;

    stile_gatherer_add_stun_server(server->underlay->gatherer, address);
    stile_udp_watch_add(server->underlay->watch, address);
}

static void
on_server_not_found(gpointer user_data, const char *text)
{
    g_debug("STUN server: %s", text);
}

static const StileServerNameOps server_ops = {
    .found = on_server_found,
    .failed = on_server_not_found,
};

static void
look_up_servers(StileUnderlay *underlay)
{
    for (guint i = 0; i < underlay->servers->len; i++)
        stile_server_name_look_up(((Server *)underlay->servers->pdata[i])->name);
    stile_relays_look_up(underlay->relays);
}

static void
server_free(gpointer pointer)
{
    Server *server = pointer;

    stile_server_name_free(server->name);
    g_free(server);
}

static void
add_server(StileUnderlay *underlay, const char *text)
{
    g_auto(StileServerUri) uri = {0};
    Server *server;

    if (!stile_stun_uri_parse(&uri, text, NULL)) {
        g_debug("not a STUN server: %s", text);
        return;
    }
    server = g_new0(Server, 1);
    server->underlay = underlay;
    server->name = stile_server_name_new(underlay->clock, &uri, underlay->socket4 != NULL,
                                         underlay->socket6 != NULL, &server_ops, server);
    g_ptr_array_add(underlay->servers, server);
}

/* NAT64 */

static gboolean
has_route(StileUnderlay *underlay, const StileAddress *address)
{
    StileAddress source = stile_links_source_for(address);

    return stile_underlay_socket(underlay, stile_address_family(address)) &&
           stile_address_is_set(&source);
}

/* Not while IPv4 works, be it through a CLAT (RFC 6877): one translation less. */
static gboolean
needs_nat64(StileUnderlay *underlay)
{
    static const guint8 on_the_internet[] = {192, 0, 0, 170};
    StileAddress ipv4 = stile_address_from_ip(AF_INET, on_the_internet, 9), synthesized;

    return stile_nat64_synthesize(&synthesized, &underlay->nat64_known, &ipv4) &&
           has_route(underlay, &synthesized) && !has_route(underlay, &ipv4);
}

static void
choose_nat64(StileUnderlay *underlay)
{
    StilePrefix prefix = needs_nat64(underlay) ? underlay->nat64_known : (StilePrefix){0};

    if (stile_prefix_equal(&prefix, &underlay->nat64))
        return;
    underlay->nat64 = prefix;
    stile_gatherer_clear_stun_servers(underlay->gatherer);
    for (guint i = 0; i < underlay->servers->len; i++)
        stile_server_name_set_nat64(((Server *)underlay->servers->pdata[i])->name, &prefix);
    stile_relays_set_nat64(underlay->relays, &prefix);
    underlay->ops->learnt(underlay->user_data);
}

void
stile_underlay_set_nat64(StileUnderlay *underlay, const StilePrefix *prefix)
{
    underlay->nat64_known = *prefix;
    choose_nat64(underlay);
}

const StilePrefix *
stile_underlay_nat64(StileUnderlay *underlay)
{
    return &underlay->nat64;
}

/* Links */

static gboolean
is_ours(StileUnderlay *underlay, const StileLocalAddress *address)
{
    /* Those of our other networks, too: a tunnel in a tunnel is no way to anybody. */
    return strcmp(address->ifname, underlay->tunnel) == 0 ||
           (g_str_equal(address->link_type, "tun") && g_str_has_prefix(address->ifname, "stile"));
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
    stile_udp_watch_restart(underlay->watch);
    stile_relays_restart(underlay->relays);
    stile_router_ask(underlay->router, underlay->links, underlay->seen, TRUE);
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
    /* A gateway of IPv6 may come after its addresses. */
    if (!moved)
        stile_router_ask(underlay->router, underlay->links, underlay->seen, FALSE);
    if (!moved && !has_lost(before, underlay->seen))
        return;
    choose_nat64(underlay);
    stile_gatherer_set_links(underlay->gatherer, underlay->seen, underlay->tunnel);
    look_up_servers(underlay);
    if (moved)
        start_anew(underlay);
}

/* Whether it is not the machine that lacks IPv4. */
static gboolean
is_taken(guint16 port, GError **error)
{
    g_autoptr(StileSocket) other = stile_socket_new(AF_INET, 0, NULL);

    if (other)
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "The UDP port %u is taken by another program", port);
    return other != NULL;
}

StileUnderlay *
stile_underlay_new(StileClock *clock, const StileServers *servers, gboolean relays, guint16 port,
                   const char *tunnel, const StileUnderlayOps *ops, gpointer user_data,
                   GError **error)
{
    g_autoptr(StileUnderlay) underlay = g_new0(StileUnderlay, 1);
    guint16 port4, port6;

    underlay->clock = stile_clock_ref(clock);
    underlay->ops = ops;
    underlay->user_data = user_data;
    underlay->tunnel = g_strdup(tunnel);
    underlay->servers = g_ptr_array_new_with_free_func(server_free);
    /* Either family may be missing on a machine; one of them is enough. */
    underlay->socket6 = stile_socket_new(AF_INET6, port, NULL);
    underlay->socket4 = stile_socket_new(AF_INET, port, underlay->socket6 ? NULL : error);
    if (!underlay->socket4 && !underlay->socket6)
        return NULL;
    if (port && !underlay->socket4 && is_taken(port, error))
        return NULL;
    underlay->links = stile_links_new(g_main_context_get_thread_default(), on_links, underlay,
                                      error);
    if (!underlay->links)
        return NULL;
    underlay->transactions = stile_stun_transactions_new(clock, on_send, underlay);
    port4 = underlay->socket4 ? stile_socket_port(underlay->socket4) : 0;
    port6 = underlay->socket6 ? stile_socket_port(underlay->socket6) : 0;
    underlay->gatherer = stile_gatherer_new(clock, underlay->transactions, port4, port6,
                                            &gatherer_ops, underlay);
    underlay->router = stile_router_new(clock, underlay->gatherer, port4, port6, on_peer_mapped,
                                        underlay);
    underlay->watch = stile_udp_watch_new(clock, underlay->transactions, on_udp_changed, underlay);
    for (gsize i = 0; servers->stun && servers->stun[i]; i++)
        add_server(underlay, servers->stun[i]);
    underlay->relays = stile_relays_new(clock, underlay->transactions,
                                        relays ? servers->turn : NULL, underlay->socket4 != NULL,
                                        underlay->socket6 != NULL, &relays_ops, underlay);
    return g_steal_pointer(&underlay);
}

void
stile_underlay_start(StileUnderlay *underlay)
{
    GPtrArray *shown = stile_relays_shown(underlay->relays);

    for (guint i = 0; i < shown->len; i++)
        underlay->ops->relay_added(underlay->user_data, shown->pdata[i]);
    underlay->seen = addresses_under_us(underlay);
    underlay->gateway = stile_links_gateway(underlay->links, AF_INET);
    /* The servers before the addresses: gathering is complete when all have been asked. */
    look_up_servers(underlay);
    stile_gatherer_set_links(underlay->gatherer, underlay->seen, underlay->tunnel);
    stile_router_ask(underlay->router, underlay->links, underlay->seen, TRUE);
}

static void
end_relays(StileUnderlay *underlay)
{
    g_autoptr(GPtrArray) shown = NULL;

    if (!underlay->relays)
        return;
    shown = g_ptr_array_ref(stile_relays_shown(underlay->relays));
    g_clear_pointer(&underlay->relays, stile_relays_free);
    for (guint i = 0; i < shown->len; i++)
        underlay->ops->relay_removed(underlay->user_data, shown->pdata[i]);
}

void
stile_underlay_free(StileUnderlay *underlay)
{
    if (!underlay)
        return;
    g_clear_pointer(&underlay->router, stile_router_free);
    g_clear_pointer(&underlay->links, stile_links_free);
    g_clear_pointer(&underlay->servers, g_ptr_array_unref);
    end_relays(underlay);
    g_clear_pointer(&underlay->watch, stile_udp_watch_free);
    g_clear_pointer(&underlay->gatherer, stile_gatherer_free);
    g_clear_pointer(&underlay->transactions, stile_stun_transactions_free);
    g_clear_pointer(&underlay->socket4, stile_socket_unref);
    g_clear_pointer(&underlay->socket6, stile_socket_unref);
    g_clear_pointer(&underlay->seen, g_array_unref);
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

StileGatherer *
stile_underlay_gatherer(StileUnderlay *underlay)
{
    return underlay->gatherer;
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

const GArray *
stile_underlay_addresses(StileUnderlay *underlay)
{
    return stile_links_addresses(underlay->links);
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
    return stile_relays_shown(underlay->relays);
}

void
stile_underlay_ask(StileUnderlay *underlay)
{
    stile_gatherer_ask(underlay->gatherer);
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
        if (!stile_relays_channel_peer(underlay->relays, &from->server, from->channel,
                                       &source.remote))
            return;
        source.channel = 0; /* a way through a relay is known by server and peer */
    } else if (message.class == STILE_STUN_INDICATION && message.method == STILE_STUN_DATA) {
        stile_relays_receive(underlay->relays, &message, from);
        return;
    }
    route_message(underlay, &message, &source);
}

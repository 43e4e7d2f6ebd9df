/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "simnet.h"

#include "base/address.h"
#include "stun/message.h"
#include <string.h>

#define RELAY_PORT 3478

struct _SimNet {
    StileClock *clock;
    GRand *rand;
    gint64 delay, jitter;
    double loss;
    guint64 sent;
    GPtrArray *nats, *hosts, *relays;
    GPtrArray *packets; /* under way */
    GArray *cuts;       /* of StileAddress, by twos */
    SimTapFunc tap;
    gpointer tap_data;
};

/** @key: where the inside sends to, as far as the NAT tells destinations apart */
typedef struct {
    StileAddress inside;
    StileAddress key;
    guint16 port;
    gint64 used;
    GArray *sent_to; /* of StileAddress */
} Mapping;

typedef enum {
    PORTS_DEFAULT,
    PORTS_PRESERVING,
    PORTS_SEQUENTIAL,
    PORTS_BLOCK,
} Ports;

struct _SimNat {
    SimNet *net;
    SimNat *outer;
    StileAddress public_ip;
    StileNatBehaviour mapping, filtering;
    gboolean hairpin, hairpin_internal;
    gboolean forgot;
    Ports ports;
    int step;
    guint16 last_port;
    guint first_port, n_ports;
    gint64 lifetime; /* 0: for ever */
    GPtrArray *mappings;
};

struct _SimHost {
    SimNet *net;
    SimNat *nat;
    StileAddress ip;
    SimReceiveFunc receive;
    gpointer user_data;
};

typedef struct {
    StileAddress client;
    guint16 port;
    GArray *permitted; /* of StileAddress */
} Allocation;

struct _SimRelay {
    SimNet *net;
    SimHost *host;
    GPtrArray *allocations;
};

/** On its way in segment @nat (NULL: the internet). */
typedef struct {
    SimNet *net;
    SimNat *nat;
    StileAddress source, destination;
    GBytes *data;
    StileTimer *timer;
} Packet;

StileAddress
sim_address(const char *text)
{
    StileAddress address;

    g_assert_true(stile_address_parse(&address, text, 0, NULL));
    return address;
}

static void
packet_free(Packet *packet)
{
    stile_timer_free(packet->timer);
    g_bytes_unref(packet->data);
    g_free(packet);
}

static void
mapping_free(Mapping *mapping)
{
    g_array_unref(mapping->sent_to);
    g_free(mapping);
}

static void
nat_free(SimNat *nat)
{
    g_ptr_array_unref(nat->mappings);
    g_free(nat);
}

static void
allocation_free(Allocation *allocation)
{
    g_array_unref(allocation->permitted);
    g_free(allocation);
}

static void
relay_free(SimRelay *relay)
{
    g_ptr_array_unref(relay->allocations);
    g_free(relay);
}

SimNet *
sim_net_new(StileClock *clock, guint32 seed)
{
    SimNet *net = g_new0(SimNet, 1);

    net->clock = stile_clock_ref(clock);
    net->rand = g_rand_new_with_seed(seed);
    net->delay = 10 * G_TIME_SPAN_MILLISECOND;
    net->nats = g_ptr_array_new_with_free_func((GDestroyNotify)nat_free);
    net->hosts = g_ptr_array_new_with_free_func(g_free);
    net->relays = g_ptr_array_new_with_free_func((GDestroyNotify)relay_free);
    net->packets = g_ptr_array_new_with_free_func((GDestroyNotify)packet_free);
    net->cuts = g_array_new(FALSE, FALSE, sizeof(StileAddress));
    return net;
}

void
sim_net_free(SimNet *net)
{
    g_ptr_array_unref(net->packets);
    g_ptr_array_unref(net->relays);
    g_ptr_array_unref(net->hosts);
    g_ptr_array_unref(net->nats);
    g_array_unref(net->cuts);
    g_rand_free(net->rand);
    stile_clock_unref(net->clock);
    g_free(net);
}

void
sim_net_set_delay(SimNet *net, gint64 delay, gint64 jitter)
{
    net->delay = delay;
    net->jitter = jitter;
}

void
sim_net_set_loss(SimNet *net, double loss)
{
    net->loss = loss;
}

void
sim_net_cut(SimNet *net, const char *ip_a, const char *ip_b, gboolean cut)
{
    StileAddress ends[] = {sim_address(ip_a), sim_address(ip_b)};

    for (guint i = 0; i < net->cuts->len; i += 2) {
        const StileAddress *known = &g_array_index(net->cuts, StileAddress, i);

        if (stile_address_equal_ip(&known[0], &ends[0]) &&
            stile_address_equal_ip(&known[1], &ends[1])) {
            g_array_remove_range(net->cuts, i, 2);
            break;
        }
    }
    if (cut)
        g_array_append_vals(net->cuts, ends, 2);
}

guint64
sim_net_sent(SimNet *net)
{
    return net->sent;
}

void
sim_net_set_tap(SimNet *net, SimTapFunc tap, gpointer user_data)
{
    net->tap = tap;
    net->tap_data = user_data;
}

static gboolean
is_cut(SimNet *net, const StileAddress *a, const StileAddress *b)
{
    for (guint i = 0; i < net->cuts->len; i += 2) {
        const StileAddress *ends = &g_array_index(net->cuts, StileAddress, i);

        if ((stile_address_equal_ip(&ends[0], a) && stile_address_equal_ip(&ends[1], b)) ||
            (stile_address_equal_ip(&ends[0], b) && stile_address_equal_ip(&ends[1], a)))
            return TRUE;
    }
    return FALSE;
}

/* NATs. */

static gboolean
port_is_free(SimNat *nat, guint16 port)
{
    for (guint i = 0; i < nat->mappings->len; i++)
        if (((Mapping *)g_ptr_array_index(nat->mappings, i))->port == port)
            return FALSE;
    return port != 0;
}

static guint16
choose_port(SimNat *nat, guint16 wanted)
{
    guint16 port = wanted;

    if (nat->ports == PORTS_SEQUENTIAL)
        return nat->last_port = (guint16)(nat->last_port + nat->step);
    if (nat->ports == PORTS_BLOCK || nat->forgot ||
        (nat->ports == PORTS_DEFAULT && nat->mapping != STILE_NAT_ENDPOINT_INDEPENDENT))
        port = 0;
    while (port == 0 || (nat->ports != PORTS_PRESERVING && !port_is_free(nat, port)))
        port = (guint16)(nat->first_port +
                         (guint)g_rand_int_range(nat->net->rand, 0, (gint32)nat->n_ports));
    return port;
}

static void
drop_expired(SimNat *nat)
{
    for (guint i = nat->mappings->len; nat->lifetime > 0 && i > 0; i--) {
        const Mapping *mapping = nat->mappings->pdata[i - 1];

        if (stile_clock_now(nat->net->clock) - mapping->used > nat->lifetime)
            g_ptr_array_remove_index(nat->mappings, i - 1);
    }
}

static Mapping *
nat_map(SimNat *nat, const StileAddress *inside, const StileAddress *to)
{
    StileAddress key = {0};
    Mapping *mapping;

    if (nat->mapping == STILE_NAT_ADDRESS_DEPENDENT)
        key = stile_address_with_port(to, 0);
    else if (nat->mapping == STILE_NAT_ADDRESS_AND_PORT_DEPENDENT)
        key = *to;
    drop_expired(nat);
    for (guint i = 0; i < nat->mappings->len; i++) {
        mapping = g_ptr_array_index(nat->mappings, i);
        if (stile_address_equal(&mapping->inside, inside) &&
            stile_address_equal(&mapping->key, &key))
            goto found;
    }
    mapping = g_new0(Mapping, 1);
    mapping->inside = *inside;
    mapping->key = key;
    mapping->port = choose_port(nat, stile_address_port(inside));
    mapping->sent_to = g_array_new(FALSE, FALSE, sizeof(StileAddress));
    g_ptr_array_add(nat->mappings, mapping);
found:
    mapping->used = stile_clock_now(nat->net->clock);
    for (guint i = 0; i < mapping->sent_to->len; i++)
        if (stile_address_equal(&g_array_index(mapping->sent_to, StileAddress, i), to))
            return mapping;
    g_array_append_val(mapping->sent_to, *to);
    return mapping;
}

static gboolean
lets_in(SimNat *nat, const Mapping *mapping, const StileAddress *from)
{
    if (nat->filtering == STILE_NAT_ENDPOINT_INDEPENDENT)
        return TRUE;
    for (guint i = 0; i < mapping->sent_to->len; i++) {
        const StileAddress *to = &g_array_index(mapping->sent_to, StileAddress, i);

        if (nat->filtering == STILE_NAT_ADDRESS_DEPENDENT ? stile_address_equal_ip(to, from)
                                                          : stile_address_equal(to, from))
            return TRUE;
    }
    return FALSE;
}

SimNat *
sim_nat_new(SimNet *net, SimNat *outer, const char *public_ip, StileNatBehaviour mapping,
            StileNatBehaviour filtering)
{
    SimNat *nat = g_new0(SimNat, 1);

    nat->net = net;
    nat->outer = outer;
    nat->public_ip = sim_address(public_ip);
    nat->mapping = mapping;
    nat->filtering = filtering;
    nat->last_port = 20000;
    nat->first_port = 1024;
    nat->n_ports = 65536 - 1024;
    nat->mappings = g_ptr_array_new_with_free_func((GDestroyNotify)mapping_free);
    g_ptr_array_add(net->nats, nat);
    return nat;
}

void
sim_nat_set_filtering(SimNat *nat, StileNatBehaviour filtering)
{
    nat->filtering = filtering;
}

void
sim_nat_set_hairpin(SimNat *nat, gboolean hairpin)
{
    nat->hairpin = hairpin;
}

void
sim_nat_set_hairpin_internal(SimNat *nat)
{
    nat->hairpin_internal = TRUE;
}

void
sim_nat_set_sequential(SimNat *nat, int step)
{
    nat->ports = PORTS_SEQUENTIAL;
    nat->step = step;
}

void
sim_nat_set_block(SimNat *nat, guint16 first, guint size)
{
    nat->ports = PORTS_BLOCK;
    nat->first_port = first;
    nat->n_ports = size;
}

void
sim_nat_set_preserving(SimNat *nat)
{
    nat->ports = PORTS_PRESERVING;
}

void
sim_nat_set_lifetime(SimNat *nat, gint64 lifetime)
{
    nat->lifetime = lifetime;
}

void
sim_nat_forget(SimNat *nat)
{
    g_ptr_array_set_size(nat->mappings, 0);
    nat->forgot = TRUE;
}

void
sim_nat_set_public(SimNat *nat, const char *public_ip)
{
    sim_nat_forget(nat);
    nat->public_ip = sim_address(public_ip);
}

/* The way of a datagram: out through the NATs at once, over the wire with delay and loss, in
 * through the NATs on arrival, because that is when their filters look. */

static SimHost *
find_host(SimNet *net, SimNat *segment, const StileAddress *ip)
{
    for (guint i = 0; i < net->hosts->len; i++) {
        SimHost *host = g_ptr_array_index(net->hosts, i);

        if (host->nat == segment && stile_address_equal_ip(&host->ip, ip))
            return host;
    }
    return NULL;
}

static SimNat *
find_nat(SimNet *net, SimNat *segment, const StileAddress *ip)
{
    for (guint i = 0; i < net->nats->len; i++) {
        SimNat *nat = g_ptr_array_index(net->nats, i);

        if (nat->outer == segment && stile_address_equal_ip(&nat->public_ip, ip))
            return nat;
    }
    return NULL;
}

static void
arrive(SimNet *net, SimNat *segment, const StileAddress *source, const StileAddress *destination,
       const guint8 *data, gsize size)
{
    SimHost *host = find_host(net, segment, destination);
    SimNat *nat = host ? NULL : find_nat(net, segment, destination);

    if (is_cut(net, source, destination))
        return;
    if (host) {
        if (net->tap && !net->tap(net->tap_data, source, destination, data, size))
            return;
        host->receive(host->user_data, destination, source, data, size);
        return;
    }
    if (nat)
        drop_expired(nat);
    for (guint i = 0; nat && i < nat->mappings->len; i++) {
        const Mapping *mapping = g_ptr_array_index(nat->mappings, i);

        if (mapping->port == stile_address_port(destination) && lets_in(nat, mapping, source)) {
            StileAddress inside = mapping->inside;

            arrive(net, nat, source, &inside, data, size);
            return;
        }
    }
}

static void
on_arrival(gpointer user_data)
{
    Packet *packet = user_data;
    gsize size;
    const guint8 *data = g_bytes_get_data(packet->data, &size);

    arrive(packet->net, packet->nat, &packet->source, &packet->destination, data, size);
    g_ptr_array_remove_fast(packet->net->packets, packet);
}

static void
put_on_wire(SimNet *net, SimNat *segment, const StileAddress *source,
            const StileAddress *destination, const void *data, gsize size)
{
    gint64 jitter = net->jitter > 0 ? (gint64)(g_rand_double(net->rand) * (double)net->jitter) : 0;
    Packet *packet;

    net->sent++;
    if (net->loss > 0 && g_rand_double(net->rand) < net->loss)
        return;
    packet = g_new0(Packet, 1);
    packet->net = net;
    packet->nat = segment;
    packet->source = *source;
    packet->destination = *destination;
    packet->data = g_bytes_new(data, size);
    packet->timer = stile_timer_new(net->clock, on_arrival, packet);
    g_ptr_array_add(net->packets, packet);
    stile_timer_set_after(packet->timer, net->delay + jitter);
}

static void
turn_back(SimNat *nat, const StileAddress *source, const StileAddress *destination,
          const void *data, gsize size)
{
    for (guint i = 0; i < nat->mappings->len; i++) {
        const Mapping *mapping = nat->mappings->pdata[i];

        if (mapping->port == stile_address_port(destination)) {
            put_on_wire(nat->net, nat, source, &mapping->inside, data, size);
            return;
        }
    }
}

static void
route(SimNet *net, SimNat *segment, const StileAddress *source, const StileAddress *destination,
      const void *data, gsize size)
{
    StileAddress seen;

    if (!segment || find_host(net, segment, destination) || find_nat(net, segment, destination)) {
        put_on_wire(net, segment, source, destination, data, size);
        return;
    }
    seen = stile_address_with_port(&segment->public_ip,
                                   nat_map(segment, source, destination)->port);
    if (!stile_address_equal_ip(&segment->public_ip, destination))
        route(net, segment->outer, &seen, destination, data, size);
    else if (segment->hairpin_internal)
        turn_back(segment, source, destination, data, size);
    else if (segment->hairpin)
        put_on_wire(net, segment->outer, &seen, destination, data, size);
}

void
sim_net_inject(SimNet *net, const StileAddress *source, const StileAddress *destination,
               const void *data, gsize size)
{
    put_on_wire(net, NULL, source, destination, data, size);
}

SimHost *
sim_host_new(SimNet *net, SimNat *nat, const char *ip, SimReceiveFunc receive, gpointer user_data)
{
    SimHost *host = g_new0(SimHost, 1);

    host->net = net;
    host->nat = nat;
    host->ip = sim_address(ip);
    host->receive = receive;
    host->user_data = user_data;
    g_ptr_array_add(net->hosts, host);
    return host;
}

void
sim_host_send(SimHost *host, const StileAddress *local, const StileAddress *remote,
              const void *data, gsize size)
{
    StileAddress source = stile_address_with_port(&host->ip, stile_address_port(local));

    route(host->net, host->nat, &source, remote, data, size);
}

/* Servers. */

static void
answer_binding(gpointer user_data, const StileAddress *local, const StileAddress *remote,
               const guint8 *data, gsize size)
{
    SimHost *host = user_data;
    StileStunMessage request;
    StileStunBuilder builder;

    if (!stile_stun_message_parse(&request, data, size, NULL) ||
        request.class != STILE_STUN_REQUEST || request.method != STILE_STUN_BINDING)
        return;
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, request.id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_MAPPED_ADDRESS, remote);
    size = stile_stun_builder_finish(&builder);
    sim_host_send(host, local, remote, builder.data, size);
}

void
sim_stun_new(SimNet *net, const char *ip)
{
    SimHost *host = sim_host_new(net, NULL, ip, answer_binding, NULL);

    host->user_data = host;
}

static Allocation *
find_allocation(SimRelay *relay, const StileAddress *client, guint16 port)
{
    for (guint i = 0; i < relay->allocations->len; i++) {
        Allocation *allocation = g_ptr_array_index(relay->allocations, i);

        if (client ? stile_address_equal(&allocation->client, client) : allocation->port == port)
            return allocation;
    }
    return NULL;
}

/* Between client and relay a datagram is the peer's StileAddress, then the payload. */
static void
relay_receive(gpointer user_data, const StileAddress *local, const StileAddress *remote,
              const guint8 *data, gsize size)
{
    SimRelay *relay = user_data;
    guint16 port = stile_address_port(local);
    g_autofree guint8 *wrapped = NULL;
    StileAddress peer;
    Allocation *allocation;

    if (port == RELAY_PORT) {
        StileAddress relayed;

        if (size < sizeof peer || !(allocation = find_allocation(relay, remote, 0)))
            return;
        memcpy(&peer, data, sizeof peer);
        relayed = stile_address_with_port(local, allocation->port);
        for (guint i = 0; i < allocation->permitted->len; i++)
            if (stile_address_equal_ip(&g_array_index(allocation->permitted, StileAddress, i),
                                       &peer))
                sim_host_send(relay->host, &relayed, &peer, data + sizeof peer, size - sizeof peer);
        return;
    }
    if (!(allocation = find_allocation(relay, NULL, port)))
        return;
    for (guint i = 0; i < allocation->permitted->len; i++)
        if (stile_address_equal_ip(&g_array_index(allocation->permitted, StileAddress, i),
                                   remote)) {
            StileAddress server = stile_address_with_port(local, RELAY_PORT);

            wrapped = g_malloc(sizeof peer + size);
            memcpy(wrapped, remote, sizeof peer);
            memcpy(wrapped + sizeof peer, data, size);
            sim_host_send(relay->host, &server, &allocation->client, wrapped, sizeof peer + size);
            return;
        }
}

SimRelay *
sim_relay_new(SimNet *net, const char *ip)
{
    SimRelay *relay = g_new0(SimRelay, 1);

    relay->net = net;
    relay->allocations = g_ptr_array_new_with_free_func((GDestroyNotify)allocation_free);
    relay->host = sim_host_new(net, NULL, ip, relay_receive, relay);
    g_ptr_array_add(net->relays, relay);
    return relay;
}

StileAddress
sim_relay_server(SimRelay *relay)
{
    return stile_address_with_port(&relay->host->ip, RELAY_PORT);
}

StileAddress
sim_relay_allocate(SimRelay *relay, SimHost *host, const StileAddress *local)
{
    StileAddress server = sim_relay_server(relay);
    StileAddress client = stile_address_with_port(&host->ip, stile_address_port(local));
    Allocation *allocation;

    for (SimNat *nat = host->nat; nat; nat = nat->outer)
        client = stile_address_with_port(&nat->public_ip, nat_map(nat, &client, &server)->port);
    if (!(allocation = find_allocation(relay, &client, 0))) {
        allocation = g_new0(Allocation, 1);
        allocation->client = client;
        allocation->port = (guint16)(49152 + relay->allocations->len);
        allocation->permitted = g_array_new(FALSE, FALSE, sizeof(StileAddress));
        g_ptr_array_add(relay->allocations, allocation);
    }
    return stile_address_with_port(&server, allocation->port);
}

void
sim_relay_permit(SimRelay *relay, const StileAddress *relayed, const StileAddress *peer)
{
    Allocation *allocation = find_allocation(relay, NULL, stile_address_port(relayed));

    if (allocation)
        g_array_append_val(allocation->permitted, *peer);
}

void
sim_host_send_endpoint(SimHost *host, const StileAddress *local, const StileEndpoint *to,
                       const void *data, gsize size)
{
    g_autofree guint8 *wrapped = NULL;

    if (to->kind == STILE_ENDPOINT_UDP) {
        sim_host_send(host, local, &to->remote, data, size);
    } else if (to->kind == STILE_ENDPOINT_TURN) {
        wrapped = g_malloc(sizeof to->remote + size);
        memcpy(wrapped, &to->remote, sizeof to->remote);
        memcpy(wrapped + sizeof to->remote, data, size);
        sim_host_send(host, local, &to->server, wrapped, sizeof to->remote + size);
    }
}

StileEndpoint
sim_net_unwrap(SimNet *net, const StileAddress *local, const StileAddress *remote,
               const guint8 **data, gsize *size)
{
    StileEndpoint from = {.kind = STILE_ENDPOINT_UDP, .remote = *remote, .local = *local};

    for (guint i = 0; i < net->relays->len; i++) {
        StileAddress server = sim_relay_server(g_ptr_array_index(net->relays, i));

        if (stile_address_equal(&server, remote) && *size >= sizeof from.remote) {
            from.kind = STILE_ENDPOINT_TURN;
            from.server = server;
            memcpy(&from.remote, *data, sizeof from.remote);
            *data += sizeof from.remote;
            *size -= sizeof from.remote;
            break;
        }
    }
    return from;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-translate.h"

#include "natbox-ports.h"
#include "natbox-table.h"

#define CLOSING_LIFETIME (10 * G_USEC_PER_SEC)

#define OUTBOUND 1
#define INBOUND  2

struct NatboxNat {
    const NatboxOptions *options;
    NatboxTable *table;
    NatboxPorts *ports;
    NatboxCounters counters;
};

static void
add_forwards(NatboxNat *nat)
{
    const GArray *forwards = nat->options->forwards;

    for (guint i = 0; i < forwards->len; i++) {
        const NatboxForward *forward = &g_array_index(forwards, NatboxForward, i);
        NatboxEndpoint outside = {g_array_index(nat->options->addresses, guint32, 0),
                                  forward->port};

        natbox_table_add_fixed(nat->table, forward->protocol, forward->inside, outside);
    }
}

NatboxNat *
natbox_nat_new(const NatboxOptions *options)
{
    NatboxNat *nat = g_new0(NatboxNat, 1);
    const gint64 lifetimes[NATBOX_N_LIFETIMES] = {
        [NATBOX_LIFETIME_UDP] = options->udp_lifetime,
        [NATBOX_LIFETIME_ICMP] = options->icmp_lifetime,
        [NATBOX_LIFETIME_TCP_OPENING] = options->tcp_opening_lifetime,
        [NATBOX_LIFETIME_TCP] = options->tcp_lifetime,
        [NATBOX_LIFETIME_TCP_CLOSING] = CLOSING_LIFETIME,
    };

    nat->options = options;
    nat->table = natbox_table_new(lifetimes, options->table, options->evict);
    nat->ports = natbox_ports_new(options, nat->table);
    add_forwards(nat);
    return nat;
}

void
natbox_nat_free(NatboxNat *nat)
{
    natbox_ports_free(nat->ports);
    natbox_table_free(nat->table);
    g_free(nat);
}

void
natbox_nat_reboot(NatboxNat *nat)
{
    natbox_table_clear(nat->table);
    natbox_ports_reset(nat->ports);
    add_forwards(nat);
}

const NatboxCounters *
natbox_nat_counters(const NatboxNat *nat)
{
    return &nat->counters;
}

char *
natbox_nat_describe(NatboxNat *nat, gint64 now)
{
    natbox_table_expire(nat->table, now);
    return natbox_table_describe(nat->table);
}

static gboolean
is_ours(const NatboxNat *nat, guint32 address)
{
    const GArray *pool = nat->options->addresses;

    for (guint i = 0; i < pool->len; i++)
        if (g_array_index(pool, guint32, i) == address)
            return TRUE;
    return FALSE;
}

/* What is the same for all remote endpoints that share a mapping. */
static NatboxEndpoint
mapping_remote(const NatboxNat *nat, NatboxEndpoint remote)
{
    if (nat->options->mapping == NATBOX_ENDPOINT_INDEPENDENT)
        remote.address = 0;
    if (nat->options->mapping != NATBOX_ADDRESS_AND_PORT_DEPENDENT)
        remote.port = 0;
    return remote;
}

/* The remote end of an echo is an address alone. */
static NatboxEndpoint
remote_of(const NatboxHeader *header, NatboxEndpoint endpoint)
{
    if (header->protocol == IPPROTO_ICMP)
        endpoint.port = 0;
    return endpoint;
}

static NatboxLifetime
first_lifetime(guint8 protocol)
{
    return protocol == IPPROTO_TCP   ? NATBOX_LIFETIME_TCP_OPENING
           : protocol == IPPROTO_UDP ? NATBOX_LIFETIME_UDP
                                     : NATBOX_LIFETIME_ICMP;
}

/* What a packet does to its session. TCP: RFC 5382, REQ-5: opening until a SYN went each way. */
static void
touch(NatboxNat *nat, NatboxSession *session, const NatboxPacket *packet, guint8 direction,
      gint64 now)
{
    NatboxLifetime lifetime = first_lifetime(packet->outer.protocol);

    if (packet->outer.protocol == IPPROTO_TCP) {
        guint8 flags = natbox_packet_tcp_flags(packet);

        if (flags & NATBOX_SYN)
            session->syn |= direction;
        if (flags & NATBOX_FIN)
            session->fin |= direction;
        if (flags & NATBOX_RST || session->fin == (OUTBOUND | INBOUND))
            lifetime = NATBOX_LIFETIME_TCP_CLOSING;
        else if (session->syn == (OUTBOUND | INBOUND))
            lifetime = NATBOX_LIFETIME_TCP;
    } else if (direction == INBOUND && !nat->options->refresh_inbound) {
        return;
    }
    natbox_table_refresh(nat->table, session, lifetime, now);
}

/* A session that somebody outside opened through a forwarded port answers from that port. */
static NatboxSession *
find_forwarded(NatboxNat *nat, guint8 protocol, NatboxEndpoint inside, NatboxEndpoint remote)
{
    const GArray *forwards = nat->options->forwards;

    for (guint i = 0; i < forwards->len; i++) {
        const NatboxForward *forward = &g_array_index(forwards, NatboxForward, i);
        NatboxEndpoint outside = {g_array_index(nat->options->addresses, guint32, 0),
                                  forward->port};
        NatboxMapping *mapping;

        if (forward->protocol != protocol || forward->inside.address != inside.address ||
            forward->inside.port != inside.port)
            continue;
        mapping = natbox_table_find_outside(nat->table, protocol, outside);
        if (mapping && mapping->fixed && natbox_mapping_find(mapping, remote))
            return natbox_mapping_find(mapping, remote);
    }
    return NULL;
}

static gboolean
is_forbidden(const NatboxNat *nat, const NatboxHeader *header)
{
    if (header->protocol == IPPROTO_UDP)
        return nat->options->no_udp;
    return header->protocol == IPPROTO_TCP && nat->options->only_tcp &&
           !g_hash_table_contains(nat->options->only_tcp,
                                  GUINT_TO_POINTER(header->destination.port));
}

/* The session of a packet from inside, made where there is none. */
static NatboxSession *
open_outbound(NatboxNat *nat, const NatboxPacket *packet, gint64 now)
{
    const NatboxHeader *header = &packet->outer;
    NatboxEndpoint remote = remote_of(header, header->destination);
    NatboxEndpoint key = mapping_remote(nat, remote), outside;
    NatboxSession *session = find_forwarded(nat, header->protocol, header->source, remote);
    NatboxMapping *mapping;

    if (session)
        return session;
    mapping = natbox_table_find_inside(nat->table, header->protocol, header->source, key);
    session = mapping ? natbox_mapping_find(mapping, remote) : NULL;
    if (session)
        return session;
    /* A TCP connection that the box does not know begins with a SYN, or not at all. */
    if (header->protocol == IPPROTO_TCP && !(natbox_packet_tcp_flags(packet) & NATBOX_SYN)) {
        nat->counters.unsolicited++;
        return NULL;
    }
    if (!mapping && natbox_ports_allocate(nat->ports, header->protocol, header->source, &outside))
        mapping = natbox_table_add(nat->table, header->protocol, header->source, key, outside);
    if (mapping)
        session = natbox_table_open(nat->table, mapping, remote, first_lifetime(header->protocol),
                                    now);
    if (!session) {
        nat->counters.full++;
        if (mapping)
            natbox_table_forget_if_unused(nat->table, mapping);
    }
    return session;
}

/* An error from inside about a packet that came in (RFC 5508 REQ-5). */
static gboolean
error_outbound(NatboxNat *nat, NatboxPacket *packet)
{
    NatboxHeader *inner = &packet->inner;
    NatboxEndpoint remote = remote_of(inner, inner->source);
    NatboxEndpoint inside = inner->destination;
    NatboxSession *session = find_forwarded(nat, inner->protocol, inside, remote);
    NatboxMapping *mapping = session ? session->mapping
                                     : natbox_table_find_inside(nat->table, inner->protocol, inside,
                                                                mapping_remote(nat, remote));

    if (!mapping)
        return FALSE;
    natbox_header_set_destination(inner, mapping->outside);
    natbox_packet_seal_error(packet);
    natbox_header_set_source_address(&packet->outer, mapping->outside.address);
    return TRUE;
}

/* An error from outside about a packet that went out (RFC 5508 REQ-4). */
static gboolean
error_inbound(NatboxNat *nat, NatboxPacket *packet)
{
    NatboxHeader *inner = &packet->inner;
    NatboxMapping *mapping = natbox_table_find_outside(nat->table, inner->protocol, inner->source);

    if (!mapping || !natbox_mapping_find(mapping, remote_of(inner, inner->destination)))
        return FALSE;
    natbox_header_set_source(inner, mapping->inside);
    natbox_packet_seal_error(packet);
    natbox_header_set_destination_address(&packet->outer, mapping->inside.address);
    return TRUE;
}

static gboolean
outbound(NatboxNat *nat, NatboxPacket *packet, gint64 now)
{
    NatboxSession *session;

    if (packet->kind == NATBOX_PACKET_ERROR)
        return error_outbound(nat, packet);
    if (is_forbidden(nat, &packet->outer)) {
        nat->counters.forbidden++;
        return FALSE;
    }
    session = open_outbound(nat, packet, now);
    if (!session)
        return FALSE;
    touch(nat, session, packet, OUTBOUND, now);
    natbox_header_set_source(&packet->outer, session->mapping->outside);
    return TRUE;
}

static gboolean
is_let_in(const NatboxNat *nat, const NatboxMapping *mapping, NatboxEndpoint remote)
{
    if (mapping->fixed)
        return TRUE;
    switch (nat->options->filtering) {
    case NATBOX_ENDPOINT_INDEPENDENT:
        return TRUE;
    case NATBOX_ADDRESS_DEPENDENT:
        return natbox_mapping_knows_address(mapping, remote.address);
    case NATBOX_ADDRESS_AND_PORT_DEPENDENT:
    default:
        return natbox_mapping_find(mapping, remote) != NULL;
    }
}

static gboolean
is_bare_syn(const NatboxPacket *packet)
{
    return packet->outer.protocol == IPPROTO_TCP &&
           (natbox_packet_tcp_flags(packet) & (NATBOX_SYN | NATBOX_ACK)) == NATBOX_SYN;
}

/* What no mapping wants goes to the host in the DMZ, at the same port. */
static NatboxMapping *
open_dmz(NatboxNat *nat, const NatboxHeader *header)
{
    NatboxEndpoint inside = {nat->options->dmz, header->destination.port};
    NatboxEndpoint any = {0};

    if (!nat->options->dmz || header->protocol == IPPROTO_ICMP ||
        natbox_table_find_inside(nat->table, header->protocol, inside, any))
        return NULL;
    return natbox_table_add(nat->table, header->protocol, inside, any, header->destination);
}

static gboolean
inbound(NatboxNat *nat, NatboxPacket *packet, gint64 now)
{
    const NatboxHeader *header = &packet->outer;
    NatboxEndpoint remote = remote_of(header, header->source);
    NatboxMapping *mapping;
    NatboxSession *session;
    gboolean to_dmz = FALSE;

    if (packet->kind == NATBOX_PACKET_ERROR)
        return error_inbound(nat, packet);
    if (header->protocol == IPPROTO_UDP && nat->options->no_udp) {
        nat->counters.forbidden++;
        return FALSE;
    }
    mapping = natbox_table_find_outside(nat->table, header->protocol, header->destination);
    if (!mapping) {
        mapping = open_dmz(nat, header);
        to_dmz = mapping != NULL;
    }
    if (!mapping || (!to_dmz && !is_let_in(nat, mapping, remote)) ||
        (is_bare_syn(packet) && nat->options->drop_inbound_syn && !mapping->fixed && !to_dmz)) {
        nat->counters.unsolicited++;
        return FALSE;
    }
    session = natbox_mapping_find(mapping, remote);
    /* What the filter lets in without a session gets one where it is needed later: to know the
     * state of TCP, to answer from a forwarded port, to keep a mapping that inbound packets
     * refresh. */
    if (!session && (header->protocol == IPPROTO_TCP || mapping->fixed || to_dmz ||
                     nat->options->refresh_inbound)) {
        session = natbox_table_open(nat->table, mapping, remote, first_lifetime(header->protocol),
                                    now);
        if (!session) {
            nat->counters.full++;
            natbox_table_forget_if_unused(nat->table, mapping);
            return FALSE;
        }
    }
    if (session)
        touch(nat, session, packet, INBOUND, now);
    natbox_header_set_destination(&packet->outer, mapping->inside);
    return TRUE;
}

static gsize
answer_unsolicited(const NatboxNat *nat, const NatboxPacket *packet, guint8 *answer)
{
    const NatboxHeader *header = &packet->outer;
    gboolean tcp = header->protocol == IPPROTO_TCP;

    if (packet->kind != NATBOX_PACKET_FLOW || header->protocol == IPPROTO_ICMP ||
        (tcp && natbox_packet_tcp_flags(packet) & NATBOX_RST))
        return 0;
    switch (nat->options->unsolicited) {
    case NATBOX_UNSOLICITED_ICMP:
        return natbox_packet_make_unreachable(answer, packet);
    case NATBOX_UNSOLICITED_RST:
        return tcp ? natbox_packet_make_reset(answer, packet) : 0;
    case NATBOX_UNSOLICITED_DROP:
    default:
        return 0;
    }
}

/* From inside to one of our own addresses (RFC 4787 6). */
static gboolean
hairpin(NatboxNat *nat, NatboxPacket *packet, gint64 now)
{
    NatboxEndpoint source = packet->outer.source;

    if (nat->options->hairpin == NATBOX_HAIRPIN_OFF) {
        nat->counters.unsolicited++;
        return FALSE;
    }
    if (!outbound(nat, packet, now) || !inbound(nat, packet, now))
        return FALSE;
    if (nat->options->hairpin == NATBOX_HAIRPIN_INTERNAL && packet->kind == NATBOX_PACKET_FLOW &&
        packet->outer.protocol != IPPROTO_ICMP)
        natbox_header_set_source(&packet->outer, source);
    nat->counters.hairpin++;
    return TRUE;
}

gboolean
natbox_nat_translate(NatboxNat *nat, NatboxSide from, guint8 *data, gsize size, gint64 now,
                     guint8 *answer, gsize *answer_size, NatboxSide *to)
{
    NatboxPacket packet;
    gboolean passes;

    *answer_size = 0;
    *to = from == NATBOX_INSIDE ? NATBOX_OUTSIDE : NATBOX_INSIDE;
    if (!natbox_packet_parse(&packet, data, size) ||
        (packet.kind != NATBOX_PACKET_FLOW && packet.kind != NATBOX_PACKET_ERROR)) {
        nat->counters.untranslatable++;
        return FALSE;
    }
    natbox_table_expire(nat->table, now);
    if (from == NATBOX_INSIDE && is_ours(nat, packet.outer.destination.address)) {
        passes = hairpin(nat, &packet, now);
        *to = NATBOX_INSIDE;
    } else if (from == NATBOX_INSIDE) {
        passes = outbound(nat, &packet, now);
        nat->counters.out += passes;
    } else if (is_ours(nat, packet.outer.destination.address)) {
        passes = inbound(nat, &packet, now);
        nat->counters.in += passes;
        if (!passes)
            *answer_size = answer_unsolicited(nat, &packet, answer);
    } else {
        nat->counters.untranslatable++;
        return FALSE;
    }
    if (passes)
        natbox_packet_return_hop(&packet);
    return passes;
}

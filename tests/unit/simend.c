/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "simend.h"

#include "base/nat64.h"

#define NAT64_INSIDE "192.168.255.1"

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    SimEnd *end = user_data;
    StileAddress ipv4, local;

    if (!end->nat64 || !stile_nat64_extract(&ipv4, &end->prefix, &to->remote)) {
        sim_host_send_endpoint(end->host, &end->local, to, data, size);
        return;
    }
    local = sim_address(NAT64_INSIDE);
    local = stile_address_with_port(&local, stile_address_port(&end->local));
    sim_host_send(end->nat64, &local, &ipv4, data, size);
}

static void
on_receive(gpointer user_data, const StileAddress *local, const StileAddress *remote,
           const guint8 *data, gsize size)
{
    SimEnd *end = user_data;
    StileEndpoint from = sim_net_unwrap(end->net, local, remote, &data, &size);
    StileStunMessage message;

    if (!stile_stun_looks_like(data, size) || !stile_stun_message_parse(&message, data, size, NULL))
        return;
    if (!stile_stun_transactions_receive(end->transactions, &message, &from))
        end->receive(end->user_data, &message, &from);
}

static void
on_translated(gpointer user_data, const StileAddress *local, const StileAddress *remote,
              const guint8 *data, gsize size)
{
    SimEnd *end = user_data;
    StileAddress source;

    g_assert_true(stile_nat64_synthesize(&source, &end->prefix, remote));
    on_receive(end, &end->local, &source, data, size);
}

void
sim_end_init(SimEnd *end, StileClock *clock, SimNet *net, SimNat *nat, const char *local,
             const StileGathererOps *ops, SimEndReceiveFunc receive, gpointer user_data)
{
    StileAddress address = sim_address(local);
    g_autofree char *ip = stile_address_ip_to_string(&address);
    guint16 port = stile_address_port(&address);

    *end = (SimEnd){
        .clock = stile_clock_ref(clock),
        .net = net,
        .local = address,
        .receive = receive,
        .user_data = user_data,
    };
    end->host = sim_host_new(net, nat, ip, on_receive, end);
    end->transactions = stile_stun_transactions_new(clock, on_send, end);
    end->gatherer = stile_gatherer_new(clock, end->transactions, port, port, ops, user_data);
}

void
sim_end_clear(SimEnd *end)
{
    g_clear_pointer(&end->gatherer, stile_gatherer_free);
    g_clear_pointer(&end->transactions, stile_stun_transactions_free);
    g_clear_pointer(&end->clock, stile_clock_unref);
}

void
sim_end_use_nat64(SimEnd *end, SimNat *nat, const char *prefix)
{
    g_assert_true(stile_prefix_parse(&end->prefix, prefix, NULL));
    end->nat64 = sim_host_new(end->net, nat, NAT64_INSIDE, on_translated, end);
}

void
sim_end_use_relay(SimEnd *end, SimRelay *relay)
{
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_RELAYED,
        .priority = stile_candidate_priority(STILE_CANDIDATE_RELAYED, 0xffff),
        .server = sim_relay_server(relay),
    };

    end->relay = relay;
    end->relayed = sim_relay_allocate(relay, end->host, &end->local);
    candidate.address = candidate.base = end->relayed;
    stile_candidate_set_foundation(&candidate);
    stile_gatherer_add(end->gatherer, &candidate);
}

void
sim_end_permit(SimEnd *end, const StileAddress *remote)
{
    if (end->relay)
        sim_relay_permit(end->relay, &end->relayed, remote);
}

void
sim_end_gather(SimEnd *end, const char *stun)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));
    StileLocalAddress address = {
        .address = stile_address_with_port(&end->local, 0),
        .ifindex = 2,
        .ifname = "eth0",
        .link_type = "ether",
        .mtu = 1500,
    };

    g_array_append_val(addresses, address);
    if (stun) {
        StileAddress server = sim_address(stun);

        stile_gatherer_add_stun_server(end->gatherer, &server);
    }
    stile_gatherer_set_active(end->gatherer, TRUE);
    stile_gatherer_set_links(end->gatherer, addresses, NULL);
}

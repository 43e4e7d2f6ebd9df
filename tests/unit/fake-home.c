/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network "home" of the double: one peer for each thing that stilectl has to explain. */
#include "fake-engine.h"

static StilePath *
add_path(StilePeer *peer, guint number, const char *kind, const char *technique, const char *local,
         const char *remote, const char *state, guint rtt)
{
    g_autoptr(StilePath)
        path = g_object_new(STILE_TYPE_PATH, "number", number, "kind", kind, "technique", technique,
                            "transport", g_str_equal(kind, "broker") ? "tls" : "udp", "local",
                            local, "remote", remote, "state", state, "rtt", rtt, "loss", 0.0, "mtu",
                            1420, "since", G_GUINT64_CONSTANT(1700000000000000), NULL);

    fake_peer_add_path(peer, path);
    return path;
}

static StilePeer *
add_peer(StileNetwork *network, const char *name, guint host, const char *state, gboolean online,
         const char *reason, const char *reason_text)
{
    g_autofree char *id = g_strdup_printf("ID-%s-0123456789", name);
    g_autofree char *ip4 = g_strdup_printf("10.86.0.%u", host);
    g_autofree char *ip6 = g_strdup_printf("fd86::%u", host);
    const char *addresses[] = {ip4, ip6, NULL};
    const char *no_advice[] = {NULL};
    g_autoptr(StilePeer)
        peer = g_object_new(STILE_TYPE_PEER, "id", id, "name", name, "addresses", addresses,
                            "online", online, "state", state, "reason", reason, "reason-text",
                            reason_text, "advice", no_advice, "direct-odds", -1.0, "nat", "", NULL);

    fake_network_add_peer(network, peer);
    return peer;
}

static void
add_direct(StileNetwork *network)
{
    StilePeer *laptop = add_peer(network, "laptop", 2, "direct", TRUE, "direct",
                                 "Connected directly");
    StilePath *path = add_path(laptop, 1, "direct", "reflexive", "192.0.2.10:41000",
                               "198.51.100.7:52000", "working", 8412);

    add_path(laptop, 2, "turn", "", "203.0.113.5:49152", "203.0.113.5:49160", "standby", 31000);
    g_object_set(laptop, "active-path", path, "rtt", 8412, "rx-bytes",
                 G_GUINT64_CONSTANT(123456789), "tx-bytes", G_GUINT64_CONSTANT(4096), "nat",
                 "port-restricted-cone", NULL);
}

static void
add_relayed(StileNetwork *network)
{
    const char *advice[] = {"Turn on UPnP or PCP on the router 192.168.1.1",
                            "Connect one of the two to a network with IPv6", NULL};
    StilePeer *phone = add_peer(network, "phone", 3, "relayed", TRUE, "hard-nat-both",
                                "Both networks give out a new port for every destination");
    StilePath *path = add_path(phone, 1, "turn", "", "203.0.113.5:49152", "203.0.113.5:49170",
                               "working", 42800);

    add_path(phone, 2, "direct", "reflexive", "192.0.2.10:41000", "198.51.100.99:1024", "failed",
             0);
    add_path(phone, 3, "broker", "", "mqtts://broker.example:8883", "", "standby", 95000);
    g_object_set(phone, "active-path", path, "rtt", 42800, "loss", 0.025, "advice", advice,
                 "direct-odds", 0.02, "rx-bytes", G_GUINT64_CONSTANT(2048), "tx-bytes",
                 G_GUINT64_CONSTANT(1024), "nat", "symmetric", NULL);
}

static void
add_relays(StileNetwork *network)
{
    g_autoptr(StileRelay) ready = g_object_new(
        STILE_TYPE_RELAY, "number", 1, "uri", "turn:turn.example:3478", "transport", "udp", "state",
        "ready", "relayed", "203.0.113.5:49152", "rtt", 15200, "expires",
        G_GUINT64_CONSTANT(1700000600000000), "error-text", "", NULL);
    g_autoptr(StileRelay) failed = g_object_new(
        STILE_TYPE_RELAY, "number", 2, "uri", "turn:other.example:3478", "transport", "udp",
        "state", "failed", "error-text", "401 Unauthorized", NULL);

    fake_network_add_relay(network, ready);
    fake_network_add_relay(network, failed);
}

void
fake_home_add(StileEngine *engine)
{
    StileNetwork *network = fake_engine_add_network(engine, "ID-home-9876543210", "home",
                                                    "desktop");

    g_object_set(network, "state", "up", "interface", "stile0", "creator", TRUE, "rendezvous",
                 g_variant_new_parsed("[('mqtts://broker.example:8883', 'connected'),"
                                      " ('mqtt://second.example', 'Connection refused')]"),
                 NULL);
    add_direct(network);
    add_relayed(network);
    add_peer(network, "nas", 4, "idle", FALSE, "peer-offline", "nas is not online");
    add_peer(network, "server", 5, "connecting", TRUE, "connecting", "Looking for a path");
    add_relays(network);
}

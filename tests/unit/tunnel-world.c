/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tunnel-world.h"

#include <string.h>

static void
letter_free(Letter *letter)
{
    g_bytes_unref(letter->message);
    g_free(letter);
}

static void
post(Node *node, const StileEndpoint *to, const guint8 *message, gsize size)
{
    World *world = node->world;
    Letter *letter = g_new0(Letter, 1);
    gint64 delay;

    g_assert_cmpuint(to->kind, !=, STILE_ENDPOINT_NONE);
    letter->from = node;
    letter->to = *to;
    letter->message = g_bytes_new(message, size);
    node->sent[message[0]]++;
    if (node->capture)
        g_ptr_array_add(node->capture, g_bytes_ref(letter->message));
    delay = world->func ? world->func(world, letter, world->user_data) : 0;
    letter->arrives = world_now(world) + delay;
    if (delay >= 0)
        g_queue_push_tail(&world->wire, letter);
    else
        letter_free(letter);
}

static void
on_send(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *endpoint,
        const guint8 *message, gsize size)
{
    Node *node = user_data;

    node->answers_to_strangers += peer == NULL;
    post(node, endpoint, message, size);
}

static void
on_handshake(gpointer user_data, StileTunnelPeer *peer)
{
    ((Node *)user_data)->handshakes++;
}

static void
on_roamed(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *from)
{
    ((Node *)user_data)->roams++;
}

static void
node_free(Node *node)
{
    stile_tunnel_free(node->tunnel);
    g_clear_pointer(&node->last, g_bytes_unref);
    g_clear_pointer(&node->capture, g_ptr_array_unref);
    g_free(node);
}

World *
world_new(guint32 seed)
{
    World *world = g_new0(World, 1);

    world->clock = stile_clock_new_virtual(WORLD_START, seed);
    stile_clock_set_real(world->clock, SECONDS(1700000000));
    g_queue_init(&world->wire);
    world->nodes = g_ptr_array_new_with_free_func((GDestroyNotify)node_free);
    return world;
}

void
world_free(World *world)
{
    g_ptr_array_unref(world->nodes);
    g_queue_clear_full(&world->wire, (GDestroyNotify)letter_free);
    stile_clock_unref(world->clock);
    g_free(world);
}

static const StileTunnelOps ops = {
    .send = on_send,
    .handshake = on_handshake,
    .roamed = on_roamed,
};

Node *
world_add(World *world)
{
    Node *node = g_new0(Node, 1);
    guint8 number = (guint8)(world->nodes->len + 1);
    const guint8 outer[] = {203, 0, 113, number}, inner[] = {10, 86, 0, number},
                 inner6[16] = {0xfd, 0x86, [15] = number};

    node->world = world;
    stile_clock_random(world->clock, node->private_key, sizeof node->private_key);
    stile_x25519_public(node->private_key, node->public_key);
    node->address = stile_address_from_ip(AF_INET, outer, 51820);
    node->inner = stile_address_from_ip(AF_INET, inner, 0);
    node->inner6 = stile_address_from_ip(AF_INET6, inner6, 0);
    node->tunnel = stile_tunnel_new(world->clock, node->private_key, &ops, node);
    g_ptr_array_add(world->nodes, node);
    return node;
}

void
node_restart(Node *node)
{
    stile_tunnel_free(node->tunnel);
    node->tunnel = stile_tunnel_new(node->world->clock, node->private_key, &ops, node);
}

gint64
world_now(World *world)
{
    return stile_clock_now(world->clock);
}

static void
deliver(World *world, Letter *letter)
{
    StileEndpoint from = node_endpoint(letter->from);

    for (guint i = 0; i < world->nodes->len; i++) {
        Node *node = g_ptr_array_index(world->nodes, i);

        if (stile_address_equal(&node->address, &letter->to.remote))
            node_receive(node, &from, letter->message);
    }
    letter_free(letter);
}

static GList *
first_letter(World *world)
{
    GList *first = world->wire.head;

    for (GList *l = first; l; l = l->next)
        if (((Letter *)l->data)->arrives < ((Letter *)first->data)->arrives)
            first = l;
    return first;
}

void
world_run(World *world, gint64 duration)
{
    gint64 end = world_now(world) + duration;

    for (;;) {
        GList *letter = first_letter(world);
        gint64 next = letter ? ((Letter *)letter->data)->arrives : G_MAXINT64;
        Node *due = NULL;

        for (guint i = 0; i < world->nodes->len; i++) {
            Node *node = g_ptr_array_index(world->nodes, i);

            if (stile_tunnel_deadline(node->tunnel) < next) {
                next = stile_tunnel_deadline(node->tunnel);
                due = node;
            }
        }
        if (next > end)
            break;
        stile_clock_advance(world->clock, MAX(0, next - world_now(world)));
        if (due) {
            g_assert_cmpint(stile_tunnel_tick(due->tunnel, world_now(world)), >, world_now(world));
        } else {
            Letter *data = letter->data;

            g_queue_delete_link(&world->wire, letter);
            deliver(world, data);
        }
    }
    stile_clock_advance(world->clock, end - world_now(world));
}

StileTable *
node_table(Node *node, gboolean paths, ...)
{
    StileTable *table = stile_table_new();
    va_list others;
    Node *other;

    va_start(others, paths);
    while ((other = va_arg(others, Node *))) {
        StileTunnelPeer *known = node_peer(node, other);
        StileTablePeer *peer = stile_table_add(table, other->public_key,
                                               known ? stile_tunnel_peer_stats(known) : NULL);
        StilePrefix prefixes[] = {{other->inner, 32}, {other->inner6, 128}};

        g_array_append_vals(peer->allowed, prefixes, G_N_ELEMENTS(prefixes));
        if (paths)
            peer->path = node_endpoint(other);
    }
    va_end(others);
    return table;
}

void
node_set_table(Node *node, StileTable *table)
{
    stile_tunnel_set_table(node->tunnel, table, world_now(node->world));
    stile_table_unref(table);
}

void
world_pair(Node *a, Node *b, const guint8 *preshared_key)
{
    Node *nodes[] = {a, b};

    for (guint i = 0; i < 2; i++) {
        StileTable *table = node_table(nodes[i], i == 0, nodes[!i], NULL);

        if (preshared_key)
            memcpy(((StileTablePeer *)table->peers->pdata[0])->preshared_key, preshared_key,
                   STILE_KEY_SIZE);
        node_set_table(nodes[i], table);
    }
}

StileTunnelPeer *
node_peer(Node *node, Node *other)
{
    return stile_tunnel_find(node->tunnel, other->public_key);
}

StilePeerStats *
node_stats(Node *node, Node *other)
{
    return stile_tunnel_peer_stats(node_peer(node, other));
}

StileEndpoint
node_endpoint(Node *node)
{
    return (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = node->address};
}

void
node_handshake(Node *node, Node *other)
{
    stile_tunnel_handshake(node->tunnel, node_peer(node, other), world_now(node->world));
}

GBytes *
world_packet(const StileAddress *from, const StileAddress *to, gsize size, guint8 filling)
{
    guint8 *packet = g_malloc(size);
    gsize ip;
    const guint8 *source = stile_address_ip(from, &ip);

    memset(packet, filling, size);
    if (ip == 4) {
        packet[0] = 0x45;
        packet[2] = (guint8)(size >> 8);
        packet[3] = (guint8)size;
        memcpy(packet + 12, source, 4);
        memcpy(packet + 16, stile_address_ip(to, &ip), 4);
    } else {
        packet[0] = 0x60;
        packet[4] = (guint8)((size - 40) >> 8);
        packet[5] = (guint8)(size - 40);
        memcpy(packet + 8, source, 16);
        memcpy(packet + 24, stile_address_ip(to, &ip), 16);
    }
    return g_bytes_new_take(packet, size);
}

void
node_send(Node *node, GBytes *packet)
{
    gint64 now = world_now(node->world);
    guint8 out[65536 + STILE_TUNNEL_OVERHEAD];
    StileEndpoint first, second;
    StileTunnelPeer *peer;
    gsize size, sealed;
    const guint8 *data = g_bytes_get_data(packet, &size);

    peer = data[0] >> 4 == 4 ? stile_tunnel_route(node->tunnel, AF_INET, data + 16)
                             : stile_tunnel_route(node->tunnel, AF_INET6, data + 24);
    g_assert_nonnull(peer);
    sealed = stile_tunnel_seal(node->tunnel, peer, now, data, size, WORLD_MTU, out);
    if (sealed == 0) {
        stile_tunnel_queue(node->tunnel, peer, data, size);
        return;
    }
    first = stile_tunnel_peer_endpoint(peer, &second);
    post(node, &first, out, sealed);
    if (second.kind != STILE_ENDPOINT_NONE)
        post(node, &second, out, sealed);
}

void
node_send_to(Node *node, Node *other, gsize size)
{
    g_autoptr(GBytes) packet = world_packet(&node->inner, &other->inner, size, 0x5a);

    node_send(node, packet);
}

StileTunnelResult
node_receive(Node *node, const StileEndpoint *from, GBytes *message)
{
    gsize size, packet_size;
    const guint8 *data = g_bytes_get_data(message, &size);
    /* Exactly as long, so that a sanitizer sees a read past the end. */
    g_autofree guint8 *copy = g_memdup2(data, size);
    guint8 *packet;
    StileTunnelPeer *peer;
    StileTunnelResult result = stile_tunnel_receive(node->tunnel, from, world_now(node->world),
                                                    copy, size, &peer, &packet, &packet_size);

    node->results[result]++;
    if (result == STILE_TUNNEL_PACKET) {
        g_assert_nonnull(peer);
        node->packets++;
        g_clear_pointer(&node->last, g_bytes_unref);
        node->last = g_bytes_new(packet, packet_size);
    }
    return result;
}

GBytes *
node_seal(Node *node, Node *other, GBytes *packet)
{
    guint8 out[65536 + STILE_TUNNEL_OVERHEAD];
    gsize size;
    const guint8 *data = g_bytes_get_data(packet, &size);
    gsize sealed = stile_tunnel_seal(node->tunnel, node_peer(node, other), world_now(node->world),
                                     data, size, WORLD_MTU, out);

    return sealed ? g_bytes_new(out, sealed) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as the packet inside a transport message, sealed by a peer with a valid session. It
 * comes out only if its header gives it a length within what was sealed and a source address that
 * is the peer's, and then unchanged.
 */
#include "tests/unit/tunnel-world.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static World *world;
static Node *a, *b;

/* What the header says, read in another way than the tunnel does. */
static StileTunnelResult
expected(const guint8 *packet, gsize size, gsize *ret_size)
{
    gboolean v4 = size > 0 && (packet[0] & 0xf0) == 0x40,
             v6 = size > 0 && (packet[0] & 0xf0) == 0x60;
    guint16 field;
    gsize ip;

    if (size == 0)
        return STILE_TUNNEL_CONSUMED;
    if ((!v4 && !v6) || size < (v4 ? 20 : 40))
        return STILE_TUNNEL_MALFORMED;
    memcpy(&field, packet + (v4 ? 2 : 4), sizeof field);
    *ret_size = GUINT16_FROM_BE(field) + (v4 ? 0 : 40u);
    if (*ret_size < 20 || *ret_size > size)
        return STILE_TUNNEL_MALFORMED;
    if (v4 ? memcmp(packet + 12, stile_address_ip(&a->inner, &ip), 4)
           : memcmp(packet + 8, stile_address_ip(&a->inner6, &ip), 16))
        return STILE_TUNNEL_DISALLOWED;
    return STILE_TUNNEL_PACKET;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) packet = NULL;
    g_autoptr(GBytes) message = NULL;
    g_autofree guint8 *padded = NULL;
    StileTunnelResult result;
    StileEndpoint from;
    gsize inner = 0;

    if (!world) {
        world = world_new(1);
        a = world_add(world);
        b = world_add(world);
        world_pair(a, b, NULL);
    }
    if (size > 65535)
        return 0;
    packet = g_bytes_new(data, size);
    if (!(message = node_seal(a, b, packet))) {
        world_run(world, 0);
        message = node_seal(a, b, packet);
    }
    /* The padding is part of what was sealed, and the header may count it in. */
    inner = g_bytes_get_size(message) - STILE_TUNNEL_OVERHEAD;
    g_assert_cmpuint(inner, >=, size);
    g_assert_cmpuint(inner, <=, MAX(size, MIN(WORLD_MTU, size + 15)));
    padded = g_malloc0(inner + 1);
    if (size)
        memcpy(padded, data, size);
    from = node_endpoint(a);
    result = node_receive(b, &from, message);
    g_assert_cmpint(result, ==, expected(padded, inner, &inner));
    if (result == STILE_TUNNEL_PACKET)
        g_assert_cmpmem(g_bytes_get_data(b->last, NULL), g_bytes_get_size(b->last), padded, inner);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a message from the network, given to a tunnel that has a session and waits for a
 * response as well. The first byte says whether mac1 is made right, so that what lies behind it is
 * reached. Nothing of it may be accepted, and the session must go on working.
 */
#include "tests/unit/tunnel-world.h"
#include "tunnel/peer.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static World *world;
static Node *a, *b;

static void
set_up(void)
{
    world = world_new(1);
    a = world_add(world);
    b = world_add(world);
    node_set_table(a, node_table(a, TRUE, b, NULL));
    node_set_table(b, node_table(b, TRUE, a, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StileEndpoint from = {.kind = STILE_ENDPOINT_UDP};
    g_autoptr(GBytes) message = NULL;
    g_autofree guint8 *copy = NULL;
    StileTunnelResult result;
    guint packets;

    if (!world)
        set_up();
    if (size < 1)
        return 0;
    world_run(world, 25000); /* slowly enough not to be under load, for ever in the same second */
    if (!node_peer(b, a)->pending)
        stile_tunnel_peer_initiate(node_peer(b, a), world_now(world), 0);
    copy = g_memdup2(data + 1, size - 1);
    if (data[0] & 1 && size - 1 >= sizeof(StileMessageMacs)) {
        StileCookie cookie;

        stile_cookie_init(&cookie, b->public_key);
        stile_cookie_sign(&cookie, 0, copy, size - 1);
    }
    message = g_bytes_new_take(g_steal_pointer(&copy), size - 1);
    result = node_receive(b, &from, message);
    g_assert_true(result == STILE_TUNNEL_MALFORMED || result == STILE_TUNNEL_UNAUTHENTICATED);
    g_assert_true(stile_tunnel_peer_endpoint(node_peer(b, a), NULL).remote.sa.sa_family != 0);

    packets = b->packets;
    node_send_to(a, b, 20 + size % 1400);
    world_run(world, 0);
    g_assert_cmpuint(b->packets, ==, packets + 1);
    return 0;
}

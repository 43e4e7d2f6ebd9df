/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves that a packet costs the tunnel no allocation, and how little memory a peer takes, idle and
 * with its sessions. Counts by standing before the C library's allocator; a sanitizer stands there
 * already, so under one there is nothing to test. */
#include "tests/unit/tunnel-world.h"
#include "tunnel/message.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static gsize allocations, bytes;

#if defined __GLIBC__ && !defined SANITIZED
#define COUNTS   1
#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static void *
count(void *memory)
{
    allocations++;
    bytes += malloc_usable_size(memory);
    return memory;
}

EXPORTED void *
malloc(size_t size)
{
    return count(__libc_malloc(size));
}

EXPORTED void *
calloc(size_t n, size_t size)
{
    return count(__libc_calloc(n, size));
}

EXPORTED void *
realloc(void *memory, size_t size)
{
    bytes -= malloc_usable_size(memory);
    return count(__libc_realloc(memory, size));
}

EXPORTED void
free(void *memory)
{
    bytes -= malloc_usable_size(memory);
    __libc_free(memory);
}
#else
#define COUNTS 0
#endif

static void
test_packets(void)
{
    g_autoptr(World) world = world_new(1);
    Node *a = world_add(world), *b = world_add(world);
    g_autoptr(GBytes) packet = world_packet(&a->inner, &b->inner, 1420, 1);
    StileEndpoint from = node_endpoint(a);
    guint8 out[1420 + STILE_TUNNEL_OVERHEAD];

    world_pair(a, b, NULL);
    node_send(a, packet);
    world_run(world, 0);
    for (guint i = 0; i < 1000; i++) {
        gsize before = allocations, size;
        StileTunnelPeer *to, *peer;
        guint8 *inner;

        stile_clock_advance(world->clock, 1000);
        memcpy(out + 16, g_bytes_get_data(packet, NULL), 1420);
        to = stile_tunnel_route(a->tunnel, AF_INET, out + 16 + 16);
        size = stile_tunnel_seal(a->tunnel, to, world_now(world), out + 16, 1420, WORLD_MTU, out);
        g_assert_cmpint(stile_tunnel_receive(b->tunnel, &from, world_now(world), out, size, &peer,
                                             &inner, &size),
                        ==, STILE_TUNNEL_PACKET);
        g_assert_true(inner == out + 16);
        g_assert_cmpuint(size, ==, 1420);
        if (COUNTS && i > 0) /* the first may be the one that makes room for its size */
            g_assert_cmpuint(allocations, ==, before);
    }
}

static void
test_peers(void)
{
    g_autoptr(World) world = world_new(2);
    Node *a = world_add(world), *b = world_add(world);
    StileTable *table = stile_table_new();
    gsize before, one = 0, all, unused;

    for (guint i = 0; i < 1000; i++) {
        guint8 key[STILE_KEY_SIZE];

        stile_clock_random(world->clock, key, sizeof key);
        stile_table_add(table, key, NULL);
    }
    before = bytes;
    node_set_table(a, stile_table_ref(table));
    unused = (bytes - before) / 1000;
    stile_table_unref(table);

    world_pair(a, b, NULL);
    before = bytes;
    /* From one session to as many as there can be: after a renewal, with another under way. */
    for (guint i = 0; i < 3; i++) {
        node_send_to(a, b, 1420);
        node_send_to(b, a, 1420);
        world_run(world, 0);
        if (i == 0)
            one = (bytes - before) / 2;
        world_run(world, SECONDS(125));
    }
    all = (bytes - before) / 2;
    g_test_message("a peer takes %zu bytes unused, %zu more with a session, %zu with all", unused,
                   one, all);
    if (!COUNTS) {
        g_test_skip("memory cannot be counted in this build");
        return;
    }
    g_assert_cmpuint(a->handshakes, >, 1);
    g_assert_cmpuint(unused, >, 0);
    g_assert_cmpuint(unused, <, 1024);
    g_assert_cmpuint(one, <, 10 * 1024);
    g_assert_cmpuint(all, <, 16 * 1024);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/memory/packets", test_packets);
    g_test_add_func("/tunnel/memory/peers", test_peers);
    return g_test_run();
}

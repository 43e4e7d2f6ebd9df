/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-ports.h"

/* Tries at random before it looks for a free one in order. */
#define RANDOM_TRIES 64

struct NatboxPorts {
    const NatboxOptions *options;
    NatboxTable *table;
    GRand *random;
    GHashTable *pairs;  /* inside address -> outside address */
    GHashTable *blocks; /* inside address -> number of its block, from 1 */
    GHashTable *taken;  /* numbers of blocks that are given */
    guint next_pair;
    guint last[IPPROTO_UDP + 1]; /* by protocol: ICMP, TCP, UDP; 0: none yet */
};

NatboxPorts *
natbox_ports_new(const NatboxOptions *options, NatboxTable *table)
{
    NatboxPorts *ports = g_new0(NatboxPorts, 1);

    ports->options = options;
    ports->table = table;
    ports->random = g_rand_new_with_seed(options->seed);
    ports->pairs = g_hash_table_new(NULL, NULL);
    ports->blocks = g_hash_table_new(NULL, NULL);
    ports->taken = g_hash_table_new(NULL, NULL);
    return ports;
}

void
natbox_ports_free(NatboxPorts *ports)
{
    g_rand_free(ports->random);
    g_hash_table_unref(ports->pairs);
    g_hash_table_unref(ports->blocks);
    g_hash_table_unref(ports->taken);
    g_free(ports);
}

void
natbox_ports_reset(NatboxPorts *ports)
{
    g_hash_table_remove_all(ports->pairs);
    g_hash_table_remove_all(ports->blocks);
    g_hash_table_remove_all(ports->taken);
    ports->next_pair = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(ports->last); i++)
        ports->last[i] = 0;
}

static guint32
choose_address(NatboxPorts *ports, guint32 inside)
{
    const GArray *pool = ports->options->addresses;
    guint32 address;

    if (pool->len == 1)
        return g_array_index(pool, guint32, 0);
    if (!ports->options->paired)
        return g_array_index(pool, guint32,
                             (guint)g_rand_int_range(ports->random, 0, (gint32)pool->len));
    address = GPOINTER_TO_UINT(g_hash_table_lookup(ports->pairs, GUINT_TO_POINTER(inside)));
    if (!address) {
        address = g_array_index(pool, guint32, ports->next_pair++ % pool->len);
        g_hash_table_insert(ports->pairs, GUINT_TO_POINTER(inside), GUINT_TO_POINTER(address));
    }
    return address;
}

static gboolean
is_free(NatboxPorts *ports, guint8 protocol, NatboxEndpoint endpoint)
{
    return !natbox_table_find_outside(ports->table, protocol, endpoint);
}

/* From where ret->port is, by @step through low to high, until one is free. */
static gboolean
walk(NatboxPorts *ports, guint8 protocol, NatboxEndpoint *ret, guint low, guint high, gint step)
{
    gint size = (gint)(high - low) + 1;
    gint offset = ((gint)ret->port - (gint)low) % size;

    for (gint i = 0; i < size; i++) {
        offset = (offset + size) % size;
        ret->port = (guint16)(low + (guint)offset);
        if (is_free(ports, protocol, *ret))
            return TRUE;
        offset = (offset + step) % size;
    }
    return FALSE;
}

static gboolean
any_of(NatboxPorts *ports, guint8 protocol, NatboxEndpoint *ret, guint low, guint high)
{
    for (guint i = 0; i < RANDOM_TRIES; i++) {
        ret->port = (guint16)g_rand_int_range(ports->random, (gint32)low, (gint32)high + 1);
        if (is_free(ports, protocol, *ret))
            return TRUE;
    }
    return walk(ports, protocol, ret, low, high, 1);
}

/* Returns: the first port of the block that an inside address has, 0 when all are given */
static guint
block_of(NatboxPorts *ports, guint32 inside)
{
    const NatboxOptions *options = ports->options;
    guint count = ((guint)options->port_high - options->port_low + 1) / options->block;
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(ports->blocks, GUINT_TO_POINTER(inside)));

    if (!number) {
        if (g_hash_table_size(ports->taken) >= count)
            return 0;
        number = 1 + (guint)g_rand_int_range(ports->random, 0, (gint32)count);
        while (!g_hash_table_add(ports->taken, GUINT_TO_POINTER(number)))
            number = number % count + 1;
        g_hash_table_insert(ports->blocks, GUINT_TO_POINTER(inside), GUINT_TO_POINTER(number));
    }
    return options->port_low + (number - 1) * options->block;
}

static gboolean
next_in_sequence(NatboxPorts *ports, guint8 protocol, NatboxEndpoint *ret)
{
    const NatboxOptions *options = ports->options;
    guint low = options->port_low, high = options->port_high;
    guint *last = &ports->last[protocol];
    gint size = (gint)(high - low) + 1;
    gint offset = *last ? ((gint)(*last - low) + options->step) % size
                        : g_rand_int_range(ports->random, 0, size);

    ret->port = (guint16)(low + (guint)((offset + size) % size));
    if (!walk(ports, protocol, ret, low, high, options->step))
        return FALSE;
    *last = ret->port;
    return TRUE;
}

gboolean
natbox_ports_allocate(NatboxPorts *ports, guint8 protocol, NatboxEndpoint inside,
                      NatboxEndpoint *ret)
{
    const NatboxOptions *options = ports->options;
    guint first;

    ret->address = choose_address(ports, inside.address);
    switch (options->ports) {
    case NATBOX_PORTS_PRESERVE:
        ret->port = inside.port;
        return is_free(ports, protocol, *ret) ||
               walk(ports, protocol, ret, MIN(options->port_low, inside.port),
                    MAX(options->port_high, inside.port), 1);
    case NATBOX_PORTS_SEQUENTIAL:
        return next_in_sequence(ports, protocol, ret);
    case NATBOX_PORTS_BLOCK:
        first = block_of(ports, inside.address);
        return first && any_of(ports, protocol, ret, first, first + options->block - 1);
    case NATBOX_PORTS_RANDOM:
    default:
        return any_of(ports, protocol, ret, options->port_low, options->port_high);
    }
}

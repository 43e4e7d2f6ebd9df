/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/allowed-ips.h"

#include <string.h>

/* Nodes stand in one array and point by number: half the size of pointers, near each other, and
 * freed at once. Number 0 is nobody. */
typedef struct {
    guint8 ip[16];
    guint8 length;    /* bits of ip that this node stands for */
    guint32 child[2]; /* by the bit behind them */
    gpointer owner;   /* NULL: only a fork */
} Node;

/* What was found lately: packets come in runs, and a run needs no walk, however many peers there
 * are. By the last bits of the address. */
#define N_MEMOS 16
typedef struct {
    gboolean filled;
    guint8 ip[16];
    gpointer owner;
} Memo;

struct _StileAllowedIps {
    GArray *nodes;
    guint32 root4, root6;
    Memo *memos; /* N_MEMOS for IPv4, N_MEMOS for IPv6 */
};

StileAllowedIps *
stile_allowed_ips_new(void)
{
    StileAllowedIps *allowed = g_new0(StileAllowedIps, 1);

    allowed->nodes = g_array_new(FALSE, TRUE, sizeof(Node));
    g_array_set_size(allowed->nodes, 1);
    allowed->memos = g_new0(Memo, 2 * N_MEMOS);
    return allowed;
}

void
stile_allowed_ips_free(StileAllowedIps *allowed)
{
    g_array_unref(allowed->nodes);
    g_free(allowed->memos);
    g_free(allowed);
}

static guint
bit_at(const guint8 *ip, guint at)
{
    return ip[at / 8] >> (7 - at % 8) & 1;
}

/* How many bits from the left are the same in both, @max at most. */
static guint
common_bits(const guint8 *a, const guint8 *b, guint max)
{
    for (guint i = 0; i * 8 < max; i++) {
        guint8 differing = a[i] ^ b[i];

        if (differing)
            return MIN(max, i * 8 + (guint)__builtin_clz(differing) - 24);
    }
    return max;
}

static guint32
add_node(StileAllowedIps *allowed, const guint8 *ip, guint length, gpointer owner)
{
    Node node = {.length = (guint8)length, .owner = owner};

    for (guint i = 0; i * 8 < length; i++) {
        guint bits = MIN(length - i * 8, 8);

        node.ip[i] = ip[i] & (guint8)(0xff << (8 - bits));
    }
    g_array_append_val(allowed->nodes, node);
    return allowed->nodes->len - 1;
}

static guint32
insert(StileAllowedIps *allowed, guint32 at, const guint8 *ip, guint length, gpointer owner)
{
    Node *node = &g_array_index(allowed->nodes, Node, at);
    guint common;
    guint32 other;

    if (at == 0)
        return add_node(allowed, ip, length, owner);
    common = common_bits(node->ip, ip, MIN(node->length, length));
    if (common == node->length && common == length) {
        node->owner = owner;
        return at;
    }
    if (common == node->length) {
        guint side = bit_at(ip, common);

        other = insert(allowed, node->child[side], ip, length, owner);
        /* The array may have moved. */
        g_array_index(allowed->nodes, Node, at).child[side] = other;
        return at;
    }
    if (common == length) {
        guint side = bit_at(node->ip, common);

        other = add_node(allowed, ip, length, owner);
        g_array_index(allowed->nodes, Node, other).child[side] = at;
        return other;
    } else {
        guint32 fork = add_node(allowed, ip, common, NULL);
        guint side = bit_at(ip, common);

        other = add_node(allowed, ip, length, owner);
        g_array_index(allowed->nodes, Node, fork).child[side] = other;
        g_array_index(allowed->nodes, Node, fork).child[!side] = at;
        return fork;
    }
}

void
stile_allowed_ips_insert(StileAllowedIps *allowed, const StilePrefix *prefix, gpointer owner)
{
    gsize size;
    const guint8 *ip = stile_address_ip(&prefix->address, &size);
    guint32 *root = size == 4 ? &allowed->root4 : &allowed->root6;

    if (size == 0 || prefix->length > size * 8)
        return;
    memset(allowed->memos, 0, 2 * N_MEMOS * sizeof *allowed->memos);
    *root = insert(allowed, *root, ip, prefix->length, owner);
}

static gpointer
walk(const StileAllowedIps *allowed, int family, const guint8 *ip)
{
    guint max = family == AF_INET ? 32 : 128;
    guint32 at = family == AF_INET ? allowed->root4 : allowed->root6;
    gpointer owner = NULL;

    while (at != 0) {
        const Node *node = &g_array_index(allowed->nodes, Node, at);

        if (common_bits(node->ip, ip, node->length) < node->length)
            break;
        if (node->owner)
            owner = node->owner;
        if (node->length == max)
            break;
        at = node->child[bit_at(ip, node->length)];
    }
    return owner;
}

gpointer
stile_allowed_ips_lookup(const StileAllowedIps *allowed, int family, const guint8 *ip)
{
    gsize size = family == AF_INET ? 4 : 16;
    Memo *memo = &allowed->memos[(family == AF_INET ? 0 : N_MEMOS) + ip[size - 1] % N_MEMOS];

    if (memo->filled && memcmp(memo->ip, ip, size) == 0)
        return memo->owner;
    memo->filled = TRUE;
    memcpy(memo->ip, ip, size);
    memo->owner = walk(allowed, family, ip);
    return memo->owner;
}

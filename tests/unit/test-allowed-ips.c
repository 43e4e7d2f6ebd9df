/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves that the trie of allowed addresses answers what a walk over the list of prefixes would:
 * the owner of the longest prefix that holds the address, for both families. */
#include "tunnel/allowed-ips.h"

typedef struct {
    StilePrefix prefix;
    guint owner;
} Entry;

static void
insert(StileAllowedIps *allowed, const char *text, guint owner)
{
    StilePrefix prefix;

    g_assert_true(stile_prefix_parse(&prefix, text, NULL));
    stile_allowed_ips_insert(allowed, &prefix, GUINT_TO_POINTER(owner));
}

static guint
lookup(StileAllowedIps *allowed, const char *text)
{
    StileAddress address;
    gsize size;

    g_assert_true(stile_address_parse(&address, text, 0, NULL));
    return GPOINTER_TO_UINT(stile_allowed_ips_lookup(allowed, stile_address_family(&address),
                                                     stile_address_ip(&address, &size)));
}

static void
test_examples(void)
{
    g_autoptr(StileAllowedIps) allowed = stile_allowed_ips_new();
    StilePrefix unset = {0};

    g_assert_cmpuint(lookup(allowed, "10.0.0.1"), ==, 0);
    g_assert_cmpuint(lookup(allowed, "fd00::1"), ==, 0);
    insert(allowed, "10.86.0.0/16", 1);
    insert(allowed, "10.86.3.9/24", 2);
    insert(allowed, "10.86.3.4", 3);
    insert(allowed, "fd00::/64", 4);
    insert(allowed, "fd00::7", 5);
    g_assert_cmpuint(lookup(allowed, "10.86.0.1"), ==, 1);
    g_assert_cmpuint(lookup(allowed, "10.86.3.1"), ==, 2);
    g_assert_cmpuint(lookup(allowed, "10.86.3.4"), ==, 3);
    g_assert_cmpuint(lookup(allowed, "10.86.3.5"), ==, 2);
    g_assert_cmpuint(lookup(allowed, "10.87.0.1"), ==, 0);
    g_assert_cmpuint(lookup(allowed, "fd00::7"), ==, 5);
    g_assert_cmpuint(lookup(allowed, "fd00::8"), ==, 4);
    g_assert_cmpuint(lookup(allowed, "fd00:0:0:1::7"), ==, 0);

    insert(allowed, "0.0.0.0/0", 6);
    g_assert_cmpuint(lookup(allowed, "10.87.0.1"), ==, 6);
    g_assert_cmpuint(lookup(allowed, "fd00:0:0:1::7"), ==, 0);
    insert(allowed, "::/0", 7);
    g_assert_cmpuint(lookup(allowed, "fd00:0:0:1::7"), ==, 7);
    insert(allowed, "10.86.3.4/32", 8); /* the last one has it */
    g_assert_cmpuint(lookup(allowed, "10.86.3.4"), ==, 8);

    stile_allowed_ips_insert(allowed, &unset, GUINT_TO_POINTER(9));
    unset.address = stile_address_from_ip(AF_INET, "\1\2\3\4", 0);
    unset.length = 33;
    stile_allowed_ips_insert(allowed, &unset, GUINT_TO_POINTER(9));
    g_assert_cmpuint(lookup(allowed, "1.2.3.4"), ==, 6);
}

/* Few distinct bytes, so that prefixes overlap and addresses hit them. */
static StileAddress
random_address(GRand *rand, int family)
{
    guint8 ip[16];

    for (gsize i = 0; i < sizeof ip; i++)
        ip[i] = (guint8[]){0x00, 0x01, 0x80, 0xff}[g_rand_int_range(rand, 0, 4)];
    ip[0] |= 0x20; /* never an IPv4-mapped address */
    return stile_address_from_ip(family, ip, 0);
}

static guint
naive(const GArray *entries, const StileAddress *address)
{
    const Entry *best = NULL;

    for (guint i = 0; i < entries->len; i++) {
        const Entry *entry = &g_array_index(entries, Entry, i);

        if (stile_prefix_contains(&entry->prefix, address) &&
            (!best || entry->prefix.length >= best->prefix.length))
            best = entry;
    }
    return best ? best->owner : 0;
}

static void
test_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(8);

    for (guint round = 0; round < 60; round++) {
        g_autoptr(StileAllowedIps) allowed = stile_allowed_ips_new();
        g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(Entry));
        guint found = 0;

        for (guint i = 1; i <= 10 * round; i++) {
            int family = g_rand_boolean(rand) ? AF_INET : AF_INET6;
            Entry entry = {.owner = i};

            entry.prefix.address = random_address(rand, family);
            entry.prefix.length = (guint8)g_rand_int_range(rand, 0, family == AF_INET ? 33 : 129);
            g_array_append_val(entries, entry);
            stile_allowed_ips_insert(allowed, &entry.prefix, GUINT_TO_POINTER(i));
        }
        for (guint i = 0; i < 400; i++) {
            StileAddress address = random_address(rand, i % 2 ? AF_INET : AF_INET6);
            gsize size;
            const guint8 *ip = stile_address_ip(&address, &size);
            guint owner = GPOINTER_TO_UINT(
                stile_allowed_ips_lookup(allowed, stile_address_family(&address), ip));

            g_assert_cmpuint(owner, ==, naive(entries, &address));
            found += owner != 0;
        }
        if (round == 59)
            g_assert_cmpuint(found, >, 100);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/allowed-ips/examples", test_examples);
    g_test_add_func("/tunnel/allowed-ips/random", test_random);
    return g_test_run();
}

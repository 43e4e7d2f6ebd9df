/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv4 addresses stand in IPv6 ones as RFC 6052 §2.4 says, at all six lengths; the prefix is found
 * in what a name server says of ipv4only.arpa (RFC 7050), and nonsense is no prefix. */
#include "nat/nat64.h"

static StileAddress
address(const char *text)
{
    StileAddress parsed;

    g_assert_true(stile_address_parse(&parsed, text, 0, NULL));
    return parsed;
}

static StilePrefix
prefix(const char *text)
{
    StilePrefix parsed;

    g_assert_true(stile_prefix_parse(&parsed, text, NULL));
    return parsed;
}

static void
assert_address(const StileAddress *address, const char *text)
{
    g_autofree char *printed = stile_address_to_string(address);

    g_assert_cmpstr(printed, ==, text);
}

/* RFC 6052 §2.4, both tables */
static void
test_vectors(void)
{
    static const struct {
        const char *prefix, *ipv6;
    } vectors[] = {
        {"2001:db8::/32", "[2001:db8:c000:221::]:9"},
        {"2001:db8:100::/40", "[2001:db8:1c0:2:21::]:9"},
        {"2001:db8:122::/48", "[2001:db8:122:c000:2:2100::]:9"},
        {"2001:db8:122:300::/56", "[2001:db8:122:3c0:0:221::]:9"},
        {"2001:db8:122:344::/64", "[2001:db8:122:344:c0:2:2100:0]:9"},
        {"2001:db8:122:344::/96", "[2001:db8:122:344::c000:221]:9"},
        {"64:ff9b::/96", "[64:ff9b::c000:221]:9"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
        StilePrefix nat64 = prefix(vectors[i].prefix);
        StileAddress ipv4 = address("192.0.2.33:9"), expected = address(vectors[i].ipv6), made,
                     back;

        g_assert_true(stile_nat64_synthesize(&made, &nat64, &ipv4));
        g_assert_true(stile_address_equal(&made, &expected));
        g_assert_true(stile_nat64_extract(&back, &nat64, &made));
        assert_address(&back, "192.0.2.33:9");
    }
}

static void
test_refused(void)
{
    StilePrefix good = prefix("64:ff9b::/96"), odd = prefix("2001:db8::/60"),
                filled = prefix("2001:db8:0:0:ff00::/96"), ipv4_prefix = prefix("10.0.0.0/8");
    StileAddress ipv4 = address("192.0.2.33:9"), ipv6 = address("[2001:db8::1]:9"), ret;
    StilePrefix of_64 = prefix("2001:db8:122:344::/64");
    StileAddress nonzero_octet = address("[2001:db8:122:344:ff:0:aa00:0]:0");

    nonzero_octet.in6.sin6_addr.s6_addr[8] = 1;
    g_assert_false(stile_nat64_synthesize(&ret, &odd, &ipv4));
    g_assert_false(stile_nat64_synthesize(&ret, &filled, &ipv4));
    g_assert_false(stile_nat64_synthesize(&ret, &ipv4_prefix, &ipv4));
    g_assert_false(stile_nat64_synthesize(&ret, &good, &ipv6));
    g_assert_false(stile_nat64_extract(&ret, &good, &ipv6));
    g_assert_false(stile_nat64_extract(&ret, &good, &ipv4));
    g_assert_false(stile_nat64_extract(&ret, &odd, &ipv6));
    g_assert_false(stile_nat64_extract(&ret, &of_64, &nonzero_octet));
}

static void
assert_found(const char *const *answers, const char *expected)
{
    StileAddress addresses[4];
    StilePrefix found = {0};
    gsize n = 0;

    for (; answers[n]; n++)
        addresses[n] = address(answers[n]);
    if (!expected) {
        g_assert_false(stile_nat64_find_prefix(&found, addresses, n));
        return;
    }
    StilePrefix wanted = prefix(expected);
    g_assert_true(stile_nat64_find_prefix(&found, addresses, n));
    g_assert_true(stile_prefix_equal(&found, &wanted));
}

static void
test_prefix_is_found(void)
{
    static const char *const prefixes[] = {
        "2001:db8::/32",         "2001:db8:100::/40",     "2001:db8:122::/48",
        "2001:db8:122:300::/56", "2001:db8:122:344::/64", "2001:db8:122:344::/96",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        StilePrefix nat64 = prefix(prefixes[i]), found;
        StileAddress answers[2], well_known[] = {address("192.0.0.170"), address("192.0.0.171")};

        for (gsize k = 0; k < G_N_ELEMENTS(answers); k++)
            g_assert_true(stile_nat64_synthesize(&answers[k], &nat64, &well_known[k]));
        g_assert_true(stile_nat64_find_prefix(&found, answers, 2));
        g_assert_true(stile_prefix_equal(&found, &nat64));
        g_assert_true(stile_nat64_find_prefix(&found, &answers[1], 1));
        g_assert_true(stile_prefix_equal(&found, &nat64));
    }
}

static void
test_nonsense(void)
{
    assert_found((const char *const[]){NULL}, NULL);
    assert_found((const char *const[]){"2001:db8::1", NULL}, NULL);
    assert_found((const char *const[]){"192.0.0.170", NULL}, NULL);
    /* At two places: which is it? */
    assert_found((const char *const[]){"2001:db8:c000:aa::c000:aa", NULL}, NULL);
    /* The name server is not all nonsense. */
    assert_found(
        (const char *const[]){"2001:db8:c000:aa::c000:aa", "::1", "64:ff9b::c000:ab", NULL},
        "64:ff9b::/96");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nat64/vectors", test_vectors);
    g_test_add_func("/nat64/refused", test_refused);
    g_test_add_func("/nat64/prefix-is-found", test_prefix_is_found);
    g_test_add_func("/nat64/nonsense", test_nonsense);
    return g_test_run();
}

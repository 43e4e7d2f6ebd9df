/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv4 addresses stand in IPv6 ones as RFC 6052 §2.4 says, at all six lengths; the prefix is found
 * in what a name server says of ipv4only.arpa (RFC 7050) or a router advertises (RFC 8781), and
 * nonsense is no prefix. */
#include "addresses.h"
#include "base/nat64.h"
#include "nat/pref64.h"

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
    assert_found((const char *const[]){"fe80::c000:aa", NULL}, NULL);
    assert_found((const char *const[]){"ff02::c000:aa", NULL}, NULL);
    assert_found((const char *const[]){"::1", "::", NULL}, NULL);
    /* Nobody but an operator, or a home, has a NAT64; in both it may be private. */
    assert_found((const char *const[]){"fd00:64::c000:aa", NULL}, "fd00:64::/96");
}

/* Name servers turn the order of what they have, and say one prefix at least twice. */
static void
test_several(void)
{
    assert_found((const char *const[]){"2001:db8:2::c000:aa", "2001:db8:1::c000:aa", NULL},
                 "2001:db8:1::/96");
    assert_found((const char *const[]){"2001:db8:1::c000:aa", "2001:db8:2::c000:aa", NULL},
                 "2001:db8:1::/96");
    assert_found((const char *const[]){"2001:db8:2::c000:ab", "2001:db8:1::c000:aa",
                                       "2001:db8:2::c000:aa", NULL},
                 "2001:db8:2::/96");
}

static void
test_too_many(void)
{
    StileAddress addresses[500];
    StilePrefix found;

    /* Only the first few are looked at. */
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++)
        addresses[i] = address("2001:db8::1");
    addresses[G_N_ELEMENTS(addresses) - 1] = address("64:ff9b::c000:aa");
    g_assert_false(stile_nat64_find_prefix(&found, addresses, G_N_ELEMENTS(addresses)));
    addresses[3] = address("64:ff9b::c000:aa");
    g_assert_true(stile_nat64_find_prefix(&found, addresses, G_N_ELEMENTS(addresses)));
}

static void
test_translates(void)
{
    StilePrefix well_known = prefix("64:ff9b::/96"), none = {0};
    StileAddress global = address("192.0.2.33:9"), private = address("10.0.0.1:9"),
                 shared = address("100.64.0.1:9"), ipv6 = address("[2001:db8::1]:9");

    g_assert_true(stile_nat64_translates(&well_known, &global));
    g_assert_false(stile_nat64_translates(&none, &global));
    g_assert_false(stile_nat64_translates(&well_known, &private));
    g_assert_false(stile_nat64_translates(&well_known, &shared));
    g_assert_false(stile_nat64_translates(&well_known, &ipv6));
}

/* PREF64, RFC 8781 §4 */

static void
assert_options(const char *seed, const char *const *expected)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tests/fuzz/seeds/pref64", seed,
                                                  NULL);
    g_autofree char *data = NULL;
    StilePref64 pref64;
    StileReader options;
    gsize size;

    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    options = STILE_READER_INIT(data, size);
    for (; *expected; expected++) {
        g_autofree char *text = NULL, *with_lifetime = NULL;

        g_assert_true(stile_pref64_next(&options, &pref64));
        text = stile_prefix_to_string(&pref64.prefix);
        with_lifetime = g_strdup_printf("%s %u", text, pref64.lifetime);
        g_assert_cmpstr(with_lifetime, ==, *expected);
    }
    g_assert_false(stile_pref64_next(&options, &pref64));
}

static void
test_pref64(void)
{
    assert_options("of-each-length",
                   (const char *const[]){"64:ff9b::/96 1800", "2001:db8:122:344::/64 65528",
                                         "2001:db8:122:300::/56 600", "2001:db8:122::/48 0",
                                         "2001:db8:100::/40 8", "2001:db8::/32 600", NULL});
    assert_options("among-others", (const char *const[]){"64:ff9b::/96 1800", NULL});
    /* A code that does not exist, a prefix on the link, something in the zero octet, too short, too
     * long, without a length */
    assert_options("odd", (const char *const[]){NULL});
}

static void
test_pref64_cut(void)
{
    static const guint8 option[] = {38, 2, 0x07, 0x08, 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
    StilePref64 pref64;

    for (gsize size = 0; size <= sizeof option; size++) {
        g_autofree guint8 *exactly = g_memdup2(option, size);
        StileReader options = STILE_READER_INIT(exactly, size);

        g_assert_cmpint(stile_pref64_next(&options, &pref64), ==, size == sizeof option);
    }
    g_assert_cmpuint(pref64.lifetime, ==, 1800);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nat64/vectors", test_vectors);
    g_test_add_func("/nat64/refused", test_refused);
    g_test_add_func("/nat64/prefix-is-found", test_prefix_is_found);
    g_test_add_func("/nat64/nonsense", test_nonsense);
    g_test_add_func("/nat64/several", test_several);
    g_test_add_func("/nat64/too-many", test_too_many);
    g_test_add_func("/nat64/translates", test_translates);
    g_test_add_func("/nat64/pref64", test_pref64);
    g_test_add_func("/nat64/pref64-cut", test_pref64_cut);
    return g_test_run();
}

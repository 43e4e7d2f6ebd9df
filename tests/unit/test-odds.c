/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The birthday odds are those that were published, and agree with the sum done another way; the
 * odds of a pair of NATs say yes and no as the rules of RFC 4787 have it, the same from both sides.
 */
#include "punch/odds.h"

/* Tailscale, “How NAT traversal works”: 256 sockets against 174 to 2048 probes */
static void
test_published(void)
{
    static const struct {
        guint probes;
        double percent, precision;
    } cases[] = {{174, 50, 0.5}, {256, 64, 0.5}, {1024, 98.3, 0.05}, {2048, 99.97, 0.005}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpfloat_with_epsilon(100 * stile_odds_birthday(256, cases[i].probes, 64511),
                                       cases[i].percent, cases[i].precision);
}

/* C(n, k) by Pascal's triangle, for small n */
static double
choose(guint n, guint k)
{
    double row[32] = {1};

    for (guint i = 1; i <= n; i++)
        for (guint j = i; j > 0; j--)
            row[j] += row[j - 1];
    return row[k];
}

static void
test_formula(void)
{
    for (guint ports = 1; ports < 31; ports++)
        for (guint sockets = 1; sockets <= ports; sockets++)
            for (guint probes = 1; probes <= ports; probes++) {
                double misses = sockets + probes > ports ? 0 : choose(ports - sockets, probes);
                double odds = stile_odds_birthday(sockets, probes, ports);

                g_assert_cmpfloat_with_epsilon(odds, 1 - misses / choose(ports, probes), 1e-12);
                g_assert_cmpfloat_with_epsilon(odds, stile_odds_birthday(probes, sockets, ports),
                                               1e-12);
            }
}

static void
test_edges(void)
{
    g_assert_cmpfloat(stile_odds_birthday(0, 100, 64511), ==, 0);
    g_assert_cmpfloat(stile_odds_birthday(100, 0, 64511), ==, 0);
    g_assert_cmpfloat(stile_odds_birthday(100, 100, 0), ==, 0);
    g_assert_cmpfloat(stile_odds_birthday(1, 64511, 64511), ==, 1);
    g_assert_cmpfloat(stile_odds_birthday(G_MAXUINT, G_MAXUINT, G_MAXUINT), ==, 1);
    g_assert_cmpfloat_with_epsilon(stile_odds_birthday(1, 1, 1000), 0.001, 1e-12);
}

#define NONE STILE_NAT_NONE
#define EI   STILE_NAT_ENDPOINT_INDEPENDENT
#define AD   STILE_NAT_ADDRESS_DEPENDENT
#define APD  STILE_NAT_ADDRESS_AND_PORT_DEPENDENT
#define WHAT STILE_NAT_UNKNOWN

static void
test_direct(void)
{
    static const struct {
        StileNatSide mine, theirs;
        gboolean works;
    } cases[] = {
        {{NONE, NONE, FALSE}, {APD, APD, FALSE}, TRUE}, /* a public address against anything */
        {{NONE, APD, FALSE}, {NONE, APD, FALSE}, TRUE}, /* two firewalls */
        {{NONE, APD, FALSE}, {APD, APD, FALSE}, FALSE}, /* a firewall against a symmetric NAT */
        {{EI, APD, FALSE}, {EI, APD, FALSE}, TRUE},     /* two port-restricted cones */
        {{EI, WHAT, FALSE}, {EI, WHAT, FALSE}, TRUE},
        {{EI, EI, FALSE}, {APD, APD, FALSE}, TRUE},   /* a full cone against a symmetric NAT */
        {{EI, AD, FALSE}, {APD, APD, FALSE}, TRUE},   /* a restricted cone against it */
        {{EI, APD, FALSE}, {APD, APD, FALSE}, FALSE}, /* a port-restricted one */
        {{EI, WHAT, FALSE}, {AD, APD, FALSE}, FALSE},
        {{APD, APD, FALSE}, {APD, APD, FALSE}, FALSE}, /* two symmetric NATs */
        {{APD, EI, FALSE}, {APD, AD, FALSE}, TRUE},    /* one that lets anybody answer */
        {{APD, EI, FALSE}, {APD, APD, FALSE}, FALSE},
        {{APD, EI, FALSE}, {EI, APD, FALSE}, FALSE}, /* its answer comes from a port not asked */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        double odds = stile_odds_direct(&cases[i].mine, &cases[i].theirs);

        g_assert_cmpfloat(odds, ==, stile_odds_direct(&cases[i].theirs, &cases[i].mine));
        g_test_message("case %" G_GSIZE_FORMAT ": %g", i, odds);
        if (cases[i].works) {
            g_assert_cmpfloat(odds, >, 0.9);
            g_assert_cmpfloat(odds, <, 1);
        } else {
            g_assert_cmpfloat(odds, >, 0);
            g_assert_cmpfloat(odds, <, 0.001);
        }
    }
}

static void
test_blocked_and_unknown(void)
{
    static const StileNatSide easy = {EI, APD, FALSE};
    static const StileNatSide blocked = {WHAT, WHAT, TRUE};
    static const StileNatSide unknown = {WHAT, EI, FALSE};

    g_assert_cmpfloat(stile_odds_direct(&easy, &blocked), ==, 0);
    g_assert_cmpfloat(stile_odds_direct(&blocked, &unknown), ==, 0);
    g_assert_cmpfloat(stile_odds_direct(&easy, &unknown), ==, -1);
    g_assert_cmpfloat(stile_odds_direct(&unknown, &easy), ==, -1);
}

/* The published figures for two hard NATs without blocks */
static void
test_birthday_both(void)
{
    g_assert_cmpfloat_with_epsilon(stile_odds_birthday_both(256, 2048, 64511), 0.00013, 0.00001);
    g_assert_cmpfloat_with_epsilon(stile_odds_birthday_both(54000, 54000, 64511), 0.5, 0.01);
    g_assert_cmpfloat_with_epsilon(stile_odds_birthday_both(170000, 170000, 64511), 0.999, 0.0005);
    g_assert_cmpfloat(stile_odds_birthday_both(0, 1000, 64511), ==, 0);
    g_assert_cmpfloat(stile_odds_birthday_both(1000, 1000, 0), ==, 0);
    g_assert_cmpfloat(stile_odds_birthday_both(1, 1, 1), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/odds/published", test_published);
    g_test_add_func("/odds/formula", test_formula);
    g_test_add_func("/odds/edges", test_edges);
    g_test_add_func("/odds/direct", test_direct);
    g_test_add_func("/odds/blocked-and-unknown", test_blocked_and_unknown);
    g_test_add_func("/odds/birthday-both", test_birthday_both);
    return g_test_run();
}

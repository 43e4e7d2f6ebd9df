/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Static endpoints: how they are written, and which candidates come of them, at addresses that were
 * given and at the public one, whatever it is. */
#include "config.h"

#include "base/error.h"
#include "io/links.h"
#include "io/tun.h"
#include "mesh/static-endpoints.h"
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define SEC ((gint64)1000000)

static void
test_names(void)
{
    static const struct {
        const char *text, *host;
        guint16 port;
    } good[] = {
        {":51820", NULL, 51820},
        {"home.example.org:1", "home.example.org", 1},
        {"203.0.113.5:65535", "203.0.113.5", 65535},
        {"[2001:db8::5]:51820", "2001:db8::5", 51820},
    };
    static const char *const bad[] = {"",      ":",      ":0",           ":65536", "home",
                                      "home:", "home:x", "2001:db8::5",  "a b:1",  "a,b:1",
                                      "[::1]", "[::1]1", "stun:a:51820", "h:1:2",  "-:1 -:2"};

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_auto(StileEndpointName) name = {0};

        g_assert_true(stile_endpoint_name_parse(&name, good[i].text, NULL));
        g_assert_cmpstr(name.host, ==, good[i].host);
        g_assert_cmpuint(name.port, ==, good[i].port);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(StileEndpointName) name = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(stile_endpoint_name_parse(&name, bad[i], &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
}

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
}

static void
on_candidate(gpointer user_data, const StileCandidate *candidate)
{
    stile_static_endpoints_refresh_soon(*(StileStaticEndpoints **)user_data);
}

static void
on_complete(gpointer user_data)
{
}

/* Returns: (transfer full): the static candidates, one behind the other */
static char *
list(StileGatherer *gatherer)
{
    const GArray *candidates = stile_gatherer_candidates(gatherer);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < candidates->len; i++) {
        const StileCandidate *candidate = &g_array_index(candidates, StileCandidate, i);
        g_autofree char *address = stile_address_to_string(&candidate->address);
        g_autofree char *base = stile_address_to_string(&candidate->base);

        if (candidate->technique == STILE_TECHNIQUE_STATIC)
            g_string_append_printf(text, "%s from %s ", address, base);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
assert_list(StileClock *clock, StileGatherer *gatherer, const char *expected)
{
    g_autofree char *got = NULL;

    stile_clock_advance(clock, SEC);
    got = list(gatherer);
    g_assert_cmpstr(got, ==, expected);
}

static void
learn_public(StileGatherer *gatherer, const char *text, gboolean known)
{
    StileCandidate mapped = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_PORT_MAPPED,
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 1),
    };

    g_assert_true(stile_address_parse(&mapped.address, text, 0, NULL));
    g_assert_true(stile_address_parse(&mapped.base, "192.168.7.2:4000", 0, NULL));
    if (known)
        stile_gatherer_add(gatherer, &mapped);
    else
        stile_gatherer_remove(gatherer, &mapped);
}

static void
run_candidates(void)
{
    static const StileGathererOps ops = {
        .added = on_candidate,
        .removed = on_candidate,
        .complete = on_complete,
    };
    static const char *const given[] = {"11.0.0.5:51820", "10.0.0.9:9", "224.0.0.1:9", NULL};
    static const char *const any[] = {":51820", NULL};
    g_autoptr(StileClock) clock = stile_clock_new_virtual(SEC, 1);
    g_autoptr(StileStunTransactions)
        transactions = stile_stun_transactions_new(clock, on_send, NULL);
    StileStaticEndpoints *endpoints = NULL;
    StileGatherer *gatherer = stile_gatherer_new(clock, transactions, 4000, 0, &ops, &endpoints);

    endpoints = stile_static_endpoints_new(clock, gatherer, 4000, 0);
    assert_list(clock, gatherer, "");
    stile_static_endpoints_set(endpoints, given);
    assert_list(clock, gatherer,
                "11.0.0.5:51820 from 192.168.7.2:4000 10.0.0.9:9 from 192.168.7.2:4000 ");
    /* As long as the public address is not known, there is none; then it follows it. */
    stile_static_endpoints_set(endpoints, any);
    assert_list(clock, gatherer, "");
    learn_public(gatherer, "11.0.0.7:1234", TRUE);
    assert_list(clock, gatherer, "11.0.0.7:51820 from 192.168.7.2:4000 ");
    learn_public(gatherer, "11.0.0.7:1234", FALSE);
    learn_public(gatherer, "11.0.0.8:1235", TRUE);
    assert_list(clock, gatherer, "11.0.0.8:51820 from 192.168.7.2:4000 ");
    /* What a router has inside of a carrier's network is not public. */
    learn_public(gatherer, "11.0.0.8:1235", FALSE);
    learn_public(gatherer, "100.64.0.8:1235", TRUE);
    assert_list(clock, gatherer, "");
    learn_public(gatherer, "11.0.0.8:1235", TRUE);
    stile_static_endpoints_set(endpoints, NULL);
    assert_list(clock, gatherer, "");
    stile_static_endpoints_free(endpoints);
    stile_gatherer_free(gatherer);
}

/* In a network of its own, for where it is sent from is the kernel's to say. */
static gpointer
run_in_namespace(gpointer user_data)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(StilePrefix));
    g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(StilePrefix));
    g_autoptr(StileTun) tun = NULL;
    g_autoptr(GError) error = NULL;
    StilePrefix prefix;

    if (unshare(CLONE_NEWNET) < 0)
        return GINT_TO_POINTER(FALSE);
    tun = stile_tun_new("way0", &error);
    g_assert_no_error(error);
    g_assert_true(stile_prefix_parse(&prefix, "192.168.7.2/24", NULL));
    g_array_append_val(addresses, prefix);
    g_assert_true(stile_prefix_parse(&prefix, "8.0.0.0/5", NULL));
    g_array_append_val(routes, prefix);
    stile_link_configure(stile_tun_ifindex(tun), 1400, addresses, routes, &error);
    g_assert_no_error(error);
    run_candidates();
    return GINT_TO_POINTER(TRUE);
}

static void
test_candidates(void)
{
    if (access("/dev/net/tun", R_OK | W_OK) != 0)
        g_test_skip("no /dev/net/tun");
    else if (!GPOINTER_TO_INT(g_thread_join(g_thread_new("netns", run_in_namespace, NULL))))
        g_test_skip("needs root");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/static-endpoints/names", test_names);
    g_test_add_func("/static-endpoints/candidates", test_candidates);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a way is called, from both of its ends. */
#include "mesh/technique.h"

typedef struct {
    StileCandidateType type;
    StileTechnique technique;
    const char *address;
} End;

#define HOST(a)   STILE_CANDIDATE_HOST, STILE_TECHNIQUE_HOST, a
#define V6(a)     STILE_CANDIDATE_HOST, STILE_TECHNIQUE_IPV6, a
#define SEEN(a)   STILE_CANDIDATE_SERVER_REFLEXIVE, STILE_TECHNIQUE_REFLEXIVE, a
#define LEARNT(a) STILE_CANDIDATE_PEER_REFLEXIVE, STILE_TECHNIQUE_REFLEXIVE, a
#define MAPPED(a) STILE_CANDIDATE_SERVER_REFLEXIVE, STILE_TECHNIQUE_PORT_MAPPED, a
#define STATIC(a) STILE_CANDIDATE_SERVER_REFLEXIVE, STILE_TECHNIQUE_STATIC, a
#define OURS      "203.0.113.1:7"

static StileCandidate
candidate(const End *end)
{
    StileCandidate ret = {.type = end->type, .technique = end->technique};

    g_assert_true(stile_address_parse(&ret.address, end->address, 0, NULL));
    return ret;
}

static void
test_names(void)
{
    static const struct {
        End local, remote;
        StileTechnique name;
    } cases[] = {
        {{HOST("192.168.1.2:1")}, {HOST("192.168.1.3:1")}, STILE_TECHNIQUE_HOST},
        {{V6("[2001:db8::1]:1")}, {V6("[2001:db8::2]:1")}, STILE_TECHNIQUE_IPV6},
        {{SEEN(OURS)}, {SEEN("198.51.100.1:1")}, STILE_TECHNIQUE_REFLEXIVE},
        {{SEEN(OURS)}, {STATIC("198.51.100.1:1")}, STILE_TECHNIQUE_STATIC},
        {{STATIC(OURS)}, {LEARNT("198.51.100.1:1")}, STILE_TECHNIQUE_STATIC},
        {{MAPPED(OURS)}, {LEARNT("198.51.100.1:1")}, STILE_TECHNIQUE_PORT_MAPPED},
        {{SEEN(OURS)}, {MAPPED("198.51.100.1:1")}, STILE_TECHNIQUE_PORT_MAPPED},
        /* Behind our own NAT, at its outside address */
        {{SEEN(OURS)}, {SEEN("203.0.113.1:9")}, STILE_TECHNIQUE_HAIRPIN},
        {{SEEN(OURS)}, {MAPPED("203.0.113.1:9")}, STILE_TECHNIQUE_HAIRPIN},
        {{SEEN(OURS)}, {LEARNT("203.0.113.1:9")}, STILE_TECHNIQUE_HAIRPIN},
        /* Inside of a carrier's network: not turned around */
        {{SEEN(OURS)}, {MAPPED("100.64.0.9:9")}, STILE_TECHNIQUE_PORT_MAPPED},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileIcePair pair = {.local = candidate(&cases[i].local),
                             .remote = candidate(&cases[i].remote)};
        g_autoptr(GArray) locals = g_array_new(FALSE, FALSE, sizeof(StileCandidate));

        pair.endpoint = (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = pair.remote.address};
        g_array_append_val(locals, pair.local);
        g_assert_cmpstr(stile_technique_to_string(stile_technique_of_pair(&pair, locals)), ==,
                        stile_technique_to_string(cases[i].name));
    }
}

/* A server without NAT, whose address STUN servers see, too: others at it are on that machine. */
static void
test_own_address(void)
{
    const End host = {HOST(OURS)}, seen = {SEEN(OURS)}, other = {SEEN("203.0.113.1:9")};
    StileCandidate locals_of[] = {candidate(&seen), candidate(&host)};
    g_autoptr(GArray) locals = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    StileIcePair pair = {.local = candidate(&host), .remote = candidate(&other)};

    g_array_append_vals(locals, locals_of, 2);
    pair.endpoint = (StileEndpoint){.kind = STILE_ENDPOINT_UDP, .remote = pair.remote.address};
    g_assert_cmpint(stile_technique_of_pair(&pair, locals), ==, STILE_TECHNIQUE_REFLEXIVE);
}

/* IPv4 behind an IPv6 endpoint: there is a NAT64 between. */
static void
test_nat64(void)
{
    const End local = {V6("[2001:db8::1]:1")}, remote = {SEEN("198.51.100.1:1")};
    const End translated = {V6("[64:ff9b::c633:6401]:1")};
    g_autoptr(GArray) locals = g_array_new(FALSE, FALSE, sizeof(StileCandidate));
    StileIcePair pair = {.local = candidate(&local), .remote = candidate(&remote)};

    pair.endpoint = (StileEndpoint){.kind = STILE_ENDPOINT_UDP,
                                    .remote = candidate(&translated).address};
    g_assert_cmpint(stile_technique_of_pair(&pair, locals), ==, STILE_TECHNIQUE_NAT64);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/technique/names", test_names);
    g_test_add_func("/technique/own-address", test_own_address);
    g_test_add_func("/technique/nat64", test_nat64);
    return g_test_run();
}

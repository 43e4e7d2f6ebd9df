/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mapping behaviour is told from what STUN servers saw (RFC 5780 §4.3), and not told where they
 * did not see enough; what does not fit takes away confidence, not the verdict. Likewise the ways
 * to choose ports, the names of RFC 3489 and the layers; and what a server cannot know is not
 * believed. */
#include "nat/allocation.h"
#include "nat/behaviour.h"
#include "nat/layers.h"

#define A  "198.51.100.1:3478"
#define A2 "198.51.100.1:3479"
#define B  "203.0.113.1:3478"
#define C  "192.0.2.1:3478"
#define D  "192.0.2.2:3478"

typedef struct {
    const char *server, *mapped;
} Seen;

static StileNatVerdict
judge_from(const char *base, const Seen *seen)
{
    StileNatSample samples[8] = {0};
    gsize n = 0;

    for (; seen[n].server; n++) {
        g_assert_true(stile_address_parse(&samples[n].base, base, 0, NULL));
        g_assert_true(stile_address_parse(&samples[n].server, seen[n].server, 0, NULL));
        g_assert_true(stile_address_parse(&samples[n].mapped, seen[n].mapped, 0, NULL));
    }
    return stile_nat_judge_mapping(samples, n);
}

static StileNatVerdict
judge(const Seen *seen)
{
    return judge_from("10.0.0.5:4000", seen);
}

static void
test_behaviours(void)
{
    static const struct {
        Seen seen[5];
        StileNatBehaviour mapping;
        gboolean preserves_port;
    } cases[] = {
        {{{A, "10.0.0.5:4000"}}, STILE_NAT_NONE, TRUE},
        {{{A, "10.0.0.5:4000"}, {B, "10.0.0.5:4000"}}, STILE_NAT_NONE, TRUE},
        /* Nothing to compare: one server, one of two names */
        {{{A, "100.64.0.1:4000"}}, STILE_NAT_UNKNOWN, TRUE},
        {{{A, "100.64.0.1:4001"}, {A, "100.64.0.1:4001"}}, STILE_NAT_UNKNOWN, FALSE},
        /* One server, two ports: likely so */
        {{{A, "100.64.0.1:4000"}, {A2, "100.64.0.1:4000"}}, STILE_NAT_ENDPOINT_INDEPENDENT, TRUE},
        /* Linux, plain masquerade; and to a range of ports */
        {{{A, "100.64.0.1:4000"}, {B, "100.64.0.1:4000"}}, STILE_NAT_ENDPOINT_INDEPENDENT, TRUE},
        {{{A, "100.64.0.1:30007"}, {B, "100.64.0.1:30007"}}, STILE_NAT_ENDPOINT_INDEPENDENT, FALSE},
        /* masquerade random */
        {{{A, "100.64.0.1:7"}, {B, "100.64.0.1:9"}}, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, FALSE},
        {{{A, "100.64.0.1:7"}, {A2, "100.64.0.1:9"}}, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, FALSE},
        {{{A, "100.64.0.1:7"}, {A2, "100.64.0.1:9"}, {B, "100.64.0.1:11"}},
         STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
         FALSE},
        {{{A, "100.64.0.1:7"}, {A2, "100.64.0.1:7"}, {B, "100.64.0.1:9"}},
         STILE_NAT_ADDRESS_DEPENDENT,
         FALSE},
        /* A pool that changes the address and keeps the port is a dependent mapping all the same.
         */
        {{{A, "100.64.0.1:4000"}, {B, "100.64.0.2:4000"}},
         STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
         TRUE},
        /* Three agree, one met a port in use. */
        {{{A, "100.64.0.1:4000"},
          {B, "100.64.0.1:4000"},
          {C, "100.64.0.1:5"},
          {D, "100.64.0.1:4000"}},
         STILE_NAT_ENDPOINT_INDEPENDENT,
         FALSE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileNatVerdict verdict = judge(cases[i].seen);

        g_test_message("case %" G_GSIZE_FORMAT ": %s, %g", i,
                       stile_nat_behaviour_to_string(verdict.mapping), verdict.confidence);
        g_assert_cmpint(verdict.mapping, ==, cases[i].mapping);
        g_assert_cmpint(verdict.preserves_port, ==, cases[i].preserves_port);
        g_assert_cmpfloat(verdict.confidence, <, 1);
        g_assert_true((verdict.confidence > 0) == (verdict.mapping != STILE_NAT_UNKNOWN));
    }
}

static void
test_confidence(void)
{
    static const Seen two[] = {{A, "100.64.0.1:7"}, {B, "100.64.0.1:7"}, {0}};
    static const Seen three[] = {
        {A, "100.64.0.1:7"}, {B, "100.64.0.1:7"}, {C, "100.64.0.1:7"}, {0}};
    static const Seen dissent[] = {
        {A, "100.64.0.1:7"}, {B, "100.64.0.1:7"}, {C, "100.64.0.1:9"}, {0}};
    static const Seen changed[] = {
        {A, "100.64.0.1:5"}, {A, "100.64.0.1:7"}, {B, "100.64.0.1:7"}, {0}};
    StileNatVerdict moved = judge(changed);

    g_assert_cmpfloat(judge(three).confidence, >, judge(two).confidence);
    g_assert_cmpfloat(judge(dissent).confidence, <, judge(two).confidence);
    g_assert_cmpfloat(judge(dissent).confidence, >, 0);
    /* The newest counts: an old mapping that expired does not make the NAT a hard one. */
    g_assert_cmpint(moved.mapping, ==, STILE_NAT_ENDPOINT_INDEPENDENT);
    g_assert_cmpfloat(moved.confidence, <, judge(two).confidence);
}

/* Two sockets have two mappings, that says nothing. */
static void
test_bases(void)
{
    static const Seen seen[] = {{A, "100.64.0.1:7"}, {B, "100.64.0.1:9"}, {0}};
    StileNatSample samples[3] = {0};

    for (gsize i = 0; i < 2; i++) {
        g_assert_true(stile_address_parse(&samples[i].base, "10.0.0.5", (guint16)(4000 + i), NULL));
        g_assert_true(stile_address_parse(&samples[i].server, seen[i].server, 0, NULL));
        g_assert_true(stile_address_parse(&samples[i].mapped, seen[i].mapped, 0, NULL));
    }
    /* The third is empty, and counts for nothing. */
    g_assert_cmpint(stile_nat_judge_mapping(samples, 3).mapping, ==, STILE_NAT_UNKNOWN);
    g_assert_cmpint(stile_nat_judge_mapping(NULL, 0).mapping, ==, STILE_NAT_UNKNOWN);
    g_assert_false(stile_nat_judge_mapping(NULL, 0).preserves_port);
}

static void
test_ipv6(void)
{
    static const Seen none[] = {{"[2001:db8::1]:3478", "[2001:db8:5::5]:4000"},
                                {"[2001:db8::2]:3478", "[2001:db8:5::5]:4000"},
                                {0}};

    g_assert_cmpint(judge_from("[2001:db8:5::5]:4000", none).mapping, ==, STILE_NAT_NONE);
    g_assert_cmpint(judge_from("[fd00::5]:4000", none).mapping, ==, STILE_NAT_ENDPOINT_INDEPENDENT);
}

static void
test_words(void)
{
    static const char *const words[] = {
        [STILE_NAT_UNKNOWN] = "unknown",
        [STILE_NAT_NONE] = "none",
        [STILE_NAT_ENDPOINT_INDEPENDENT] = "endpoint-independent",
        [STILE_NAT_ADDRESS_DEPENDENT] = "address-dependent",
        [STILE_NAT_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        g_assert_cmpstr(stile_nat_behaviour_to_string((StileNatBehaviour)i), ==, words[i]);
}

static void
test_layers(void)
{
    static const struct {
        const char *own, *hops[STILE_NAT_MAX_HOPS];
        guint layers;
    } cases[] = {
        {"203.0.113.5", {"203.0.113.1"}, 0},
        {"192.168.1.5", {NULL}, 1},
        {"192.168.1.5", {"192.168.1.1", "198.51.100.1"}, 1},
        /* A router behind the provider's box */
        {"192.168.1.5", {"192.168.1.1", "192.168.0.1", "198.51.100.1"}, 2},
        /* A carrier's NAT, whose routers are several */
        {"192.168.1.5", {"192.168.1.1", "100.64.0.1", "100.64.9.1", "198.51.100.1"}, 2},
        {"192.168.1.5", {"192.168.1.1", "10.1.0.1", "10.2.0.1", "198.51.100.1"}, 2},
        {"172.16.0.5", {"172.16.0.1", "192.168.0.1", "100.64.0.1", "198.51.100.1"}, 3},
        {"100.64.0.5", {"100.64.0.1", "198.51.100.1"}, 1},
        /* Somebody is silent */
        {"192.168.1.5", {"", "100.64.0.1", "198.51.100.1"}, 2},
        /* What comes behind the internet is not ours. */
        {"192.168.1.5", {"192.168.1.1", "198.51.100.1", "10.0.0.1"}, 1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileAddress own, hops[STILE_NAT_MAX_HOPS] = {0};

        g_assert_true(stile_address_parse(&own, cases[i].own, 0, NULL));
        for (gsize k = 0; k < STILE_NAT_MAX_HOPS; k++)
            if (cases[i].hops[k] && *cases[i].hops[k])
                g_assert_true(stile_address_parse(&hops[k], cases[i].hops[k], 0, NULL));
        g_assert_cmpuint(stile_nat_count_layers(&own, hops, STILE_NAT_MAX_HOPS), ==,
                         cases[i].layers);
    }
}

static StileNatAllocation
judge_ports(const guint16 *ports, guint16 first_inside)
{
    StileNatSample samples[16] = {0};
    gsize n = 0;

    for (; ports[n]; n++) {
        g_assert_true(stile_address_parse(&samples[n].base, "10.0.0.5", 0, NULL));
        g_assert_true(stile_address_parse(&samples[n].mapped, "100.64.0.1", 0, NULL));
        samples[n].base = stile_address_with_port(&samples[n].base,
                                                  (guint16)(first_inside + n * 1789));
        samples[n].mapped = stile_address_with_port(&samples[n].mapped, ports[n]);
    }
    return stile_nat_judge_allocation(samples, n);
}

/* What real NATs do to clean sequences: others take ports in between, ports are in use, ranges
 * end. */
static void
test_allocation(void)
{
    static const struct {
        guint16 ports[14];
        StileNatAllocationKind kind;
        int delta;
    } cases[] = {
        {{5000, 5001, 5002, 5003, 5004}, STILE_NAT_ALLOCATION_UNKNOWN, 0},
        {{5000, 5001, 5002, 5003, 5004, 5005, 5006}, STILE_NAT_ALLOCATION_SEQUENTIAL, 1},
        {{5000, 5002, 5004, 5010, 5012, 5014, 5018}, STILE_NAT_ALLOCATION_SEQUENTIAL, 2},
        {{5020, 5018, 5016, 5010, 5008, 5004, 5002}, STILE_NAT_ALLOCATION_SEQUENTIAL, -2},
        {{65530, 65532, 65534, 1024, 1026, 1028, 1030}, STILE_NAT_ALLOCATION_SEQUENTIAL, 2},
        {{5000, 5000, 5000, 5000, 5000, 5000, 5000}, STILE_NAT_ALLOCATION_BLOCK, 0},
        {{5000, 5900, 5100, 5700, 5300, 5650, 5200}, STILE_NAT_ALLOCATION_BLOCK, 0},
        {{5000, 59000, 15100, 35700, 45300, 25650, 9200}, STILE_NAT_ALLOCATION_RANDOM, 0},
        /* Two of seven evaded ports in use. */
        {{40000, 41789, 43578, 50001, 47156, 1033, 50734}, STILE_NAT_ALLOCATION_PRESERVING, 0},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileNatAllocation found = judge_ports(cases[i].ports, 40000);

        g_assert_cmpint(found.kind, ==, cases[i].kind);
        g_assert_cmpint(found.delta, ==, cases[i].delta);
        g_assert_cmpuint(found.first, <=, found.last);
    }
}

static void
test_cone_names(void)
{
    static const struct {
        StileNatBehaviour mapping, filtering;
        const char *name;
    } cases[] = {
        {STILE_NAT_UNKNOWN, STILE_NAT_UNKNOWN, "unknown"},
        {STILE_NAT_NONE, STILE_NAT_UNKNOWN, "unknown"},
        {STILE_NAT_NONE, STILE_NAT_NONE, "open-internet"},
        {STILE_NAT_NONE, STILE_NAT_ENDPOINT_INDEPENDENT, "open-internet"},
        {STILE_NAT_NONE, STILE_NAT_ADDRESS_DEPENDENT, "symmetric-firewall"},
        {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_UNKNOWN, "unknown"},
        {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ENDPOINT_INDEPENDENT, "full-cone"},
        {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_DEPENDENT, "restricted-cone"},
        {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
         "port-restricted-cone"},
        {STILE_NAT_ADDRESS_DEPENDENT, STILE_NAT_UNKNOWN, "symmetric"},
        {STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, STILE_NAT_ENDPOINT_INDEPENDENT, "symmetric"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpstr(stile_nat_cone_name(cases[i].mapping, cases[i].filtering, FALSE), ==,
                        cases[i].name);
        g_assert_cmpstr(stile_nat_cone_name(cases[i].mapping, cases[i].filtering, TRUE), ==,
                        "udp-blocked");
    }
}

static void
read_answer(StileNatAnswer *ret, const char *server, const char *mapped, const char *other)
{
    static const guint8 id[STILE_STUN_ID_SIZE] = {1, 2, 3};
    StileNatQuestion question = {0};
    StileAddress local, told;
    StileStunBuilder builder;
    StileStunMessage message;
    gsize size;

    g_assert_true(stile_address_parse(&question.to, server, 0, NULL));
    g_assert_true(stile_address_parse(&local, "203.0.113.9:40000", 0, NULL));
    stile_stun_builder_init(&builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, id);
    g_assert_true(stile_address_parse(&told, mapped, 0, NULL));
    stile_stun_builder_address(&builder, STILE_STUN_XOR_MAPPED_ADDRESS, &told);
    g_assert_true(stile_address_parse(&told, other, 0, NULL));
    stile_stun_builder_address(&builder, STILE_STUN_OTHER_ADDRESS, &told);
    size = stile_stun_builder_finish(&builder);
    g_assert_true(stile_stun_message_parse(&message, builder.data, size, NULL));
    stile_nat_answer_read(ret, &question, &message, &question.to, &local);
}

/* What a server cannot have seen, or where it cannot be, is not taken over. */
static void
test_answers(void)
{
    static const struct {
        const char *server, *mapped, *other;
        gboolean mapped_taken, other_taken;
    } cases[] = {
        {A, "203.0.113.9:40000", "203.0.113.1:3479", TRUE, TRUE},
        {A, "10.0.0.5:40000", "10.0.0.6:3479", FALSE, FALSE},
        {"10.0.0.1:3478", "10.0.0.5:40000", "10.0.0.6:3479", TRUE, TRUE},
        {A, "100.64.0.5:40000", B, FALSE, FALSE}, /* a carrier's address; the same port */
        {A, "224.0.0.1:40000", "224.0.0.1:3479", FALSE, FALSE},
        {A, "127.0.0.1:40000", "127.0.0.1:3479", FALSE, FALSE},
        {A, "203.0.113.9:0", A2, FALSE, FALSE},                /* no port; the same address */
        {A, "203.0.113.9:1", "203.0.113.9:3479", TRUE, FALSE}, /* it says that it is we */
        {A, "[2001:db8::5]:40000", "[2001:db8::6]:3479", FALSE, FALSE},
        {"[2001:db8::1]:3478", "[2001:db8::5]:40000", "[2001:db8::6]:3479", TRUE, TRUE},
        /* Through NAT64: where its other address is over IPv6, it does not know. */
        {"[2001:db8::1]:3478", "203.0.113.9:40000", "203.0.113.1:3479", TRUE, FALSE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileNatAnswer answer;

        read_answer(&answer, cases[i].server, cases[i].mapped, cases[i].other);
        g_test_message("case %" G_GSIZE_FORMAT, i);
        g_assert_cmpint(stile_address_is_set(&answer.mapped), ==, cases[i].mapped_taken);
        g_assert_cmpint(stile_address_is_set(&answer.other), ==, cases[i].other_taken);
        g_assert_cmpuint(answer.error, ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nat/behaviours", test_behaviours);
    g_test_add_func("/nat/confidence", test_confidence);
    g_test_add_func("/nat/bases", test_bases);
    g_test_add_func("/nat/ipv6", test_ipv6);
    g_test_add_func("/nat/words", test_words);
    g_test_add_func("/nat/allocation", test_allocation);
    g_test_add_func("/nat/cone-names", test_cone_names);
    g_test_add_func("/nat/layers", test_layers);
    g_test_add_func("/nat/answers", test_answers);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which way carries the traffic: direct before relay before broker, unless it is bad; no flapping;
 * a way in doubt gets company; the policy is obeyed. And the reason that is given for it. */
#include "mesh/choice.h"
#include "mesh/reason.h"
#include <string.h>

#define MSEC ((gint64)1000)

static const StileWay broker = {.id = 1, .kind = STILE_WAY_BROKER, .usable = TRUE};
static const StileWay turn = {.id = 2, .kind = STILE_WAY_TURN, .usable = TRUE, .rtt = 40 * MSEC};
static const StileWay direct = {
    .id = 3, .kind = STILE_WAY_DIRECT, .usable = TRUE, .rtt = 20 * MSEC};

static void
check(const StileWay *ways, gsize n, guint current, StileRelayPolicy policy, guint first,
      guint second)
{
    StileChoice choice = stile_choose_way(ways, n, current, policy);

    g_assert_cmpuint(choice.first, ==, first);
    g_assert_cmpuint(choice.second, ==, second);
}

static void
test_ladder(void)
{
    const StileWay ways[] = {broker, turn, direct};

    check(NULL, 0, 0, STILE_RELAY_AUTO, 0, 0);
    check(ways, 1, 0, STILE_RELAY_AUTO, 1, 0);
    check(ways, 2, 1, STILE_RELAY_AUTO, 2, 0);
    check(ways, 3, 2, STILE_RELAY_AUTO, 3, 0);
    check(ways, 3, 0, STILE_RELAY_AUTO, 3, 0);
    /* The way in use is gone. */
    check(ways, 2, 3, STILE_RELAY_AUTO, 2, 0);
}

/* A relay by UDP before one by TCP or TLS, even if it is slower, and both before the broker. */
static void
test_stream(void)
{
    StileWay ways[] = {broker, turn, turn};

    ways[2].id = 4;
    ways[2].stream = TRUE;
    ways[2].rtt = 10 * MSEC;
    check(ways, 3, 0, STILE_RELAY_AUTO, 2, 0);
    check(ways, 3, 1, STILE_RELAY_AUTO, 2, 0);
    check(ways, 3, 4, STILE_RELAY_AUTO, 2, 0);
    ways[1].usable = FALSE;
    check(ways, 3, 1, STILE_RELAY_AUTO, 4, 0);
    ways[1].usable = TRUE;
    ways[1].loss = 0.4;
    check(ways, 3, 0, STILE_RELAY_AUTO, 4, 0);
}

static void
test_unusable(void)
{
    StileWay ways[] = {broker, turn, direct};

    ways[2].usable = FALSE;
    check(ways, 3, 3, STILE_RELAY_AUTO, 2, 0);
    ways[1].usable = FALSE;
    check(ways, 3, 2, STILE_RELAY_AUTO, 1, 0);
}

static void
test_doubt(void)
{
    StileWay ways[] = {broker, turn, direct};

    ways[2].unanswered = STILE_WAY_DOUBT - 1;
    check(ways, 3, 3, STILE_RELAY_AUTO, 3, 0);
    ways[2].unanswered = STILE_WAY_DOUBT;
    check(ways, 3, 3, STILE_RELAY_AUTO, 3, 2);
    /* Both in doubt: the broker is the one that is not. */
    ways[1].unanswered = STILE_WAY_DOUBT;
    check(ways, 3, 3, STILE_RELAY_AUTO, 3, 1);
    /* What is in doubt is not changed to. */
    check(ways, 3, 1, STILE_RELAY_AUTO, 1, 0);
    check(ways, 3, 0, STILE_RELAY_AUTO, 1, 0);
}

static void
test_no_flapping(void)
{
    StileWay ways[] = {direct, direct};

    ways[1].id = 4;
    ways[1].rtt = 17 * MSEC; /* a little better is not worth a change */
    check(ways, 2, 3, STILE_RELAY_AUTO, 3, 0);
    ways[1].rtt = 10 * MSEC;
    check(ways, 2, 3, STILE_RELAY_AUTO, 4, 0);
    ways[0].rtt = 2 * MSEC; /* by a fifth, but not by 5 ms */
    ways[1].rtt = 1 * MSEC;
    check(ways, 2, 3, STILE_RELAY_AUTO, 3, 0);
}

static void
test_bad_direct_loses(void)
{
    StileWay ways[] = {turn, direct};

    ways[1].loss = 0.05;
    check(ways, 2, 3, STILE_RELAY_AUTO, 3, 0);
    ways[1].loss = 0.3;
    check(ways, 2, 3, STILE_RELAY_AUTO, 2, 0);
    ways[1].loss = 0;
    ways[1].rtt = 400 * MSEC;
    check(ways, 2, 3, STILE_RELAY_AUTO, 2, 0);
}

static void
test_policy(void)
{
    const StileWay ways[] = {broker, turn, direct};

    check(ways, 3, 3, STILE_RELAY_ONLY, 2, 0);
    check(ways, 3, 2, STILE_RELAY_NEVER, 3, 0);
    check(ways, 2, 2, STILE_RELAY_NEVER, 0, 0);
}

static void
test_reasons(void)
{
    const StileNatSide hard = {.mapping = STILE_NAT_ADDRESS_AND_PORT_DEPENDENT};
    const StileNatSide easy = {.mapping = STILE_NAT_ENDPOINT_INDEPENDENT};
    const StileNatSide blocked = {.udp_blocked = TRUE};
    const StileReasonFacts relayed = {
        .online = TRUE, .tried = TRUE, .has_way = TRUE, .way = STILE_WAY_TURN, .has_relay = TRUE};
    StileReasonFacts facts = {0};

    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_PEER_OFFLINE);
    facts.online = TRUE;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_NONE);
    facts.tried = facts.checking = TRUE;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_CONNECTING);
    facts.checking = FALSE;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_NO_RELAY);
    facts.policy = STILE_RELAY_NEVER;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_POLICY);

    facts = relayed;
    facts.mine = facts.theirs = hard;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_HARD_NAT_BOTH);
    facts.theirs = easy;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_CHECKS_TIMED_OUT);
    facts.checking = TRUE;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_CONNECTING);
    facts.theirs = blocked;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_UDP_BLOCKED_THERE);
    facts.mine = blocked;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_UDP_BLOCKED_HERE);
    facts.direct_works = TRUE;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_WORSE_THAN_RELAY);
    facts.policy = STILE_RELAY_ONLY;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_POLICY);
    facts.way = STILE_WAY_DIRECT;
    g_assert_cmpint(stile_reason_find(&facts), ==, STILE_REASON_DIRECT);
}

static void
test_reason_words(void)
{
    g_autofree char *text = stile_reason_text(STILE_REASON_HARD_NAT_BOTH, "laptop");
    g_auto(GStrv) advice = stile_reason_advice(STILE_REASON_HARD_NAT_BOTH, "laptop", "192.168.1.1");

    g_assert_cmpstr(stile_reason_code(STILE_REASON_HARD_NAT_BOTH), ==, "hard-nat-both");
    g_assert_nonnull(strstr(text, "laptop"));
    g_assert_nonnull(strstr(advice[0], "192.168.1.1"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/choice/ladder", test_ladder);
    g_test_add_func("/choice/stream", test_stream);
    g_test_add_func("/choice/unusable", test_unusable);
    g_test_add_func("/choice/doubt", test_doubt);
    g_test_add_func("/choice/no-flapping", test_no_flapping);
    g_test_add_func("/choice/bad-direct-loses", test_bad_direct_loses);
    g_test_add_func("/choice/policy", test_policy);
    g_test_add_func("/reason/codes", test_reasons);
    g_test_add_func("/reason/words", test_reason_words);
    return g_test_run();
}

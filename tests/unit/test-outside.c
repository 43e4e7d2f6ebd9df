/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom a port mapping is told: everybody, when it is where the internet sees us; only those behind
 * the same outer NAT, when it is not, whether it looks private or like a stranger's. */
#include "mesh/outside.h"

static GArray *
candidates_new(void)
{
    return g_array_new(FALSE, TRUE, sizeof(StileCandidate));
}

static StileCandidate
candidate(StileTechnique technique, const char *address)
{
    StileCandidate ret = {.type = STILE_CANDIDATE_SERVER_REFLEXIVE, .technique = technique};

    if (technique == STILE_TECHNIQUE_HOST)
        ret.type = STILE_CANDIDATE_HOST;
    g_assert_true(stile_address_parse(&ret.address, address, 0, NULL));
    return ret;
}

static void
add(GArray *list, StileTechnique technique, const char *address)
{
    StileCandidate added = candidate(technique, address);

    g_array_append_val(list, added);
}

static gboolean
may_tell(const GArray *mine, const char *address, gboolean shared)
{
    StileCandidate mapped = candidate(STILE_TECHNIQUE_PORT_MAPPED, address);

    return stile_outside_may_tell(&mapped, mine, shared);
}

static void
test_tell(void)
{
    g_autoptr(GArray) mine = candidates_new();
    StileCandidate host = candidate(STILE_TECHNIQUE_HOST, "192.168.1.2:4000");

    add(mine, STILE_TECHNIQUE_HOST, "192.168.1.2:4000");
    g_assert_true(stile_outside_may_tell(&host, mine, FALSE));
    /* Before a STUN server has answered, and where there is none. */
    g_assert_true(may_tell(mine, "8.8.4.4:4000", FALSE));
    g_assert_false(may_tell(mine, "100.64.3.2:4000", FALSE));
    g_assert_false(may_tell(mine, "10.0.0.2:4000", FALSE));
    g_assert_true(may_tell(mine, "[2a00::1]:4000", FALSE));

    add(mine, STILE_TECHNIQUE_REFLEXIVE, "8.8.4.4:1234");
    g_assert_true(may_tell(mine, "8.8.4.4:4000", FALSE));
    g_assert_false(may_tell(mine, "100.64.3.2:4000", FALSE));
    g_assert_false(may_tell(mine, "25.0.0.2:4000", FALSE)); /* a carrier's, not its own */
    g_assert_true(may_tell(mine, "25.0.0.2:4000", TRUE));
    g_assert_true(may_tell(mine, "100.64.3.2:4000", TRUE));
    g_assert_true(may_tell(mine, "[2a00::1]:4000", FALSE));
    g_assert_true(stile_outside_may_tell(&host, mine, FALSE));
}

static void
test_shared(void)
{
    g_autoptr(GArray) mine = candidates_new(), theirs = candidates_new();

    g_assert_false(stile_outside_is_shared(mine, theirs));
    /* Everybody has this one. */
    add(mine, STILE_TECHNIQUE_HOST, "192.168.1.2:4000");
    add(theirs, STILE_TECHNIQUE_HOST, "192.168.1.2:4000");
    add(mine, STILE_TECHNIQUE_REFLEXIVE, "8.8.4.4:4000");
    add(theirs, STILE_TECHNIQUE_REFLEXIVE, "8.8.8.8:4000");
    g_assert_false(stile_outside_is_shared(mine, theirs));
    /* What a router says of itself proves nothing. */
    add(theirs, STILE_TECHNIQUE_PORT_MAPPED, "8.8.4.4:4000");
    g_assert_false(stile_outside_is_shared(mine, theirs));
    add(theirs, STILE_TECHNIQUE_REFLEXIVE, "8.8.4.4:5000");
    g_assert_true(stile_outside_is_shared(mine, theirs));
    g_assert_true(stile_outside_is_shared(theirs, mine));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outside/tell", test_tell);
    g_test_add_func("/outside/shared", test_shared);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/technique.h"

static gboolean
is_translated(const StileIcePair *pair)
{
    return pair->endpoint.kind == STILE_ENDPOINT_UDP &&
           stile_address_family(&pair->endpoint.remote) !=
               stile_address_family(&pair->remote.address);
}

static gboolean
is_outside(const StileCandidate *candidate)
{
    return candidate->type == STILE_CANDIDATE_SERVER_REFLEXIVE ||
           candidate->type == STILE_CANDIDATE_PEER_REFLEXIVE;
}

/* Not one of our own machine: that would be a host candidate, too. */
static gboolean
is_our_outside(const GArray *locals, const StileAddress *address)
{
    gboolean outside = FALSE;

    for (guint i = 0; i < locals->len; i++) {
        const StileCandidate *local = &g_array_index(locals, StileCandidate, i);

        if (!stile_address_equal_ip(&local->address, address))
            continue;
        if (local->type == STILE_CANDIDATE_HOST)
            return FALSE;
        outside |= is_outside(local);
    }
    return outside;
}

/* How much it takes to find an address of that kind. */
static guint
effort(StileTechnique technique)
{
    switch (technique) {
    case STILE_TECHNIQUE_HOST:
        return 0;
    case STILE_TECHNIQUE_IPV6:
        return 1;
    case STILE_TECHNIQUE_REFLEXIVE:
        return 2;
    case STILE_TECHNIQUE_PORT_MAPPED:
    case STILE_TECHNIQUE_STATIC:
        return 3;
    case STILE_TECHNIQUE_HAIRPIN:
    case STILE_TECHNIQUE_NAT64:
    case STILE_TECHNIQUE_TCP:
    case STILE_TECHNIQUE_SERVERLESS:
        return 4;
    case STILE_TECHNIQUE_PREDICTED:
    case STILE_TECHNIQUE_BIRTHDAY:
    case STILE_TECHNIQUE_PORT_BLOCK:
        return 5;
    }
    return 0;
}

StileTechnique
stile_technique_of_pair(const StileIcePair *pair, const GArray *locals)
{
    if (is_translated(pair))
        return STILE_TECHNIQUE_NAT64;
    if (pair->endpoint.kind == STILE_ENDPOINT_UDP && is_outside(&pair->remote) &&
        is_our_outside(locals, &pair->remote.address))
        return STILE_TECHNIQUE_HAIRPIN;
    return effort(pair->local.technique) > effort(pair->remote.technique) ? pair->local.technique
                                                                          : pair->remote.technique;
}

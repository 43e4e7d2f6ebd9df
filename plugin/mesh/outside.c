/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/outside.h"

static gboolean
is_seen_by_stun(const StileCandidate *candidate)
{
    return candidate->type == STILE_CANDIDATE_SERVER_REFLEXIVE &&
           candidate->technique == STILE_TECHNIQUE_REFLEXIVE &&
           stile_address_family(&candidate->address) == AF_INET;
}

static gboolean
is_any_seen(const GArray *candidates)
{
    for (guint i = 0; i < candidates->len; i++)
        if (is_seen_by_stun(&g_array_index(candidates, StileCandidate, i)))
            return TRUE;
    return FALSE;
}

static gboolean
is_seen_as(const GArray *candidates, const StileAddress *address)
{
    for (guint i = 0; i < candidates->len; i++) {
        const StileCandidate *candidate = &g_array_index(candidates, StileCandidate, i);

        if (is_seen_by_stun(candidate) && stile_address_equal_ip(&candidate->address, address))
            return TRUE;
    }
    return FALSE;
}

gboolean
stile_outside_is_shared(const GArray *mine, const GArray *theirs)
{
    for (guint i = 0; i < mine->len; i++) {
        const StileCandidate *candidate = &g_array_index(mine, StileCandidate, i);

        if (is_seen_by_stun(candidate) && is_seen_as(theirs, &candidate->address))
            return TRUE;
    }
    return FALSE;
}

gboolean
stile_outside_may_tell(const StileCandidate *candidate, const GArray *mine, gboolean shared)
{
    if (candidate->technique != STILE_TECHNIQUE_PORT_MAPPED ||
        stile_address_family(&candidate->address) != AF_INET || shared)
        return TRUE;
    return is_any_seen(mine) ? is_seen_as(mine, &candidate->address)
                             : !stile_address_is_inside(&candidate->address);
}

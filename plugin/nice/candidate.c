/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nice/candidate-private.h"

#include <string.h>

/** What nice_candidate_new() really makes; @server is of STUN or TURN. */
typedef struct {
    NiceCandidate public;
    NiceAddress server;
} Candidate;

G_DEFINE_BOXED_TYPE(NiceCandidate, nice_candidate, nice_candidate_copy, nice_candidate_free)

NiceCandidate *
nice_candidate_new(NiceCandidateType type)
{
    Candidate *candidate = g_new0(Candidate, 1);

    candidate->public.type = type;
    return &candidate->public;
}

void
nice_candidate_free(NiceCandidate *candidate)
{
    if (!candidate)
        return;
    g_free(candidate->username);
    g_free(candidate->password);
    g_free(candidate);
}

NiceCandidate *
nice_candidate_copy(const NiceCandidate *candidate)
{
    Candidate *copy = g_memdup2(candidate, sizeof *copy);

    copy->public.username = g_strdup(candidate->username);
    copy->public.password = g_strdup(candidate->password);
    return &copy->public;
}

gboolean
nice_candidate_equal_target(const NiceCandidate *candidate1, const NiceCandidate *candidate2)
{
    return candidate1->transport == candidate2->transport &&
           nice_address_equal(&candidate1->addr, &candidate2->addr);
}

const gchar *
nice_candidate_type_to_string(NiceCandidateType type)
{
    return stile_candidate_type_to_string((StileCandidateType)type);
}

const gchar *
nice_candidate_transport_to_string(NiceCandidateTransport transport)
{
    static const char *const names[] = {"udp", "tcp-act", "tcp-pass", "tcp-so"};

    return (guint)transport < G_N_ELEMENTS(names) ? names[transport] : "???";
}

void
nice_candidate_relay_address(const NiceCandidate *candidate, NiceAddress *addr)
{
    const Candidate *whole = (const Candidate *)candidate;

    nice_address_init(addr);
    if (candidate->type == NICE_CANDIDATE_TYPE_RELAYED)
        *addr = whole->server;
}

gboolean
nice_candidate_stun_server_address(const NiceCandidate *candidate, NiceAddress *addr)
{
    const Candidate *whole = (const Candidate *)candidate;

    if (candidate->type != NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE ||
        !nice_address_is_valid(&whole->server))
        return FALSE;
    *addr = whole->server;
    return TRUE;
}

NiceCandidate *
stile_nice_candidate_new(const StileCandidate *candidate, guint stream_id)
{
    NiceCandidate *face = nice_candidate_new((NiceCandidateType)candidate->type);

    nice_address_set_from_sockaddr(&face->addr, &candidate->address.sa);
    nice_address_set_from_sockaddr(&face->base_addr, &candidate->base.sa);
    nice_address_set_from_sockaddr(&((Candidate *)face)->server, &candidate->server.sa);
    face->priority = candidate->priority;
    face->stream_id = stream_id;
    face->component_id = 1;
    g_strlcpy(face->foundation, candidate->foundation, sizeof face->foundation);
    return face;
}

gboolean
stile_nice_address_to_stile(const NiceAddress *addr, StileAddress *ret)
{
    return stile_address_from_sockaddr(ret, &addr->s.addr, sizeof addr->s);
}

gboolean
stile_nice_candidate_to_stile(const NiceCandidate *candidate, StileCandidate *ret)
{
    StileCandidate own = {
        .type = (StileCandidateType)candidate->type,
        .technique = candidate->type == NICE_CANDIDATE_TYPE_HOST ? STILE_TECHNIQUE_HOST
                                                                 : STILE_TECHNIQUE_REFLEXIVE,
        .priority = candidate->priority,
    };

    if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP ||
        !stile_nice_address_to_stile(&candidate->addr, &own.address))
        return FALSE;
    /* Ours has a NUL at its end; whether the other has is not ours to say. */
    memcpy(own.foundation, candidate->foundation, sizeof own.foundation - 1);
    *ret = own;
    return TRUE;
}

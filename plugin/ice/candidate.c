/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ice/candidate.h"

#include <string.h>

static const char *const type_names[] = {"host", "srflx", "prflx", "relay"};
static const char *const technique_names[] = {
    "host",       "ipv6",    "reflexive", "port-mapped", "predicted", "birthday",
    "port-block", "hairpin", "nat64",     "tcp",         "static",    "serverless",
};
G_STATIC_ASSERT(G_N_ELEMENTS(type_names) == STILE_CANDIDATE_RELAYED + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(technique_names) == STILE_N_TECHNIQUES);

const char *
stile_candidate_type_to_string(StileCandidateType type)
{
    return (guint)type < G_N_ELEMENTS(type_names) ? type_names[type] : "";
}

const char *
stile_technique_to_string(StileTechnique technique)
{
    return (guint)technique < G_N_ELEMENTS(technique_names) ? technique_names[technique] : "";
}

guint32
stile_candidate_priority(StileCandidateType type, guint16 local_preference)
{
    static const guint8 type_preferences[] = {126, 100, 110, 0};
    const guint component = 1;

    return (guint32)type_preferences[type] << 24 | (guint32)local_preference << 8 |
           (256 - component);
}

/* FNV-1a: a foundation has to be equal or different, not secret. */
static guint64
hash_bytes(guint64 hash, const void *bytes, gsize size)
{
    const guint8 *at = bytes;

    for (gsize i = 0; i < size; i++)
        hash = (hash ^ at[i]) * G_GUINT64_CONSTANT(0x100000001b3);
    return hash;
}

static guint64
hash_ip(guint64 hash, const StileAddress *address)
{
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);
    guint8 length = (guint8)size;

    return hash_bytes(hash_bytes(hash, &length, 1), ip, size);
}

void
stile_candidate_set_foundation(StileCandidate *candidate)
{
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);

    hash = hash_ip(hash, &candidate->base);
    hash = hash_ip(hash, &candidate->server);
    g_snprintf(candidate->foundation, sizeof candidate->foundation, "%u%016" G_GINT64_MODIFIER "x",
               (guint)candidate->type, hash);
}

gboolean
stile_candidate_equal(const StileCandidate *a, const StileCandidate *b)
{
    return a->type == b->type && stile_address_equal(&a->address, &b->address) &&
           stile_address_equal(&a->base, &b->base);
}

StileEndpoint
stile_candidate_endpoint(const StileCandidate *local, const StileAddress *remote)
{
    StileEndpoint endpoint = {.kind = STILE_ENDPOINT_UDP, .remote = *remote};

    if (local->type == STILE_CANDIDATE_RELAYED) {
        endpoint.kind = STILE_ENDPOINT_TURN;
        endpoint.server = local->server;
        return endpoint;
    }
    endpoint.local = local->base;
    /* A zone is a local matter: that of the interface we send from, whatever the peer believes. */
    if (remote->sa.sa_family == AF_INET6 && stile_address_scope(remote) == STILE_ADDRESS_LINK_LOCAL)
        endpoint.remote.in6.sin6_scope_id = local->base.in6.sin6_scope_id;
    return endpoint;
}

gboolean
stile_candidate_may_send_to(const StileAddress *address)
{
    if (stile_address_port(address) == 0)
        return FALSE;
    switch (stile_address_scope(address)) {
    case STILE_ADDRESS_PRIVATE:
    case STILE_ADDRESS_SHARED:
    case STILE_ADDRESS_GLOBAL:
        return TRUE;
    case STILE_ADDRESS_LINK_LOCAL: /* 169.254.169.254 gives cloud machines their secrets */
        return address->sa.sa_family == AF_INET6;
    case STILE_ADDRESS_UNSPECIFIED:
    case STILE_ADDRESS_LOOPBACK:
    case STILE_ADDRESS_MULTICAST:
    case STILE_ADDRESS_BROADCAST:
    case STILE_ADDRESS_RESERVED:
        break;
    }
    return FALSE;
}

void
stile_candidate_write(const StileCandidate *candidate, StileWriter *writer)
{
    gsize size;
    const guint8 *ip = stile_address_ip(&candidate->address, &size);

    stile_writer_u8(writer, (guint8)candidate->type);
    stile_writer_u8(writer, (guint8)candidate->technique);
    stile_writer_u8(writer, size == 4 ? 4 : 6);
    stile_writer_bytes(writer, ip, size);
    stile_writer_u16be(writer, stile_address_port(&candidate->address));
    stile_writer_u32be(writer, candidate->priority);
    stile_writer_string(writer, candidate->foundation);
}

/* RFC 8839 §5.1: foundation = 1*32ice-char */
static gboolean
is_foundation(const char *text)
{
    gsize size = strlen(text);

    for (gsize i = 0; i < size; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
            return FALSE;
    return size > 0 && size <= 32;
}

gboolean
stile_candidate_read(StileCandidate *ret, StileReader *reader)
{
    StileCandidate candidate = {0};
    guint type = stile_reader_u8(reader);
    guint technique = stile_reader_u8(reader);
    guint version = stile_reader_u8(reader);
    int family = version == 4 ? AF_INET : AF_INET6;
    guint8 ip[16];
    g_autofree char *foundation = NULL;

    stile_reader_copy(reader, ip, version == 4 ? 4 : 16);
    candidate.address = stile_address_from_ip(family, ip, stile_reader_u16be(reader));
    candidate.priority = stile_reader_u32be(reader);
    foundation = stile_reader_string(reader, sizeof candidate.foundation - 1);
    if (reader->failed)
        return FALSE;
    /* An IPv4-mapped address changes its family on reading: one address has one encoding. */
    if (type > STILE_CANDIDATE_RELAYED || technique >= STILE_N_TECHNIQUES ||
        (version != 4 && version != 6) || stile_address_family(&candidate.address) != family ||
        !stile_candidate_may_send_to(&candidate.address) || candidate.priority == 0 ||
        candidate.priority > G_MAXINT32 || !is_foundation(foundation)) {
        reader->failed = TRUE;
        return FALSE;
    }
    candidate.type = (StileCandidateType)type;
    candidate.technique = (StileTechnique)technique;
    g_strlcpy(candidate.foundation, foundation, sizeof candidate.foundation);
    *ret = candidate;
    return TRUE;
}

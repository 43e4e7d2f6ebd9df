/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/bytes.h"
#include "io/endpoint.h"

G_BEGIN_DECLS

typedef enum {
    STILE_CANDIDATE_HOST,
    STILE_CANDIDATE_SERVER_REFLEXIVE,
    STILE_CANDIDATE_PEER_REFLEXIVE,
    STILE_CANDIDATE_RELAYED,
} StileCandidateType;

/**
 * StileTechnique:
 *
 * How an address was come by, finer than the candidate's type; the words of the contract's
 * `Technique` property.
 */
typedef enum {
    STILE_TECHNIQUE_HOST,
    STILE_TECHNIQUE_IPV6,
    STILE_TECHNIQUE_REFLEXIVE,
    STILE_TECHNIQUE_PORT_MAPPED,
    STILE_TECHNIQUE_PREDICTED,
    STILE_TECHNIQUE_BIRTHDAY,
    STILE_TECHNIQUE_PORT_BLOCK,
    STILE_TECHNIQUE_HAIRPIN,
    STILE_TECHNIQUE_NAT64,
    STILE_TECHNIQUE_TCP,
    STILE_TECHNIQUE_STATIC,
    STILE_TECHNIQUE_SERVERLESS,
} StileTechnique;
#define STILE_N_TECHNIQUES (STILE_TECHNIQUE_SERVERLESS + 1)

const char *stile_candidate_type_to_string(StileCandidateType type);
const char *stile_technique_to_string(StileTechnique technique);

/**
 * StileCandidate:
 * @address: what the peer is told
 * @base: where we send from (RFC 8445 §5.1.1): the local address (host, reflexive) or the relayed
 *   one; unset in remote candidates
 * @server: of relayed local candidates, the TURN server
 * @foundation: RFC 8445 §5.1.1.3, at most 32 characters
 *
 * A candidate transport address (RFC 8445 §5.1), UDP, one component. A value type.
 */
typedef struct {
    StileCandidateType type;
    StileTechnique technique;
    StileAddress address;
    StileAddress base;
    StileAddress server;
    guint32 priority;
    char foundation[33];
} StileCandidate;

/** RFC 8445 §5.1.2.1 with the recommended type preferences; @local_preference: 0 to 65535 */
guint32 stile_candidate_priority(StileCandidateType type, guint16 local_preference);
/** RFC 8445 §5.1.1.3: the same for candidates of one type, base address and server. */
void stile_candidate_set_foundation(StileCandidate *candidate);
/** Same type, address and base. */
gboolean stile_candidate_equal(const StileCandidate *a, const StileCandidate *b);
/** Where to send from the local candidate @local to the remote address @remote. */
StileEndpoint stile_candidate_endpoint(const StileCandidate *local, const StileAddress *remote);
/** Whether checks may go to @address, whoever asks for it: private, shared and global ones, IPv6
 * link-local ones, with a port. Not multicast, broadcast, loopback, reserved, IPv4 link-local. */
gboolean stile_candidate_may_send_to(const StileAddress *address);

/** For signalling: what a peer needs of a candidate (not base and server). */
void stile_candidate_write(const StileCandidate *candidate, StileWriter *writer);
/**
 * stile_candidate_read:
 *
 * Returns: %FALSE, and the reader has failed, on anything that is not a candidate we may send to:
 *   multicast, broadcast, unspecified, loopback, port 0, …
 */
gboolean stile_candidate_read(StileCandidate *ret, StileReader *reader);

G_END_DECLS

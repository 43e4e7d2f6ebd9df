/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "address.h"

G_BEGIN_DECLS
#pragma GCC visibility push(default)

/* A candidate of RFC 8445, by the names of libnice 0.1.21. */

#define NICE_CANDIDATE_MAX_FOUNDATION      33 /* with the NUL */
#define NICE_CANDIDATE_MAX_TURN_SERVERS    8
#define NICE_CANDIDATE_MAX_LOCAL_ADDRESSES 64

typedef enum {
    NICE_CANDIDATE_TYPE_HOST,
    NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE,
    NICE_CANDIDATE_TYPE_PEER_REFLEXIVE,
    NICE_CANDIDATE_TYPE_RELAYED,
} NiceCandidateType;

/** Ours are all UDP; remote ones of another transport are passed over. */
typedef enum {
    NICE_CANDIDATE_TRANSPORT_UDP,
    NICE_CANDIDATE_TRANSPORT_TCP_ACTIVE,
    NICE_CANDIDATE_TRANSPORT_TCP_PASSIVE,
    NICE_CANDIDATE_TRANSPORT_TCP_SO,
} NiceCandidateTransport;

/** How to talk to a TURN server. Only UDP is there. */
typedef enum {
    NICE_RELAY_TYPE_TURN_UDP,
    NICE_RELAY_TYPE_TURN_TCP,
    NICE_RELAY_TYPE_TURN_TLS,
} NiceRelayType;

typedef struct _NiceCandidate NiceCandidate;

/**
 * NiceCandidate:
 * @addr: what the peer is told
 * @base_addr: where it is sent from; no address in remote ones
 * @username, @password: always %NULL in ours, not used in remote ones: the stream's count
 *
 * To be made by nice_candidate_new() or nice_candidate_copy() only.
 */
struct _NiceCandidate {
    NiceCandidateType type;
    NiceCandidateTransport transport;
    NiceAddress addr;
    NiceAddress base_addr;
    guint32 priority;
    guint stream_id;
    guint component_id;
    gchar foundation[NICE_CANDIDATE_MAX_FOUNDATION];
    gchar *username;
    gchar *password;
};

#define NICE_TYPE_CANDIDATE nice_candidate_get_type()
GType nice_candidate_get_type(void);

/** Returns: (transfer full) */
NiceCandidate *nice_candidate_new(NiceCandidateType type);
void nice_candidate_free(NiceCandidate *candidate);
/** Returns: (transfer full) */
NiceCandidate *nice_candidate_copy(const NiceCandidate *candidate);
/** Whether both lead to the same place: address and transport. */
gboolean nice_candidate_equal_target(const NiceCandidate *candidate1,
                                     const NiceCandidate *candidate2);
/** Returns: `host`, `srflx`, `prflx`, `relay` */
const gchar *nice_candidate_type_to_string(NiceCandidateType type);
/** Returns: `udp`, `tcp-act`, `tcp-pass`, `tcp-so` */
const gchar *nice_candidate_transport_to_string(NiceCandidateTransport transport);
/** @addr: (out): the TURN server, of relayed candidates of ours */
void nice_candidate_relay_address(const NiceCandidate *candidate, NiceAddress *addr);
/** @addr: (out): the STUN server. Returns: %FALSE when the candidate is not from one */
gboolean nice_candidate_stun_server_address(const NiceCandidate *candidate, NiceAddress *addr);

#pragma GCC visibility pop
G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/candidate.h"
#include "stun/transactions.h"

G_BEGIN_DECLS

/**
 * StileIceAgent:
 *
 * Connectivity checks with one peer (RFC 8445), full, trickled (RFC 8838), one component. Differs
 * from an agent that ends at nomination in one thing: it goes on. Pairs that succeeded are watched
 * by heartbeats (Binding requests, as consent in RFC 7675) at a pace that the owner sets for each;
 * pairs that failed can be tried again at any time; so the owner can move to a better pair later,
 * or away from one that died. Sockets, threads and signalling belong to the owner.
 */
typedef struct _StileIceAgent StileIceAgent;

typedef enum {
    STILE_ICE_PAIR_FROZEN,
    STILE_ICE_PAIR_WAITING,
    STILE_ICE_PAIR_IN_PROGRESS,
    STILE_ICE_PAIR_SUCCEEDED,
    STILE_ICE_PAIR_FAILED,
} StileIcePairState;

/**
 * StileIcePair:
 * @id: stays the same for as long as the pair exists
 * @local, @remote: candidates; @local of a valid pair is what the peer sees us as (maybe peer
 *   reflexive)
 * @endpoint: where to send to use this pair: @remote's address, or that in which a NAT64 knows it
 * @rtt: smoothed, microseconds; 0 for unknown
 * @loss: share of the last heartbeats that went unanswered, 0 to 1
 * @last_pong: stile_clock_now() of the last answer; 0 for never
 *
 * What an owner may know of a pair.
 */
typedef struct {
    guint id;
    StileCandidate local;
    StileCandidate remote;
    StileEndpoint endpoint;
    StileIcePairState state;
    guint64 priority;
    gboolean nominated;
    gint64 rtt;
    double loss;
    gint64 last_pong;
    guint unanswered; /* heartbeats in a row without an answer */
} StileIcePair;

/** The pair is good until the callback returns. In these, everything may be called, and the agent
 * may be freed. */
typedef struct {
    /* A pair came, changed its state, was nominated, or was answered or missed a heartbeat. */
    void (*pair_changed)(gpointer user_data, const StileIcePair *pair);
    /* The pair is gone: a candidate was removed, or the agent restarted. */
    void (*pair_removed)(gpointer user_data, const StileIcePair *pair);
    /* Every check was tried and none succeeded (checks_timed_out), or one side's end of candidates
     * has come and all is done. */
    void (*idle)(gpointer user_data);
    /* A pair from one of our relayed candidates to this address was formed: the owner lets its TURN
     * clients permit it. Called for each such pair, before its first check. */
    void (*permit)(gpointer user_data, const StileAddress *remote);
} StileIceAgentOps;

#define STILE_ICE_UFRAG_SIZE    8 /* characters, without the NUL */
#define STILE_ICE_PASSWORD_SIZE 24

/** Makes fresh credentials. @controlling: our guess; conflicts are solved (RFC 8445 §7.3.1.1). */
StileIceAgent *stile_ice_agent_new(StileClock *clock, StileStunTransactions *transactions,
                                   gboolean controlling, const StileIceAgentOps *ops,
                                   gpointer user_data);
void stile_ice_agent_free(StileIceAgent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileIceAgent, stile_ice_agent_free)

const char *stile_ice_agent_ufrag(StileIceAgent *agent);
const char *stile_ice_agent_password(StileIceAgent *agent);
gboolean stile_ice_agent_controlling(StileIceAgent *agent);
/** Another guess; sensible before the checks begin. */
void stile_ice_agent_set_controlling(StileIceAgent *agent, gboolean controlling);

/** Checks begin when the remote credentials and a pair are there. Other ones than before: the peer
 * restarted, its old candidates go. */
void stile_ice_agent_set_remote_credentials(StileIceAgent *agent, const char *ufrag,
                                            const char *password);
void stile_ice_agent_add_local(StileIceAgent *agent, const StileCandidate *candidate);
void stile_ice_agent_remove_local(StileIceAgent *agent, const StileCandidate *candidate);
/** At most 64 remote candidates are kept; those beyond are dropped. */
void stile_ice_agent_add_remote(StileIceAgent *agent, const StileCandidate *candidate);
/** The peer has the address no longer: pairs to it that have not succeeded go, the others when they
 * fail. */
void stile_ice_agent_remove_remote(StileIceAgent *agent, const StileAddress *address);
void stile_ice_agent_end_of_remote(StileIceAgent *agent);

/**
 * stile_ice_agent_set_nat64:
 * @prefix: length 0 for none
 *
 * RFC 8421 and RFC 6052: our IPv6 addresses reach IPv4 candidates through a NAT64. Candidates stay
 * IPv4, and so does whatever is signalled or shown; only the endpoints of the pairs are
 * synthesized.
 */
void stile_ice_agent_set_nat64(StileIceAgent *agent, const StilePrefix *prefix);

/** RFC 8445 §9: new credentials, all pairs dropped; local candidates stay. What we knew of the peer
 * is forgotten: its credentials and candidates are to be given again, new or not. */
void stile_ice_agent_restart(StileIceAgent *agent);
/** Checks every failed pair once more, as an upgrade probe, but for those to addresses that the
 * peer has no longer. Keeps the succeeded ones as they are. */
void stile_ice_agent_retry(StileIceAgent *agent);

/**
 * stile_ice_agent_set_heartbeat:
 * @interval: microseconds between heartbeats on this succeeded pair; 0 for none
 *
 * A heartbeat not answered within max(@interval, 3 × rtt, 200 ms) counts as missed. A pair that
 * misses five in a row, over at least a second, fails.
 */
void stile_ice_agent_set_heartbeat(StileIceAgent *agent, guint pair, gint64 interval);

/** Returns: (transfer container): of const StileIcePair *, by priority; good until the next call */
GPtrArray *stile_ice_agent_pairs(StileIceAgent *agent);
const StileIcePair *stile_ice_agent_pair(StileIceAgent *agent, guint id);
/** Returns: (nullable): the nominated pair with the highest priority that has not failed */
const StileIcePair *stile_ice_agent_selected(StileIceAgent *agent);

/**
 * stile_ice_agent_owns:
 *
 * Returns: whether the USERNAME of this Binding request begins with our ufrag: how the owner of
 *   several agents finds the one a request is for
 */
gboolean stile_ice_agent_owns(StileIceAgent *agent, const StileStunMessage *request);
/**
 * stile_ice_agent_receive:
 *
 * A Binding request or indication for this agent: checked, answered (RFC 8445 §7.3), maybe the
 * cause of a triggered check. Requests without a right integrity are dropped without an answer: we
 * are silent to strangers. Early ones, before the remote credentials are known, are kept (a few).
 */
void stile_ice_agent_receive(StileIceAgent *agent, const StileStunMessage *message,
                             const StileEndpoint *from);

G_END_DECLS

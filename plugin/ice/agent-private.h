/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/agent.h"

G_BEGIN_DECLS

/*
 * What the files of the agent share: checklist.c (which pairs there are and which is next), check.c
 * (one request and its answer), request.c (the peer's requests), nominate.c, heartbeat.c,
 * agent-candidates.c, and agent.c, which holds them together. Nothing here calls the owner but
 * stile_ice_agent_flush(), at the end of each way in; so no callback can pull a pair away from
 * under a loop.
 */

#define STILE_ICE_MAX_PAIRS   100 /* RFC 8445 §6.1.2.5 */
#define STILE_ICE_MAX_REMOTES 64
#define STILE_ICE_MAX_EARLY   16

typedef struct _StileIceEntry StileIceEntry;
typedef struct _StileIceCheck StileIceCheck;

/**
 * StileIceEntry:
 * @info: what the owner is shown
 * @from: the local candidate whose base sends; @info.local becomes what the peer sees once known
 * @checks: of StileIceCheck, owned: those without an answer yet
 * @triggered: it stands in the triggered-check queue
 * @nominate_on_success: the peer wants it, and our own check is not through yet
 * @nominating: a check with USE-CANDIDATE is under way
 * @checked_at: when the last ordinary check began
 * @valid_since: when it became valid, most recently
 * @history, @n_history: the last heartbeats, newest in the lowest bit, 1 for missed
 * @answered_beat: when the newest answered heartbeat was sent
 * @silent_since: when the first of the heartbeats missed in a row was sent
 * @changed: the owner is to be told
 *
 * A candidate pair (RFC 8445 §6.1.2).
 */
struct _StileIceEntry {
    StileIcePair info;
    StileIceAgent *agent;
    StileCandidate from;
    GPtrArray *checks;
    gboolean triggered;
    gboolean nominate_on_success;
    gboolean nominating;
    gint64 checked_at;
    gint64 valid_since;
    gint64 interval;
    StileTimer *beat_timer;
    gint64 beat_at;
    guint32 history;
    guint n_history;
    gint64 answered_beat;
    gint64 silent_since;
    gboolean changed;
};

/** A request of the peer that came before its credentials did. */
typedef struct {
    StileEndpoint from;
    guint32 priority;
    gboolean use_candidate;
    char *ufrag;
} StileIceEarly;

struct _StileIceAgent {
    guint refs;
    gboolean closed;
    StileClock *clock;
    StileStunTransactions *transactions;
    StileIceAgentOps ops;
    gpointer user_data;

    gboolean controlling;
    guint64 tie_breaker;
    char ufrag[STILE_ICE_UFRAG_SIZE + 1];
    char password[STILE_ICE_PASSWORD_SIZE + 1];
    char *remote_ufrag; /* NULL: not known yet */
    char *remote_password;

    StilePrefix nat64; /* length 0: none */
    GArray *locals;    /* of StileCandidate */
    GArray *remotes;   /* of StileCandidate, oldest first */
    gboolean remote_ended;
    guint n_reflexive; /* peer-reflexive remote candidates so far, for their foundations */
    GArray *early;     /* of StileIceEarly */

    GPtrArray *entries; /* of StileIceEntry, owned, best first */
    GQueue triggered;   /* of StileIceEntry */
    guint last_id;

    StileTimer *pace_timer;
    gint64 last_check;
    gint64 paced_until; /* see stile_ice_agent_pace() */

    StileTimer *settle_timer;
    gint64 first_valid; /* when the first valid pair of this session came; 0 for none yet */

    GArray *removed; /* of StileIcePair, to tell the owner */
    GArray *permits; /* of StileAddress, to tell the owner */
    gboolean busy;
    gboolean idle; /* to tell the owner */
    gboolean flushing;
};

/* agent.c */

/** Tells the owner what has happened, and sets the timers for what comes next. The agent may be
 * freed in it. */
void stile_ice_agent_flush(StileIceAgent *agent);
/** RFC 8445 §7.3.1.1, §7.2.5.1: takes the other role; all pair priorities change with it. */
void stile_ice_agent_set_role(StileIceAgent *agent, gboolean controlling);
/* agent-candidates.c */

/** Returns: (nullable): the local candidate that @from came in to */
const StileCandidate *stile_ice_agent_local_for(StileIceAgent *agent, const StileEndpoint *from);
/** Returns: (nullable): the remote candidate at @address, made peer-reflexive if it is new */
const StileCandidate *stile_ice_agent_learn_remote(StileIceAgent *agent,
                                                   const StileAddress *address, guint32 priority);
/** Whether the peer has, as far as is known, a candidate at @address. */
gboolean stile_ice_agent_knows_remote(StileIceAgent *agent, const StileAddress *address);
/** @address without an IPv6 zone, which differs from host to host. */
StileAddress stile_ice_unzoned(const StileAddress *address);
/** Who sent from there: without a zone, and as IPv4 if a NAT64 brought it. */
StileAddress stile_ice_agent_source(StileIceAgent *agent, const StileEndpoint *from);

/* checklist.c */

/** Whether both send from the same place, so that a pair with either is the same (RFC 8445
 * §6.1.2.4). */
gboolean stile_ice_same_base(const StileCandidate *a, const StileCandidate *b);
guint64 stile_ice_pair_priority(gboolean controlling, guint32 local, guint32 remote);
/** Returns: (nullable): the pair, made if it can be and is not there yet */
StileIceEntry *stile_ice_checklist_pair(StileIceAgent *agent, const StileCandidate *local,
                                        const StileCandidate *remote);
void stile_ice_checklist_remove(StileIceAgent *agent, StileIceEntry *entry);
void stile_ice_checklist_clear(StileIceAgent *agent);
void stile_ice_checklist_prioritise(StileIceAgent *agent);
/** Whether the pair goes through a NAT64. */
gboolean stile_ice_entry_is_translated(const StileIceEntry *entry);
StileIceEntry *stile_ice_checklist_find(StileIceAgent *agent, guint id);
void stile_ice_checklist_trigger(StileIceAgent *agent, StileIceEntry *entry);
/** Whether a pair waits for its turn or for its answer. */
gboolean stile_ice_checklist_active(StileIceAgent *agent);
gboolean stile_ice_checklist_pending(StileIceAgent *agent);
/** Returns: (nullable): the pair to check now (RFC 8445 §6.1.4.2) */
StileIceEntry *stile_ice_checklist_next(StileIceAgent *agent);
void stile_ice_entry_set_state(StileIceEntry *entry, StileIcePairState state);
gboolean stile_ice_entry_active(const StileIceEntry *entry);
void stile_ice_entry_free(StileIceEntry *entry);

/* check.c */

typedef enum {
    STILE_ICE_CHECK_ORDINARY,
    STILE_ICE_CHECK_NOMINATING,
    STILE_ICE_CHECK_HEARTBEAT,
} StileIceCheckPurpose;

/** @timeout: for heartbeats, which are sent once */
void stile_ice_check_start(StileIceEntry *entry, StileIceCheckPurpose purpose, gint64 timeout);
/** A newer check takes over: no more retransmissions, but an answer still counts (RFC 8445
 * §7.3.1.4). */
void stile_ice_check_stop_sending(StileIceEntry *entry);
void stile_ice_check_free(StileIceCheck *check);

/* nominate.c */

/** Nominates what is to be nominated by now; sets the timer for later. */
void stile_ice_nominate(StileIceAgent *agent);

/* heartbeat.c */

/** The pair has just become valid: counts from here. */
void stile_ice_heartbeat_begin(StileIceEntry *entry);
void stile_ice_heartbeat_schedule(StileIceEntry *entry);
void stile_ice_heartbeat_stop(StileIceEntry *entry);
void stile_ice_heartbeat_answered(StileIceEntry *entry, gint64 sent, gint64 rtt);
void stile_ice_heartbeat_missed(StileIceEntry *entry, gint64 sent);
/** A pair answered: the round-trip time, when. @rtt: -1 for unknown */
void stile_ice_heartbeat_pong(StileIceEntry *entry, gint64 rtt);

/* request.c */

/** Goes through the requests that came before the peer's credentials. */
void stile_ice_request_replay(StileIceAgent *agent);
void stile_ice_early_clear(StileIceEarly *early);

G_END_DECLS

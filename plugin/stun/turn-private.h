/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stun/turn.h"

G_BEGIN_DECLS

/* The parts of the TURN client: turn.c has the allocation, turn-request.c asks with credentials,
 * turn-peers.c keeps permissions and channels. */

#define STILE_TURN_MAX_SERVERS 4  /* the first, and three ALTERNATE-SERVERs */
#define STILE_TURN_BATCH       16 /* peers in one CreatePermission */

typedef struct _StileTurnRequest StileTurnRequest;

/** @response: success, or the error @code with the server's @words (nullable); %NULL: no answer
 * (BINDING only) */
typedef void (*StileTurnAnswered)(StileTurn *turn, StileTurnRequest *request,
                                  const StileStunMessage *response, guint code, const char *words);

struct _StileTurnRequest {
    StileTurn *turn;
    StileStunMethod method;
    StileTurnAnswered answered;
    StileStunTransaction *transaction;
    gint64 asked;        /* stile_clock_now() of the last time it was asked */
    gboolean challenged; /* it got a 401 */
    guint stale;         /* how many 438 it got */

    gboolean with_lifetime;
    guint32 lifetime; /* seconds */
    guint16 channel;
    guint n_peers;
    StileAddress peers[STILE_TURN_BATCH];
};

typedef struct {
    StileAddress ip; /* port 0 */
    guint users;     /* how many wanted peers have this address */
    gint64 until;    /* stile_clock_now(); 0: not installed */
    gint64 renew_at;
    gboolean asking;
} StileTurnPermission;

typedef struct {
    StileAddress address;
    gboolean wanted; /* FALSE: forgotten, remembered only so that its number is not used again */
    gboolean wants_channel;
    guint16 number;     /* 0: none yet */
    gint64 bound_until; /* 0: not bound */
    gint64 renew_at;
    gint64 held_until; /* no other peer may have the number before */
    gboolean asking;
    gboolean renumbered;
} StileTurnPeer;

struct _StileTurn {
    StileClock *clock;
    StileStunTransactions *transactions;
    const StileTurnOps *ops;
    gpointer user_data;
    int family;

    StileAddress servers[STILE_TURN_MAX_SERVERS]; /* those tried, the last is the one now used */
    guint n_servers;
    char *stream; /* what the server of a stream is called; NULL: UDP */

    char *username;
    char *password;
    char *realm; /* NULL until challenged */
    char *nonce;
    guint8 key[16];

    StileTurnState state;
    char *error;
    StileAddress relayed;
    StileAddress mapped;
    /* What we had before we lost sight of the server, which may have it still. */
    StileAddress former_relayed;
    StileAddress former_mapped;
    gint64 rtt;
    gint64 expires; /* stile_clock_real() */
    gint64 refresh_at;
    gint64 keepalive_at;
    gint64 allocated; /* stile_clock_now(); 0 without an allocation */
    gboolean refreshing;
    gboolean keeping_alive;
    gboolean cleared; /* a 437 on Allocate was met by deleting what the server still has */
    gint64 backoff;
    StileTimer *retry;
    StileTimer *upkeep;

    GPtrArray *requests; /* of StileTurnRequest, under way */
    GHashTable *permissions;
    GHashTable *peers;
    GHashTable *by_channel; /* number -> StileTurnPeer, which stands in peers */
    guint16 next_channel;
};

/* turn.c */
StileEndpoint stile_turn_endpoint(StileTurn *turn);
/** Returns: (transfer full): what the server is called in a sentence */
char *stile_turn_server_name(StileTurn *turn);
/** Nothing may be done with @turn after these three: they call back. */
void stile_turn_fail(StileTurn *turn, const char *format, ...) G_GNUC_PRINTF(2, 3);
void stile_turn_fail_with_words(StileTurn *turn, guint code, const char *words);
void stile_turn_lost(StileTurn *turn, guint code, const char *words);
/** Sets the upkeep timer to what is due next. */
void stile_turn_schedule(StileTurn *turn);

/* turn-request.c */
StileTurnRequest *stile_turn_request_new(StileTurn *turn, StileStunMethod method,
                                         StileTurnAnswered answered);
/**
 * stile_turn_request_send:
 * @request: (transfer full)
 *
 * Asks the server with the credentials known so far. Challenges are met within (401, 438); what
 * ends the allocation is handled here (no answer, wrong credentials, 437), and @answered is not
 * called.
 */
void stile_turn_request_send(StileTurnRequest *request);
void stile_turn_requests_cancel(StileTurn *turn);
void stile_turn_forget_challenge(StileTurn *turn);
/** The same, not waited for. */
void stile_turn_request_send_once(StileTurnRequest *request);
void stile_turn_request_free(StileTurnRequest *request);

/* turn-peers.c */
void stile_turn_peers_init(StileTurn *turn);
void stile_turn_peers_clear(StileTurn *turn);
/** The allocation is gone, and with it all permissions and channels. */
void stile_turn_peers_reset(StileTurn *turn);
/** Asks for what is due. */
void stile_turn_peers_upkeep(StileTurn *turn);
/** Returns: when something is due next, stile_clock_now(); G_MAXINT64 for never */
gint64 stile_turn_peers_due(StileTurn *turn);

G_END_DECLS

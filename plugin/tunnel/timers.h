/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The times of §6.1, in microseconds. */
#define STILE_REKEY_AFTER_TIME     (120 * G_USEC_PER_SEC)
#define STILE_REJECT_AFTER_TIME    (180 * G_USEC_PER_SEC)
#define STILE_REKEY_ATTEMPT_TIME   (90 * G_USEC_PER_SEC)
#define STILE_REKEY_TIMEOUT        (5 * G_USEC_PER_SEC)
#define STILE_REKEY_TIMEOUT_JITTER 333000
#define STILE_KEEPALIVE_TIMEOUT    (10 * G_USEC_PER_SEC)
#define STILE_ZERO_KEYS_AFTER      (3 * STILE_REJECT_AFTER_TIME)
/* On receiving, the initiator renews while there is still time for a keepalive and one retry. */
#define STILE_REKEY_AFTER_TIME_RECEIVING                                                           \
    (STILE_REJECT_AFTER_TIME - STILE_KEEPALIVE_TIMEOUT - STILE_REKEY_TIMEOUT)
#define STILE_MAX_ATTEMPTS (STILE_REKEY_ATTEMPT_TIME / STILE_REKEY_TIMEOUT)

/**
 * StilePeerTimer:
 * @STILE_PEER_TIMER_RETRANSMIT: the initiation was not answered
 * @STILE_PEER_TIMER_KEEPALIVE: we received data and have sent nothing since
 * @STILE_PEER_TIMER_NEW_HANDSHAKE: we sent data and have received nothing since
 * @STILE_PEER_TIMER_ZERO_KEYS: there was no new session for long
 * @STILE_PEER_TIMER_PERSISTENT_KEEPALIVE: nothing went either way for the interval set
 */
typedef enum {
    STILE_PEER_TIMER_RETRANSMIT,
    STILE_PEER_TIMER_KEEPALIVE,
    STILE_PEER_TIMER_NEW_HANDSHAKE,
    STILE_PEER_TIMER_ZERO_KEYS,
    STILE_PEER_TIMER_PERSISTENT_KEEPALIVE,
    STILE_N_PEER_TIMERS,
} StilePeerTimer;

typedef struct _StileTimerHeap StileTimerHeap;

/**
 * StileTimers:
 *
 * The timers of one peer. Nearly every packet moves one of them further away; that only writes the
 * new time, and the heap finds out when the old one comes. A peer with no timer set is not in the
 * heap at all.
 */
typedef struct {
    StileTimerHeap *heap;
    gpointer owner;
    gint64 due[STILE_N_PEER_TIMERS]; /* G_MAXINT64: not set */
    gint64 wake;                     /* where it stands in the heap; never after the first due */
    guint position;                  /* in the heap, from 1; 0: not in it */
} StileTimers;

/** The timers of all peers, by the time when each has to be looked at. */
struct _StileTimerHeap {
    GPtrArray *array; /* of StileTimers; element 0 is not used */
};

void stile_timer_heap_init(StileTimerHeap *heap);
void stile_timer_heap_clear(StileTimerHeap *heap);
/** Returns: when to call stile_timer_heap_expire(); G_MAXINT64 for never */
gint64 stile_timer_heap_next(const StileTimerHeap *heap);
/**
 * stile_timer_heap_expire:
 * @ret_timer: which of the owner's timers it was; it is not set any longer
 *
 * Call it until it gives %NULL; timers may be set and stopped in between.
 *
 * Returns: (transfer none) (nullable): the owner of a timer that is due; %NULL when none is
 */
gpointer stile_timer_heap_expire(StileTimerHeap *heap, gint64 now, StilePeerTimer *ret_timer);

void stile_timers_init(StileTimers *timers, StileTimerHeap *heap, gpointer owner);
/** Stops all. */
void stile_timers_clear(StileTimers *timers);
void stile_timers_set(StileTimers *timers, StilePeerTimer timer, gint64 at);

static inline void
stile_timers_stop(StileTimers *timers, StilePeerTimer timer)
{
    timers->due[timer] = G_MAXINT64;
}

static inline gboolean
stile_timers_is_set(const StileTimers *timers, StilePeerTimer timer)
{
    return timers->due[timer] != G_MAXINT64;
}

G_END_DECLS

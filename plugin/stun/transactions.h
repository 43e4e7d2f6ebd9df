/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "io/endpoint.h"
#include "stun/message.h"

G_BEGIN_DECLS

/**
 * StileStunTransactions:
 *
 * The requests that wait for an answer on the shared sockets of one network: retransmission (RFC
 * 8489 §6.2.1), matching of answers by transaction id. Everything that asks by STUN (gathering,
 * TURN, ICE, NAT diagnosis) asks here.
 */
typedef struct _StileStunTransactions StileStunTransactions;
typedef struct _StileStunTransaction StileStunTransaction;

/** How messages leave; also used for what is no request. */
typedef void (*StileStunSendFunc)(gpointer user_data, const StileEndpoint *to, const guint8 *data,
                                  gsize size);

StileStunTransactions *stile_stun_transactions_new(StileClock *clock, StileStunSendFunc send,
                                                   gpointer user_data);
/** Cancels what is under way without calling back. */
void stile_stun_transactions_free(StileStunTransactions *transactions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileStunTransactions, stile_stun_transactions_free)

/**
 * StileStunDone:
 * @response: (nullable): success or error response; %NULL when no answer came, or one with unknown
 *   comprehension-required attributes (RFC 8489 §6.3.3)
 * @from: (nullable): where it came from; may differ from where the request went to; %NULL when no
 *   answer came
 * @rtt: microseconds from the first transmission, or -1 when it was retransmitted (Karn)
 *
 * Called once, and the transaction is gone afterwards. Integrity of the response was checked if the
 * request was given a key, and answers that fail it were dropped (RFC 8489 §9.1.4).
 */
typedef void (*StileStunDone)(gpointer user_data, const StileStunMessage *response,
                              const StileEndpoint *from, gint64 rtt);

/**
 * StileStunPace:
 *
 * @rto: the first retransmission timeout, microseconds; 0 for the RFC's 500 ms
 * @max_sends: RFC 8489's Rc; 0 for 7
 * @last_wait: RFC 8489's Rm, in units of @rto; 0 for 16
 */
typedef struct {
    gint64 rto;
    guint max_sends;
    guint last_wait;
} StileStunPace;

/**
 * stile_stun_transactions_request:
 * @data: a whole request; copied
 * @key: (nullable): the response must have an integrity by it. Error responses without integrity
 * are accepted for 401, 438 and 300 only; for TURN's methods all are, because coturn signs none.
 * @pace: (nullable): %NULL for the RFC's
 *
 * Returns: (transfer none) (nullable): for stile_stun_transaction_cancel(), until done is called;
 *   %NULL when it was called already, because the send function delivered the answer
 */
StileStunTransaction *stile_stun_transactions_request(StileStunTransactions *transactions,
                                                      const StileEndpoint *to, const guint8 *data,
                                                      gsize size, const void *key, gsize key_size,
                                                      const StileStunPace *pace, StileStunDone done,
                                                      gpointer user_data);
void stile_stun_transaction_cancel(StileStunTransaction *transaction);
/** RFC 8445 §7.3.1.4: no more retransmissions, but an answer is still taken. */
void stile_stun_transaction_stop_sending(StileStunTransaction *transaction);

/** Sends something that gets no answer: an indication, a response. */
void stile_stun_transactions_send(StileStunTransactions *transactions, const StileEndpoint *to,
                                  const guint8 *data, gsize size);

/** Returns: whether @message is an answer to one of ours (and was handled) */
gboolean stile_stun_transactions_receive(StileStunTransactions *transactions,
                                         const StileStunMessage *message,
                                         const StileEndpoint *from);

G_END_DECLS

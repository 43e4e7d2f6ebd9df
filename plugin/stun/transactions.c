/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/transactions.h"

#include <string.h>

#define DEFAULT_RTO       (500 * G_TIME_SPAN_MILLISECOND)
#define DEFAULT_MAX_SENDS 7
#define DEFAULT_LAST_WAIT 16
#define MAX_DOUBLINGS     16 /* whatever a caller asks for, no overflow */

struct _StileStunTransactions {
    StileClock *clock;
    StileStunSendFunc send;
    gpointer user_data;
    GHashTable *by_id; /* of StileStunTransaction, which it owns; the key stands in the value */
};

struct _StileStunTransaction {
    StileStunTransactions *owner; /* NULL once done is being called */
    guint8 id[STILE_STUN_ID_SIZE];
    guint method;
    StileEndpoint to;
    guint8 *data;
    gsize size;
    guint8 *key; /* NULL: no integrity asked for */
    gsize key_size;
    StileStunDone done;
    gpointer user_data;
    StileTimer *timer;
    gint64 started;
    gint64 rto;
    guint max_sends;
    guint last_wait;
    guint turns; /* how often it was, or would have been, sent */
    gboolean stopped;
    gboolean repeated;
};

static guint
id_hash(gconstpointer id)
{
    guint hash;

    /* Ids are random: any part of one is as good as a hash. */
    memcpy(&hash, id, sizeof hash);
    return hash;
}

static gboolean
id_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, STILE_STUN_ID_SIZE) == 0;
}

static void
transaction_free(gpointer pointer)
{
    StileStunTransaction *transaction = pointer;

    stile_timer_free(transaction->timer);
    g_free(transaction->data);
    g_free(transaction->key);
    g_free(transaction);
}

StileStunTransactions *
stile_stun_transactions_new(StileClock *clock, StileStunSendFunc send, gpointer user_data)
{
    StileStunTransactions *transactions = g_new0(StileStunTransactions, 1);

    transactions->clock = stile_clock_ref(clock);
    transactions->send = send;
    transactions->user_data = user_data;
    transactions->by_id = g_hash_table_new_full(id_hash, id_equal, NULL, transaction_free);
    return transactions;
}

void
stile_stun_transactions_free(StileStunTransactions *transactions)
{
    if (!transactions)
        return;
    g_hash_table_unref(transactions->by_id);
    stile_clock_unref(transactions->clock);
    g_free(transactions);
}

void
stile_stun_transactions_send(StileStunTransactions *transactions, const StileEndpoint *to,
                             const guint8 *data, gsize size)
{
    transactions->send(transactions->user_data, to, data, size);
}

/* Takes the transaction out before it calls back, so that the callback may ask again, cancel others
 * or free the owner. */
static void
finish(StileStunTransaction *transaction, const StileStunMessage *response,
       const StileEndpoint *from, gint64 rtt)
{
    g_hash_table_steal(transaction->owner->by_id, transaction->id);
    transaction->owner = NULL;
    stile_timer_stop(transaction->timer);
    transaction->done(transaction->user_data, response, from, rtt);
    transaction_free(transaction);
}

/* RFC 8489 §6.2.1: the wait doubles after each transmission; after the last it is Rm × RTO. */
static void
set_timer(StileStunTransaction *transaction)
{
    gint64 wait = transaction->turns < transaction->max_sends
                      ? transaction->rto << MIN(transaction->turns - 1, MAX_DOUBLINGS)
                      : transaction->rto * transaction->last_wait;

    stile_timer_set_after(transaction->timer, wait);
}

static void
on_timer(gpointer user_data)
{
    StileStunTransaction *transaction = user_data;

    if (transaction->turns >= transaction->max_sends) {
        finish(transaction, NULL, NULL, -1);
        return;
    }
    transaction->turns++;
    set_timer(transaction);
    if (transaction->stopped)
        return;
    transaction->repeated = TRUE;
    /* Last, because an answer may come within. */
    stile_stun_transactions_send(transaction->owner, &transaction->to, transaction->data,
                                 transaction->size);
}

StileStunTransaction *
stile_stun_transactions_request(StileStunTransactions *transactions, const StileEndpoint *to,
                                const guint8 *data, gsize size, const void *key, gsize key_size,
                                const StileStunPace *pace, StileStunDone done, gpointer user_data)
{
    StileStunTransaction *transaction;
    StileStunMessage message;
    guint8 id[STILE_STUN_ID_SIZE];

    g_return_val_if_fail(stile_stun_message_parse(&message, data, size, NULL), NULL);
    g_return_val_if_fail(message.class == STILE_STUN_REQUEST, NULL);
    g_return_val_if_fail(!g_hash_table_contains(transactions->by_id, message.id), NULL);

    transaction = g_new0(StileStunTransaction, 1);
    transaction->owner = transactions;
    memcpy(transaction->id, message.id, sizeof transaction->id);
    memcpy(id, message.id, sizeof id);
    transaction->method = message.method;
    transaction->to = *to;
    transaction->data = g_memdup2(data, size);
    transaction->size = size;
    transaction->key = key ? g_memdup2(key, MAX(key_size, 1)) : NULL;
    transaction->key_size = key_size;
    transaction->done = done;
    transaction->user_data = user_data;
    transaction->started = stile_clock_now(transactions->clock);
    transaction->rto = pace && pace->rto > 0 ? pace->rto : DEFAULT_RTO;
    transaction->max_sends = pace && pace->max_sends ? pace->max_sends : DEFAULT_MAX_SENDS;
    transaction->last_wait = pace && pace->last_wait ? pace->last_wait : DEFAULT_LAST_WAIT;
    transaction->turns = 1;
    transaction->timer = stile_timer_new(transactions->clock, on_timer, transaction);
    g_hash_table_insert(transactions->by_id, transaction->id, transaction);
    set_timer(transaction);
    stile_stun_transactions_send(transactions, to, data, size);
    /* A test's network may have answered within. */
    return g_hash_table_lookup(transactions->by_id, id);
}

void
stile_stun_transaction_cancel(StileStunTransaction *transaction)
{
    if (transaction->owner)
        g_hash_table_remove(transaction->owner->by_id, transaction->id);
}

void
stile_stun_transaction_stop_sending(StileStunTransaction *transaction)
{
    transaction->stopped = TRUE;
}

/* Errors that a server gives before it can know the key (RFC 8489 §9.2.4). For TURN's methods, all
 * of them: coturn signs none of its errors, and who can read our ids to forge one could as well
 * drop our datagrams. */
static gboolean
may_lack_integrity(const StileStunMessage *response)
{
    gsize size;
    guint code = stile_stun_message_error(response, NULL);

    if (stile_stun_message_find(response, STILE_STUN_MESSAGE_INTEGRITY, &size) ||
        stile_stun_message_find(response, STILE_STUN_MESSAGE_INTEGRITY_SHA256, &size))
        return FALSE;
    return response->method == STILE_STUN_BINDING ? code == 401 || code == 438 || code == 300
                                                  : code != 0;
}

gboolean
stile_stun_transactions_receive(StileStunTransactions *transactions,
                                const StileStunMessage *message, const StileEndpoint *from)
{
    StileStunTransaction *transaction;
    gint64 rtt;

    if (message->class != STILE_STUN_SUCCESS && message->class != STILE_STUN_ERROR)
        return FALSE;
    transaction = g_hash_table_lookup(transactions->by_id, message->id);
    if (!transaction || transaction->method != message->method)
        return FALSE;
    if (transaction->key &&
        !stile_stun_message_check(message, transaction->key, transaction->key_size) &&
        !may_lack_integrity(message))
        return TRUE; /* as if it had not come: the right one may still */
    if (message->n_unknown > 0) {
        /* RFC 8489 §6.3.3, §6.3.4: what cannot be understood is no answer. */
        finish(transaction, NULL, NULL, -1);
        return TRUE;
    }
    rtt = transaction->repeated ? -1 : stile_clock_now(transactions->clock) - transaction->started;
    finish(transaction, message, from, rtt);
    return TRUE;
}

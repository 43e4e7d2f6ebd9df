/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "io/endpoint.h"
#include "nat/inquiry.h"
#include "stun/message.h"

G_BEGIN_DECLS

/**
 * StileNatResponder:
 *
 * The server's side of the diagnosis (RFC 5780 §6) among the members of one network: a node with
 * an open address answers Binding requests of the others, from a second port when asked to, and has
 * another open node answer where its other address is asked for. So a network of two open nodes
 * needs no foreign STUN server.
 *
 * Of no use to anybody else: a request without the right MESSAGE-INTEGRITY gets nothing, not even
 * an error; an answer is never longer than the request; answers are counted, for each source and
 * for all. Sends nothing but answers, and each to where the request came from: to another port of
 * that address if it wants (RESPONSE-PORT), by another machine if it wants (CHANGE-REQUEST).
 *
 * Who asked for an answer from elsewhere and goes on asking is told by the first port, a second
 * later, that it was sent: then it is a filter that keeps it out.
 */
typedef struct _StileNatResponder StileNatResponder;

typedef enum {
    STILE_NAT_PORT_FIRST,
    STILE_NAT_PORT_SECOND,
} StileNatPort;

typedef struct {
    /* From @port, and from our address @local if that is set. Returns: whether it was sent */
    gboolean (*send)(gpointer user_data, StileNatPort port, const StileAddress *local,
                     const StileAddress *to, const guint8 *data, gsize size);
    /* @ret: (out): the other member that would answer @to. Returns: %FALSE when there is none */
    gboolean (*other)(gpointer user_data, const StileAddress *to, StileAddress *ret);
    /* Asks that one to answer @to. */
    void (*ask)(gpointer user_data, const StileAddress *to, const guint8 id[STILE_STUN_ID_SIZE]);
} StileNatResponderOps;

StileNatResponder *stile_nat_responder_new(StileClock *clock, const guint8 key[STILE_NAT_KEY_SIZE],
                                           const StileNatResponderOps *ops, gpointer user_data);
void stile_nat_responder_free(StileNatResponder *responder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileNatResponder, stile_nat_responder_free)

/** Returns: whether @message is a request with the right integrity: answered, unless there were too
 * many */
gboolean stile_nat_responder_receive(StileNatResponder *responder, StileNatPort port,
                                     const StileStunMessage *message, const StileEndpoint *from);
/** The other member has answered the request @id. */
void stile_nat_responder_answered(StileNatResponder *responder,
                                  const guint8 id[STILE_STUN_ID_SIZE]);
/**
 * stile_nat_responder_stand_in:
 *
 * We are the other member: answers @to, as what somebody else saw the sender of request @id. Only
 * on the internet, not to the ports of services, and no more often than requests.
 *
 * Returns: whether it was sent
 */
gboolean stile_nat_responder_stand_in(StileNatResponder *responder, const StileAddress *to,
                                      const guint8 id[STILE_STUN_ID_SIZE]);

G_END_DECLS

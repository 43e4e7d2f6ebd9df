/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/mapping.h"
#include "stun/message.h"

G_BEGIN_DECLS

#define STILE_NAT_KEY_SIZE 32

/**
 * StileNatServer:
 * @second: a member's second port, at the same address; unset for none
 * @member: a node of a network of ours (nat/responder.h): it answers who signs with @key only, and
 *   its other address is another member's, who sends when asked to
 *
 * Who to ask. With @address only, a STUN server as any.
 */
typedef struct {
    StileAddress address;
    StileAddress second;
    gboolean member;
    guint8 key[STILE_NAT_KEY_SIZE];
} StileNatServer;

/**
 * StileNatQuestion:
 * @change_ip, @change_port: the answer is to come from the server's other address or port (RFC 5780
 *   §7.2)
 * @response_port: where at our address the answer is to go to (RFC 5780 §7.5); 0: back
 * @member, @key: of the server
 *
 * One Binding request.
 */
typedef struct {
    StileAddress to;
    gboolean change_ip, change_port;
    guint16 response_port;
    gboolean member;
    guint8 key[STILE_NAT_KEY_SIZE];
} StileNatQuestion;

/* As long as the longest answer of a member, so that nobody gains by asking in another's name: with
 * two IPv6 addresses, integrity and fingerprint. */
#define STILE_NAT_MEMBER_REQUEST_SIZE 100

/** Returns: the plain question to @server */
StileNatQuestion stile_nat_question_to(const StileNatServer *server);

/**
 * StileNatAnswer:
 * @local: our own address and port, where it arrived
 * @from: where it came from
 * @mapped: as what the server saw us; unset in an error
 * @other: the server's other address and port (OTHER-ADDRESS); unset when it has none
 * @error: the code of an error response, 0 for success
 */
typedef struct {
    StileAddress local;
    StileAddress from;
    StileAddress mapped;
    StileAddress other;
    guint error;
} StileNatAnswer;

/** Returns: the size of the request written to @builder */
gsize stile_nat_question_write(const StileNatQuestion *question,
                               const guint8 id[STILE_STUN_ID_SIZE], StileStunBuilder *builder);

/**
 * stile_nat_answer_read:
 *
 * From a response to @question. Addresses that cannot be true are left out: an IPv6 address seen
 * by an IPv4 server, one of multicast, or of a private network although the server is on the
 * internet; an OTHER-ADDRESS that differs from the server in its IP address or port only, or that a
 * server on the internet gives into a private network or to this machine.
 */
void stile_nat_answer_read(StileNatAnswer *ret, const StileNatQuestion *question,
                           const StileStunMessage *response, const StileAddress *from,
                           const StileAddress *local);

#define STILE_NAT_MAX_SERVERS 8
#define STILE_NAT_MAX_STEPS   (STILE_NAT_MAX_SERVERS + 4)

typedef enum {
    STILE_NAT_STEP_WAITING,
    STILE_NAT_STEP_ASKED,
    STILE_NAT_STEP_ANSWERED,
    STILE_NAT_STEP_SILENT,
} StileNatStepState;

typedef struct {
    StileNatQuestion question;
    StileNatStepState state;
    StileNatAnswer answer; /* once ANSWERED */
} StileNatStep;

/**
 * StileNatInquiry:
 *
 * Questions that are asked from one socket, some of them only after others were answered or were
 * not. Pure: it is told answers and silence and says what to ask next. A value type.
 */
typedef struct _StileNatInquiry StileNatInquiry;
struct _StileNatInquiry {
    StileNatStep steps[STILE_NAT_MAX_STEPS];
    guint n_steps;
    guint stage; /* how often @more was called */
    /* All were answered or were not: adds what is to be asked now, if anything. */
    void (*more)(StileNatInquiry *inquiry);
};

void stile_nat_inquiry_init(StileNatInquiry *inquiry, void (*more)(StileNatInquiry *inquiry));
void stile_nat_inquiry_add(StileNatInquiry *inquiry, const StileNatQuestion *question);
/** Returns: the number of a step to ask now, which counts as asked; -1 when there is none */
int stile_nat_inquiry_next(StileNatInquiry *inquiry);
/** @answer: (nullable): %NULL for silence, after all repetitions */
void stile_nat_inquiry_answer(StileNatInquiry *inquiry, guint step, const StileNatAnswer *answer);
/** Whether nothing is under way and there is nothing more to ask. */
gboolean stile_nat_inquiry_is_done(const StileNatInquiry *inquiry);

/** Whether the step got an answer with a mapped address, from where the question went to. */
gboolean stile_nat_step_is_sample(const StileNatStep *step);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/inquiry.h"

#include <string.h>

/* RFC 5780 §7.2 */
#define CHANGE_IP   0x4
#define CHANGE_PORT 0x2

#define ATTRIBUTE_HEADER 4
#define SIGNATURE_SIZE   (ATTRIBUTE_HEADER + 20 + ATTRIBUTE_HEADER + 4)

/* Behind what the request has so far: padding up to its full size, integrity, fingerprint. */
static void
sign(const StileNatQuestion *question, StileStunBuilder *builder)
{
    static const guint8 nothing[STILE_NAT_MEMBER_REQUEST_SIZE];

    stile_stun_builder_bytes(builder, STILE_STUN_PADDING, nothing,
                             sizeof nothing - SIGNATURE_SIZE - ATTRIBUTE_HEADER - builder->size);
    stile_stun_builder_integrity(builder, question->key, sizeof question->key);
    stile_stun_builder_fingerprint(builder);
}

gsize
stile_nat_question_write(const StileNatQuestion *question, const guint8 id[STILE_STUN_ID_SIZE],
                         StileStunBuilder *builder)
{
    guint32 change = (question->change_ip ? CHANGE_IP : 0) |
                     (question->change_port ? CHANGE_PORT : 0);

    stile_stun_builder_init(builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    if (change)
        stile_stun_builder_u32(builder, STILE_STUN_CHANGE_REQUEST, change);
    if (question->response_port) /* the port, and two bytes of nothing */
        stile_stun_builder_u32(builder, STILE_STUN_RESPONSE_PORT,
                               (guint32)question->response_port << 16);
    if (question->member)
        sign(question, builder);
    return stile_stun_builder_finish(builder);
}

StileNatQuestion
stile_nat_question_to(const StileNatServer *server)
{
    StileNatQuestion question = {.to = server->address, .member = server->member};

    memcpy(question.key, server->key, sizeof question.key);
    return question;
}

/* Addresses mean something in one network: only a server inside of one can speak of its addresses.
 */
static gboolean
can_speak_of(const StileAddress *server, const StileAddress *address)
{
    StileAddressScope scope = stile_address_scope(address);

    if (stile_address_port(address) == 0)
        return FALSE;
    if (scope == STILE_ADDRESS_UNSPECIFIED || scope == STILE_ADDRESS_MULTICAST ||
        scope == STILE_ADDRESS_BROADCAST)
        return FALSE;
    if (scope == STILE_ADDRESS_LOOPBACK)
        return stile_address_scope(server) == STILE_ADDRESS_LOOPBACK;
    return stile_address_is_inside(server) || !stile_address_is_inside(address);
}

/* An IPv4 server that was reached by IPv6, through NAT64, sees an IPv4 address. */
static gboolean
can_see(const StileAddress *server, const StileAddress *mapped)
{
    return (stile_address_family(mapped) == stile_address_family(server) ||
            stile_address_family(server) == AF_INET6) &&
           can_speak_of(server, mapped);
}

static gboolean
can_be_other(const StileNatQuestion *question, const StileAddress *other, const StileAddress *local)
{
    const StileAddress *server = &question->to;

    return stile_address_family(other) == stile_address_family(server) &&
           can_speak_of(server, other) && !stile_address_equal_ip(other, server) &&
           (question->member || stile_address_port(other) != stile_address_port(server)) &&
           !stile_address_equal_ip(other, local);
}

void
stile_nat_answer_read(StileNatAnswer *ret, const StileNatQuestion *question,
                      const StileStunMessage *response, const StileAddress *from,
                      const StileAddress *local)
{
    StileAddress mapped, other;

    *ret = (StileNatAnswer){.local = *local, .from = *from};
    if (response->class != STILE_STUN_SUCCESS) {
        ret->error = MAX(stile_stun_message_error(response, NULL), 1);
        return;
    }
    if ((stile_stun_message_address(response, STILE_STUN_XOR_MAPPED_ADDRESS, &mapped) ||
         stile_stun_message_address(response, STILE_STUN_MAPPED_ADDRESS, &mapped)) &&
        can_see(&question->to, &mapped))
        ret->mapped = mapped;
    if (stile_stun_message_address(response, STILE_STUN_OTHER_ADDRESS, &other) &&
        can_be_other(question, &other, local))
        ret->other = other;
}

void
stile_nat_inquiry_init(StileNatInquiry *inquiry, void (*more)(StileNatInquiry *inquiry))
{
    memset(inquiry, 0, sizeof *inquiry);
    inquiry->more = more;
}

void
stile_nat_inquiry_add(StileNatInquiry *inquiry, const StileNatQuestion *question)
{
    if (inquiry->n_steps < STILE_NAT_MAX_STEPS)
        inquiry->steps[inquiry->n_steps++].question = *question;
}

static int
find_step(const StileNatInquiry *inquiry, StileNatStepState state)
{
    for (guint i = 0; i < inquiry->n_steps; i++)
        if (inquiry->steps[i].state == state)
            return (int)i;
    return -1;
}

int
stile_nat_inquiry_next(StileNatInquiry *inquiry)
{
    int step = find_step(inquiry, STILE_NAT_STEP_WAITING);

    if (step >= 0)
        inquiry->steps[step].state = STILE_NAT_STEP_ASKED;
    return step;
}

void
stile_nat_inquiry_answer(StileNatInquiry *inquiry, guint step, const StileNatAnswer *answer)
{
    StileNatStep *asked = &inquiry->steps[step];

    g_return_if_fail(step < inquiry->n_steps && asked->state == STILE_NAT_STEP_ASKED);
    asked->state = answer ? STILE_NAT_STEP_ANSWERED : STILE_NAT_STEP_SILENT;
    if (answer)
        asked->answer = *answer;
    if (!stile_nat_inquiry_is_done(inquiry))
        return;
    inquiry->more(inquiry);
    inquiry->stage++;
}

gboolean
stile_nat_inquiry_is_done(const StileNatInquiry *inquiry)
{
    return find_step(inquiry, STILE_NAT_STEP_WAITING) < 0 &&
           find_step(inquiry, STILE_NAT_STEP_ASKED) < 0;
}

gboolean
stile_nat_step_is_sample(const StileNatStep *step)
{
    return step->state == STILE_NAT_STEP_ANSWERED && stile_address_is_set(&step->answer.mapped) &&
           stile_address_equal(&step->answer.from, &step->question.to);
}

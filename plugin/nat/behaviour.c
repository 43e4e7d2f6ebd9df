/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/behaviour.h"

#include <string.h>

/* More would only cost: two servers with two addresses each are four places already. */
#define MAX_FULL_TESTS 2
/* An answer proves; silence may also be loss, or a server that does not do what it promised. */
#define SURE_OF_ANSWER  0.95
#define SURE_OF_SILENCE 0.85

/* A firewall or NAT that lets in another port of an address may let in anybody, or not. */
#define HALF_TESTED 0.5

static gboolean
has_other(const StileNatStep *step)
{
    return stile_nat_step_is_sample(step) && stile_address_is_set(&step->answer.other);
}

/* Every question of a member's has its key; only its second port is not where it was asked first.
 */
static StileNatServer
server_of(const StileNatStep *step)
{
    StileNatServer server = {.address = step->question.to, .member = step->question.member};

    memcpy(server.key, step->question.key, sizeof server.key);
    return server;
}

static void
add_tests_II_and_III(StileNatInquiry *inquiry)
{
    guint n_servers = inquiry->n_steps;
    guint n_tested = 0;

    if (inquiry->stage > 0)
        return;
    for (guint i = 0; i < n_servers && n_tested < MAX_FULL_TESTS; i++) {
        const StileNatStep *step = &inquiry->steps[i];
        StileNatQuestion question = {.to = step->answer.other};

        if (!has_other(step) || step->question.member)
            continue;
        question.to = stile_address_with_port(&step->answer.other,
                                              stile_address_port(&step->question.to));
        stile_nat_inquiry_add(inquiry, &question);
        question.to = step->answer.other;
        stile_nat_inquiry_add(inquiry, &question);
        n_tested++;
    }
}

void
stile_nat_mapping_init(StileNatInquiry *inquiry, const StileNatServer *servers, gsize n_servers)
{
    guint n_seconds = 0;

    stile_nat_inquiry_init(inquiry, add_tests_II_and_III);
    for (gsize i = 0; i < MIN(n_servers, STILE_NAT_MAX_SERVERS); i++) {
        StileNatQuestion question = stile_nat_question_to(&servers[i]);

        stile_nat_inquiry_add(inquiry, &question);
    }
    for (gsize i = 0; i < MIN(n_servers, STILE_NAT_MAX_SERVERS); i++) {
        StileNatQuestion question = stile_nat_question_to(&servers[i]);

        if (!servers[i].member || !stile_address_is_set(&servers[i].second) ||
            n_seconds == MAX_FULL_TESTS)
            continue;
        question.to = servers[i].second;
        stile_nat_inquiry_add(inquiry, &question);
        n_seconds++;
    }
}

StileNatVerdict
stile_nat_mapping_verdict(const StileNatInquiry *inquiry)
{
    StileNatSample samples[STILE_NAT_MAX_STEPS];
    gsize n = 0;

    for (guint i = 0; i < inquiry->n_steps; i++) {
        const StileNatStep *step = &inquiry->steps[i];

        if (stile_nat_step_is_sample(step))
            samples[n++] = (StileNatSample){step->answer.local, step->question.to,
                                            step->answer.mapped};
    }
    return stile_nat_judge_mapping(samples, n);
}

/* The answer of a member's second port, if there is one: that port can be answered from, then. */
static const StileNatStep *
find_second(const StileNatInquiry *inquiry, const StileNatStep *first)
{
    for (guint i = 0; i < inquiry->n_steps; i++) {
        const StileNatStep *step = &inquiry->steps[i];

        if (step > first && step->question.member &&
            stile_address_equal_ip(&step->question.to, &first->question.to) &&
            !stile_address_equal(&step->question.to, &first->question.to))
            return step;
    }
    return NULL;
}

gboolean
stile_nat_mapping_filtering_server(const StileNatInquiry *inquiry, StileNatServer *ret)
{
    const StileNatStep *found = NULL, *second = NULL;

    for (guint i = 0; i < inquiry->n_steps && !found; i++)
        if (has_other(&inquiry->steps[i]) &&
            (!inquiry->steps[i].question.member || find_second(inquiry, &inquiry->steps[i])))
            found = &inquiry->steps[i];
    for (guint i = 0; i < inquiry->n_steps && !found; i++)
        if (has_other(&inquiry->steps[i]))
            found = &inquiry->steps[i];
    for (guint i = 0; i < inquiry->n_steps && !found; i++)
        if (stile_nat_step_is_sample(&inquiry->steps[i]) && inquiry->steps[i].question.member &&
            find_second(inquiry, &inquiry->steps[i]))
            found = &inquiry->steps[i];
    if (!found)
        return FALSE;
    *ret = server_of(found);
    if (found->question.member && (second = find_second(inquiry, found)))
        ret->second = second->question.to;
    return TRUE;
}

gboolean
stile_nat_mapping_any_server(const StileNatInquiry *inquiry, StileNatServer *ret)
{
    for (guint i = 0; i < inquiry->n_steps; i++)
        if (stile_nat_step_is_sample(&inquiry->steps[i])) {
            *ret = server_of(&inquiry->steps[i]);
            return TRUE;
        }
    return FALSE;
}

static void
add_filtering_tests(StileNatInquiry *inquiry)
{
    const StileNatStep *first = &inquiry->steps[0];
    StileNatQuestion question = first->question;

    if (!stile_nat_step_is_sample(first))
        return;
    switch (inquiry->stage) {
    case 0:
        question.change_port = TRUE;
        question.change_ip = has_other(first);
        if (question.change_ip || !question.member)
            stile_nat_inquiry_add(inquiry, &question);
        question.change_ip = FALSE;
        stile_nat_inquiry_add(inquiry, &question);
        break;
    case 1:
        if (!question.member)
            stile_nat_inquiry_add(inquiry, &question);
        break;
    default:
        break;
    }
}

void
stile_nat_filtering_init(StileNatInquiry *inquiry, const StileNatServer *server)
{
    StileNatQuestion question = stile_nat_question_to(server);

    stile_nat_inquiry_init(inquiry, add_filtering_tests);
    stile_nat_inquiry_add(inquiry, &question);
}

/* Whether an answer came, and from where it was to come: from elsewhere, it says nothing of the
 * filter. */
static gboolean
came_as_asked(const StileNatStep *step)
{
    const StileAddress *from = &step->answer.from, *to = &step->question.to;

    if (step->state != STILE_NAT_STEP_ANSWERED || step->answer.error != 0 ||
        stile_address_equal_ip(from, to) == step->question.change_ip)
        return FALSE;
    /* Another member may happen to use the same port as the first: its address is another. */
    return (step->question.member && step->question.change_ip) ||
           (stile_address_port(from) == stile_address_port(to)) != step->question.change_port;
}

/* Whether it did not arrive; a member says that it was sent, too. */
static gboolean
was_filtered(const StileNatStep *step)
{
    return step && (step->question.member ? stile_nat_step_is_sample(step)
                                          : step->state == STILE_NAT_STEP_SILENT);
}

static const StileNatStep *
find_test(const StileNatInquiry *inquiry, gboolean change_ip)
{
    for (guint i = 0; i < inquiry->n_steps; i++)
        if (inquiry->steps[i].question.change_port &&
            inquiry->steps[i].question.change_ip == change_ip)
            return &inquiry->steps[i];
    return NULL;
}

gboolean
stile_nat_filtering_knows_address(const StileNatInquiry *inquiry)
{
    const StileNatStep *address = find_test(inquiry, TRUE);

    return address && (came_as_asked(address) || was_filtered(address));
}

StileNatBehaviour
stile_nat_filtering_verdict(const StileNatInquiry *inquiry, double *ret_confidence)
{
    const StileNatStep *address = find_test(inquiry, TRUE), *port = find_test(inquiry, FALSE);
    const StileNatStep *last = &inquiry->steps[MAX(inquiry->n_steps, 1) - 1];
    gboolean member = last->question.member;
    double half = member && !stile_nat_filtering_knows_address(inquiry) ? HALF_TESTED : 1;

    *ret_confidence = SURE_OF_ANSWER;
    if (address && came_as_asked(address))
        return STILE_NAT_ENDPOINT_INDEPENDENT;
    *ret_confidence *= half;
    if (port && came_as_asked(port) && (member || was_filtered(address)))
        return STILE_NAT_ADDRESS_DEPENDENT;
    *ret_confidence = SURE_OF_SILENCE;
    /* What keeps out another port keeps out another address all the more. */
    if (member && was_filtered(port))
        return STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
    if (!member && was_filtered(address) && was_filtered(port) && !last->question.change_port &&
        stile_nat_step_is_sample(last))
        return STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
    *ret_confidence *= HALF_TESTED;
    if (member && was_filtered(address))
        return STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
    *ret_confidence = 0;
    return STILE_NAT_UNKNOWN;
}

const char *
stile_nat_cone_name(StileNatBehaviour mapping, StileNatBehaviour filtering, gboolean udp_blocked)
{
    if (udp_blocked)
        return "udp-blocked";
    switch (mapping) {
    case STILE_NAT_NONE:
        if (filtering == STILE_NAT_UNKNOWN)
            return "unknown";
        return filtering == STILE_NAT_NONE || filtering == STILE_NAT_ENDPOINT_INDEPENDENT
                   ? "open-internet"
                   : "symmetric-firewall";
    case STILE_NAT_ENDPOINT_INDEPENDENT:
        switch (filtering) {
        case STILE_NAT_NONE:
        case STILE_NAT_ENDPOINT_INDEPENDENT:
            return "full-cone";
        case STILE_NAT_ADDRESS_DEPENDENT:
            return "restricted-cone";
        case STILE_NAT_ADDRESS_AND_PORT_DEPENDENT:
            return "port-restricted-cone";
        case STILE_NAT_UNKNOWN:
            break;
        }
        return "unknown";
    case STILE_NAT_ADDRESS_DEPENDENT:
    case STILE_NAT_ADDRESS_AND_PORT_DEPENDENT:
        return "symmetric";
    case STILE_NAT_UNKNOWN:
        break;
    }
    return "unknown";
}

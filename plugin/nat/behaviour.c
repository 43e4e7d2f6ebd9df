/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/behaviour.h"

/* More would only cost: two servers with two addresses each are four places already. */
#define MAX_FULL_TESTS 2
/* An answer proves; silence may also be loss, or a server that does not do what it promised. */
#define SURE_OF_ANSWER  0.95
#define SURE_OF_SILENCE 0.85

/* Filtering: the steps in their order */
enum {
    TEST_I,
    TEST_II,
    TEST_III,
    TEST_I_AGAIN,
};

static gboolean
has_other(const StileNatStep *step)
{
    return stile_nat_step_is_sample(step) && stile_address_is_set(&step->answer.other);
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

        if (!has_other(step))
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
stile_nat_mapping_init(StileNatInquiry *inquiry, const StileAddress *servers, gsize n_servers)
{
    stile_nat_inquiry_init(inquiry, add_tests_II_and_III);
    for (gsize i = 0; i < MIN(n_servers, STILE_NAT_MAX_SERVERS); i++)
        stile_nat_inquiry_add(inquiry, &(StileNatQuestion){.to = servers[i]});
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

const StileAddress *
stile_nat_mapping_filtering_server(const StileNatInquiry *inquiry)
{
    for (guint i = 0; i < inquiry->n_steps; i++)
        if (has_other(&inquiry->steps[i]))
            return &inquiry->steps[i].question.to;
    return NULL;
}

const StileAddress *
stile_nat_mapping_any_server(const StileNatInquiry *inquiry)
{
    for (guint i = 0; i < inquiry->n_steps; i++)
        if (stile_nat_step_is_sample(&inquiry->steps[i]))
            return &inquiry->steps[i].question.to;
    return NULL;
}

static void
add_filtering_tests(StileNatInquiry *inquiry)
{
    const StileNatStep *first = &inquiry->steps[TEST_I];
    StileNatQuestion question = first->question;

    if (!stile_nat_step_is_sample(first))
        return;
    switch (inquiry->stage) {
    case 0:
        question.change_ip = question.change_port = TRUE;
        stile_nat_inquiry_add(inquiry, &question);
        question.change_ip = FALSE;
        stile_nat_inquiry_add(inquiry, &question);
        break;
    case 1:
        stile_nat_inquiry_add(inquiry, &question);
        break;
    default:
        break;
    }
}

void
stile_nat_filtering_init(StileNatInquiry *inquiry, const StileAddress *server)
{
    stile_nat_inquiry_init(inquiry, add_filtering_tests);
    stile_nat_inquiry_add(inquiry, &(StileNatQuestion){.to = *server});
}

/* Whether an answer came, and from where it was to come: from elsewhere, it says nothing of the
 * filter. */
static gboolean
came_as_asked(const StileNatStep *step)
{
    const StileAddress *from = &step->answer.from, *to = &step->question.to;

    return step->state == STILE_NAT_STEP_ANSWERED && step->answer.error == 0 &&
           stile_address_equal_ip(from, to) != step->question.change_ip &&
           (stile_address_port(from) == stile_address_port(to)) != step->question.change_port;
}

StileNatBehaviour
stile_nat_filtering_verdict(const StileNatInquiry *inquiry, double *ret_confidence)
{
    const StileNatStep *steps = inquiry->steps;

    *ret_confidence = SURE_OF_ANSWER;
    if (inquiry->n_steps > TEST_II && came_as_asked(&steps[TEST_II]))
        return STILE_NAT_ENDPOINT_INDEPENDENT;
    if (inquiry->n_steps > TEST_III && steps[TEST_II].state == STILE_NAT_STEP_SILENT &&
        came_as_asked(&steps[TEST_III]))
        return STILE_NAT_ADDRESS_DEPENDENT;
    *ret_confidence = SURE_OF_SILENCE;
    if (inquiry->n_steps > TEST_I_AGAIN && steps[TEST_II].state == STILE_NAT_STEP_SILENT &&
        steps[TEST_III].state == STILE_NAT_STEP_SILENT &&
        stile_nat_step_is_sample(&steps[TEST_I_AGAIN]))
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

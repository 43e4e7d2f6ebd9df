/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any datagram as the answer to a question of the diagnosis, from a server on the internet:
 * whatever is kept of it is an address that could be true, and a whole inquiry fed with nothing but
 * it comes to an end and to a verdict. */
#include "nat/behaviour.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static StileAddress
address(const char *text)
{
    StileAddress parsed;

    g_assert_true(stile_address_parse(&parsed, text, 0, NULL));
    return parsed;
}

static void
assert_possible(const StileAddress *kept, const StileAddress *server)
{
    if (!stile_address_is_set(kept))
        return;
    g_assert_cmpint(stile_address_family(kept), ==, stile_address_family(server));
    g_assert_false(stile_address_is_inside(kept));
    g_assert_cmpint(stile_address_port(kept), !=, 0);
    g_assert_cmpint(stile_address_scope(kept), !=, STILE_ADDRESS_MULTICAST);
}

static void
run(StileNatInquiry *inquiry, const StileNatAnswer *answer)
{
    guint asked = 0;

    while (!stile_nat_inquiry_is_done(inquiry)) {
        int step = stile_nat_inquiry_next(inquiry);

        g_assert_cmpint(step, >=, 0);
        g_assert_cmpuint(++asked, <=, STILE_NAT_MAX_STEPS);
        stile_nat_inquiry_answer(inquiry, (guint)step, answer);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StileAddress server = address("198.51.100.1:3478"), local = address("192.168.1.2:40000");
    StileNatQuestion question = {.to = server};
    StileStunMessage message;
    StileNatAnswer answer;
    StileNatInquiry inquiry;
    double confidence;

    if (!stile_stun_message_parse(&message, data, size, NULL))
        return 0;
    stile_nat_answer_read(&answer, &question, &message, &server, &local);
    assert_possible(&answer.mapped, &server);
    assert_possible(&answer.other, &server);
    g_assert_true(answer.error == 0 || !stile_address_is_set(&answer.mapped));
    g_assert_false(stile_address_equal_ip(&answer.other, &server));

    stile_nat_mapping_init(&inquiry, &(StileNatServer){.address = server}, 1);
    run(&inquiry, &answer);
    /* One server at one address cannot say that there is no NAT, unless it is so. */
    g_assert_cmpint(stile_nat_mapping_verdict(&inquiry).mapping, !=, STILE_NAT_NONE);
    stile_nat_filtering_init(&inquiry, &(StileNatServer){.address = server});
    run(&inquiry, &answer);
    /* Nothing ever came from another address. */
    g_assert_cmpint(stile_nat_filtering_verdict(&inquiry, &confidence), ==, STILE_NAT_UNKNOWN);
    return 0;
}

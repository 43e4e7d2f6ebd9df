/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as the options of a router's advertisement: what is read is a prefix that a NAT64 can
 * have, and stands there, with its lifetime, in the option that was just passed. */
#include "nat/pref64.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OPTION_SIZE 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const StilePref64 *pref64, const guint8 option[OPTION_SIZE])
{
    static const guint8 lengths[] = {96, 64, 56, 48, 40, 32};
    static const guint8 ip[4] = {198, 51, 100, 77};
    guint16 scaled = (guint16)(option[2] << 8 | option[3]);
    StileAddress ipv4 = stile_address_from_ip(AF_INET, ip, 7), made, back;
    gsize bytes;

    g_assert_cmpuint(option[0], ==, 38);
    g_assert_cmpuint(option[1], ==, 2);
    g_assert_cmpuint(pref64->lifetime, ==, scaled / 8 * 8);
    g_assert_cmpuint(scaled % 8, <, G_N_ELEMENTS(lengths));
    g_assert_cmpuint(pref64->prefix.length, ==, lengths[scaled % 8]);
    g_assert_cmpint(memcmp(stile_address_ip(&pref64->prefix.address, &bytes), option + 4,
                           pref64->prefix.length / 8),
                    ==, 0);
    g_assert_true(stile_nat64_synthesize(&made, &pref64->prefix, &ipv4));
    g_assert_true(stile_nat64_extract(&back, &pref64->prefix, &made));
    g_assert_true(stile_address_equal(&back, &ipv4));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StileReader options = STILE_READER_INIT(data, size);
    StilePref64 pref64;

    while (stile_pref64_next(&options, &pref64))
        check(&pref64, options.data - OPTION_SIZE);
    return 0;
}

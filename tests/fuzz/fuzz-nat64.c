/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any IPv6 addresses as the answer of a name server for ipv4only.arpa: a prefix that is found has a
 * length of RFC 6052, makes again one of the addresses, and gives back every IPv4 address put in.
 */
#include "base/nat64.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IPV6_SIZE     16
#define MAX_ADDRESSES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean
makes_one_of(const StilePrefix *prefix, const StileAddress *addresses, gsize n)
{
    static const guint8 well_known[][4] = {{192, 0, 0, 170}, {192, 0, 0, 171}};

    for (gsize i = 0; i < n; i++)
        for (gsize k = 0; k < G_N_ELEMENTS(well_known); k++) {
            StileAddress ipv4 = stile_address_from_ip(AF_INET, well_known[k], 0), made, back;

            if (stile_nat64_extract(&back, prefix, &addresses[i]) &&
                stile_address_equal(&back, &ipv4) && stile_nat64_synthesize(&made, prefix, &ipv4))
                return TRUE;
        }
    return FALSE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const guint8 ip[4] = {198, 51, 100, 77};
    StileAddress addresses[MAX_ADDRESSES], ipv4 = stile_address_from_ip(AF_INET, ip, 7), made, back;
    StilePrefix prefix;
    gsize n = MIN(size / IPV6_SIZE, MAX_ADDRESSES);

    for (gsize i = 0; i < n; i++)
        addresses[i] = stile_address_from_ip(AF_INET6, data + i * IPV6_SIZE, 0);
    if (!stile_nat64_find_prefix(&prefix, addresses, n))
        return 0;
    g_assert_true(prefix.length == 96 || (prefix.length >= 32 && prefix.length <= 64));
    g_assert_true(makes_one_of(&prefix, addresses, n));
    g_assert_true(stile_nat64_synthesize(&made, &prefix, &ipv4));
    g_assert_true(stile_nat64_extract(&back, &prefix, &made));
    g_assert_true(stile_address_equal(&back, &ipv4));
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/nat64.h"

#include <string.h>

/* RFC 6052 §2.2: bits 64 to 71, which no IPv4 address may stand in */
#define ZERO_OCTET 8
#define IPV4_SIZE  4
#define IPV6_SIZE  16
/* RFC 7050 asks for one prefix or a few, with two addresses each; hundreds are nobody's NAT64. */
#define MAX_ANSWERS 16

static const guint8 lengths[] = {96, 64, 56, 48, 40, 32};

static gboolean
is_length(guint8 length)
{
    return memchr(lengths, length, sizeof lengths) != NULL;
}

gboolean
stile_nat64_is_prefix(const StilePrefix *prefix)
{
    StileAddressScope scope = stile_address_scope(&prefix->address);
    gsize size;
    const guint8 *ip = stile_address_ip(&prefix->address, &size);

    return is_length(prefix->length) && size == IPV6_SIZE && ip[ZERO_OCTET] == 0 &&
           (scope == STILE_ADDRESS_GLOBAL || scope == STILE_ADDRESS_PRIVATE);
}

/* Where the four bytes of the IPv4 address stand: behind the prefix, around the zero octet. */
static void
find_places(guint8 length, gsize ret_places[IPV4_SIZE])
{
    gsize place = length / 8;

    for (gsize i = 0; i < IPV4_SIZE; i++) {
        if (place == ZERO_OCTET)
            place++;
        ret_places[i] = place++;
    }
}

gboolean
stile_nat64_synthesize(StileAddress *ret, const StilePrefix *prefix, const StileAddress *address)
{
    guint8 bytes[IPV6_SIZE] = {0};
    gsize places[IPV4_SIZE], size;
    const guint8 *ip = stile_address_ip(address, &size);

    if (!is_length(prefix->length) || size != IPV4_SIZE ||
        stile_address_family(&prefix->address) != AF_INET6)
        return FALSE;
    memcpy(bytes, stile_address_ip(&prefix->address, &size), prefix->length / 8);
    if (bytes[ZERO_OCTET] != 0)
        return FALSE;
    find_places(prefix->length, places);
    for (gsize i = 0; i < IPV4_SIZE; i++)
        bytes[places[i]] = ip[i];
    *ret = stile_address_from_ip(AF_INET6, bytes, stile_address_port(address));
    return TRUE;
}

gboolean
stile_nat64_extract(StileAddress *ret, const StilePrefix *prefix, const StileAddress *address)
{
    guint8 bytes[IPV4_SIZE];
    gsize places[IPV4_SIZE], size;
    const guint8 *ip = stile_address_ip(address, &size);

    if (!is_length(prefix->length) || size != IPV6_SIZE || ip[ZERO_OCTET] != 0 ||
        !stile_prefix_contains(prefix, address))
        return FALSE;
    find_places(prefix->length, places);
    for (gsize i = 0; i < IPV4_SIZE; i++)
        bytes[i] = ip[places[i]];
    *ret = stile_address_from_ip(AF_INET, bytes, stile_address_port(address));
    return TRUE;
}

gboolean
stile_nat64_translates(const StilePrefix *prefix, const StileAddress *address)
{
    return prefix->length > 0 && stile_address_family(address) == AF_INET &&
           stile_address_scope(address) == STILE_ADDRESS_GLOBAL;
}

static gboolean
is_well_known(const StileAddress *address)
{
    static const guint8 well_known[][IPV4_SIZE] = {{192, 0, 0, 170}, {192, 0, 0, 171}};
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    for (gsize i = 0; i < G_N_ELEMENTS(well_known); i++)
        if (memcmp(ip, well_known[i], IPV4_SIZE) == 0)
            return TRUE;
    return FALSE;
}

/* The prefix that one answer shows; FALSE when it shows none, or could show several. */
static gboolean
prefix_of(StilePrefix *ret, const StileAddress *address)
{
    guint found = 0;

    for (gsize l = 0; l < G_N_ELEMENTS(lengths); l++) {
        StilePrefix tried = {*address, lengths[l]};
        StileAddress inside;

        if (!stile_nat64_extract(&inside, &tried, address) || !is_well_known(&inside))
            continue;
        *ret = stile_prefix_network(&tried);
        ret->address = stile_address_with_port(&ret->address, 0);
        found++;
    }
    return found == 1 && stile_nat64_is_prefix(ret);
}

static guint
count_votes(const StilePrefix *prefix, const StileAddress *addresses, gsize n_addresses)
{
    guint votes = 0;

    for (gsize i = 0; i < n_addresses; i++) {
        StilePrefix other;

        votes += prefix_of(&other, &addresses[i]) && stile_prefix_equal(&other, prefix);
    }
    return votes;
}

static gint
compare_prefixes(const StilePrefix *a, const StilePrefix *b)
{
    gsize size;
    gint order = memcmp(stile_address_ip(&a->address, &size), stile_address_ip(&b->address, &size),
                        IPV6_SIZE);

    return order != 0 ? order : (gint)a->length - (gint)b->length;
}

gboolean
stile_nat64_find_prefix(StilePrefix *ret, const StileAddress *addresses, gsize n_addresses)
{
    guint most = 0;

    n_addresses = MIN(n_addresses, MAX_ANSWERS);
    for (gsize i = 0; i < n_addresses; i++) {
        StilePrefix prefix;
        guint votes;

        if (!prefix_of(&prefix, &addresses[i]))
            continue;
        votes = count_votes(&prefix, addresses, n_addresses);
        if (votes < most || (votes == most && compare_prefixes(&prefix, ret) >= 0))
            continue;
        most = votes;
        *ret = prefix;
    }
    return most > 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/nat64.h"

#include <string.h>

#define WELL_KNOWN_NAME "ipv4only.arpa"
/* RFC 6052 §2.2: bits 64 to 71, which no IPv4 address may stand in */
#define ZERO_OCTET 8
#define IPV4_SIZE  4
#define IPV6_SIZE  16

static const guint8 lengths[] = {96, 64, 56, 48, 40, 32};

static gboolean
is_length(guint8 length)
{
    return memchr(lengths, length, sizeof lengths) != NULL;
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

gboolean
stile_nat64_find_prefix(StilePrefix *ret, const StileAddress *addresses, gsize n_addresses)
{
    for (gsize i = 0; i < n_addresses; i++) {
        guint found = 0;
        StilePrefix prefix = {0};

        for (gsize l = 0; l < G_N_ELEMENTS(lengths); l++) {
            StilePrefix tried = {addresses[i], lengths[l]};
            StileAddress inside;

            if (!stile_nat64_extract(&inside, &tried, &addresses[i]) || !is_well_known(&inside))
                continue;
            prefix = stile_prefix_network(&tried);
            found++;
        }
        if (found != 1)
            continue;
        prefix.address = stile_address_with_port(&prefix.address, 0);
        *ret = prefix;
        return TRUE;
    }
    return FALSE;
}

static void
on_resolved(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(StileAddress));
    g_autoptr(GError) error = NULL;
    GList *list = g_resolver_lookup_by_name_with_flags_finish(G_RESOLVER(resolver), result, &error);
    StilePrefix prefix = {0};

    for (GList *at = list; at; at = at->next)
        if (g_inet_address_get_family(at->data) == G_SOCKET_FAMILY_IPV6) {
            StileAddress address = stile_address_from_ip(AF_INET6,
                                                         g_inet_address_to_bytes(at->data), 0);

            g_array_append_val(addresses, address);
        }
    g_resolver_free_addresses(list);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    stile_nat64_find_prefix(&prefix, (StileAddress *)addresses->data, addresses->len);
    g_task_return_pointer(task, g_memdup2(&prefix, sizeof prefix), g_free);
}

void
stile_nat64_discover(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);

    g_resolver_lookup_by_name_with_flags_async(resolver, WELL_KNOWN_NAME,
                                               G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY, cancellable,
                                               on_resolved, task);
}

gboolean
stile_nat64_discover_finish(StilePrefix *ret, GAsyncResult *result, GError **error)
{
    g_autofree StilePrefix *prefix = g_task_propagate_pointer(G_TASK(result), error);

    if (prefix)
        *ret = *prefix;
    return prefix != NULL;
}

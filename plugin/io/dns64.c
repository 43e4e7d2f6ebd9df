/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/dns64.h"

#define WELL_KNOWN_NAME "ipv4only.arpa"

static GArray *
take_ipv6(GList *list)
{
    GArray *addresses = g_array_new(FALSE, FALSE, sizeof(StileAddress));

    for (GList *at = list; at; at = at->next)
        if (g_inet_address_get_family(at->data) == G_SOCKET_FAMILY_IPV6) {
            StileAddress address = stile_address_from_ip(AF_INET6,
                                                         g_inet_address_to_bytes(at->data), 0);

            g_array_append_val(addresses, address);
        }
    g_resolver_free_addresses(list);
    return addresses;
}

static void
on_resolved(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) addresses = take_ipv6(
        g_resolver_lookup_by_name_with_flags_finish(G_RESOLVER(resolver), result, &error));
    StilePrefix prefix = {0};

    /* That the name has no such addresses is an answer. */
    if (error && !g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    stile_nat64_find_prefix(&prefix, (StileAddress *)addresses->data, addresses->len);
    g_task_return_pointer(task, g_memdup2(&prefix, sizeof prefix), g_free);
}

void
stile_dns64_ask(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();

    g_resolver_lookup_by_name_with_flags_async(
        resolver, WELL_KNOWN_NAME, G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY, cancellable, on_resolved,
        g_task_new(NULL, cancellable, callback, user_data));
}

gboolean
stile_dns64_ask_finish(StilePrefix *ret, GAsyncResult *result, GError **error)
{
    g_autofree StilePrefix *prefix = g_task_propagate_pointer(G_TASK(result), error);

    if (prefix)
        *ret = *prefix;
    return prefix != NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/resolve.h"

#include "base/error.h"
#include "mesh/server-uri.h"

/* One server, and what was found; unset: nothing */
typedef struct {
    GTask *task;
    guint number;
    guint16 port;
} Lookup;

typedef struct {
    StileAddress ipv4, ipv6;
} Found;

typedef struct {
    GArray *found; /* of Found, one for each server */
    guint pending;
} Resolving;

static void
resolving_free(gpointer pointer)
{
    Resolving *resolving = pointer;

    g_array_unref(resolving->found);
    g_free(resolving);
}

static void
append_if_set(GArray *addresses, const StileAddress *address)
{
    if (stile_address_is_set(address))
        g_array_append_val(addresses, *address);
}

static void
one_less(GTask *task)
{
    Resolving *resolving = g_task_get_task_data(task);
    g_autoptr(GArray) addresses = NULL;

    if (--resolving->pending > 0)
        return;
    addresses = g_array_new(FALSE, FALSE, sizeof(StileAddress));
    for (guint i = 0; i < resolving->found->len; i++) {
        const Found *found = &g_array_index(resolving->found, Found, i);

        append_if_set(addresses, &found->ipv4);
        append_if_set(addresses, &found->ipv6);
    }
    if (g_task_return_error_if_cancelled(task))
        return;
    if (addresses->len > 0)
        g_task_return_pointer(task, g_steal_pointer(&addresses), (GDestroyNotify)g_array_unref);
    else
        g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_UNREACHABLE,
                                "The name of no STUN server can be resolved");
}

static void
keep(Found *found, const StileAddress *address)
{
    StileAddress *place = stile_address_family(address) == AF_INET6 ? &found->ipv6 : &found->ipv4;

    if (!stile_address_is_set(place))
        *place = *address;
}

static void
on_resolved(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    Lookup *lookup = user_data;
    g_autoptr(GTask) task = lookup->task;
    Resolving *resolving = g_task_get_task_data(task);
    GList *list = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, NULL);

    for (GList *at = list; at; at = at->next) {
        StileAddress address = stile_address_from_ip((int)g_inet_address_get_family(at->data),
                                                     g_inet_address_to_bytes(at->data),
                                                     lookup->port);

        keep(&g_array_index(resolving->found, Found, lookup->number), &address);
    }
    g_resolver_free_addresses(list);
    g_free(lookup);
    one_less(task);
}

static void
resolve(GTask *task, guint number, const char *text)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    Resolving *resolving = g_task_get_task_data(task);
    g_auto(StileServerUri) uri = {0};
    StileAddress address;
    Lookup *lookup;

    if (!stile_stun_uri_parse(&uri, text, NULL))
        return;
    if (stile_address_parse(&address, uri.host, uri.port, NULL)) {
        keep(&g_array_index(resolving->found, Found, number), &address);
        return;
    }
    lookup = g_new(Lookup, 1);
    *lookup = (Lookup){g_object_ref(task), number, uri.port};
    resolving->pending++;
    g_resolver_lookup_by_name_async(resolver, uri.host, g_task_get_cancellable(task), on_resolved,
                                    lookup);
}

void
stile_resolve_servers(const char *const *servers, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    Resolving *resolving = g_new0(Resolving, 1);
    guint n = g_strv_length((char **)servers);

    resolving->found = g_array_sized_new(FALSE, TRUE, sizeof(Found), n);
    g_array_set_size(resolving->found, n);
    resolving->pending = 1;
    g_task_set_task_data(task, resolving, resolving_free);
    for (guint i = 0; i < n; i++)
        resolve(task, i, servers[i]);
    one_less(task);
}

GArray *
stile_resolve_servers_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/server-name.h"

#include "base/nat64.h"
#include "io/links.h"
#include <gio/gio.h>

#define AGAIN (10 * G_USEC_PER_SEC)

struct _StileServerName {
    char *host;
    guint16 port;
    gboolean ipv4, ipv6;
    StilePrefix nat64;
    StileAddress address;
    const StileServerNameOps *ops;
    gpointer user_data;
    GCancellable *cancellable;
    gboolean asking;
    StileTimer *again;
};

/* Takes @address as what to send to. Returns: whether there is a route */
static gboolean
take(StileServerName *name, const StileAddress *address)
{
    StileAddress source;

    name->address = *address;
    if (stile_nat64_translates(&name->nat64, address))
        stile_nat64_synthesize(&name->address, &name->nat64, address);
    source = stile_links_source_for(&name->address);
    return stile_address_is_set(&source);
}

/* The first address of a family that we can reach; without a route to any, the last: the network
 * may just be coming up. */
static gboolean
pick_address(StileServerName *name, GList *addresses)
{
    const int families[] = {name->ipv4 ? AF_INET : AF_UNSPEC, name->ipv6 ? AF_INET6 : AF_UNSPEC};

    for (gsize f = 0; f < G_N_ELEMENTS(families); f++) {
        for (GList *at = addresses; at; at = at->next) {
            StileAddress address;

            if ((int)g_inet_address_get_family(at->data) != families[f])
                continue;
            address = stile_address_from_ip(families[f], g_inet_address_to_bytes(at->data),
                                            name->port);
            if (take(name, &address))
                return TRUE;
        }
    }
    return stile_address_is_set(&name->address);
}

static void
on_resolved(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    StileServerName *name = user_data;
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* it is gone */
    name->asking = FALSE;
    if (pick_address(name, addresses)) {
        StileAddress address = name->address;

        name->ops->found(name->user_data, &address);
    } else {
        stile_timer_set_after(name->again, AGAIN);
        name->ops->failed(name->user_data, error ? error->message : "The server has no address");
    }
    g_resolver_free_addresses(addresses);
}

void
stile_server_name_look_up(StileServerName *name)
{
    g_autoptr(GResolver) resolver = NULL;
    StileAddress literal;

    if (stile_address_is_set(&name->address) || name->asking)
        return;
    if (stile_address_parse(&literal, name->host, name->port, NULL)) {
        StileAddress address;

        take(name, &literal);
        address = name->address;
        name->ops->found(name->user_data, &address);
        return;
    }
    stile_timer_stop(name->again);
    name->asking = TRUE;
    resolver = g_resolver_get_default();
    g_resolver_lookup_by_name_async(resolver, name->host, name->cancellable, on_resolved, name);
}

void
stile_server_name_set_nat64(StileServerName *name, const StilePrefix *prefix)
{
    gboolean found = stile_address_is_set(&name->address);

    name->nat64 = *prefix;
    name->address = (StileAddress){0};
    if (found)
        stile_server_name_look_up(name);
}

static void
on_again(gpointer user_data)
{
    stile_server_name_look_up(user_data);
}

StileServerName *
stile_server_name_new(StileClock *clock, const StileServerUri *uri, gboolean ipv4, gboolean ipv6,
                      const StileServerNameOps *ops, gpointer user_data)
{
    StileServerName *name = g_new0(StileServerName, 1);

    name->host = g_strdup(uri->host);
    name->port = uri->port;
    name->ipv4 = ipv4;
    name->ipv6 = ipv6;
    name->ops = ops;
    name->user_data = user_data;
    name->cancellable = g_cancellable_new();
    name->again = stile_timer_new(clock, on_again, name);
    return name;
}

void
stile_server_name_free(StileServerName *name)
{
    if (!name)
        return;
    g_cancellable_cancel(name->cancellable);
    g_object_unref(name->cancellable);
    stile_timer_free(name->again);
    g_free(name->host);
    g_free(name);
}

StileAddress
stile_server_name_address(const StileServerName *name)
{
    return name->address;
}

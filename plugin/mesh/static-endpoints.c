/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/static-endpoints.h"

#include "base/error.h"
#include "io/links.h"
#include "mesh/server-uri.h"
#include <gio/gio.h>
#include <string.h>

#define SEC ((gint64)1000000)
/* DynDNS names live for a minute; a resolver that fails may only not be there yet. */
#define LOOK_UP_AGAIN (60 * SEC)
#define RETRY         (10 * SEC)

#define MAX_PUBLIC 4

typedef struct {
    StileStaticEndpoints *owner;
    StileEndpointName name;
    StileAddress found[2]; /* IPv4, IPv6; unset: none */
} Endpoint;

struct _StileStaticEndpoints {
    StileClock *clock;
    StileGatherer *gatherer;
    guint16 ports[2];
    GPtrArray *list;     /* of Endpoint */
    GArray *candidates;  /* of StileCandidate: what the gatherer has of us */
    GCancellable *asked; /* for what is under way */
    StileTimer *refresh_timer;
    StileTimer *look_up_timer;
};

void
stile_endpoint_name_clear(StileEndpointName *name)
{
    g_clear_pointer(&name->host, g_free);
}

gboolean
stile_endpoint_name_parse(StileEndpointName *ret, const char *text, GError **error)
{
    const char *colon = strrchr(text, ':');
    g_auto(StileServerUri) uri = {0};
    guint64 port;

    /* Of two colons without brackets the last is one of an IPv6 address. */
    if (!colon || (colon != strchr(text, ':') && (text[0] != '[' || colon[-1] != ']')) ||
        !g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXUINT16, &port, NULL))
        goto bad;
    if (colon != text) {
        if (!stile_stun_uri_parse(&uri, text, NULL))
            goto bad;
        ret->host = g_steal_pointer(&uri.host);
    }
    ret->port = (guint16)port;
    return TRUE;
bad:
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                "“%s” is not an endpoint: HOST:PORT is expected, or :PORT at the public address",
                text);
    return FALSE;
}

/* Which there are */

static void
append(StileStaticEndpoints *endpoints, GArray *wanted, const StileAddress *address)
{
    guint16 port = endpoints->ports[stile_address_family(address) == AF_INET6];
    StileAddress source = stile_links_source_for(address);
    StileCandidate candidate = {
        .type = STILE_CANDIDATE_SERVER_REFLEXIVE,
        .technique = STILE_TECHNIQUE_STATIC,
        .address = *address,
        .base = stile_address_with_port(&source, port),
        .priority = stile_candidate_priority(STILE_CANDIDATE_SERVER_REFLEXIVE, 65535),
    };

    if (port == 0 || !stile_address_is_set(&source) || !stile_candidate_may_send_to(address))
        return;
    stile_candidate_set_foundation(&candidate);
    g_array_append_val(wanted, candidate);
}

static gboolean
is_listed(const StileAddress *addresses, guint n, const StileAddress *address)
{
    for (guint i = 0; i < n; i++)
        if (stile_address_equal_ip(&addresses[i], address))
            return TRUE;
    return FALSE;
}

/* Our addresses on the IPv4 internet, as they are known by other means. */
static guint
public_addresses(StileStaticEndpoints *endpoints, StileAddress ret[MAX_PUBLIC])
{
    const GArray *all = stile_gatherer_candidates(endpoints->gatherer);
    guint n = 0;

    for (guint i = 0; i < all->len && n < MAX_PUBLIC; i++) {
        const StileCandidate *candidate = &g_array_index(all, StileCandidate, i);

        if (candidate->technique != STILE_TECHNIQUE_STATIC &&
            candidate->type != STILE_CANDIDATE_RELAYED &&
            stile_address_family(&candidate->address) == AF_INET &&
            stile_address_scope(&candidate->address) == STILE_ADDRESS_GLOBAL &&
            !is_listed(ret, n, &candidate->address))
            ret[n++] = candidate->address;
    }
    return n;
}

static GArray *
find_wanted(StileStaticEndpoints *endpoints)
{
    GArray *wanted = g_array_new(FALSE, TRUE, sizeof(StileCandidate));
    StileAddress seen[MAX_PUBLIC];
    guint n_seen = public_addresses(endpoints, seen);

    for (guint i = 0; i < endpoints->list->len; i++) {
        const Endpoint *endpoint = endpoints->list->pdata[i];

        for (guint j = 0; !endpoint->name.host && j < n_seen; j++) {
            StileAddress address = stile_address_with_port(&seen[j], endpoint->name.port);

            append(endpoints, wanted, &address);
        }
        for (gsize j = 0; j < G_N_ELEMENTS(endpoint->found); j++)
            if (stile_address_is_set(&endpoint->found[j]))
                append(endpoints, wanted, &endpoint->found[j]);
    }
    return wanted;
}

static gboolean
contains(const GArray *list, const StileCandidate *candidate)
{
    for (guint i = 0; i < list->len; i++)
        if (stile_candidate_equal(&g_array_index(list, StileCandidate, i), candidate))
            return TRUE;
    return FALSE;
}

/* The new list stands before the gatherer tells of it. */
static void
on_refresh(gpointer user_data)
{
    StileStaticEndpoints *endpoints = user_data;
    g_autoptr(GArray) before = endpoints->candidates;
    g_autoptr(GArray) after = find_wanted(endpoints);

    endpoints->candidates = g_array_ref(after);
    for (guint i = 0; i < before->len; i++)
        if (!contains(after, &g_array_index(before, StileCandidate, i)))
            stile_gatherer_remove(endpoints->gatherer, &g_array_index(before, StileCandidate, i));
    for (guint i = 0; i < after->len; i++)
        if (!contains(before, &g_array_index(after, StileCandidate, i)))
            stile_gatherer_add(endpoints->gatherer, &g_array_index(after, StileCandidate, i));
}

void
stile_static_endpoints_refresh_soon(StileStaticEndpoints *endpoints)
{
    if (endpoints->list->len > 0 || endpoints->candidates->len > 0)
        stile_timer_set_after(endpoints->refresh_timer, 0);
}

/* Names */

static void
on_resolved(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    Endpoint *endpoint = user_data;
    g_autoptr(GError) error = NULL;
    GList *list = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);
    StileAddress found[2] = {0};

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* the endpoint may be gone */
    if (!list) {
        g_debug("static endpoint: %s", error ? error->message : "no address");
        stile_timer_set_after(endpoint->owner->look_up_timer, RETRY);
        return;
    }
    for (GList *at = list; at; at = at->next) {
        int family = (int)g_inet_address_get_family(at->data);

        if (!stile_address_is_set(&found[family == AF_INET6]))
            found[family == AF_INET6] = stile_address_from_ip(
                family, g_inet_address_to_bytes(at->data), endpoint->name.port);
    }
    g_resolver_free_addresses(list);
    memcpy(endpoint->found, found, sizeof found);
    stile_static_endpoints_refresh_soon(endpoint->owner);
}

static void
on_look_up(gpointer user_data)
{
    StileStaticEndpoints *endpoints = user_data;
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    gboolean has_names = FALSE;

    g_cancellable_cancel(endpoints->asked);
    g_object_unref(endpoints->asked);
    endpoints->asked = g_cancellable_new();
    for (guint i = 0; i < endpoints->list->len; i++) {
        Endpoint *endpoint = endpoints->list->pdata[i];
        StileAddress address;

        if (!endpoint->name.host)
            continue;
        if (stile_address_parse(&address, endpoint->name.host, 0, NULL)) {
            endpoint->found[stile_address_family(&address) == AF_INET6] = stile_address_with_port(
                &address, endpoint->name.port);
            continue;
        }
        has_names = TRUE;
        g_resolver_lookup_by_name_async(resolver, endpoint->name.host, endpoints->asked,
                                        on_resolved, endpoint);
    }
    stile_static_endpoints_refresh_soon(endpoints);
    if (has_names)
        stile_timer_set_after(endpoints->look_up_timer, LOOK_UP_AGAIN);
}

void
stile_static_endpoints_look_up(StileStaticEndpoints *endpoints)
{
    stile_timer_set_after(endpoints->look_up_timer, 0);
}

static void
endpoint_free(gpointer pointer)
{
    Endpoint *endpoint = pointer;

    stile_endpoint_name_clear(&endpoint->name);
    g_free(endpoint);
}

void
stile_static_endpoints_set(StileStaticEndpoints *endpoints, const char *const *names)
{
    g_cancellable_cancel(endpoints->asked);
    g_ptr_array_set_size(endpoints->list, 0);
    for (; names && *names; names++) {
        Endpoint *endpoint = g_new0(Endpoint, 1);

        endpoint->owner = endpoints;
        if (stile_endpoint_name_parse(&endpoint->name, *names, NULL))
            g_ptr_array_add(endpoints->list, endpoint);
        else
            endpoint_free(endpoint);
    }
    stile_static_endpoints_look_up(endpoints);
}

StileStaticEndpoints *
stile_static_endpoints_new(StileClock *clock, StileGatherer *gatherer, guint16 port4, guint16 port6)
{
    StileStaticEndpoints *endpoints = g_new0(StileStaticEndpoints, 1);

    endpoints->clock = stile_clock_ref(clock);
    endpoints->gatherer = gatherer;
    endpoints->ports[0] = port4;
    endpoints->ports[1] = port6;
    endpoints->list = g_ptr_array_new_with_free_func(endpoint_free);
    endpoints->candidates = g_array_new(FALSE, TRUE, sizeof(StileCandidate));
    endpoints->asked = g_cancellable_new();
    endpoints->refresh_timer = stile_timer_new(clock, on_refresh, endpoints);
    endpoints->look_up_timer = stile_timer_new(clock, on_look_up, endpoints);
    return endpoints;
}

void
stile_static_endpoints_free(StileStaticEndpoints *endpoints)
{
    if (!endpoints)
        return;
    g_cancellable_cancel(endpoints->asked);
    g_object_unref(endpoints->asked);
    stile_timer_free(endpoints->refresh_timer);
    stile_timer_free(endpoints->look_up_timer);
    g_ptr_array_unref(endpoints->list);
    g_array_unref(endpoints->candidates);
    stile_clock_unref(endpoints->clock);
    g_free(endpoints);
}

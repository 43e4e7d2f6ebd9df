/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/upnp-sweep.h"

#include "portmap/http-exchange.h"
#include "portmap/soap.h"

#include <unistd.h>

#define MAX_ENTRIES 256 /* a router's table is smaller; a liar's has no end */

struct _StileUpnpSweep {
    StileClock *clock;
    GMainContext *context;
    StileAddress internal;
    StileAddress control;
    char *path;
    char *type;
    guint index;
    StileHttpExchange *exchange;
    GArray *stale; /* of guint16: deleted at the end, because the others move up */
};

static void ask(StileUpnpSweep *sweep);

static gboolean
is_free(const StileAddress *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gboolean is_free = fd >= 0 && bind(fd, &address->sa, stile_address_sockaddr_size(address)) == 0;

    if (fd >= 0)
        close(fd);
    return is_free;
}

static void
delete_stale(StileUpnpSweep *sweep)
{
    for (guint i = 0; i < sweep->stale->len; i++) {
        guint16 port = g_array_index(sweep->stale, guint16, i);
        g_autofree char *arguments = stile_soap_delete_arguments(port);
        g_autofree char *request = stile_soap_build(&sweep->control, sweep->path, sweep->type,
                                                    "DeletePortMapping", arguments);

        stile_http_exchange_detach(stile_http_exchange_new(
            sweep->clock, sweep->context, &sweep->internal, &sweep->control, request, NULL, NULL));
    }
    g_array_set_size(sweep->stale, 0);
}

/* The first error ends it: it is the end of the table (713), or a router without one. */
static void
on_entry(gpointer user_data, guint status, const char *body, gsize size, const GError *error)
{
    StileUpnpSweep *sweep = user_data;
    StileSoapReply reply;

    g_clear_pointer(&sweep->exchange, stile_http_exchange_free);
    if (error || !stile_soap_parse(&reply, status, body, size, NULL) || reply.error) {
        delete_stale(sweep);
        return;
    }
    if (reply.is_ours && reply.external_port && stile_address_port(&reply.client) &&
        stile_address_equal_ip(&reply.client, &sweep->internal) &&
        !stile_address_equal(&reply.client, &sweep->internal) && is_free(&reply.client))
        g_array_append_val(sweep->stale, reply.external_port);
    if (++sweep->index < MAX_ENTRIES)
        ask(sweep);
    else
        delete_stale(sweep);
}

static void
ask(StileUpnpSweep *sweep)
{
    g_autofree char *arguments = stile_soap_entry_arguments(sweep->index);
    g_autofree char *request = stile_soap_build(&sweep->control, sweep->path, sweep->type,
                                                "GetGenericPortMappingEntry", arguments);

    sweep->exchange = stile_http_exchange_new(sweep->clock, sweep->context, &sweep->internal,
                                              &sweep->control, request, on_entry, sweep);
}

StileUpnpSweep *
stile_upnp_sweep_new(StileClock *clock, GMainContext *context, const StileAddress *internal,
                     const StileAddress *control, const char *path, const char *type)
{
    StileUpnpSweep *sweep = g_new0(StileUpnpSweep, 1);

    sweep->clock = stile_clock_ref(clock);
    sweep->context = g_main_context_ref(context ? context : g_main_context_default());
    sweep->internal = *internal;
    sweep->control = *control;
    sweep->path = g_strdup(path);
    sweep->type = g_strdup(type);
    sweep->stale = g_array_new(FALSE, FALSE, sizeof(guint16));
    ask(sweep);
    return sweep;
}

void
stile_upnp_sweep_free(StileUpnpSweep *sweep)
{
    if (!sweep)
        return;
    g_clear_pointer(&sweep->exchange, stile_http_exchange_free);
    g_array_unref(sweep->stale);
    g_free(sweep->path);
    g_free(sweep->type);
    g_main_context_unref(sweep->context);
    stile_clock_unref(sweep->clock);
    g_free(sweep);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/upnp.h"

#include "base/error.h"
#include "base/source.h"
#include "portmap/http-exchange.h"
#include "portmap/http.h"
#include "portmap/soap.h"
#include "portmap/ssdp.h"
#include "portmap/upnp-description.h"
#include "portmap/upnp-sweep.h"

#include <gio/gio.h>

#define LEASE        7200 /* seconds */
#define SEARCHES     3
#define SEARCH_EVERY G_USEC_PER_SEC
#define MAX_PORTS    8 /* that are tried */
#define FIRST_PORT   1024
#define MAX_DATAGRAM 2048

typedef enum {
    IDLE,
    SEARCHING,
    DESCRIBING,
    ASKING, /* for the external address */
    FOUND,
    ADDING,
} State;

struct _StileUpnp {
    StileClock *clock;
    GMainContext *context;
    StileAddress gateway;
    StileAddress internal;
    const StileUpnpCalls *calls;
    gpointer user_data;
    guint16 search_port;

    State state;
    gboolean wanted; /* a mapping, once the router is found */
    GSocket *socket;
    GSource *source;
    StileTimer *timer;
    guint searches;
    StileHttpExchange *exchange;
    char *location;

    StileUpnpService service;
    StileAddress control;
    char *control_path;
    StileAddress router; /* its external address */

    gboolean permanent;    /* it leases nothing: 725, 402 */
    gboolean any_port;     /* it has version 2's AddAnyPortMapping */
    guint ports;           /* tried */
    guint16 port;          /* asked for, or mapped; 0 for none */
    StileUpnpSweep *sweep; /* once made, not again */
};

static void on_search_timer(gpointer user_data);

StileUpnp *
stile_upnp_new(StileClock *clock, GMainContext *context, const StileAddress *gateway,
               const StileAddress *internal, const StileUpnpCalls *calls, gpointer user_data)
{
    StileUpnp *upnp = g_new0(StileUpnp, 1);

    upnp->clock = stile_clock_ref(clock);
    upnp->context = g_main_context_ref(context ? context : g_main_context_default());
    upnp->gateway = *gateway;
    upnp->internal = *internal;
    upnp->calls = calls;
    upnp->user_data = user_data;
    upnp->search_port = STILE_SSDP_PORT;
    upnp->timer = stile_timer_new(clock, on_search_timer, upnp);
    return upnp;
}

void
stile_upnp_set_search_port(StileUpnp *upnp, guint16 port)
{
    upnp->search_port = port;
}

static void
stop_search(StileUpnp *upnp)
{
    stile_timer_stop(upnp->timer);
    stile_source_clear(&upnp->source);
    g_clear_object(&upnp->socket);
}

/* Back to the start: the router is to be found again. */
static void
stop(StileUpnp *upnp)
{
    stop_search(upnp);
    g_clear_pointer(&upnp->exchange, stile_http_exchange_free);
    upnp->state = IDLE;
    upnp->wanted = FALSE;
}

static void fail(StileUpnp *upnp, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* @format: with a %s for the router's address first, and one more or none */
static void
fail(StileUpnp *upnp, const char *format, ...)
{
    g_autofree char *problem = NULL;
    va_list arguments;

    va_start(arguments, format);
    problem = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    stop(upnp);
    upnp->calls->failed(upnp->user_data, problem);
}

static void
exchange(StileUpnp *upnp, const StileAddress *server, const char *request, StileHttpFunc func)
{
    g_clear_pointer(&upnp->exchange, stile_http_exchange_free);
    upnp->exchange = stile_http_exchange_new(upnp->clock, upnp->context, &upnp->internal, server,
                                             request, func, upnp);
}

static void
call(StileUpnp *upnp, const char *action, const char *arguments, StileHttpFunc func)
{
    g_autofree char *request = stile_soap_build(&upnp->control, upnp->control_path,
                                                upnp->service.type, action, arguments);

    exchange(upnp, &upnp->control, request, func);
}

void
stile_upnp_unmap(StileUpnp *upnp, guint16 keep)
{
    guint16 port = upnp->port;

    if (upnp->state == ADDING) {
        g_clear_pointer(&upnp->exchange, stile_http_exchange_free);
        upnp->state = FOUND;
    }
    upnp->wanted = FALSE;
    upnp->port = 0;
    if (port && port != keep && upnp->control_path) {
        g_autofree char *arguments = stile_soap_delete_arguments(port);
        g_autofree char *request = stile_soap_build(
            &upnp->control, upnp->control_path, upnp->service.type, "DeletePortMapping", arguments);

        stile_http_exchange_detach(stile_http_exchange_new(
            upnp->clock, upnp->context, &upnp->internal, &upnp->control, request, NULL, NULL));
    }
}

void
stile_upnp_free(StileUpnp *upnp)
{
    if (!upnp)
        return;
    stile_upnp_unmap(upnp, 0);
    stop(upnp);
    stile_upnp_sweep_free(upnp->sweep);
    stile_timer_free(upnp->timer);
    stile_upnp_service_clear(&upnp->service);
    g_free(upnp->control_path);
    g_free(upnp->location);
    g_main_context_unref(upnp->context);
    stile_clock_unref(upnp->clock);
    g_free(upnp);
}

/* The answer of an action. Returns: %FALSE after it failed, and then @upnp may be gone. */
static gboolean
read_reply(StileUpnp *upnp, StileSoapReply *ret, guint status, const char *body, gsize size,
           const GError *error)
{
    g_autofree char *router = stile_address_ip_to_string(&upnp->gateway);
    g_autoptr(GError) malformed = NULL;

    g_clear_pointer(&upnp->exchange, stile_http_exchange_free);
    if (!error && stile_soap_parse(ret, status, body, size, &malformed))
        return TRUE;
    fail(upnp, "The router %s does not answer UPnP as it should: %s", router,
         error ? error->message : malformed->message);
    return FALSE;
}

static void add(StileUpnp *upnp);

static void
on_mapped(StileUpnp *upnp, guint16 port)
{
    StileAddress external = stile_address_with_port(&upnp->router, port);

    upnp->port = port;
    upnp->state = FOUND;
    upnp->wanted = FALSE;
    if (upnp->permanent && !upnp->sweep)
        upnp->sweep = stile_upnp_sweep_new(upnp->clock, upnp->context, &upnp->internal,
                                           &upnp->control, upnp->control_path, upnp->service.type);
    upnp->calls->mapped(upnp->user_data, &external, LEASE);
}

static void
explain(StileUpnp *upnp, guint code)
{
    g_autofree char *router = stile_address_ip_to_string(&upnp->gateway);

    upnp->port = 0;
    switch (code) {
    case STILE_SOAP_NOT_AUTHORIZED:
        fail(upnp, "The router %s does not permit port mappings", router);
        break;
    case STILE_SOAP_NO_PORT_MAPS:
        fail(upnp, "The router %s has no room for another port mapping", router);
        break;
    case STILE_SOAP_CONFLICT:
    case STILE_SOAP_CONFLICT_WITH_OTHER:
        fail(upnp, "The router %s has given every port that we asked for to others", router);
        break;
    default:
        fail(upnp, "The router %s cannot map ports (UPnP error %u)", router, code);
    }
}

/* Returns: whether it is worth another try, another way */
static gboolean
adapt(StileUpnp *upnp, guint code)
{
    guint16 random;

    switch (code) {
    case STILE_SOAP_INVALID_ACTION:
    case STILE_SOAP_NOT_IMPLEMENTED:
        if (!upnp->any_port)
            return FALSE;
        upnp->any_port = FALSE;
        return TRUE;
    case STILE_SOAP_ONLY_PERMANENT:
    case STILE_SOAP_INVALID_ARGS:
        if (upnp->permanent)
            return FALSE;
        upnp->permanent = TRUE;
        return TRUE;
    case STILE_SOAP_CONFLICT:
    case STILE_SOAP_CONFLICT_WITH_OTHER:
        if (++upnp->ports >= MAX_PORTS)
            return FALSE;
        stile_clock_random(upnp->clock, &random, sizeof random);
        upnp->port = (guint16)(FIRST_PORT + random % (G_MAXUINT16 - FIRST_PORT + 1));
        return TRUE;
    case STILE_SOAP_SAME_PORT_REQUIRED:
        if (upnp->port == stile_address_port(&upnp->internal))
            return FALSE;
        upnp->port = stile_address_port(&upnp->internal);
        return ++upnp->ports < MAX_PORTS;
    default:
        return FALSE;
    }
}

static void
on_added(gpointer user_data, guint status, const char *body, gsize size, const GError *error)
{
    StileUpnp *upnp = user_data;
    StileSoapReply reply = {0};

    if (!read_reply(upnp, &reply, status, body, size, error))
        return;
    if (reply.error == STILE_SOAP_OK)
        on_mapped(upnp, reply.reserved_port ? reply.reserved_port : upnp->port);
    else if (adapt(upnp, reply.error))
        add(upnp);
    else
        explain(upnp, reply.error);
}

static void
add(StileUpnp *upnp)
{
    g_autofree char *arguments = stile_soap_add_arguments(&upnp->internal, upnp->port,
                                                          upnp->permanent ? 0 : LEASE);

    upnp->state = ADDING;
    call(upnp, upnp->any_port ? "AddAnyPortMapping" : "AddPortMapping", arguments, on_added);
}

static void
on_external(gpointer user_data, guint status, const char *body, gsize size, const GError *error)
{
    StileUpnp *upnp = user_data;
    StileSoapReply reply = {0};
    gboolean renewal = upnp->port != 0;

    if (!read_reply(upnp, &reply, status, body, size, error))
        return;
    if (reply.error != STILE_SOAP_OK || !stile_address_is_set(&reply.external) ||
        stile_address_scope(&reply.external) == STILE_ADDRESS_UNSPECIFIED) {
        g_autofree char *router = stile_address_ip_to_string(&upnp->gateway);

        fail(upnp, "The router %s is not connected itself", router);
        return;
    }
    upnp->router = reply.external;
    upnp->state = FOUND;
    if (!upnp->wanted) {
        upnp->calls->found(upnp->user_data);
        return;
    }
    upnp->ports = 0;
    upnp->any_port = upnp->service.version >= 2 && !renewal;
    if (!renewal)
        upnp->port = stile_address_port(&upnp->internal);
    add(upnp);
}

static void
ask_external(StileUpnp *upnp)
{
    upnp->state = ASKING;
    call(upnp, "GetExternalIPAddress", NULL, on_external);
}

static void
on_description(gpointer user_data, guint status, const char *body, gsize size, const GError *error)
{
    StileUpnp *upnp = user_data;
    g_autofree char *router = stile_address_ip_to_string(&upnp->gateway);
    g_autoptr(GError) problem = error ? g_error_copy(error) : NULL;
    g_auto(StileUpnpService) service = {0};
    const char *base;
    char *path;

    g_clear_pointer(&upnp->exchange, stile_http_exchange_free);
    if (!problem && status != 200)
        g_set_error(&problem, STILE_ERROR, STILE_ERROR_NOT_FOUND, "HTTP status %u", status);
    if (!problem)
        stile_upnp_description_parse(&service, body, size, &problem);
    base = service.url_base ? service.url_base : upnp->location;
    if (problem || !stile_http_url_parse(&upnp->control, &path, service.control_url, base,
                                         &upnp->gateway, &problem)) {
        fail(upnp, "The router %s has no usable UPnP description: %s", router, problem->message);
        return;
    }
    g_free(upnp->control_path);
    upnp->control_path = path;
    stile_upnp_service_clear(&upnp->service);
    upnp->service = service;
    memset(&service, 0, sizeof service);
    ask_external(upnp);
}

static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    StileUpnp *upnp = user_data;
    g_autoptr(GSocketAddress) from = NULL;
    g_autofree char *location = NULL, *path = NULL, *host = NULL, *request = NULL;
    struct sockaddr_storage native;
    char buffer[MAX_DATAGRAM];
    StileAddress remote, server;
    gssize size = g_socket_receive_from(socket, &from, buffer, sizeof buffer, NULL, NULL);

    if (size <= 0 || !from || !g_socket_address_to_native(from, &native, sizeof native, NULL) ||
        !stile_address_from_sockaddr(&remote, (struct sockaddr *)&native, sizeof native) ||
        !stile_address_equal_ip(&remote, &upnp->gateway))
        return G_SOURCE_CONTINUE;
    location = stile_ssdp_parse(buffer, (gsize)size, NULL);
    /* A device may speak for another one: only ours counts, and another answer may still come. */
    if (!location || !stile_http_url_parse(&server, &path, location, NULL, &upnp->gateway, NULL))
        return G_SOURCE_CONTINUE;
    stop_search(upnp);
    g_free(upnp->location);
    upnp->location = g_steal_pointer(&location);
    upnp->state = DESCRIBING;
    host = stile_address_to_string(&server);
    request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
                              host);
    exchange(upnp, &server, request, on_description);
    return G_SOURCE_REMOVE;
}

static void
send_searches(StileUpnp *upnp)
{
    StileAddress unicast = stile_address_with_port(&upnp->gateway, upnp->search_port);
    const guint8 group[4] = {239, 255, 255, 250};
    StileAddress multicast = stile_address_from_ip(AF_INET, group, STILE_SSDP_PORT);
    gboolean loopback = stile_address_scope(&upnp->gateway) == STILE_ADDRESS_LOOPBACK;

    for (guint version = 1; version <= 2; version++) {
        g_autofree char *search = stile_ssdp_build_search(version);
        const StileAddress *const to[] = {&unicast, &multicast};

        /* Version 1.0 of UPnP answers the group only. */
        for (gsize i = 0; i < (loopback ? 1 : G_N_ELEMENTS(to)); i++) {
            StileAddress copy = *to[i];
            g_autoptr(GSocketAddress) address = g_socket_address_new_from_native(
                &copy, stile_address_sockaddr_size(&copy));

            g_socket_send_to(upnp->socket, address, search, strlen(search), NULL, NULL);
        }
    }
    upnp->searches++;
    stile_timer_set_after(upnp->timer, SEARCH_EVERY);
}

static void
on_search_timer(gpointer user_data)
{
    StileUpnp *upnp = user_data;

    if (upnp->searches < SEARCHES)
        send_searches(upnp);
    else
        stop(upnp);
}

void
stile_upnp_search(StileUpnp *upnp)
{
    StileAddress local = stile_address_with_port(&upnp->internal, 0);
    g_autoptr(GSocketAddress) address = NULL;
    gsize size;

    if (upnp->state != IDLE)
        return;
    address = g_socket_address_new_from_native(&local, stile_address_sockaddr_size(&local));
    upnp->socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP,
                                NULL);
    if (!upnp->socket || !g_socket_bind(upnp->socket, address, FALSE, NULL) ||
        setsockopt(g_socket_get_fd(upnp->socket), IPPROTO_IP, IP_MULTICAST_IF,
                   stile_address_ip(&local, &size), sizeof(struct in_addr)) < 0) {
        /* Our address is gone: the caller will hear of that elsewhere. */
        g_clear_object(&upnp->socket);
        return;
    }
    g_socket_set_blocking(upnp->socket, FALSE);
    upnp->source = g_socket_create_source(upnp->socket, G_IO_IN, NULL);
    g_source_set_callback(upnp->source, G_SOURCE_FUNC(on_readable), upnp, NULL);
    g_source_attach(upnp->source, upnp->context);
    upnp->state = SEARCHING;
    upnp->searches = 0;
    send_searches(upnp);
}

void
stile_upnp_map(StileUpnp *upnp)
{
    if (upnp->state == ADDING)
        return;
    upnp->wanted = TRUE;
    if (upnp->state == FOUND)
        ask_external(upnp);
    else
        stile_upnp_search(upnp);
}

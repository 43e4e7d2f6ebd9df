/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UPnP: the parsers; the client against a web server in this process that can be told what to
 * answer, on loopback: what a mapping needs of both versions, errors 718, 724, 725, 402 and their
 * cures, what a crash left behind, refusals explained; descriptions of a megabyte, with entities,
 * too deep, cut off, of another host, or none at all. test-portmap-miniupnpd has the real router.
 */
#include "base/error.h"
#include "io/socket.h"
#include "portmap/http.h"
#include "portmap/portmap-private.h"
#include "portmap/soap.h"
#include "portmap/ssdp.h"
#include "portmap/upnp-description.h"

#include <gio/gio.h>
#include <string.h>

#define PATIENCE (30 * G_USEC_PER_SEC)
#define IP_TYPE  "urn:schemas-upnp-org:service:WANIPConnection:"
#define SERVICE(type, url)                                                                         \
    "<service><serviceType>" type "</serviceType><controlURL>" url "</controlURL></service>"
#define DESCRIPTION(services)                                                                      \
    "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>"              \
    "<serviceList>" services "</serviceList></device></root>"
#define REPLY(fields)                                                                              \
    "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"    \
    "<s:Body><u:Reply>" fields "</u:Reply></s:Body></s:Envelope>"

typedef struct {
    /* The router. */
    GSocketService *service;
    GSocket *ssdp;
    GSource *ssdp_source;
    guint16 http_port;
    const char *first_location; /* sent before the true one */
    const char *description;
    char *raw; /* sent as it is, instead of the description; "" closes, "wait" does not answer */
    const char *external;
    GQueue add_errors; /* of guint: what the next additions get, then success */
    guint always;      /* the error of each addition */
    guint reserved_port;
    char *table[8];   /* the router's mappings, as it tells them; NULL ends */
    GPtrArray *calls; /* of char*: "Action port lease" */
    GPtrArray *held;  /* connections that get no answer */

    /* The client. */
    StileClock *clock;
    StileAddress gateway, internal;
    StileUpnp *upnp;
    guint found, mapped, failed;
    char *address;
    char *problem;
} Fixture;

static void
on_found(gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->found++;
}

static void
on_mapped(gpointer user_data, const StileAddress *external, guint32 lifetime)
{
    Fixture *fixture = user_data;

    g_assert_cmpuint(lifetime, >, 0);
    fixture->mapped++;
    g_free(fixture->address);
    fixture->address = stile_address_to_string(external);
}

static void
on_failed(gpointer user_data, const char *problem)
{
    Fixture *fixture = user_data;

    fixture->failed++;
    g_free(fixture->problem);
    fixture->problem = g_strdup(problem);
}

static const StileUpnpCalls calls = {on_found, on_mapped, on_failed};

typedef struct {
    Fixture *fixture;
    GSocketConnection *connection;
    GString *request;
    char *reply;
    char buffer[4096];
} Visit;

static void
visit_free(Visit *visit)
{
    g_clear_object(&visit->connection);
    g_string_free(visit->request, TRUE);
    g_free(visit->reply);
    g_free(visit);
}

static void
on_replied(GObject *object, GAsyncResult *result, gpointer user_data)
{
    g_output_stream_write_all_finish(G_OUTPUT_STREAM(object), result, NULL, NULL);
    visit_free(user_data);
}

/* @reply: (transfer full) */
static void
send_reply(Visit *visit, char *reply)
{
    visit->reply = reply;
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(visit->connection)),
                                    reply, strlen(reply), G_PRIORITY_DEFAULT, NULL, on_replied,
                                    visit);
}

static char *
with_head(guint status, const char *body)
{
    return g_strdup_printf("HTTP/1.1 %u X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body),
                           body);
}

static char *
field(const char *text, const char *name)
{
    g_autofree char *tag = g_strdup_printf("<%s>", name);
    const char *start = strstr(text, tag);

    g_assert_nonnull(start);
    start += strlen(tag);
    return g_strndup(start, strcspn(start, "<"));
}

static char *
answer_add(Fixture *fixture, const char *request, const char *action)
{
    g_autofree char *port = field(request, "NewExternalPort");
    g_autofree char *lease = field(request, "NewLeaseDuration");
    g_autofree char *client = field(request, "NewInternalClient");
    g_autofree char *protocol = field(request, "NewProtocol");
    g_autofree char *body = NULL;
    guint error = fixture->always;

    g_assert_cmpstr(client, ==, "127.0.0.1");
    g_assert_cmpstr(protocol, ==, "UDP");
    g_ptr_array_add(fixture->calls, g_strdup_printf("%s %s %s", action, port, lease));
    if (!g_queue_is_empty(&fixture->add_errors))
        error = GPOINTER_TO_UINT(g_queue_pop_head(&fixture->add_errors));
    if (error) {
        body = g_strdup_printf(REPLY("<errorCode>%u</errorCode>"), error);
        return with_head(500, body);
    }
    body = g_strdup_printf(REPLY("<NewReservedPort>%u</NewReservedPort>"), fixture->reserved_port);
    return with_head(200, strcmp(action, "AddAnyPortMapping") == 0 ? body : REPLY(""));
}

static void
answer(Visit *visit)
{
    Fixture *fixture = visit->fixture;
    const char *request = visit->request->str;

    if (g_str_has_prefix(request, "GET /root.xml ") && fixture->raw) {
        if (strcmp(fixture->raw, "wait") == 0)
            g_ptr_array_add(fixture->held, visit);
        else
            send_reply(visit, g_strdup(fixture->raw));
    } else if (g_str_has_prefix(request, "GET /root.xml ")) {
        send_reply(visit, with_head(200, fixture->description));
    } else if (!g_str_has_prefix(request, "POST /control?a=b ")) {
        send_reply(visit, with_head(404, ""));
    } else if (strstr(request, "#GetExternalIPAddress\"\r\n")) {
        g_autofree char *body = g_strdup_printf(
            REPLY("<NewExternalIPAddress>%s</NewExternalIPAddress>"), fixture->external);

        send_reply(visit, with_head(200, body));
    } else if (strstr(request, "#GetGenericPortMappingEntry\"\r\n")) {
        g_autofree char *number = field(request, "NewPortMappingIndex");
        const char *entry = fixture->table[g_ascii_strtoull(number, NULL, 10)];

        send_reply(visit, entry ? with_head(200, entry)
                                : with_head(500, REPLY("<errorCode>713</errorCode>")));
    } else if (strstr(request, "#AddPortMapping\"\r\n")) {
        send_reply(visit, answer_add(fixture, request, "AddPortMapping"));
    } else if (strstr(request, "#AddAnyPortMapping\"\r\n")) {
        send_reply(visit, answer_add(fixture, request, "AddAnyPortMapping"));
    } else {
        g_autofree char *port = field(request, "NewExternalPort");

        g_assert_nonnull(strstr(request, "#DeletePortMapping\"\r\n"));
        g_ptr_array_add(fixture->calls, g_strdup_printf("DeletePortMapping %s", port));
        send_reply(visit, with_head(200, REPLY("")));
    }
}

static void
on_request(GObject *object, GAsyncResult *result, gpointer user_data)
{
    Visit *visit = user_data;
    gssize size = g_input_stream_read_finish(G_INPUT_STREAM(object), result, NULL);
    g_autofree char *length = NULL;
    gsize head;

    if (size <= 0) {
        visit_free(visit);
        return;
    }
    g_string_append_len(visit->request, visit->buffer, size);
    head = stile_http_head_size(visit->request->str, visit->request->len);
    length = stile_http_header(visit->request->str, head, "Content-Length");
    if (head && visit->request->len >= head + (length ? g_ascii_strtoull(length, NULL, 10) : 0))
        answer(visit);
    else
        g_input_stream_read_async(G_INPUT_STREAM(object), visit->buffer, sizeof visit->buffer,
                                  G_PRIORITY_DEFAULT, NULL, on_request, visit);
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
            gpointer user_data)
{
    Visit *visit = g_new0(Visit, 1);

    visit->fixture = user_data;
    visit->connection = g_object_ref(connection);
    visit->request = g_string_new(NULL);
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(connection)), visit->buffer,
                              sizeof visit->buffer, G_PRIORITY_DEFAULT, NULL, on_request, visit);
    return TRUE;
}

static void
tell_location(Fixture *fixture, GSocketAddress *to, const char *location)
{
    g_autofree char *text = g_strdup_printf(
        "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
        "LOCATION: %s\r\n\r\n",
        location);

    g_socket_send_to(fixture->ssdp, to, text, strlen(text), NULL, NULL);
}

static gboolean
on_search(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    Fixture *fixture = user_data;
    g_autoptr(GSocketAddress) from = NULL;
    g_autofree char *location = g_strdup_printf("http://127.0.0.1:%u/root.xml", fixture->http_port);
    char buffer[1024];
    gssize size = g_socket_receive_from(socket, &from, buffer, sizeof buffer, NULL, NULL);

    g_assert_cmpint(size, >, 0);
    g_assert_true(g_str_has_prefix(buffer, "M-SEARCH * HTTP/1.1\r\n"));
    if (fixture->first_location)
        tell_location(fixture, from, fixture->first_location);
    tell_location(fixture, from, location);
    return G_SOURCE_CONTINUE;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) http = NULL, ssdp = NULL;

    fixture->description = DESCRIPTION(SERVICE(IP_TYPE "1", "/control?a=b"));
    fixture->external = "8.8.4.4";
    fixture->reserved_port = 40001;
    fixture->calls = g_ptr_array_new_with_free_func(g_free);
    fixture->held = g_ptr_array_new_with_free_func((GDestroyNotify)visit_free);
    fixture->service = g_socket_service_new();
    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(fixture->service), any,
                                                G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                                &http, NULL));
    fixture->http_port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(http));
    g_signal_connect(fixture->service, "incoming", G_CALLBACK(on_incoming), fixture);
    fixture->ssdp = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM,
                                 G_SOCKET_PROTOCOL_UDP, NULL);
    g_assert_true(g_socket_bind(fixture->ssdp, any, FALSE, NULL));
    fixture->ssdp_source = g_socket_create_source(fixture->ssdp, G_IO_IN, NULL);
    g_source_set_callback(fixture->ssdp_source, G_SOURCE_FUNC(on_search), fixture, NULL);
    g_source_attach(fixture->ssdp_source, NULL);

    g_assert_true(stile_address_parse(&fixture->gateway, "127.0.0.1", 0, NULL));
    g_assert_true(stile_address_parse(&fixture->internal, "127.0.0.1:51820", 0, NULL));
    fixture->clock = stile_clock_new_virtual(5000 * (gint64)G_USEC_PER_SEC, 7);
    fixture->upnp = stile_upnp_new(fixture->clock, NULL, &fixture->gateway, &fixture->internal,
                                   &calls, fixture);
    ssdp = g_socket_get_local_address(fixture->ssdp, NULL);
    stile_upnp_set_search_port(fixture->upnp,
                               g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(ssdp)));
}

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

/* Until *@count is @n. */
static void
wait_for(const guint *count, guint n)
{
    gint64 stop = g_get_monotonic_time() + PATIENCE;
    guint tick = g_timeout_add(10, on_tick, NULL);

    while (*count < n && g_get_monotonic_time() < stop)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    g_assert_cmpuint(*count, ==, n);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    stile_upnp_free(fixture->upnp);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_socket_service_stop(fixture->service);
    g_socket_listener_close(G_SOCKET_LISTENER(fixture->service));
    g_clear_object(&fixture->service);
    g_source_destroy(fixture->ssdp_source);
    g_source_unref(fixture->ssdp_source);
    g_clear_object(&fixture->ssdp);
    g_ptr_array_unref(fixture->calls);
    g_ptr_array_unref(fixture->held);
    g_queue_clear(&fixture->add_errors);
    for (gsize i = 0; i < G_N_ELEMENTS(fixture->table); i++)
        g_free(fixture->table[i]);
    g_free(fixture->raw);
    g_free(fixture->address);
    g_free(fixture->problem);
    stile_clock_unref(fixture->clock);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
assert_call(Fixture *fixture, guint i, const char *call)
{
    g_assert_cmpuint(fixture->calls->len, >, i);
    g_assert_cmpstr(fixture->calls->pdata[i], ==, call);
}

static void
map(Fixture *fixture)
{
    stile_upnp_map(fixture->upnp);
    wait_for(&fixture->mapped, fixture->mapped + 1);
    g_assert_cmpuint(fixture->failed, ==, 0);
}

static void
test_version_1(Fixture *fixture, gconstpointer data)
{
    stile_upnp_search(fixture->upnp);
    wait_for(&fixture->found, 1);
    g_assert_cmpuint(fixture->calls->len, ==, 0);
    map(fixture);
    g_assert_cmpstr(fixture->address, ==, "8.8.4.4:51820");
    assert_call(fixture, 0, "AddPortMapping 51820 7200");
    /* Renewed, with the provider's new address. */
    fixture->external = "8.8.8.8";
    map(fixture);
    g_assert_cmpstr(fixture->address, ==, "8.8.8.8:51820");
    assert_call(fixture, 1, "AddPortMapping 51820 7200");
    g_clear_pointer(&fixture->upnp, stile_upnp_free);
    wait_for(&fixture->calls->len, 3);
    assert_call(fixture, 2, "DeletePortMapping 51820");
}

/* Version 2 may give another port, and that one is renewed and given back. */
static void
test_version_2(Fixture *fixture, gconstpointer data)
{
    fixture->description = DESCRIPTION(SERVICE(IP_TYPE "2", "/control?a=b"));
    map(fixture);
    g_assert_cmpstr(fixture->address, ==, "8.8.4.4:40001");
    assert_call(fixture, 0, "AddAnyPortMapping 51820 7200");
    map(fixture);
    g_assert_cmpstr(fixture->address, ==, "8.8.4.4:40001");
    assert_call(fixture, 1, "AddPortMapping 40001 7200");
    stile_upnp_unmap(fixture->upnp, 40001);
    g_assert_cmpuint(fixture->calls->len, ==, 2);
}

static void
test_version_2_in_name_only(Fixture *fixture, gconstpointer data)
{
    fixture->description = DESCRIPTION(SERVICE(IP_TYPE "2", "/control?a=b"));
    g_queue_push_tail(&fixture->add_errors, GUINT_TO_POINTER(STILE_SOAP_INVALID_ACTION));
    map(fixture);
    g_assert_cmpstr(fixture->address, ==, "8.8.4.4:51820");
    assert_call(fixture, 1, "AddPortMapping 51820 7200");
}

static void
test_conflict(Fixture *fixture, gconstpointer data)
{
    g_autofree char *given = NULL, *last = NULL;

    g_queue_push_tail(&fixture->add_errors, GUINT_TO_POINTER(STILE_SOAP_CONFLICT));
    g_queue_push_tail(&fixture->add_errors, GUINT_TO_POINTER(STILE_SOAP_CONFLICT_WITH_OTHER));
    map(fixture);
    g_assert_cmpuint(fixture->calls->len, ==, 3);
    g_assert_cmpstr(fixture->calls->pdata[1], !=, fixture->calls->pdata[0]);
    g_assert_cmpstr(fixture->calls->pdata[2], !=, fixture->calls->pdata[1]);
    given = g_strdup(strchr(fixture->address, ':') + 1);
    last = g_strdup_printf("AddPortMapping %s 7200", given);
    assert_call(fixture, 2, last);
}

/* @data: the router's error; afterwards no lease is asked for. */
static void
test_permanent(Fixture *fixture, gconstpointer data)
{
    g_queue_push_tail(&fixture->add_errors, (gpointer)data);
    map(fixture);
    assert_call(fixture, 0, "AddPortMapping 51820 7200");
    assert_call(fixture, 1, "AddPortMapping 51820 0");
    map(fixture);
    assert_call(fixture, 2, "AddPortMapping 51820 0");
}

static char *
entry(guint external, const char *client, guint16 port, const char *name, guint lease)
{
    return g_strdup_printf(REPLY("<NewRemoteHost/><NewExternalPort>%u</NewExternalPort>"
                                 "<NewProtocol>UDP</NewProtocol>"
                                 "<NewInternalPort>%u</NewInternalPort>"
                                 "<NewInternalClient>%s</NewInternalClient>"
                                 "<NewEnabled>1</NewEnabled>"
                                 "<NewPortMappingDescription>%s</NewPortMappingDescription>"
                                 "<NewLeaseDuration>%u</NewLeaseDuration>"),
                           external, port, client, name, lease);
}

/* What a crashed service left in a router without leases is deleted, and nothing else. */
static void
test_sweep(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileSocket) alive = stile_socket_new(AF_INET, 0, NULL);
    g_autoptr(StileSocket) dead = stile_socket_new(AF_INET, 0, NULL);
    guint16 free_port = stile_socket_port(dead);

    g_clear_pointer(&dead, stile_socket_unref);
    fixture->table[0] = entry(30000, "127.0.0.1", free_port, "Stile", 0);
    fixture->table[1] = entry(30001, "127.0.0.1", stile_socket_port(alive), "Stile", 0);
    fixture->table[2] = entry(30002, "127.0.0.1", 51820, "Stile", 0);
    fixture->table[3] = entry(30003, "127.0.0.2", free_port, "Stile", 0);
    fixture->table[4] = entry(30004, "127.0.0.1", free_port, "Game", 0);
    fixture->table[5] = entry(30005, "127.0.0.1", free_port, "Stile", 600);
    fixture->table[6] = entry(30006, "127.0.0.1", free_port, "Stile", 0);
    g_queue_push_tail(&fixture->add_errors, GUINT_TO_POINTER(STILE_SOAP_ONLY_PERMANENT));
    map(fixture);
    wait_for(&fixture->calls->len, 4);
    /* Both go at once. */
    g_assert_true(g_ptr_array_find_with_equal_func(fixture->calls, "DeletePortMapping 30000",
                                                   g_str_equal, NULL));
    g_assert_true(g_ptr_array_find_with_equal_func(fixture->calls, "DeletePortMapping 30006",
                                                   g_str_equal, NULL));
    map(fixture);
    g_assert_cmpuint(fixture->calls->len, ==, 5);
}

static void
test_refused(Fixture *fixture, gconstpointer data)
{
    static const struct {
        guint error;
        guint calls;
        const char *problem;
    } cases[] = {
        {606, 1, "The router 127.0.0.1 does not permit port mappings"},
        {728, 1, "The router 127.0.0.1 has no room for another port mapping"},
        {718, 8, "The router 127.0.0.1 has given every port that we asked for to others"},
        {402, 2, "The router 127.0.0.1 cannot map ports (UPnP error 402)"},
        {724, 1, "The router 127.0.0.1 cannot map ports (UPnP error 724)"},
        {501, 1, "The router 127.0.0.1 cannot map ports (UPnP error 501)"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        fixture->always = cases[i].error;
        g_ptr_array_set_size(fixture->calls, 0);
        stile_upnp_map(fixture->upnp);
        wait_for(&fixture->failed, (guint)i + 1);
        g_assert_cmpstr(fixture->problem, ==, cases[i].problem);
        g_assert_cmpuint(fixture->calls->len, ==, cases[i].calls);
    }
    g_assert_cmpuint(fixture->mapped, ==, 0);
    fixture->always = 0;
    stile_upnp_map(fixture->upnp);
    wait_for(&fixture->mapped, 1);
}

static void
test_not_connected(Fixture *fixture, gconstpointer data)
{
    fixture->external = data;
    stile_upnp_search(fixture->upnp);
    wait_for(&fixture->failed, 1);
    g_assert_cmpstr(fixture->problem, ==, "The router 127.0.0.1 is not connected itself");
}

/* A megabyte of @what, behind @start. (transfer full) */
static char *
megabyte(const char *start, const char *what)
{
    GString *text = g_string_new(start);

    while (text->len < 1024 * 1024)
        g_string_append(text, what);
    return g_string_free(text, FALSE);
}

static void
assert_hostile(Fixture *fixture, char *raw, const char *problem)
{
    g_free(fixture->raw);
    fixture->raw = raw;
    stile_upnp_search(fixture->upnp);
    wait_for(&fixture->failed, fixture->failed + 1);
    if (!strstr(fixture->problem, problem))
        g_error("\"%s\" is not: %s", fixture->problem, problem);
    g_assert_true(g_str_has_prefix(fixture->problem,
                                   "The router 127.0.0.1 has no usable UPnP description: "));
}

static void
test_hostile(Fixture *fixture, gconstpointer data)
{
#define HEAD "HTTP/1.1 200 OK\r\n\r\n"
    static const char laughs[] = HEAD
        "<!DOCTYPE root [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><root>&c;&c;&c;&c;</root>";
    static const char outside[] = HEAD
        "<!DOCTYPE root [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><root><device><service>"
        "<serviceType>" IP_TYPE "1</serviceType><controlURL>&a;</controlURL></service></device>"
        "</root>";
    static const char based[] = HEAD
        "<root><URLBase>http://192.0.2.9/</URLBase>" SERVICE(IP_TYPE "1", "/control") "</root>";
    const char *malformed = "Malformed UPnP device description";

    assert_hostile(fixture, megabyte("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n", "<a/>"),
                   "The length of the HTTP reply is out of bounds");
    assert_hostile(fixture, megabyte(HEAD, "<a/>"), "The HTTP reply is too long");
    assert_hostile(
        fixture, megabyte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\n<a/>\r\n"),
        "The HTTP reply is too long");
    assert_hostile(fixture, megabyte("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
                   "The head of the HTTP reply is too long");
    assert_hostile(fixture, g_strdup(laughs), malformed);
    assert_hostile(fixture, g_strdup(outside), malformed);
    assert_hostile(fixture, g_strdup(HEAD "<root><device>"), malformed);
    assert_hostile(fixture, g_strdup(HEAD "\xff\xfe"), malformed);
    assert_hostile(fixture, g_strdup(HEAD), malformed);
    assert_hostile(fixture, g_strdup(HEAD "<root></root>"), "no service that maps ports");
    assert_hostile(fixture, g_strdup(HEAD DESCRIPTION(SERVICE(IP_TYPE "1", "http://192.0.2.9/x"))),
                   "The URL points to another host");
    assert_hostile(fixture, g_strdup(based), "The URL points to another host");
    assert_hostile(fixture, g_strdup(HEAD DESCRIPTION(SERVICE(IP_TYPE "1", "http://router/x"))),
                   "The URL points to another host");
    assert_hostile(fixture,
                   g_strdup(HEAD DESCRIPTION(SERVICE(IP_TYPE "1", "/x HTTP/1.1&#13;&#10;"))),
                   "Malformed URL");
    assert_hostile(fixture, g_strdup("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a/>"),
                   "Malformed HTTP reply");
    assert_hostile(fixture, g_strdup("HTTP/1.1 404 Not Found\r\n\r\n"), "HTTP status 404");
    assert_hostile(fixture, g_strdup("SSH-2.0-router\r\n\r\n"), "Malformed HTTP reply");
    assert_hostile(fixture, g_strdup(""), "");
    g_assert_cmpuint(fixture->found, ==, 0);

    /* And then it is mended. */
    g_clear_pointer(&fixture->raw, g_free);
    stile_upnp_search(fixture->upnp);
    wait_for(&fixture->found, 1);
#undef HEAD
}

/* It accepts and says nothing, or there is nobody at all. */
static void
test_silent(Fixture *fixture, gconstpointer data)
{
    fixture->raw = g_strdup("wait");
    stile_upnp_search(fixture->upnp);
    wait_for(&fixture->held->len, 1);
    stile_clock_advance(fixture->clock, 11 * G_USEC_PER_SEC);
    wait_for(&fixture->failed, 1);
    g_assert_nonnull(strstr(fixture->problem, "The server does not answer in time"));

    g_source_destroy(fixture->ssdp_source);
    for (guint i = 0; i < 3; i++) {
        stile_upnp_search(fixture->upnp);
        stile_clock_advance(fixture->clock, 11 * G_USEC_PER_SEC);
    }
    g_assert_cmpuint(fixture->failed, ==, 1);
    g_assert_cmpuint(fixture->found, ==, 0);
}

static void
test_strange_location(Fixture *fixture, gconstpointer data)
{
    static const char *const locations[] = {
        "http://192.0.2.9/root.xml",  "http://127.0.0.2/root.xml", "https://127.0.0.1/root.xml",
        "file:///etc/passwd",         "http://localhost/root.xml", "/root.xml",
        "http://127.0.0.1:0/root.xml"};

    for (gsize i = 0; i < G_N_ELEMENTS(locations); i++) {
        StileAddress server;
        char *path;

        g_assert_false(
            stile_http_url_parse(&server, &path, locations[i], NULL, &fixture->gateway, NULL));
    }
    fixture->first_location = locations[0];
    stile_upnp_search(fixture->upnp);
    wait_for(&fixture->found, 1);
}

static void
on_port_mapped(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    Fixture *fixture = user_data;

    g_assert_cmpint(protocol, ==, STILE_PORTMAP_UPNP_IGD);
    on_mapped(fixture, external, 1);
}

static void
send_nowhere(gpointer transport, const guint8 *data, gsize size)
{
}

/* Nobody answers PCP and NAT-PMP: UPnP's turn; renewed at half life, given back. */
static void
test_portmap(Fixture *fixture, gconstpointer data)
{
    StilePortmap *portmap = stile_portmap_new_with_transport(fixture->clock, &fixture->gateway,
                                                             &fixture->internal, send_nowhere, NULL,
                                                             NULL, on_port_mapped, fixture);
    g_autoptr(GSocketAddress) ssdp = g_socket_get_local_address(fixture->ssdp, NULL);
    StileUpnp *upnp = stile_upnp_new(fixture->clock, NULL, &fixture->gateway, &fixture->internal,
                                     &stile_portmap_upnp_calls, portmap);

    stile_upnp_set_search_port(upnp, g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(ssdp)));
    stile_portmap_set_upnp(portmap, upnp);
    fixture->external = "100.64.1.2";
    stile_portmap_start(portmap);
    for (guint i = 0; i < 200 && !fixture->mapped; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        stile_clock_advance(fixture->clock, 50 * G_TIME_SPAN_MILLISECOND);
        g_usleep(2000);
    }
    g_assert_cmpstr(fixture->address, ==, "100.64.1.2:51820");
    g_assert_cmpstr(stile_portmap_problem(portmap), ==,
                    "The router 127.0.0.1 is behind another NAT itself: its address is 100.64.1.2");
    g_assert_cmpuint(fixture->calls->len, ==, 1);
    fixture->external = "8.8.4.4";
    /* Virtual time runs on by small steps, so that the real connections keep up with it. */
    stile_clock_advance(fixture->clock, 3200 * (gint64)G_USEC_PER_SEC);
    for (guint i = 0; i < 3000 && strcmp(fixture->address, "8.8.4.4:51820") != 0; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        stile_clock_advance(fixture->clock, G_USEC_PER_SEC);
        g_usleep(1000);
    }
    g_assert_cmpstr(fixture->address, ==, "8.8.4.4:51820");
    g_assert_null(stile_portmap_problem(portmap));
    stile_portmap_free(portmap);
    wait_for(&fixture->calls->len, fixture->calls->len + 1);
    assert_call(fixture, fixture->calls->len - 1, "DeletePortMapping 51820");
}

static void
test_http(void)
{
    static const char chunked[] = "HTTP/1.1 200 OK\r\ntransfer-encoding:  chunked \r\n\r\n"
                                  "4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\n\r\n";
    static const char *const broken[] = {"4\r\nWik", "g\r\n", "", "4\r\nWikiXX0\r\n\r\n",
                                         "ffffffffffff\r\n"};
    StileHttpHead head;
    gsize size = stile_http_head_size(chunked, strlen(chunked)), body_size;
    g_autofree char *body = NULL;

    g_assert_true(stile_http_head_parse(&head, chunked, size, NULL));
    g_assert_cmpuint(head.status, ==, 200);
    body = stile_http_body(&head, chunked + size, strlen(chunked) - size, &body_size, NULL);
    g_assert_cmpstr(body, ==, "Wikipedia ");
    g_assert_cmpuint(body_size, ==, 10);
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++)
        g_assert_null(stile_http_body(&head, broken[i], strlen(broken[i]), &body_size, NULL));
    g_assert_cmpuint(stile_http_head_size("HTTP/1.1 200 OK\r\n", 17), ==, 0);
}

static void
test_urls(void)
{
    static const struct {
        const char *url, *base, *server, *path;
    } cases[] = {
        {"http://192.168.1.1", NULL, "192.168.1.1:80", "/"},
        {"http://192.168.1.1:5000/a/b?c=d", NULL, "192.168.1.1:5000", "/a/b?c=d"},
        {"/ctl", "http://192.168.1.1:5000/a/root.xml", "192.168.1.1:5000", "/ctl"},
        {"ctl", "http://192.168.1.1:5000/a/root.xml", "192.168.1.1:5000", "/a/ctl"},
        {"http://192.168.1.1:49/%20", "http://192.168.1.1/", "192.168.1.1:49", "/%20"},
    };
    StileAddress host;

    g_assert_true(stile_address_parse(&host, "192.168.1.1", 0, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = NULL, *text = NULL;
        StileAddress server;

        g_assert_true(
            stile_http_url_parse(&server, &path, cases[i].url, cases[i].base, &host, NULL));
        text = stile_address_to_string(&server);
        g_assert_cmpstr(text, ==, cases[i].server);
        g_assert_cmpstr(path, ==, cases[i].path);
    }
}

static void
test_description(void)
{
    static const char text[] = "<d:root xmlns:d=\"x\"><d:URLBase> http://192.168.1.1:5000/ "
                               "</d:URLBase><d:device><d:serviceList>" SERVICE(
                                   "urn:schemas-upnp-org:service:WANPPPConnection:1", "/ppp")
                                   SERVICE(IP_TYPE "1", "/ip1") SERVICE(IP_TYPE "2", "/ip2?a&amp;b")
                                       SERVICE("urn:schemas-upnp-org:service:Layer3Forwarding:1",
                                               "/l3f") "</d:serviceList></d:device></d:root>";
    g_auto(StileUpnpService) service = {0};
    g_autoptr(GString) deep = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_upnp_description_parse(&service, text, sizeof text, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(service.type, ==, IP_TYPE "2");
    g_assert_cmpuint(service.version, ==, 2);
    g_assert_cmpstr(service.control_url, ==, "/ip2?a&b");
    g_assert_cmpstr(service.url_base, ==, "http://192.168.1.1:5000/");
    for (guint i = 0; i < 20000; i++)
        g_string_append(deep, "<a>");
    g_assert_false(stile_upnp_description_parse(&service, deep->str, deep->len, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
}

static void
test_soap(void)
{
    static const char fault[] = REPLY("<errorCode> 718 </errorCode>");
    static const char *const addresses[] = {"", "router", "8.8.8.8:9", "::1", "8.8.8"};
    StileSoapReply reply;

    g_assert_true(stile_soap_parse(&reply, 500, fault, strlen(fault), NULL));
    g_assert_cmpuint(reply.error, ==, STILE_SOAP_CONFLICT);
    g_assert_false(stile_soap_parse(&reply, 200, fault, strlen(fault), NULL));
    g_assert_false(stile_soap_parse(&reply, 500, REPLY(""), strlen(REPLY("")), NULL));
    g_assert_false(stile_soap_parse(&reply, 200, "<a>", 3, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *text = g_strdup_printf(
            REPLY("<NewExternalIPAddress>%s</NewExternalIPAddress>"), addresses[i]);

        g_assert_true(stile_soap_parse(&reply, 200, text, strlen(text), NULL));
        g_assert_false(stile_address_is_set(&reply.external));
    }
}

static void
test_ssdp(void)
{
    static const char good[] = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n"
                               "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n"
                               "location: http://192.168.1.1:5000/root.xml\r\n\r\n";
    static const char *const bad[] = {
        "", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 X\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        "NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n\r\n"};
    g_autofree char *location = stile_ssdp_parse(good, strlen(good), NULL);

    g_assert_cmpstr(location, ==, "http://192.168.1.1:5000/root.xml");
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(stile_ssdp_parse(bad[i], strlen(bad[i]), NULL));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *fixture, gconstpointer data);
        gconstpointer data;
    } tests[] = {
        {"/upnp/version-1", test_version_1, NULL},
        {"/upnp/version-2", test_version_2, NULL},
        {"/upnp/version-2-in-name-only", test_version_2_in_name_only, NULL},
        {"/upnp/conflict", test_conflict, NULL},
        {"/upnp/permanent/725", test_permanent, GUINT_TO_POINTER(725)},
        {"/upnp/permanent/402", test_permanent, GUINT_TO_POINTER(402)},
        {"/upnp/sweep", test_sweep, NULL},
        {"/upnp/refused", test_refused, NULL},
        {"/upnp/not-connected", test_not_connected, "0.0.0.0"},
        {"/upnp/not-connected/empty", test_not_connected, ""},
        {"/upnp/hostile", test_hostile, NULL},
        {"/upnp/silent", test_silent, NULL},
        {"/upnp/strange-location", test_strange_location, NULL},
        {"/upnp/portmap", test_portmap, NULL},
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upnp/messages/http", test_http);
    g_test_add_func("/upnp/messages/urls", test_urls);
    g_test_add_func("/upnp/messages/description", test_description);
    g_test_add_func("/upnp/messages/soap", test_soap);
    g_test_add_func("/upnp/messages/ssdp", test_ssdp);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, tests[i].data, set_up, tests[i].func, tear_down);
    return g_test_run();
}

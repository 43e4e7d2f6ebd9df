/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upnp-world.h"

#include "portmap/http.h"

#include <string.h>

#define PATIENCE (30 * G_USEC_PER_SEC)

static void
on_found(gpointer user_data)
{
    UpnpWorld *world = user_data;

    world->found++;
}

static void
on_mapped(gpointer user_data, const StileAddress *external, guint32 lifetime)
{
    UpnpWorld *world = user_data;

    g_assert_cmpuint(lifetime, >, 0);
    world->mapped++;
    g_free(world->address);
    world->address = stile_address_to_string(external);
}

static void
on_failed(gpointer user_data, const char *problem)
{
    UpnpWorld *world = user_data;

    world->failed++;
    g_free(world->problem);
    world->problem = g_strdup(problem);
}

static const StileUpnpCalls calls = {on_found, on_mapped, on_failed};

typedef struct {
    UpnpWorld *world;
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
answer_add(UpnpWorld *world, const char *request, const char *action)
{
    g_autofree char *port = field(request, "NewExternalPort");
    g_autofree char *lease = field(request, "NewLeaseDuration");
    g_autofree char *client = field(request, "NewInternalClient");
    g_autofree char *protocol = field(request, "NewProtocol");
    g_autofree char *body = NULL;
    guint error = world->always;

    g_assert_cmpstr(client, ==, "127.0.0.1");
    g_assert_cmpstr(protocol, ==, "UDP");
    g_ptr_array_add(world->calls, g_strdup_printf("%s %s %s", action, port, lease));
    if (!g_queue_is_empty(&world->add_errors))
        error = GPOINTER_TO_UINT(g_queue_pop_head(&world->add_errors));
    if (error) {
        body = g_strdup_printf(REPLY("<errorCode>%u</errorCode>"), error);
        return with_head(500, body);
    }
    body = g_strdup_printf(REPLY("<NewReservedPort>%u</NewReservedPort>"), world->reserved_port);
    return with_head(200, strcmp(action, "AddAnyPortMapping") == 0 ? body : REPLY(""));
}

static void
answer(Visit *visit)
{
    UpnpWorld *world = visit->world;
    const char *request = visit->request->str;

    if (g_str_has_prefix(request, "GET /root.xml ") && world->raw) {
        if (strcmp(world->raw, "wait") == 0)
            g_ptr_array_add(world->held, visit);
        else
            send_reply(visit, g_strdup(world->raw));
    } else if (g_str_has_prefix(request, "GET /root.xml ")) {
        send_reply(visit, with_head(200, world->description));
    } else if (!g_str_has_prefix(request, "POST /control?a=b ")) {
        send_reply(visit, with_head(404, ""));
    } else if (strstr(request, "#GetExternalIPAddress\"\r\n")) {
        g_autofree char *body = g_strdup_printf(
            REPLY("<NewExternalIPAddress>%s</NewExternalIPAddress>"), world->external);

        send_reply(visit, with_head(200, body));
    } else if (strstr(request, "#GetGenericPortMappingEntry\"\r\n")) {
        g_autofree char *number = field(request, "NewPortMappingIndex");
        const char *entry = world->table[g_ascii_strtoull(number, NULL, 10)];

        send_reply(visit, entry ? with_head(200, entry)
                                : with_head(500, REPLY("<errorCode>713</errorCode>")));
    } else if (strstr(request, "#AddPortMapping\"\r\n")) {
        send_reply(visit, answer_add(world, request, "AddPortMapping"));
    } else if (strstr(request, "#AddAnyPortMapping\"\r\n")) {
        send_reply(visit, answer_add(world, request, "AddAnyPortMapping"));
    } else {
        g_autofree char *port = field(request, "NewExternalPort");

        g_assert_nonnull(strstr(request, "#DeletePortMapping\"\r\n"));
        g_ptr_array_add(world->calls, g_strdup_printf("DeletePortMapping %s", port));
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

    visit->world = user_data;
    visit->connection = g_object_ref(connection);
    visit->request = g_string_new(NULL);
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(connection)), visit->buffer,
                              sizeof visit->buffer, G_PRIORITY_DEFAULT, NULL, on_request, visit);
    return TRUE;
}

static void
tell_location(UpnpWorld *world, GSocketAddress *to, const char *location)
{
    g_autofree char *text = g_strdup_printf(
        "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
        "LOCATION: %s\r\n\r\n",
        location);

    g_socket_send_to(world->ssdp, to, text, strlen(text), NULL, NULL);
}

static gboolean
on_search(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    UpnpWorld *world = user_data;
    g_autoptr(GSocketAddress) from = NULL;
    g_autofree char *location = g_strdup_printf("http://127.0.0.1:%u/root.xml", world->http_port);
    char buffer[1024];
    gssize size = g_socket_receive_from(socket, &from, buffer, sizeof buffer, NULL, NULL);

    g_assert_cmpint(size, >, 0);
    g_assert_true(g_str_has_prefix(buffer, "M-SEARCH * HTTP/1.1\r\n"));
    if (world->first_location)
        tell_location(world, from, world->first_location);
    tell_location(world, from, location);
    return G_SOURCE_CONTINUE;
}

void
upnp_world_set_up(UpnpWorld *world, gconstpointer data)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) http = NULL, ssdp = NULL;

    world->description = DESCRIPTION(SERVICE(IP_TYPE "1", "/control?a=b"));
    world->external = "8.8.4.4";
    world->reserved_port = 40001;
    world->calls = g_ptr_array_new_with_free_func(g_free);
    world->held = g_ptr_array_new_with_free_func((GDestroyNotify)visit_free);
    world->service = g_socket_service_new();
    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(world->service), any,
                                                G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                                &http, NULL));
    world->http_port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(http));
    g_signal_connect(world->service, "incoming", G_CALLBACK(on_incoming), world);
    world->ssdp = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP,
                               NULL);
    g_assert_true(g_socket_bind(world->ssdp, any, FALSE, NULL));
    world->ssdp_source = g_socket_create_source(world->ssdp, G_IO_IN, NULL);
    g_source_set_callback(world->ssdp_source, G_SOURCE_FUNC(on_search), world, NULL);
    g_source_attach(world->ssdp_source, NULL);

    g_assert_true(stile_address_parse(&world->gateway, "127.0.0.1", 0, NULL));
    g_assert_true(stile_address_parse(&world->internal, "127.0.0.1:51820", 0, NULL));
    world->clock = stile_clock_new_virtual(5000 * (gint64)G_USEC_PER_SEC, 7);
    world->upnp = stile_upnp_new(world->clock, NULL, &world->gateway, &world->internal, &calls,
                                 world);
    ssdp = g_socket_get_local_address(world->ssdp, NULL);
    stile_upnp_set_search_port(world->upnp,
                               g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(ssdp)));
}

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

void
upnp_world_wait(const guint *count, guint n)
{
    gint64 stop = g_get_monotonic_time() + PATIENCE;
    guint tick = g_timeout_add(10, on_tick, NULL);

    while (*count < n && g_get_monotonic_time() < stop)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    g_assert_cmpuint(*count, ==, n);
}

void
upnp_world_tear_down(UpnpWorld *world, gconstpointer data)
{
    stile_upnp_free(world->upnp);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_socket_service_stop(world->service);
    g_socket_listener_close(G_SOCKET_LISTENER(world->service));
    g_clear_object(&world->service);
    g_source_destroy(world->ssdp_source);
    g_source_unref(world->ssdp_source);
    g_clear_object(&world->ssdp);
    g_ptr_array_unref(world->calls);
    g_ptr_array_unref(world->held);
    g_queue_clear(&world->add_errors);
    for (gsize i = 0; i < G_N_ELEMENTS(world->table); i++)
        g_free(world->table[i]);
    g_free(world->raw);
    g_free(world->address);
    g_free(world->problem);
    stile_clock_unref(world->clock);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void
upnp_world_assert_call(UpnpWorld *world, guint i, const char *call)
{
    g_assert_cmpuint(world->calls->len, >, i);
    g_assert_cmpstr(world->calls->pdata[i], ==, call);
}

void
upnp_world_map(UpnpWorld *world)
{
    stile_upnp_map(world->upnp);
    upnp_world_wait(&world->mapped, world->mapped + 1);
    g_assert_cmpuint(world->failed, ==, 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/http-exchange.h"

#include "base/error.h"
#include "base/source.h"
#include "portmap/http.h"

#include <gio/gio.h>

/* A router's web server is slow, but it is in our own network. */
#define PATIENCE (10 * G_USEC_PER_SEC)

/* Each operation of GIO holds a reference, and the user another one. */
struct _StileHttpExchange {
    gatomicrefcount references;
    GMainContext *context;
    GCancellable *cancellable;
    GSocketConnection *connection;
    StileTimer *deadline;
    char *request;
    GString *reply;
    char buffer[4096];
    StileHttpHead head;
    StileHttpFunc func;
    gpointer user_data;
    GSource *mark; /* once detached */
};

static gboolean
never_ready(GSource *source, int *timeout)
{
    *timeout = -1;
    return FALSE;
}

static gboolean
never_dispatched(GSource *source, GSourceFunc callback, gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

/* A source without events: the context itself remembers what is under way in it. */
static GSourceFuncs mark_funcs = {.prepare = never_ready, .dispatch = never_dispatched};

static void
unref(StileHttpExchange *exchange)
{
    if (!g_atomic_ref_count_dec(&exchange->references))
        return;
    stile_timer_free(exchange->deadline);
    stile_source_clear(&exchange->mark);
    g_clear_object(&exchange->connection);
    g_clear_object(&exchange->cancellable);
    g_clear_pointer(&exchange->context, g_main_context_unref);
    g_string_free(exchange->reply, TRUE);
    g_free(exchange->request);
    g_free(exchange);
}

static void
finish(StileHttpExchange *exchange, guint status, const char *body, gsize size, const GError *error)
{
    StileHttpFunc func = exchange->func;

    stile_timer_stop(exchange->deadline);
    exchange->func = NULL;
    if (func)
        func(exchange->user_data, status, body, size, error);
}

static void
fail(StileHttpExchange *exchange, StileError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(STILE_ERROR, (int)code, message);

    finish(exchange, 0, NULL, 0, error);
}

static void
on_deadline(gpointer user_data)
{
    StileHttpExchange *exchange = user_data;

    g_atomic_ref_count_inc(&exchange->references);
    g_cancellable_cancel(exchange->cancellable);
    fail(exchange, STILE_ERROR_UNREACHABLE, "The server does not answer in time");
    unref(exchange);
}

static void
on_complete(StileHttpExchange *exchange)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *body = NULL;
    gsize size = 0;

    if (exchange->head.size == 0)
        g_set_error(&error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed HTTP reply");
    else
        body = stile_http_body(&exchange->head, exchange->reply->str + exchange->head.size,
                               exchange->reply->len - exchange->head.size, &size, &error);
    finish(exchange, exchange->head.status, body, size, error);
}

static void read_more(StileHttpExchange *exchange);

/* Without a length the reply ends with the connection, as we asked for. */
static void
on_bytes(StileHttpExchange *exchange)
{
    GString *reply = exchange->reply;
    StileHttpHead *head = &exchange->head;
    g_autoptr(GError) error = NULL;

    if (head->size == 0) {
        gsize size = stile_http_head_size(reply->str, reply->len);

        if ((size && !stile_http_head_parse(head, reply->str, size, &error)) ||
            (!size && reply->len >= STILE_HTTP_MAX_HEAD)) {
            fail(exchange, STILE_ERROR_INVALID_ARGUMENT,
                 error ? error->message : "The head of the HTTP reply is too long");
            return;
        }
    }
    if (reply->len > STILE_HTTP_MAX_REPLY)
        fail(exchange, STILE_ERROR_INVALID_ARGUMENT, "The HTTP reply is too long");
    else if (head->size && head->length >= 0 && reply->len >= head->size + (gsize)head->length)
        on_complete(exchange);
    else if (head->chunked && g_str_has_suffix(reply->str, "\r\n0\r\n\r\n"))
        on_complete(exchange);
    else
        read_more(exchange);
}

static void
on_read(GObject *object, GAsyncResult *result, gpointer user_data)
{
    StileHttpExchange *exchange = user_data;
    gssize size = g_input_stream_read_finish(G_INPUT_STREAM(object), result, NULL);

    if (exchange->func && size < 0) {
        fail(exchange, STILE_ERROR_UNREACHABLE, "The server breaks the connection");
    } else if (exchange->func && size == 0) {
        on_complete(exchange);
    } else if (exchange->func) {
        g_string_append_len(exchange->reply, exchange->buffer, size);
        on_bytes(exchange);
    }
    unref(exchange);
}

static void
read_more(StileHttpExchange *exchange)
{
    GInputStream *stream = g_io_stream_get_input_stream(G_IO_STREAM(exchange->connection));

    g_atomic_ref_count_inc(&exchange->references);
    g_input_stream_read_async(stream, exchange->buffer, sizeof exchange->buffer, G_PRIORITY_DEFAULT,
                              exchange->cancellable, on_read, exchange);
}

static void
on_written(GObject *object, GAsyncResult *result, gpointer user_data)
{
    StileHttpExchange *exchange = user_data;

    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(object), result, NULL, NULL)) {
        if (exchange->func)
            fail(exchange, STILE_ERROR_UNREACHABLE, "The server breaks the connection");
    } else if (exchange->func) {
        read_more(exchange);
    }
    unref(exchange);
}

static void
on_connected(GObject *object, GAsyncResult *result, gpointer user_data)
{
    StileHttpExchange *exchange = user_data;

    exchange->connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(object), result, NULL);
    if (exchange->func && !exchange->connection) {
        fail(exchange, STILE_ERROR_UNREACHABLE, "The server does not accept connections");
    } else if (exchange->func) {
        GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(exchange->connection));

        g_atomic_ref_count_inc(&exchange->references);
        g_output_stream_write_all_async(stream, exchange->request, strlen(exchange->request),
                                        G_PRIORITY_DEFAULT, exchange->cancellable, on_written,
                                        exchange);
    }
    unref(exchange);
}

static void
ignore(gpointer user_data, guint status, const char *body, gsize size, const GError *error)
{
}

static GSocketAddress *
to_socket_address(const StileAddress *address)
{
    StileAddress copy = *address;

    return g_socket_address_new_from_native(&copy, stile_address_sockaddr_size(&copy));
}

StileHttpExchange *
stile_http_exchange_new(StileClock *clock, GMainContext *context, const StileAddress *local,
                        const StileAddress *server, const char *request, StileHttpFunc func,
                        gpointer user_data)
{
    StileHttpExchange *exchange = g_new0(StileHttpExchange, 1);
    StileAddress any_port = stile_address_with_port(local, 0);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) from = to_socket_address(&any_port);
    g_autoptr(GSocketAddress) to = to_socket_address(server);

    g_atomic_ref_count_init(&exchange->references);
    exchange->context = g_main_context_ref(context ? context : g_main_context_default());
    exchange->cancellable = g_cancellable_new();
    exchange->deadline = stile_timer_new(clock, on_deadline, exchange);
    exchange->request = g_strdup(request);
    exchange->reply = g_string_new(NULL);
    exchange->func = func;
    exchange->user_data = user_data;
    stile_timer_set_after(exchange->deadline, PATIENCE);

    /* The router itself, and nobody in between. */
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_local_address(client, from);
    g_atomic_ref_count_inc(&exchange->references);
    g_main_context_push_thread_default(exchange->context);
    g_socket_client_connect_async(client, G_SOCKET_CONNECTABLE(to), exchange->cancellable,
                                  on_connected, exchange);
    g_main_context_pop_thread_default(exchange->context);
    return exchange;
}

void
stile_http_exchange_free(StileHttpExchange *exchange)
{
    if (!exchange)
        return;
    exchange->func = NULL;
    stile_timer_stop(exchange->deadline);
    g_cancellable_cancel(exchange->cancellable);
    unref(exchange);
}

void
stile_http_exchange_detach(StileHttpExchange *exchange)
{
    exchange->func = ignore;
    exchange->mark = g_source_new(&mark_funcs, sizeof(GSource));
    g_source_set_callback(exchange->mark, NULL, NULL, NULL); /* without, it is not found again */
    g_source_attach(exchange->mark, exchange->context);
    unref(exchange);
}

gboolean
stile_http_exchange_any_detached(GMainContext *context)
{
    return g_main_context_find_source_by_funcs_user_data(context, &mark_funcs, NULL) != NULL;
}

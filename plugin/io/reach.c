/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/reach.h"

#include "io/dns64.h"
#include "io/links.h"
#include "io/proxy.h"
#include "io/reason.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define TCP_GIVE_UP_AFTER  20000       /* milliseconds */
#define KERNEL_UNSENT      (32 * 1024) /* what waits beyond that waits with us, and is counted */
#define FINGERPRINT_PREFIX "sha256="

typedef struct {
    StileReachTarget target;
    char *host, *protocol; /* what @target points to */
    GSocketConnection *connection;
    GTlsCertificateFlags flags;
    /* Whoever is tried now, while it is not reached: NULL when that is not a proxy. */
    char *proxy;
    GError *reason; /* why it failed without a proxy, while the system is asked for one */
} Reach;

gboolean
stile_fingerprint_parse(guint8 ret[STILE_SHA256_SIZE], const char *fragment)
{
    const char *at = fragment;
    guint8 digest[STILE_SHA256_SIZE];

    if (!g_str_has_prefix(fragment, FINGERPRINT_PREFIX))
        return FALSE;
    at += strlen(FINGERPRINT_PREFIX);
    for (gsize i = 0; i < sizeof digest; i++) {
        if (i > 0 && *at == ':')
            at++;
        if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1]))
            return FALSE;
        digest[i] = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
        at += 2;
    }
    if (*at)
        return FALSE;
    memcpy(ret, digest, sizeof digest);
    return TRUE;
}

static void
reach_free(gpointer data)
{
    Reach *reach = data;

    g_clear_object(&reach->connection);
    g_free(reach->host);
    g_free(reach->protocol);
    g_free(reach->proxy);
    g_clear_error(&reach->reason);
    g_free(reach);
}

/* Takes @reason. */
static void
give_up(GTask *task, GError *reason)
{
    Reach *reach = g_task_get_task_data(task);

    if (reach->connection)
        g_socket_close(g_socket_connection_get_socket(reach->connection), NULL);
    g_task_return_error(task, reason);
}

static gboolean
is_trusted(const StileReachTarget *target, GTlsCertificate *certificate)
{
    g_autoptr(GByteArray) der = NULL;
    guint8 digest[STILE_SHA256_SIZE];

    if (!certificate)
        return FALSE;
    g_object_get(certificate, "certificate", &der, NULL);
    stile_sha256(der->data, der->len, digest);
    return memcmp(digest, target->fingerprint, sizeof digest) == 0;
}

static gboolean
on_accept_certificate(GTlsConnection *tls, GTlsCertificate *certificate,
                      GTlsCertificateFlags errors, gpointer user_data)
{
    Reach *reach = user_data;

    reach->flags = errors;
    return reach->target.has_fingerprint && is_trusted(&reach->target, certificate);
}

static void
on_handshake(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Reach *reach = g_task_get_task_data(task);
    GTlsConnection *tls = G_TLS_CONNECTION(source);
    g_autoptr(GError) error = NULL;
    gboolean pinned = reach->target.has_fingerprint;
    gboolean done = g_tls_connection_handshake_finish(tls, result, &error);

    g_signal_handlers_disconnect_by_data(tls, reach);
    if (!done && g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
        give_up(task, stile_reason_from_certificate(reach->flags, pinned, reach->target.host));
    else if (!done)
        give_up(task, stile_reason_from_error(error, reach->target.host));
    else if (pinned && !is_trusted(&reach->target, g_tls_connection_get_peer_certificate(tls)))
        give_up(task, stile_reason_from_certificate(0, TRUE, reach->target.host));
    else
        g_task_return_pointer(task, g_object_ref(tls), g_object_unref);
}

/* Takes @task. */
static void
begin_tls(GTask *task)
{
    Reach *reach = g_task_get_task_data(task);
    const char *protocols[] = {reach->target.protocol, NULL};
    g_autoptr(GSocketConnectable)
        identity = g_network_address_new(reach->target.host, reach->target.port);
    g_autoptr(GError) error = NULL;
    g_autoptr(GIOStream)
        tls = g_tls_client_connection_new(G_IO_STREAM(reach->connection), identity, &error);

    if (!tls) {
        give_up(task, stile_reason_from_error(error, reach->target.host));
        g_object_unref(task);
        return;
    }
    g_tls_connection_set_advertised_protocols(G_TLS_CONNECTION(tls), protocols);
    g_signal_connect(tls, "accept-certificate", G_CALLBACK(on_accept_certificate), reach);
    g_tls_connection_handshake_async(G_TLS_CONNECTION(tls), G_PRIORITY_DEFAULT,
                                     g_task_get_cancellable(task), on_handshake, task);
}

static void
tune(GSocket *socket)
{
    static const struct {
        int name, value;
    } options[] = {
        {TCP_NODELAY, 1},
        {TCP_USER_TIMEOUT, TCP_GIVE_UP_AFTER},
        {TCP_NOTSENT_LOWAT, KERNEL_UNSENT},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(GError) error = NULL;

        if (!g_socket_set_option(socket, IPPROTO_TCP, options[i].name, options[i].value, &error))
            g_debug("TCP option %d: %s", options[i].name, error->message);
    }
}

/* What fails on the way to a proxy must not be said of the server. */
static void
on_event(GSocketClient *client, GSocketClientEvent event, GSocketConnectable *where,
         GIOStream *stream, gpointer user_data)
{
    Reach *reach = user_data;
    g_autoptr(GSocketAddress) address = NULL;

    if (event != G_SOCKET_CLIENT_CONNECTING && event != G_SOCKET_CLIENT_CONNECTED)
        return;
    g_clear_pointer(&reach->proxy, g_free);
    if (event == G_SOCKET_CLIENT_CONNECTED)
        return;
    address = g_socket_connection_get_remote_address(G_SOCKET_CONNECTION(stream), NULL);
    if (address && G_IS_PROXY_ADDRESS(address)) {
        GInetAddress *ip = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address));
        g_autofree char *text = g_inet_address_to_string(ip);

        reach->proxy = g_strdup_printf("the proxy %s", text);
    }
}

/* Which proxy there is depends on the scheme. Whatever ours is, `https` is what the one that lets
 * anything through is configured under (CONNECT; RFC 6455 §4.1 has the same rule for `ws`). */
static char *
uri_of(const char *host, guint16 port)
{
    return g_uri_join(G_URI_FLAGS_NONE, "https", NULL, host, port, "", NULL, NULL);
}

static void begin(GTask *task, const char *host, GProxyResolver *proxies);

static void
on_proxies(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Reach *reach = g_task_get_task_data(task);
    g_auto(GStrv) uris = g_task_propagate_pointer(G_TASK(result), NULL);

    if (uris && uris[0] && strcmp(uris[0], "direct://") != 0)
        begin(g_steal_pointer(&task), reach->host, g_proxy_resolver_get_default());
    else
        give_up(task, g_steal_pointer(&reach->reason));
}

static void
look_up_proxies(GTask *lookup, gpointer source, gpointer uri, GCancellable *cancellable)
{
    GError *error = NULL;
    char **uris = g_proxy_resolver_lookup(g_proxy_resolver_get_default(), uri, cancellable, &error);

    if (uris)
        g_task_return_pointer(lookup, uris, (GDestroyNotify)g_strfreev);
    else
        g_task_return_error(lookup, error);
}

/* Only now, and in a thread: to find out takes megabytes of libraries to be loaded, and most
 * networks need no proxy. */
static void
ask_system(GTask *task, GError *reason)
{
    Reach *reach = g_task_get_task_data(task);
    g_autoptr(GTask) lookup = g_task_new(NULL, g_task_get_cancellable(task), on_proxies, task);

    reach->reason = reason;
    g_task_set_task_data(lookup, uri_of(reach->host, reach->target.port), g_free);
    g_task_run_in_thread(lookup, look_up_proxies);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Reach *reach = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;

    reach->connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
    g_signal_handlers_disconnect_by_data(source, reach);
    if (!reach->connection) {
        GError *reason = stile_reason_from_error(error,
                                                 reach->proxy ? reach->proxy : reach->target.host);

        if (!reach->reason && !stile_proxy_is_decided() &&
            !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            ask_system(g_steal_pointer(&task), reason);
        else
            give_up(task, reason);
        return;
    }
    tune(g_socket_connection_get_socket(reach->connection));
    if (reach->target.tls)
        begin_tls(g_steal_pointer(&task));
    else
        g_task_return_pointer(task, g_object_ref(reach->connection), g_object_unref);
}

static GSocketConnectable *
destination(const char *host, guint16 port)
{
    g_autofree char *uri = uri_of(host, port);
    GSocketConnectable *address = g_network_address_parse_uri(uri, port, NULL);

    return address ? address : g_network_address_new(host, port);
}

/* Takes @task. @host: what to connect to in the place of the target's */
static void
begin(GTask *task, const char *host, GProxyResolver *proxies)
{
    Reach *reach = g_task_get_task_data(task);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnectable) where = destination(host, reach->target.port);

    /* Even a client with a resolver of its own makes GIO load the default one. */
    g_socket_client_set_enable_proxy(client, proxies != NULL);
    g_socket_client_set_proxy_resolver(client, proxies);
    g_signal_connect(client, "event", G_CALLBACK(on_event), reach);
    g_socket_client_connect_async(client, where, g_task_get_cancellable(task), on_connected, task);
}

/* Names are the name server's to translate for those who have IPv6 only; an address is not. */
static gboolean
needs_nat64(const char *host, StileAddress *ret)
{
    StileAddress source;

    if (!stile_address_parse(ret, host, 0, NULL) || stile_address_family(ret) != AF_INET)
        return FALSE;
    source = stile_links_source_for(ret);
    return !stile_address_is_set(&source);
}

static void
on_prefix(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Reach *reach = g_task_get_task_data(task);
    g_autofree char *synthesized = NULL;
    StileAddress address;
    StilePrefix prefix;

    if (stile_dns64_ask_finish(&prefix, result, NULL) && needs_nat64(reach->host, &address) &&
        stile_nat64_translates(&prefix, &address) &&
        stile_nat64_synthesize(&address, &prefix, &address))
        synthesized = stile_address_ip_to_string(&address);
    begin(g_steal_pointer(&task), synthesized ? synthesized : reach->host, NULL);
}

void
stile_reach_async(const StileReachTarget *target, GCancellable *cancellable,
                  GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Reach *reach = g_new0(Reach, 1);
    g_autoptr(GProxyResolver) proxies = stile_proxy_resolver_from_environment();
    StileAddress address;

    reach->target = *target;
    reach->target.host = reach->host = g_strdup(target->host);
    reach->target.protocol = reach->protocol = g_strdup(target->protocol);
    g_task_set_task_data(task, reach, reach_free);
    if (!proxies && needs_nat64(target->host, &address))
        stile_dns64_ask(cancellable, on_prefix, task);
    else
        begin(task, target->host, proxies);
}

GIOStream *
stile_reach_finish(GAsyncResult *result, GSocket **ret_socket, GError **error)
{
    Reach *reach = g_task_get_task_data(G_TASK(result));
    GIOStream *stream = g_task_propagate_pointer(G_TASK(result), error);

    if (stream)
        *ret_socket = g_object_ref(g_socket_connection_get_socket(reach->connection));
    return stream;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relays over TCP and TLS against the real coturn on loopback: two allocations talk to each other
 * by channel, one over each; a wrong certificate, a wrong password and a server that is gone are
 * told, and it is found again when it is back. */
#include "io/socket.h"
#include "mesh/stream-relay.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

typedef struct {
    char *folder;
    guint16 port, tls_port;
    char *fingerprint;
    GSubprocess *process;
} Coturn;

typedef struct {
    StileClock *clock;
    StileStreamRelay *relay;
    StileTurn *turn; /* of the connection that there is */
    char *error;
    guint failures;
    GString *received;
    guint16 channel;
} Client;

static guint16
free_port(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);

    g_socket_listener_close(listener);
    return port;
}

static void
on_child(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean
listens(guint16 port)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) connection = NULL;

    g_socket_client_set_enable_proxy(client, FALSE);
    connection = g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);
    return connection != NULL;
}

static void
coturn_run(Coturn *coturn)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_autofree char *port = g_strdup_printf("--listening-port=%u", coturn->port);
    g_autofree char *tls_port = g_strdup_printf("--tls-listening-port=%u", coturn->tls_port);
    g_autofree char *certificate = g_strdup_printf("--cert=%s/certificate", coturn->folder);
    g_autofree char *key = g_strdup_printf("--pkey=%s/key", coturn->folder);
    g_autofree char *log = g_strdup_printf("--log-file=%s/log", coturn->folder);
    g_autofree char *pid = g_strdup_printf("--pidfile=%s/pid", coturn->folder);
    g_autofree char *users = g_strdup_printf("--userdb=%s/users", coturn->folder);
    g_autoptr(GError) error = NULL;
    gint64 end = g_get_monotonic_time() + PATIENCE;

    g_subprocess_launcher_set_child_setup(launcher, on_child, NULL, NULL);
    coturn->process = g_subprocess_launcher_spawn(
        launcher, &error, "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        port, tls_port, certificate, key, "--lt-cred-mech", "--user=stile:secret",
        "--realm=example.org", "--allow-loopback-peers", "--no-cli", "--no-udp", "--no-dtls",
        "--relay-threads=0", "--simple-log", log, pid, users, NULL);
    g_assert_no_error(error);
    while (!listens(coturn->port) || !listens(coturn->tls_port)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(20000);
    }
}

static void
coturn_kill(Coturn *coturn)
{
    if (!coturn->process)
        return;
    g_subprocess_force_exit(coturn->process);
    g_subprocess_wait(coturn->process, NULL, NULL);
    g_clear_object(&coturn->process);
}

static void
make_certificate(Coturn *coturn)
{
    g_autofree char *path = g_build_filename(coturn->folder, "certificate", NULL);
    g_autofree char *key = g_build_filename(coturn->folder, "key", NULL);
    g_autoptr(GTlsCertificate) certificate = NULL;
    g_autoptr(GByteArray) der = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_new(
        G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error, "openssl", "req", "-x509", "-newkey", "ec",
        "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=elsewhere",
        "-keyout", key, "-out", path, NULL);

    g_assert_no_error(error);
    g_assert_true(g_subprocess_wait_check(process, NULL, &error));
    certificate = g_tls_certificate_new_from_file(path, &error);
    g_assert_no_error(error);
    g_object_get(certificate, "certificate", &der, NULL);
    coturn->fingerprint = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der->data, der->len);
}

/* Returns: FALSE, and the test is skipped, without a coturn */
static gboolean
coturn_start(Coturn *coturn)
{
    g_autofree char *program = g_find_program_in_path("turnserver");

    if (!program) {
        g_test_skip("coturn is not installed");
        return FALSE;
    }
    coturn->folder = g_dir_make_tmp("stile-coturn-XXXXXX", NULL);
    g_assert_nonnull(coturn->folder);
    coturn->port = free_port();
    coturn->tls_port = free_port();
    make_certificate(coturn);
    coturn_run(coturn);
    return TRUE;
}

static void
coturn_stop(Coturn *coturn)
{
    static const char *const files[] = {"certificate", "key", "log", "pid", "users"};

    coturn_kill(coturn);
    for (gsize i = 0; coturn->folder && i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(coturn->folder, files[i], NULL);

        g_unlink(path);
    }
    if (coturn->folder)
        g_rmdir(coturn->folder);
    g_free(coturn->folder);
    g_free(coturn->fingerprint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Coturn, coturn_stop)

static void
on_changed(gpointer user_data, StileTurn *turn)
{
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    Client *client = user_data;

    g_string_append_len(client->received, (const char *)data, (gssize)size);
}

static void
on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    Client *client = user_data;

    client->channel = number;
}

static void
on_begun(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;

    g_assert_null(client->turn);
    client->turn = turn;
}

static void
on_ended(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;

    g_assert_true(client->turn == turn);
    client->turn = NULL;
    client->channel = 0;
}

static void
on_failed(gpointer user_data, const char *text)
{
    Client *client = user_data;

    g_assert_null(client->turn);
    client->failures++;
    g_free(client->error);
    client->error = g_strdup(text);
    g_test_message("%s", text);
}

static void
on_channel_data(gpointer user_data, guint16 channel, const guint8 *data, gsize size)
{
    Client *client = user_data;

    g_assert_cmpuint(channel, ==, client->channel);
    g_string_append_len(client->received, (const char *)data, (gssize)size);
}

static const StileStreamRelayOps ops = {
    .turn = {on_changed, on_received, on_channel},
    .begun = on_begun,
    .ended = on_ended,
    .failed = on_failed,
    .channel_data = on_channel_data,
};

static void
client_start(Client *client, const char *uri_text, const char *password)
{
    g_auto(StileServerUri) uri = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_turn_uri_parse(&uri, uri_text, &error));
    client->clock = stile_clock_new(NULL);
    client->received = g_string_new(NULL);
    client->relay = stile_stream_relay_new(client->clock, &uri, 1, "stile", password, &ops, client);
    stile_stream_relay_set_wanted(client->relay, TRUE);
}

static void
client_stop(Client *client)
{
    if (!client->clock)
        return;
    stile_stream_relay_free(client->relay);
    g_assert_null(client->turn);
    g_string_free(client->received, TRUE);
    g_free(client->error);
    stile_clock_unref(client->clock);
    for (guint i = 0; i < 100; i++) /* what was cancelled is told so */
        g_main_context_iteration(NULL, FALSE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Client, client_stop)

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

/* No time is asserted: it only keeps a broken test from hanging. */
static void
wait_for(Client *client, gboolean (*condition)(Client *client))
{
    gint64 end = g_get_monotonic_time() + PATIENCE;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (!condition(client) && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    if (!condition(client))
        g_error("Waited in vain: %s", client->error ? client->error : "no error");
}

static gboolean
is_ready(Client *client)
{
    return client->turn && stile_turn_state(client->turn) == STILE_TURN_READY;
}

static gboolean
has_failed(Client *client)
{
    return client->failures > 0;
}

static gboolean
has_channel(Client *client)
{
    return client->channel != 0;
}

static gboolean
has_received(Client *client)
{
    return client->received->len > 0;
}

static char *
tls_uri(const Coturn *coturn)
{
    return g_strdup_printf("turns:127.0.0.1:%u#sha256=%s", coturn->tls_port, coturn->fingerprint);
}

/* Sizes of every padding, both ways, by Send indication before there is a channel. */
static void
test_data(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) tcp = {0};
    g_auto(Client) tls = {0};
    g_autofree char *plain = NULL, *secret = NULL;
    StileAddress a, b, server;

    if (!coturn_start(&coturn))
        return;
    plain = g_strdup_printf("turn:127.0.0.1:%u?transport=tcp", coturn.port);
    secret = tls_uri(&coturn);
    client_start(&tcp, plain, "secret");
    client_start(&tls, secret, "secret");
    wait_for(&tcp, is_ready);
    wait_for(&tls, is_ready);
    a = stile_turn_relayed(tcp.turn);
    b = stile_turn_relayed(tls.turn);
    server = stile_turn_server(tcp.turn);
    g_assert_cmpint(stile_server_transport(&server), ==, STILE_TRANSPORT_TCP);
    server = stile_turn_server(tls.turn);
    g_assert_cmpint(stile_server_transport(&server), ==, STILE_TRANSPORT_TLS);

    stile_turn_bind(tcp.turn, &b);
    stile_turn_bind(tls.turn, &a);
    wait_for(&tcp, has_channel);
    wait_for(&tls, has_channel);
    for (gsize size = 1; size < 1300; size += 7) {
        g_autofree guint8 *data = g_malloc(size);

        memset(data, (int)size, size);
        stile_turn_send(tcp.turn, &b, data, size);
        wait_for(&tls, has_received);
        g_assert_cmpmem(tls.received->str, tls.received->len, data, size);
        g_string_truncate(tls.received, 0);
        stile_turn_send(tls.turn, &a, data, size);
        wait_for(&tcp, has_received);
        g_assert_cmpmem(tcp.received->str, tcp.received->len, data, size);
        g_string_truncate(tcp.received, 0);
    }
    g_assert_cmpuint(tcp.failures + tls.failures, ==, 0);
}

static void
test_refusals(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) untrusted = {0};
    g_auto(Client) stranger = {0};
    g_autofree char *without = NULL, *secret = NULL;

    if (!coturn_start(&coturn))
        return;
    without = g_strdup_printf("turns:127.0.0.1:%u", coturn.tls_port);
    secret = tls_uri(&coturn);
    client_start(&untrusted, without, "secret");
    client_start(&stranger, secret, "wrong");
    wait_for(&untrusted, has_failed);
    wait_for(&stranger, has_failed);
    g_assert_nonnull(strstr(untrusted.error, "127.0.0.1: wrong TLS certificate: "));
    g_assert_nonnull(strstr(stranger.error, "refuses the user name or the password"));
}

static void
test_gone(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};
    g_autofree char *secret = NULL;

    if (!coturn_start(&coturn))
        return;
    secret = tls_uri(&coturn);
    client_start(&client, secret, "secret");
    wait_for(&client, is_ready);
    coturn_kill(&coturn);
    wait_for(&client, has_failed);
    g_assert_nonnull(strstr(client.error, "The TURN server 127.0.0.1: "));
    coturn_run(&coturn);
    wait_for(&client, is_ready);
    /* Not wanted any more, and wanted again: another one. */
    stile_stream_relay_set_wanted(client.relay, FALSE);
    g_assert_null(client.turn);
    stile_stream_relay_set_wanted(client.relay, TRUE);
    wait_for(&client, is_ready);
    stile_stream_relay_restart(client.relay);
    g_assert_null(client.turn);
    wait_for(&client, is_ready);
}

/* GIO's threads, in which GnuTLS keeps data of its own, upset LeakSanitizer if they live at the
 * end; an idle one is let go after half a second. */
static void
end_threads(void)
{
    g_thread_pool_set_max_unused_threads(0);
    g_usleep(2 * G_USEC_PER_SEC);
}

int
main(int argc, char **argv)
{
    int status;
    static const char *const proxies[] = {"http_proxy",  "https_proxy", "all_proxy", "HTTP_PROXY",
                                          "HTTPS_PROXY", "ALL_PROXY",   NULL};

    for (gsize i = 0; proxies[i]; i++)
        g_unsetenv(proxies[i]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream-relay/data", test_data);
    g_test_add_func("/stream-relay/refusals", test_refusals);
    g_test_add_func("/stream-relay/gone", test_gone);
    status = g_test_run();
    end_threads();
    return status;
}

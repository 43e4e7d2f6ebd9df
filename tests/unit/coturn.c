/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "coturn.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/prctl.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

static guint16
free_port(GSocketType type)
{
    g_autoptr(GSocket)
        socket = g_socket_new(G_SOCKET_FAMILY_IPV4, type, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) bound = NULL;

    g_assert_true(g_socket_bind(socket, any, FALSE, NULL));
    bound = g_socket_get_local_address(socket, NULL);
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
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

static void
add_transports(const Coturn *coturn, GStrvBuilder *argv)
{
    static const char *const without_streams[] = {"--no-tls", "--no-tcp", "--no-tcp-relay", NULL};
    g_autofree char *tls_port = g_strdup_printf("--tls-listening-port=%u", coturn->tls_port);
    g_autofree char *certificate = g_strdup_printf("--cert=%s/certificate", coturn->folder);
    g_autofree char *key = g_strdup_printf("--pkey=%s/key", coturn->folder);

    if (coturn->streams)
        g_strv_builder_add_many(argv, "--no-udp", tls_port, certificate, key, NULL);
    else
        g_strv_builder_addv(argv, (const char **)without_streams);
}

static void
die_with_parent(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void
wait_until_it_listens(guint16 port)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    gint64 end = g_get_monotonic_time() + PATIENCE;

    g_socket_client_set_enable_proxy(client, FALSE);
    for (;;) {
        g_autoptr(GSocketConnection)
            connection = g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);

        if (connection)
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(20000);
    }
}

void
coturn_restart(Coturn *coturn)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autofree char *port = g_strdup_printf("--listening-port=%u", coturn->port);
    g_autofree char *log = g_strdup_printf("--log-file=%s/log", coturn->folder);
    g_autofree char *pid = g_strdup_printf("--pidfile=%s/pid", coturn->folder);
    g_autofree char *users = g_strdup_printf("--userdb=%s/users", coturn->folder);
    g_auto(GStrv) argv = NULL;
    g_autoptr(GError) error = NULL;

    g_strv_builder_add_many(builder, "turnserver", "-n", "--listening-ip=127.0.0.1",
                            "--relay-ip=127.0.0.1", port, "--lt-cred-mech",
                            "--user=" COTURN_USER ":" COTURN_PASSWORD, "--realm=example.org",
                            "--allow-loopback-peers", "--no-cli", "--no-dtls", "--relay-threads=0",
                            "--simple-log", log, pid, users, NULL);
    add_transports(coturn, builder);
    if (coturn->options)
        g_strv_builder_addv(builder, (const char **)coturn->options);
    argv = g_strv_builder_end(builder);
    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    coturn->process = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, &error);
    g_assert_no_error(error);
    if (coturn->streams) { /* by UDP, whoever asks too early asks again */
        wait_until_it_listens(coturn->port);
        wait_until_it_listens(coturn->tls_port);
    }
}

gboolean
coturn_start(Coturn *coturn, gboolean streams, const char *const *options)
{
    g_autofree char *program = g_find_program_in_path("turnserver");

    if (!program) {
        g_test_skip("coturn is not installed");
        return FALSE;
    }
    coturn->streams = streams;
    coturn->options = g_strdupv((char **)options);
    coturn->folder = g_dir_make_tmp("stile-coturn-XXXXXX", NULL);
    g_assert_nonnull(coturn->folder);
    coturn->port = free_port(streams ? G_SOCKET_TYPE_STREAM : G_SOCKET_TYPE_DATAGRAM);
    if (streams) {
        coturn->tls_port = free_port(G_SOCKET_TYPE_STREAM);
        make_certificate(coturn);
    }
    coturn_restart(coturn);
    return TRUE;
}

void
coturn_kill(Coturn *coturn)
{
    if (!coturn->process)
        return;
    g_subprocess_force_exit(coturn->process);
    g_assert_true(g_subprocess_wait(coturn->process, NULL, NULL));
    g_clear_object(&coturn->process);
}

void
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
    g_strfreev(coturn->options);
}

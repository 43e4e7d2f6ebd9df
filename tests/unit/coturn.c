/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "coturn.h"

#include "server.h"

#include <glib/gstdio.h>

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

void
coturn_restart(Coturn *coturn)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autofree char *port = g_strdup_printf("--listening-port=%u", coturn->port);
    g_autofree char *log = g_strdup_printf("--log-file=%s/log", coturn->folder);
    g_autofree char *pid = g_strdup_printf("--pidfile=%s/pid", coturn->folder);
    g_autofree char *users = g_strdup_printf("--userdb=%s/users", coturn->folder);
    g_auto(GStrv) argv = NULL;

    g_strv_builder_add_many(builder, "turnserver", "-n", "--listening-ip=127.0.0.1",
                            "--relay-ip=127.0.0.1", port, "--lt-cred-mech",
                            "--user=" COTURN_USER ":" COTURN_PASSWORD, "--realm=example.org",
                            "--allow-loopback-peers", "--no-cli", "--no-dtls", "--relay-threads=0",
                            "--simple-log", log, pid, users, NULL);
    add_transports(coturn, builder);
    if (coturn->options)
        g_strv_builder_addv(builder, (const char **)coturn->options);
    argv = g_strv_builder_end(builder);
    coturn->process = server_run((const char *const *)argv);
    if (coturn->streams) { /* by UDP, whoever asks too early asks again */
        server_wait(coturn->port);
        server_wait(coturn->tls_port);
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
    server_kill(&coturn->process);
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

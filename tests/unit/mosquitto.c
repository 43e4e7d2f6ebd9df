/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mosquitto.h"

#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY (24 * 3600)

static void
add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    g_assert_nonnull(extension);
    g_assert_true(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

/* Self-signed: whoever trusts it as an authority trusts the server. */
static void
make_certificate(Mosquitto *mosquitto, const char *name, gboolean expired)
{
    g_autofree char *certificate_path = mosquitto_file(mosquitto, "certificate.pem");
    g_autofree char *key_path = mosquitto_file(mosquitto, "key.pem");
    g_autofree char *alternative = g_strconcat("DNS:", name, NULL);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    guint8 digest[32];
    GString *hex = g_string_new(NULL);
    FILE *file;

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), expired ? -DAY : DAY);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const guchar *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_alt_name, alternative);
    g_assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    g_assert_true(X509_digest(certificate, EVP_sha256(), digest, NULL));
    for (gsize i = 0; i < sizeof digest; i++)
        g_string_append_printf(hex, "%02x", digest[i]);
    mosquitto->fingerprint = g_string_free(hex, FALSE);

    file = g_fopen(certificate_path, "w");
    g_assert_true(PEM_write_X509(file, certificate));
    fclose(file);
    file = g_fopen(key_path, "w");
    g_assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

char *
mosquitto_file(Mosquitto *mosquitto, const char *name)
{
    return g_build_filename(mosquitto->directory, name, NULL);
}

static void
write_file(Mosquitto *mosquitto, const char *name, const char *text)
{
    g_autofree char *path = mosquitto_file(mosquitto, name);

    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void
make_password_file(Mosquitto *mosquitto)
{
    g_autofree char *path = mosquitto_file(mosquitto, "passwords");
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess)
        process = g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, "mosquitto_passwd", "-c", "-b",
                                   path, MOSQUITTO_USER, MOSQUITTO_PASSWORD, NULL);

    g_assert_no_error(error);
    g_assert_true(g_subprocess_wait_check(process, NULL, NULL));
}

static void
write_config(Mosquitto *mosquitto, const MosquittoOptions *options)
{
    g_autoptr(GString) text = g_string_new("user root\n"); /* or it cannot read our files */

    g_string_append_printf(text, "listener %u 127.0.0.1\nallow_anonymous %s\n", mosquitto->port,
                           options->password ? "false" : "true");
    if (options->password) {
        make_password_file(mosquitto);
        g_string_append_printf(text, "password_file %s/passwords\n", mosquitto->directory);
    }
    if (options->acl) {
        write_file(mosquitto, "acl", options->acl);
        g_string_append_printf(text, "acl_file %s/acl\n", mosquitto->directory);
    }
    if (options->tls_name)
        make_certificate(mosquitto, options->tls_name, options->tls_expired);
    if (options->tls_name && !options->websocket) {
        g_string_append_printf(text, "certfile %s/certificate.pem\nkeyfile %s/key.pem\n",
                               mosquitto->directory, mosquitto->directory);
    }
    write_file(mosquitto, "mosquitto.conf", text->str);
}

void
mosquitto_restart(Mosquitto *mosquitto)
{
    g_autofree char *binary = g_find_program_in_path("mosquitto");

    if (!binary)
        binary = g_strdup("/usr/sbin/mosquitto"); /* not in everybody's PATH */
    mosquitto->process = server_run((const char *const[]){binary, "-c", mosquitto->config, NULL});
    server_wait(mosquitto->port);
}

static void
start_gateway(Mosquitto *mosquitto, gboolean tls)
{
    g_autofree char *script = g_test_build_filename(G_TEST_DIST, "tests/lab/mqtt-websocket.py",
                                                    NULL);
    g_autofree char *port = NULL;
    g_autofree char *broker = g_strdup_printf("%u", mosquitto->port);
    g_autofree char *certificate = mosquitto_file(mosquitto, "certificate.pem");
    g_autofree char *key = mosquitto_file(mosquitto, "key.pem");

    mosquitto->gateway_port = free_port(G_SOCKET_TYPE_STREAM);
    port = g_strdup_printf("%u", mosquitto->gateway_port);
    mosquitto->gateway = server_run((const char *const[]){"/usr/bin/python3", script, "127.0.0.1",
                                                          port, broker, tls ? certificate : NULL,
                                                          key, NULL});
    server_wait(mosquitto->gateway_port);
}

Mosquitto *
mosquitto_start(const MosquittoOptions *options)
{
    g_autofree char *binary = g_find_program_in_path("mosquitto");
    Mosquitto *mosquitto;

    if (!binary && !g_file_test("/usr/sbin/mosquitto", G_FILE_TEST_IS_EXECUTABLE)) {
        g_test_skip("mosquitto is not installed");
        return NULL;
    }
    if (options->websocket && !g_file_test("/usr/bin/websockify", G_FILE_TEST_IS_EXECUTABLE)) {
        g_test_skip("websockify is not installed");
        return NULL;
    }
    mosquitto = g_new0(Mosquitto, 1);
    mosquitto->port = free_port(G_SOCKET_TYPE_STREAM);
    mosquitto->directory = g_dir_make_tmp("stile-mosquitto-XXXXXX", NULL);
    g_assert_nonnull(mosquitto->directory);
    mosquitto->config = mosquitto_file(mosquitto, "mosquitto.conf");
    write_config(mosquitto, options);
    mosquitto_restart(mosquitto);
    if (options->websocket)
        start_gateway(mosquitto, options->tls_name != NULL);
    return mosquitto;
}

void
mosquitto_kill(Mosquitto *mosquitto)
{
    server_kill(&mosquitto->process);
}

void
mosquitto_free(Mosquitto *mosquitto)
{
    static const char *const files[] = {"mosquitto.conf", "passwords", "acl", "certificate.pem",
                                        "key.pem"};

    if (!mosquitto)
        return;
    mosquitto_kill(mosquitto);
    server_kill(&mosquitto->gateway);
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = mosquitto_file(mosquitto, files[i]);

        g_unlink(path);
    }
    g_rmdir(mosquitto->directory);
    g_free(mosquitto->directory);
    g_free(mosquitto->config);
    g_free(mosquitto->fingerprint);
    g_free(mosquitto);
}

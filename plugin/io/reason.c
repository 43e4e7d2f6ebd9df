/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/reason.h"

#include "base/error.h"

static GError *
reason(StileError code, const char *host, const char *words)
{
    return g_error_new(STILE_ERROR, code, "%s: %s", host, words);
}

static const char *
io_words(int code)
{
    switch (code) {
    case G_IO_ERROR_CONNECTION_REFUSED:
        return "connection refused";
    case G_IO_ERROR_TIMED_OUT:
        return "timed out";
    case G_IO_ERROR_HOST_UNREACHABLE:
        return "host unreachable";
    case G_IO_ERROR_NETWORK_UNREACHABLE:
        return "network unreachable";
    case G_IO_ERROR_HOST_NOT_FOUND:
        return "unknown host";
    case G_IO_ERROR_PROXY_FAILED:
    case G_IO_ERROR_PROXY_NOT_ALLOWED:
        return "the proxy refused the connection";
    case G_IO_ERROR_PROXY_AUTH_FAILED:
    case G_IO_ERROR_PROXY_NEED_AUTH:
        return "the proxy wants a user name and a password";
    case G_IO_ERROR_CONNECTION_CLOSED: /* the same number as BROKEN_PIPE */
        return "connection lost";
    default:
        return NULL;
    }
}

static const char *
tls_words(int code)
{
    switch (code) {
    case G_TLS_ERROR_NOT_TLS:
        return "does not speak TLS";
    case G_TLS_ERROR_EOF:
        return "connection lost";
    case G_TLS_ERROR_CERTIFICATE_REQUIRED:
        return "wants a certificate of ours";
    default:
        return NULL;
    }
}

GError *
stile_reason_from_error(const GError *error, const char *host)
{
    const char *words = NULL;
    g_autofree char *other = NULL;

    if (error->domain == STILE_ERROR)
        return reason(error->code, host, error->message);
    if (error->domain == G_RESOLVER_ERROR)
        words = error->code == G_RESOLVER_ERROR_NOT_FOUND ? "unknown host"
                                                          : "its name could not be looked up";
    else if (error->domain == G_IO_ERROR)
        words = io_words(error->code);
    else if (error->domain == G_TLS_ERROR)
        words = tls_words(error->code);
    if (!words)
        words = other = g_strdup_printf(
            "%s failed: %s", error->domain == G_TLS_ERROR ? "TLS" : "connection", error->message);
    return reason(STILE_ERROR_UNREACHABLE, host, words);
}

GError *
stile_reason_from_certificate(GTlsCertificateFlags flags, gboolean fingerprint, const char *host)
{
    static const struct {
        GTlsCertificateFlags flag;
        const char *words;
    } table[] = {
        {G_TLS_CERTIFICATE_UNKNOWN_CA, "it was issued by an unknown authority"},
        {G_TLS_CERTIFICATE_BAD_IDENTITY, "it is for another name"},
        {G_TLS_CERTIFICATE_NOT_ACTIVATED, "it is not valid yet"},
        {G_TLS_CERTIFICATE_EXPIRED, "it has expired"},
        {G_TLS_CERTIFICATE_REVOKED, "it was revoked"},
        {G_TLS_CERTIFICATE_INSECURE, "it uses an insecure algorithm"},
        {G_TLS_CERTIFICATE_GENERIC_ERROR, "it could not be checked"},
    };
    g_autoptr(GString) words = g_string_new("wrong TLS certificate: ");
    const char *separator = "";

    if (fingerprint)
        g_string_append(words, "its fingerprint is not the one that is trusted");
    for (gsize i = 0; !fingerprint && i < G_N_ELEMENTS(table); i++)
        if (flags & table[i].flag) {
            g_string_append_printf(words, "%s%s", separator, table[i].words);
            separator = ", ";
        }
    return reason(STILE_ERROR_NOT_AUTHORIZED, host, words->str);
}

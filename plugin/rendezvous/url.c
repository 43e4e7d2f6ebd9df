/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/url.h"

#include "base/error.h"
#include "crypto/keys.h"
#include "rendezvous/mqtt-packet.h"
#include <string.h>

#define FINGERPRINT_PREFIX "sha256="
#define PORT               1883
#define PORT_TLS           8883

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "the rendezvous server %s", why);
    return FALSE;
}

static gboolean
parse_scheme(const char *scheme, gboolean *ret_tls, GError **error)
{
    if (g_ascii_strcasecmp(scheme, "ws") == 0 || g_ascii_strcasecmp(scheme, "wss") == 0)
        return refuse(error, "is reached by WebSocket (ws, wss), which is not supported yet; "
                             "mqtt and mqtts are");
    *ret_tls = g_ascii_strcasecmp(scheme, "mqtts") == 0;
    if (!*ret_tls && g_ascii_strcasecmp(scheme, "mqtt") != 0)
        return refuse(error, "must be given as mqtt://HOST or mqtts://HOST");
    return TRUE;
}

static gboolean
parse_fingerprint(const char *fragment, guint8 ret[STILE_SHA256_SIZE])
{
    const char *at = fragment;

    if (!g_str_has_prefix(fragment, FINGERPRINT_PREFIX))
        return FALSE;
    at += strlen(FINGERPRINT_PREFIX);
    for (gsize i = 0; i < STILE_SHA256_SIZE; i++) {
        if (i > 0 && *at == ':')
            at++;
        if (!g_ascii_isxdigit(at[0]) || !g_ascii_isxdigit(at[1]))
            return FALSE;
        ret[i] = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
        at += 2;
    }
    return *at == '\0';
}

/* They go into a resolver, a certificate check and a text for a person as they are. */
static gboolean
is_host(const char *host)
{
    if (*host == '\0' || strlen(host) > 253)
        return FALSE;
    for (const char *at = host; *at; at++)
        if ((guchar)*at <= ' ' || *at == 0x7f || strchr("/?#@[]\\", *at))
            return FALSE;
    if (strchr(host, '%') && !strchr(host, ':')) /* but fe80::1%eth0 */
        return FALSE;
    return g_utf8_validate(host, -1, NULL);
}

gboolean
stile_broker_url_parse(StileBrokerUrl *ret, const char *text, GError **error)
{
    g_autofree char *scheme = NULL, *user = NULL, *password = NULL, *host = NULL, *path = NULL;
    g_autofree char *query = NULL, *fragment = NULL;
    guint8 fingerprint[STILE_SHA256_SIZE] = {0};
    gboolean tls = FALSE;
    int port;

    if (!g_uri_split_with_user(text, G_URI_FLAGS_HAS_PASSWORD, &scheme, &user, &password, NULL,
                               &host, &port, &path, &query, &fragment, NULL) ||
        !scheme)
        return refuse(error, "is not a URL");
    if (!parse_scheme(scheme, &tls, error))
        return FALSE;
    if (!host || !is_host(host))
        return refuse(error, "has no host in its URL, or one that cannot be");
    if (port == 0 || port > G_MAXUINT16)
        return refuse(error, "has an impossible port in its URL");
    if ((path && *path && !g_str_equal(path, "/")) || query)
        return refuse(error, "has a path or a query in its URL, which mean nothing in MQTT");
    if (user && *user == '\0')
        g_clear_pointer(&user, g_free);
    if (password && !user)
        return refuse(error, "has a password in its URL, but no user");
    if ((user && strlen(user) > STILE_MQTT_STRING_MAX) ||
        (password && strlen(password) > STILE_MQTT_STRING_MAX))
        return refuse(error, "has a user or a password in its URL that is too long");
    if (fragment && !tls)
        return refuse(error, "has a certificate's fingerprint, but is mqtt, not mqtts");
    if (fragment && !parse_fingerprint(fragment, fingerprint))
        return refuse(error, "must have its certificate's fingerprint as #sha256= and 64 "
                             "hexadecimal digits");

    *ret = (StileBrokerUrl){
        .tls = tls,
        .port = (guint16)(port > 0 ? port
                          : tls    ? PORT_TLS
                                   : PORT),
        .user = g_steal_pointer(&user),
        .password = g_steal_pointer(&password),
        .has_fingerprint = fragment != NULL,
        .shown = g_uri_join(G_URI_FLAGS_NONE, tls ? "mqtts" : "mqtt", NULL, host, port, "", NULL,
                            NULL),
    };
    ret->host = g_steal_pointer(&host);
    memcpy(ret->fingerprint, fingerprint, sizeof fingerprint);
    return TRUE;
}

void
stile_broker_url_copy(StileBrokerUrl *ret, const StileBrokerUrl *url)
{
    *ret = *url;
    ret->host = g_strdup(url->host);
    ret->user = g_strdup(url->user);
    ret->password = g_strdup(url->password);
    ret->shown = g_strdup(url->shown);
}

void
stile_broker_url_clear(StileBrokerUrl *url)
{
    if (url->password)
        stile_memory_wipe(url->password, strlen(url->password));
    g_clear_pointer(&url->host, g_free);
    g_clear_pointer(&url->user, g_free);
    g_clear_pointer(&url->password, g_free);
    g_clear_pointer(&url->shown, g_free);
}

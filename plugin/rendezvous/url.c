/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/url.h"

#include "base/error.h"
#include "crypto/keys.h"
#include "io/reach.h"
#include "rendezvous/mqtt-packet.h"
#include <string.h>

#define PATH          "/mqtt" /* what most brokers have */
#define PATH_MAX_SIZE 1024

typedef struct {
    const char *name;
    gboolean tls;
    gboolean websocket;
    guint16 port;
} Scheme;

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "the rendezvous server %s", why);
    return FALSE;
}

static const Scheme *
find_scheme(const char *name)
{
    static const Scheme schemes[] = {
        {"mqtt", FALSE, FALSE, 1883},
        {"mqtts", TRUE, FALSE, 8883},
        {"ws", FALSE, TRUE, 80},
        {"wss", TRUE, TRUE, 443},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (g_ascii_strcasecmp(name, schemes[i].name) == 0)
            return &schemes[i];
    return NULL;
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
    /* Brackets let GLib take more than addresses, and what is none is normalised as a name when
     * it is shown. */
    if (strpbrk(host, ":%") && !g_hostname_is_ip_address(host))
        return FALSE;
    return g_utf8_validate(host, -1, NULL);
}

/* It goes into an HTTP request as it is (RFC 3986 §3.3; an @ has to be encoded, so that what is
 * shown can never be taken for a user). */
static gboolean
is_path(const char *path)
{
    if (*path != '/' || strlen(path) > PATH_MAX_SIZE)
        return FALSE;
    for (const char *at = path; *at; at++) {
        if (*at == '%' && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2]))
            at += 2;
        else if (!g_ascii_isalnum(*at) && !strchr("/-._~!$&'()*+,;=:", *at))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_path(const Scheme *scheme, const char *path, const char *query, GError **error)
{
    if (query)
        return refuse(error, "has a query in its URL, which means nothing there");
    if (scheme->websocket && *path && !is_path(path))
        return refuse(error, "has a path in its URL that cannot be");
    if (!scheme->websocket && *path && !g_str_equal(path, "/"))
        return refuse(error, "has a path in its URL, which means nothing without WebSocket");
    return TRUE;
}

gboolean
stile_broker_url_parse(StileBrokerUrl *ret, const char *text, GError **error)
{
    const Scheme *scheme;
    g_autofree char *name = NULL, *user = NULL, *password = NULL, *host = NULL, *path = NULL;
    g_autofree char *query = NULL, *fragment = NULL;
    guint8 fingerprint[STILE_SHA256_SIZE] = {0};
    int port;

    if (!g_uri_split_with_user(text, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED_PATH, &name,
                               &user, &password, NULL, &host, &port, &path, &query, &fragment,
                               NULL) ||
        !name)
        return refuse(error, "is not a URL");
    scheme = find_scheme(name);
    if (!scheme)
        return refuse(error, "must be given as mqtt://HOST or mqtts://HOST, or over WebSocket as "
                             "ws://HOST or wss://HOST");
    if (!host || !is_host(host))
        return refuse(error, "has no host in its URL, or one that cannot be");
    if (port == 0 || port > G_MAXUINT16)
        return refuse(error, "has an impossible port in its URL");
    if (!check_path(scheme, path, query, error))
        return FALSE;
    if (user && *user == '\0')
        g_clear_pointer(&user, g_free);
    if (password && !user)
        return refuse(error, "has a password in its URL, but no user");
    if ((user && strlen(user) > STILE_MQTT_STRING_MAX) ||
        (password && strlen(password) > STILE_MQTT_STRING_MAX))
        return refuse(error, "has a user or a password in its URL that is too long");
    if (fragment && !scheme->tls)
        return refuse(error, "has a certificate's fingerprint, but no TLS: mqtts and wss have");
    if (fragment && !stile_fingerprint_parse(fingerprint, fragment))
        return refuse(error, "must have its certificate's fingerprint as #sha256= and 64 "
                             "hexadecimal digits");

    if (scheme->websocket && *path == '\0') {
        g_free(path);
        path = g_strdup(PATH);
    }
    *ret = (StileBrokerUrl){
        .tls = scheme->tls,
        .websocket = scheme->websocket,
        .port = port > 0 ? (guint16)port : scheme->port,
        .user = g_steal_pointer(&user),
        .password = g_steal_pointer(&password),
        .has_fingerprint = fragment != NULL,
        .shown = g_uri_join(G_URI_FLAGS_ENCODED_PATH, scheme->name, NULL, host, port,
                            scheme->websocket ? path : "", NULL, NULL),
    };
    if (scheme->websocket)
        ret->path = g_steal_pointer(&path);
    ret->host = g_steal_pointer(&host);
    memcpy(ret->fingerprint, fingerprint, sizeof fingerprint);
    return TRUE;
}

void
stile_broker_url_copy(StileBrokerUrl *ret, const StileBrokerUrl *url)
{
    *ret = *url;
    ret->host = g_strdup(url->host);
    ret->path = g_strdup(url->path);
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
    g_clear_pointer(&url->path, g_free);
    g_clear_pointer(&url->user, g_free);
    g_clear_pointer(&url->password, g_free);
    g_clear_pointer(&url->shown, g_free);
}

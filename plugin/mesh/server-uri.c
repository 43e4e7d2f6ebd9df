/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/server-uri.h"

#include "base/address.h"
#include "base/error.h"
#include "io/reach.h"
#include <string.h>

#define HOST_MAX 253 /* RFC 1035 */

void
stile_server_uri_clear(StileServerUri *uri)
{
    g_clear_pointer(&uri->host, g_free);
}

static gboolean
host_is_good(const char *host)
{
    gsize size = strlen(host);

    if (size == 0 || size > HOST_MAX)
        return FALSE;
    for (const char *at = host; *at; at++)
        if (!g_ascii_isalnum(*at) && !strchr(".-_:%", *at))
            return FALSE;
    return TRUE;
}

static gboolean
parse_host_port(StileServerUri *ret, const char *text, guint16 default_port, const char *whole,
                GError **error)
{
    g_autofree char *host = NULL;
    const char *port_text = NULL, *colon = strrchr(text, ':');
    guint64 port = default_port;

    if (text[0] == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] != '\0' && end[1] != ':'))
            goto bad;
        host = g_strndup(text + 1, end - text - 1);
        port_text = end[1] == ':' ? end + 2 : NULL;
    } else if (colon && colon == strchr(text, ':')) {
        host = g_strndup(text, colon - text);
        port_text = colon + 1;
    } else {
        host = g_strdup(text);
    }
    if (!host_is_good(host))
        goto bad;
    if (port_text && !g_ascii_string_to_unsigned(port_text, 10, 1, G_MAXUINT16, &port, NULL))
        goto bad;
    /* A colon in a host is one of an IPv6 address, or a mistake. */
    if (strchr(host, ':')) {
        StileAddress address;

        if (!stile_address_parse(&address, host, 0, NULL))
            goto bad;
    }
    ret->host = g_steal_pointer(&host);
    ret->port = (guint16)port;
    return TRUE;
bad:
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                "“%s” is not a server: HOST or HOST:PORT is expected", whole);
    return FALSE;
}

gboolean
stile_stun_uri_parse(StileServerUri *ret, const char *text, GError **error)
{
    const char *rest = g_str_has_prefix(text, "stun:") ? text + strlen("stun:") : text;

    return parse_host_port(ret, rest, STILE_STUN_PORT, text, error);
}

static gboolean
refuse(GError **error, const char *text, const char *why)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "“%s” %s", text, why);
    return FALSE;
}

static gboolean
read_transport(StileServerUri *uri, gboolean tls, const char *query, const char *whole,
               GError **error)
{
    gboolean tcp = tls;

    if (query && g_ascii_strcasecmp(query, "transport=tcp") == 0)
        tcp = TRUE;
    else if (query && g_ascii_strcasecmp(query, "transport=udp") == 0)
        tcp = FALSE;
    else if (query)
        return refuse(error, whole,
                      "is not a relay: only transport=udp or transport=tcp may follow "
                      "the question mark");
    if (tls && !tcp)
        return refuse(error, whole,
                      "is a relay over DTLS, which is not built: over TLS, "
                      "“turns:HOST:PORT?transport=tcp”, is");
    uri->transport = tls ? STILE_TRANSPORT_TLS : tcp ? STILE_TRANSPORT_TCP : STILE_TRANSPORT_UDP;
    return TRUE;
}

gboolean
stile_turn_uri_parse(StileServerUri *ret, const char *text, GError **error)
{
    g_auto(StileServerUri) uri = {0};
    g_autofree char *rest = NULL;
    gboolean tls = g_str_has_prefix(text, "turns:");
    char *query, *fragment;

    if (!tls && !g_str_has_prefix(text, "turn:"))
        return refuse(error, text,
                      "is not a relay: turn:HOST[:PORT] or turns:HOST[:PORT] is "
                      "expected");
    rest = g_strdup(strchr(text, ':') + 1);
    if ((fragment = strchr(rest, '#')))
        *fragment++ = '\0';
    if ((query = strchr(rest, '?')))
        *query++ = '\0';
    if (!read_transport(&uri, tls, query, text, error))
        return FALSE;
    if (fragment && !tls)
        return refuse(error, text, "has a certificate's fingerprint, but no TLS: turns: has");
    if (fragment && !stile_fingerprint_parse(uri.fingerprint, fragment))
        return refuse(error, text,
                      "must have its certificate's fingerprint as #sha256= and 64 "
                      "hexadecimal digits");
    uri.has_fingerprint = fragment != NULL;
    if (!parse_host_port(&uri, rest, tls ? STILE_TURNS_PORT : STILE_STUN_PORT, text, error))
        return FALSE;
    *ret = uri;
    uri.host = NULL;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/server-uri.h"

#include "base/address.h"
#include "base/error.h"
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
parse_host_port(StileServerUri *ret, const char *text, const char *whole, GError **error)
{
    g_autofree char *host = NULL;
    const char *port_text = NULL, *colon = strrchr(text, ':');
    guint64 port = STILE_STUN_PORT;

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

    return parse_host_port(ret, rest, text, error);
}

gboolean
stile_turn_uri_parse(StileServerUri *ret, const char *text, GError **error)
{
    const char *query = strchr(text, '?');
    g_autofree char *rest = NULL;

    if (g_str_has_prefix(text, "turns:") ||
        (query && g_ascii_strcasecmp(query, "?transport=tcp") == 0)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "“%s”: relays over TCP and TLS are not built yet, only “turn:HOST:PORT”", text);
        return FALSE;
    }
    if (!g_str_has_prefix(text, "turn:") ||
        (query && g_ascii_strcasecmp(query, "?transport=udp") != 0)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "“%s” is not a relay: turn:HOST[:PORT] is expected", text);
        return FALSE;
    }
    text += strlen("turn:");
    rest = query ? g_strndup(text, query - text) : g_strdup(text);
    return parse_host_port(ret, rest, text, error);
}

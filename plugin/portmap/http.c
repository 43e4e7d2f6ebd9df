/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "portmap/http.h"

#include "base/error.h"

#include <string.h>

static gboolean
refuse(GError **error)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed HTTP reply");
    return FALSE;
}

gsize
stile_http_head_size(const char *data, gsize size)
{
    const char *end = size ? memmem(data, MIN(size, STILE_HTTP_MAX_HEAD), "\r\n\r\n", 4) : NULL;

    return end ? (gsize)(end - data) + 4 : 0;
}

char *
stile_http_header(const char *data, gsize size, const char *name)
{
    gsize length = strlen(name);
    const char *end, *line;

    if (size == 0)
        return NULL;
    end = data + size;
    line = memchr(data, '\n', size);
    while (line) {
        const char *next;

        line++;
        next = memchr(line, '\n', (gsize)(end - line));
        if ((gsize)((next ? next : end) - line) > length && line[length] == ':' &&
            g_ascii_strncasecmp(line, name, length) == 0) {
            const char *value = line + length + 1;

            return g_strstrip(g_strndup(value, (gsize)((next ? next : end) - value)));
        }
        line = next;
    }
    return NULL;
}

gboolean
stile_http_head_parse(StileHttpHead *ret, const char *data, gsize size, GError **error)
{
    StileHttpHead head = {.size = size, .length = -1};
    g_autofree char *encoding = NULL, *length = NULL;
    guint64 number;

    /* HTTP/1.x NNN */
    if (size < 16 || memcmp(data, "HTTP/1.", 7) != 0 || data[8] != ' ' ||
        !g_ascii_isdigit(data[9]) || !g_ascii_isdigit(data[10]) || !g_ascii_isdigit(data[11]) ||
        g_ascii_isdigit(data[12]))
        return refuse(error);
    head.status = (guint)((data[9] - '0') * 100 + (data[10] - '0') * 10 + data[11] - '0');
    encoding = stile_http_header(data, size, "Transfer-Encoding");
    length = stile_http_header(data, size, "Content-Length");
    if (encoding) {
        if (g_ascii_strcasecmp(encoding, "chunked") != 0)
            return refuse(error);
        head.chunked = TRUE;
    } else if (length) {
        if (!g_ascii_string_to_unsigned(length, 10, 0, STILE_HTTP_MAX_REPLY, &number, NULL)) {
            g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                        "The length of the HTTP reply is out of bounds");
            return FALSE;
        }
        head.length = (gssize)number;
    }
    *ret = head;
    return TRUE;
}

/* RFC 9112 §7.1; trailers are not looked at. */
static char *
dechunk(const char *data, gsize size, gsize *ret_size)
{
    g_autoptr(GString) body = g_string_new(NULL);
    const char *end = data + size;

    for (;;) {
        const char *line = memchr(data, '\n', (gsize)(end - data));
        char *digits_end;
        guint64 chunk;
        char digits[9] = "";

        if (!line || !g_ascii_isxdigit(*data))
            return NULL;
        memcpy(digits, data, MIN((gsize)(line - data), sizeof digits - 1));
        chunk = g_ascii_strtoull(digits, &digits_end, 16);
        if (g_ascii_isxdigit(*digits_end) || digits_end == digits + sizeof digits - 1)
            return NULL;
        data = line + 1;
        if (chunk == 0)
            break;
        if (chunk + 2 > (guint64)(end - data) || memcmp(data + chunk, "\r\n", 2) != 0)
            return NULL;
        g_string_append_len(body, data, (gssize)chunk);
        data += chunk + 2;
    }
    *ret_size = body->len;
    return g_string_free(g_steal_pointer(&body), FALSE);
}

char *
stile_http_body(const StileHttpHead *head, const char *data, gsize size, gsize *ret_size,
                GError **error)
{
    char *body = NULL;

    if (head->chunked) {
        body = dechunk(data, size, ret_size);
    } else if (head->length < 0 || (gsize)head->length <= size) {
        *ret_size = head->length < 0 ? size : (gsize)head->length;
        body = g_malloc(*ret_size + 1);
        memcpy(body, data, *ret_size);
        body[*ret_size] = '\0';
    }
    if (!body)
        refuse(error);
    return body;
}

static gboolean
is_plain(const char *text)
{
    for (; *text; text++)
        if (!g_ascii_isgraph(*text))
            return FALSE;
    return TRUE;
}

gboolean
stile_http_url_parse(StileAddress *ret, char **ret_path, const char *url, const char *base,
                     const StileAddress *host, GError **error)
{
    g_autofree char *absolute = NULL, *scheme = NULL, *name = NULL, *path = NULL, *query = NULL;
    StileAddress address;
    int port;

    if (strlen(url) <= STILE_HTTP_MAX_URL && is_plain(url))
        absolute = g_uri_resolve_relative(base, url, G_URI_FLAGS_ENCODED, NULL);
    if (!absolute ||
        !g_uri_split(absolute, G_URI_FLAGS_ENCODED, &scheme, NULL, &name, &port, &path, &query,
                     NULL, NULL) ||
        g_strcmp0(scheme, "http") != 0 || !name || !is_plain(path) || (query && !is_plain(query)) ||
        port == 0 || port > G_MAXUINT16) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed URL");
        return FALSE;
    }
    if (!stile_address_parse(&address, name, port < 0 ? 80 : (guint16)port, NULL) ||
        !stile_address_equal_ip(&address, host)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                    "The URL points to another host");
        return FALSE;
    }
    *ret = stile_address_with_port(&address, port < 0 ? 80 : (guint16)port);
    *ret_path = g_strdup_printf("%s%s%s%s", path[0] == '/' ? "" : "/", path, query ? "?" : "",
                                query ? query : "");
    return TRUE;
}

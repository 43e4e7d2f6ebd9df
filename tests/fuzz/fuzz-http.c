/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any reply of a web server: a body is never more than what came, and ends with a NUL. And any URL:
 * one that is accepted names our router, and its path cannot break a request. */
#include "portmap/http.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_url(const char *text, gsize size)
{
    const guint8 ip[4] = {192, 168, 1, 1};
    StileAddress host = stile_address_from_ip(AF_INET, ip, 0), server;
    g_autofree char *url = g_strndup(text, size), *path = NULL;

    if (!stile_http_url_parse(&server, &path, url, "http://192.168.1.1:5000/a/root.xml", &host,
                              NULL))
        return;
    g_assert(stile_address_equal_ip(&server, &host) && stile_address_port(&server));
    g_assert(path[0] == '/');
    for (const char *c = path; *c; c++)
        g_assert(g_ascii_isgraph(*c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    gsize head_size = stile_http_head_size(text, size), body_size = 0;
    g_autofree char *body = NULL, *field = stile_http_header(text, size, "Content-Length");
    StileHttpHead head;

    if (size > 0)
        try_url(text, size);
    g_assert(!field || !strchr(field, '\n'));
    g_assert(head_size <= MIN(size, STILE_HTTP_MAX_HEAD));
    if (!head_size || !stile_http_head_parse(&head, text, head_size, NULL))
        return 0;
    g_assert(head.size == head_size && head.status <= 999);
    g_assert(head.length <= STILE_HTTP_MAX_REPLY && !(head.chunked && head.length >= 0));
    body = stile_http_body(&head, text + head_size, size - head_size, &body_size, NULL);
    if (body) {
        g_assert(body_size <= size - head_size && body[body_size] == '\0');
        g_assert(head.length < 0 || body_size == (gsize)head.length);
    }
    return 0;
}

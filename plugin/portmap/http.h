/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* As much HTTP (RFC 9112) as a router's UPnP needs. Pure. */

#define STILE_HTTP_MAX_HEAD  8192
#define STILE_HTTP_MAX_REPLY 131072
#define STILE_HTTP_MAX_URL   1024

/**
 * StileHttpHead:
 * @size: bytes, with the empty line
 * @length: of the body; -1 when it ends with the connection
 */
typedef struct {
    guint status;
    gsize size;
    gboolean chunked;
    gssize length;
} StileHttpHead;

/** Returns: the size of the head, with its empty line; 0 when it is not all there */
gsize stile_http_head_size(const char *data, gsize size);
/** @size: as stile_http_head_size() gives it. Errors: %STILE_ERROR_INVALID_ARGUMENT, also for a
 * body above %STILE_HTTP_MAX_REPLY */
gboolean stile_http_head_parse(StileHttpHead *ret, const char *data, gsize size, GError **error);
/**
 * stile_http_header:
 *
 * Of an HTTP message, an SSDP one too (which may lack the empty line).
 *
 * Returns: (transfer full) (nullable): the first field of that name, trimmed
 */
char *stile_http_header(const char *data, gsize size, const char *name);
/**
 * stile_http_body:
 * @data: all that came behind the head
 *
 * Returns: (transfer full) (nullable): the body without the marks of the transfer, with a NUL
 *   behind it. Errors: %STILE_ERROR_INVALID_ARGUMENT when it is cut off
 */
char *stile_http_body(const StileHttpHead *head, const char *data, gsize size, gsize *ret_size,
                      GError **error);

/**
 * stile_http_url_parse:
 * @host: the only host that it may name, in numbers
 * @base: (nullable): what @url is relative to
 * @ret_path: (out) (transfer full): with the query; nothing in it breaks a request line
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT; %STILE_ERROR_NOT_AUTHORIZED for another host
 */
gboolean stile_http_url_parse(StileAddress *ret, char **ret_path, const char *url, const char *base,
                              const StileAddress *host, GError **error);

G_END_DECLS

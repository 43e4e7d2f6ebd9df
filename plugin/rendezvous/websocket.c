/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/websocket.h"

#include "base/error.h"
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* §1.3 */

#define FIN    0x80
#define RSV    0x70
#define OPCODE 0x0f
#define MASKED 0x80
#define LENGTH 0x7f

#define LENGTH_16 126
#define LENGTH_64 127

enum {
    CONTINUATION = 0x0,
    BINARY = 0x2,
    CLOSE = 0x8,
    PING = 0x9,
    PONG = 0xa,
};

static gboolean
fail(GError **error, const char *words)
{
    g_set_error_literal(error, STILE_ERROR, STILE_ERROR_FAILED, words);
    return FALSE;
}

/*
 * The handshake
 */
static char *
answer_to_key(const char *key)
{
    g_autofree char *text = g_strconcat(key, GUID, NULL);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize size = sizeof digest;

    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, digest, &size);
    return g_base64_encode(digest, size);
}

/* Names of other alphabets as they are looked up; an address of IPv6 in brackets, without the zone,
 * which means nothing to others (RFC 6874 §3). */
static char *
host_field(const char *host, guint16 port, gboolean tls)
{
    g_autofree char *ascii = g_hostname_to_ascii(host);
    const char *name = ascii ? ascii : host;
    g_autofree char *field = strchr(name, ':')
                                 ? g_strdup_printf("[%.*s]", (int)strcspn(name, "%"), name)
                                 : g_strdup(name);

    if (port == (tls ? 443 : 80))
        return g_steal_pointer(&field);
    return g_strdup_printf("%s:%u", field, port);
}

void
stile_websocket_init(StileWebsocket *websocket, StileClock *clock, GByteArray *request,
                     const char *host, guint16 port, gboolean tls, const char *path)
{
    g_autofree char *where = host_field(host, port, tls);
    g_autofree char *key = NULL;
    g_autofree char *text = NULL;
    guint8 nonce[16];

    stile_clock_random(clock, nonce, sizeof nonce);
    key = g_base64_encode(nonce, sizeof nonce);
    text = g_strdup_printf("GET %s HTTP/1.1\r\n"
                           "Host: %s\r\n"
                           "Upgrade: websocket\r\n"
                           "Connection: Upgrade\r\n"
                           "Sec-WebSocket-Key: %s\r\n"
                           "Sec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Protocol: mqtt\r\n"
                           "\r\n",
                           path, where, key);
    g_byte_array_append(request, (const guint8 *)text, (guint)strlen(text));
    *websocket = (StileWebsocket){
        .clock = stile_clock_ref(clock),
        .accept = answer_to_key(key),
        .head = g_string_new(NULL),
    };
}

void
stile_websocket_clear(StileWebsocket *websocket)
{
    g_clear_pointer(&websocket->accept, g_free);
    if (websocket->head)
        g_string_free(g_steal_pointer(&websocket->head), TRUE);
    g_clear_pointer(&websocket->clock, stile_clock_unref);
}

static gboolean
has_token(const char *list, const char *token)
{
    g_auto(GStrv) items = g_strsplit(list, ",", -1);

    for (gsize i = 0; items[i]; i++)
        if (g_ascii_strcasecmp(g_strstrip(items[i]), token) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
refuse_status(int status, GError **error)
{
    StileError code = STILE_ERROR_FAILED;

    if (status == 401 || status == 403 || status == 407)
        code = STILE_ERROR_NOT_AUTHORIZED;
    else if (status >= 500)
        code = STILE_ERROR_UNREACHABLE;
    g_set_error(error, STILE_ERROR, code, "answers HTTP status %d instead of a WebSocket", status);
    return FALSE;
}

/* @lines: the server's answer, to the empty line (§4.2.2). */
static gboolean
check_head(const char *accept, char **lines, GError **error)
{
    gboolean upgrade = FALSE, connection = FALSE, accepted = FALSE;
    int status;

    if (strlen(lines[0]) < 12 || !g_ascii_isdigit(lines[0][9]) || !g_ascii_isdigit(lines[0][10]) ||
        !g_ascii_isdigit(lines[0][11]))
        return fail(error, "does not speak WebSocket");
    status = (int)g_ascii_strtoll(lines[0] + 9, NULL, 10);
    if (status != 101)
        return refuse_status(status, error);
    for (gsize i = 1; lines[i]; i++) {
        char *value = strchr(lines[i], ':');

        if (!value)
            continue;
        *value++ = '\0';
        g_strstrip(value);
        if (g_ascii_strcasecmp(lines[i], "Upgrade") == 0)
            upgrade |= has_token(value, "websocket");
        else if (g_ascii_strcasecmp(lines[i], "Connection") == 0)
            connection |= has_token(value, "Upgrade");
        else if (g_ascii_strcasecmp(lines[i], "Sec-WebSocket-Accept") == 0)
            accepted |= g_str_equal(value, accept);
        else if (g_ascii_strcasecmp(lines[i], "Sec-WebSocket-Extensions") == 0 && *value)
            return fail(error, "wants a WebSocket extension that was not offered");
        /* Who only passes bytes on to a broker may name none. */
        else if (g_ascii_strcasecmp(lines[i], "Sec-WebSocket-Protocol") == 0 && *value &&
                 !g_str_equal(value, "mqtt"))
            return fail(error, "speaks something else than MQTT in its WebSocket");
    }
    if (!upgrade || !connection || !accepted)
        return fail(error, "does not speak WebSocket");
    return TRUE;
}

/* Takes from the front of @bytes what belongs to the answer. */
static gboolean
take_head(StileWebsocket *websocket, const guint8 **bytes, gsize *size, GError **error)
{
    static const char begin[] = "HTTP/1.1 ";

    while (*size > 0) {
        GString *head = websocket->head;
        char byte = (char)**bytes;

        (*bytes)++;
        (*size)--;
        /* Known at the first byte that is wrong: others may say nothing more, and wait. */
        if (byte == '\0' || (head->len < strlen(begin) && byte != begin[head->len] &&
                             head->len != strlen("HTTP/1.")))
            return fail(error, "does not speak WebSocket");
        if (head->len >= STILE_WEBSOCKET_HEAD_MAX)
            return fail(error, "its HTTP answer is too long");
        g_string_append_c(head, byte);
        if (byte == '\n' && g_str_has_suffix(head->str, "\r\n\r\n")) {
            g_auto(GStrv) lines = g_strsplit(head->str, "\r\n", -1);

            if (!check_head(websocket->accept, lines, error))
                return FALSE;
            g_string_truncate(head, 0);
            websocket->open = TRUE;
            return TRUE;
        }
    }
    return TRUE;
}

/*
 * Frames (§5.2)
 */
static void
write_frame(StileWebsocket *websocket, GByteArray *ret, guint8 opcode, const guint8 *payload,
            gsize size)
{
    guint8 header[14] = {FIN | opcode};
    gsize n = 2;
    guint at;

    if (size < LENGTH_16) {
        header[1] = (guint8)(MASKED | size);
    } else {
        gsize width = size <= G_MAXUINT16 ? 2 : 8;

        header[1] = MASKED | (width == 2 ? LENGTH_16 : LENGTH_64);
        for (gsize i = 0; i < width; i++)
            header[n++] = (guint8)((guint64)size >> (8 * (width - 1 - i)));
    }
    stile_clock_random(websocket->clock, header + n, 4);
    g_byte_array_append(ret, header, (guint)n + 4);
    at = ret->len;
    if (size > 0)
        g_byte_array_append(ret, payload, (guint)size);
    for (gsize i = 0; i < size; i++)
        ret->data[at + i] ^= header[n + i % 4];
}

void
stile_websocket_write(StileWebsocket *websocket, GByteArray *ret, const guint8 *payload, gsize size)
{
    write_frame(websocket, ret, BINARY, payload, size);
}

void
stile_websocket_write_close(StileWebsocket *websocket, GByteArray *ret)
{
    static const guint8 normal[] = {1000 >> 8, 1000 & 0xff};

    write_frame(websocket, ret, CLOSE, normal, sizeof normal);
}

/* How long the header is, as far as its first two bytes tell. */
static gsize
header_length(const StileWebsocket *websocket)
{
    if (websocket->header_size < 2)
        return 2;
    switch (websocket->header[1] & LENGTH) {
    case LENGTH_16:
        return 4;
    case LENGTH_64:
        return 10;
    default:
        return 2;
    }
}

static gboolean
begin_frame(StileWebsocket *websocket, GError **error)
{
    guint8 first = websocket->header[0];
    guint8 opcode = first & OPCODE;
    gsize size = header_length(websocket);

    websocket->left = size == 2 ? websocket->header[1] & LENGTH : 0;
    for (gsize i = 2; i < size; i++)
        websocket->left = websocket->left << 8 | websocket->header[i];
    websocket->control_size = 0;
    if (first & RSV || websocket->header[1] & MASKED || websocket->left > G_MAXINT64 ||
        (size == 4 && websocket->left < LENGTH_16) ||
        (size == 10 && websocket->left <= G_MAXUINT16))
        return fail(error, "protocol error: a WebSocket frame that cannot be");
    switch (opcode) {
    case CLOSE:
    case PING:
    case PONG:
        if (!(first & FIN) || websocket->left > sizeof websocket->control)
            return fail(error, "protocol error: a WebSocket frame that cannot be");
        return TRUE;
    case BINARY:
    case CONTINUATION:
        if (websocket->fragment != (opcode == CONTINUATION))
            return fail(error, "protocol error: a WebSocket frame out of order");
        websocket->fragment = !(first & FIN);
        return TRUE;
    default: /* MQTT-6.0.0-1: text is none */
        return fail(error, "protocol error: a WebSocket frame that is not binary");
    }
}

static void
end_frame(StileWebsocket *websocket, GByteArray *ret_answers)
{
    guint8 opcode = websocket->header[0] & OPCODE;

    websocket->header_size = 0;
    if (opcode == PING)
        write_frame(websocket, ret_answers, PONG, websocket->control, websocket->control_size);
    if (opcode == CLOSE) {
        stile_websocket_write_close(websocket, ret_answers);
        websocket->closed = TRUE;
    }
}

gboolean
stile_websocket_take(StileWebsocket *websocket, const guint8 *bytes, gsize size,
                     GByteArray *ret_payload, GByteArray *ret_answers, GError **error)
{
    if (!websocket->open && !take_head(websocket, &bytes, &size, error))
        return FALSE;
    while (size > 0 && !websocket->closed) {
        gsize part;

        if (websocket->header_size < header_length(websocket)) {
            websocket->header[websocket->header_size++] = *bytes++;
            size--;
            if (websocket->header_size < header_length(websocket))
                continue;
            if (!begin_frame(websocket, error))
                return FALSE;
        }
        part = (gsize)MIN(websocket->left, size);
        if ((websocket->header[0] & OPCODE) <= BINARY) {
            g_byte_array_append(ret_payload, bytes, (guint)part);
        } else {
            memcpy(websocket->control + websocket->control_size, bytes, part);
            websocket->control_size += part;
        }
        bytes += part;
        size -= part;
        websocket->left -= part;
        if (websocket->left == 0)
            end_frame(websocket, ret_answers);
    }
    return TRUE;
}

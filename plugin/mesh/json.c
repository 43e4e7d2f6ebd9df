/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/json.h"

#include "base/error.h"
#include <string.h>

/* Ours go to 3: an object, an array in it, a server in that. */
#define MAX_DEPTH 8

StileJsonCheck
stile_json_check(const char *text, gsize size, guint max_depth)
{
    gboolean in_string = FALSE, escaped = FALSE, closed = FALSE;
    guint depth = 0;

    for (gsize i = 0; i < size; i++) {
        char c = text[i];

        if (in_string) {
            if ((guchar)c < 0x20)
                return STILE_JSON_INVALID;
            if (escaped)
                escaped = FALSE;
            else if (c == '\\')
                escaped = TRUE;
            else if (c == '"')
                in_string = FALSE;
            continue;
        }
        if (strchr(" \t\r\n", c) && c != '\0')
            continue;
        /* Only what JSON has outside of strings: what else json-glib would take for the start of a
         * string or of a comment would make it see other brackets than we do. */
        if (closed || (!g_ascii_isalnum(c) && !strchr("{}[]:,+-.\"", c)) || c == '\0')
            return STILE_JSON_INVALID;
        if (c == '"') {
            in_string = TRUE;
        } else if (c == '{' || c == '[') {
            if (++depth > max_depth)
                return STILE_JSON_TOO_DEEP;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return STILE_JSON_INVALID;
            closed = --depth == 0;
        }
    }
    return closed ? STILE_JSON_OK : STILE_JSON_INCOMPLETE;
}

JsonObject *
stile_json_parse(const char *text, gsize size, gsize max_size, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    JsonNode *root;

    if (size > max_size) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "It is larger than %" G_GSIZE_FORMAT " bytes", max_size);
        return NULL;
    }
    switch (stile_json_check(text, size, MAX_DEPTH)) {
    case STILE_JSON_OK:
        break;
    case STILE_JSON_INCOMPLETE:
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "It stops in the middle");
        return NULL;
    case STILE_JSON_TOO_DEEP:
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "It is nested too deeply");
        return NULL;
    case STILE_JSON_INVALID:
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "It is not JSON");
        return NULL;
    }
    parser = json_parser_new();
    if (!g_utf8_validate_len(text, size, NULL) ||
        !json_parser_load_from_data(parser, text, (gssize)size, NULL) ||
        !(root = json_parser_get_root(parser)) || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "It is not a JSON object");
        return NULL;
    }
    return json_node_dup_object(root);
}

static JsonNode *
value(JsonObject *object, const char *name, GType type)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node
                                                                                         : NULL;
}

const char *
stile_json_string(JsonObject *object, const char *name)
{
    JsonNode *node = value(object, name, G_TYPE_STRING);

    return node ? json_node_get_string(node) : NULL;
}

gboolean
stile_json_integer(JsonObject *object, const char *name, gint64 *ret)
{
    JsonNode *node = value(object, name, G_TYPE_INT64);

    if (node)
        *ret = json_node_get_int(node);
    return node != NULL;
}

gboolean
stile_json_boolean(JsonObject *object, const char *name, gboolean *ret)
{
    JsonNode *node = value(object, name, G_TYPE_BOOLEAN);

    if (node)
        *ret = json_node_get_boolean(node);
    return node != NULL;
}

JsonObject *
stile_json_object(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *
stile_json_array(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

GBytes *
stile_base64_decode(const char *text)
{
    g_autofree char *again = NULL;
    guint8 *data;
    gsize size;

    data = g_base64_decode(text, &size);
    /* GLib's decoder skips what is not base64 and drops stray bits. */
    again = g_base64_encode(data, size);
    if (strcmp(again, text) != 0) {
        g_free(data);
        return NULL;
    }
    return g_bytes_new_take(data, size);
}

GBytes *
stile_json_bytes(JsonObject *object, const char *name)
{
    const char *text = stile_json_string(object, name);

    return text ? stile_base64_decode(text) : NULL;
}

gboolean
stile_json_fixed(JsonObject *object, const char *name, guint8 *ret, gsize size)
{
    g_autoptr(GBytes) bytes = stile_json_bytes(object, name);

    if (!bytes || g_bytes_get_size(bytes) != size)
        return FALSE;
    memcpy(ret, g_bytes_get_data(bytes, NULL), size);
    return TRUE;
}

void
stile_json_set_bytes(JsonObject *object, const char *name, const void *data, gsize size)
{
    g_autofree char *text = g_base64_encode(data, size);

    json_object_set_string_member(object, name, text);
}

char *
stile_json_to_text(JsonObject *object)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    g_autofree char *text = NULL;

    json_node_set_object(root, object);
    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, TRUE);
    text = json_generator_to_data(generator, NULL);
    return g_strconcat(text, "\n", NULL);
}

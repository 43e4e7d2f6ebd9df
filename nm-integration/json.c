/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "json.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

/* How deeply brackets are nested, outside of strings. Right for JSON, an upper bound for all else.
 */
static gsize
depth(const char *text)
{
    gsize now = 0, most = 0;
    gboolean in_string = FALSE;

    for (const char *c = text; *c != '\0'; c++) {
        if (in_string) {
            if (*c == '\\' && c[1] != '\0')
                c++;
            else if (*c == '"')
                in_string = FALSE;
        } else if (*c == '"') {
            in_string = TRUE;
        } else if (*c == '{' || *c == '[') {
            most = MAX(most, ++now);
        } else if ((*c == '}' || *c == ']') && now > 0) {
            now--;
        }
    }
    return most;
}

/* json-glib takes C comments for white space, and a quote in one would hide brackets from depth().
 */
static gboolean
has_comment(const char *text)
{
    gboolean in_string = FALSE;

    for (const char *c = text; *c != '\0'; c++) {
        if (in_string && *c == '\\' && c[1] != '\0')
            c++;
        else if (*c == '"')
            in_string = !in_string;
        else if (!in_string && (*c == '/' || *c == '#' || *c == '\''))
            return TRUE;
    }
    return FALSE;
}

JsonNode *
stile_json_parse(const char *text, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    JsonNode *root;

    if (depth(text) > STILE_JSON_DEPTH_MAX || has_comment(text)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _("it is not plain JSON"));
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, -1, error))
        return NULL;
    root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _("it is not an object"));
        return NULL;
    }
    return json_node_ref(root);
}

static JsonNode *
value_of(JsonObject *object, const char *member, GType type)
{
    JsonNode *node = json_object_get_member(object, member);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != type)
        return NULL;
    return node;
}

const char *
stile_json_string(JsonObject *object, const char *member)
{
    JsonNode *node = value_of(object, member, G_TYPE_STRING);

    return node != NULL ? json_node_get_string(node) : NULL;
}

gboolean
stile_json_integer(JsonObject *object, const char *member, gint64 *ret_value)
{
    JsonNode *node = value_of(object, member, G_TYPE_INT64);

    if (node == NULL)
        return FALSE;
    *ret_value = json_node_get_int(node);
    return TRUE;
}

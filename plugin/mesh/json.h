/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * JSON (RFC 8259) from elsewhere. json-glib's parser recurses without a limit and knows extensions
 * (comments, single quotes, `var x =`); so nothing reaches it that was not looked at before.
 */

typedef enum {
    STILE_JSON_OK,
    STILE_JSON_INCOMPLETE, /* it stops before its end */
    STILE_JSON_TOO_DEEP,
    STILE_JSON_INVALID,
} StileJsonCheck;

/**
 * stile_json_check:
 *
 * Pure. Looks at the brackets and strings of @text and at nothing else: OK is not yet a promise
 * that it parses, but that parsing it is harmless.
 */
StileJsonCheck stile_json_check(const char *text, gsize size, guint max_depth);

/**
 * stile_json_parse:
 * @size: of @text; at most @max_size
 *
 * Returns: (transfer full): the object that @text is
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
JsonObject *stile_json_parse(const char *text, gsize size, gsize max_size, GError **error);

/* Members: %NULL or %FALSE when @object has none of the name, or of another type. */
const char *stile_json_string(JsonObject *object, const char *name);
gboolean stile_json_integer(JsonObject *object, const char *name, gint64 *ret);
gboolean stile_json_boolean(JsonObject *object, const char *name, gboolean *ret);
JsonObject *stile_json_object(JsonObject *object, const char *name);
JsonArray *stile_json_array(JsonObject *object, const char *name);

/**
 * stile_json_bytes:
 *
 * Returns: (transfer full) (nullable): what the member of the name is in base64; %NULL unless it is
 *   written exactly as stile_json_set_bytes() writes it
 */
GBytes *stile_json_bytes(JsonObject *object, const char *name);
/** The same for exactly @size bytes. @ret is untouched on failure. */
gboolean stile_json_fixed(JsonObject *object, const char *name, guint8 *ret, gsize size);
void stile_json_set_bytes(JsonObject *object, const char *name, const void *data, gsize size);

/** Returns: (transfer full): @object as text with a newline at its end */
char *stile_json_to_text(JsonObject *object);

/**
 * stile_base64_decode:
 * @text: base64 with padding (RFC 4648 §4)
 *
 * Returns: (transfer full) (nullable): the bytes; %NULL for anything but their one right encoding
 */
GBytes *stile_base64_decode(const char *text);

G_END_DECLS

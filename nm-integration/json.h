/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * JSON from files that a person was given: json-glib, behind the checks that it does not make
 * itself.
 */

/** Deeper than any file of ours; json-glib's own parser would follow until the stack is used up. */
#define STILE_JSON_DEPTH_MAX 16

/**
 * stile_json_parse:
 *
 * Returns: (transfer full): a node that holds an object
 * Errors: %G_IO_ERROR_INVALID_DATA: nested too deeply, not an object; those of json-glib
 */
JsonNode *stile_json_parse(const char *text, GError **error);

/** Returns: (transfer none): the member, %NULL unless it is there and a string */
const char *stile_json_string(JsonObject *object, const char *member);
/** Returns: whether the member is there and an integer */
gboolean stile_json_integer(JsonObject *object, const char *member, gint64 *ret_value);

G_END_DECLS

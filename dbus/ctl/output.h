/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** Prints one JSON object. @node: (transfer full) */
void ctl_print_json(JsonNode *node, gboolean pretty);
/** The same, of pairs of a key and a string until %NULL. */
void ctl_print_json_texts(const char *key, ...) G_GNUC_NULL_TERMINATED;

/** Writes @text to @file as a whole or not at all, for nobody but its owner to read. */
gboolean ctl_write_private(const char *file, const char *text, GError **error);

/** Says why it did not work: on standard error for people, as an object for programs. */
void ctl_print_error(Ctl *ctl, const GError *error);

/** Returns: (transfer full): `8.4 ms`; "" for 0 */
char *ctl_format_rtt(guint64 microseconds);
/** Returns: (transfer full): `12 min ago`; "never" for 0. @moment: microseconds since 1970 */
char *ctl_format_age(guint64 moment);
/** Returns: (transfer none): the word for a state, in the reader's language */
const char *ctl_translate_state(const char *state);

/** @escape: of a terminal, as `1;31`; nothing of it is printed where colours do not belong */
void ctl_append_coloured(Ctl *ctl, GString *out, const char *escape, const char *text);
/** The colour that says how good @state is. */
const char *ctl_colour_of_state(const char *state);

/** A table of texts; columns are as wide as they have to be. */
typedef struct _CtlTable CtlTable;
CtlTable *ctl_table_new(guint n_columns);
/** @...: one text for each column; copied */
void ctl_table_add(CtlTable *table, ...);
/** @indent: spaces before each row. Appends to @out and frees @table. */
void ctl_table_finish(CtlTable *table, GString *out, guint indent);
/** How many columns @text takes on a terminal. */
guint ctl_width(const char *text);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a router says in XML, read within bounds. Pure. GMarkup knows no entities but XML's five and
 * opens no files; the bounds on depth and on text are ours. */

/**
 * StileMarkupCalls:
 * @max_depth: of elements; deeper is an error
 * @max_text: bytes of an element's own text; what is behind them is dropped
 * @start: (nullable)
 * @end: @text: what stood right before the end, without the blanks around it
 *
 * Names come without their prefix (`d:service` as `service`); @depth of the outermost element is 1.
 */
typedef struct {
    guint max_depth;
    gsize max_text;
    void (*start)(gpointer user_data, const char *name, guint depth);
    void (*end)(gpointer user_data, const char *name, guint depth, const char *text);
} StileMarkupCalls;

/** Returns: %FALSE when it is not well-formed, or out of bounds; calls were made all the same */
gboolean stile_markup_read(const StileMarkupCalls *calls, gpointer user_data, const char *data,
                           gsize size);

G_END_DECLS

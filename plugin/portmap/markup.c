/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/markup.h"

#include <string.h>

typedef struct {
    const StileMarkupCalls *calls;
    gpointer user_data;
    GString *text;
    guint depth;
} Reader;

static const char *
local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void
on_start(GMarkupParseContext *context, const char *name, const char **names, const char **values,
         gpointer user_data, GError **error)
{
    Reader *reader = user_data;

    if (++reader->depth > reader->calls->max_depth)
        g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "Too deep");
    else if (reader->calls->start)
        reader->calls->start(reader->user_data, local_name(name), reader->depth);
    g_string_truncate(reader->text, 0);
}

static void
on_end(GMarkupParseContext *context, const char *name, gpointer user_data, GError **error)
{
    Reader *reader = user_data;

    reader->calls->end(reader->user_data, local_name(name), reader->depth,
                       g_strstrip(reader->text->str));
    g_string_truncate(reader->text, 0);
    reader->depth--;
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize size, gpointer user_data,
        GError **error)
{
    Reader *reader = user_data;
    gsize room = reader->calls->max_text - MIN(reader->text->len, reader->calls->max_text);

    g_string_append_len(reader->text, text, (gssize)MIN(size, room));
}

gboolean
stile_markup_read(const StileMarkupCalls *calls, gpointer user_data, const char *data, gsize size)
{
    static const GMarkupParser markup = {
        .start_element = on_start, .end_element = on_end, .text = on_text};
    Reader reader = {.calls = calls, .user_data = user_data, .text = g_string_new(NULL)};
    g_autoptr(GMarkupParseContext)
        context = g_markup_parse_context_new(&markup, G_MARKUP_TREAT_CDATA_AS_TEXT, &reader, NULL);
    /* Some routers send a NUL at the end. */
    gboolean ok = size > 0 &&
                  g_markup_parse_context_parse(context, data, (gssize)strnlen(data, size), NULL) &&
                  g_markup_parse_context_end_parse(context, NULL);

    g_string_free(reader.text, TRUE);
    return ok;
}

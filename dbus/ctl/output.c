/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"
#include <glib/gi18n.h>
#include <string.h>

struct _CtlTable {
    guint n_columns;
    GPtrArray *cells;
};

void
ctl_print_json(JsonNode *node, gboolean pretty)
{
    g_autofree char *text = json_to_string(node, pretty);

    g_print("%s\n", text);
    json_node_unref(node);
}

void
ctl_print_json_texts(const char *key, ...)
{
    JsonObject *object = json_object_new();
    JsonNode *node = json_node_alloc();
    va_list rest;

    va_start(rest, key);
    for (; key; key = va_arg(rest, const char *))
        json_object_set_string_member(object, key, va_arg(rest, const char *));
    va_end(rest);
    json_node_init_object(node, object);
    json_object_unref(object);
    ctl_print_json(node, TRUE);
}

gboolean
ctl_write_private(const char *file, const char *text, GError **error)
{
    return g_file_set_contents_full(
        file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

void
ctl_print_error(Ctl *ctl, const GError *error)
{
    g_autoptr(GError) plain = g_error_copy(error);

    if (ctl->told)
        return;
    g_dbus_error_strip_remote_error(plain);
    if (ctl->json) {
        g_autofree char *name = ctl_error_name(error);
        ctl_print_json_texts("error", name, "message", plain->message, NULL);
    } else {
        g_printerr("%s\n", plain->message);
    }
}

char *
ctl_format_rtt(guint64 microseconds)
{
    if (microseconds == 0)
        return g_strdup("");
    return g_strdup_printf("%.1f ms", (double)microseconds / 1000);
}

char *
ctl_format_age(guint64 moment)
{
    gint64 seconds = (g_get_real_time() - (gint64)moment) / G_USEC_PER_SEC;

    if (moment == 0)
        return g_strdup(_("never"));
    if (seconds < 60)
        return g_strdup_printf(_("%d s ago"), (int)MAX(seconds, 0));
    if (seconds < 60 * 60)
        return g_strdup_printf(_("%d min ago"), (int)(seconds / 60));
    if (seconds < 24 * 60 * 60)
        return g_strdup_printf(_("%d h ago"), (int)(seconds / 3600));
    return g_strdup_printf(_("%d days ago"), (int)(seconds / 86400));
}

static const struct {
    const char *name, *shown, *colour;
} states[] = {
    {"up", N_("up"), "32"},
    {"direct", N_("direct"), "32"},
    {"ready", N_("ready"), "32"},
    {"working", N_("working"), "32"},
    {"relayed", N_("relayed"), "33"},
    {"connecting", N_("connecting"), "33"},
    {"checking", N_("checking"), "33"},
    {"allocating", N_("allocating"), "33"},
    {"standby", N_("standby"), "33"},
    {"connected", N_("connected"), "32"},
    {"down", N_("down"), "2"},
    {"idle", N_("idle"), "2"},
    {"failed", N_("failed"), "31"},
    {"unreachable", N_("unreachable"), "31"},
};

const char *
ctl_translate_state(const char *state)
{
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
        if (g_str_equal(state, states[i].name))
            return _(states[i].shown);
    return state;
}

const char *
ctl_colour_of_state(const char *state)
{
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
        if (g_str_equal(state, states[i].name))
            return states[i].colour;
    return "31";
}

void
ctl_append_coloured(Ctl *ctl, GString *out, const char *escape, const char *text)
{
    if (ctl->colour)
        g_string_append_printf(out, "\033[%sm%s\033[0m", escape, text);
    else
        g_string_append(out, text);
}

guint
ctl_width(const char *text)
{
    guint width = 0;

    for (const char *p = text; *p;) {
        if (p[0] == '\033' && strchr(p, 'm')) {
            p = strchr(p, 'm') + 1;
            continue;
        }
        gunichar c = g_utf8_get_char(p);
        width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
        p = g_utf8_next_char(p);
    }
    return width;
}

CtlTable *
ctl_table_new(guint n_columns)
{
    CtlTable *table = g_new0(CtlTable, 1);

    table->n_columns = n_columns;
    table->cells = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void
ctl_table_add(CtlTable *table, ...)
{
    va_list cells;

    va_start(cells, table);
    for (guint i = 0; i < table->n_columns; i++)
        g_ptr_array_add(table->cells, g_strdup(va_arg(cells, const char *)));
    va_end(cells);
}

static guint
column_width(CtlTable *table, guint column)
{
    guint widest = 0;

    for (guint i = column; i < table->cells->len; i += table->n_columns)
        widest = MAX(widest, ctl_width(table->cells->pdata[i]));
    return widest;
}

void
ctl_table_finish(CtlTable *table, GString *out, guint indent)
{
    for (guint i = 0; i < table->cells->len; i++) {
        guint column = i % table->n_columns;
        const char *cell = table->cells->pdata[i];
        if (column == 0)
            g_string_append_printf(out, "%*s", (int)indent, "");
        g_string_append(out, cell);
        if (column + 1 < table->n_columns) {
            g_string_append_printf(out, "%*s",
                                   (int)(column_width(table, column) - ctl_width(cell) + 2), "");
            continue;
        }
        while (out->len > 0 && out->str[out->len - 1] == ' ')
            g_string_truncate(out, out->len - 1);
        g_string_append_c(out, '\n');
    }
    g_ptr_array_unref(table->cells);
    g_free(table);
}

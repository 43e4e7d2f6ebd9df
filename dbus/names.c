/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/names.h"

char *
stile_name_to_dashes(const char *name)
{
    GString *dashed = g_string_new(NULL);

    for (const char *p = name; *p; p++) {
        if (g_ascii_isupper(*p) && p != name)
            g_string_append_c(dashed, '-');
        g_string_append_c(dashed, g_ascii_tolower(*p));
    }
    return g_string_free(dashed, FALSE);
}

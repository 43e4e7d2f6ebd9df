/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/message.h"

#include "crypto/hash.h"

#include <string.h>

/* RFC 3454, table B.1: what SASLprep maps to nothing. */
static gboolean
is_mapped_to_nothing(gunichar c)
{
    return c == 0x00ad || c == 0x034f || c == 0x1806 || (c >= 0x180b && c <= 0x180d) ||
           (c >= 0x200b && c <= 0x200d) || c == 0x2060 || (c >= 0xfe00 && c <= 0xfe0f) ||
           c == 0xfeff;
}

char *
stile_stun_prepare(const char *text)
{
    g_autoptr(GString) mapped = NULL;

    if (g_str_is_ascii(text) || !g_utf8_validate(text, -1, NULL))
        return g_strdup(text);
    mapped = g_string_new(NULL);
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (g_unichar_type(c) == G_UNICODE_SPACE_SEPARATOR)
            c = ' ';
        if (!is_mapped_to_nothing(c))
            g_string_append_unichar(mapped, c);
    }
    return g_utf8_normalize(mapped->str, (gssize)mapped->len, G_NORMALIZE_ALL_COMPOSE);
}

void
stile_stun_long_term_key(const char *username, const char *realm, const char *password,
                         guint8 ret[16])
{
    g_autofree char *user = stile_stun_prepare(username);
    g_autofree char *secret = stile_stun_prepare(password);
    g_autofree char *joined = g_strconcat(user, ":", realm, ":", secret, NULL);

    stile_md5(joined, strlen(joined), ret);
}

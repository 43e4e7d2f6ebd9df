/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret.h"
#include "ctl.h"
#include <glib/gi18n.h>
#include <string.h>

char *
ctl_read_secret(const char *file, GError **error)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents(file, &text, NULL, error))
        return NULL;
    text[strcspn(text, "\r\n")] = '\0';
    if (!*text) {
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("There is no password in %s"), file);
        return NULL;
    }
    return g_steal_pointer(&text);
}

char *
ctl_url_with_password(const char *url, const char *file, GError **error)
{
    const char *authority = strstr(url, "://");
    const char *at = authority ? strchr(authority + 3, '@') : NULL;
    g_autofree char *password = NULL;
    g_autofree char *escaped = NULL;
    g_autofree char *user = NULL;

    if (!at || at == authority + 3) {
        g_set_error(error, CTL_ERROR, CTL_USAGE,
                    _("A password needs a user: write the rendezvous as mqtts://USER@HOST"));
        return NULL;
    }
    password = ctl_read_secret(file, error);
    if (!password)
        return NULL;
    escaped = g_uri_escape_string(password, NULL, FALSE);
    user = g_strndup(url, (gsize)(at - url));
    return g_strdup_printf("%s:%s%s", user, escaped, at);
}

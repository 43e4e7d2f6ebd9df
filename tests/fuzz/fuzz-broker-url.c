/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as the URL of a broker: refused with a reason, or what is shown of it leads to the same
 * broker and has nothing secret in it. */
#include "rendezvous/url.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = size ? g_strndup((const char *)data, size) : g_strdup("");
    g_auto(StileBrokerUrl) url = {0};
    g_auto(StileBrokerUrl) shown = {0};
    g_autoptr(GError) error = NULL;

    if (!stile_broker_url_parse(&url, text, &error)) {
        g_assert(error != NULL && url.host == NULL);
        return 0;
    }
    g_assert(*url.host && url.port > 0);
    g_assert(url.user != NULL || url.password == NULL);
    g_assert(url.tls || !url.has_fingerprint);
    g_assert(url.websocket == (url.path != NULL));
    g_assert(!url.path || (*url.path == '/' && !strpbrk(url.path, " \t\r\n\"<>")));
    g_assert(!strpbrk(url.shown, "@#?"));
    g_assert(stile_broker_url_parse(&shown, url.shown, NULL));
    g_assert(shown.tls == url.tls && shown.port == url.port);
    g_assert(g_strcmp0(shown.path, url.path) == 0);
    g_assert(strcmp(shown.host, url.host) == 0 && strcmp(shown.shown, url.shown) == 0);
    g_assert(!shown.user && !shown.password && !shown.has_fingerprint);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/proxy.h"

#include <string.h>

static const char *
from_environment(const char *name)
{
    g_autofree char *capitals = g_ascii_strup(name, -1);
    const char *value = g_getenv(name);

    if (!value)
        value = g_getenv(capitals);
    return value && value[0] ? value : NULL;
}

static char *
proxy_uri(const char *proxy)
{
    return strstr(proxy, "://") ? g_strdup(proxy) : g_strconcat("http://", proxy, NULL);
}

GProxyResolver *
stile_proxy_resolver_new(const char *https_proxy, const char *no_proxy)
{
    g_auto(GStrv) hosts = g_strsplit_set(no_proxy ? no_proxy : "", ", \t", -1);
    g_autoptr(GPtrArray) ignored = g_ptr_array_new();
    g_autofree char *uri = https_proxy ? proxy_uri(https_proxy) : NULL;

    for (char **host = hosts; *host; host++) {
        if (strcmp(*host, "*") == 0)
            g_clear_pointer(&uri, g_free);
        else if ((*host)[0])
            g_ptr_array_add(ignored, *host);
    }
    g_ptr_array_add(ignored, NULL);
    if (!uri)
        return NULL;
    return g_simple_proxy_resolver_new(uri, (char **)ignored->pdata);
}

gboolean
stile_proxy_is_decided(void)
{
    return g_getenv("GIO_USE_PROXY_RESOLVER") || from_environment("https_proxy") ||
           from_environment("all_proxy") || from_environment("no_proxy");
}

GProxyResolver *
stile_proxy_resolver_from_environment(void)
{
    const char *proxy = from_environment("https_proxy");

    if (g_getenv("GIO_USE_PROXY_RESOLVER"))
        return g_object_ref(g_proxy_resolver_get_default());
    return stile_proxy_resolver_new(proxy ? proxy : from_environment("all_proxy"),
                                    from_environment("no_proxy"));
}

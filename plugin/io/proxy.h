/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * stile_proxy_resolver_new:
 * @https_proxy: (nullable): what names the proxy, as in that variable of the environment: a URI
 * (http, socks, socks4, socks4a, socks5), or HOST:PORT of an HTTP proxy
 * @no_proxy: (nullable): hosts, domains, addresses and networks with a prefix length that are
 * reached without it, separated by commas or spaces; `*` for all
 *
 * Pure. Returns: (transfer full) (nullable): goes by this for every destination; %NULL: there is no
 * proxy
 */
GProxyResolver *stile_proxy_resolver_new(const char *https_proxy, const char *no_proxy);

/**
 * stile_proxy_resolver_from_environment:
 *
 * By https_proxy, else all_proxy, and no_proxy, or the same in capitals. Not GIO's default resolver
 * unless GIO_USE_PROXY_RESOLVER names one: those read the settings of a desktop, which a service
 * seldom has, and bring megabytes of libraries with them to find that out.
 *
 * Returns: (transfer full) (nullable): %NULL: there is no proxy
 */
GProxyResolver *stile_proxy_resolver_from_environment(void);

/** Whether the environment says something of proxies, be it that there is none: then nobody else
 * needs to be asked. */
gboolean stile_proxy_is_decided(void);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which proxy a broker is reached through: what https_proxy and no_proxy may say, and that all of
 * the environment's spellings are found in the right order.
 */
#include "io/proxy.h"

static char *
proxy_for(GProxyResolver *resolver, const char *host)
{
    g_autofree char *uri = g_strdup_printf("https://%s:8883", host);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) proxies = NULL;

    if (!resolver)
        return g_strdup("direct://");
    proxies = g_proxy_resolver_lookup(resolver, uri, NULL, &error);
    g_assert_no_error(error);
    return g_strjoinv(" ", proxies);
}

static void
check(const char *https_proxy, const char *no_proxy, const char *host, const char *expected)
{
    g_autoptr(GProxyResolver) resolver = stile_proxy_resolver_new(https_proxy, no_proxy);
    g_autofree char *found = proxy_for(resolver, host);

    g_assert_cmpstr(found, ==, expected);
}

static void
test_kinds(void)
{
    check(NULL, NULL, "broker.test", "direct://");
    check("http://proxy.test:3128", NULL, "broker.test", "http://proxy.test:3128");
    check("http://me:sesame@proxy.test:3128", NULL, "broker.test",
          "http://me:sesame@proxy.test:3128");
    check("socks5://192.0.2.2:1080", NULL, "broker.test", "socks5://192.0.2.2:1080");
    check("proxy.test:3128", NULL, "broker.test", "http://proxy.test:3128");
}

static void
test_exceptions(void)
{
    static const char proxy[] = "http://proxy.test:3128";

    check(proxy, "", "broker.test", proxy);
    check(proxy, "localhost,broker.test", "broker.test", "direct://");
    check(proxy, "localhost, broker.test ,", "broker.test", "direct://");
    check(proxy, ".lan", "broker.lan", "direct://");
    check(proxy, ".lan", "broker.plan", proxy);
    check(proxy, "192.0.2.0/24", "192.0.2.9", "direct://");
    check(proxy, "192.0.2.0/24", "198.51.100.9", proxy);
    check(proxy, "2001:db8::/32", "[2001:db8::1]", "direct://");
    check(proxy, "*", "broker.test", "direct://");
    check(NULL, "*", "broker.test", "direct://");
}

static void
check_environment(const char *expected)
{
    g_autoptr(GProxyResolver) resolver = stile_proxy_resolver_from_environment();
    g_autofree char *found = proxy_for(resolver, "broker.test");

    g_assert_cmpstr(found, ==, expected);
}

static void
test_environment(void)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY",   "no_proxy",    "NO_PROXY"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_unsetenv(names[i]);
    g_unsetenv("GIO_USE_PROXY_RESOLVER");
    check_environment("direct://");
    g_assert_false(stile_proxy_is_decided());
    g_setenv("no_proxy", "*", TRUE);
    g_assert_true(stile_proxy_is_decided());
    g_unsetenv("no_proxy");
    g_setenv("ALL_PROXY", "socks5://all-capitals.test:1", TRUE);
    check_environment("socks5://all-capitals.test:1");
    g_setenv("all_proxy", "socks5://all.test:1", TRUE);
    check_environment("socks5://all.test:1");
    g_setenv("HTTPS_PROXY", "http://capitals.test:2", TRUE);
    check_environment("http://capitals.test:2");
    g_setenv("https_proxy", "http://small.test:3", TRUE);
    check_environment("http://small.test:3");
    g_assert_true(stile_proxy_is_decided());
    g_setenv("NO_PROXY", "broker.test", TRUE);
    check_environment("direct://");
    g_setenv("no_proxy", "elsewhere.test", TRUE);
    check_environment("http://small.test:3");
    /* Set and empty is not set. */
    g_setenv("https_proxy", "", TRUE);
    g_unsetenv("all_proxy");
    g_unsetenv("ALL_PROXY");
    check_environment("direct://");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proxy/kinds", test_kinds);
    g_test_add_func("/proxy/exceptions", test_exceptions);
    g_test_add_func("/proxy/environment", test_environment);
    return g_test_run();
}

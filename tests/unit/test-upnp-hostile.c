/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What UPnP's client makes of a router that lies or is broken: descriptions of a megabyte, with
 * entities, cut off, of another host, or none at all; each is explained, and then it is mended. */
#include "portmap/http.h"
#include "upnp-world.h"

#include <string.h>

/* A megabyte of @what, behind @start. (transfer full) */
static char *
megabyte(const char *start, const char *what)
{
    GString *text = g_string_new(start);

    while (text->len < 1024 * 1024)
        g_string_append(text, what);
    return g_string_free(text, FALSE);
}

static void
assert_hostile(UpnpWorld *world, char *raw, const char *problem)
{
    g_free(world->raw);
    world->raw = raw;
    stile_upnp_search(world->upnp);
    upnp_world_wait(&world->failed, world->failed + 1);
    if (!strstr(world->problem, problem))
        g_error("\"%s\" is not: %s", world->problem, problem);
    g_assert_true(
        g_str_has_prefix(world->problem, "The router 127.0.0.1 has no usable UPnP description: "));
}

static void
test_hostile(UpnpWorld *world, gconstpointer data)
{
#define HEAD "HTTP/1.1 200 OK\r\n\r\n"
    static const char laughs[] = HEAD
        "<!DOCTYPE root [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><root>&c;&c;&c;&c;</root>";
    static const char outside[] = HEAD
        "<!DOCTYPE root [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><root><device><service>"
        "<serviceType>" IP_TYPE "1</serviceType><controlURL>&a;</controlURL></service></device>"
        "</root>";
    static const char based[] = HEAD
        "<root><URLBase>http://192.0.2.9/</URLBase>" SERVICE(IP_TYPE "1", "/control") "</root>";
    const char *malformed = "Malformed UPnP device description";

    assert_hostile(world, megabyte("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n", "<a/>"),
                   "The length of the HTTP reply is out of bounds");
    assert_hostile(world, megabyte(HEAD, "<a/>"), "The HTTP reply is too long");
    assert_hostile(
        world, megabyte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\n<a/>\r\n"),
        "The HTTP reply is too long");
    assert_hostile(world, megabyte("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
                   "The head of the HTTP reply is too long");
    assert_hostile(world, g_strdup(laughs), malformed);
    assert_hostile(world, g_strdup(outside), malformed);
    assert_hostile(world, g_strdup(HEAD "<root><device>"), malformed);
    assert_hostile(world, g_strdup(HEAD "\xff\xfe"), malformed);
    assert_hostile(world, g_strdup(HEAD), malformed);
    assert_hostile(world, g_strdup(HEAD "<root></root>"), "no service that maps ports");
    assert_hostile(world, g_strdup(HEAD DESCRIPTION(SERVICE(IP_TYPE "1", "http://192.0.2.9/x"))),
                   "The URL points to another host");
    assert_hostile(world, g_strdup(based), "The URL points to another host");
    assert_hostile(world, g_strdup(HEAD DESCRIPTION(SERVICE(IP_TYPE "1", "http://router/x"))),
                   "The URL points to another host");
    assert_hostile(world, g_strdup(HEAD DESCRIPTION(SERVICE(IP_TYPE "1", "/x HTTP/1.1&#13;&#10;"))),
                   "Malformed URL");
    assert_hostile(world, g_strdup("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a/>"),
                   "Malformed HTTP reply");
    assert_hostile(world, g_strdup("HTTP/1.1 404 Not Found\r\n\r\n"), "HTTP status 404");
    assert_hostile(world, g_strdup("SSH-2.0-router\r\n\r\n"), "Malformed HTTP reply");
    assert_hostile(world, g_strdup(""), "");
    g_assert_cmpuint(world->found, ==, 0);

    /* And then it is mended. */
    g_clear_pointer(&world->raw, g_free);
    stile_upnp_search(world->upnp);
    upnp_world_wait(&world->found, 1);
#undef HEAD
}

/* It accepts and says nothing, or there is nobody at all. */
static void
test_silent(UpnpWorld *world, gconstpointer data)
{
    world->raw = g_strdup("wait");
    stile_upnp_search(world->upnp);
    upnp_world_wait(&world->held->len, 1);
    stile_clock_advance(world->clock, 11 * G_USEC_PER_SEC);
    upnp_world_wait(&world->failed, 1);
    g_assert_nonnull(strstr(world->problem, "The server does not answer in time"));

    g_source_destroy(world->ssdp_source);
    for (guint i = 0; i < 3; i++) {
        stile_upnp_search(world->upnp);
        stile_clock_advance(world->clock, 11 * G_USEC_PER_SEC);
    }
    g_assert_cmpuint(world->failed, ==, 1);
    g_assert_cmpuint(world->found, ==, 0);
}

static void
test_strange_location(UpnpWorld *world, gconstpointer data)
{
    static const char *const locations[] = {
        "http://192.0.2.9/root.xml",  "http://127.0.0.2/root.xml", "https://127.0.0.1/root.xml",
        "file:///etc/passwd",         "http://localhost/root.xml", "/root.xml",
        "http://127.0.0.1:0/root.xml"};

    for (gsize i = 0; i < G_N_ELEMENTS(locations); i++) {
        StileAddress server;
        char *path;

        g_assert_false(
            stile_http_url_parse(&server, &path, locations[i], NULL, &world->gateway, NULL));
    }
    world->first_location = locations[0];
    stile_upnp_search(world->upnp);
    upnp_world_wait(&world->found, 1);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(UpnpWorld *world, gconstpointer data);
        gconstpointer data;
    } tests[] = {
        {"/upnp/hostile", test_hostile, NULL},
        {"/upnp/silent", test_silent, NULL},
        {"/upnp/strange-location", test_strange_location, NULL},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, UpnpWorld, tests[i].data, upnp_world_set_up, tests[i].func,
                   upnp_world_tear_down);
    return g_test_run();
}

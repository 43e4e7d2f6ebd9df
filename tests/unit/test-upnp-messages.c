/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UPnP's parsers: heads, bodies and URLs of HTTP, device descriptions, replies to actions, SSDP. */
#include "base/error.h"
#include "portmap/http.h"
#include "portmap/soap.h"
#include "portmap/ssdp.h"
#include "portmap/upnp-description.h"
#include "upnp-world.h"

#include <string.h>

static void
test_http(void)
{
    static const char chunked[] = "HTTP/1.1 200 OK\r\ntransfer-encoding:  chunked \r\n\r\n"
                                  "4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\n\r\n";
    static const char *const broken[] = {"4\r\nWik", "g\r\n", "", "4\r\nWikiXX0\r\n\r\n",
                                         "ffffffffffff\r\n"};
    StileHttpHead head;
    gsize size = stile_http_head_size(chunked, strlen(chunked)), body_size;
    g_autofree char *body = NULL;

    g_assert_true(stile_http_head_parse(&head, chunked, size, NULL));
    g_assert_cmpuint(head.status, ==, 200);
    body = stile_http_body(&head, chunked + size, strlen(chunked) - size, &body_size, NULL);
    g_assert_cmpstr(body, ==, "Wikipedia ");
    g_assert_cmpuint(body_size, ==, 10);
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++)
        g_assert_null(stile_http_body(&head, broken[i], strlen(broken[i]), &body_size, NULL));
    g_assert_cmpuint(stile_http_head_size("HTTP/1.1 200 OK\r\n", 17), ==, 0);
}

static void
test_urls(void)
{
    static const struct {
        const char *url, *base, *server, *path;
    } cases[] = {
        {"http://192.168.1.1", NULL, "192.168.1.1:80", "/"},
        {"http://192.168.1.1:5000/a/b?c=d", NULL, "192.168.1.1:5000", "/a/b?c=d"},
        {"/ctl", "http://192.168.1.1:5000/a/root.xml", "192.168.1.1:5000", "/ctl"},
        {"ctl", "http://192.168.1.1:5000/a/root.xml", "192.168.1.1:5000", "/a/ctl"},
        {"http://192.168.1.1:49/%20", "http://192.168.1.1/", "192.168.1.1:49", "/%20"},
    };
    StileAddress host;

    g_assert_true(stile_address_parse(&host, "192.168.1.1", 0, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = NULL, *text = NULL;
        StileAddress server;

        g_assert_true(
            stile_http_url_parse(&server, &path, cases[i].url, cases[i].base, &host, NULL));
        text = stile_address_to_string(&server);
        g_assert_cmpstr(text, ==, cases[i].server);
        g_assert_cmpstr(path, ==, cases[i].path);
    }
}

static void
test_description(void)
{
    static const char text[] = "<d:root xmlns:d=\"x\"><d:URLBase> http://192.168.1.1:5000/ "
                               "</d:URLBase><d:device><d:serviceList>" SERVICE(
                                   "urn:schemas-upnp-org:service:WANPPPConnection:1", "/ppp")
                                   SERVICE(IP_TYPE "1", "/ip1") SERVICE(IP_TYPE "2", "/ip2?a&amp;b")
                                       SERVICE("urn:schemas-upnp-org:service:Layer3Forwarding:1",
                                               "/l3f") "</d:serviceList></d:device></d:root>";
    g_auto(StileUpnpService) service = {0};
    g_autoptr(GString) deep = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_upnp_description_parse(&service, text, sizeof text, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(service.type, ==, IP_TYPE "2");
    g_assert_cmpuint(service.version, ==, 2);
    g_assert_cmpstr(service.control_url, ==, "/ip2?a&b");
    g_assert_cmpstr(service.url_base, ==, "http://192.168.1.1:5000/");
    for (guint i = 0; i < 20000; i++)
        g_string_append(deep, "<a>");
    g_assert_false(stile_upnp_description_parse(&service, deep->str, deep->len, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
}

static void
test_soap(void)
{
    static const char fault[] = REPLY("<errorCode> 718 </errorCode>");
    static const char *const addresses[] = {"", "router", "8.8.8.8:9", "::1", "8.8.8"};
    StileSoapReply reply;

    g_assert_true(stile_soap_parse(&reply, 500, fault, strlen(fault), NULL));
    g_assert_cmpuint(reply.error, ==, STILE_SOAP_CONFLICT);
    g_assert_false(stile_soap_parse(&reply, 200, fault, strlen(fault), NULL));
    g_assert_false(stile_soap_parse(&reply, 500, REPLY(""), strlen(REPLY("")), NULL));
    g_assert_false(stile_soap_parse(&reply, 200, "<a>", 3, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *text = g_strdup_printf(
            REPLY("<NewExternalIPAddress>%s</NewExternalIPAddress>"), addresses[i]);

        g_assert_true(stile_soap_parse(&reply, 200, text, strlen(text), NULL));
        g_assert_false(stile_address_is_set(&reply.external));
    }
}

static void
test_ssdp(void)
{
    static const char good[] = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n"
                               "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n"
                               "location: http://192.168.1.1:5000/root.xml\r\n\r\n";
    static const char *const bad[] = {
        "", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 X\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        "NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n\r\n"};
    g_autofree char *location = stile_ssdp_parse(good, strlen(good), NULL);

    g_assert_cmpstr(location, ==, "http://192.168.1.1:5000/root.xml");
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(stile_ssdp_parse(bad[i], strlen(bad[i]), NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upnp/messages/http", test_http);
    g_test_add_func("/upnp/messages/urls", test_urls);
    g_test_add_func("/upnp/messages/description", test_description);
    g_test_add_func("/upnp/messages/soap", test_soap);
    g_test_add_func("/upnp/messages/ssdp", test_ssdp);
    return g_test_run();
}

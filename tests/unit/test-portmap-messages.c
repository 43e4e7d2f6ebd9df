/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCP and NAT-PMP: messages as RFC 6887 and RFC 6886 draw them, and the two-clock rule. */
#include "base/error.h"
#include "portmap/epoch.h"
#include "portmap/nat-pmp.h"
#include "portmap/pcp.h"
#include "portmap/portmap.h"

#include <string.h>

/* RFC 6887 figures 2, 3, 9 and 10 */
static void
test_pcp_messages(void)
{
    static const guint8 nonce[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const guint8 request[] = {
        2,  1, 0, 0, 0,    0,    0x1c, 0x20,                                      /* header */
        0,  0, 0, 0, 0,    0,    0,    0,    0, 0,  0xff, 0xff, 192, 168, 1,   9, /* client */
        1,  2, 3, 4, 5,    6,    7,    8,    9, 10, 11,   12,                     /* nonce */
        17, 0, 0, 0, 0xca, 0x6c, 0x9c, 0x40,                                      /* UDP, ports */
        0,  0, 0, 0, 0,    0,    0,    0,    0, 0,  0xff, 0xff, 203, 0,   113, 7,
    };
    guint8 built[STILE_PCP_MAP_SIZE], response[STILE_PCP_MAP_SIZE] = {0};
    g_autofree char *external = NULL;
    g_autoptr(GError) error = NULL;
    StileAddress client, suggested;
    StilePcpResponse parsed;

    g_assert_true(stile_address_parse(&client, "192.168.1.9:51820", 0, NULL));
    g_assert_true(stile_address_parse(&suggested, "203.0.113.7:40000", 0, NULL));
    stile_pcp_build_map(built, &client, nonce, &suggested, 7200);
    g_assert_cmpmem(built, sizeof built, request, sizeof request);

    memcpy(response, request, 8);
    response[1] |= 0x80;
    response[10] = 1; /* epoch 256 */
    memcpy(response + 24, request + 24, 36);
    stile_pcp_parse(&parsed, response, sizeof response, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(parsed.opcode, ==, STILE_PCP_MAP);
    g_assert_cmpuint(parsed.result, ==, STILE_PCP_SUCCESS);
    g_assert_cmpuint(parsed.lifetime, ==, 7200);
    g_assert_cmpuint(parsed.epoch, ==, 256);
    g_assert_cmpmem(parsed.nonce, sizeof parsed.nonce, nonce, sizeof nonce);
    g_assert_cmpuint(parsed.internal_port, ==, 51820);
    external = stile_address_to_string(&parsed.external);
    g_assert_cmpstr(external, ==, "203.0.113.7:40000");

    for (gsize size = 0; size < sizeof response; size++)
        g_assert_false(stile_pcp_parse(&parsed, response, size, NULL));
    g_assert_false(stile_pcp_parse(&parsed, request, sizeof request, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
}

/* RFC 6887 figures 12 and 13, and §14.1 */
static void
test_pcp_peer_messages(void)
{
    static const guint8 nonce[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const guint8 request[] = {
        2,    2, 0,   0,    0,    0,    0x0e, 0x10,                            /* header */
        0xfd, 0, 0,   0,    0,    0,    0,    0,    0, 0,  0,  0,  0, 0, 0, 9, /* client */
        1,    2, 3,   4,    5,    6,    7,    8,    9, 10, 11, 12,             /* nonce */
        17,   0, 0,   0,    0xca, 0x6c, 0,    0,                               /* UDP, ports */
        0,    0, 0,   0,    0,    0,    0,    0,    0, 0,  0,  0,  0, 0, 0, 0, /* suggested */
        0x30, 0, 0,   0,                                                       /* remote port */
        0x20, 1, 0xd, 0xb8, 0,    0,    0,    0,    0, 0,  0,  0,  0, 0, 0, 0x77,
    };
    static const guint8 announce[] = {2, 0, 0, 0, 0, 0, 0,    0,    0,   0,   0, 0,
                                      0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 9};
    guint8 built[STILE_PCP_PEER_SIZE], response[STILE_PCP_PEER_SIZE] = {0};
    guint8 small[STILE_PCP_ANNOUNCE_SIZE];
    g_autofree char *remote_text = NULL, *external = NULL;
    StileAddress client, remote;
    StilePcpResponse parsed;

    g_assert_true(stile_address_parse(&client, "[fd00::9]:51820", 0, NULL));
    g_assert_true(stile_address_parse(&remote, "[2001:db8::77]:12288", 0, NULL));
    stile_pcp_build_peer(built, &client, nonce, NULL, &remote, 3600);
    g_assert_cmpmem(built, sizeof built, request, sizeof request);
    g_assert_true(stile_address_parse(&client, "192.168.1.9:51820", 0, NULL));
    stile_pcp_build_announce(small, &client);
    g_assert_cmpmem(small, sizeof small, announce, sizeof announce);

    memcpy(response, request, 8);
    response[1] |= 0x80;
    memcpy(response + 24, request + 24, sizeof request - 24);
    response[42] = 0x9c; /* the assigned address and port: 203.0.113.7:39936 */
    memcpy(response + 54, (guint8[]){0xff, 0xff, 203, 0, 113, 7}, 6);
    g_assert_true(stile_pcp_parse(&parsed, response, sizeof response, NULL));
    g_assert_cmpuint(parsed.opcode, ==, STILE_PCP_PEER);
    g_assert_true(parsed.has_map);
    g_assert_cmpuint(parsed.lifetime, ==, 3600);
    external = stile_address_to_string(&parsed.external);
    g_assert_cmpstr(external, ==, "203.0.113.7:39936");
    remote_text = stile_address_to_string(&parsed.remote);
    g_assert_cmpstr(remote_text, ==, "[2001:db8::77]:12288");
    for (gsize size = 0; size < sizeof response; size++)
        g_assert_false(stile_pcp_parse(&parsed, response, size, NULL));

    g_assert_true(stile_pcp_parse(&parsed, (guint8[24]){2, 0x80, [11] = 7}, 24, NULL));
    g_assert_cmpuint(parsed.opcode, ==, STILE_PCP_ANNOUNCE);
    g_assert_cmpuint(parsed.epoch, ==, 7);
    g_assert_false(parsed.has_map);
}

/* RFC 6886 §3.2, §3.3, §3.5 */
static void
test_nat_pmp_messages(void)
{
    static const guint8 request[] = {0, 1, 0, 0, 0xca, 0x6c, 0x9c, 0x40, 0, 0, 0x1c, 0x20};
    static const guint8 mapped[] = {0,    129,  0,    0,    0, 0, 1,    0,
                                    0xca, 0x6c, 0x9c, 0x40, 0, 0, 0x1c, 0x20};
    static const guint8 external[] = {0, 128, 0, 0, 0, 0, 1, 0, 203, 0, 113, 7};
    static const guint8 failure[] = {0, 129, 0, 3, 0, 0, 1, 0};
    guint8 built[STILE_NAT_PMP_MAP_SIZE], small[STILE_NAT_PMP_EXTERNAL_SIZE];
    g_autofree char *ip = NULL;
    StileNatPmpResponse parsed;

    stile_nat_pmp_build_external(small);
    g_assert_cmpmem(small, sizeof small, "\0\0", 2);
    stile_nat_pmp_build_map(built, 51820, 40000, 7200);
    g_assert_cmpmem(built, sizeof built, request, sizeof request);
    g_assert_true(stile_nat_pmp_parse(&parsed, mapped, sizeof mapped, NULL));
    g_assert_cmpuint(parsed.opcode, ==, STILE_NAT_PMP_MAP_UDP);
    g_assert_cmpuint(parsed.epoch, ==, 256);
    g_assert_cmpuint(parsed.internal_port, ==, 51820);
    g_assert_cmpuint(parsed.external_port, ==, 40000);
    g_assert_cmpuint(parsed.lifetime, ==, 7200);
    g_assert_true(stile_nat_pmp_parse(&parsed, external, sizeof external, NULL));
    ip = stile_address_ip_to_string(&parsed.external);
    g_assert_cmpstr(ip, ==, "203.0.113.7");
    g_assert_true(stile_nat_pmp_parse(&parsed, failure, sizeof failure, NULL));
    g_assert_cmpuint(parsed.result, ==, STILE_NAT_PMP_NETWORK_FAILURE);
    for (gsize size = 0; size < sizeof mapped; size++)
        g_assert_false(stile_nat_pmp_parse(&parsed, mapped, size, NULL));
    g_assert_false(stile_nat_pmp_parse(&parsed, request, sizeof request, NULL));
}

/* RFC 6887 §8.5 */
static void
test_epoch(void)
{
    static const struct {
        gint64 now, server;
        gboolean good;
    } steps[] = {
        {1000, 50, TRUE},    {1010, 60, TRUE},
        {1010, 59, TRUE}, /* one second back: overtaken */
        {1010, 57, FALSE},   {1020, 67, TRUE},
        {1020, 3, FALSE},                        /* restarted */
        {1100, 83, TRUE},    {2700, 1583, TRUE}, /* 1600 s against 1500 s: 1/16 */
        {4300, 3050, FALSE}, {4300 + 100, 3300, FALSE},
    };
    StileEpoch epoch = {0};

    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
        g_assert_true(stile_epoch_update(&epoch, steps[i].now, (guint32)steps[i].server) ==
                      steps[i].good);
}

static void
test_words(void)
{
    g_assert_cmpstr(stile_portmap_protocol_to_string(STILE_PORTMAP_NONE), ==, "");
    g_assert_cmpstr(stile_portmap_protocol_to_string(STILE_PORTMAP_PCP), ==, "pcp");
    g_assert_cmpstr(stile_portmap_protocol_to_string(STILE_PORTMAP_NAT_PMP), ==, "nat-pmp");
    g_assert_cmpstr(stile_portmap_protocol_to_string(STILE_PORTMAP_UPNP_IGD), ==, "upnp-igd");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/portmap/messages/pcp", test_pcp_messages);
    g_test_add_func("/portmap/messages/pcp/peer", test_pcp_peer_messages);
    g_test_add_func("/portmap/messages/nat-pmp", test_nat_pmp_messages);
    g_test_add_func("/portmap/epoch", test_epoch);
    g_test_add_func("/portmap/words", test_words);
    return g_test_run();
}

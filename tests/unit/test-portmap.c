/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCP and NAT-PMP: messages as RFC 6887 and RFC 6886 draw them; the two-clock rule; and under the
 * virtual clock, against a router that can be told what it speaks: which protocol is kept,
 * renewals, refusals explained, a router that restarts, goes away and comes back; mappings are
 * given back. test-portmap-miniupnpd has the real router. */
#include "base/bytes.h"
#include "base/error.h"
#include "portmap/epoch.h"
#include "portmap/nat-pmp.h"
#include "portmap/pcp.h"
#include "portmap/portmap-private.h"

#include <string.h>

#define SECOND ((gint64)G_USEC_PER_SEC)
#define DELAY  (3 * G_TIME_SPAN_MILLISECOND)

/* A router, and who asks it. */
typedef struct {
    StileClock *clock;
    StilePortmap *portmap;
    StileTimer *delivery;
    GQueue answers; /* of GBytes */

    gboolean speaks_pcp;
    gboolean speaks_nat_pmp;
    gboolean silent_about_versions; /* does not say that it lacks one of them */
    guint8 pcp_result;
    guint16 nat_pmp_result;
    guint32 lifetime;
    guint16 external_port;
    guint8 external[4];
    gint64 started;
    guint8 strange_nonce;

    guint pcp_maps, pcp_deletes, nat_pmp_maps, nat_pmp_deletes, nat_pmp_externals;
    gint64 mapped_until;
    guint16 suggested_port;

    guint changes;
    StilePortmapProtocol protocol;
    char *mapped;
    gboolean free_in_changed;
} Fixture;

static void
answer(Fixture *fixture, const StileWriter *writer)
{
    g_queue_push_tail(&fixture->answers, g_bytes_new(writer->data, writer->used));
    stile_timer_set_after(fixture->delivery, DELAY);
}

static void
deliver(gpointer user_data)
{
    Fixture *fixture = user_data;
    GBytes *bytes;

    while ((bytes = g_queue_pop_head(&fixture->answers))) {
        gsize size;
        const guint8 *data = g_bytes_get_data(bytes, &size);

        if (fixture->portmap)
            stile_portmap_receive(fixture->portmap, data, size);
        g_bytes_unref(bytes);
    }
}

static guint32
epoch(Fixture *fixture)
{
    return (guint32)((stile_clock_now(fixture->clock) - fixture->started) / SECOND);
}

static void
answer_pcp(Fixture *fixture, const guint8 *data, gsize size, guint8 result)
{
    guint8 buffer[STILE_PCP_MAP_SIZE];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);
    guint32 asked = (guint32)data[4] << 24 | data[5] << 16 | data[6] << 8 | data[7];

    stile_writer_u8(&writer, 2);
    stile_writer_u8(&writer, 0x80 | data[1]);
    stile_writer_u8(&writer, 0);
    stile_writer_u8(&writer, result);
    stile_writer_u32be(&writer, result ? 60 : MIN(fixture->lifetime, asked));
    stile_writer_u32be(&writer, epoch(fixture));
    stile_writer_bytes(&writer, (const guint8[12]){0}, 12);
    if (size == STILE_PCP_MAP_SIZE) {
        stile_writer_bytes(&writer, data + 24, 18);
        stile_writer_u16be(&writer, fixture->external_port);
        stile_writer_bytes(&writer, (const guint8[12]){[10] = 0xff, [11] = 0xff}, 12);
        stile_writer_bytes(&writer, fixture->external, 4);
        buffer[24] ^= fixture->strange_nonce;
    }
    answer(fixture, &writer);
}

static void
on_pcp_request(Fixture *fixture, const guint8 *data, gsize size)
{
    const guint8 client[16] = {[10] = 0xff, [11] = 0xff, 192, 168, 1, 9};

    g_assert_cmpuint(size, ==, STILE_PCP_MAP_SIZE);
    g_assert_cmpmem(data + 8, 16, client, 16);
    g_assert_cmpuint(data[36], ==, IPPROTO_UDP);
    g_assert_cmpuint(data[40] << 8 | data[41], ==, 51820);
    if ((data[4] | data[5] | data[6] | data[7]) == 0) {
        fixture->pcp_deletes++;
        fixture->mapped_until = 0;
        return;
    }
    fixture->pcp_maps++;
    fixture->suggested_port = (guint16)(data[42] << 8 | data[43]);
    if (!fixture->pcp_result)
        fixture->mapped_until = stile_clock_now(fixture->clock) +
                                (gint64)fixture->lifetime * SECOND;
    answer_pcp(fixture, data, size, fixture->pcp_result);
}

static void
answer_nat_pmp(Fixture *fixture, guint8 opcode, guint16 result, const guint8 *request)
{
    guint8 buffer[16];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);

    stile_writer_u8(&writer, 0);
    stile_writer_u8(&writer, 0x80 | opcode);
    stile_writer_u16be(&writer, result);
    stile_writer_u32be(&writer, epoch(fixture));
    if (!result && opcode == STILE_NAT_PMP_EXTERNAL)
        stile_writer_bytes(&writer, fixture->external, 4);
    if (!result && opcode == STILE_NAT_PMP_MAP_UDP) {
        stile_writer_bytes(&writer, request + 4, 2);
        stile_writer_u16be(&writer, fixture->external_port);
        stile_writer_u32be(&writer, fixture->lifetime);
    }
    answer(fixture, &writer);
}

static void
on_nat_pmp_request(Fixture *fixture, const guint8 *data, gsize size)
{
    if (data[1] == STILE_NAT_PMP_EXTERNAL) {
        g_assert_cmpuint(size, ==, STILE_NAT_PMP_EXTERNAL_SIZE);
        fixture->nat_pmp_externals++;
        answer_nat_pmp(fixture, data[1], fixture->nat_pmp_result, data);
        return;
    }
    g_assert_cmpuint(data[1], ==, STILE_NAT_PMP_MAP_UDP);
    g_assert_cmpuint(size, ==, STILE_NAT_PMP_MAP_SIZE);
    if ((data[8] | data[9] | data[10] | data[11]) == 0) {
        g_assert_cmpuint(data[6] | data[7], ==, 0);
        fixture->nat_pmp_deletes++;
        fixture->mapped_until = 0;
        return;
    }
    fixture->nat_pmp_maps++;
    if (!fixture->nat_pmp_result)
        fixture->mapped_until = stile_clock_now(fixture->clock) +
                                (gint64)fixture->lifetime * SECOND;
    answer_nat_pmp(fixture, data[1], fixture->nat_pmp_result, data);
}

static void
on_send(gpointer user_data, const guint8 *data, gsize size)
{
    Fixture *fixture = user_data;

    if (data[0] == 2 && fixture->speaks_pcp)
        on_pcp_request(fixture, data, size);
    else if (data[0] == 0 && fixture->speaks_nat_pmp)
        on_nat_pmp_request(fixture, data, size);
    else if (data[0] == 2 && fixture->speaks_nat_pmp && !fixture->silent_about_versions)
        answer_nat_pmp(fixture, data[1], STILE_NAT_PMP_UNSUPPORTED_VERSION, data);
    else if (data[0] == 0 && fixture->speaks_pcp && !fixture->silent_about_versions)
        answer_pcp(fixture, (const guint8[8]){2, data[1]}, 8, STILE_PCP_UNSUPP_VERSION);
}

static void
on_changed(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    Fixture *fixture = user_data;

    fixture->changes++;
    fixture->protocol = protocol;
    g_assert_true((external != NULL) == (protocol != STILE_PORTMAP_NONE));
    g_free(fixture->mapped);
    fixture->mapped = external ? stile_address_to_string(external) : NULL;
    if (fixture->free_in_changed)
        g_clear_pointer(&fixture->portmap, stile_portmap_free);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    const guint8 external[4] = {8, 8, 4, 4};
    StileAddress gateway, internal;

    g_assert_true(stile_address_parse(&gateway, "192.168.1.1", 0, NULL));
    g_assert_true(stile_address_parse(&internal, "192.168.1.9:51820", 0, NULL));
    fixture->clock = stile_clock_new_virtual(5000 * SECOND, 3);
    fixture->delivery = stile_timer_new(fixture->clock, deliver, fixture);
    fixture->lifetime = 7200;
    fixture->external_port = 40000;
    memcpy(fixture->external, external, 4);
    fixture->portmap = stile_portmap_new_with_transport(
        fixture->clock, &gateway, &internal, on_send, fixture, NULL, on_changed, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    stile_portmap_free(fixture->portmap);
    stile_timer_free(fixture->delivery);
    g_queue_clear_full(&fixture->answers, (GDestroyNotify)g_bytes_unref);
    g_free(fixture->mapped);
    stile_clock_unref(fixture->clock);
}

static void
pass(Fixture *fixture, gint64 seconds)
{
    stile_clock_advance(fixture->clock, seconds * SECOND);
}

static void
assert_mapped(Fixture *fixture, StilePortmapProtocol protocol, const char *external)
{
    g_assert_cmpint(fixture->protocol, ==, protocol);
    g_assert_cmpstr(fixture->mapped, ==, external);
}

static void
test_pcp(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = TRUE;
    stile_portmap_start(fixture->portmap);
    g_assert_cmpuint(fixture->changes, ==, 0);
    pass(fixture, 1);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    g_assert_cmpuint(fixture->suggested_port, ==, 51820);
    g_assert_null(stile_portmap_problem(fixture->portmap));
    g_assert_cmpuint(fixture->pcp_maps, ==, 1);
    /* A day: never lapsed, asked for the same, about every hour, told once. */
    for (guint i = 0; i < 86400 / 60; i++) {
        pass(fixture, 60);
        g_assert_cmpint(fixture->mapped_until, >, stile_clock_now(fixture->clock));
    }
    g_assert_cmpuint(fixture->suggested_port, ==, 40000);
    g_assert_cmpuint(fixture->pcp_maps, >=, 20);
    g_assert_cmpuint(fixture->pcp_maps, <=, 30);
    g_assert_cmpuint(fixture->changes, ==, 1);
    g_clear_pointer(&fixture->portmap, stile_portmap_free);
    g_assert_cmpuint(fixture->pcp_deletes, ==, 1);
    g_assert_cmpint(fixture->mapped_until, ==, 0);
}

static void
test_nat_pmp(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_nat_pmp = TRUE;
    fixture->silent_about_versions = data != NULL;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 1);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "8.8.4.4:40000");
    for (guint i = 0; i < 86400 / 60; i++) {
        pass(fixture, 60);
        g_assert_cmpint(fixture->mapped_until, >, stile_clock_now(fixture->clock));
    }
    g_assert_cmpuint(fixture->changes, ==, 1);
    /* The provider gave the router another address. */
    fixture->external[3] = 8;
    pass(fixture, 4000);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "8.8.4.8:40000");
    g_clear_pointer(&fixture->portmap, stile_portmap_free);
    g_assert_cmpuint(fixture->nat_pmp_deletes, ==, 1);
}

static void
test_both(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = fixture->speaks_nat_pmp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 10000);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    g_assert_cmpuint(fixture->nat_pmp_maps, ==, 0);
    g_assert_cmpuint(fixture->nat_pmp_externals, ==, 1);
    g_assert_cmpuint(fixture->changes, ==, 1);
}

static void
test_without_pcp(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = fixture->speaks_nat_pmp = TRUE;
    stile_portmap_without_pcp(fixture->portmap);
    stile_portmap_start(fixture->portmap);
    pass(fixture, 10000);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "8.8.4.4:40000");
    g_assert_cmpuint(fixture->pcp_maps, ==, 0);
}

static void
test_refused(Fixture *fixture, gconstpointer data)
{
    static const struct {
        guint8 result;
        const char *problem;
    } cases[] = {
        {STILE_PCP_NOT_AUTHORIZED, "The router 192.168.1.1 does not permit port mappings"},
        {STILE_PCP_NETWORK_FAILURE, "The router 192.168.1.1 is not connected itself"},
        {STILE_PCP_USER_EX_QUOTA, "The router 192.168.1.1 has no room for another port mapping"},
        {STILE_PCP_ADDRESS_MISMATCH, "There is another NAT between us and the router 192.168.1.1"},
        {99, "The router 192.168.1.1 cannot map ports (PCP error 99)"},
    };

    fixture->speaks_pcp = TRUE;
    fixture->pcp_result = cases[0].result;
    stile_portmap_start(fixture->portmap);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        fixture->pcp_result = cases[i].result;
        pass(fixture, 120);
        assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
        g_assert_cmpstr(stile_portmap_problem(fixture->portmap), ==, cases[i].problem);
    }
    g_assert_cmpuint(fixture->changes, ==, G_N_ELEMENTS(cases));
    g_assert_cmpuint(fixture->pcp_maps, <=, 12);
    fixture->pcp_result = 0;
    pass(fixture, 120);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    g_assert_null(stile_portmap_problem(fixture->portmap));
}

/* PCP refuses what NAT-PMP then grants. */
static void
test_second_choice(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = fixture->speaks_nat_pmp = TRUE;
    fixture->pcp_result = STILE_PCP_UNSUPP_OPCODE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 1);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "8.8.4.4:40000");
    g_assert_null(stile_portmap_problem(fixture->portmap));
}

static void
test_no_lease(Fixture *fixture, gconstpointer data)
{
    memset(fixture->external, 0, 4);
    fixture->speaks_nat_pmp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 100);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    g_assert_cmpstr(stile_portmap_problem(fixture->portmap), ==,
                    "The router 192.168.1.1 is not connected itself");
    memset(fixture->external, 9, 4);
    pass(fixture, 60);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "9.9.9.9:40000");
}

static void
test_nat_behind_nat(Fixture *fixture, gconstpointer data)
{
    const guint8 shared[4] = {100, 64, 3, 2};

    memcpy(fixture->external, shared, 4);
    fixture->speaks_pcp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 1);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "100.64.3.2:40000");
    g_assert_cmpstr(stile_portmap_problem(fixture->portmap), ==,
                    "The router 192.168.1.1 is behind another NAT itself: its address is "
                    "100.64.3.2");
}

/* Nobody there: asked less and less often, said once; then the router gets PCP. */
static void
test_silence(Fixture *fixture, gconstpointer data)
{
    stile_portmap_start(fixture->portmap);
    pass(fixture, 86400);
    g_assert_cmpuint(fixture->changes, ==, 1);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    g_assert_cmpstr(stile_portmap_problem(fixture->portmap), ==,
                    "The router 192.168.1.1 answers neither PCP nor NAT-PMP");
    fixture->speaks_pcp = TRUE;
    pass(fixture, 1200);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
}

/* The router goes away: the mapping is said to be gone when it must be, not before. */
static void
test_gone(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 10);
    fixture->speaks_pcp = FALSE;
    pass(fixture, 7100);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    pass(fixture, 100);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    g_assert_cmpstr(stile_portmap_problem(fixture->portmap), ==,
                    "The router 192.168.1.1 does not renew the port mapping");
    fixture->speaks_pcp = TRUE;
    fixture->external_port = 40001;
    pass(fixture, 1200);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40001");
}

/* Refused once it is there: kept until it ends, and asked for again. */
static void
test_renewal_refused(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 10);
    fixture->pcp_result = STILE_PCP_NO_RESOURCES;
    pass(fixture, 6000);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    fixture->pcp_result = 0;
    pass(fixture, 7200);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    g_assert_null(stile_portmap_problem(fixture->portmap));
    g_assert_cmpint(fixture->mapped_until, >, stile_clock_now(fixture->clock));
}

/* An announcement with a young epoch: the router forgot everything, we ask at once. */
static void
test_router_restarted(Fixture *fixture, gconstpointer data)
{
    const guint8 announce[24] = {2, 0x80, [11] = 3};
    const guint8 later[24] = {2, 0x80, [11] = 63};

    fixture->speaks_pcp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 600);
    g_assert_cmpuint(fixture->pcp_maps, ==, 1);
    fixture->started = stile_clock_now(fixture->clock) - 3 * SECOND;
    fixture->external_port = 40007;
    stile_portmap_receive(fixture->portmap, announce, sizeof announce);
    pass(fixture, 60);
    g_assert_cmpuint(fixture->pcp_maps, ==, 2);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40007");
    stile_portmap_receive(fixture->portmap, later, sizeof later);
    pass(fixture, 60);
    g_assert_cmpuint(fixture->pcp_maps, ==, 2);
}

static void
test_strangers(Fixture *fixture, gconstpointer data)
{
    const guint8 nat_pmp[16] = {0, 0x81, [9] = 1, [11] = 1, [15] = 9}; /* another internal port */

    fixture->speaks_pcp = TRUE;
    fixture->strange_nonce = 1;
    stile_portmap_start(fixture->portmap);
    stile_portmap_receive(fixture->portmap, nat_pmp, sizeof nat_pmp);
    stile_portmap_receive(fixture->portmap, nat_pmp, 0);
    pass(fixture, 5);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    fixture->strange_nonce = 0;
    pass(fixture, 10);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
}

static void
test_free_in_changed(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = fixture->speaks_nat_pmp = TRUE;
    fixture->free_in_changed = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 10);
    g_assert_null(fixture->portmap);
    g_assert_cmpuint(fixture->pcp_deletes, ==, 1);
}

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
    static const struct {
        const char *path;
        void (*func)(Fixture *fixture, gconstpointer data);
        gconstpointer data;
    } tests[] = {
        {"/portmap/pcp", test_pcp, NULL},
        {"/portmap/nat-pmp", test_nat_pmp, NULL},
        {"/portmap/nat-pmp/silent", test_nat_pmp, "silent"},
        {"/portmap/both", test_both, NULL},
        {"/portmap/without-pcp", test_without_pcp, NULL},
        {"/portmap/refused", test_refused, NULL},
        {"/portmap/second-choice", test_second_choice, NULL},
        {"/portmap/no-lease", test_no_lease, NULL},
        {"/portmap/nat-behind-nat", test_nat_behind_nat, NULL},
        {"/portmap/silence", test_silence, NULL},
        {"/portmap/gone", test_gone, NULL},
        {"/portmap/renewal-refused", test_renewal_refused, NULL},
        {"/portmap/router-restarted", test_router_restarted, NULL},
        {"/portmap/strangers", test_strangers, NULL},
        {"/portmap/free-in-changed", test_free_in_changed, NULL},
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/portmap/messages/pcp", test_pcp_messages);
    g_test_add_func("/portmap/messages/nat-pmp", test_nat_pmp_messages);
    g_test_add_func("/portmap/epoch", test_epoch);
    g_test_add_func("/portmap/words", test_words);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, tests[i].data, set_up, tests[i].func, tear_down);
    return g_test_run();
}

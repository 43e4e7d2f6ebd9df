/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCP and NAT-PMP under the virtual clock, against a router that can be told what it speaks, and
 * one beyond it: which protocol is kept, renewals, refusals explained, a router that restarts, goes
 * away and comes back, or lies; mappings are given back. test-portmap-messages has the messages and
 * the two-clock rule, test-portmap-miniupnpd the real router. */
#include "base/bytes.h"
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
    GQueue answers; /* of GBytes, whose first byte is the server */
    StilePortmapServer asked;

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
    gboolean speaks_beyond;
    guint8 beyond_result;
    guint beyond_maps, beyond_deletes, announces[STILE_PORTMAP_N_SERVERS];

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
    g_autofree guint8 *data = g_malloc(writer->used + 1);

    data[0] = (guint8)fixture->asked;
    memcpy(data + 1, writer->data, writer->used);
    g_queue_push_tail(&fixture->answers, g_bytes_new(data, writer->used + 1));
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
            stile_portmap_receive(fixture->portmap, (StilePortmapServer)data[0], data + 1,
                                  size - 1);
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
on_announce_request(Fixture *fixture, const guint8 *data, gsize size)
{
    g_assert_cmpuint(size, ==, STILE_PCP_ANNOUNCE_SIZE);
    fixture->announces[fixture->asked]++;
    if (fixture->asked == STILE_PORTMAP_GATEWAY ? fixture->speaks_pcp : fixture->speaks_beyond)
        answer_pcp(fixture, data, size, 0);
}

static void
on_send_beyond(Fixture *fixture, const guint8 *data, gsize size)
{
    g_assert_cmpuint(size, ==, STILE_PCP_MAP_SIZE);
    g_assert_true(fixture->speaks_beyond);
    if ((data[4] | data[5] | data[6] | data[7]) == 0) {
        fixture->beyond_deletes++;
        return;
    }
    fixture->beyond_maps++;
    answer_pcp(fixture, data, size, fixture->beyond_result);
}

static void
on_send(gpointer user_data, StilePortmapServer server, const guint8 *data, gsize size)
{
    Fixture *fixture = user_data;

    fixture->asked = server;
    if (data[0] == 2 && data[1] == STILE_PCP_ANNOUNCE)
        on_announce_request(fixture, data, size);
    else if (server == STILE_PORTMAP_ANYCAST)
        on_send_beyond(fixture, data, size);
    else if (data[0] == 2 && fixture->speaks_pcp)
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
    stile_portmap_receive(fixture->portmap, STILE_PORTMAP_GATEWAY, announce, sizeof announce);
    pass(fixture, 60);
    g_assert_cmpuint(fixture->pcp_maps, ==, 2);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40007");
    stile_portmap_receive(fixture->portmap, STILE_PORTMAP_GATEWAY, later, sizeof later);
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
    stile_portmap_receive(fixture->portmap, STILE_PORTMAP_GATEWAY, nat_pmp, sizeof nat_pmp);
    stile_portmap_receive(fixture->portmap, STILE_PORTMAP_GATEWAY, nat_pmp, 0);
    pass(fixture, 5);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    fixture->strange_nonce = 0;
    pass(fixture, 10);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
}

/* Granted for no time at all, or without a port: nothing that could be used. */
static void
test_empty_grants(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = TRUE;
    fixture->lifetime = 0;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 5);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    fixture->lifetime = 7200;
    fixture->external_port = 0;
    pass(fixture, 5);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    fixture->external_port = 40000;
    memset(fixture->external, 0, 4);
    pass(fixture, 10);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    fixture->external[0] = 8;
    pass(fixture, 20);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.0.0.0:40000");
}

/* A router that restarts without a word: it is asked for its epoch every ten minutes, and one that
 * went back means that the mapping is gone, half an hour before it was to be renewed. */
static void
test_watched(Fixture *fixture, gconstpointer data)
{
    guint *maps = data ? &fixture->nat_pmp_maps : &fixture->pcp_maps;

    fixture->speaks_pcp = !data;
    fixture->speaks_nat_pmp = data != NULL;
    fixture->started = stile_clock_now(fixture->clock) - 100000 * SECOND;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 1000);
    g_assert_cmpuint(*maps, ==, 1);
    fixture->started = stile_clock_now(fixture->clock);
    fixture->external_port = 40007;
    pass(fixture, 700);
    g_assert_cmpuint(*maps, ==, 2);
    assert_mapped(fixture, data ? STILE_PORTMAP_NAT_PMP : STILE_PORTMAP_PCP, "8.8.4.4:40007");
    if (!data)
        g_assert_cmpuint(fixture->announces[STILE_PORTMAP_GATEWAY], >=, 2);
}

/* NAT-PMP's announcement of another address (RFC 6886 §3.2.1). */
static void
test_address_announced(Fixture *fixture, gconstpointer data)
{
    const guint8 announcement[12] = {0, 0x80, [7] = 60, 8, 8, 4, 9};

    fixture->speaks_nat_pmp = TRUE;
    stile_portmap_start(fixture->portmap);
    pass(fixture, 60);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "8.8.4.4:40000");
    fixture->external[3] = 9;
    stile_portmap_receive(fixture->portmap, STILE_PORTMAP_GATEWAY, announcement,
                          sizeof announcement);
    pass(fixture, 1);
    assert_mapped(fixture, STILE_PORTMAP_NAT_PMP, "8.8.4.9:40000");
}

/* The router maps nothing, @data: and says so; a carrier's server behind it does. */
static void
test_beyond(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_beyond = TRUE;
    fixture->speaks_pcp = data != NULL;
    fixture->pcp_result = STILE_PCP_NOT_AUTHORIZED;
    stile_portmap_set_beyond(fixture->portmap);
    stile_portmap_start(fixture->portmap);
    pass(fixture, 5);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    g_assert_cmpuint(fixture->beyond_maps, ==, 1);
    pass(fixture, 7200);
    g_assert_cmpuint(fixture->beyond_maps, >=, 2);
    g_assert_cmpuint(fixture->announces[STILE_PORTMAP_ANYCAST], >, 5);
    g_assert_cmpuint(fixture->changes, <=, 2);
    g_clear_pointer(&fixture->portmap, stile_portmap_free);
    g_assert_cmpuint(fixture->beyond_deletes, ==, 1);
    g_assert_cmpuint(fixture->pcp_deletes, ==, 0);
}

/* The router itself maps: the server beyond is not asked to. */
static void
test_beyond_needless(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_pcp = fixture->speaks_beyond = TRUE;
    stile_portmap_set_beyond(fixture->portmap);
    stile_portmap_start(fixture->portmap);
    pass(fixture, 8000);
    assert_mapped(fixture, STILE_PORTMAP_PCP, "8.8.4.4:40000");
    g_assert_cmpuint(fixture->beyond_maps, ==, 0);
}

/* There is a NAT on the way to it; and nobody asks it any more than that. */
static void
test_beyond_mismatch(Fixture *fixture, gconstpointer data)
{
    fixture->speaks_beyond = TRUE;
    fixture->beyond_result = STILE_PCP_ADDRESS_MISMATCH;
    stile_portmap_set_beyond(fixture->portmap);
    stile_portmap_start(fixture->portmap);
    pass(fixture, 600);
    assert_mapped(fixture, STILE_PORTMAP_NONE, NULL);
    g_assert_cmpuint(fixture->beyond_maps, >, 0);
    g_assert_cmpuint(fixture->beyond_maps, <=, 11);
    g_assert_cmpstr(stile_portmap_problem(fixture->portmap), ==,
                    "The router 192.168.1.1 answers neither PCP nor NAT-PMP");
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
        {"/portmap/empty-grants", test_empty_grants, NULL},
        {"/portmap/watched/pcp", test_watched, NULL},
        {"/portmap/watched/nat-pmp", test_watched, "NAT-PMP"},
        {"/portmap/address-announced", test_address_announced, NULL},
        {"/portmap/beyond", test_beyond, NULL},
        {"/portmap/beyond/router-refuses", test_beyond, "refuses"},
        {"/portmap/beyond/needless", test_beyond_needless, NULL},
        {"/portmap/beyond/mismatch", test_beyond_mismatch, NULL},
        {"/portmap/free-in-changed", test_free_in_changed, NULL},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, tests[i].data, set_up, tests[i].func, tear_down);
    return g_test_run();
}

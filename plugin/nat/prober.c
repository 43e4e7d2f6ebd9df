/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/prober.h"

#include "base/error.h"
#include "nat/behaviour.h"
#include "nat/lifetime.h"

/* That one server of several is down by accident is as likely as not. */
#define DOUBT_PER_SILENT_SERVER 0.5

/* The mapping test of one address family */
typedef struct {
    StileProbeSocket *socket;
    StileNatInquiry inquiry;
} Family;

enum {
    IPV4,
    IPV6,
    N_FAMILIES,
};

static const int families[N_FAMILIES] = {AF_INET, AF_INET6};

struct _StileNatProber {
    StileClock *clock;
    const StileProbeWire *wire;
    gpointer wire_data;
    Family families[N_FAMILIES];
    guint n_servers;
    guint pending; /* tests under way in this step */
    StileNatServer server;
    StileProbeSocket *filtering_socket;
    StileNatInquiry filtering;
    StileAllocationTest *allocation;
    StileHairpinTest *hairpin;
    StileLifetimeTest *lifetime;
    gboolean wants_lifetime;
    StileTimer *end;
    StileNatReport report;
    StileNatProbed progress, done;
    gpointer user_data;
};

static void
on_end(gpointer user_data)
{
    StileNatProber *prober = user_data;

    prober->done(prober->user_data, &prober->report);
}

static void
end(StileNatProber *prober)
{
    stile_timer_set_after(prober->end, 0);
}

/* Lifetime */

static void
on_lifetime(gpointer user_data, guint seconds, gboolean at_least)
{
    StileNatProber *prober = user_data;

    prober->report.lifetime = seconds;
    prober->report.lifetime_at_least = at_least;
    end(prober);
}

static void
measure_lifetime(StileNatProber *prober)
{
    if (!prober->wants_lifetime || prober->report.mapping == STILE_NAT_NONE) {
        end(prober);
        return;
    }
    prober->lifetime = stile_lifetime_test_new(
        prober->clock, prober->wire, prober->wire_data, &prober->server,
        prober->report.allocation.kind == STILE_NAT_ALLOCATION_PRESERVING, on_lifetime, prober);
    if (prober->progress)
        prober->progress(prober->user_data, &prober->report);
}

/* Hairpin */

static void
on_hairpin(gpointer user_data, StileNatHairpin hairpin)
{
    StileNatProber *prober = user_data;
    gboolean predictable = prober->report.mapping == STILE_NAT_ENDPOINT_INDEPENDENT ||
                           prober->report.filtering == STILE_NAT_ENDPOINT_INDEPENDENT;

    /* Towards each other they have other outside addresses than the server saw: that nothing came
     * through may be the filter's doing. */
    if (hairpin == STILE_NAT_HAIRPIN_NO && !predictable)
        hairpin = STILE_NAT_HAIRPIN_UNKNOWN;
    prober->report.hairpin = hairpin;
    measure_lifetime(prober);
}

static void
test_hairpin(StileNatProber *prober)
{
    if (prober->report.mapping != STILE_NAT_NONE)
        prober->hairpin = stile_hairpin_test_new(prober->clock, prober->wire, prober->wire_data,
                                                 &prober->server, on_hairpin, prober, NULL);
    if (!prober->hairpin)
        measure_lifetime(prober);
}

/* Filtering and allocation */

static void
one_less(StileNatProber *prober)
{
    if (--prober->pending == 0)
        test_hairpin(prober);
}

static void
on_allocation(gpointer user_data, const StileNatAllocation *allocation)
{
    StileNatProber *prober = user_data;

    prober->report.allocation = *allocation;
    one_less(prober);
}

static void
on_filtering(gpointer user_data, StileProbeSocket *socket)
{
    StileNatProber *prober = user_data;
    StileNatReport *report = &prober->report;
    double confidence;

    report->filtering = stile_nat_filtering_verdict(&prober->filtering, &confidence);
    if (report->filtering != STILE_NAT_UNKNOWN)
        report->confidence *= confidence;
    /* No firewall that remembers knows addresses without ports. */
    if (report->mapping == STILE_NAT_NONE &&
        (report->filtering == STILE_NAT_ENDPOINT_INDEPENDENT ||
         (report->filtering == STILE_NAT_ADDRESS_DEPENDENT &&
          !stile_nat_filtering_knows_address(&prober->filtering))))
        report->filtering = STILE_NAT_NONE;
    one_less(prober);
}

static void
test_filtering(StileNatProber *prober)
{
    prober->filtering_socket = stile_probe_socket_new(
        prober->clock, prober->wire, prober->wire_data,
        stile_address_family(&prober->server.address), NULL);
    if (!prober->filtering_socket)
        return;
    prober->pending++;
    stile_nat_filtering_init(&prober->filtering, &prober->server);
    stile_probe_socket_inquire(prober->filtering_socket, &prober->filtering, on_filtering, prober);
}

static void
test_the_rest(StileNatProber *prober, const Family *family)
{
    prober->pending = 1;
    if (stile_nat_mapping_filtering_server(&family->inquiry, &prober->server))
        test_filtering(prober);
    else
        stile_nat_mapping_any_server(&family->inquiry, &prober->server);
    prober->allocation = stile_allocation_test_new(prober->clock, prober->wire, prober->wire_data,
                                                   &prober->server, on_allocation, prober);
}

/* Mapping */

static void
add_public(StileNatReport *report, const StileAddress *mapped)
{
    for (guint i = 0; i < report->n_public; i++)
        if (stile_address_equal_ip(&report->public_addresses[i], mapped))
            return;
    /* Over NAT64, what answers is IPv4's. */
    report->ipv6 |= stile_address_family(mapped) == AF_INET6;
    if (report->n_public < STILE_NAT_MAX_PUBLIC)
        report->public_addresses[report->n_public++] = stile_address_with_port(mapped, 0);
}

static void
collect_public(StileNatReport *report, const StileNatInquiry *inquiry)
{
    for (guint i = 0; i < inquiry->n_steps; i++)
        if (stile_nat_step_is_sample(&inquiry->steps[i]))
            add_public(report, &inquiry->steps[i].answer.mapped);
}

static void
on_mapping(gpointer user_data, StileProbeSocket *socket)
{
    StileNatProber *prober = user_data;
    StileNatReport *report = &prober->report;
    StileNatServer any;
    StileNatVerdict verdict;
    const Family *family;

    if (--prober->pending > 0)
        return;
    for (guint i = 0; i < N_FAMILIES; i++)
        collect_public(report, &prober->families[i].inquiry);
    family = &prober->families[IPV4];
    if (!stile_nat_mapping_any_server(&family->inquiry, &any))
        family = &prober->families[IPV6];
    if (!stile_nat_mapping_any_server(&family->inquiry, &any)) {
        report->udp_blocked = TRUE;
        report->confidence = 1;
        for (guint i = 0; i < prober->n_servers; i++)
            report->confidence *= DOUBT_PER_SILENT_SERVER;
        report->confidence = 1 - report->confidence;
        end(prober);
        return;
    }
    verdict = stile_nat_mapping_verdict(&family->inquiry);
    report->mapping = verdict.mapping;
    report->confidence = verdict.confidence;
    test_the_rest(prober, family);
}

static guint
servers_of_family(const StileNatServer *servers, gsize n_servers, int family,
                  StileNatServer ret[STILE_NAT_MAX_SERVERS])
{
    guint n = 0;

    for (gsize i = 0; i < n_servers && n < STILE_NAT_MAX_SERVERS; i++)
        if (stile_address_family(&servers[i].address) == family)
            ret[n++] = servers[i];
    return n;
}

static gboolean
open_family(StileNatProber *prober, guint which, const StileNatServer *servers, gsize n_servers,
            GError **error)
{
    Family *family = &prober->families[which];
    StileNatServer own[STILE_NAT_MAX_SERVERS] = {0};
    guint n = servers_of_family(servers, n_servers, families[which], own);

    stile_nat_mapping_init(&family->inquiry, own, n);
    if (n > 0)
        family->socket = stile_probe_socket_new(prober->clock, prober->wire, prober->wire_data,
                                                families[which], *error ? NULL : error);
    if (!family->socket)
        return FALSE;
    prober->n_servers += n;
    return TRUE;
}

StileNatProber *
stile_nat_prober_new(StileClock *clock, const StileProbeWire *wire, gpointer wire_data,
                     const StileNatServer *servers, gsize n_servers, gboolean lifetime,
                     StileNatProbed progress, StileNatProbed done, gpointer user_data,
                     GError **error)
{
    g_autoptr(StileNatProber) prober = g_new0(StileNatProber, 1);
    g_autoptr(GError) problem = NULL;

    g_return_val_if_fail(n_servers > 0, NULL);
    prober->clock = stile_clock_ref(clock);
    prober->wire = wire;
    prober->wire_data = wire_data;
    prober->wants_lifetime = lifetime;
    prober->end = stile_timer_new(clock, on_end, prober);
    prober->progress = progress;
    prober->done = done;
    prober->user_data = user_data;
    /* One of the two families may be missing on a machine. */
    for (guint i = 0; i < N_FAMILIES; i++)
        prober->pending += open_family(prober, i, servers, n_servers, &problem);
    if (prober->pending == 0) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    }
    for (guint i = 0; i < N_FAMILIES; i++)
        if (prober->families[i].socket)
            stile_probe_socket_inquire(prober->families[i].socket, &prober->families[i].inquiry,
                                       on_mapping, prober);
    return g_steal_pointer(&prober);
}

void
stile_nat_prober_free(StileNatProber *prober)
{
    if (!prober)
        return;
    for (guint i = 0; i < N_FAMILIES; i++)
        stile_probe_socket_free(prober->families[i].socket);
    stile_probe_socket_free(prober->filtering_socket);
    stile_allocation_test_free(prober->allocation);
    stile_hairpin_test_free(prober->hairpin);
    stile_lifetime_test_free(prober->lifetime);
    stile_timer_free(prober->end);
    stile_clock_unref(prober->clock);
    g_free(prober);
}

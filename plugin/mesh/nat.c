/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "mesh/nat-private.h"
#include "mesh/options.h"
#include "mesh/resolve.h"
#include "mesh/server-uri.h"
#include "nat/probe-wire.h"
#include <string.h>

#define SEC ((gint64)1000000)
/* How long the router and the name server may take beyond the tests themselves */
#define SETTLE SEC
/* A network that changes does so in several steps. */
#define CHANGE_DELAY (3 * SEC)
/* Those who are there already when we come are told one after the other. */
#define MEMBERS_DELAY (SEC / 2)
/* Members that a diagnosis asks; with less confidence than that, it asks again when there are more.
 */
#define MAX_MEMBERS 4
#define SURE_ENOUGH 0.6

/* A probe, and its end */

static void
run_free(StileNatRun *run)
{
    stile_nat_prober_free(run->prober);
    g_free(run);
}

static void
end_probe(StileNat *nat)
{
    if (nat->cancellable)
        g_cancellable_cancel(nat->cancellable);
    g_clear_object(&nat->cancellable);
    g_clear_pointer(&nat->resolved, g_array_unref);
    g_clear_pointer(&nat->run, run_free);
    g_clear_pointer(&nat->layers_test, stile_layers_test_free);
    g_clear_pointer(&nat->portmap, stile_portmap_free);
    g_clear_pointer(&nat->mapped_socket, stile_socket_unref);
    stile_timer_stop(nat->settle_timer);
    nat->running = FALSE;
}

/* @error: (nullable) (transfer full) */
static void
tell_waiting(StileNat *nat, GError *error)
{
    g_autoptr(GPtrArray) waiting = nat->waiting;
    g_autoptr(GError) owned = error;

    nat->waiting = g_ptr_array_new_with_free_func(g_object_unref);
    for (guint i = 0; i < waiting->len; i++)
        if (owned)
            g_task_return_error(waiting->pdata[i], g_error_copy(owned));
        else
            g_task_return_boolean(waiting->pdata[i], TRUE);
}

static void
fail_probe(StileNat *nat, GError *error)
{
    end_probe(nat);
    tell_waiting(nat, error);
}

static gboolean
is_public(const StileNatReport *report, const StileAddress *address)
{
    for (guint i = 0; i < report->n_public; i++)
        if (stile_address_equal_ip(&report->public_addresses[i], address))
            return TRUE;
    return FALSE;
}

/* The router's own outside address tells surely whether what the internet sees of us is yet
 * another's; the routers on the way are a guess. */
static guint
count_layers(StileNat *nat)
{
    const StileNatReport *report = &nat->found;
    guint by_router = stile_address_is_set(&nat->found_external) &&
                              !is_public(report, &nat->found_external)
                          ? 2
                          : 1;

    if (report->mapping == STILE_NAT_NONE || report->n_public == 0)
        return 0;
    return MAX(by_router,
               stile_nat_count_layers(&nat->place.sources[0], nat->found_hops, STILE_NAT_MAX_HOPS));
}

static gboolean
has_global_ipv6(StileNat *nat)
{
    return stile_address_is_set(&nat->place.gateways[1]) &&
           stile_address_scope(&nat->place.sources[1]) == STILE_ADDRESS_GLOBAL;
}

static void
finish_probe(StileNat *nat)
{
    nat->report = nat->found;
    nat->protocol = nat->found_protocol;
    nat->layers = count_layers(nat);
    nat->ipv6 = nat->found.ipv6 || has_global_ipv6(nat);
    nat->last_probe = stile_clock_real(nat->clock);
    end_probe(nat);
    stile_nat_notify_all(nat);
    tell_waiting(nat, NULL);
    stile_nat_members_changed(nat);
}

static void
finish_if_ready(StileNat *nat)
{
    gboolean asked_router = !nat->portmap || nat->found_protocol != STILE_PORTMAP_NONE;

    if (!nat->running || !nat->tested)
        return;
    if (asked_router && stile_nat64_watch_is_settled(nat->nat64) && !nat->layers_test)
        finish_probe(nat);
    else if (!stile_timer_is_set(nat->settle_timer))
        stile_timer_set_after(nat->settle_timer, SETTLE);
}

static void
on_settled(gpointer user_data)
{
    finish_probe(user_data);
}

static gboolean ask_members(StileNat *nat);

static void
on_probed(gpointer user_data, const StileNatReport *report)
{
    StileNatRun *run = user_data;
    StileNat *nat = run->nat;

    if (run == nat->background) {
        nat->report.lifetime = report->lifetime;
        g_clear_pointer(&nat->background, run_free);
        g_object_notify(G_OBJECT(nat), "mapping-lifetime");
        return;
    }
    nat->found = *report;
    g_clear_pointer(&nat->run, run_free);
    if (nat->found.udp_blocked && !nat->by_members && ask_members(nat))
        return;
    nat->tested = TRUE;
    finish_if_ready(nat);
}

/* All but the lifetime is known, which takes minutes: nobody waits for that. */
static void
on_progress(gpointer user_data, const StileNatReport *report)
{
    StileNatRun *run = user_data;
    StileNat *nat = run->nat;

    nat->found = *report;
    nat->tested = TRUE;
    nat->background = g_steal_pointer(&nat->run);
    finish_if_ready(nat);
}

static void
on_advertised(gpointer user_data, const StileNetlinkAdvertisement *advertisement)
{
    StileNat *nat = user_data;

    stile_nat64_watch_advertised(nat->nat64, advertisement->ifindex, &advertisement->router,
                                 advertisement->options, advertisement->size);
}

static void
on_port_mapped(gpointer user_data, StilePortmapProtocol protocol, const StileAddress *external)
{
    StileNat *nat = user_data;

    if (!external)
        return;
    nat->found_protocol = protocol;
    nat->found_external = *external;
    finish_if_ready(nat);
}

static void
on_hops(gpointer user_data, const StileAddress *hops)
{
    StileNat *nat = user_data;

    memcpy(nat->found_hops, hops, sizeof nat->found_hops);
    g_clear_pointer(&nat->layers_test, stile_layers_test_free);
    finish_if_ready(nat);
}

static void
test_layers(StileNat *nat, const GArray *servers)
{
    for (guint i = 0; i < servers->len; i++) {
        const StileAddress *server = &g_array_index(servers, StileNatServer, i).address;

        if (stile_address_family(server) != AF_INET)
            continue;
        nat->layers_test = stile_layers_test_new(nat->clock, nat->context, server, on_hops, nat);
        return;
    }
}

/* Which protocol the router speaks, and which address it has outside: it is asked for a mapping
 * that is given back at once. */
static void
ask_router(StileNat *nat)
{
    StileAddress internal = nat->place.sources[0];

    if (!stile_address_is_set(&nat->place.gateways[0]) || !stile_address_is_set(&internal))
        return;
    nat->mapped_socket = stile_socket_new(AF_INET, 0, NULL);
    if (!nat->mapped_socket)
        return;
    internal = stile_address_with_port(&internal, stile_socket_port(nat->mapped_socket));
    nat->portmap = stile_portmap_new(nat->clock, nat->context, &nat->place.gateways[0], &internal,
                                     FALSE, on_port_mapped, nat);
}

/* Without IPv4 of our own, the NAT to be learnt about is that in the NAT64. */
static void
synthesize(StileNat *nat, StileAddress *server)
{
    StilePrefix prefix = stile_nat64_watch_prefix(nat->nat64);
    StileAddress source = stile_links_source_for(server);

    if (!stile_address_is_set(&source) && stile_nat64_translates(&prefix, server))
        stile_nat64_synthesize(server, &prefix, server);
}

static void
run_if_ready(StileNat *nat)
{
    g_autoptr(GArray) servers = NULL;
    GError *error = NULL;

    if (!nat->resolved || (!stile_address_is_set(&nat->place.gateways[0]) &&
                           !stile_nat64_watch_is_settled(nat->nat64)))
        return;
    servers = g_steal_pointer(&nat->resolved);
    for (guint i = 0; i < servers->len; i++) {
        StileNatServer *server = &g_array_index(servers, StileNatServer, i);

        synthesize(nat, &server->address);
        if (stile_address_is_set(&server->second))
            synthesize(nat, &server->second);
    }
    nat->run = g_new0(StileNatRun, 1);
    nat->run->nat = nat;
    nat->run->prober = stile_nat_prober_new(
        nat->clock, &stile_probe_wire_kernel, nat->context, (const StileNatServer *)servers->data,
        servers->len, nat->lifetime, on_progress, on_probed, nat->run, &error);
    if (!nat->run->prober)
        fail_probe(nat, error);
    else if (!nat->layers_test)
        test_layers(nat, servers);
}

/* Those with a second port tell more. */
static gint
compare_members(gconstpointer a, gconstpointer b)
{
    return (gint)stile_address_is_set(&((const StileNatServer *)b)->second) -
           (gint)stile_address_is_set(&((const StileNatServer *)a)->second);
}

/* Returns: %FALSE when there are none to be asked */
static gboolean
ask_members(StileNat *nat)
{
    g_autoptr(GArray) members = nat->members(nat->servers_data);

    if (nat->chosen || members->len == 0)
        return FALSE;
    nat->by_members = TRUE;
    nat->n_members = members->len;
    g_array_sort(members, compare_members);
    g_array_set_size(members, MIN(members->len, MAX_MEMBERS));
    nat->resolved = g_steal_pointer(&members);
    run_if_ready(nat);
    return TRUE;
}

static void
on_resolved(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(StileNat) nat = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) servers = stile_resolve_servers_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (servers) {
        g_autoptr(GArray) list = g_array_new(FALSE, TRUE, sizeof(StileNatServer));

        for (guint i = 0; i < servers->len; i++) {
            StileNatServer server = {.address = g_array_index(servers, StileAddress, i)};

            g_array_append_val(list, server);
        }
        nat->resolved = g_steal_pointer(&list);
        run_if_ready(nat);
    } else if (!ask_members(nat)) {
        fail_probe(nat, g_steal_pointer(&error));
    }
}

static void
on_nat64(gpointer user_data)
{
    StileNat *nat = user_data;

    g_object_notify(G_OBJECT(nat), "nat64-prefix");
    run_if_ready(nat);
    finish_if_ready(nat);
}

static StileNatPlace
find_place(StileNat *nat)
{
    /* A gateway of IPv6 is known by an address of the link, to which another one of that kind
     * speaks: what we are on the internet is seen on the way to somebody there (RFC 7723's
     * address). */
    static const guint8 on_the_internet[16] = {0x20, 0x01, 0, 1, [15] = 1};
    StileAddress far = stile_address_from_ip(AF_INET6, on_the_internet, 9);
    StileNatPlace place = {.gateways = {stile_links_gateway(nat->links, AF_INET),
                                        stile_links_gateway(nat->links, AF_INET6)}};

    if (stile_address_is_set(&place.gateways[0]))
        place.sources[0] = stile_links_source_for(&place.gateways[0]);
    if (stile_address_is_set(&place.gateways[1]))
        place.sources[1] = stile_links_source_for(&far);
    return place;
}

static void
begin_probe(StileNat *nat, const char *const *servers, gboolean chosen, gboolean lifetime)
{
    end_probe(nat);
    if (lifetime)
        g_clear_pointer(&nat->background, run_free);
    stile_timer_stop(nat->change_timer);
    nat->place = find_place(nat);
    if (nat->asked != (GStrv)servers) {
        g_strfreev(nat->asked);
        nat->asked = g_strdupv((char **)servers);
    }
    nat->running = TRUE;
    nat->lifetime = lifetime;
    nat->chosen = chosen;
    nat->by_members = FALSE;
    nat->tested = FALSE;
    nat->found_protocol = STILE_PORTMAP_NONE;
    nat->found_external = (StileAddress){0};
    memset(nat->found_hops, 0, sizeof nat->found_hops);
    nat->cancellable = g_cancellable_new();
    ask_router(nat);
    stile_nat64_watch_ask(nat->nat64);
    if (servers[0])
        stile_resolve_servers(servers, nat->cancellable, on_resolved, g_object_ref(nat));
    else if (!ask_members(nat))
        fail_probe(nat, g_error_new_literal(STILE_ERROR, STILE_ERROR_UNREACHABLE,
                                            "No member answers STUN any longer"));
}

static gboolean
has_members(StileNat *nat)
{
    g_autoptr(GArray) members = nat->members(nat->servers_data);

    return members->len > 0;
}

static gboolean
is_incomplete(StileNat *nat)
{
    const StileNatReport *report = &nat->report;

    return report->confidence < SURE_ENOUGH || report->mapping == STILE_NAT_UNKNOWN ||
           report->filtering == STILE_NAT_UNKNOWN;
}

void
stile_nat_members_changed(StileNat *nat)
{
    g_autoptr(GArray) members = nat->members(nat->servers_data);

    if (nat->last_probe == 0 && !nat->running && members->len > 0)
        stile_timer_set_after(nat->change_timer, MEMBERS_DELAY);
    else if (!nat->running && nat->by_members && members->len > nat->n_members &&
             is_incomplete(nat))
        stile_timer_set_after(nat->change_timer, CHANGE_DELAY);
}

void
stile_nat_refresh(StileNat *nat)
{
    g_auto(GStrv) servers = nat->servers(nat->servers_data);

    if (nat->running || nat->last_probe != 0)
        return;
    if (servers[0])
        begin_probe(nat, (const char *const *)servers, FALSE, FALSE);
    else if (!stile_nat64_watch_is_settled(nat->nat64))
        stile_nat64_watch_ask(nat->nat64);
}

/* From outside */

static gboolean
check_servers(char **servers, GError **error)
{
    for (; *servers; servers++) {
        g_auto(StileServerUri) uri = {0};

        if (!stile_stun_uri_parse(&uri, *servers, error))
            return FALSE;
    }
    return TRUE;
}

void
stile_nat_probe(StileNat *nat, GVariant *options, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer user_data)
{
    static const char *const known[] = {"stun", "as", "lifetime", "b", NULL};
    g_autoptr(GTask) task = g_task_new(nat, cancellable, callback, user_data);
    g_auto(GStrv) servers = NULL;
    gboolean chosen, lifetime = FALSE;
    GError *error = NULL;

    if (!stile_options_check(options, known, &error)) {
        g_task_return_error(task, error);
        return;
    }
    chosen = options && g_variant_lookup(options, "stun", "^as", &servers);
    if (!chosen)
        servers = nat->servers(nat->servers_data);
    if (options)
        g_variant_lookup(options, "lifetime", "b", &lifetime);
    if (!servers[0] && (chosen || !has_members(nat))) {
        g_task_return_new_error(
            task, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
            "No network here names a STUN server, and no member answers: say which "
            "one to ask");
        return;
    }
    if (!check_servers(servers, &error)) {
        g_task_return_error(task, error);
        return;
    }
    g_ptr_array_add(nat->waiting, g_steal_pointer(&task));
    if (!nat->running || chosen || lifetime)
        begin_probe(nat, (const char *const *)servers, chosen, lifetime);
}

gboolean
stile_nat_probe_finish(StileNat *nat, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

const StileNatReport *
stile_nat_report(StileNat *nat)
{
    return nat->last_probe != 0 ? &nat->report : NULL;
}

StilePrefix
stile_nat_nat64(StileNat *nat)
{
    return stile_nat64_watch_prefix(nat->nat64);
}

/* The network */

static gboolean
is_same_place(const StileNatPlace *a, const StileNatPlace *b)
{
    for (gsize i = 0; i < G_N_ELEMENTS(a->gateways); i++)
        if (!stile_address_equal_ip(&a->gateways[i], &b->gateways[i]) ||
            !stile_address_equal_ip(&a->sources[i], &b->sources[i]))
            return FALSE;
    return TRUE;
}

static void
on_change_over(gpointer user_data)
{
    StileNat *nat = user_data;
    g_auto(GStrv) servers = nat->servers(nat->servers_data);

    /* What somebody chose to ask once is asked again where nobody else is known. */
    if (servers[0] || has_members(nat) || !nat->asked)
        begin_probe(nat, (const char *const *)servers, FALSE, FALSE);
    else
        begin_probe(nat, (const char *const *)nat->asked, nat->chosen, FALSE);
}

void
stile_nat_repeat(StileNat *nat)
{
    g_clear_pointer(&nat->background, run_free);
    if (nat->last_probe != 0 || nat->running)
        stile_timer_set_after(nat->change_timer, CHANGE_DELAY);
}

static void
on_links(StileLinks *links, gpointer user_data)
{
    StileNat *nat = user_data;
    StileNatPlace place = find_place(nat);

    stile_nat64_watch_set_links(nat->nat64, stile_links_addresses(links));
    if (is_same_place(&place, &nat->place))
        return;
    nat->place = place;
    stile_nat_repeat(nat);
    stile_nat64_watch_ask(nat->nat64);
}

static void
on_connectivity(GNetworkMonitor *monitor, GParamSpec *pspec, gpointer user_data)
{
    g_object_notify(G_OBJECT(user_data), "captive-portal");
}

void
stile_nat_stop(StileNat *nat)
{
    g_clear_pointer(&nat->background, run_free);
    if (nat->change_timer)
        stile_timer_stop(nat->change_timer);
    if (nat->running)
        fail_probe(nat, g_error_new(STILE_ERROR, STILE_ERROR_FAILED, "The service is ending"));
}

void
stile_nat_release(StileNat *nat)
{
    if (nat->monitor_handler)
        g_signal_handler_disconnect(nat->monitor, nat->monitor_handler);
    if (nat->settle_timer)
        end_probe(nat);
    g_clear_pointer(&nat->background, run_free);
    g_clear_pointer(&nat->links, stile_links_free);
    g_clear_pointer(&nat->advertisements, stile_advertisements_free);
    g_clear_pointer(&nat->nat64, stile_nat64_watch_free);
    g_clear_pointer(&nat->change_timer, stile_timer_free);
    g_clear_pointer(&nat->settle_timer, stile_timer_free);
    g_clear_pointer(&nat->clock, stile_clock_unref);
    g_ptr_array_unref(nat->waiting);
    g_strfreev(nat->asked);
    if (nat->context)
        g_main_context_unref(nat->context);
}

StileNat *
stile_nat_new(StileClock *clock, StileNatServers servers, StileNatMembers members,
              gpointer user_data, GError **error)
{
    g_autoptr(StileNat) nat = g_object_new(STILE_TYPE_NAT, NULL);

    nat->clock = stile_clock_ref(clock);
    nat->context = g_main_context_ref_thread_default();
    nat->servers = servers;
    nat->members = members;
    nat->servers_data = user_data;
    nat->change_timer = stile_timer_new(clock, on_change_over, nat);
    nat->settle_timer = stile_timer_new(clock, on_settled, nat);
    nat->nat64 = stile_nat64_watch_new(clock, on_nat64, nat);
    nat->advertisements = stile_advertisements_new(nat->context, on_advertised, nat, NULL);
    nat->links = stile_links_new(nat->context, on_links, nat, error);
    if (!nat->links)
        return NULL;
    nat->place = find_place(nat);
    nat->monitor_handler = g_signal_connect(nat->monitor, "notify::connectivity",
                                            G_CALLBACK(on_connectivity), nat);
    return g_steal_pointer(&nat);
}

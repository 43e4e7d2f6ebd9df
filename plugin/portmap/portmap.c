/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/portmap-private.h"

#include "portmap/epoch.h"
#include "portmap/http-exchange.h"
#include "portmap/nat-pmp.h"
#include "portmap/pcp-peers.h"
#include "portmap/pcp.h"
#include "portmap/problem.h"
#include "portmap/upnp.h"

#include <string.h>

#define LIFETIME       7200                            /* seconds, what RFC 6886 §3.3 recommends */
#define MAX_LIFETIME   86400                           /* RFC 6887 §15 */
#define FIRST_INTERVAL (250 * G_TIME_SPAN_MILLISECOND) /* RFC 6886 §3.1 */
#define MAX_INTERVAL   (1024 * G_USEC_PER_SEC)         /* RFC 6887 §8.1.1 */
#define SILENT         6                               /* unanswered, that often: nobody there */
#define MIN_REFUSED    (30 * G_USEC_PER_SEC)
#define MAX_REFUSED    (1800 * G_USEC_PER_SEC) /* RFC 6887 §8.3: a long-lived error */
#define UPNP_REFUSED   300                     /* seconds */
#define OTHERS_AFTER   2 /* unanswered, that often: PCP and NAT-PMP had their chance */
#define WATCH          (600 * G_USEC_PER_SEC) /* a router that restarts is noticed within that */
#define NEVER          G_MAXINT64

/** A server of PCP: the nonces differ, as the two may turn out to be one. */
typedef struct {
    guint8 nonce[STILE_PCP_NONCE_SIZE];
    StileEpoch epoch;
    gint64 refused_until;
} PcpServer;

struct _StilePortmap {
    StileClock *clock;
    StileAddress gateway;
    StileAddress internal;
    StilePortmapSend send;
    gpointer transport;
    GDestroyNotify transport_free;
    StilePortmapFunc changed;
    gpointer user_data;

    StileTimer *timer;
    gint64 interval;
    guint asked; /* how often since the last answer */
    PcpServer pcp[STILE_PORTMAP_N_SERVERS];
    gboolean anycast_found;
    gint64 nat_pmp_refused_until;
    gint64 upnp_refused_until;
    StileUpnp *upnp; /* NULL: not spoken */
    gboolean upnp_found;
    StileEpoch nat_pmp_epoch;
    StileAddress router; /* its external address, as NAT-PMP tells it apart from the mapping */

    StilePortmapProtocol protocol; /* of the mapping; NONE without one */
    StilePortmapServer granted_by; /* with PCP */
    StileTimer *watch;
    StilePcpPeers *peers;
    StilePortmapPeerFunc peer_changed; /* NULL: nobody wants to know */
    StileAddress external;
    gint64 expires;
    char *problem;
};

const char *
stile_portmap_protocol_to_string(StilePortmapProtocol protocol)
{
    switch (protocol) {
    case STILE_PORTMAP_PCP:
        return "pcp";
    case STILE_PORTMAP_NAT_PMP:
        return "nat-pmp";
    case STILE_PORTMAP_UPNP_IGD:
        return "upnp-igd";
    case STILE_PORTMAP_NONE:
        break;
    }
    return "";
}

static void on_timer(gpointer user_data);
static void on_watch(gpointer user_data);

static void
send_for_peers(gpointer user_data, const guint8 *data, gsize size)
{
    StilePortmap *portmap = user_data;

    portmap->send(portmap->transport, STILE_PORTMAP_GATEWAY, data, size);
}

static void
on_peer_changed(gpointer user_data, const StileAddress *remote, const StileAddress *external)
{
    StilePortmap *portmap = user_data;

    if (portmap->peer_changed)
        portmap->peer_changed(portmap->user_data, remote, external);
}

static const StilePcpPeersCalls peers_calls = {send_for_peers, on_peer_changed};

StilePortmap *
stile_portmap_new_with_transport(StileClock *clock, const StileAddress *gateway,
                                 const StileAddress *internal, StilePortmapSend send,
                                 gpointer transport, GDestroyNotify transport_free,
                                 StilePortmapFunc changed, gpointer user_data)
{
    StilePortmap *portmap = g_new0(StilePortmap, 1);

    portmap->clock = stile_clock_ref(clock);
    portmap->gateway = *gateway;
    portmap->internal = *internal;
    portmap->send = send;
    portmap->transport = transport;
    portmap->transport_free = transport_free;
    portmap->changed = changed;
    portmap->user_data = user_data;
    portmap->interval = FIRST_INTERVAL;
    portmap->timer = stile_timer_new(clock, on_timer, portmap);
    portmap->watch = stile_timer_new(clock, on_watch, portmap);
    portmap->nat_pmp_refused_until = stile_address_family(internal) == AF_INET ? 0 : NEVER;
    portmap->peers = stile_pcp_peers_new(clock, internal, &peers_calls, portmap);
    portmap->pcp[STILE_PORTMAP_ANYCAST].refused_until = NEVER;
    for (guint i = 0; i < STILE_PORTMAP_N_SERVERS; i++)
        stile_clock_random(clock, portmap->pcp[i].nonce, sizeof portmap->pcp[i].nonce);
    return portmap;
}

void
stile_portmap_without_pcp(StilePortmap *portmap)
{
    portmap->pcp[STILE_PORTMAP_GATEWAY].refused_until = NEVER;
}

void
stile_portmap_set_beyond(StilePortmap *portmap)
{
    portmap->pcp[STILE_PORTMAP_ANYCAST].refused_until = 0;
}

void
stile_portmap_set_peer_func(StilePortmap *portmap, StilePortmapPeerFunc func)
{
    portmap->peer_changed = func;
}

void
stile_portmap_add_peer(StilePortmap *portmap, const StileAddress *remote)
{
    stile_pcp_peers_add(portmap->peers, remote);
}

void
stile_portmap_remove_peer(StilePortmap *portmap, const StileAddress *remote)
{
    stile_pcp_peers_remove(portmap->peers, remote);
}

void
stile_portmap_set_upnp(StilePortmap *portmap, StileUpnp *upnp)
{
    portmap->upnp = upnp;
}

static void
send_pcp(StilePortmap *portmap, StilePortmapServer server, guint32 lifetime)
{
    StileAddress suggested = {0};
    guint8 request[STILE_PCP_MAP_SIZE];

    /* The mapping that we have, or the port that we have: most routers can give either. */
    if (lifetime > 0 && portmap->protocol != STILE_PORTMAP_NONE)
        suggested = portmap->external;
    else if (lifetime > 0) {
        const guint8 any[16] = {0};

        suggested = stile_address_from_ip(stile_address_family(&portmap->internal), any,
                                          stile_address_port(&portmap->internal));
    }
    stile_pcp_build_map(request, &portmap->internal, portmap->pcp[server].nonce, &suggested,
                        lifetime);
    portmap->send(portmap->transport, server, request, sizeof request);
}

static void
send_announce(StilePortmap *portmap, StilePortmapServer server)
{
    guint8 request[STILE_PCP_ANNOUNCE_SIZE];

    stile_pcp_build_announce(request, &portmap->internal);
    portmap->send(portmap->transport, server, request, sizeof request);
}

static void
send_nat_pmp_map(StilePortmap *portmap, guint32 lifetime)
{
    guint16 internal = stile_address_port(&portmap->internal);
    guint16 external = portmap->protocol == STILE_PORTMAP_NONE
                           ? internal
                           : stile_address_port(&portmap->external);
    guint8 request[STILE_NAT_PMP_MAP_SIZE];

    stile_nat_pmp_build_map(request, internal, lifetime > 0 ? external : 0, lifetime);
    portmap->send(portmap->transport, STILE_PORTMAP_GATEWAY, request, sizeof request);
}

static void
send_nat_pmp_external(StilePortmap *portmap)
{
    guint8 request[STILE_NAT_PMP_EXTERNAL_SIZE];

    stile_nat_pmp_build_external(request);
    portmap->send(portmap->transport, STILE_PORTMAP_GATEWAY, request, sizeof request);
}

void
stile_portmap_free(StilePortmap *portmap)
{
    if (!portmap)
        return;
    if (portmap->protocol == STILE_PORTMAP_PCP)
        send_pcp(portmap, portmap->granted_by, 0);
    else if (portmap->protocol == STILE_PORTMAP_NAT_PMP)
        send_nat_pmp_map(portmap, 0);
    stile_pcp_peers_free(portmap->peers);
    stile_upnp_free(portmap->upnp);
    stile_timer_free(portmap->timer);
    stile_timer_free(portmap->watch);
    if (portmap->transport_free)
        portmap->transport_free(portmap->transport);
    g_free(portmap->problem);
    stile_clock_unref(portmap->clock);
    g_free(portmap);
}

gboolean
stile_portmap_is_leaving(GMainContext *context)
{
    return stile_http_exchange_any_detached(context);
}

const char *
stile_portmap_problem(StilePortmap *portmap)
{
    return portmap->problem;
}

static void
notify(StilePortmap *portmap)
{
    StileAddress external = portmap->external;

    portmap->changed(portmap->user_data, portmap->protocol,
                     portmap->protocol == STILE_PORTMAP_NONE ? NULL : &external);
}

/* @problem: (transfer full) (nullable). Returns: whether it is another one than before */
static gboolean
set_problem(StilePortmap *portmap, char *problem)
{
    gboolean changed = g_strcmp0(portmap->problem, problem) != 0;

    g_free(portmap->problem);
    portmap->problem = problem;
    return changed;
}

static gboolean
speaks_pcp(StilePortmap *portmap, StilePortmapServer server)
{
    if (portmap->protocol != STILE_PORTMAP_NONE)
        return portmap->protocol == STILE_PORTMAP_PCP && portmap->granted_by == server;
    return portmap->pcp[server].refused_until <= stile_clock_now(portmap->clock);
}

static gboolean
speaks_nat_pmp(StilePortmap *portmap)
{
    if (portmap->protocol != STILE_PORTMAP_NONE)
        return portmap->protocol == STILE_PORTMAP_NAT_PMP;
    return portmap->nat_pmp_refused_until <= stile_clock_now(portmap->clock);
}

static gboolean
speaks_upnp(StilePortmap *portmap)
{
    if (!portmap->upnp)
        return FALSE;
    if (portmap->protocol != STILE_PORTMAP_NONE)
        return portmap->protocol == STILE_PORTMAP_UPNP_IGD;
    return portmap->upnp_refused_until <= stile_clock_now(portmap->clock);
}

/* Whether it is the turn of UPnP and of the server beyond: the better ones are refused, or do not
 * answer. */
static gboolean
others_may_map(StilePortmap *portmap, guint asked)
{
    gboolean pcp = speaks_pcp(portmap, STILE_PORTMAP_GATEWAY), nat_pmp = speaks_nat_pmp(portmap);

    if (nat_pmp && stile_address_is_set(&portmap->router))
        return asked >= 2 * OTHERS_AFTER;
    return (!pcp && !nat_pmp) || asked >= OTHERS_AFTER;
}

static void
ask_beyond(StilePortmap *portmap)
{
    if (!speaks_pcp(portmap, STILE_PORTMAP_ANYCAST))
        return;
    if (!portmap->anycast_found)
        send_announce(portmap, STILE_PORTMAP_ANYCAST);
    else if (others_may_map(portmap, portmap->asked))
        send_pcp(portmap, STILE_PORTMAP_ANYCAST, LIFETIME);
}

/* When somebody who refuses now may be asked again. */
static gint64
next_chance(StilePortmap *portmap)
{
    gint64 until = MIN(portmap->pcp[STILE_PORTMAP_GATEWAY].refused_until,
                       portmap->nat_pmp_refused_until);

    if (portmap->upnp)
        until = MIN(until, portmap->upnp_refused_until);
    if (portmap->anycast_found)
        until = MIN(until, portmap->pcp[STILE_PORTMAP_ANYCAST].refused_until);
    return until;
}

/* Whether anybody is there who may be asked now; whether there is a server beyond is not known
 * until it has answered. */
static gboolean
speaks_any(StilePortmap *portmap)
{
    return speaks_pcp(portmap, STILE_PORTMAP_GATEWAY) || speaks_nat_pmp(portmap) ||
           speaks_upnp(portmap) ||
           (portmap->anycast_found && speaks_pcp(portmap, STILE_PORTMAP_ANYCAST));
}

/* RFC 6887 §8.1.1: ten per cent more or less, so that a household does not ask in step. */
static gint64
jitter(StilePortmap *portmap, gint64 interval)
{
    guint16 noise;

    stile_clock_random(portmap->clock, &noise, sizeof noise);
    return interval - interval / 10 + interval / 5 * noise / G_MAXUINT16;
}

static void
set_timer(StilePortmap *portmap, gint64 delay)
{
    gint64 at = stile_clock_now(portmap->clock) + delay;

    stile_timer_set(portmap->timer,
                    portmap->protocol == STILE_PORTMAP_NONE ? at : MIN(at, portmap->expires));
}

/*
 * All protocols at once, and PCP is the best one, UPnP the last. NAT-PMP is asked only for the
 * router's address at first, UPnP for its service, and a PCP server beyond the router whether it is
 * there, which makes nothing in the router: two mappings of one port would be in each other's way.
 * Their mappings follow when the better ones are refused, or were not answered within the first
 * intervals.
 */
static void
ask(StilePortmap *portmap)
{
    gboolean pcp = speaks_pcp(portmap, STILE_PORTMAP_GATEWAY), nat_pmp = speaks_nat_pmp(portmap);

    if (portmap->protocol == STILE_PORTMAP_NONE && others_may_map(portmap, portmap->asked))
        stile_pcp_peers_set_wanted(portmap->peers, TRUE);
    if (!speaks_any(portmap)) {
        portmap->interval = FIRST_INTERVAL;
        portmap->asked = 0;
        set_timer(portmap, next_chance(portmap) - stile_clock_now(portmap->clock));
        return;
    }
    if (pcp)
        send_pcp(portmap, STILE_PORTMAP_GATEWAY, LIFETIME);
    ask_beyond(portmap);
    if (nat_pmp)
        send_nat_pmp_external(portmap);
    if (nat_pmp && stile_address_is_set(&portmap->router) && (!pcp || portmap->asked > 0))
        send_nat_pmp_map(portmap, LIFETIME);
    if (speaks_upnp(portmap) && others_may_map(portmap, portmap->asked))
        stile_upnp_map(portmap->upnp);
    else if (speaks_upnp(portmap))
        stile_upnp_search(portmap->upnp);
    portmap->asked++;
    set_timer(portmap, jitter(portmap, portmap->interval));
    portmap->interval = MIN(portmap->interval * 2, MAX_INTERVAL);
}

static void
ask_afresh(StilePortmap *portmap)
{
    portmap->interval = FIRST_INTERVAL;
    portmap->asked = 0;
    ask(portmap);
}

void
stile_portmap_start(StilePortmap *portmap)
{
    ask_afresh(portmap);
}

/* Not every router announces that it restarted; to ask costs two small packets. */
static void
on_watch(gpointer user_data)
{
    StilePortmap *portmap = user_data;

    if (portmap->protocol == STILE_PORTMAP_PCP)
        send_announce(portmap, portmap->granted_by);
    else if (portmap->protocol == STILE_PORTMAP_NAT_PMP)
        send_nat_pmp_external(portmap);
    if (portmap->protocol != STILE_PORTMAP_NONE)
        stile_timer_set_after(portmap->watch, WATCH);
}

static void
on_timer(gpointer user_data)
{
    StilePortmap *portmap = user_data;
    g_autofree char *router = stile_address_ip_to_string(&portmap->gateway);
    gboolean changed = FALSE;

    if (portmap->protocol != STILE_PORTMAP_NONE &&
        portmap->expires <= stile_clock_now(portmap->clock)) {
        portmap->protocol = STILE_PORTMAP_NONE;
        memset(&portmap->external, 0, sizeof portmap->external);
        memset(&portmap->router, 0, sizeof portmap->router);
        set_problem(portmap,
                    g_strdup_printf("The router %s does not renew the port mapping", router));
        ask_afresh(portmap);
        notify(portmap);
        return;
    }
    if (portmap->protocol == STILE_PORTMAP_NONE && portmap->asked == SILENT && !portmap->problem)
        changed = set_problem(
            portmap, stile_portmap_explain_silence(&portmap->gateway, portmap->upnp != NULL));
    ask(portmap);
    if (changed)
        notify(portmap);
}

static void
on_mapped(StilePortmap *portmap, StilePortmapProtocol protocol, const StileAddress *external,
          guint32 lifetime)
{
    g_autofree char *router = stile_address_ip_to_string(&portmap->gateway);
    g_autofree char *ip = stile_address_ip_to_string(external);
    StileAddressScope scope = stile_address_scope(external);
    gint64 life = (gint64)MIN(lifetime, MAX_LIFETIME) * G_USEC_PER_SEC;
    gboolean changed = portmap->protocol != protocol ||
                       !stile_address_equal(&portmap->external, external);

    /* The better protocol came late: one of them is enough. */
    if (portmap->upnp && protocol != STILE_PORTMAP_UPNP_IGD)
        stile_upnp_unmap(portmap->upnp, stile_address_port(external));
    /* One port for all is better than one for each. */
    stile_pcp_peers_set_wanted(portmap->peers, FALSE);
    portmap->protocol = protocol;
    portmap->external = *external;
    portmap->expires = stile_clock_now(portmap->clock) + life;
    portmap->interval = FIRST_INTERVAL;
    portmap->asked = 0;
    stile_timer_set_after(portmap->timer, jitter(portmap, life / 2));
    if (!stile_timer_is_set(portmap->watch))
        stile_timer_set_after(portmap->watch, WATCH);
    if (stile_address_family(external) == AF_INET &&
        (scope == STILE_ADDRESS_PRIVATE || scope == STILE_ADDRESS_SHARED))
        changed |= set_problem(
            portmap,
            g_strdup_printf("The router %s is behind another NAT itself: its address is %s", router,
                            ip));
    else
        changed |= set_problem(portmap, NULL);
    if (changed)
        notify(portmap);
}

static gint64
refused_until(StilePortmap *portmap, guint32 seconds)
{
    gint64 wait = (gint64)seconds * G_USEC_PER_SEC;

    return stile_clock_now(portmap->clock) + CLAMP(wait, MIN_REFUSED, MAX_REFUSED);
}

/* One of the protocols was refused: what is left? @problem: (transfer full) (nullable) */
static void
go_on(StilePortmap *portmap, char *problem, gint64 until)
{
    gboolean changed = problem && set_problem(portmap, problem);

    if (portmap->protocol != STILE_PORTMAP_NONE) {
        /* A renewal: the mapping lives until it expires (RFC 6887 §11.2.1). */
        portmap->interval = FIRST_INTERVAL;
        set_timer(portmap, until - stile_clock_now(portmap->clock));
    } else if (!speaks_pcp(portmap, STILE_PORTMAP_GATEWAY) && speaks_nat_pmp(portmap) &&
               stile_address_is_set(&portmap->router)) {
        send_nat_pmp_map(portmap, LIFETIME);
    } else if (!speaks_pcp(portmap, STILE_PORTMAP_GATEWAY) && !speaks_nat_pmp(portmap)) {
        if (speaks_upnp(portmap) && !portmap->upnp_found)
            stile_upnp_search(portmap->upnp); /* and the timer runs on */
        else
            ask(portmap);
    }
    if (changed)
        notify(portmap);
}

static void
on_pcp_refused(StilePortmap *portmap, StilePortmapServer server, const StilePcpResponse *response)
{
    PcpServer *pcp = &portmap->pcp[server];

    if (portmap->protocol != STILE_PORTMAP_NONE && !speaks_pcp(portmap, server))
        return;
    pcp->refused_until = refused_until(portmap, response->lifetime);
    /* Somebody else's router is no news to those who look after this network. */
    go_on(portmap,
          server == STILE_PORTMAP_GATEWAY
              ? stile_portmap_explain_pcp(&portmap->gateway, response->result)
              : NULL,
          pcp->refused_until);
}

/* What was granted; unset for nothing that could be used. A firewall translates nothing, and there
 * are some that do not say the port of a pinhole when it is renewed. */
static StileAddress
granted_address(StilePortmap *portmap, const StilePcpResponse *response)
{
    StileAddress external = response->external;

    if (response->lifetime == 0)
        return (StileAddress){0};
    if (stile_address_family(&external) == AF_INET6 &&
        stile_address_equal_ip(&external, &portmap->internal))
        return portmap->internal;
    return stile_address_port(&external) ? external : (StileAddress){0};
}

static void
on_pcp_mapped(StilePortmap *portmap, StilePortmapServer server, const StileAddress *external,
              guint32 lifetime)
{
    gboolean mapped = portmap->protocol == STILE_PORTMAP_PCP;

    if (server == STILE_PORTMAP_ANYCAST && mapped && portmap->granted_by != server) {
        send_pcp(portmap, server, 0);
        return;
    }
    if (mapped && portmap->granted_by != server)
        send_pcp(portmap, portmap->granted_by, 0);
    portmap->granted_by = server;
    on_mapped(portmap, STILE_PORTMAP_PCP, external, lifetime);
}

static void
on_pcp_unsupported(StilePortmap *portmap, StilePortmapServer server)
{
    if (server == STILE_PORTMAP_ANYCAST) {
        portmap->pcp[server].refused_until = refused_until(portmap, G_MAXUINT32);
        return;
    }
    /* In PCP's own version this answers NAT-PMP's (RFC 6887 §9). */
    if (portmap->nat_pmp_refused_until != NEVER)
        portmap->nat_pmp_refused_until = refused_until(portmap, G_MAXUINT32);
    if (portmap->protocol != STILE_PORTMAP_PCP)
        go_on(portmap, NULL, portmap->nat_pmp_refused_until);
}

static void
on_anycast_found(StilePortmap *portmap)
{
    gboolean busy = speaks_any(portmap);

    portmap->anycast_found = TRUE;
    if (portmap->protocol == STILE_PORTMAP_NONE && !busy)
        ask_afresh(portmap); /* else its turn comes */
}

static void
on_pcp(StilePortmap *portmap, StilePortmapServer server, const StilePcpResponse *response)
{
    PcpServer *pcp = &portmap->pcp[server];
    gboolean ours = response->opcode == STILE_PCP_MAP && response->has_map &&
                    response->protocol == IPPROTO_UDP &&
                    response->internal_port == stile_address_port(&portmap->internal) &&
                    memcmp(response->nonce, pcp->nonce, sizeof pcp->nonce) == 0;
    StileAddress external = granted_address(portmap, response);
    gboolean lost = !stile_epoch_update(
        &pcp->epoch, stile_clock_now(portmap->clock) / G_USEC_PER_SEC, response->epoch);

    if (lost && server == STILE_PORTMAP_GATEWAY)
        stile_pcp_peers_renew(portmap->peers);
    if (response->opcode == STILE_PCP_PEER && server == STILE_PORTMAP_GATEWAY)
        stile_pcp_peers_receive(portmap->peers, response);
    else if (response->result == STILE_PCP_UNSUPP_VERSION)
        on_pcp_unsupported(portmap, server);
    else if (ours && response->result != STILE_PCP_SUCCESS)
        on_pcp_refused(portmap, server, response);
    else if (ours && stile_address_is_set(&external))
        on_pcp_mapped(portmap, server, &external, response->lifetime);
    else if (lost && portmap->protocol == STILE_PORTMAP_PCP && portmap->granted_by == server)
        ask_afresh(portmap);
    else if (server == STILE_PORTMAP_ANYCAST && !portmap->anycast_found)
        on_anycast_found(portmap);
}

static void
on_nat_pmp_refused(StilePortmap *portmap, const StileNatPmpResponse *response)
{
    if (response->result == STILE_NAT_PMP_UNSUPPORTED_VERSION) {
        /* In NAT-PMP's own version this answers PCP's (RFC 6886 §3.5). */
        if (portmap->protocol == STILE_PORTMAP_NONE &&
            portmap->pcp[STILE_PORTMAP_GATEWAY].refused_until != NEVER)
            portmap->pcp[STILE_PORTMAP_GATEWAY].refused_until = refused_until(portmap, G_MAXUINT32);
        if (portmap->protocol == STILE_PORTMAP_NONE)
            go_on(portmap, NULL, 0);
        return;
    }
    if (portmap->protocol == STILE_PORTMAP_PCP)
        return;
    portmap->nat_pmp_refused_until = refused_until(portmap, 0);
    go_on(portmap, stile_portmap_explain_nat_pmp(&portmap->gateway, response->result),
          portmap->nat_pmp_refused_until);
}

static void
on_nat_pmp(StilePortmap *portmap, const StileNatPmpResponse *response)
{
    gboolean lost = !stile_epoch_update(
        &portmap->nat_pmp_epoch, stile_clock_now(portmap->clock) / G_USEC_PER_SEC, response->epoch);
    gboolean moved = response->opcode == STILE_NAT_PMP_EXTERNAL &&
                     !stile_address_equal_ip(&response->external, &portmap->router);

    if (response->result != STILE_NAT_PMP_SUCCESS) {
        on_nat_pmp_refused(portmap, response);
    } else if (portmap->protocol == STILE_PORTMAP_PCP) {
        return;
    } else if (response->opcode == STILE_NAT_PMP_EXTERNAL) {
        if (stile_address_scope(&response->external) == STILE_ADDRESS_UNSPECIFIED) {
            portmap->nat_pmp_refused_until = refused_until(portmap, 0);
            go_on(portmap, stile_portmap_explain_pcp(&portmap->gateway, STILE_PCP_NETWORK_FAILURE),
                  portmap->nat_pmp_refused_until);
            return;
        }
        portmap->router = response->external;
        if ((lost || moved) && portmap->protocol == STILE_PORTMAP_NAT_PMP)
            ask_afresh(portmap);
        else if (portmap->protocol == STILE_PORTMAP_NONE &&
                 !speaks_pcp(portmap, STILE_PORTMAP_GATEWAY))
            send_nat_pmp_map(portmap, LIFETIME);
    } else if (response->internal_port == stile_address_port(&portmap->internal) &&
               response->external_port && response->lifetime > 0 &&
               stile_address_is_set(&portmap->router)) {
        StileAddress external = stile_address_with_port(&portmap->router, response->external_port);

        on_mapped(portmap, STILE_PORTMAP_NAT_PMP, &external, response->lifetime);
    }
}

void
stile_portmap_receive(StilePortmap *portmap, StilePortmapServer server, const guint8 *data,
                      gsize size)
{
    StileNatPmpResponse nat_pmp;
    StilePcpResponse pcp;

    if (stile_pcp_parse(&pcp, data, size, NULL))
        on_pcp(portmap, server, &pcp);
    else if (server == STILE_PORTMAP_GATEWAY && stile_nat_pmp_parse(&nat_pmp, data, size, NULL))
        on_nat_pmp(portmap, &nat_pmp);
}

static void
on_upnp_found(gpointer user_data)
{
    StilePortmap *portmap = user_data;

    portmap->upnp_found = TRUE;
    if (portmap->protocol == STILE_PORTMAP_NONE && speaks_upnp(portmap) &&
        others_may_map(portmap, portmap->asked > 0 ? portmap->asked - 1 : 0))
        stile_upnp_map(portmap->upnp);
}

static void
on_upnp_mapped(gpointer user_data, const StileAddress *external, guint32 lifetime)
{
    StilePortmap *portmap = user_data;

    on_mapped(portmap, STILE_PORTMAP_UPNP_IGD, external, lifetime);
}

static void
on_upnp_failed(gpointer user_data, const char *problem)
{
    StilePortmap *portmap = user_data;

    portmap->upnp_found = FALSE;
    if (portmap->protocol != STILE_PORTMAP_NONE && portmap->protocol != STILE_PORTMAP_UPNP_IGD)
        return;
    portmap->upnp_refused_until = refused_until(
        portmap, portmap->protocol == STILE_PORTMAP_NONE ? UPNP_REFUSED : 0);
    go_on(portmap, g_strdup(problem), portmap->upnp_refused_until);
}

const StileUpnpCalls stile_portmap_upnp_calls = {on_upnp_found, on_upnp_mapped, on_upnp_failed};

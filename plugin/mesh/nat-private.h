/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/advertisements.h"
#include "io/links.h"
#include "io/socket.h"
#include "mesh/nat.h"
#include "nat/layers.h"
#include "nat/nat64-watch.h"
#include "portmap/portmap.h"

G_BEGIN_DECLS

/* What the files of a StileNat share: nat.c (the diagnosis, when and by whom), nat-properties.c
 * (what is shown of it). */

/** What, when it changes, puts us into another network. */
typedef struct {
    StileAddress gateways[2], sources[2];
} StileNatPlace;

/** One run of the tests: under way, or measuring the lifetime behind the others' backs. */
typedef struct {
    StileNat *nat;
    StileNatProber *prober;
} StileNatRun;

struct _StileNat {
    GObject parent;
    StileClock *clock;
    GMainContext *context;
    StileNatServers servers;
    StileNatMembers members;
    gpointer servers_data;
    GNetworkMonitor *monitor;
    gulong monitor_handler;
    StileLinks *links;
    StileNatPlace place;
    StileNat64Watch *nat64;
    StileAdvertisements *advertisements; /* NULL: cannot be had */
    StileTimer *change_timer;

    /* A probe under way */
    GPtrArray *waiting; /* of GTask: who gets the result */
    GStrv asked;        /* the servers of this or the last probe */
    GCancellable *cancellable;
    gboolean running;
    gboolean lifetime;
    gboolean chosen; /* by whoever wants to know: nobody else is asked */
    gboolean by_members;
    guint n_members; /* of which it was asked */
    StileNatRun *run;
    StileSocket *mapped_socket; /* what the port mapping is for */
    StilePortmap *portmap;
    StileLayersTest *layers_test;
    GArray *resolved; /* of StileNatServer: who is asked as soon as the NAT64 is known */
    gboolean tested;
    StileTimer *settle_timer;
    StileNatReport found;
    StilePortmapProtocol found_protocol;
    StileAddress found_external;
    StileAddress found_hops[STILE_NAT_MAX_HOPS];

    StileNatRun *background; /* measures the lifetime */

    /* What is shown */
    StileNatReport report;
    StilePortmapProtocol protocol;
    guint layers;
    gboolean ipv6;
    gint64 last_probe;
};

/* nat.c */

/** For finalize: ends and frees what there is. */
void stile_nat_release(StileNat *nat);

/* nat-properties.c */

void stile_nat_notify_all(StileNat *nat);

G_END_DECLS

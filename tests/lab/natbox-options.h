/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_OPTIONS_H
#define NATBOX_OPTIONS_H

/* What kind of NAT the box is: the command line, in RFC 4787's words. */

#include "natbox-packet.h"

/* RFC 4787 4.1 for mapping, 5 for filtering */
typedef enum {
    NATBOX_ENDPOINT_INDEPENDENT,
    NATBOX_ADDRESS_DEPENDENT,
    NATBOX_ADDRESS_AND_PORT_DEPENDENT
} NatboxDependence;

typedef enum {
    NATBOX_PORTS_PRESERVE,   /* the inside port where it is free, else the next free one */
    NATBOX_PORTS_SEQUENTIAL, /* the last one plus a step */
    NATBOX_PORTS_BLOCK,      /* any of a block of ports that an inside address has (RFC 7422) */
    NATBOX_PORTS_RANDOM
} NatboxPortsKind;

typedef enum {
    NATBOX_HAIRPIN_OFF,
    NATBOX_HAIRPIN_EXTERNAL, /* "external source IP address and port" */
    NATBOX_HAIRPIN_INTERNAL
} NatboxHairpin;

typedef enum {
    NATBOX_UNSOLICITED_DROP,
    NATBOX_UNSOLICITED_ICMP,
    NATBOX_UNSOLICITED_RST /* TCP only, the rest is dropped */
} NatboxUnsolicited;

/* Inbound only, as routers do it: what the inside host sends first leaves from another port. */
typedef struct {
    guint8 protocol;
    guint16 port;
    NatboxEndpoint inside;
} NatboxForward;

typedef struct {
    char *inside_device;
    char *outside_device;
    char *control;
    GArray *addresses; /* guint32, host byte order */

    NatboxDependence mapping;
    NatboxDependence filtering;
    NatboxPortsKind ports;
    gint step;
    guint block;
    guint16 port_low;
    guint16 port_high;
    gboolean paired;
    NatboxHairpin hairpin;
    NatboxUnsolicited unsolicited;
    GArray *forwards; /* NatboxForward */
    guint32 dmz;      /* 0: none */

    gint64 udp_lifetime; /* µs, as all times */
    gint64 icmp_lifetime;
    gint64 tcp_lifetime;
    gint64 tcp_opening_lifetime;
    gboolean refresh_inbound;
    guint table; /* sessions; 0: no limit */
    gboolean evict;

    gboolean no_udp;
    GHashTable *only_tcp; /* destination ports, NULL: all */
    gboolean drop_inbound_syn;

    gdouble loss_out;
    gdouble loss_in;
    gint64 delay_out;
    gint64 delay_in;
    guint32 seed;
} NatboxOptions;

NatboxOptions *natbox_options_parse(int *argc, char ***argv, GError **error);
void natbox_options_free(NatboxOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NatboxOptions, natbox_options_free)

/* "192.0.2.1,192.0.2.2" into guint32 of host byte order; NULL with @error set. */
GArray *natbox_addresses_parse(const char *text, GError **error);
/* A probability from 0 to 1; a number of milliseconds into µs. */
gboolean natbox_probability_parse(gdouble *ret, const char *text, GError **error);
gboolean natbox_milliseconds_parse(gint64 *ret, const char *text, GError **error);

#endif

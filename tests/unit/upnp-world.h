/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of UPnP's on loopback, and a router: a web server in this process that can be told what
 * to answer. */
#pragma once

#include "portmap/upnp.h"

#include <gio/gio.h>

#define IP_TYPE "urn:schemas-upnp-org:service:WANIPConnection:"
#define SERVICE(type, url)                                                                         \
    "<service><serviceType>" type "</serviceType><controlURL>" url "</controlURL></service>"
#define DESCRIPTION(services)                                                                      \
    "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>"              \
    "<serviceList>" services "</serviceList></device></root>"
#define REPLY(fields)                                                                              \
    "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"    \
    "<s:Body><u:Reply>" fields "</u:Reply></s:Body></s:Envelope>"

typedef struct {
    /* The router. */
    GSocketService *service;
    GSocket *ssdp;
    GSource *ssdp_source;
    guint16 http_port;
    const char *first_location; /* sent before the true one */
    const char *description;
    char *raw; /* sent as it is, instead of the description; "" closes, "wait" does not answer */
    const char *external;
    GQueue add_errors; /* of guint: what the next additions get, then success */
    guint always;      /* the error of each addition */
    guint reserved_port;
    char *table[8];   /* the router's mappings, as it tells them; NULL ends */
    GPtrArray *calls; /* of char*: "Action port lease" */
    GPtrArray *held;  /* connections that get no answer */

    /* The client. */
    StileClock *clock;
    StileAddress gateway, internal;
    StileUpnp *upnp;
    guint found, mapped, failed;
    char *address;
    char *problem;
} UpnpWorld;

void upnp_world_set_up(UpnpWorld *world, gconstpointer data);
void upnp_world_tear_down(UpnpWorld *world, gconstpointer data);
/** Until *@count is @n. */
void upnp_world_wait(const guint *count, guint n);
/** The router's @i-th call was @call. */
void upnp_world_assert_call(UpnpWorld *world, guint i, const char *call);
/** Maps, and waits until it is done. */
void upnp_world_map(UpnpWorld *world);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"

G_BEGIN_DECLS

/**
 * StileAvahi:
 *
 * Publishes one DNS-SD service (RFC 6763) on the local network and looks for others of its type,
 * with the Avahi daemon, over a connection of its own to the system bus: when that is closed, Avahi
 * forgets all that we have asked for. A daemon that is not there, goes away, comes back, is busy
 * with its host name, or refuses, is said once and waited for; it is never started by us.
 */
typedef struct _StileAvahi StileAvahi;

/* Where a service was seen: the same one may be seen at several places. */
typedef struct {
    gint32 interface; /* index */
    gint32 protocol;  /* Avahi's: 0 IPv4, 1 IPv6 */
    const char *name; /* of the instance */
    const char *domain;
} StileAvahiService;

/* Called from the main loop only, never from inside one of the functions below; each but @name and
 * @lost_all may free the StileAvahi. */
typedef struct {
    /* @reason: `connected`, or why not, in words for a person */
    void (*state)(gpointer user_data, gboolean up, const char *reason);
    /* Returns: (transfer full): an instance name that was never used before */
    char *(*name)(gpointer user_data);
    void (*found)(gpointer user_data, const StileAvahiService *service);
    void (*lost)(gpointer user_data, const StileAvahiService *service);
    /* Avahi has gone, and with it all that was found. */
    void (*lost_all)(gpointer user_data);
    /* The answer to stile_avahi_resolve(). @address: (nullable): in numbers */
    void (*resolved)(gpointer user_data, const StileAvahiService *service, const char *address,
                     guint16 port);
} StileAvahiOps;

/** @type: of the service: `_name._tcp` */
StileAvahi *stile_avahi_new(StileClock *clock, const char *type, const StileAvahiOps *ops,
                            gpointer user_data);
void stile_avahi_free(StileAvahi *avahi);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileAvahi, stile_avahi_free)

/**
 * stile_avahi_publish:
 * @interfaces: of guint: the indices of the links to publish on
 *
 * From now on, in place of what was published, under another name.
 */
void stile_avahi_publish(StileAvahi *avahi, guint16 port, const GArray *interfaces);
/** Asks for the address of @service; `resolved` is called within some seconds, unless Avahi goes.
 */
void stile_avahi_resolve(StileAvahi *avahi, const StileAvahiService *service);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "rendezvous/envelope.h"

G_BEGIN_DECLS

/**
 * StileLan:
 *
 * The side channel without a broker: members on the same local network find each other by mDNS,
 * connect, tell each other their presences and exchange messages, in the same envelopes as over a
 * broker. Only neighbours are talked to, and only over links that are a local network.
 */
typedef struct _StileLan StileLan;

/* Called from the main loop only, never from inside one of the functions below; each but @seal
 * may free the StileLan. */
typedef struct {
    /* As of StileRendezvousOps; the URL is `mdns:`. */
    void (*state)(gpointer user_data, gboolean up, const char *reason);
    /* Our presence, sealed with @envelopes.
     * Returns: (transfer full) (nullable): %NULL: we do not show ourselves */
    GByteArray *(*seal)(gpointer user_data, const StileEnvelopes *envelopes);
    /* Opened, right, and said just now: its epoch means nothing. */
    void (*presence)(gpointer user_data, const StilePresenceStamp *presence,
                     const StileOpened *opened);
    /* The last connection to a device is over; @last: its last presence over it */
    void (*left)(gpointer user_data, const StilePresenceStamp *last);
    void (*message)(gpointer user_data, const guint8 *data, gsize size);
} StileLanOps;

/**
 * stile_lan_new:
 * @envelopes: outlives the StileLan
 * @device: our own Ed25519 public key
 *
 * What goes wrong with Avahi is told by the state.
 *
 * Errors: those of GIO
 */
StileLan *stile_lan_new(StileClock *clock, const guint8 network_key[STILE_KEY_SIZE],
                        const StileEnvelopes *envelopes, const guint8 device[STILE_KEY_SIZE],
                        const StileLanOps *ops, gpointer user_data, GError **error);
/** Ends all connections. */
void stile_lan_free(StileLan *lan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileLan, stile_lan_free)

/** Our presence has changed: seals it for every connection. */
void stile_lan_announce(StileLan *lan);
/** Whether there is a connection to @device. */
gboolean stile_lan_reaches(StileLan *lan, const guint8 device[STILE_KEY_SIZE]);
/** @sealed: a message for the inbox of @device. Returns: whether there was a connection to it */
gboolean stile_lan_send(StileLan *lan, const guint8 device[STILE_KEY_SIZE], const guint8 *sealed,
                        gsize size);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "rendezvous/lan-frame.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * StileLanLink:
 *
 * A TCP connection to a member on the local network, or to somebody who claims to be one: carries
 * the frames of lan-frame.h. The kernel finds out when the other side is gone without a word (TCP
 * keepalive), so that a link at rest wakes nobody up.
 */
typedef struct _StileLanLink StileLanLink;

/* Called from the main loop only, never from inside one of the functions below; each may free the
 * link. */
typedef struct {
    /* The other side has said its number: frames can be sent. @session: (transfer none) */
    void (*opened)(gpointer user_data, const StileLanSession *session);
    /* Whoever sent it knows the network's key. */
    void (*frame)(gpointer user_data, guint8 kind, const guint8 *body, gsize size);
    /* It is over: free it. */
    void (*closed)(gpointer user_data);
} StileLanLinkOps;

/** @connection: (transfer full) @dialled: whether we have connected */
StileLanLink *stile_lan_link_new(StileClock *clock, const StileLanKeys *keys,
                                 GSocketConnection *connection, gboolean dialled,
                                 const StileLanLinkOps *ops, gpointer user_data);
/** Ends it at once: what still waits to be sent is dropped. */
void stile_lan_link_free(StileLanLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileLanLink, stile_lan_link_free)

/** Returns: %FALSE when it is not open, or has too much to send already: the frame is dropped */
gboolean stile_lan_link_send(StileLanLink *link, StileLanKind kind, const void *body, gsize size);

G_END_DECLS

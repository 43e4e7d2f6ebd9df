/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stun/turn.h"

G_BEGIN_DECLS

/*
 * A TURN server of a few lines within a test, under the virtual clock, that can be told to
 * misbehave. It keeps the times of RFC 8656 by itself, so that a test can ask it whether a
 * permission or a channel ever lapsed. The real one is in test-turn-coturn.
 */
typedef struct {
    StileClock *clock;
    StileAddress address;
    const char *password;
    guint nonce; /* count up: the old one is stale */

    /* how to misbehave */
    gboolean silent;
    gboolean no_binding;
    gboolean keeps_what_is_there; /* Refresh deletes nothing */
    guint refuse;                 /* every Allocate, with this code */
    const char *refuse_words;
    gboolean refuse_without_integrity;
    StileAddress alternate;
    StileAddress forbidden; /* peer */
    guint32 lifetime;
    StileAddress mapped;

    /* what it has */
    gboolean allocated;
    gint64 allocated_until;
    guint16 relayed_port;
    GHashTable *permissions; /* address without port -> gint64 until */
    GHashTable *channels;    /* number -> StileAddress of the peer */
    GHashTable *bindings;    /* number -> gint64 until */

    /* what it saw */
    guint seen[16]; /* requests by method, challenged ones, too */
    guint with_family;
    guint most_peers;
    guint conflicts; /* ChannelBinds that RFC 8656 §12 forbids, or within 5 minutes */
    GPtrArray *data; /* of GBytes: by Send indication or channel */
    guint indications;
    guint channel_data;
} TurnServer;

void turn_server_init(TurnServer *server, StileClock *clock, const char *address);
void turn_server_clear(TurnServer *server);
/** Loses everything, as by a restart. */
void turn_server_forget(TurnServer *server);
/** Returns: (nullable): the answer to a datagram */
GBytes *turn_server_receive(TurnServer *server, const guint8 *data, gsize size);
gboolean turn_server_permits(TurnServer *server, const StileAddress *peer);
/** Returns: the number bound to @peer, 0 for none */
guint16 turn_server_channel(TurnServer *server, const StileAddress *peer);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stun/turn.h"
#include "turn-server.h"

G_BEGIN_DECLS

/*
 * A TURN client under a virtual clock, with some servers that can be told to misbehave and a
 * network between that takes its time.
 */

#define SECOND       G_USEC_PER_SEC
#define TURN_SERVERS 6
#define TURN_DELAY   (10 * G_TIME_SPAN_MILLISECOND) /* there, and back */

typedef struct {
    StileClock *clock;
    StileStunTransactions *transactions;
    StileTurn *turn;
    TurnServer servers[TURN_SERVERS];
    GQueue packets;
    StileTimer *delivery;
    guint sent;
    guint changes;
    guint failures; /* changes into FAILED */
    GString *received;
    StileAddress received_from;
    guint channels;
    guint16 channel;
    gboolean free_in_changed;
} TurnWorld;

/** From its text; has to be one. */
StileAddress turn_address(const char *text);
/** A peer's address, another one for each @n. */
StileAddress turn_peer_number(guint n);
/** A client of the first server. The one before must have been freed. */
void turn_make(TurnWorld *world, int family, const char *password);
void turn_set_up(TurnWorld *world, gconstpointer data);
void turn_tear_down(TurnWorld *world, gconstpointer data);
/** @bytes: (transfer full): arrives from @from, after the delay. */
void turn_enqueue(TurnWorld *world, const StileAddress *from, GBytes *bytes);
/** Lets time pass. */
void turn_pass(TurnWorld *world, gint64 seconds);
/** Starts the client, and waits until it is ready. */
void turn_start(TurnWorld *world);
void turn_assert_address(StileAddress actual, const char *expected);
void turn_assert_failed(TurnWorld *world, const char *error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stun/turn.h"

/* What every test keeps of its TURN client; the first member of the test's own struct, because the
 * ops below are given that. */
typedef struct {
    StileTurn *turn;   /* NULL while there is none */
    GString *received; /* by Data indication */
    guint16 channel;   /* 0 while there is none */
} CoturnClient;

void coturn_client_init(CoturnClient *client);
/** Leaves the TURN client, which may have been freed before, to the test. */
void coturn_client_clear(CoturnClient *client);

/* Ops of a TURN client. */
void coturn_client_on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer,
                               const guint8 *data, gsize size);
void coturn_client_on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer,
                              guint16 number);

/* Of a #CoturnClient, or of what has one as its first member. */
typedef gboolean (*CoturnCondition)(gpointer user_data);

gboolean is_ready(gpointer user_data);
gboolean has_channel(gpointer user_data);
gboolean has_received(gpointer user_data);
/** Runs the main loop until @condition holds of @user_data. */
void wait_for(gpointer user_data, CoturnCondition condition);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/endpoint.h"

G_BEGIN_DECLS

/*
 * Which of the ways to a peer carries its traffic. Pure: the same ways give the same choice.
 */

typedef enum {
    STILE_WAY_DIRECT,
    STILE_WAY_TURN,
    STILE_WAY_BROKER,
} StileWayKind;

/** The words of the contract: `direct`, `turn`, `broker` */
const char *stile_way_kind_to_string(StileWayKind kind);

/**
 * StileWay:
 * @id: of the way; never 0
 * @usable: it answered, and the data plane can use it
 * @unanswered: heartbeats in a row without an answer; at 2 it is in doubt
 * @rtt: microseconds; 0 for unknown
 * @loss: 0 to 1
 * @stream: (TURN) the server is reached by TCP or TLS: what one lost packet holds up comes late
 */
typedef struct {
    guint id;
    StileWayKind kind;
    gboolean usable;
    guint unanswered;
    gint64 rtt;
    double loss;
    gboolean stream;
} StileWay;

/* So many heartbeats without an answer put a way in doubt: its traffic then takes a second way too.
 */
#define STILE_WAY_DOUBT 2

/** What relays may be used for (`relay` in vpn.data). */
typedef enum {
    STILE_RELAY_AUTO,
    STILE_RELAY_ONLY,
    STILE_RELAY_NEVER,
} StileRelayPolicy;

/** @first, @second: ids of ways; 0 for none */
typedef struct {
    guint first;
    guint second;
} StileChoice;

/**
 * stile_way_cost:
 *
 * Returns: what using this way costs, in microseconds of imagined delay: its round trip, more for
 *   each loss, more for being a relay. So a direct way wins unless it is really bad: losing a
 *   quarter of its packets, or slower than the relay by a fifth of a second.
 */
gint64 stile_way_cost(const StileWay *way);

/**
 * stile_choose_way:
 * @current: id of the way in use, 0 for none
 *
 * The way in use is kept unless it is gone, in doubt, or another is better by a fifth and by 5 ms:
 * without that, two equal ways would alternate. A way in doubt stays first, and the best other one
 * becomes second: both carry everything until the doubt is over.
 */
StileChoice stile_choose_way(const StileWay *ways, gsize n_ways, guint current,
                             StileRelayPolicy policy);

G_END_DECLS

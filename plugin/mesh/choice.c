/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/choice.h"

#define MSEC ((gint64)1000)
/* A way that answered, but how fast is not known yet (the answer came to a repeated question). */
#define UNKNOWN_RTT (100 * MSEC)
/* A full link loses some heartbeats, too; the relay would not do better then. */
#define TURN_PENALTY   (200 * MSEC)
#define STREAM_PENALTY (200 * MSEC) /* on top of that */
#define BROKER_PENALTY (1000 * MSEC)
/* What a loss costs an application is about a retransmission timeout. */
#define LOSS_COST ((double)(1000 * MSEC))

const char *
stile_way_kind_to_string(StileWayKind kind)
{
    switch (kind) {
    case STILE_WAY_DIRECT:
        return "direct";
    case STILE_WAY_TURN:
        return "turn";
    case STILE_WAY_BROKER:
        return "broker";
    }
    return "";
}

gint64
stile_way_cost(const StileWay *way)
{
    gint64 cost = way->rtt > 0 ? way->rtt : UNKNOWN_RTT;

    cost += (gint64)(way->loss * LOSS_COST);
    if (way->kind == STILE_WAY_TURN)
        cost += TURN_PENALTY + (way->stream ? STREAM_PENALTY : 0);
    else if (way->kind == STILE_WAY_BROKER)
        cost += BROKER_PENALTY;
    return cost;
}

static gboolean
allowed(const StileWay *way, StileRelayPolicy policy)
{
    switch (policy) {
    case STILE_RELAY_ONLY:
        return way->usable && way->kind != STILE_WAY_DIRECT;
    case STILE_RELAY_NEVER:
        return way->usable && way->kind == STILE_WAY_DIRECT;
    case STILE_RELAY_AUTO:
        break;
    }
    return way->usable;
}

/* The cheapest way but @except; one that is not in doubt before one that is. */
static const StileWay *
best(const StileWay *ways, gsize n_ways, StileRelayPolicy policy, const StileWay *except)
{
    const StileWay *found = NULL;

    for (gsize i = 0; i < n_ways; i++) {
        const StileWay *way = &ways[i];
        gboolean doubt = way->unanswered >= STILE_WAY_DOUBT;

        if (way == except || !allowed(way, policy))
            continue;
        if (found) {
            gboolean found_doubt = found->unanswered >= STILE_WAY_DOUBT;

            if (doubt > found_doubt)
                continue;
            if (doubt == found_doubt && stile_way_cost(way) >= stile_way_cost(found))
                continue;
        }
        found = way;
    }
    return found;
}

static gboolean
much_better(const StileWay *way, const StileWay *than)
{
    gint64 gain = stile_way_cost(than) - stile_way_cost(way);

    return gain > 5 * MSEC && gain > stile_way_cost(than) / 5;
}

StileChoice
stile_choose_way(const StileWay *ways, gsize n_ways, guint current, StileRelayPolicy policy)
{
    const StileWay *first = NULL, *other;

    for (gsize i = 0; i < n_ways; i++)
        if (ways[i].id == current && allowed(&ways[i], policy))
            first = &ways[i];
    other = best(ways, n_ways, policy, first);
    if (!first)
        return (StileChoice){.first = other ? other->id : 0};
    if (first->unanswered >= STILE_WAY_DOUBT)
        return (StileChoice){.first = first->id, .second = other ? other->id : 0};
    if (other && other->unanswered == 0 && much_better(other, first))
        return (StileChoice){.first = other->id};
    return (StileChoice){.first = first->id};
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/connection-private.h"

#include "mesh/technique.h"

const char *
stile_way_state_to_string(StileWayState state)
{
    switch (state) {
    case STILE_WAY_CHECKING:
        return "checking";
    case STILE_WAY_WORKING:
        return "working";
    case STILE_WAY_STANDBY:
        return "standby";
    case STILE_WAY_FAILED:
        return "failed";
    }
    return "";
}

static StileWayState
way_state(const StileIcePair *pair)
{
    switch (pair->state) {
    case STILE_ICE_PAIR_SUCCEEDED:
        return STILE_WAY_STANDBY;
    case STILE_ICE_PAIR_FAILED:
        return STILE_WAY_FAILED;
    default:
        return STILE_WAY_CHECKING;
    }
}

static StileConnectionWay
way_of_pair(StileConnection *connection, const StileIcePair *pair)
{
    gboolean relayed = pair->local.type == STILE_CANDIDATE_RELAYED ||
                       pair->remote.type == STILE_CANDIDATE_RELAYED;
    StileConnectionWay way = {
        .way =
            {
                .id = STILE_WAY_ID_FIRST_PAIR + pair->id,
                .kind = relayed ? STILE_WAY_TURN : STILE_WAY_DIRECT,
                .usable = pair->state == STILE_ICE_PAIR_SUCCEEDED,
                .rtt = pair->rtt,
                .loss = pair->loss,
            },
        .state = way_state(pair),
        .technique = stile_technique_of_pair(pair, connection->locals),
        .endpoint = pair->endpoint,
        .local = pair->local.address,
        .remote = pair->remote.address,
    };

    if (way.way.usable)
        way.way.unanswered = stile_connection_unanswered(connection, pair);
    if (way.way.usable && way.endpoint.kind == STILE_ENDPOINT_TURN) {
        way.endpoint.channel = connection->ops->channel(connection->user_data, &way.endpoint.server,
                                                        &way.endpoint.remote);
        /* Without a channel the data plane could not use it. */
        way.way.usable = way.endpoint.channel != 0;
    }
    way.way.stream = stile_server_transport(&way.endpoint.server) != STILE_TRANSPORT_UDP;
    if (way.way.stream)
        way.endpoint.kind = STILE_ENDPOINT_CARRIED;
    return way;
}

GArray *
stile_connection_list_ways(StileConnection *connection)
{
    GArray *ways = g_array_new(FALSE, FALSE, sizeof(StileConnectionWay));
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(connection->agent);

    /* Not before the peer has said something: until it knows us, it would drop what we send, and a
     * handshake that was dropped is not repeated for seconds. */
    if (connection->broker && connection->remote_ufrag[0]) {
        StileConnectionWay broker = {
            .way = {.id = STILE_WAY_ID_BROKER, .kind = STILE_WAY_BROKER, .usable = TRUE},
            .state = STILE_WAY_STANDBY,
            .endpoint = {.kind = STILE_ENDPOINT_CARRIED},
        };

        g_array_append_val(ways, broker);
    }
    for (guint i = 0; i < pairs->len; i++) {
        StileConnectionWay way = way_of_pair(connection, pairs->pdata[i]);

        g_array_append_val(ways, way);
    }
    return ways;
}

const StileConnectionWay *
stile_connection_find_way(const GArray *ways, guint id)
{
    for (guint i = 0; id && i < ways->len; i++)
        if (g_array_index(ways, StileConnectionWay, i).way.id == id)
            return &g_array_index(ways, StileConnectionWay, i);
    return NULL;
}

gboolean
stile_connection_ways_alike(const GArray *a, const GArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        const StileConnectionWay *x = &g_array_index(a, StileConnectionWay, i);
        const StileConnectionWay *y = &g_array_index(b, StileConnectionWay, i);

        if (x->way.id != y->way.id || x->state != y->state || x->way.usable != y->way.usable ||
            !stile_endpoint_equal(&x->endpoint, &y->endpoint))
            return FALSE;
    }
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/relays.h"

#include "mesh/server-name.h"
#include "mesh/stream-relay.h"

#define PATIENCE (1 * G_TIME_SPAN_SECOND)  /* for UDP, before streams are tried */
#define REST     (30 * G_TIME_SPAN_SECOND) /* UDP serves so long before the streams are given up */

typedef struct {
    StileRelays *owner;
    StileTurnServer *config;
    StileServerName *name;    /* by UDP; else NULL */
    StileStreamRelay *stream; /* by TCP or TLS; else NULL. Neither, when the URI is not for us */
    StileRelay *shown;
    gboolean failed;        /* the last that was heard of the stream */
    StileTurn *turn;        /* NULL until there is an address, or a stream; owned by the latter */
    StileAddress unwrapped; /* the server whose channel data we had unwrapped */
} Server;

struct _StileRelays {
    StileClock *clock;
    StileStunTransactions *transactions;
    const StileRelaysOps *ops;
    gpointer user_data;
    GPtrArray *servers; /* of Server */
    GPtrArray *shown;   /* of StileRelay */
    gboolean udp_blocked;
    gboolean streaming; /* the streams are wanted */
    gboolean ending;
    StileTimer *patience, *rest;
};

static Server *
find(StileRelays *relays, const StileAddress *address)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];
        StileAddress used;

        if (!server->turn)
            continue;
        used = stile_turn_server(server->turn);
        if (stile_address_equal(&used, address))
            return server;
    }
    return NULL;
}

/* Which are wanted */

static void
want_streams(StileRelays *relays, gboolean wanted)
{
    stile_timer_stop(relays->patience);
    stile_timer_stop(relays->rest);
    if (relays->streaming == wanted)
        return;
    relays->streaming = wanted;
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (!server->stream)
            continue;
        server->failed = FALSE;
        stile_stream_relay_set_wanted(server->stream, wanted);
        if (wanted)
            stile_relay_update(server->shown, NULL);
        else
            stile_relay_stand_by(server->shown);
    }
}

static void
on_patience(gpointer user_data)
{
    want_streams(user_data, TRUE);
}

static void
on_rest(gpointer user_data)
{
    want_streams(user_data, FALSE);
}

static void
judge(StileRelays *relays)
{
    gboolean hope = FALSE, serves = FALSE;

    for (guint i = 0; i < relays->servers->len && !relays->udp_blocked; i++) {
        const Server *server = relays->servers->pdata[i];

        hope |= server->name != NULL;
        serves |= server->name && server->turn &&
                  stile_turn_state(server->turn) == STILE_TURN_READY;
    }
    if (!hope) {
        want_streams(relays, TRUE);
    } else if (!serves) {
        stile_timer_stop(relays->rest);
        if (!relays->streaming && !stile_timer_is_set(relays->patience))
            stile_timer_set_after(relays->patience, PATIENCE);
    } else {
        stile_timer_stop(relays->patience);
        if (relays->streaming && !stile_timer_is_set(relays->rest))
            stile_timer_set_after(relays->rest, REST);
    }
}

void
stile_relays_set_udp_blocked(StileRelays *relays, gboolean blocked)
{
    if (relays->udp_blocked == blocked)
        return;
    relays->udp_blocked = blocked;
    for (guint i = 0; i < relays->servers->len && !blocked; i++) {
        Server *server = relays->servers->pdata[i];

        /* What it waits for until it tries again is over. */
        if (server->name && server->turn && stile_turn_state(server->turn) != STILE_TURN_READY)
            stile_turn_restart(server->turn);
    }
    judge(relays);
}

/* The TURN clients */

static void
unwrap(Server *server, const StileAddress *address)
{
    StileRelays *relays = server->owner;

    if (stile_address_equal(&server->unwrapped, address))
        return;
    if (stile_address_is_set(&server->unwrapped))
        relays->ops->server(relays->user_data, &server->unwrapped, FALSE);
    server->unwrapped = *address;
    if (stile_address_is_set(address))
        relays->ops->server(relays->user_data, address, TRUE);
}

static void
on_changed(gpointer user_data, StileTurn *turn)
{
    Server *server = user_data;
    StileRelays *relays = server->owner;
    StileAddress address = stile_turn_server(turn);

    if (!server->stream)
        unwrap(server, &address);
    server->failed &= stile_turn_state(turn) != STILE_TURN_READY;
    /* What went wrong stays in sight until it goes right. */
    if (!server->failed)
        stile_relay_update(server->shown, turn);
    relays->ops->changed(relays->user_data, turn);
    if (stile_turn_state(turn) == STILE_TURN_READY)
        relays->ops->ready(relays->user_data);
    if (!server->stream)
        judge(relays);
}

/* What came out of a relay: a check, or a WireGuard message. */
static void
take(Server *server, StileEndpoint *from, const guint8 *data, gsize size)
{
    StileRelays *relays = server->owner;
    StileStunMessage message;

    if (!stile_stun_looks_like(data, size)) {
        if (server->stream)
            from->kind = STILE_ENDPOINT_CARRIED;
        relays->ops->packet(relays->user_data, from, data, size);
    } else if (stile_stun_message_parse(&message, data, size, NULL)) {
        relays->ops->message(relays->user_data, &message, from);
    }
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    StileEndpoint from = {
        .kind = STILE_ENDPOINT_TURN,
        .remote = *peer,
        .server = stile_turn_server(turn),
    };

    take(user_data, &from, data, size);
}

static void
on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    Server *server = user_data;

    server->owner->ops->channel(server->owner->user_data);
}

static const StileTurnOps turn_ops = {
    .changed = on_changed,
    .received = on_received,
    .channel = on_channel,
};

static void
on_found(gpointer user_data, const StileAddress *address)
{
    Server *server = user_data;
    StileRelays *relays = server->owner;

    if (server->turn) {
        relays->ops->gone(relays->user_data, server->turn);
        stile_turn_free(server->turn);
    }
    server->turn = stile_turn_new(relays->clock, relays->transactions, address, AF_INET,
                                  server->config->username, server->config->password, &turn_ops,
                                  server);
    unwrap(server, address);
    stile_turn_start(server->turn);
    stile_relay_update(server->shown, server->turn);
    relays->ops->found(relays->user_data, address);
}

static void
on_not_found(gpointer user_data, const char *text)
{
    Server *server = user_data;

    stile_relay_fail(server->shown, text);
}

static const StileServerNameOps name_ops = {
    .found = on_found,
    .failed = on_not_found,
};

static void
on_begun(gpointer user_data, StileTurn *turn)
{
    Server *server = user_data;

    server->turn = turn;
}

static void
on_ended(gpointer user_data, StileTurn *turn)
{
    Server *server = user_data;

    server->turn = NULL;
    if (server->owner->ending)
        return;
    stile_relay_update(server->shown, NULL);
    server->owner->ops->gone(server->owner->user_data, turn);
}

static void
on_stream_failed(gpointer user_data, const char *text)
{
    Server *server = user_data;

    server->failed = TRUE;
    stile_relay_fail(server->shown, text);
}

static void
on_channel_data(gpointer user_data, guint16 channel, const guint8 *data, gsize size)
{
    Server *server = user_data;
    StileEndpoint from = {.kind = STILE_ENDPOINT_TURN};

    if (!server->turn || !stile_turn_channel_peer(server->turn, channel, &from.remote))
        return;
    from.server = stile_turn_server(server->turn);
    take(server, &from, data, size);
}

static const StileStreamRelayOps stream_ops = {
    .turn =
        {
            .changed = on_changed,
            .received = on_received,
            .channel = on_channel,
        },
    .begun = on_begun,
    .ended = on_ended,
    .failed = on_stream_failed,
    .channel_data = on_channel_data,
};

static void
server_free(gpointer pointer)
{
    Server *server = pointer;

    if (!server->stream)
        g_clear_pointer(&server->turn, stile_turn_free);
    g_clear_pointer(&server->stream, stile_stream_relay_free);
    g_clear_pointer(&server->name, stile_server_name_free);
    g_clear_pointer(&server->config, stile_turn_server_free);
    g_clear_object(&server->shown);
    g_free(server);
}

static void
add(StileRelays *relays, const StileTurnServer *config, gboolean ipv4, gboolean ipv6)
{
    Server *server = g_new0(Server, 1);
    g_auto(StileServerUri) uri = {0};
    g_autoptr(GError) error = NULL;

    server->owner = relays;
    server->config = stile_turn_server_new(config->uri, config->username, config->password);
    server->shown = stile_relay_new(relays->shown->len + 1, config->uri);
    g_ptr_array_add(relays->shown, g_object_ref(server->shown));
    g_ptr_array_add(relays->servers, server);
    if (!stile_turn_uri_parse(&uri, config->uri, &error)) {
        stile_relay_fail(server->shown, error->message);
    } else if (uri.transport == STILE_TRANSPORT_UDP) {
        server->name = stile_server_name_new(relays->clock, &uri, ipv4, ipv6, &name_ops, server);
    } else {
        stile_relay_set_transport(server->shown, uri.transport);
        stile_relay_stand_by(server->shown);
        server->stream = stile_stream_relay_new(relays->clock, &uri, (guint16)relays->servers->len,
                                                config->username, config->password, &stream_ops,
                                                server);
    }
}

StileRelays *
stile_relays_new(StileClock *clock, StileStunTransactions *transactions, const GPtrArray *servers,
                 gboolean ipv4, gboolean ipv6, const StileRelaysOps *ops, gpointer user_data)
{
    StileRelays *relays = g_new0(StileRelays, 1);

    relays->clock = stile_clock_ref(clock);
    relays->transactions = transactions;
    relays->ops = ops;
    relays->user_data = user_data;
    relays->servers = g_ptr_array_new_with_free_func(server_free);
    relays->shown = g_ptr_array_new_with_free_func(g_object_unref);
    relays->patience = stile_timer_new(clock, on_patience, relays);
    relays->rest = stile_timer_new(clock, on_rest, relays);
    for (guint i = 0; servers && i < servers->len; i++)
        add(relays, servers->pdata[i], ipv4, ipv6);
    return relays;
}

void
stile_relays_free(StileRelays *relays)
{
    if (!relays)
        return;
    relays->ending = TRUE;
    g_ptr_array_unref(relays->servers);
    g_ptr_array_unref(relays->shown);
    stile_timer_free(relays->patience);
    stile_timer_free(relays->rest);
    stile_clock_unref(relays->clock);
    g_free(relays);
}

void
stile_relays_look_up(StileRelays *relays)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->name)
            stile_server_name_look_up(server->name);
    }
    judge(relays);
}

void
stile_relays_restart(StileRelays *relays)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->stream)
            stile_stream_relay_restart(server->stream);
        else if (server->turn)
            stile_turn_restart(server->turn);
    }
}

void
stile_relays_set_nat64(StileRelays *relays, const StilePrefix *prefix)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->name)
            stile_server_name_set_nat64(server->name, prefix);
    }
}

gboolean
stile_relays_ready(StileRelays *relays)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->turn && stile_turn_state(server->turn) == STILE_TURN_READY)
            return TRUE;
    }
    return FALSE;
}

GPtrArray *
stile_relays_shown(StileRelays *relays)
{
    return relays->shown;
}

/* A relay on the internet cannot reach into a private network, and need not know what is there. */
static gboolean
can_relay_to(StileTurn *turn, const StileAddress *remote)
{
    StileAddress relayed = stile_turn_relayed(turn);

    return stile_turn_state(turn) == STILE_TURN_READY &&
           stile_address_family(&relayed) == stile_address_family(remote) &&
           (stile_address_is_inside(&relayed) || !stile_address_is_inside(remote));
}

void
stile_relays_permit(StileRelays *relays, const StileAddress *remote)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->turn && can_relay_to(server->turn, remote))
            stile_turn_permit(server->turn, remote);
    }
}

void
stile_relays_forget(StileRelays *relays, const StileAddress *remote)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->turn)
            stile_turn_forget(server->turn, remote);
    }
}

guint16
stile_relays_channel(StileRelays *relays, const StileAddress *server, const StileAddress *remote)
{
    Server *found = find(relays, server);

    return found ? stile_turn_bind(found->turn, remote) : 0;
}

void
stile_relays_send(StileRelays *relays, const StileEndpoint *to, const guint8 *data, gsize size)
{
    Server *server = find(relays, &to->server);

    if (server)
        stile_turn_send(server->turn, &to->remote, data, size);
}

void
stile_relays_carry(StileRelays *relays, const StileEndpoint *to, const guint8 *data, gsize size)
{
    StileEndpoint endpoint = *to;

    endpoint.kind = STILE_ENDPOINT_TURN;
    stile_relays_send(relays, &endpoint, data, size);
}

gboolean
stile_relays_channel_peer(StileRelays *relays, const StileAddress *server, guint16 channel,
                          StileAddress *ret)
{
    Server *found = find(relays, server);

    return found && stile_turn_channel_peer(found->turn, channel, ret);
}

void
stile_relays_receive(StileRelays *relays, const StileStunMessage *message,
                     const StileEndpoint *from)
{
    Server *server = find(relays, &from->remote);

    if (server)
        stile_turn_receive(server->turn, message, from);
}

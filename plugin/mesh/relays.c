/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/relays.h"

#include "mesh/server-name.h"

typedef struct {
    StileRelays *owner;
    StileTurnServer *config;
    StileServerName *name; /* NULL when the URI is not for us */
    StileRelay *shown;
    StileTurn *turn;        /* NULL until its address is known */
    StileAddress unwrapped; /* the server whose channel data we had unwrapped */
} Server;

struct _StileRelays {
    StileClock *clock;
    StileStunTransactions *transactions;
    const StileRelaysOps *ops;
    gpointer user_data;
    GPtrArray *servers; /* of Server */
    GPtrArray *shown;   /* of StileRelay */
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

    unwrap(server, &address);
    stile_relay_update(server->shown, turn);
    relays->ops->changed(relays->user_data, turn);
    if (stile_turn_state(turn) == STILE_TURN_READY)
        relays->ops->ready(relays->user_data);
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    Server *server = user_data;
    StileRelays *relays = server->owner;
    StileEndpoint from = {
        .kind = STILE_ENDPOINT_TURN,
        .remote = *peer,
        .server = stile_turn_server(turn),
    };
    StileStunMessage message;

    if (!stile_stun_looks_like(data, size))
        relays->ops->packet(relays->user_data, &from, data, size);
    else if (stile_stun_message_parse(&message, data, size, NULL))
        relays->ops->message(relays->user_data, &message, &from);
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
server_free(gpointer pointer)
{
    Server *server = pointer;

    g_clear_pointer(&server->turn, stile_turn_free);
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
    if (stile_turn_uri_parse(&uri, config->uri, &error))
        server->name = stile_server_name_new(relays->clock, &uri, ipv4, ipv6, &name_ops, server);
    else
        stile_relay_fail(server->shown, error->message);
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
    for (guint i = 0; servers && i < servers->len; i++)
        add(relays, servers->pdata[i], ipv4, ipv6);
    return relays;
}

void
stile_relays_free(StileRelays *relays)
{
    if (!relays)
        return;
    g_ptr_array_unref(relays->servers);
    g_ptr_array_unref(relays->shown);
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
}

void
stile_relays_restart(StileRelays *relays)
{
    for (guint i = 0; i < relays->servers->len; i++) {
        Server *server = relays->servers->pdata[i];

        if (server->turn)
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

gboolean
stile_relays_known(StileRelays *relays)
{
    for (guint i = 0; i < relays->servers->len; i++)
        if (((Server *)relays->servers->pdata[i])->turn)
            return TRUE;
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

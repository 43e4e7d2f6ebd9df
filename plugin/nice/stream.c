/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nice/stream.h"

#include "base/source.h"
#include "ice/agent.h"
#include "ice/gather.h"
#include "io/socket.h"
#include "nice/candidate-private.h"
#include "stun/channel-data.h"
#include <glib-unix.h>

/* How often we ask whether the selected pair still works; five without an answer and it is given
 * up. The others are only kept open in the NATs on the way. */
#define HEARTBEAT_SELECTED (2500 * G_TIME_SPAN_MILLISECOND)
#define HEARTBEAT_STANDBY  (15 * G_USEC_PER_SEC)

#define MAX_BATCHES 4 /* until the rest of the main loop has its turn */

typedef struct {
    StileAddress server;
    char *username;
    char *password;
    StileTurn *turn; /* NULL before gathering */
} Relay;

/** One of the two sockets. */
typedef struct {
    StileNiceStream *stream;
    StileSocket *socket; /* NULL: none of this family */
    GSource *source;
} Port;

struct _StileNiceStream {
    guint refs;
    gboolean closed;
    guint id;
    GMainContext *context;
    StileClock *clock;
    StileNiceStreamOps ops;
    gpointer user_data;

    guint16 min_port, max_port;
    Port ports[2]; /* IPv4, IPv6 */
    StileReceiveBuffers *buffers;
    StileStunTransactions *transactions;
    StileIceAgent *ice;
    StileGatherer *gatherer; /* NULL before gathering */
    GPtrArray *relays;       /* of Relay, owned */
    gboolean relay_only;

    GPtrArray *locals;  /* of NiceCandidate, owned */
    GPtrArray *remotes; /* of NiceCandidate, owned */
    NiceComponentState state;
    guint selected;        /* id of the pair; 0 for none */
    StileEndpoint way;     /* of the selected pair */
    NiceCandidate *local;  /* of the selected pair */
    NiceCandidate *remote; /* of the selected pair */
};

static void
relay_free(Relay *relay)
{
    stile_turn_free(relay->turn);
    g_free(relay->username);
    g_free(relay->password);
    g_free(relay);
}

static void
stream_unref(StileNiceStream *stream)
{
    if (--stream->refs > 0)
        return;
    stile_ice_agent_free(stream->ice);
    g_clear_pointer(&stream->gatherer, stile_gatherer_free);
    g_ptr_array_unref(stream->relays);
    stile_stun_transactions_free(stream->transactions);
    for (gsize i = 0; i < G_N_ELEMENTS(stream->ports); i++)
        g_clear_pointer(&stream->ports[i].socket, stile_socket_unref);
    g_clear_pointer(&stream->buffers, stile_receive_buffers_free);
    g_ptr_array_unref(stream->locals);
    g_ptr_array_unref(stream->remotes);
    nice_candidate_free(stream->local);
    nice_candidate_free(stream->remote);
    stile_clock_unref(stream->clock);
    g_main_context_unref(stream->context);
    g_free(stream);
}

void
stile_nice_stream_close(StileNiceStream *stream)
{
    stream->closed = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(stream->ports); i++)
        stile_source_clear(&stream->ports[i].source);
    stream_unref(stream);
}

/* Sending. */

static gboolean
send_udp(StileNiceStream *stream, const StileEndpoint *to, const void *data, gsize size)
{
    const Port *port = &stream->ports[stile_address_family(&to->remote) == AF_INET6];

    return port->socket &&
           stile_socket_send(port->socket, stile_address_is_set(&to->local) ? &to->local : NULL,
                             &to->remote, data, size) == 0;
}

static StileTurn *
turn_at(StileNiceStream *stream, const StileAddress *server)
{
    for (guint i = 0; i < stream->relays->len; i++) {
        Relay *relay = g_ptr_array_index(stream->relays, i);
        StileAddress used = relay->turn ? stile_turn_server(relay->turn) : relay->server;

        if (relay->turn && stile_address_equal(&used, server))
            return relay->turn;
    }
    return NULL;
}

static gboolean
send_to(StileNiceStream *stream, const StileEndpoint *to, const void *data, gsize size)
{
    StileTurn *turn;

    if (to->kind == STILE_ENDPOINT_UDP)
        return send_udp(stream, to, data, size);
    if (to->kind != STILE_ENDPOINT_TURN || !(turn = turn_at(stream, &to->server)))
        return FALSE;
    stile_turn_send(turn, &to->remote, data, size);
    return TRUE;
}

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    send_to(user_data, to, data, size);
}

gboolean
stile_nice_stream_send(StileNiceStream *stream, const void *data, gsize size)
{
    return stream->selected != 0 && send_to(stream, &stream->way, data, size);
}

/* Receiving. */

static gboolean
same_way(const StileEndpoint *a, const StileEndpoint *b)
{
    return a->kind == b->kind && stile_address_equal(&a->remote, &b->remote) &&
           stile_address_equal(&a->server, &b->server);
}

/* Data counts only from where a check succeeded: nobody else has shown to be the peer. */
static gboolean
is_peer(StileNiceStream *stream, const StileEndpoint *from)
{
    g_autoptr(GPtrArray) pairs = NULL;

    if (stream->selected != 0 && same_way(&stream->way, from))
        return TRUE;
    pairs = stile_ice_agent_pairs(stream->ice);
    for (guint i = 0; i < pairs->len; i++) {
        const StileIcePair *pair = g_ptr_array_index(pairs, i);

        if (pair->state == STILE_ICE_PAIR_SUCCEEDED && same_way(&pair->endpoint, from))
            return TRUE;
    }
    return FALSE;
}

static gboolean
take_stun(StileNiceStream *stream, const guint8 *data, gsize size, const StileEndpoint *from)
{
    StileStunMessage message;

    if (!stile_stun_looks_like(data, size))
        return FALSE;
    if (!stile_stun_message_parse(&message, data, size, NULL) ||
        stile_stun_transactions_receive(stream->transactions, &message, from))
        return TRUE;
    for (guint i = 0; i < stream->relays->len; i++) {
        Relay *relay = g_ptr_array_index(stream->relays, i);

        if (relay->turn && stile_turn_receive(relay->turn, &message, from))
            return TRUE;
    }
    if (stile_ice_agent_owns(stream->ice, &message))
        stile_ice_agent_receive(stream->ice, &message, from);
    return TRUE;
}

static void
take_payload(StileNiceStream *stream, guint8 *data, gsize size, const StileEndpoint *from)
{
    if (!take_stun(stream, data, size, from) && is_peer(stream, from) && !stream->closed)
        stream->ops.received(stream->user_data, stream->id, data, size);
}

static void
take_datagram(StileNiceStream *stream, guint8 *data, gsize size, const StileDatagram *datagram)
{
    StileEndpoint from = {
        .kind = STILE_ENDPOINT_UDP,
        .remote = datagram->remote,
        .local = datagram->local,
    };
    StileTurn *turn = turn_at(stream, &datagram->remote);
    const guint8 *payload;
    guint16 channel;
    gsize length;

    if (turn && stile_channel_data_parse(data, size, &channel, &payload, &length)) {
        if (!stile_turn_channel_peer(turn, channel, &from.remote))
            return;
        from.kind = STILE_ENDPOINT_TURN;
        from.server = datagram->remote;
        data += payload - data;
        size = length;
    }
    take_payload(stream, data, size, &from);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    Port *port = user_data;
    StileNiceStream *stream = port->stream;
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    guint n = STILE_SOCKET_MAX_BATCH;

    stream->refs++;
    for (guint batch = 0; batch < MAX_BATCHES && n == STILE_SOCKET_MAX_BATCH; batch++) {
        n = stile_socket_receive(port->socket, stream->buffers, datagrams, STILE_SOCKET_MAX_BATCH);
        for (guint i = 0; i < n; i++)
            for (gsize at = 0; at < datagrams[i].size && !stream->closed;
                 at += datagrams[i].segment)
                take_datagram(stream, datagrams[i].data + at,
                              MIN(datagrams[i].segment, datagrams[i].size - at), &datagrams[i]);
    }
    stream_unref(stream);
    return G_SOURCE_CONTINUE; /* a destroyed source stays so */
}

/* What ICE tells. */

static NiceComponentState
judge(StileNiceStream *stream)
{
    g_autoptr(GPtrArray) pairs = stile_ice_agent_pairs(stream->ice);

    if (stream->selected != 0)
        return NICE_COMPONENT_STATE_READY;
    for (guint i = 0; i < pairs->len; i++)
        if (((const StileIcePair *)g_ptr_array_index(pairs, i))->state != STILE_ICE_PAIR_FAILED)
            return NICE_COMPONENT_STATE_CONNECTING;
    return pairs->len > 0 ? NICE_COMPONENT_STATE_FAILED : stream->state;
}

static void
set_state(StileNiceStream *stream, NiceComponentState state)
{
    if (state == stream->state || stream->closed)
        return;
    if (state == NICE_COMPONENT_STATE_READY)
        stream->ops.state(stream->user_data, stream->id, NICE_COMPONENT_STATE_CONNECTED);
    stream->state = state;
    stream->ops.state(stream->user_data, stream->id, state);
}

static void
take_selected(StileNiceStream *stream)
{
    const StileIcePair *pair = stile_ice_agent_selected(stream->ice);
    guint before = stream->selected;

    if (pair && pair->id == before) {
        stream->way = pair->endpoint;
        return;
    }
    g_clear_pointer(&stream->local, nice_candidate_free);
    g_clear_pointer(&stream->remote, nice_candidate_free);
    stream->selected = pair ? pair->id : 0;
    if (pair) {
        StileTurn *turn = turn_at(stream, &pair->endpoint.server);

        stream->way = pair->endpoint;
        stream->local = stile_nice_candidate_new(&pair->local, stream->id);
        stream->remote = stile_nice_candidate_new(&pair->remote, stream->id);
        if (turn)
            stile_turn_bind(turn, &pair->endpoint.remote);
        if (!stream->closed)
            stream->ops.selected(stream->user_data, stream->id, nice_candidate_copy(stream->local),
                                 nice_candidate_copy(stream->remote));
        stile_ice_agent_set_heartbeat(stream->ice, stream->selected, HEARTBEAT_SELECTED);
    }
    stile_ice_agent_set_heartbeat(stream->ice, before, HEARTBEAT_STANDBY);
}

static void
on_pair_changed(gpointer user_data, const StileIcePair *pair)
{
    StileNiceStream *stream = user_data;

    take_selected(stream);
    if (pair->state == STILE_ICE_PAIR_SUCCEEDED && pair->id != stream->selected)
        stile_ice_agent_set_heartbeat(stream->ice, pair->id, HEARTBEAT_STANDBY);
    set_state(stream, judge(stream));
}

static void
on_pair_removed(gpointer user_data, const StileIcePair *pair)
{
    StileNiceStream *stream = user_data;

    take_selected(stream);
    set_state(stream, judge(stream));
}

static void
on_idle(gpointer user_data)
{
    StileNiceStream *stream = user_data;

    set_state(stream, judge(stream));
}

static void
on_permit(gpointer user_data, const StileAddress *remote)
{
    StileNiceStream *stream = user_data;

    for (guint i = 0; i < stream->relays->len; i++) {
        Relay *relay = g_ptr_array_index(stream->relays, i);

        if (relay->turn && stile_address_family(remote) == AF_INET)
            stile_turn_permit(relay->turn, remote);
    }
}

/* Gathering. */

static void
on_added(gpointer user_data, const StileCandidate *candidate)
{
    StileNiceStream *stream = user_data;
    NiceCandidate *face;

    /* A zone cannot be told to the peer in libnice's terms, nor be told by it. */
    if (stile_address_scope(&candidate->address) == STILE_ADDRESS_LINK_LOCAL ||
        (stream->relay_only && candidate->type != STILE_CANDIDATE_RELAYED))
        return;
    face = stile_nice_candidate_new(candidate, stream->id);
    g_ptr_array_add(stream->locals, face);
    stile_ice_agent_add_local(stream->ice, candidate);
    if (!stream->closed)
        stream->ops.candidate(stream->user_data, stream->id, nice_candidate_copy(face));
}

static void
on_removed(gpointer user_data, const StileCandidate *candidate)
{
    StileNiceStream *stream = user_data;
    NiceCandidate *face = stile_nice_candidate_new(candidate, stream->id);

    for (guint i = stream->locals->len; i-- > 0;) {
        const NiceCandidate *known = g_ptr_array_index(stream->locals, i);

        if (known->type == face->type && nice_candidate_equal_target(known, face) &&
            nice_address_equal(&known->base_addr, &face->base_addr))
            g_ptr_array_remove_index(stream->locals, i);
    }
    nice_candidate_free(face);
    stile_ice_agent_remove_local(stream->ice, candidate);
}

static void
on_complete(gpointer user_data)
{
    StileNiceStream *stream = user_data;

    if (!stream->closed)
        stream->ops.gathered(stream->user_data, stream->id);
}

static void
on_turn_changed(gpointer user_data, StileTurn *turn)
{
    StileNiceStream *stream = user_data;

    if (stream->gatherer)
        stile_gatherer_turn_changed(stream->gatherer, turn);
}

static void
on_turn_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
                 gsize size)
{
    StileNiceStream *stream = user_data;
    StileEndpoint from = {
        .kind = STILE_ENDPOINT_TURN,
        .remote = *peer,
        .server = stile_turn_server(turn),
    };
    g_autofree guint8 *copy = g_memdup2(data, size);

    take_payload(stream, copy, size, &from);
}

static StileSocket *
open_socket(StileNiceStream *stream, int family)
{
    if (stream->max_port == 0)
        return stile_socket_new(family, 0, NULL);
    for (guint port = stream->min_port; port <= stream->max_port; port++) {
        StileSocket *socket = stile_socket_new(family, (guint16)port, NULL);

        if (socket)
            return socket;
    }
    return NULL;
}

static void
open_port(StileNiceStream *stream, Port *port, int family)
{
    port->stream = stream;
    if (!(port->socket = open_socket(stream, family)))
        return;
    port->source = g_unix_fd_source_new(stile_socket_fd(port->socket), G_IO_IN);
    g_source_set_callback(port->source, G_SOURCE_FUNC(on_readable), port, NULL);
    g_source_attach(port->source, stream->context);
}

static void
start_relays(StileNiceStream *stream)
{
    static const StileTurnOps ops = {.changed = on_turn_changed, .received = on_turn_received};

    for (guint i = 0; i < stream->relays->len; i++) {
        Relay *relay = g_ptr_array_index(stream->relays, i);

        relay->turn = stile_turn_new(stream->clock, stream->transactions, &relay->server, AF_INET,
                                     relay->username, relay->password, &ops, stream);
        stile_turn_start(relay->turn);
    }
}

gboolean
stile_nice_stream_gather(StileNiceStream *stream, const GArray *addresses, const StileAddress *stun,
                         gboolean relay_only)
{
    static const StileGathererOps ops = {
        .added = on_added, .removed = on_removed, .complete = on_complete};
    guint16 port4, port6;

    if (stream->gatherer)
        return FALSE;
    open_port(stream, &stream->ports[0], AF_INET);
    open_port(stream, &stream->ports[1], AF_INET6);
    port4 = stream->ports[0].socket ? stile_socket_port(stream->ports[0].socket) : 0;
    port6 = stream->ports[1].socket ? stile_socket_port(stream->ports[1].socket) : 0;
    if (port4 == 0 && port6 == 0)
        return FALSE;
    stream->buffers = stile_receive_buffers_new();
    stream->relay_only = relay_only;
    stream->gatherer = stile_gatherer_new(stream->clock, stream->transactions, port4, port6, &ops,
                                          stream);
    set_state(stream, NICE_COMPONENT_STATE_GATHERING);
    if (stile_address_is_set(stun))
        stile_gatherer_add_stun_server(stream->gatherer, stun);
    stile_gatherer_set_active(stream->gatherer, TRUE);
    start_relays(stream);
    stile_gatherer_set_links(stream->gatherer, addresses, NULL);
    return TRUE;
}

void
stile_nice_stream_set_links(StileNiceStream *stream, const GArray *addresses)
{
    if (stream->gatherer)
        stile_gatherer_set_links(stream->gatherer, addresses, NULL);
}

StileNiceStream *
stile_nice_stream_new(guint id, GMainContext *context, StileClock *clock, gboolean controlling,
                      const StileNiceStreamOps *ops, gpointer user_data)
{
    static const StileIceAgentOps ice_ops = {on_pair_changed, on_pair_removed, on_idle, on_permit};
    StileNiceStream *stream = g_new0(StileNiceStream, 1);

    stream->refs = 1;
    stream->id = id;
    stream->context = g_main_context_ref(context);
    stream->clock = stile_clock_ref(clock);
    stream->ops = *ops;
    stream->user_data = user_data;
    stream->transactions = stile_stun_transactions_new(clock, on_send, stream);
    stream->ice = stile_ice_agent_new(clock, stream->transactions, controlling, &ice_ops, stream);
    stream->relays = g_ptr_array_new_with_free_func((GDestroyNotify)relay_free);
    stream->locals = g_ptr_array_new_with_free_func((GDestroyNotify)nice_candidate_free);
    stream->remotes = g_ptr_array_new_with_free_func((GDestroyNotify)nice_candidate_free);
    return stream;
}

guint
stile_nice_stream_id(StileNiceStream *stream)
{
    return stream->id;
}

void
stile_nice_stream_set_controlling(StileNiceStream *stream, gboolean controlling)
{
    stile_ice_agent_set_controlling(stream->ice, controlling);
}

void
stile_nice_stream_set_ports(StileNiceStream *stream, guint16 min, guint16 max)
{
    stream->min_port = min;
    stream->max_port = max;
}

void
stile_nice_stream_add_relay(StileNiceStream *stream, const StileAddress *server,
                            const char *username, const char *password)
{
    Relay *relay = g_new0(Relay, 1);

    relay->server = *server;
    relay->username = g_strdup(username);
    relay->password = g_strdup(password);
    g_ptr_array_add(stream->relays, relay);
}

void
stile_nice_stream_forget_relays(StileNiceStream *stream)
{
    for (guint i = stream->relays->len; i-- > 0;) {
        Relay *relay = g_ptr_array_steal_index(stream->relays, i);

        if (relay->turn)
            stile_gatherer_turn_gone(stream->gatherer, relay->turn);
        relay_free(relay);
    }
}

const char *
stile_nice_stream_ufrag(StileNiceStream *stream)
{
    return stile_ice_agent_ufrag(stream->ice);
}

const char *
stile_nice_stream_password(StileNiceStream *stream)
{
    return stile_ice_agent_password(stream->ice);
}

void
stile_nice_stream_set_remote_credentials(StileNiceStream *stream, const char *ufrag,
                                         const char *password)
{
    stile_ice_agent_set_remote_credentials(stream->ice, ufrag, password);
}

gboolean
stile_nice_stream_add_remote(StileNiceStream *stream, const NiceCandidate *candidate)
{
    StileCandidate own;

    if (!stile_nice_candidate_to_stile(candidate, &own) ||
        !stile_candidate_may_send_to(&own.address))
        return FALSE;
    for (guint i = 0; i < stream->remotes->len; i++)
        if (nice_candidate_equal_target(g_ptr_array_index(stream->remotes, i), candidate))
            return TRUE;
    g_ptr_array_add(stream->remotes, nice_candidate_copy(candidate));
    stile_ice_agent_add_remote(stream->ice, &own);
    return TRUE;
}

void
stile_nice_stream_end_of_remote(StileNiceStream *stream)
{
    stile_ice_agent_end_of_remote(stream->ice);
}

void
stile_nice_stream_restart(StileNiceStream *stream)
{
    g_ptr_array_set_size(stream->remotes, 0);
    stile_ice_agent_restart(stream->ice);
}

static GSList *
copies(GPtrArray *candidates)
{
    GSList *list = NULL;

    for (guint i = candidates->len; i-- > 0;)
        list = g_slist_prepend(list, nice_candidate_copy(g_ptr_array_index(candidates, i)));
    return list;
}

GSList *
stile_nice_stream_locals(StileNiceStream *stream)
{
    return copies(stream->locals);
}

GSList *
stile_nice_stream_remotes(StileNiceStream *stream)
{
    return copies(stream->remotes);
}

NiceComponentState
stile_nice_stream_state(StileNiceStream *stream)
{
    return stream->state;
}

gboolean
stile_nice_stream_selected(StileNiceStream *stream, NiceCandidate **ret_local,
                           NiceCandidate **ret_remote)
{
    if (stream->selected == 0)
        return FALSE;
    *ret_local = stream->local;
    *ret_remote = stream->remote;
    return TRUE;
}

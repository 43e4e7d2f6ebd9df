/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/stream-relay.h"

#include "stun/turn-stream.h"
#include <string.h>

#define MIN_BACKOFF (1 * G_USEC_PER_SEC)
#define MAX_BACKOFF (60 * G_USEC_PER_SEC)
#define PROVEN      (60 * G_USEC_PER_SEC) /* lived that long: the next failure is another one */

struct _StileStreamRelay {
    StileClock *clock;
    StileServerUri uri;
    char *name; /* host and port, for people */
    StileAddress stand_in;
    char *username;
    char *password;
    const StileStreamRelayOps *ops;
    gpointer user_data;

    gboolean wanted;
    StileTurnStream *stream;
    StileStunTransactions *transactions;
    StileTurn *turn; /* NULL until the stream is open */
    gint64 ready;    /* since when; 0: is not */
    char *error;     /* what ends it when the timer fires */
    gint64 backoff;
    StileTimer *timer; /* begins it, or ends it */
};

static void
end(StileStreamRelay *relay)
{
    stile_timer_stop(relay->timer);
    g_clear_pointer(&relay->error, g_free);
    if (relay->turn)
        relay->ops->ended(relay->user_data, relay->turn);
    if (relay->ready && stile_clock_now(relay->clock) - relay->ready >= PROVEN)
        relay->backoff = MIN_BACKOFF;
    relay->ready = 0;
    g_clear_pointer(&relay->turn, stile_turn_free);
    g_clear_pointer(&relay->transactions, stile_stun_transactions_free);
    g_clear_pointer(&relay->stream, stile_turn_stream_free);
}

static void
fail(StileStreamRelay *relay, const char *text)
{
    end(relay);
    stile_timer_set_after(relay->timer, relay->backoff);
    relay->backoff = MIN(relay->backoff * 2, MAX_BACKOFF);
    relay->ops->failed(relay->user_data, text);
}

/* The TURN client */

static void
on_changed(gpointer user_data, StileTurn *turn)
{
    StileStreamRelay *relay = user_data;

    if (stile_turn_state(turn) == STILE_TURN_FAILED) {
        /* It would try again on this connection; but it cannot be freed while it calls. */
        g_free(relay->error);
        relay->error = g_strdup(stile_turn_error(turn));
        stile_timer_set_after(relay->timer, 0);
        return;
    }
    if (stile_turn_state(turn) == STILE_TURN_READY && !relay->ready)
        relay->ready = MAX(stile_clock_now(relay->clock), 1);
    relay->ops->turn.changed(relay->user_data, turn);
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    StileStreamRelay *relay = user_data;

    relay->ops->turn.received(relay->user_data, turn, peer, data, size);
}

static void
on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    StileStreamRelay *relay = user_data;

    relay->ops->turn.channel(relay->user_data, turn, peer, number);
}

static const StileTurnOps turn_ops = {
    .changed = on_changed,
    .received = on_received,
    .channel = on_channel,
};

/* The stream */

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    StileStreamRelay *relay = user_data;

    stile_turn_stream_send(relay->stream, data, size);
}

static void
on_opened(gpointer user_data)
{
    StileStreamRelay *relay = user_data;

    relay->transactions = stile_stun_transactions_new(relay->clock, on_send, relay);
    relay->turn = stile_turn_new(relay->clock, relay->transactions, &relay->stand_in, AF_INET,
                                 relay->username, relay->password, &turn_ops, relay);
    stile_turn_set_stream(relay->turn, relay->name);
    relay->ops->begun(relay->user_data, relay->turn);
    stile_turn_start(relay->turn);
}

static void
on_message(gpointer user_data, const guint8 *data, gsize size)
{
    StileStreamRelay *relay = user_data;
    const StileEndpoint from = {.kind = STILE_ENDPOINT_UDP, .remote = relay->stand_in};
    StileStunMessage message;

    if (!stile_stun_message_parse(&message, data, size, NULL))
        return;
    if (!stile_stun_transactions_receive(relay->transactions, &message, &from))
        stile_turn_receive(relay->turn, &message, &from);
}

static void
on_channel_data(gpointer user_data, guint16 channel, const guint8 *payload, gsize size)
{
    StileStreamRelay *relay = user_data;

    relay->ops->channel_data(relay->user_data, channel, payload, size);
}

static void
on_closed(gpointer user_data, const GError *error)
{
    StileStreamRelay *relay = user_data;
    /* What the server said before it hung up tells more than that it did. */
    g_autofree char *text = relay->error ? g_strdup(relay->error)
                                         : g_strdup_printf("The TURN server %s", error->message);

    fail(relay, text);
}

static const StileTurnStreamOps stream_ops = {
    .opened = on_opened,
    .message = on_message,
    .channel_data = on_channel_data,
    .closed = on_closed,
};

static void
begin(StileStreamRelay *relay)
{
    StileReachTarget target = {
        .host = relay->uri.host,
        .port = relay->uri.port,
        .tls = relay->uri.transport == STILE_TRANSPORT_TLS,
        .protocol = "stun.turn", /* RFC 7443 */
        .has_fingerprint = relay->uri.has_fingerprint,
    };

    memcpy(target.fingerprint, relay->uri.fingerprint, sizeof target.fingerprint);
    relay->stream = stile_turn_stream_new(relay->clock, &target, &stream_ops, relay);
}

static void
on_timer(gpointer user_data)
{
    StileStreamRelay *relay = user_data;
    g_autofree char *error = g_strdup(relay->error);

    if (error)
        fail(relay, error);
    else
        begin(relay);
}

StileStreamRelay *
stile_stream_relay_new(StileClock *clock, const StileServerUri *uri, guint16 number,
                       const char *username, const char *password, const StileStreamRelayOps *ops,
                       gpointer user_data)
{
    StileStreamRelay *relay = g_new0(StileStreamRelay, 1);

    relay->clock = stile_clock_ref(clock);
    relay->uri = *uri;
    relay->uri.host = g_strdup(uri->host);
    relay->name = g_strdup_printf(strchr(uri->host, ':') ? "[%s]:%u" : "%s:%u", uri->host,
                                  uri->port);
    relay->stand_in = stile_stream_stand_in(uri->transport, number);
    relay->username = g_strdup(username);
    relay->password = g_strdup(password);
    relay->ops = ops;
    relay->user_data = user_data;
    relay->backoff = MIN_BACKOFF;
    relay->timer = stile_timer_new(clock, on_timer, relay);
    return relay;
}

void
stile_stream_relay_free(StileStreamRelay *relay)
{
    if (!relay)
        return;
    end(relay);
    stile_timer_free(relay->timer);
    stile_server_uri_clear(&relay->uri);
    g_free(relay->name);
    g_free(relay->username);
    g_free(relay->password);
    stile_clock_unref(relay->clock);
    g_free(relay);
}

void
stile_stream_relay_set_wanted(StileStreamRelay *relay, gboolean wanted)
{
    if (relay->wanted == wanted)
        return;
    relay->wanted = wanted;
    relay->backoff = MIN_BACKOFF;
    if (wanted)
        begin(relay);
    else
        end(relay);
}

void
stile_stream_relay_restart(StileStreamRelay *relay)
{
    if (!relay->wanted)
        return;
    end(relay);
    relay->backoff = MIN_BACKOFF;
    begin(relay);
}

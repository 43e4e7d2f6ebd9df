/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/mqtt-client.h"

#include "base/error.h"
#include "io/reach.h"
#include "io/stream.h"
#include "rendezvous/reason.h"
#include "rendezvous/websocket.h"
#include <gio/gio.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#define PING_TIMEOUT         (10 * G_USEC_PER_SEC)
#define WRITE_SIZE           (16 * 1024) /* a TLS record */
#define READS_PER_DISPATCH   32
#define WRITES_PER_DISPATCH  4
#define UNACKNOWLEDGED_LIMIT 4096

typedef enum {
    REACHING,
    UPGRADING, /* to a WebSocket */
    REACHED,
    INTRODUCED, /* CONNECT was sent */
    OPEN,
    CLOSED,
} State;

struct _StileMqttClient {
    guint refs; /* the owner's, and one for each asynchronous operation or callback under way */
    StileClock *clock;
    StileBrokerUrl url;
    const StileMqttClientOps *ops; /* NULL when freed by the owner */
    gpointer user_data;
    State state;

    GCancellable *cancellable;
    StileStream *stream; /* NULL until it is reached */

    StileMqttInput input;
    GByteArray *queue;

    StileWebsocket websocket; /* all zero when the URL has none */
    GByteArray *answers;      /* of the WebSocket: written before what is queued */

    guint16 next_id;
    guint16 subscribe_id; /* 0: none under way */
    gsize n_filters;
    guint unacknowledged;
    gboolean with_user;

    gint64 interval; /* between pings */
    StileTimer *ping_timer;
    StileTimer *deadline; /* of connecting, then of the answer to a ping */
    gint64 deadline_at;
    gint64 asked; /* when CONNECT or PINGREQ was queued; 0: answered */
    gint64 rtt;
};

static StileMqttClient *
client_ref(StileMqttClient *client)
{
    client->refs++;
    return client;
}

static void
close_connection(StileMqttClient *client)
{
    client->state = CLOSED;
    stile_timer_stop(client->ping_timer);
    stile_timer_stop(client->deadline);
    g_cancellable_cancel(client->cancellable);
    if (client->stream)
        stile_stream_close(client->stream);
}

static void
client_unref(StileMqttClient *client)
{
    if (--client->refs > 0)
        return;
    stile_stream_free(client->stream);
    stile_timer_free(client->ping_timer);
    stile_timer_free(client->deadline);
    g_object_unref(client->cancellable);
    stile_mqtt_input_clear(&client->input);
    g_byte_array_unref(client->queue);
    g_byte_array_unref(client->answers);
    stile_websocket_clear(&client->websocket);
    stile_broker_url_clear(&client->url);
    stile_clock_unref(client->clock);
    g_free(client);
}

typedef StileMqttClient Client; /* one of these references */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_unref)

/* Takes @reason. */
static void
fail(StileMqttClient *client, GError *reason)
{
    if (client->state != CLOSED) {
        close_connection(client);
        client->ops->closed(client->user_data, reason);
    }
    g_error_free(reason);
}

static void
fail_in_words(StileMqttClient *client, StileError code, const char *words)
{
    fail(client, g_error_new(STILE_ERROR, code, "%s: %s", client->url.host, words));
}

static void
fail_closed(StileMqttClient *client)
{
    fail_in_words(client, STILE_ERROR_UNREACHABLE,
                  client->state == OPEN ? "connection lost"
                                        : "closed the connection without an answer");
}

static void
fail_with(StileMqttClient *client, const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
        fail_closed(client);
    else
        fail(client, stile_reason_from_error(error, client->url.host));
}

/*
 * Writing
 */
static gsize
queued(StileMqttClient *client)
{
    return client->queue->len + client->answers->len +
           (client->stream ? stile_stream_unsent(client->stream) : 0);
}

static gboolean
is_websocket(StileMqttClient *client)
{
    return client->websocket.accept != NULL;
}

/* Everything that is queued. */
static void
on_refill(gpointer user_data, GByteArray *sending)
{
    StileMqttClient *client = user_data;

    if (is_websocket(client)) {
        g_byte_array_append(sending, client->answers->data, client->answers->len);
        g_byte_array_set_size(client->answers, 0);
        if (client->queue->len > 0)
            stile_websocket_write(&client->websocket, sending, client->queue->data,
                                  client->queue->len);
    } else {
        g_byte_array_append(sending, client->queue->data, client->queue->len);
    }
    g_byte_array_set_size(client->queue, 0);
}

static guint16
take_id(StileMqttClient *client)
{
    if (++client->next_id == 0)
        client->next_id = 1;
    return client->next_id;
}

/*
 * Reading
 */

/* Whatever comes is a sign of life; an answer may stand behind much else on a slow line. */
static void
heard(StileMqttClient *client)
{
    if (client->state != OPEN || !client->asked)
        return;
    client->deadline_at = stile_clock_now(client->clock) + PING_TIMEOUT;
    stile_timer_set(client->deadline, client->deadline_at);
}

static void
answered(StileMqttClient *client)
{
    if (client->asked)
        client->rtt = MAX(stile_clock_now(client->clock) - client->asked, 1);
    client->asked = 0;
    stile_timer_stop(client->deadline);
}

static void
take_connack(StileMqttClient *client, const StileMqttPacket *packet)
{
    if (packet->code != STILE_MQTT_ACCEPTED) {
        fail(client, stile_reason_from_connack(packet->code, client->with_user, client->url.host));
        return;
    }
    client->state = OPEN;
    answered(client);
    if (client->interval)
        stile_timer_set_after(client->ping_timer, client->interval);
    client->ops->opened(client->user_data);
}

static void
take_publish(StileMqttClient *client, const StileMqttPublish *publish)
{
    g_autofree char *topic = g_strndup(publish->topic, publish->topic_size);

    if (publish->qos == 1) {
        stile_mqtt_write_puback(client->queue, publish->id);
        stile_stream_write_soon(client->stream);
    }
    client->ops->message(client->user_data, topic, publish->payload, publish->size);
}

static void
take_suback(StileMqttClient *client, const StileMqttPacket *packet)
{
    if (packet->id != client->subscribe_id || packet->n_codes != client->n_filters) {
        fail_in_words(client, STILE_ERROR_FAILED,
                      "protocol error: an answer to no subscription of ours");
        return;
    }
    client->subscribe_id = 0;
    for (gsize i = 0; i < packet->n_codes; i++)
        if (packet->codes[i] == STILE_MQTT_SUBSCRIBE_FAILED) {
            fail_in_words(client, STILE_ERROR_NOT_AUTHORIZED,
                          "not authorized to subscribe to the network's topics");
            return;
        }
    client->ops->subscribed(client->user_data);
}

static void
take_packet(StileMqttClient *client, const StileMqttPacket *packet)
{
    /* §3.2: the first packet from the broker is CONNACK, and no other one is. */
    if ((packet->type == STILE_MQTT_CONNACK) != (client->state == INTRODUCED)) {
        fail_in_words(client, STILE_ERROR_FAILED,
                      "protocol error: a packet that is not due at this time");
        return;
    }
    switch (packet->type) {
    case STILE_MQTT_CONNACK:
        take_connack(client, packet);
        break;
    case STILE_MQTT_PUBLISH:
        take_publish(client, &packet->publish);
        break;
    case STILE_MQTT_SUBACK:
        take_suback(client, packet);
        break;
    case STILE_MQTT_PUBACK:
        if (client->unacknowledged > 0)
            client->unacknowledged--;
        break;
    default: /* PINGRESP */
        answered(client);
        break;
    }
}

static void
take_packets(StileMqttClient *client)
{
    while (client->state != CLOSED) {
        g_autoptr(GError) error = NULL;
        StileMqttPacket packet;

        switch (stile_mqtt_input_next(&client->input, &packet, &error)) {
        case STILE_MQTT_STEP_DONE:
            take_packet(client, &packet);
            break;
        case STILE_MQTT_STEP_ERROR:
            fail_with(client, error);
            return;
        default:
            return;
        }
    }
}

static void
take_websocket(StileMqttClient *client, const guint8 *bytes, gsize size)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    if (!stile_websocket_take(&client->websocket, bytes, size, payload, client->answers, &error)) {
        fail_with(client, error);
        return;
    }
    if (client->answers->len > 0)
        stile_stream_write_soon(client->stream);
    if (client->state == UPGRADING && client->websocket.open) {
        client->state = REACHED;
        client->ops->reached(client->user_data);
    }
    if (client->state == CLOSED)
        return;
    stile_mqtt_input_push(&client->input, payload->data, payload->len);
    take_packets(client);
    if (client->state != CLOSED && client->websocket.closed) {
        stile_stream_write(client->stream, NULL);
        fail_closed(client);
    }
}

static void
on_received(gpointer user_data, const guint8 *data, gsize size)
{
    g_autoptr(Client) client = client_ref(user_data);

    heard(client);
    if (is_websocket(client)) {
        take_websocket(client, data, size);
    } else {
        stile_mqtt_input_push(&client->input, data, size);
        take_packets(client);
    }
}

static void
on_lost(gpointer user_data, const GError *error)
{
    g_autoptr(Client) client = client_ref(user_data);

    if (error)
        fail_with(client, error);
    else
        fail_closed(client);
}

/*
 * Reaching
 */

/* What a broker says before it hangs up tells more than that it did. */
static const StileStreamOps stream_ops = {
    .reads_per_dispatch = READS_PER_DISPATCH,
    .writes_per_dispatch = WRITES_PER_DISPATCH,
    .write_size = WRITE_SIZE,
    .hears_out = TRUE,
    .refill = on_refill,
    .received = on_received,
    .closed = on_lost,
};

static void
begin_websocket(StileMqttClient *client)
{
    const StileBrokerUrl *url = &client->url;

    client->state = UPGRADING;
    stile_websocket_init(&client->websocket, client->clock, client->answers, url->host, url->port,
                         url->tls, url->path);
    stile_stream_write_soon(client->stream);
}

static void
on_reached(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Client) client = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GIOStream) stream = stile_reach_finish(result, &socket, &error);

    if (client->state == CLOSED) /* cancelled; then GTask keeps back what came nevertheless */
        return;
    if (!stream) {
        fail(client, g_steal_pointer(&error));
        return;
    }
    client->stream = stile_stream_new(g_steal_pointer(&stream), g_steal_pointer(&socket),
                                      &stream_ops, client);
    if (client->url.websocket) {
        begin_websocket(client);
        return;
    }
    client->state = REACHED;
    client->ops->reached(client->user_data);
}

static void
on_deadline(gpointer user_data)
{
    g_autoptr(Client) client = client_ref(user_data);

    fail_in_words(client, STILE_ERROR_UNREACHABLE,
                  client->state == OPEN ? "connection lost: no answer" : "timed out");
}

static void
on_ping_timer(gpointer user_data)
{
    StileMqttClient *client = user_data;

    stile_mqtt_client_ping(client, PING_TIMEOUT);
    stile_timer_set_after(client->ping_timer, client->interval);
}

StileMqttClient *
stile_mqtt_client_new(StileClock *clock, const StileBrokerUrl *url, const StileMqttClientOps *ops,
                      gpointer user_data)
{
    StileMqttClient *client = g_new0(StileMqttClient, 1);
    StileReachTarget target = {
        .host = url->host,
        .port = url->port,
        .tls = url->tls,
        .protocol = url->websocket ? "http/1.1" : "mqtt",
        .has_fingerprint = url->has_fingerprint,
    };

    memcpy(target.fingerprint, url->fingerprint, sizeof target.fingerprint);
    client->refs = 1;
    client->clock = stile_clock_ref(clock);
    stile_broker_url_copy(&client->url, url);
    client->ops = ops;
    client->user_data = user_data;
    client->cancellable = g_cancellable_new();
    stile_mqtt_input_init(&client->input);
    client->queue = g_byte_array_new();
    client->answers = g_byte_array_new();
    client->ping_timer = stile_timer_new(clock, on_ping_timer, client);
    client->deadline = stile_timer_new(clock, on_deadline, client);
    stile_timer_set_after(client->deadline, STILE_MQTT_CONNECT_TIMEOUT);
    stile_reach_async(&target, client->cancellable, on_reached, client_ref(client));
    return client;
}

void
stile_mqtt_client_free(StileMqttClient *client)
{
    if (!client)
        return;
    client->ops = NULL;
    close_connection(client);
    client_unref(client);
}

gboolean
stile_mqtt_client_connect(StileMqttClient *client, const StileMqttConnect *connect)
{
    StileMqttConnect full = *connect;

    g_return_val_if_fail(client->state == REACHED, FALSE);
    full.user = client->url.user;
    full.password = client->url.password;
    if (!stile_mqtt_write_connect(client->queue, &full))
        return FALSE;
    client->with_user = full.user != NULL;
    client->interval = (gint64)full.keepalive * G_USEC_PER_SEC * 3 / 4;
    client->asked = stile_clock_now(client->clock);
    client->state = INTRODUCED;
    stile_stream_write_soon(client->stream);
    return TRUE;
}

gboolean
stile_mqtt_client_subscribe(StileMqttClient *client, const StileMqttFilter *filters,
                            gsize n_filters)
{
    if (client->state != OPEN || client->subscribe_id != 0)
        return FALSE;
    if (!stile_mqtt_write_subscribe(client->queue, take_id(client), filters, n_filters))
        return FALSE;
    client->subscribe_id = client->next_id;
    client->n_filters = n_filters;
    stile_stream_write_soon(client->stream);
    return TRUE;
}

gboolean
stile_mqtt_client_publish(StileMqttClient *client, const char *topic, const guint8 *payload,
                          gsize size, guint8 qos, gboolean retain)
{
    StileMqttPublish publish = {
        .topic = topic,
        .topic_size = strlen(topic),
        .payload = payload,
        .size = size,
        .qos = qos,
        .retain = retain,
    };

    if (client->state != OPEN)
        return FALSE;
    if (qos == 1) {
        /* Identifiers must not meet those still in use (§2.3.1); they go round at 65535. */
        if (client->unacknowledged >= UNACKNOWLEDGED_LIMIT)
            return FALSE;
        publish.id = take_id(client);
    }
    if (!stile_mqtt_write_publish(client->queue, &publish))
        return FALSE;
    if (qos == 1)
        client->unacknowledged++;
    stile_stream_write_soon(client->stream);
    return TRUE;
}

void
stile_mqtt_client_ping(StileMqttClient *client, gint64 timeout)
{
    gint64 now = stile_clock_now(client->clock);

    if (client->state != OPEN)
        return;
    if (!client->asked) {
        stile_mqtt_write_pingreq(client->queue);
        stile_stream_write_soon(client->stream);
        client->asked = now;
        client->deadline_at = G_MAXINT64;
    }
    client->deadline_at = MIN(client->deadline_at, now + timeout);
    stile_timer_set(client->deadline, client->deadline_at);
}

/* As far as it goes without waiting. */
static void
write_all(StileMqttClient *client)
{
    g_autoptr(GError) error = NULL;

    for (gsize before = 0; queued(client) != before && !error;) {
        before = queued(client);
        stile_stream_write(client->stream, &error);
    }
}

void
stile_mqtt_client_disconnect(StileMqttClient *client)
{
    if (client->state == OPEN) {
        GSocket *socket = stile_stream_socket(client->stream);
        guint8 unread[16 * 1024];

        stile_mqtt_write_disconnect(client->queue);
        write_all(client);
        if (is_websocket(client) && queued(client) == 0) {
            stile_websocket_write_close(&client->websocket, client->answers);
            write_all(client);
        }
        /* Closing a socket with something unread in it would reset the connection, and what was
         * just written with it. */
        g_socket_shutdown(socket, FALSE, TRUE, NULL);
        for (guint i = 0; i < READS_PER_DISPATCH; i++)
            if (g_socket_receive_with_blocking(socket, (char *)unread, sizeof unread, FALSE, NULL,
                                               NULL) <= 0)
                break;
    }
    close_connection(client);
}

gsize
stile_mqtt_client_unsent(StileMqttClient *client)
{
    GSocket *socket = client->stream ? stile_stream_socket(client->stream) : NULL;
    gsize unsent = queued(client);
    int kernel = 0;

    if (socket && ioctl(g_socket_get_fd(socket), SIOCOUTQNSD, &kernel) == 0)
        unsent += (gsize)MAX(kernel, 0);
    return unsent;
}

gint64
stile_mqtt_client_rtt(StileMqttClient *client)
{
    return client->rtt;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/broker.h"

#include "base/error.h"
#include "rendezvous/mqtt-client.h"
#include <string.h>

#define KEEPALIVE     30                   /* seconds */
#define FIRST_PAUSE   (1 * G_USEC_PER_SEC) /* doubles */
#define LONGEST_PAUSE (60 * G_USEC_PER_SEC)
#define STABLE_AFTER  (30 * G_USEC_PER_SEC) /* only then the pauses begin at the first again */
#define ECHO_TIMEOUT  (15 * G_USEC_PER_SEC)
#define TEST_TIMEOUT  (5 * G_USEC_PER_SEC)
#define STALE_ATTEMPT (3 * G_USEC_PER_SEC)

#define CONNECTING "connecting"
#define CONNECTED  "connected"

struct _StileBroker {
    StileClock *clock;
    StileBrokerUrl url;
    const StileTopics *topics;
    StileTag self;
    const StileBrokerOps *ops;
    gpointer user_data;

    StileMqttClient *client; /* NULL in a pause */
    gint64 since;            /* when it began to connect, or was connected */
    gboolean open;
    gboolean connected;
    gboolean complete;
    StileTag echo; /* of this connection */
    StileTimer *echo_timer;

    StileTimer *timer; /* the next attempt */
    guint failures;
    char *told; /* the last reason reported */
};

static gint64
next_pause(StileBroker *broker)
{
    gint64 pause = broker->failures < 6 ? FIRST_PAUSE << broker->failures : LONGEST_PAUSE;
    guint16 random;

    broker->failures++;
    /* A quarter up or down, so that a broker that comes back is not met by all at once. */
    stile_clock_random(broker->clock, &random, sizeof random);
    return MIN(pause * 3 / 4 + pause * random / (2 * G_MAXUINT16), LONGEST_PAUSE);
}

static void
drop(StileBroker *broker)
{
    if (broker->connected && stile_clock_now(broker->clock) - broker->since >= STABLE_AFTER)
        broker->failures = 0;
    broker->open = broker->connected = broker->complete = FALSE;
    stile_timer_stop(broker->echo_timer);
    g_clear_pointer(&broker->client, stile_mqtt_client_free);
}

/* The last thing a function does: the owner may free the broker. */
static void
tell(StileBroker *broker, const char *reason)
{
    if (g_strcmp0(broker->told, reason) == 0)
        return;
    g_free(broker->told);
    broker->told = g_strdup(reason);
    broker->ops->state(broker->user_data, broker->connected, reason);
}

static void
on_closed(gpointer user_data, const GError *error)
{
    StileBroker *broker = user_data;

    drop(broker);
    stile_timer_set_after(broker->timer, next_pause(broker));
    tell(broker, error->message);
}

static void
give_up(StileBroker *broker, const char *words)
{
    g_autoptr(GError) error = g_error_new(STILE_ERROR, STILE_ERROR_UNREACHABLE, "%s: %s",
                                          broker->url.host, words);

    on_closed(broker, error);
}

static void
on_echo_timeout(gpointer user_data)
{
    give_up(
        user_data,
        "what we publish does not come back; the user may not be allowed to write or to read it");
}

static void
on_reached(gpointer user_data)
{
    StileBroker *broker = user_data;
    g_autoptr(GByteArray) will = broker->ops->will(broker->user_data);
    g_autofree char *topic = stile_topics_make(broker->topics, STILE_TOPIC_PRESENCE,
                                               broker->self.text);
    guint8 random[16];
    StileTag id;
    StileMqttConnect connect = {.client_id = id.text, .keepalive = KEEPALIVE};

    stile_clock_random(broker->clock, random, sizeof random);
    stile_tag_from_bytes(&id, random);
    if (will) {
        connect.will_topic = topic;
        connect.will = will->data;
        connect.will_size = will->len;
        connect.will_qos = 1;
        connect.will_retain = TRUE;
    }
    if (!stile_mqtt_client_connect(broker->client, &connect))
        give_up(broker, "the user name or the password is too long");
}

/*
 * All of it goes out at once; the broker takes it in this order. So we hear whoever answers to our
 * presence, and what is retained comes before the echo. One QoS for all of these: brokers keep the
 * order within one QoS only (§4.6).
 */
static void
on_opened(gpointer user_data)
{
    StileBroker *broker = user_data;
    g_autofree char *presences = stile_topics_make(broker->topics, STILE_TOPIC_PRESENCE, "+");
    g_autofree char *inbox = stile_topics_make(broker->topics, STILE_TOPIC_INBOX,
                                               broker->self.text);
    g_autofree char *packets = stile_topics_make(broker->topics, STILE_TOPIC_PACKETS,
                                                 broker->self.text);
    g_autofree char *echo = NULL;
    guint8 random[16];

    stile_clock_random(broker->clock, random, sizeof random);
    stile_tag_from_bytes(&broker->echo, random);
    echo = stile_topics_make(broker->topics, STILE_TOPIC_ECHO, broker->echo.text);
    broker->open = TRUE;
    stile_mqtt_client_subscribe(
        broker->client,
        (const StileMqttFilter[]){{presences, 1}, {inbox, 1}, {packets, 0}, {echo, 1}}, 4);
    broker->ops->entered(broker->user_data);
    stile_broker_publish(broker, STILE_TOPIC_ECHO, &broker->echo, NULL, 0, 1, FALSE);
}

static void
on_subscribed(gpointer user_data)
{
    StileBroker *broker = user_data;

    broker->connected = TRUE;
    broker->since = stile_clock_now(broker->clock);
    if (!broker->complete)
        stile_timer_set_after(broker->echo_timer, ECHO_TIMEOUT);
    tell(broker, CONNECTED);
}

static void
on_message(gpointer user_data, const char *topic, const guint8 *payload, gsize size)
{
    StileBroker *broker = user_data;
    StileTopicKind kind;
    StileTag tag;

    if (!stile_topics_parse(broker->topics, topic, &kind, &tag))
        return;
    if (stile_timer_is_set(broker->echo_timer)) /* a long roster on a slow line */
        stile_timer_set_after(broker->echo_timer, ECHO_TIMEOUT);
    if (kind == STILE_TOPIC_PRESENCE) {
        broker->ops->message(broker->user_data, kind, &tag, payload, size);
    } else if (kind == STILE_TOPIC_ECHO) {
        if (!g_str_equal(tag.text, broker->echo.text) || broker->complete)
            return;
        broker->complete = TRUE;
        stile_timer_stop(broker->echo_timer);
        broker->ops->complete(broker->user_data);
    } else if (g_str_equal(tag.text, broker->self.text)) {
        broker->ops->message(broker->user_data, kind, &tag, payload, size);
    }
}

static const StileMqttClientOps client_ops = {
    .reached = on_reached,
    .opened = on_opened,
    .subscribed = on_subscribed,
    .message = on_message,
    .closed = on_closed,
};

static void
begin(gpointer user_data)
{
    StileBroker *broker = user_data;

    drop(broker);
    broker->since = stile_clock_now(broker->clock);
    broker->client = stile_mqtt_client_new(broker->clock, &broker->url, &client_ops, broker);
    /* While attempts fail, the reason is worth more to a person than that there is another. */
    if (!broker->told || g_str_equal(broker->told, CONNECTED))
        tell(broker, CONNECTING);
}

StileBroker *
stile_broker_new(StileClock *clock, StileBrokerUrl *url, const StileTopics *topics,
                 const StileTag *self, const StileBrokerOps *ops, gpointer user_data)
{
    StileBroker *broker = g_new0(StileBroker, 1);

    broker->clock = stile_clock_ref(clock);
    broker->url = *url;
    memset(url, 0, sizeof *url);
    broker->topics = topics;
    broker->self = *self;
    broker->ops = ops;
    broker->user_data = user_data;
    broker->echo_timer = stile_timer_new(clock, on_echo_timeout, broker);
    broker->timer = stile_timer_new(clock, begin, broker);
    stile_timer_set_after(broker->timer, 0);
    return broker;
}

void
stile_broker_free(StileBroker *broker)
{
    if (!broker)
        return;
    if (broker->client)
        stile_mqtt_client_disconnect(broker->client);
    drop(broker);
    stile_timer_free(broker->echo_timer);
    stile_timer_free(broker->timer);
    stile_broker_url_clear(&broker->url);
    stile_clock_unref(broker->clock);
    g_free(broker->told);
    g_free(broker);
}

const char *
stile_broker_url(StileBroker *broker)
{
    return broker->url.shown;
}

gboolean
stile_broker_is_open(StileBroker *broker)
{
    return broker->open;
}

gboolean
stile_broker_is_connected(StileBroker *broker)
{
    return broker->connected;
}

gboolean
stile_broker_publish(StileBroker *broker, StileTopicKind kind, const StileTag *tag,
                     const guint8 *payload, gsize size, guint8 qos, gboolean retain)
{
    g_autofree char *topic = NULL;

    if (!broker->open)
        return FALSE;
    topic = stile_topics_make(broker->topics, kind, tag->text);
    return stile_mqtt_client_publish(broker->client, topic, payload, size, qos, retain);
}

gsize
stile_broker_unsent(StileBroker *broker)
{
    return broker->client ? stile_mqtt_client_unsent(broker->client) : 0;
}

gint64
stile_broker_rtt(StileBroker *broker)
{
    return broker->client ? stile_mqtt_client_rtt(broker->client) : 0;
}

void
stile_broker_try_now(StileBroker *broker)
{
    if (broker->open) {
        stile_mqtt_client_ping(broker->client, TEST_TIMEOUT);
        return;
    }
    /* One under way may have begun on a network that is no more; but the machine often tells of a
     * change several times in a row. */
    if (broker->client && stile_clock_now(broker->clock) - broker->since < STALE_ATTEMPT)
        return;
    broker->failures = 0;
    stile_timer_set_after(broker->timer, 0);
}

void
stile_broker_begin_again(StileBroker *broker, gboolean pause)
{
    drop(broker);
    stile_timer_set_after(broker->timer, pause ? next_pause(broker) : 0);
}

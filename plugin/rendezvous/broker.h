/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "rendezvous/topics.h"
#include "rendezvous/url.h"

G_BEGIN_DECLS

/**
 * StileBroker:
 *
 * One broker, kept connected: connection after connection, with what every connection begins with
 * (its last will, the subscriptions, the echo that tells when all that is retained has come) and
 * the pauses between them. Knows topics, but not what is in an envelope.
 */
typedef struct _StileBroker StileBroker;

/* Called from the main loop only, never from inside one of the functions below; each may free the
 * broker. */
typedef struct {
    /* @reason: `connecting`, `connected`, or why not, in words for a person */
    void (*state)(gpointer user_data, gboolean connected, const char *reason);
    /* A connection begins. Returns: (transfer full) (nullable): its last will, for our own presence
     * topic, retained; it never changes while the connection lasts. */
    GByteArray *(*will)(gpointer user_data);
    /* The broker accepted us: the time for what must be published before all else. */
    void (*entered)(gpointer user_data);
    /* All that was retained when we entered has come. */
    void (*complete)(gpointer user_data);
    void (*message)(gpointer user_data, StileTopicKind kind, const StileTag *tag,
                    const guint8 *payload, gsize size);
} StileBrokerOps;

/**
 * stile_broker_new:
 * @url: (transfer full): the content, not the pointer
 * @topics: must outlive the broker
 * @self: our own tag
 *
 * The first connection begins in the next turn of the main loop.
 */
StileBroker *stile_broker_new(StileClock *clock, StileBrokerUrl *url, const StileTopics *topics,
                              const StileTag *self, const StileBrokerOps *ops, gpointer user_data);
/** Takes leave of the broker, as far as that goes without waiting. */
void stile_broker_free(StileBroker *broker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileBroker, stile_broker_free)

/** Returns: (transfer none): to be shown, without a password */
const char *stile_broker_url(StileBroker *broker);
/** Returns: whether something can be published */
gboolean stile_broker_is_open(StileBroker *broker);
/** Returns: whether we hear what is sent to us */
gboolean stile_broker_is_connected(StileBroker *broker);
/** As stile_mqtt_client_publish(). */
gboolean stile_broker_publish(StileBroker *broker, StileTopicKind kind, const StileTag *tag,
                              const guint8 *payload, gsize size, guint8 qos, gboolean retain);
/** As stile_mqtt_client_unsent(). */
gsize stile_broker_unsent(StileBroker *broker);
/** As stile_mqtt_client_rtt(). */
gint64 stile_broker_rtt(StileBroker *broker);

/** Tests a connection; ends a pause. */
void stile_broker_try_now(StileBroker *broker);
/** Ends the connection, so that another with another will begins; after a pause if @pause. */
void stile_broker_begin_again(StileBroker *broker, gboolean pause);

G_END_DECLS

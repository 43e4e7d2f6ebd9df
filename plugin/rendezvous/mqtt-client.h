/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "rendezvous/mqtt-packet.h"
#include "rendezvous/url.h"

G_BEGIN_DECLS

/**
 * StileMqttClient:
 *
 * One connection to an MQTT 3.1.1 broker, from reaching it to losing it, in the thread-default
 * GMainContext; it is never opened again. GIO reaches the broker (names, both address families,
 * proxies) and does TLS (SNI, ALPN); WebSocket is done here.
 */
typedef struct _StileMqttClient StileMqttClient;

/* How long reaching a broker may take, to the end of its CONNACK. */
#define STILE_MQTT_CONNECT_TIMEOUT (20 * G_USEC_PER_SEC)

/* Called from the main loop only, never from inside one of the functions below. Each may free the
 * client. */
typedef struct {
    /* TCP, TLS and WebSocket stand; now is the time for stile_mqtt_client_connect(). */
    void (*reached)(gpointer user_data);
    /* The broker accepted us. */
    void (*opened)(gpointer user_data);
    /* It granted every filter of stile_mqtt_client_subscribe(). */
    void (*subscribed)(gpointer user_data);
    void (*message)(gpointer user_data, const char *topic, const guint8 *payload, gsize size);
    /* It is over; the last call. @error: why, in words for a person, with the host's name:
     * %STILE_ERROR_UNREACHABLE, %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED. */
    void (*closed)(gpointer user_data, const GError *error);
} StileMqttClientOps;

/** Begins to connect. @url is copied. */
StileMqttClient *stile_mqtt_client_new(StileClock *clock, const StileBrokerUrl *url,
                                       const StileMqttClientOps *ops, gpointer user_data);
/** Closes the connection as if it had broken, so that the broker publishes the will. */
void stile_mqtt_client_free(StileMqttClient *client);

/**
 * stile_mqtt_client_connect:
 * @connect: user and password are set from the URL
 *
 * Sends CONNECT (§3.1). Something is sent at least every 3/4 of its keepalive from then on, and an
 * answer must come.
 */
gboolean stile_mqtt_client_connect(StileMqttClient *client, const StileMqttConnect *connect);
/** Sends SUBSCRIBE (§3.8); one at a time. A refused filter closes the connection. */
gboolean stile_mqtt_client_subscribe(StileMqttClient *client, const StileMqttFilter *filters,
                                     gsize n_filters);
/**
 * stile_mqtt_client_publish:
 * @qos: 0 or 1; as the session ends with the connection, nothing is ever sent again
 *
 * Returns: %FALSE when the connection is not open or the message does not fit
 */
gboolean stile_mqtt_client_publish(StileMqttClient *client, const char *topic,
                                   const guint8 *payload, gsize size, guint8 qos, gboolean retain);
/** Asks for a sign of life: without one within @timeout the connection is closed. */
void stile_mqtt_client_ping(StileMqttClient *client, gint64 timeout);
/**
 * stile_mqtt_client_disconnect:
 *
 * Sends what is queued and DISCONNECT (§3.14) as far as it goes without waiting, and closes. No
 * callback follows.
 */
void stile_mqtt_client_disconnect(StileMqttClient *client);

/** Returns: bytes that wait to be sent, here and in the kernel; not those on their way */
gsize stile_mqtt_client_unsent(StileMqttClient *client);
/** Returns: how long the broker took for its last answer, microseconds; 0: not known yet */
gint64 stile_mqtt_client_rtt(StileMqttClient *client);

G_END_DECLS

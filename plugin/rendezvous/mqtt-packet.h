/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The packets of MQTT 3.1.1 (OASIS, 29 October 2014) that a client which never uses QoS 2 needs:
 * CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ and DISCONNECT are written, CONNACK, PUBLISH,
 * PUBACK, SUBACK and PINGRESP are read. Pure: bytes in, struct or error out.
 */

/* The most we accept as one packet, header included; presences and messages stay far below. */
#define STILE_MQTT_PACKET_MAX (256 * 1024)
#define STILE_MQTT_STRING_MAX G_MAXUINT16
/* Remaining Length, §2.2.3 */
#define STILE_MQTT_LENGTH_MAX  268435455u
#define STILE_MQTT_LENGTH_SIZE 4

/* §2.2.1 */
typedef enum {
    STILE_MQTT_CONNECT = 1,
    STILE_MQTT_CONNACK = 2,
    STILE_MQTT_PUBLISH = 3,
    STILE_MQTT_PUBACK = 4,
    STILE_MQTT_SUBSCRIBE = 8,
    STILE_MQTT_SUBACK = 9,
    STILE_MQTT_PINGREQ = 12,
    STILE_MQTT_PINGRESP = 13,
    STILE_MQTT_DISCONNECT = 14,
} StileMqttType;

/* Connect return codes, §3.2.2.3 */
typedef enum {
    STILE_MQTT_ACCEPTED = 0,
    STILE_MQTT_BAD_VERSION = 1,
    STILE_MQTT_BAD_CLIENT_ID = 2,
    STILE_MQTT_UNAVAILABLE = 3,
    STILE_MQTT_BAD_PASSWORD = 4,
    STILE_MQTT_NOT_AUTHORIZED = 5,
} StileMqttConnectCode;

#define STILE_MQTT_SUBSCRIBE_FAILED 0x80 /* a SUBACK return code, §3.9.3 */

/**
 * StileMqttConnect:
 * @keepalive: seconds (§3.1.2.10)
 * @user, @password: (nullable): a password needs a user (§3.1.2.9)
 * @will_topic: (nullable): %NULL for no will
 *
 * A CONNECT packet (§3.1), always with a clean session: what was missed while away is stale.
 */
typedef struct {
    const char *client_id;
    guint16 keepalive;
    const char *user;
    const char *password;
    const char *will_topic;
    const guint8 *will;
    gsize will_size;
    guint8 will_qos;
    gboolean will_retain;
} StileMqttConnect;

/**
 * StileMqttPublish:
 * @id: packet identifier; only for @qos 1, where it is not 0
 *
 * A PUBLISH packet (§3.3). @topic is not terminated by NUL; it is valid UTF-8, neither empty nor
 * with a wildcard. Pointers of one that was read point into the input.
 */
typedef struct {
    const char *topic;
    gsize topic_size;
    const guint8 *payload;
    gsize size;
    guint16 id;
    guint8 qos;
    gboolean retain;
    gboolean dup;
} StileMqttPublish;

/* One topic filter of a SUBSCRIBE packet (§3.8.3) */
typedef struct {
    const char *filter;
    guint8 qos;
} StileMqttFilter;

/*
 * Writers append one packet to @out. They return %FALSE, and append nothing, when a field does not
 * fit: a string above 65535 bytes, a packet above %STILE_MQTT_PACKET_MAX.
 */
gboolean stile_mqtt_write_connect(GByteArray *out, const StileMqttConnect *connect);
gboolean stile_mqtt_write_publish(GByteArray *out, const StileMqttPublish *publish);
gboolean stile_mqtt_write_subscribe(GByteArray *out, guint16 id, const StileMqttFilter *filters,
                                    gsize n_filters);
void stile_mqtt_write_puback(GByteArray *out, guint16 id);
void stile_mqtt_write_pingreq(GByteArray *out);
void stile_mqtt_write_disconnect(GByteArray *out);

/** Writes a Remaining Length. Returns: its size, 1 to 4 bytes. */
gsize stile_mqtt_write_length(guint8 ret[STILE_MQTT_LENGTH_SIZE], guint32 length);

/**
 * StileMqttStep: what reading found.
 *
 * @STILE_MQTT_STEP_MORE: no whole packet yet
 */
typedef enum {
    STILE_MQTT_STEP_ERROR,
    STILE_MQTT_STEP_MORE,
    STILE_MQTT_STEP_DONE,
} StileMqttStep;

/**
 * stile_mqtt_read_length:
 * @ret: (out): only on %STILE_MQTT_STEP_DONE
 * @ret_size: (out): how many bytes it takes; only on %STILE_MQTT_STEP_DONE
 *
 * Reads a Remaining Length. More bytes than needed are an error: 3.1.1 is silent about them, MQTT 5
 * forbids them, and no broker writes them.
 */
StileMqttStep stile_mqtt_read_length(const guint8 *data, gsize size, guint32 *ret, gsize *ret_size);

/**
 * StileMqttPacket:
 * @id: of PUBACK and SUBACK
 * @code, @session_present: of CONNACK
 * @codes: of SUBACK, one for each filter; points into the input
 *
 * A packet from a broker.
 */
typedef struct {
    StileMqttType type;
    StileMqttPublish publish;
    guint16 id;
    guint8 code;
    gboolean session_present;
    const guint8 *codes;
    gsize n_codes;
} StileMqttPacket;

/**
 * StileMqttInput:
 *
 * The bytes that came from a broker and were not read yet; they may be cut anywhere.
 */
typedef struct {
    GByteArray *bytes;
    gsize used;
} StileMqttInput;

void stile_mqtt_input_init(StileMqttInput *input);
void stile_mqtt_input_clear(StileMqttInput *input);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileMqttInput, stile_mqtt_input_clear)
/** Adds what came. What @stile_mqtt_input_next() gave before is gone then. */
void stile_mqtt_input_push(StileMqttInput *input, const guint8 *data, gsize size);
/**
 * stile_mqtt_input_next:
 *
 * Takes the next packet. Called until it asks for more after every push, the input never holds more
 * than one incomplete packet. After an error the connection must be closed (§4.8).
 *
 * Errors: %STILE_ERROR_FAILED: a protocol error, in words
 */
StileMqttStep stile_mqtt_input_next(StileMqttInput *input, StileMqttPacket *ret, GError **error);

G_END_DECLS

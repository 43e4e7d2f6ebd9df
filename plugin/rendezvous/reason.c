/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/reason.h"

#include "base/error.h"

static GError *
reason(StileError code, const char *host, const char *words)
{
    return g_error_new(STILE_ERROR, code, "%s: %s", host, words);
}

GError *
stile_reason_from_connack(StileMqttConnectCode code, gboolean with_user, const char *host)
{
    switch (code) {
    case STILE_MQTT_BAD_VERSION:
        return reason(STILE_ERROR_FAILED, host, "does not speak MQTT 3.1.1");
    case STILE_MQTT_BAD_CLIENT_ID:
        return reason(STILE_ERROR_FAILED, host, "refused our client identifier");
    case STILE_MQTT_UNAVAILABLE:
        return reason(STILE_ERROR_UNREACHABLE, host, "the broker is not available");
    case STILE_MQTT_BAD_PASSWORD:
    case STILE_MQTT_NOT_AUTHORIZED: /* what most brokers say for a wrong password, too */
        return reason(STILE_ERROR_NOT_AUTHORIZED, host,
                      with_user ? "wrong user name or password"
                                : "wants a user name and a password");
    default:
        return reason(STILE_ERROR_FAILED, host, "refused the connection");
    }
}

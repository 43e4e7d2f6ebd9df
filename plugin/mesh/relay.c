/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/relay.h"

#include <string.h>

struct _StileRelay {
    GObject parent;
    guint number;
    char *uri;
    StileTransport transport;
    const char *state;
    char *relayed;
    guint rtt;
    guint64 expires;
    char *error_text;
};

enum {
    PROP_NUMBER = 1,
    PROP_URI,
    PROP_TRANSPORT,
    PROP_STATE,
    PROP_RELAYED,
    PROP_RTT,
    PROP_EXPIRES,
    PROP_ERROR_TEXT,
    N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE(StileRelay, stile_relay, G_TYPE_OBJECT)

static void
stile_relay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    StileRelay *relay = STILE_RELAY(object);

    switch (id) {
    case PROP_NUMBER:
        g_value_set_uint(value, relay->number);
        break;
    case PROP_URI:
        g_value_set_string(value, relay->uri);
        break;
    case PROP_TRANSPORT:
        g_value_set_string(value, stile_transport_to_string(relay->transport));
        break;
    case PROP_STATE:
        g_value_set_string(value, relay->state);
        break;
    case PROP_RELAYED:
        g_value_set_string(value, relay->relayed);
        break;
    case PROP_RTT:
        g_value_set_uint(value, relay->rtt);
        break;
    case PROP_EXPIRES:
        g_value_set_uint64(value, relay->expires);
        break;
    case PROP_ERROR_TEXT:
        g_value_set_string(value, relay->error_text);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
stile_relay_finalize(GObject *object)
{
    StileRelay *relay = STILE_RELAY(object);

    g_free(relay->uri);
    g_free(relay->relayed);
    g_free(relay->error_text);
    G_OBJECT_CLASS(stile_relay_parent_class)->finalize(object);
}

static void
stile_relay_class_init(StileRelayClass *class)
{
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = stile_relay_get_property;
    object_class->finalize = stile_relay_finalize;
    props[PROP_NUMBER] = g_param_spec_uint("number", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_URI] = g_param_spec_string("uri", NULL, NULL, "", flags);
    props[PROP_TRANSPORT] = g_param_spec_string("transport", NULL, NULL, "", flags);
    props[PROP_STATE] = g_param_spec_string("state", NULL, NULL, "", flags);
    props[PROP_RELAYED] = g_param_spec_string("relayed", NULL, NULL, "", flags);
    props[PROP_RTT] = g_param_spec_uint("rtt", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_EXPIRES] = g_param_spec_uint64("expires", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    props[PROP_ERROR_TEXT] = g_param_spec_string("error-text", NULL, NULL, "", flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
}

static void
stile_relay_init(StileRelay *relay)
{
    relay->state = "allocating";
    relay->relayed = g_strdup("");
    relay->error_text = g_strdup("");
}

StileRelay *
stile_relay_new(guint number, const char *uri)
{
    StileRelay *relay = g_object_new(STILE_TYPE_RELAY, NULL);

    relay->number = number;
    relay->uri = g_strdup(uri);
    return relay;
}

static const char *
state_to_string(StileTurnState state)
{
    switch (state) {
    case STILE_TURN_READY:
        return "ready";
    case STILE_TURN_FAILED:
        return "failed";
    case STILE_TURN_IDLE:
    case STILE_TURN_ALLOCATING:
        break;
    }
    return "allocating";
}

static void
set_string(StileRelay *relay, char **field, const char *value, int prop)
{
    if (strcmp(*field, value) == 0)
        return;
    g_free(*field);
    *field = g_strdup(value);
    g_object_notify_by_pspec(G_OBJECT(relay), props[prop]);
}

static void
set_state(StileRelay *relay, const char *state)
{
    if (g_strcmp0(relay->state, state) == 0)
        return;
    relay->state = state;
    g_object_notify_by_pspec(G_OBJECT(relay), props[PROP_STATE]);
}

void
stile_relay_update(StileRelay *relay, StileTurn *turn)
{
    StileAddress address = turn ? stile_turn_relayed(turn) : (StileAddress){0};
    g_autofree char *relayed = stile_address_to_string(&address);
    const char *error = turn ? stile_turn_error(turn) : NULL;
    guint rtt = turn ? (guint)CLAMP(stile_turn_rtt(turn), 0, G_MAXUINT) : 0;
    guint64 expires = turn ? (guint64)stile_turn_expires(turn) : 0;

    g_object_freeze_notify(G_OBJECT(relay));
    set_state(relay, turn ? state_to_string(stile_turn_state(turn)) : "allocating");
    set_string(relay, &relay->relayed, relayed, PROP_RELAYED);
    set_string(relay, &relay->error_text, error ? error : "", PROP_ERROR_TEXT);
    if (relay->rtt != rtt) {
        relay->rtt = rtt;
        g_object_notify_by_pspec(G_OBJECT(relay), props[PROP_RTT]);
    }
    if (relay->expires != expires) {
        relay->expires = expires;
        g_object_notify_by_pspec(G_OBJECT(relay), props[PROP_EXPIRES]);
    }
    g_object_thaw_notify(G_OBJECT(relay));
}

void
stile_relay_fail(StileRelay *relay, const char *text)
{
    g_object_freeze_notify(G_OBJECT(relay));
    stile_relay_update(relay, NULL);
    set_state(relay, "failed");
    set_string(relay, &relay->error_text, text, PROP_ERROR_TEXT);
    g_object_thaw_notify(G_OBJECT(relay));
}

void
stile_relay_stand_by(StileRelay *relay)
{
    g_object_freeze_notify(G_OBJECT(relay));
    stile_relay_update(relay, NULL);
    set_state(relay, "standby");
    g_object_thaw_notify(G_OBJECT(relay));
}

void
stile_relay_set_transport(StileRelay *relay, StileTransport transport)
{
    if (relay->transport == transport)
        return;
    relay->transport = transport;
    g_object_notify_by_pspec(G_OBJECT(relay), props[PROP_TRANSPORT]);
}

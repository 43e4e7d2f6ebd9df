/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/path.h"

struct _StilePath {
    GObject parent;
    guint number;
    StileConnectionWay shown;
    gint64 rtt; /* as listeners know it */
    double loss;
};

enum {
    PROP_NUMBER = 1,
    PROP_KIND,
    PROP_TECHNIQUE,
    PROP_TRANSPORT,
    PROP_LOCAL,
    PROP_REMOTE,
    PROP_STATE,
    PROP_RTT,
    PROP_LOSS,
    PROP_MTU,
    PROP_SINCE,
    N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE(StilePath, stile_path, G_TYPE_OBJECT)

static void
stile_path_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    StilePath *path = STILE_PATH(object);
    const StileConnectionWay *way = &path->shown;
    gboolean broker = way->way.kind == STILE_WAY_BROKER;

    switch (id) {
    case PROP_NUMBER:
        g_value_set_uint(value, path->number);
        break;
    case PROP_KIND:
        g_value_set_string(value, stile_way_kind_to_string(way->way.kind));
        break;
    case PROP_TECHNIQUE:
        g_value_set_string(value, way->way.kind == STILE_WAY_DIRECT
                                      ? stile_technique_to_string(way->technique)
                                      : "");
        break;
    case PROP_TRANSPORT:
        g_value_set_string(value, broker ? "tcp"
                                         : stile_transport_to_string(
                                               stile_server_transport(&way->endpoint.server)));
        break;
    case PROP_LOCAL:
        g_value_take_string(value, stile_address_to_string(&way->local));
        break;
    case PROP_REMOTE:
        g_value_take_string(value, stile_address_to_string(&way->remote));
        break;
    case PROP_STATE:
        g_value_set_string(value, stile_way_state_to_string(way->state));
        break;
    case PROP_RTT:
        g_value_set_uint(value, (guint)CLAMP(way->way.rtt, 0, G_MAXUINT));
        break;
    case PROP_LOSS:
        g_value_set_double(value, way->way.loss);
        break;
    case PROP_MTU:
        g_value_set_uint(value, 0); /* not measured: unknown */
        break;
    case PROP_SINCE:
        g_value_set_uint64(value, (guint64)MAX(way->since, 0));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
stile_path_class_init(StilePathClass *class)
{
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = stile_path_get_property;
    props[PROP_NUMBER] = g_param_spec_uint("number", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_KIND] = g_param_spec_string("kind", NULL, NULL, "", flags);
    props[PROP_TECHNIQUE] = g_param_spec_string("technique", NULL, NULL, "", flags);
    props[PROP_TRANSPORT] = g_param_spec_string("transport", NULL, NULL, "", flags);
    props[PROP_LOCAL] = g_param_spec_string("local", NULL, NULL, "", flags);
    props[PROP_REMOTE] = g_param_spec_string("remote", NULL, NULL, "", flags);
    props[PROP_STATE] = g_param_spec_string("state", NULL, NULL, "", flags);
    props[PROP_RTT] = g_param_spec_uint("rtt", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_LOSS] = g_param_spec_double("loss", NULL, NULL, 0, 1, 0, flags);
    props[PROP_MTU] = g_param_spec_uint("mtu", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_SINCE] = g_param_spec_uint64("since", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
}

static void
stile_path_init(StilePath *path)
{
}

StilePath *
stile_path_new(guint number)
{
    StilePath *path = g_object_new(STILE_TYPE_PATH, NULL);

    path->number = number;
    return path;
}

guint
stile_path_number(StilePath *path)
{
    return path->number;
}

void
stile_path_update(StilePath *path, const StileConnectionWay *way)
{
    StileConnectionWay before = path->shown;
    const struct {
        gboolean changed;
        int prop;
    } changes[] = {
        {before.way.kind != way->way.kind, PROP_KIND},
        {before.technique != way->technique, PROP_TECHNIQUE},
        {!stile_address_equal(&before.endpoint.server, &way->endpoint.server), PROP_TRANSPORT},
        {!stile_address_equal(&before.local, &way->local), PROP_LOCAL},
        {!stile_address_equal(&before.remote, &way->remote), PROP_REMOTE},
        {before.state != way->state, PROP_STATE},
        {before.since != way->since, PROP_SINCE},
    };

    path->shown = *way;
    g_object_freeze_notify(G_OBJECT(path));
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++)
        if (changes[i].changed)
            g_object_notify_by_pspec(G_OBJECT(path), props[changes[i].prop]);
    g_object_thaw_notify(G_OBJECT(path));
}

void
stile_path_measure(StilePath *path, const StileConnectionWay *way)
{
    path->shown.way.rtt = way->way.rtt;
    path->shown.way.loss = way->way.loss;
}

void
stile_path_tick(StilePath *path)
{
    const StileWay *way = &path->shown.way;

    if (path->rtt != way->rtt)
        g_object_notify_by_pspec(G_OBJECT(path), props[PROP_RTT]);
    if (path->loss != way->loss)
        g_object_notify_by_pspec(G_OBJECT(path), props[PROP_LOSS]);
    path->rtt = way->rtt;
    path->loss = way->loss;
}

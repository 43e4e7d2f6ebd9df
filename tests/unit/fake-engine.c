/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-engine.h"
#include <string.h>

#define MOST_PROPERTIES 24

typedef enum {
    TEXT,
    TEXTS,
    PAIRS,
    FLAG,
    NUMBER,
    BIG,
    REAL,
    STEP,
    PORTS,
    PATH,
    NAT
} PropertyType;

typedef struct {
    const char *name;
    PropertyType type;
} Property;

typedef struct {
    GObject parent;
    GValue values[MOST_PROPERTIES];
    GPtrArray *children[2];
    gboolean watched;
} Fake;

/* All six are the same inside. */
struct _StileEngine {
    Fake fake;
};
struct _StileNetwork {
    Fake fake;
};
struct _StilePeer {
    Fake fake;
};
struct _StilePath {
    Fake fake;
};
struct _StileRelay {
    Fake fake;
};
struct _StileNat {
    Fake fake;
};

G_DEFINE_FINAL_TYPE(StileEngine, stile_engine, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE(StileNetwork, stile_network, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE(StilePeer, stile_peer, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE(StilePath, stile_path, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE(StileRelay, stile_relay, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE(StileNat, stile_nat, G_TYPE_OBJECT)

static GParamSpec *
make_pspec(const Property *property)
{
    const char *n = property->name;
    GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    switch (property->type) {
    case TEXT:
        return g_param_spec_string(n, n, n, NULL, flags);
    case TEXTS:
        return g_param_spec_boxed(n, n, n, G_TYPE_STRV, flags);
    case PAIRS:
        return g_param_spec_variant(n, n, n, G_VARIANT_TYPE("a(ss)"), NULL, flags);
    case FLAG:
        return g_param_spec_boolean(n, n, n, FALSE, flags);
    case NUMBER:
        return g_param_spec_uint(n, n, n, 0, G_MAXUINT, 0, flags);
    case BIG:
        return g_param_spec_uint64(n, n, n, 0, G_MAXUINT64, 0, flags);
    case REAL:
        return g_param_spec_double(n, n, n, -1, G_MAXDOUBLE, 0, flags);
    case STEP:
        return g_param_spec_int(n, n, n, G_MININT, G_MAXINT, 0, flags);
    case PORTS:
        return g_param_spec_variant(n, n, n, G_VARIANT_TYPE("(qq)"), NULL, flags);
    case NAT:
        return g_param_spec_object(n, n, n, STILE_TYPE_NAT, flags);
    case PATH:
        return g_param_spec_object(n, n, n, STILE_TYPE_PATH, flags);
    }
    g_assert_not_reached();
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    Fake *self = (Fake *)object;

    if (G_IS_VALUE(&self->values[id]))
        g_value_copy(&self->values[id], value);
}

static void
set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    Fake *self = (Fake *)object;

    if (!G_IS_VALUE(&self->values[id]))
        g_value_init(&self->values[id], G_VALUE_TYPE(value));
    g_value_copy(value, &self->values[id]);
}

static void
finalize(GObject *object)
{
    Fake *self = (Fake *)object;

    for (guint i = 0; i < MOST_PROPERTIES; i++)
        if (G_IS_VALUE(&self->values[i]))
            g_value_unset(&self->values[i]);
    for (guint i = 0; i < G_N_ELEMENTS(self->children); i++)
        g_ptr_array_unref(self->children[i]);
    G_OBJECT_CLASS(g_type_class_peek(G_TYPE_OBJECT))->finalize(object);
}

static void
init(gpointer object)
{
    Fake *self = object;

    for (guint i = 0; i < G_N_ELEMENTS(self->children); i++)
        self->children[i] = g_ptr_array_new_with_free_func(g_object_unref);
}

static void
class_init(gpointer class, const Property *properties)
{
    GObjectClass *object = G_OBJECT_CLASS(class);

    object->get_property = get_property;
    object->set_property = set_property;
    object->finalize = finalize;
    for (guint i = 0; properties[i].name; i++)
        g_object_class_install_property(object, i + 1, make_pspec(&properties[i]));
}

static void
add_signal(gpointer class, const char *name)
{
    g_signal_new(name, G_TYPE_FROM_CLASS(class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                 G_TYPE_NONE, 1, G_TYPE_OBJECT);
}

static void
stile_engine_class_init(StileEngineClass *class)
{
    static const Property properties[] = {
        {"version", TEXT}, {"connectivity", TEXT}, {"nat", NAT}, {NULL, TEXT}};

    class_init(class, properties);
    add_signal(class, "network-added");
    add_signal(class, "network-removed");
}

static void
stile_network_class_init(StileNetworkClass *class)
{
    static const Property properties[] = {
        {"id", TEXT},          {"name", TEXT},       {"self", TEXT},  {"state", TEXT},
        {"interface", TEXT},   {"addresses", TEXTS}, {"mtu", NUMBER}, {"rendezvous", PAIRS},
        {"autoconnect", FLAG}, {"creator", FLAG},    {NULL, TEXT}};

    class_init(class, properties);
    add_signal(class, "peer-added");
    g_signal_new("warning", STILE_TYPE_NETWORK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                 1, G_TYPE_STRING);
    add_signal(class, "peer-removed");
    add_signal(class, "relay-added");
    add_signal(class, "relay-removed");
}

static void
stile_peer_class_init(StilePeerClass *class)
{
    static const Property properties[] = {
        {"id", TEXT},          {"name", TEXT},    {"addresses", TEXTS},  {"online", FLAG},
        {"lan", FLAG},         {"state", TEXT},   {"active-path", PATH}, {"reason", TEXT},
        {"reason-text", TEXT}, {"advice", TEXTS}, {"direct-odds", REAL}, {"rtt", NUMBER},
        {"loss", REAL},        {"rx-bytes", BIG}, {"tx-bytes", BIG},     {"last-handshake", BIG},
        {"nat", TEXT},         {NULL, TEXT}};

    class_init(class, properties);
    add_signal(class, "path-added");
    add_signal(class, "path-removed");
}

static void
stile_path_class_init(StilePathClass *class)
{
    static const Property properties[] = {{"number", NUMBER},  {"kind", TEXT},  {"technique", TEXT},
                                          {"transport", TEXT}, {"local", TEXT}, {"remote", TEXT},
                                          {"state", TEXT},     {"rtt", NUMBER}, {"loss", REAL},
                                          {"mtu", NUMBER},     {"since", BIG},  {NULL, TEXT}};

    class_init(class, properties);
}

static void
stile_relay_class_init(StileRelayClass *class)
{
    static const Property properties[] = {
        {"number", NUMBER}, {"uri", TEXT},        {"transport", TEXT},
        {"state", TEXT},    {"relayed", TEXT},    {"rtt", NUMBER},
        {"expires", BIG},   {"error-text", TEXT}, {NULL, TEXT}};

    class_init(class, properties);
}

static void
stile_nat_class_init(StileNatClass *class)
{
    static const Property properties[] = {{"mapping", TEXT},
                                          {"filtering", TEXT},
                                          {"cone-name", TEXT},
                                          {"port-allocation", TEXT},
                                          {"port-delta", STEP},
                                          {"port-block", PORTS},
                                          {"hairpin", TEXT},
                                          {"mapping-lifetime", NUMBER},
                                          {"public-addresses", TEXTS},
                                          {"port-mapping", TEXTS},
                                          {"layers", NUMBER},
                                          {"nat64-prefix", TEXT},
                                          {"ipv6", FLAG},
                                          {"udp-blocked", FLAG},
                                          {"captive-portal", FLAG},
                                          {"confidence", REAL},
                                          {"last-probe", BIG},
                                          {NULL, TEXT}};

    class_init(class, properties);
}

static void
stile_engine_init(StileEngine *self)
{
    init(self);
}

static void
stile_network_init(StileNetwork *self)
{
    init(self);
}

static void
stile_peer_init(StilePeer *self)
{
    init(self);
}

static void
stile_path_init(StilePath *self)
{
    init(self);
}

static void
stile_relay_init(StileRelay *self)
{
    init(self);
}

static void
stile_nat_init(StileNat *self)
{
    init(self);
}

static GPtrArray *
copy(GPtrArray *list)
{
    return g_ptr_array_copy(list, (GCopyFunc)(void (*)(void))g_object_ref, NULL);
}

static void
add(gpointer parent, guint which, gpointer child, const char *signal)
{
    g_ptr_array_add(((Fake *)parent)->children[which], g_object_ref(child));
    g_signal_emit_by_name(parent, signal, child);
}

static void
take_away(gpointer parent, guint which, gpointer child, const char *signal)
{
    g_object_ref(child);
    g_ptr_array_remove(((Fake *)parent)->children[which], child);
    g_signal_emit_by_name(parent, signal, child);
    g_object_unref(child);
}

void
fake_network_add_peer(StileNetwork *network, StilePeer *peer)
{
    add(network, 0, peer, "peer-added");
}

void
fake_network_remove_peer(StileNetwork *network, StilePeer *peer)
{
    take_away(network, 0, peer, "peer-removed");
}

void
fake_network_add_relay(StileNetwork *network, StileRelay *relay)
{
    add(network, 1, relay, "relay-added");
}

void
fake_peer_add_path(StilePeer *peer, StilePath *path)
{
    add(peer, 0, path, "path-added");
}

void
fake_peer_remove_path(StilePeer *peer, StilePath *path)
{
    take_away(peer, 0, path, "path-removed");
}

gboolean
fake_engine_is_watched(StileEngine *engine)
{
    return engine->fake.watched;
}

StileNetwork *
fake_engine_add_network(StileEngine *engine, const char *id, const char *name, const char *self)
{
    const char *addresses[] = {"10.86.0.1/16", "fd86::1/64", NULL};
    g_autoptr(StileNetwork)
        network = g_object_new(STILE_TYPE_NETWORK, "id", id, "name", name, "self", self, "state",
                               "down", "interface", "", "addresses", addresses, "mtu", 1280, NULL);

    add(engine, 0, network, "network-added");
    return network;
}

static gboolean
refuse_unknown(GVariant *options, const char *known, GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, options);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        g_variant_unref(value);
        if (strstr(known, key))
            continue;
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "There is no option %s", key);
        return FALSE;
    }
    return TRUE;
}

StileEngine *
stile_engine_new(const char *state_directory, GStrv *ret_warnings, GError **error)
{
    g_autoptr(StileNat)
        nat = g_object_new(STILE_TYPE_NAT, "port-block", g_variant_new("(qq)", 0, 0), NULL);
    StileEngine *engine = g_object_new(STILE_TYPE_ENGINE, "version", "0.1.0", "connectivity",
                                       "full", "nat", nat, NULL);

    fake_nat_become(nat, "unknown");

    *ret_warnings = NULL;
    if (g_str_has_suffix(state_directory, "/home"))
        fake_home_add(engine);
    return engine;
}

StileNat *
stile_engine_nat(StileEngine *engine)
{
    return g_value_get_object(&engine->fake.values[3]);
}

/* The "server" chooses what is found. */
void
stile_nat_probe(StileNat *nat, GVariant *options, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(nat, cancellable, callback, user_data);
    g_auto(GStrv) servers = NULL;
    gboolean lifetime = FALSE;
    GError *error = NULL;

    if (!refuse_unknown(options, "stun lifetime", &error)) {
        g_task_return_error(task, error);
        return;
    }
    if (!g_variant_lookup(options, "stun", "^as", &servers)) {
        g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                                "No network here names a STUN server: say which one to ask");
        return;
    }
    g_variant_lookup(options, "lifetime", "b", &lifetime);
    fake_nat_become(nat, servers[0]);
    if (lifetime)
        g_object_set(nat, "mapping-lifetime", 117, NULL);
    g_task_return_boolean(task, TRUE);
}

gboolean
stile_nat_probe_finish(StileNat *nat, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

void
stile_engine_shutdown(StileEngine *engine)
{
}

gboolean
stile_engine_is_leaving(StileEngine *engine)
{
    return FALSE;
}

GPtrArray *
stile_engine_networks(StileEngine *engine)
{
    return copy(engine->fake.children[0]);
}

/* What stilectl made of its options can be seen: the real service hides the password. */
static void
show_rendezvous(StileNetwork *network, GVariant *urls)
{
    g_autofree const char **list = g_variant_get_strv(urls, NULL);
    GVariantBuilder pairs;

    g_variant_builder_init(&pairs, G_VARIANT_TYPE("a(ss)"));
    for (guint i = 0; list[i]; i++)
        g_variant_builder_add(&pairs, "(ss)", list[i], "connecting");
    g_object_set(network, "rendezvous", g_variant_builder_end(&pairs), NULL);
}

StileNetwork *
stile_engine_create_network(StileEngine *engine, const char *name, GVariant *options,
                            GError **error)
{
    g_autoptr(GVariant)
        rendezvous = g_variant_lookup_value(options, "rendezvous", G_VARIANT_TYPE_STRING_ARRAY);
    const char *member = "host";
    StileNetwork *network;
    g_autofree char *id = NULL;

    if (!refuse_unknown(options, "rendezvous stun turn subnet member", error))
        return NULL;
    if (!rendezvous) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "A network needs a rendezvous");
        return NULL;
    }
    for (guint i = 0; i < engine->fake.children[0]->len; i++) {
        g_autofree char *taken = NULL;
        g_object_get(engine->fake.children[0]->pdata[i], "name", &taken, NULL);
        if (g_str_equal(taken, name)) {
            g_set_error(error, STILE_ERROR, STILE_ERROR_EXISTS, "There is a network %s already",
                        name);
            return NULL;
        }
    }
    g_variant_lookup(options, "member", "&s", &member);
    id = g_strdup_printf("ID-of-%s", name);
    network = fake_engine_add_network(engine, id, name, member);
    g_object_set(network, "creator", TRUE, NULL);
    show_rendezvous(network, rendezvous);
    return network;
}

void
stile_engine_join_network(StileEngine *engine, const char *invitation, GVariant *options,
                          GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(engine, cancellable, callback, user_data);

    if (strstr(invitation, "used"))
        g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_EXISTS,
                                "This invitation was used already");
    else if (strstr(invitation, "expired"))
        g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_EXPIRED,
                                "This invitation ended on 2024-05-01");
    else if (strstr(invitation, "broken"))
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_FAILED, "Something broke");
    else
        g_task_return_pointer(
            task, g_object_ref(fake_engine_add_network(engine, "ID-joined", "work", "laptop")),
            g_object_unref);
}

StileNetwork *
stile_engine_join_network_finish(StileEngine *engine, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

gboolean
stile_engine_remove_network(StileEngine *engine, StileNetwork *network, GError **error)
{
    take_away(engine, 0, network, "network-removed");
    return TRUE;
}

gboolean
stile_network_up(StileNetwork *network, GVariant *options, GError **error)
{
    g_autofree char *state = NULL;

    if (!refuse_unknown(options, "managed mtu relay effort rendezvous stun turn", error))
        return FALSE;
    g_object_get(network, "state", &state, NULL);
    if (g_str_equal(state, "down"))
        g_object_set(network, "state", "connecting", "interface", "stile0", NULL);
    return TRUE;
}

void
stile_network_down(StileNetwork *network)
{
    g_object_set(network, "state", "down", "interface", "", NULL);
}

char *
stile_network_invite(StileNetwork *network, const char *name, GVariant *options, GError **error)
{
    g_autofree char *network_name = NULL;
    const char *format = "uri";
    guint64 valid = 86400;

    if (!refuse_unknown(options, "valid format", error))
        return NULL;
    g_variant_lookup(options, "format", "&s", &format);
    g_variant_lookup(options, "valid", "t", &valid);
    g_object_get(network, "name", &network_name, NULL);
    if (g_str_equal(format, "file"))
        return g_strdup_printf(
            "{\"stile\": 1, \"for\": \"%s\", \"valid\": %" G_GUINT64_FORMAT "}\n", name, valid);
    return g_strdup_printf("stile:%s-%s-%" G_GUINT64_FORMAT, network_name, name, valid);
}

gboolean
stile_network_revoke(StileNetwork *network, const char *peer_id, GError **error)
{
    for (guint i = 0; i < network->fake.children[0]->len; i++) {
        StilePeer *peer = network->fake.children[0]->pdata[i];
        g_autofree char *id = NULL;
        g_object_get(peer, "id", &id, NULL);
        if (g_str_equal(id, peer_id)) {
            fake_network_remove_peer(network, peer);
            return TRUE;
        }
    }
    g_set_error(error, STILE_ERROR, STILE_ERROR_NOT_FOUND, "There is no peer %s", peer_id);
    return FALSE;
}

gboolean
stile_network_rename(StileNetwork *network, const char *name, GError **error)
{
    g_object_set(network, "name", name, NULL);
    return TRUE;
}

gboolean
stile_network_set_options(StileNetwork *network, GVariant *options, GError **error)
{
    gboolean autoconnect = FALSE;

    if (!refuse_unknown(options, "autoconnect mtu relay effort lan endpoint listen-port", error))
        return FALSE;
    if (g_variant_lookup(options, "autoconnect", "b", &autoconnect))
        g_object_set(network, "autoconnect", autoconnect, NULL);
    return TRUE;
}

GPtrArray *
stile_network_peers(StileNetwork *network)
{
    return copy(network->fake.children[0]);
}

GPtrArray *
stile_network_relays(StileNetwork *network)
{
    return copy(network->fake.children[1]);
}

GPtrArray *
stile_peer_paths(StilePeer *peer)
{
    return copy(peer->fake.children[0]);
}

static gboolean
is_online(StilePeer *peer, GError **error)
{
    gboolean online = FALSE;

    g_object_get(peer, "online", &online, NULL);
    if (!online)
        g_set_error(error, STILE_ERROR, STILE_ERROR_UNREACHABLE, "The peer is not online");
    return online;
}

gboolean
stile_peer_probe(StilePeer *peer, GError **error)
{
    return is_online(peer, error);
}

void
stile_peer_ping(StilePeer *peer, guint timeout_ms, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(peer, cancellable, callback, user_data);
    GError *error = NULL;

    if (is_online(peer, &error))
        g_task_return_int(task, 12300);
    else
        g_task_return_error(task, error);
}

guint
stile_peer_ping_finish(StilePeer *peer, GAsyncResult *result, GError **error)
{
    gssize rtt = g_task_propagate_int(G_TASK(result), error);

    return rtt < 0 ? 0 : (guint)rtt;
}

void
stile_engine_set_watched(StileEngine *engine, gboolean watched)
{
    engine->fake.watched = watched;
}

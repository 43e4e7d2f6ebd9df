/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/network.h"

#include "mesh/identity.h"
#include "mesh/mesh.h"
#include "mesh/options.h"
#include <string.h>

#define SEC      ((gint64)1000000)
#define SAVE_GAP SEC

#define VALID_DEFAULT (24 * 3600)       /* seconds */
#define VALID_MAX     (365 * 24 * 3600) /* an invitation is a key: not for ever */

struct _StileNetwork {
    GObject parent;
    StileClock *clock;
    StileStore *store;
    StileNetworkState *state;
    StileRoster *roster;
    GHashTable *peers; /* device key in base64 -> StilePeer */
    StileMesh *mesh;
    gboolean managed;
    StileTimer *save_timer; /* set while it is too soon to write the state again */
    gboolean unsaved;
    /* As last notified. */
    const char *shown_state;
    GVariant *shown_rendezvous;
};

enum {
    PROP_ID = 1,
    PROP_NAME,
    PROP_SELF,
    PROP_STATE,
    PROP_INTERFACE,
    PROP_ADDRESSES,
    PROP_MTU,
    PROP_RENDEZVOUS,
    PROP_AUTOCONNECT,
    PROP_CREATOR,
    N_PROPS,
};

enum {
    PEER_ADDED,
    PEER_REMOVED,
    RELAY_ADDED,
    RELAY_REMOVED,
    STUN_CHANGED,
    WARNING,
    READDRESSED,
    N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(StileNetwork, stile_network, G_TYPE_OBJECT)

/* What is shown */

static const char *
find_state(StileNetwork *network)
{
    if (!network->mesh)
        return "down";
    return stile_mesh_is_up(network->mesh) ? "up" : "connecting";
}

/* The configured brokers, also while nobody asks them anything. */
static GVariant *
find_rendezvous(StileNetwork *network)
{
    if (network->mesh)
        return stile_mesh_rendezvous(network->mesh);
    return g_variant_ref_sink(g_variant_new_array(G_VARIANT_TYPE("(ss)"), NULL, 0));
}

static GStrv
own_addresses(StileNetwork *network)
{
    const StileCertificate *self = stile_roster_self(network->roster);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (self) {
        g_autofree char *ip4 = stile_prefix_to_string(&self->voucher.address4);
        g_autofree char *ip6 = stile_prefix_to_string(&self->voucher.address6);

        g_strv_builder_add(builder, ip4);
        if (stile_address_is_set(&self->voucher.address6.address))
            g_strv_builder_add(builder, ip6);
    }
    return g_strv_builder_end(builder);
}

static void
stile_network_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    StileNetwork *network = STILE_NETWORK(object);
    const StileCertificate *self = stile_roster_self(network->roster);

    switch (id) {
    case PROP_ID:
        g_value_take_string(value, stile_key_to_string(network->state->id));
        break;
    case PROP_NAME:
        g_value_set_string(value, network->state->name);
        break;
    case PROP_SELF:
        g_value_set_string(value, self ? self->voucher.name : "");
        break;
    case PROP_STATE:
        g_value_set_string(value, find_state(network));
        break;
    case PROP_INTERFACE:
        g_value_set_string(value, network->mesh ? stile_mesh_interface(network->mesh) : "");
        break;
    case PROP_ADDRESSES:
        g_value_take_boxed(value, own_addresses(network));
        break;
    case PROP_MTU:
        g_value_set_uint(value, network->mesh ? stile_mesh_mtu(network->mesh) : 0);
        break;
    case PROP_RENDEZVOUS:
        g_value_take_variant(value, find_rendezvous(network));
        break;
    case PROP_AUTOCONNECT:
        g_value_set_boolean(value, network->state->autoconnect);
        break;
    case PROP_CREATOR:
        g_value_set_boolean(value, stile_network_state_is_creator(network->state));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
stile_network_finalize(GObject *object)
{
    StileNetwork *network = STILE_NETWORK(object);

    stile_mesh_free(network->mesh);
    stile_timer_free(network->save_timer);
    g_hash_table_unref(network->peers);
    g_clear_pointer(&network->shown_rendezvous, g_variant_unref);
    stile_roster_free(network->roster);
    stile_network_state_free(network->state);
    stile_clock_unref(network->clock);
    G_OBJECT_CLASS(stile_network_parent_class)->finalize(object);
}

static guint
add_signal(const char *name, GType argument)
{
    return g_signal_new(name, STILE_TYPE_NETWORK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                        G_TYPE_NONE, 1, argument);
}

static void
stile_network_class_init(StileNetworkClass *class)
{
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = stile_network_get_property;
    object_class->finalize = stile_network_finalize;
    props[PROP_ID] = g_param_spec_string("id", NULL, NULL, "", flags);
    props[PROP_NAME] = g_param_spec_string("name", NULL, NULL, "", flags);
    props[PROP_SELF] = g_param_spec_string("self", NULL, NULL, "", flags);
    props[PROP_STATE] = g_param_spec_string("state", NULL, NULL, "", flags);
    props[PROP_INTERFACE] = g_param_spec_string("interface", NULL, NULL, "", flags);
    props[PROP_ADDRESSES] = g_param_spec_boxed("addresses", NULL, NULL, G_TYPE_STRV, flags);
    props[PROP_MTU] = g_param_spec_uint("mtu", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_RENDEZVOUS] = g_param_spec_variant("rendezvous", NULL, NULL, G_VARIANT_TYPE("a(ss)"),
                                                  NULL, flags);
    props[PROP_AUTOCONNECT] = g_param_spec_boolean("autoconnect", NULL, NULL, FALSE, flags);
    props[PROP_CREATOR] = g_param_spec_boolean("creator", NULL, NULL, FALSE, flags);
    g_object_class_install_properties(object_class, N_PROPS, props);

    signals[PEER_ADDED] = add_signal("peer-added", STILE_TYPE_PEER);
    signals[PEER_REMOVED] = add_signal("peer-removed", STILE_TYPE_PEER);
    signals[RELAY_ADDED] = add_signal("relay-added", STILE_TYPE_RELAY);
    signals[RELAY_REMOVED] = add_signal("relay-removed", STILE_TYPE_RELAY);
    signals[STUN_CHANGED] = g_signal_new("stun-changed", STILE_TYPE_NETWORK, G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[WARNING] = add_signal("warning", G_TYPE_STRING);
    signals[READDRESSED] = g_signal_new("readdressed", STILE_TYPE_NETWORK, G_SIGNAL_RUN_LAST, 0,
                                        NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
stile_network_init(StileNetwork *network)
{
    network->peers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
    network->shown_state = "down";
}

static void
notify(StileNetwork *network, int prop)
{
    g_object_notify_by_pspec(G_OBJECT(network), props[prop]);
}

static void
refresh_shown(StileNetwork *network)
{
    const char *state = find_state(network);
    g_autoptr(GVariant) rendezvous = find_rendezvous(network);

    if (strcmp(state, network->shown_state) != 0) {
        network->shown_state = state;
        notify(network, PROP_STATE);
    }
    if (!network->shown_rendezvous || !g_variant_equal(rendezvous, network->shown_rendezvous)) {
        g_clear_pointer(&network->shown_rendezvous, g_variant_unref);
        network->shown_rendezvous = g_steal_pointer(&rendezvous);
        notify(network, PROP_RENDEZVOUS);
    }
}

/* What the mesh asks for */

static StilePeer *
on_peer(gpointer user_data, const StileCertificate *certificate)
{
    StileNetwork *network = user_data;
    g_autofree char *id = stile_key_to_string(certificate->device);
    StilePeer *peer = g_hash_table_lookup(network->peers, id);

    if (peer)
        return peer;
    peer = stile_peer_new(certificate);
    g_hash_table_insert(network->peers, g_steal_pointer(&id), peer);
    g_signal_emit(network, signals[PEER_ADDED], 0, peer);
    return peer;
}

static void
drop_peer(StileNetwork *network, StilePeer *peer)
{
    g_autofree char *id = stile_key_to_string(stile_peer_member(peer)->device);

    g_object_ref(peer);
    g_hash_table_remove(network->peers, id);
    if (network->mesh)
        stile_mesh_forget(network->mesh, peer);
    g_signal_emit(network, signals[PEER_REMOVED], 0, peer);
    g_object_unref(peer);
}

static void
on_revoked(gpointer user_data)
{
    StileNetwork *network = user_data;
    g_autoptr(GPtrArray) peers = stile_network_peers(network);

    for (guint i = 0; i < peers->len; i++)
        if (!stile_roster_find(network->roster, stile_peer_member(peers->pdata[i])->device))
            drop_peer(network, peers->pdata[i]);
}

static gboolean
save(StileNetwork *network, GError **error)
{
    return stile_store_save(network->store, network->state, error);
}

static void
warn(StileNetwork *network, const char *message)
{
    g_signal_emit(network, signals[WARNING], 0, message);
}

static void
save_now(StileNetwork *network)
{
    g_autoptr(GError) error = NULL;

    network->unsaved = FALSE;
    if (!save(network, &error))
        warn(network, error->message);
}

static void
on_save_timer(gpointer user_data)
{
    StileNetwork *network = user_data;

    if (!network->unsaved)
        return;
    save_now(network);
    stile_timer_set_after(network->save_timer, SAVE_GAP);
}

/* At once, unless that was done just before: a thousand members that are seen for the first time
 * would mean to write the file a thousand times, each time longer. What is lost if the machine
 * stops within that second is told again by those whom it is about. */
static void
on_save(gpointer user_data)
{
    StileNetwork *network = user_data;

    network->unsaved = TRUE;
    if (!stile_timer_is_set(network->save_timer))
        on_save_timer(network);
}

static void
save_what_waits(StileNetwork *network)
{
    stile_timer_stop(network->save_timer);
    if (network->unsaved)
        save_now(network);
}

static void
on_changed(gpointer user_data)
{
    refresh_shown(user_data);
}

static void
on_stun_changed(gpointer user_data)
{
    g_signal_emit(user_data, signals[STUN_CHANGED], 0);
}

static void
on_relay_added(gpointer user_data, StileRelay *relay)
{
    g_signal_emit(user_data, signals[RELAY_ADDED], 0, relay);
}

static void
on_relay_removed(gpointer user_data, StileRelay *relay)
{
    g_signal_emit(user_data, signals[RELAY_REMOVED], 0, relay);
}

static void
on_readdressed(gpointer user_data)
{
    g_signal_emit(user_data, signals[READDRESSED], 0);
}

static void
on_warning(gpointer user_data, const char *message)
{
    warn(user_data, message);
}

static const StileMeshOps mesh_ops = {
    .peer = on_peer,
    .revoked = on_revoked,
    .save = on_save,
    .stun_changed = on_stun_changed,
    .changed = on_changed,
    .relay_added = on_relay_added,
    .relay_removed = on_relay_removed,
    .readdressed = on_readdressed,
    .warning = on_warning,
};

StileNetwork *
stile_network_new(StileClock *clock, StileStore *store, StileNetworkState *state)
{
    StileNetwork *network = g_object_new(STILE_TYPE_NETWORK, NULL);
    g_autoptr(GPtrArray) members = NULL;

    network->clock = stile_clock_ref(clock);
    network->store = store;
    network->state = state;
    network->roster = stile_roster_new(state);
    network->save_timer = stile_timer_new(clock, on_save_timer, network);
    members = stile_roster_members(network->roster);
    for (guint i = 0; i < members->len; i++)
        on_peer(network, members->pdata[i]);
    return network;
}

const StileNetworkState *
stile_network_state(StileNetwork *network)
{
    return network->state;
}

/* Up and down */

static const char *const up_options[] = {
    "managed", "b",          "mtu",      "u",    "relay",       "s",    "effort",
    "s",       "rendezvous", "as",       "stun", "as",          "turn", "aa{sv}",
    "lan",     "b",          "endpoint", "as",   "listen-port", "q",    NULL,
};

/* One behind the other, for no endpoint has a space in it. */
static GStrv
kept_endpoints(StileNetwork *network)
{
    const char *kept = g_hash_table_lookup(network->state->options, "endpoint");

    return g_strsplit(kept ? kept : "", " ", -1);
}

static gboolean
read_config(StileNetwork *network, GVariant *options, StileMeshConfig *config,
            StileServers *servers, char ***endpoints, GError **error)
{
    const char *relay = g_hash_table_lookup(network->state->options, "relay");
    const char *mtu = g_hash_table_lookup(network->state->options, "mtu");
    const char *port = g_hash_table_lookup(network->state->options, "listen-port");

    if (!stile_options_check(options, up_options, error))
        return FALSE;
    /* What was set for good first, then what is asked for this time. */
    if (mtu)
        config->mtu = (guint)g_ascii_strtoull(mtu, NULL, 10);
    if (relay)
        stile_relay_policy_parse(relay, &config->policy, NULL);
    if (!stile_options_mtu(options, &config->mtu, error) ||
        !stile_options_relay(options, &config->policy, error) ||
        !stile_options_effort(options, NULL, error) ||
        !stile_options_servers(options, servers, error) ||
        !stile_options_endpoints(options, endpoints, error))
        return FALSE;
    if (port)
        config->port = (guint16)g_ascii_strtoull(port, NULL, 10);
    config->lan = g_strcmp0(g_hash_table_lookup(network->state->options, "lan"), "no") != 0;
    if (options) {
        g_variant_lookup(options, "managed", "b", &config->managed);
        g_variant_lookup(options, "lan", "b", &config->lan);
        g_variant_lookup(options, "listen-port", "q", &config->port);
    }
    config->servers = servers;
    config->endpoints = (const char *const *)*endpoints;
    return TRUE;
}

static void
remember_up(StileNetwork *network, gboolean up)
{
    if (network->state->was_up == up)
        return;
    network->state->was_up = up;
    save_now(network);
}

static void
notify_mesh(StileNetwork *network)
{
    g_object_freeze_notify(G_OBJECT(network));
    notify(network, PROP_INTERFACE);
    notify(network, PROP_MTU);
    refresh_shown(network);
    g_object_thaw_notify(G_OBJECT(network));
}

gboolean
stile_network_up(StileNetwork *network, GVariant *options, GError **error)
{
    g_autoptr(StileServers) servers = stile_servers_copy(network->state->servers);
    g_auto(GStrv) endpoints = kept_endpoints(network);
    StileMeshConfig config = {0};

    if (!read_config(network, options, &config, servers, &endpoints, error))
        return FALSE;
    /* A mesh keeps its interface for as long as it can: what asks for another kind of it is
     * another owner, who takes over. */
    if (network->mesh && config.managed == network->managed &&
        (!config.mtu || config.mtu == stile_mesh_mtu(network->mesh)) &&
        !stile_options_has(options, "rendezvous") && !stile_options_has(options, "stun") &&
        !stile_options_has(options, "turn") && !stile_options_has(options, "listen-port")) {
        stile_mesh_set_endpoints(network->mesh, config.endpoints);
        stile_mesh_set_policy(network->mesh, config.policy);
        stile_mesh_set_lan(network->mesh, config.lan);
        return TRUE;
    }
    g_clear_pointer(&network->mesh, stile_mesh_free);
    network->managed = config.managed;
    network->mesh = stile_mesh_new(network->clock, network->state, network->roster, network->peers,
                                   &config, &mesh_ops, network, error);
    notify_mesh(network);
    if (!network->mesh)
        return FALSE;
    /* NetworkManager's helper asks again by itself after a crash of ours. */
    remember_up(network, !config.managed);
    return TRUE;
}

void
stile_network_stop(StileNetwork *network)
{
    if (!network->mesh)
        return;
    g_clear_pointer(&network->mesh, stile_mesh_free);
    save_what_waits(network);
    notify_mesh(network);
}

void
stile_network_down(StileNetwork *network)
{
    stile_network_stop(network);
    remember_up(network, FALSE);
}

void
stile_network_resume(StileNetwork *network)
{
    g_autoptr(GError) error = NULL;

    if (!network->state->was_up && !network->state->autoconnect)
        return;
    if (!stile_network_up(network, NULL, &error))
        warn(network, error->message);
}

/* Membership */

char *
stile_network_invite(StileNetwork *network, const char *name, GVariant *options, GError **error)
{
    static const char *const known[] = {"valid", "t", "format", "s", NULL};
    g_autoptr(StileInvitation) invitation = NULL;
    guint64 valid = VALID_DEFAULT;
    const char *format = "uri";

    if (!stile_options_check(options, known, error))
        return NULL;
    if (options) {
        g_variant_lookup(options, "valid", "t", &valid);
        g_variant_lookup(options, "format", "&s", &format);
    }
    if (valid == 0 || valid > VALID_MAX) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "An invitation is valid for 1 to %u seconds", VALID_MAX);
        return NULL;
    }
    if (strcmp(format, "uri") != 0 && strcmp(format, "file") != 0) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "“format” is uri or file, not “%s”", format);
        return NULL;
    }
    invitation = stile_identity_invite(network->clock, network->state, name, (gint64)valid * SEC,
                                       error);
    if (!invitation || !save(network, error))
        return NULL;
    return strcmp(format, "file") == 0 ? stile_invitation_to_json(invitation)
                                       : stile_invitation_to_uri(invitation);
}

gboolean
stile_network_revoke(StileNetwork *network, const char *peer_id, GError **error)
{
    StilePeer *peer = g_hash_table_lookup(network->peers, peer_id);

    if (!peer) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_NOT_FOUND, "There is no peer “%s”", peer_id);
        return FALSE;
    }
    if (!stile_identity_revoke(network->state, stile_peer_member(peer)->device, error) ||
        !save(network, error))
        return FALSE;
    stile_roster_load_revocations(network->roster);
    on_revoked(network);
    if (network->mesh)
        stile_mesh_announce(network->mesh);
    return TRUE;
}

gboolean
stile_network_rename(StileNetwork *network, const char *name, GError **error)
{
    g_autofree char *old = NULL;

    if (!stile_name_check(name, error))
        return FALSE;
    old = g_steal_pointer(&network->state->name);
    network->state->name = g_strdup(name);
    if (!save(network, error)) {
        g_free(network->state->name);
        network->state->name = g_steal_pointer(&old);
        return FALSE;
    }
    notify(network, PROP_NAME);
    return TRUE;
}

static void
keep_option(StileNetwork *network, const char *key, char *value)
{
    g_hash_table_insert(network->state->options, g_strdup(key), value);
}

gboolean
stile_network_set_options(StileNetwork *network, GVariant *options, GError **error)
{
    static const char *const known[] = {"autoconnect", "b",      "mtu",         "u",   "relay",
                                        "s",           "effort", "s",           "lan", "b",
                                        "endpoint",    "as",     "listen-port", "q",   NULL};
    g_auto(GStrv) endpoints = NULL;
    guint16 port;
    StileRelayPolicy policy = STILE_RELAY_AUTO;
    const char *relay = NULL, *effort = NULL;
    gboolean lan;
    guint mtu = 0;

    if (!stile_options_check(options, known, error) || !stile_options_mtu(options, &mtu, error) ||
        !stile_options_relay(options, &policy, error) ||
        !stile_options_effort(options, &effort, error) ||
        !stile_options_endpoints(options, &endpoints, error))
        return FALSE;
    if (endpoints) {
        keep_option(network, "endpoint", g_strjoinv(" ", endpoints));
        if (network->mesh)
            stile_mesh_set_endpoints(network->mesh, (const char *const *)endpoints);
    }
    if (g_variant_lookup(options, "listen-port", "q", &port))
        keep_option(network, "listen-port", g_strdup_printf("%u", port));
    if (stile_options_has(options, "mtu"))
        keep_option(network, "mtu", g_strdup_printf("%u", mtu));
    if (g_variant_lookup(options, "relay", "&s", &relay)) {
        keep_option(network, "relay", g_strdup(relay));
        if (network->mesh)
            stile_mesh_set_policy(network->mesh, policy);
    }
    if (stile_options_has(options, "effort"))
        keep_option(network, "effort", g_strdup(effort));
    if (g_variant_lookup(options, "lan", "b", &lan)) {
        keep_option(network, "lan", g_strdup(lan ? "yes" : "no"));
        if (network->mesh)
            stile_mesh_set_lan(network->mesh, lan);
    }
    if (g_variant_lookup(options, "autoconnect", "b", &network->state->autoconnect))
        notify(network, PROP_AUTOCONNECT);
    return save(network, error);
}

GPtrArray *
stile_network_peers(StileNetwork *network)
{
    GPtrArray *peers = g_ptr_array_new();
    GHashTableIter iter;
    gpointer peer;

    g_hash_table_iter_init(&iter, network->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        g_ptr_array_add(peers, peer);
    return peers;
}

GPtrArray *
stile_network_relays(StileNetwork *network)
{
    GPtrArray *relays = g_ptr_array_new();

    if (network->mesh)
        g_ptr_array_extend(relays, stile_mesh_relays(network->mesh), NULL, NULL);
    return relays;
}

GArray *
stile_network_stun_servers(StileNetwork *network)
{
    return network->mesh ? stile_mesh_stun_servers(network->mesh)
                         : g_array_new(FALSE, TRUE, sizeof(StileNatServer));
}

void
stile_network_set_nat64(StileNetwork *network, const StilePrefix *prefix)
{
    if (network->mesh)
        stile_mesh_set_nat64(network->mesh, prefix);
}

void
stile_network_set_filtering(StileNetwork *network, StileNatBehaviour filtering)
{
    if (network->mesh)
        stile_mesh_set_filtering(network->mesh, filtering);
}

void
stile_network_tick(StileNetwork *network)
{
    GHashTableIter iter;
    gpointer peer;

    g_hash_table_iter_init(&iter, network->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        stile_peer_tick(peer);
}

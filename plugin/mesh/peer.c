/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/peer.h"

#include "io/links.h"
#include "mesh/path.h"
#include "mesh/reason.h"
#include "nat/behaviour.h"
#include <string.h>

/* A peer with many candidates has many pairs; more than these tell nobody anything. */
#define MAX_PATHS 16

struct _StilePeer {
    GObject parent;
    StileMember member;
    char *id;
    char *name;
    StilePrefix addresses[2]; /* IPv4, IPv6 */
    StilePeerStats *stats;
    StileConnection *connection;
    gpointer mesh;
    GHashTable *paths; /* (nullable): way id -> StilePath; a peer at rest has none */
    StilePath *active_path;

    gboolean online;
    gboolean lan;
    const char *state;
    StileReason reason;
    StileAddress gateway; /* in the advice */
    double odds;
    const char *nat;
    /* As last notified. */
    guint rtt;
    double loss;
    guint64 rx_bytes, tx_bytes, last_handshake;
};

enum {
    PROP_ID = 1,
    PROP_NAME,
    PROP_ADDRESSES,
    PROP_ONLINE,
    PROP_LAN,
    PROP_STATE,
    PROP_ACTIVE_PATH,
    PROP_REASON,
    PROP_REASON_TEXT,
    PROP_ADVICE,
    PROP_DIRECT_ODDS,
    PROP_RTT,
    PROP_LOSS,
    PROP_RX_BYTES,
    PROP_TX_BYTES,
    PROP_LAST_HANDSHAKE,
    PROP_NAT,
    N_PROPS,
};

enum {
    PATH_ADDED,
    PATH_REMOVED,
    N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(StilePeer, stile_peer, G_TYPE_OBJECT)

static GStrv
addresses_to_strv(StilePeer *peer)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (gsize i = 0; i < G_N_ELEMENTS(peer->addresses); i++) {
        g_autofree char *text = stile_address_ip_to_string(&peer->addresses[i].address);

        if (text[0])
            g_strv_builder_add(builder, text);
    }
    return g_strv_builder_end(builder);
}

static GStrv
advice(StilePeer *peer)
{
    g_autofree char *gateway = stile_address_ip_to_string(&peer->gateway);

    return stile_reason_advice(peer->reason, peer->name, gateway[0] ? gateway : NULL);
}

static guint
current_rtt(StilePeer *peer)
{
    const StileConnectionWay *way = peer->connection ? stile_connection_first(peer->connection)
                                                     : NULL;

    return way ? (guint)CLAMP(way->way.rtt, 0, G_MAXUINT) : 0;
}

static void
stile_peer_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    StilePeer *peer = STILE_PEER(object);

    switch (id) {
    case PROP_ID:
        g_value_set_string(value, peer->id);
        break;
    case PROP_NAME:
        g_value_set_string(value, peer->name);
        break;
    case PROP_ADDRESSES:
        g_value_take_boxed(value, addresses_to_strv(peer));
        break;
    case PROP_ONLINE:
        g_value_set_boolean(value, peer->online);
        break;
    case PROP_LAN:
        g_value_set_boolean(value, peer->lan);
        break;
    case PROP_STATE:
        g_value_set_string(value, peer->state);
        break;
    case PROP_ACTIVE_PATH:
        g_value_set_object(value, peer->active_path);
        break;
    case PROP_REASON:
        g_value_set_string(value, stile_reason_code(peer->reason));
        break;
    case PROP_REASON_TEXT:
        g_value_take_string(value, stile_reason_text(peer->reason, peer->name));
        break;
    case PROP_ADVICE:
        g_value_take_boxed(value, advice(peer));
        break;
    case PROP_DIRECT_ODDS:
        g_value_set_double(value, peer->odds);
        break;
    case PROP_RTT:
        g_value_set_uint(value, current_rtt(peer));
        break;
    case PROP_LOSS:
        g_value_set_double(value, peer->connection ? stile_connection_loss(peer->connection) : 0);
        break;
    case PROP_RX_BYTES:
        g_value_set_uint64(value, stile_stat_get(peer->stats->rx_bytes));
        break;
    case PROP_TX_BYTES:
        g_value_set_uint64(value, stile_stat_get(peer->stats->tx_bytes));
        break;
    case PROP_LAST_HANDSHAKE:
        g_value_set_uint64(value, (guint64)stile_stat_get(peer->stats->last_handshake));
        break;
    case PROP_NAT:
        g_value_set_string(value, peer->nat);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
stile_peer_finalize(GObject *object)
{
    StilePeer *peer = STILE_PEER(object);

    stile_connection_free(peer->connection);
    g_clear_object(&peer->active_path);
    g_clear_pointer(&peer->paths, g_hash_table_unref);
    stile_peer_stats_unref(peer->stats);
    g_free(peer->id);
    g_free(peer->name);
    G_OBJECT_CLASS(stile_peer_parent_class)->finalize(object);
}

static void
stile_peer_class_init(StilePeerClass *class)
{
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = stile_peer_get_property;
    object_class->finalize = stile_peer_finalize;
    props[PROP_ID] = g_param_spec_string("id", NULL, NULL, "", flags);
    props[PROP_NAME] = g_param_spec_string("name", NULL, NULL, "", flags);
    props[PROP_ADDRESSES] = g_param_spec_boxed("addresses", NULL, NULL, G_TYPE_STRV, flags);
    props[PROP_ONLINE] = g_param_spec_boolean("online", NULL, NULL, FALSE, flags);
    props[PROP_LAN] = g_param_spec_boolean("lan", NULL, NULL, FALSE, flags);
    props[PROP_STATE] = g_param_spec_string("state", NULL, NULL, "", flags);
    props[PROP_ACTIVE_PATH] = g_param_spec_object("active-path", NULL, NULL, STILE_TYPE_PATH,
                                                  flags);
    props[PROP_REASON] = g_param_spec_string("reason", NULL, NULL, "", flags);
    props[PROP_REASON_TEXT] = g_param_spec_string("reason-text", NULL, NULL, "", flags);
    props[PROP_ADVICE] = g_param_spec_boxed("advice", NULL, NULL, G_TYPE_STRV, flags);
    props[PROP_DIRECT_ODDS] = g_param_spec_double("direct-odds", NULL, NULL, -1, 1, -1, flags);
    props[PROP_RTT] = g_param_spec_uint("rtt", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_LOSS] = g_param_spec_double("loss", NULL, NULL, 0, 1, 0, flags);
    props[PROP_RX_BYTES] = g_param_spec_uint64("rx-bytes", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    props[PROP_TX_BYTES] = g_param_spec_uint64("tx-bytes", NULL, NULL, 0, G_MAXUINT64, 0, flags);
    props[PROP_LAST_HANDSHAKE] = g_param_spec_uint64("last-handshake", NULL, NULL, 0, G_MAXUINT64,
                                                     0, flags);
    props[PROP_NAT] = g_param_spec_string("nat", NULL, NULL, "", flags);
    g_object_class_install_properties(object_class, N_PROPS, props);

    signals[PATH_ADDED] = g_signal_new("path-added", STILE_TYPE_PEER, G_SIGNAL_RUN_LAST, 0, NULL,
                                       NULL, NULL, G_TYPE_NONE, 1, STILE_TYPE_PATH);
    signals[PATH_REMOVED] = g_signal_new("path-removed", STILE_TYPE_PEER, G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, STILE_TYPE_PATH);
}

static void
stile_peer_init(StilePeer *peer)
{
    peer->stats = stile_peer_stats_new();
    peer->state = "idle";
    peer->nat = "unknown";
    peer->odds = -1;
}

StilePeer *
stile_peer_new(const StileCertificate *certificate)
{
    StilePeer *peer = g_object_new(STILE_TYPE_PEER, NULL);

    memcpy(peer->member.device, certificate->device, STILE_KEY_SIZE);
    peer->id = stile_key_to_string(certificate->device);
    stile_peer_set_certificate(peer, certificate);
    return peer;
}

void
stile_peer_set_certificate(StilePeer *peer, const StileCertificate *certificate)
{
    memcpy(peer->member.tunnel, certificate->tunnel, STILE_KEY_SIZE);
    g_free(peer->name);
    peer->name = g_strdup(certificate->voucher.name);
    peer->addresses[0] = certificate->voucher.address4;
    peer->addresses[1] = certificate->voucher.address6;
    g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_NAME]);
    g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_ADDRESSES]);
}

const char *
stile_peer_name(StilePeer *peer)
{
    return peer->name;
}

const StileMember *
stile_peer_member(StilePeer *peer)
{
    return &peer->member;
}

StilePeerStats *
stile_peer_stats(StilePeer *peer)
{
    return peer->stats;
}

const StileAddress *
stile_peer_address(StilePeer *peer)
{
    return stile_address_is_set(&peer->addresses[0].address) ? &peer->addresses[0].address : NULL;
}

void
stile_peer_set_online(StilePeer *peer, gboolean online)
{
    if (peer->online == online)
        return;
    peer->online = online;
    g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_ONLINE]);
}

gboolean
stile_peer_online(StilePeer *peer)
{
    return peer->online;
}

void
stile_peer_set_connection(StilePeer *peer, StileConnection *connection)
{
    stile_connection_free(peer->connection);
    peer->connection = connection;
}

StileConnection *
stile_peer_connection(StilePeer *peer)
{
    return peer->connection;
}

void
stile_peer_set_mesh(StilePeer *peer, gpointer mesh)
{
    peer->mesh = mesh;
}

gpointer
stile_peer_mesh(StilePeer *peer)
{
    return peer->mesh;
}

GPtrArray *
stile_peer_paths(StilePeer *peer)
{
    GPtrArray *paths = g_ptr_array_new();
    GHashTableIter iter;
    gpointer path;

    if (!peer->paths)
        return paths;
    g_hash_table_iter_init(&iter, peer->paths);
    while (g_hash_table_iter_next(&iter, NULL, &path))
        g_ptr_array_add(paths, path);
    return paths;
}

static gboolean
is_listed(const GArray *ways, guint id)
{
    for (guint i = 0; ways && i < ways->len; i++)
        if (g_array_index(ways, StileConnectionWay, i).way.id == id)
            return TRUE;
    return FALSE;
}

static void
remove_old_paths(StilePeer *peer, const GArray *ways)
{
    GHashTableIter iter;
    gpointer id, path;

    if (!peer->paths)
        return;
    g_hash_table_iter_init(&iter, peer->paths);
    while (g_hash_table_iter_next(&iter, &id, &path)) {
        if (is_listed(ways, GPOINTER_TO_UINT(id)))
            continue;
        g_object_ref(path);
        g_hash_table_iter_remove(&iter);
        g_signal_emit(peer, signals[PATH_REMOVED], 0, path);
        g_object_unref(path);
    }
    if (g_hash_table_size(peer->paths) == 0)
        g_clear_pointer(&peer->paths, g_hash_table_unref);
}

static StilePath *
find_path(StilePeer *peer, guint id)
{
    return peer->paths ? g_hash_table_lookup(peer->paths, GUINT_TO_POINTER(id)) : NULL;
}

static void
add_path(StilePeer *peer, const StileConnectionWay *way)
{
    StilePath *path = stile_path_new(way->way.id);

    if (!peer->paths)
        peer->paths = g_hash_table_new_full(NULL, NULL, NULL, g_object_unref);
    stile_path_update(path, way);
    g_hash_table_insert(peer->paths, GUINT_TO_POINTER(way->way.id), path);
    g_signal_emit(peer, signals[PATH_ADDED], 0, path);
}

static void
update_paths(StilePeer *peer, const GArray *ways)
{
    for (guint i = 0; ways && i < ways->len; i++) {
        const StileConnectionWay *way = &g_array_index(ways, StileConnectionWay, i);
        StilePath *path = find_path(peer, way->way.id);

        if (path)
            stile_path_update(path, way);
        else if (!peer->paths || g_hash_table_size(peer->paths) < MAX_PATHS || way->way.usable)
            add_path(peer, way);
    }
}

static void
set_active_path(StilePeer *peer, const StileConnectionWay *first)
{
    StilePath *path = first ? find_path(peer, first->way.id) : NULL;

    if (g_set_object(&peer->active_path, path))
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_ACTIVE_PATH]);
}

static const char *
find_state(StilePeer *peer, gboolean up, const StileConnectionWay *first)
{
    if (!up)
        return "idle";
    if (first) {
        if (first->way.kind == STILE_WAY_DIRECT)
            return "direct";
        /* The broker takes anything; only an answer shows that the peer is there. */
        if (first->way.kind == STILE_WAY_BROKER && stile_stat_get(peer->stats->last_handshake) == 0)
            return "connecting";
        return "relayed";
    }
    if (!peer->online)
        return "unreachable";
    if (!peer->connection)
        return "idle";
    return stile_connection_checking(peer->connection) ? "connecting" : "unreachable";
}

static gboolean
direct_works(const GArray *ways)
{
    for (guint i = 0; i < ways->len; i++) {
        const StileWay *way = &g_array_index(ways, StileConnectionWay, i).way;

        if (way->kind == STILE_WAY_DIRECT && way->usable && way->unanswered < STILE_WAY_DOUBT)
            return TRUE;
    }
    return FALSE;
}

static StileReason
find_reason(StilePeer *peer, const StilePeerSurroundings *around, const StileConnectionWay *first)
{
    StileReasonFacts facts = {
        .online = peer->online,
        .tried = peer->connection != NULL,
        .has_way = first != NULL,
        .has_relay = around->has_relay,
        .policy = around->policy,
    };

    if (!around->up)
        return STILE_REASON_NONE;
    if (first)
        facts.way = first->way.kind;
    if (around->mine)
        facts.mine = *around->mine;
    if (peer->connection) {
        facts.checking = stile_connection_checking(peer->connection);
        facts.direct_works = direct_works(stile_connection_ways(peer->connection));
        facts.theirs = *stile_connection_theirs(peer->connection);
    }
    return stile_reason_find(&facts);
}

static void
set_odds_and_nat(StilePeer *peer, const StilePeerSurroundings *around)
{
    double odds = -1;
    const char *nat = "unknown";

    if (peer->connection && around->mine) {
        const StileNatSide *theirs = stile_connection_theirs(peer->connection);

        odds = stile_odds_direct(around->mine, theirs);
        nat = stile_nat_cone_name(theirs->mapping, theirs->filtering, theirs->udp_blocked);
    }
    if (peer->odds != odds) {
        peer->odds = odds;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_DIRECT_ODDS]);
    }
    if (strcmp(peer->nat, nat) != 0) {
        peer->nat = nat;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_NAT]);
    }
}

void
stile_peer_refresh(StilePeer *peer, const StilePeerSurroundings *around)
{
    const GArray *ways = peer->connection ? stile_connection_ways(peer->connection) : NULL;
    const StileConnectionWay *first = peer->connection ? stile_connection_first(peer->connection)
                                                       : NULL;
    const char *state = find_state(peer, around->up, first);
    StileReason reason = find_reason(peer, around, first);
    gboolean lan = first && first->way.kind == STILE_WAY_DIRECT &&
                   stile_links_on_lan(around->addresses, &first->endpoint.remote) != 0;

    g_object_freeze_notify(G_OBJECT(peer));
    update_paths(peer, ways);
    set_active_path(peer, first);
    remove_old_paths(peer, ways);
    if (strcmp(peer->state, state) != 0) {
        peer->state = state;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_STATE]);
    }
    if (peer->lan != lan) {
        peer->lan = lan;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_LAN]);
    }
    if (peer->reason != reason || !stile_address_equal_ip(&peer->gateway, &around->gateway)) {
        peer->reason = reason;
        peer->gateway = around->gateway;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_REASON]);
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_REASON_TEXT]);
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_ADVICE]);
    }
    set_odds_and_nat(peer, around);
    g_object_thaw_notify(G_OBJECT(peer));
}

static void
tick_u64(StilePeer *peer, guint64 *shown, guint64 now, int prop)
{
    if (*shown == now)
        return;
    *shown = now;
    g_object_notify_by_pspec(G_OBJECT(peer), props[prop]);
}

void
stile_peer_measured(StilePeer *peer)
{
    const GArray *ways = stile_connection_ways(peer->connection);

    for (guint i = 0; i < ways->len; i++) {
        const StileConnectionWay *way = &g_array_index(ways, StileConnectionWay, i);
        StilePath *path = find_path(peer, way->way.id);

        if (path)
            stile_path_measure(path, way);
    }
}

static void
tick_paths(StilePeer *peer)
{
    GHashTableIter iter;
    gpointer path;

    if (!peer->paths)
        return;
    g_hash_table_iter_init(&iter, peer->paths);
    while (g_hash_table_iter_next(&iter, NULL, &path))
        stile_path_tick(path);
}

void
stile_peer_tick(StilePeer *peer)
{
    guint rtt = current_rtt(peer);
    double loss = peer->connection ? stile_connection_loss(peer->connection) : 0;

    g_object_freeze_notify(G_OBJECT(peer));
    tick_u64(peer, &peer->rx_bytes, stile_stat_get(peer->stats->rx_bytes), PROP_RX_BYTES);
    tick_u64(peer, &peer->tx_bytes, stile_stat_get(peer->stats->tx_bytes), PROP_TX_BYTES);
    tick_u64(peer, &peer->last_handshake, (guint64)stile_stat_get(peer->stats->last_handshake),
             PROP_LAST_HANDSHAKE);
    if (peer->rtt != rtt) {
        peer->rtt = rtt;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_RTT]);
    }
    if (peer->loss != loss) {
        peer->loss = loss;
        g_object_notify_by_pspec(G_OBJECT(peer), props[PROP_LOSS]);
    }
    g_object_thaw_notify(G_OBJECT(peer));
    tick_paths(peer);
}

void
stile_peer_fill_table(StilePeer *peer, StileTable *table)
{
    StileTablePeer *entry = stile_table_add(table, peer->member.tunnel, peer->stats);
    const StileConnectionWay *way;

    for (gsize i = 0; i < G_N_ELEMENTS(peer->addresses); i++) {
        /* Only the peer's own address, not the network that its prefix length stands for. */
        StilePrefix host = {.address = peer->addresses[i].address};

        if (!stile_address_is_set(&host.address))
            continue;
        host.length = stile_address_family(&host.address) == AF_INET ? 32 : 128;
        g_array_append_val(entry->allowed, host);
    }
    if (!peer->connection)
        return;
    if ((way = stile_connection_first(peer->connection)))
        entry->path = way->endpoint;
    if ((way = stile_connection_second(peer->connection)))
        entry->second_path = way->endpoint;
}

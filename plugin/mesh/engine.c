/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mesh/identity.h"
#include "mesh/join.h"
#include "mesh/nat.h"
#include "mesh/network.h"
#include "mesh/options.h"
#include "portmap/portmap.h"
#include "stile.h"
#include <string.h>

#define SEC            ((gint64)1000000)
#define SUBNET_DEFAULT "10.86.0.0/16"

struct _StileEngine {
    GObject parent;
    StileClock *clock;
    StileStore *store;
    GPtrArray *networks; /* of StileNetwork */
    StileNat *nat;
    StileTimer *tick;
    GNetworkMonitor *monitor;
    gulong monitor_handler;
};

enum {
    PROP_VERSION = 1,
    PROP_CONNECTIVITY,
    PROP_NAT,
    N_PROPS,
};

enum {
    NETWORK_ADDED,
    NETWORK_REMOVED,
    N_SIGNALS,
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(StileEngine, stile_engine, G_TYPE_OBJECT)

static const char *
connectivity(StileEngine *engine)
{
    if (!g_network_monitor_get_network_available(engine->monitor))
        return "none";
    switch (g_network_monitor_get_connectivity(engine->monitor)) {
    case G_NETWORK_CONNECTIVITY_PORTAL:
        return "portal";
    case G_NETWORK_CONNECTIVITY_FULL:
        return "full";
    case G_NETWORK_CONNECTIVITY_LOCAL:
    case G_NETWORK_CONNECTIVITY_LIMITED:
        break;
    }
    return "limited";
}

static void
stile_engine_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    StileEngine *engine = STILE_ENGINE(object);

    switch (id) {
    case PROP_VERSION:
        g_value_set_string(value, PACKAGE_VERSION);
        break;
    case PROP_CONNECTIVITY:
        g_value_set_string(value, connectivity(engine));
        break;
    case PROP_NAT:
        g_value_set_object(value, engine->nat);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
stile_engine_finalize(GObject *object)
{
    StileEngine *engine = STILE_ENGINE(object);

    if (engine->monitor_handler)
        g_signal_handler_disconnect(engine->monitor, engine->monitor_handler);
    g_ptr_array_unref(engine->networks);
    if (engine->nat)
        g_signal_handlers_disconnect_by_data(engine->nat, engine);
    g_clear_object(&engine->nat);
    g_clear_pointer(&engine->tick, stile_timer_free);
    g_clear_pointer(&engine->store, stile_store_free);
    g_clear_pointer(&engine->clock, stile_clock_unref);
    G_OBJECT_CLASS(stile_engine_parent_class)->finalize(object);
}

static void
stile_engine_class_init(StileEngineClass *class)
{
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = stile_engine_get_property;
    object_class->finalize = stile_engine_finalize;
    props[PROP_VERSION] = g_param_spec_string("version", NULL, NULL, "", flags);
    props[PROP_CONNECTIVITY] = g_param_spec_string("connectivity", NULL, NULL, "", flags);
    props[PROP_NAT] = g_param_spec_object("nat", NULL, NULL, STILE_TYPE_NAT, flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
    signals[NETWORK_ADDED] = g_signal_new("network-added", STILE_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0,
                                          NULL, NULL, NULL, G_TYPE_NONE, 1, STILE_TYPE_NETWORK);
    signals[NETWORK_REMOVED] = g_signal_new("network-removed", STILE_TYPE_ENGINE, G_SIGNAL_RUN_LAST,
                                            0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                            STILE_TYPE_NETWORK);
}

static void
stile_engine_init(StileEngine *engine)
{
    engine->networks = g_ptr_array_new_with_free_func(g_object_unref);
    engine->monitor = g_network_monitor_get_default();
}

static void
on_tick(gpointer user_data)
{
    StileEngine *engine = user_data;

    for (guint i = 0; i < engine->networks->len; i++)
        stile_network_tick(engine->networks->pdata[i]);
    stile_timer_set_after(engine->tick, SEC);
}

static void
on_monitor_changed(GNetworkMonitor *monitor, GParamSpec *pspec, gpointer user_data)
{
    g_object_notify_by_pspec(G_OBJECT(user_data), props[PROP_CONNECTIVITY]);
}

/* What a network would ask, of all of them: the NAT is the same. */
static GStrv
stun_servers(gpointer user_data)
{
    StileEngine *engine = user_data;
    g_autoptr(GPtrArray) servers = g_ptr_array_new();

    for (guint i = 0; i < engine->networks->len; i++) {
        char **stun = stile_network_state(engine->networks->pdata[i])->servers->stun;

        for (; stun && *stun; stun++)
            if (!g_ptr_array_find_with_equal_func(servers, *stun, g_str_equal, NULL))
                g_ptr_array_add(servers, *stun);
    }
    g_ptr_array_add(servers, NULL);
    return g_strdupv((char **)servers->pdata);
}

/* Members of all networks, likewise. */
static GArray *
stun_members(gpointer user_data)
{
    StileEngine *engine = user_data;
    GArray *all = g_array_new(FALSE, TRUE, sizeof(StileNatServer));

    for (guint i = 0; i < engine->networks->len; i++) {
        g_autoptr(GArray) some = stile_network_stun_servers(engine->networks->pdata[i]);

        g_array_append_vals(all, some->data, some->len);
    }
    return all;
}

static void
tell_filtering(StileEngine *engine)
{
    const StileNatReport *report = stile_nat_report(engine->nat);

    for (guint i = 0; report && i < engine->networks->len; i++)
        stile_network_set_filtering(engine->networks->pdata[i], report->filtering);
}

static void
tell_nat64(StileEngine *engine)
{
    StilePrefix prefix = stile_nat_nat64(engine->nat);

    for (guint i = 0; i < engine->networks->len; i++)
        stile_network_set_nat64(engine->networks->pdata[i], &prefix);
}

static void
on_nat64(StileNat *nat, GParamSpec *pspec, gpointer user_data)
{
    tell_nat64(user_data);
}

static void
on_probed(StileNat *nat, GParamSpec *pspec, gpointer user_data)
{
    tell_filtering(user_data);
}

static void
on_network_state(StileNetwork *network, GParamSpec *pspec, gpointer user_data)
{
    StileEngine *engine = user_data;
    g_autofree char *state = NULL;

    g_object_get(network, "state", &state, NULL);
    if (strcmp(state, "up") != 0)
        return;
    tell_filtering(engine);
    tell_nat64(engine);
    stile_nat_refresh(engine->nat);
}

static void
on_readdressed(StileNetwork *network, gpointer user_data)
{
    StileEngine *engine = user_data;

    stile_nat_repeat(engine->nat);
}

static void
on_stun_changed(StileNetwork *network, gpointer user_data)
{
    StileEngine *engine = user_data;

    stile_nat_members_changed(engine->nat);
}

static StileNetwork *
add_network(StileEngine *engine, StileNetworkState *state)
{
    StileNetwork *network = stile_network_new(engine->clock, engine->store, state);

    g_ptr_array_add(engine->networks, network);
    g_signal_connect_object(network, "notify::state", G_CALLBACK(on_network_state), engine, 0);
    g_signal_connect_object(network, "readdressed", G_CALLBACK(on_readdressed), engine, 0);
    g_signal_connect_object(network, "stun-changed", G_CALLBACK(on_stun_changed), engine, 0);
    g_signal_emit(engine, signals[NETWORK_ADDED], 0, network);
    return network;
}

static gboolean
resume(gpointer user_data)
{
    StileEngine *engine = user_data;

    for (guint i = 0; i < engine->networks->len; i++)
        stile_network_resume(engine->networks->pdata[i]);
    return G_SOURCE_REMOVE;
}

/* Networks come up again when whoever made the engine has had the time to listen to it. */
static void
resume_soon(StileEngine *engine)
{
    g_autoptr(GSource) source = g_idle_source_new();

    g_source_set_callback(source, resume, g_object_ref(engine), g_object_unref);
    g_source_attach(source, g_main_context_get_thread_default());
}

StileEngine *
stile_engine_new(const char *state_directory, GStrv *ret_warnings, GError **error)
{
    g_autoptr(StileEngine) engine = g_object_new(STILE_TYPE_ENGINE, NULL);
    g_autoptr(GPtrArray) states = NULL, warnings = NULL;

    engine->clock = stile_clock_new(g_main_context_get_thread_default());
    engine->tick = stile_timer_new(engine->clock, on_tick, engine);
    engine->store = stile_store_open(state_directory, error);
    if (!engine->store)
        return NULL;
    engine->nat = stile_nat_new(engine->clock, stun_servers, stun_members, engine, error);
    if (!engine->nat)
        return NULL;
    g_signal_connect(engine->nat, "notify::last-probe", G_CALLBACK(on_probed), engine);
    g_signal_connect(engine->nat, "notify::nat64-prefix", G_CALLBACK(on_nat64), engine);
    states = stile_store_load(engine->store, &warnings);
    g_ptr_array_set_free_func(states, NULL);
    for (guint i = 0; i < states->len; i++)
        add_network(engine, states->pdata[i]);
    if (ret_warnings) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        for (guint i = 0; warnings && i < warnings->len; i++)
            g_strv_builder_add(builder, warnings->pdata[i]);
        *ret_warnings = g_strv_builder_end(builder);
    }
    engine->monitor_handler = g_signal_connect(engine->monitor, "notify::connectivity",
                                               G_CALLBACK(on_monitor_changed), engine);
    resume_soon(engine);
    return g_steal_pointer(&engine);
}

void
stile_engine_shutdown(StileEngine *engine)
{
    stile_nat_stop(engine->nat);
    for (guint i = 0; i < engine->networks->len; i++)
        stile_network_stop(engine->networks->pdata[i]);
}

gboolean
stile_engine_is_leaving(StileEngine *engine)
{
    return stile_portmap_is_leaving(g_main_context_get_thread_default());
}

StileNat *
stile_engine_nat(StileEngine *engine)
{
    return engine->nat;
}

GPtrArray *
stile_engine_networks(StileEngine *engine)
{
    GPtrArray *networks = g_ptr_array_new();

    g_ptr_array_extend(networks, engine->networks, NULL, NULL);
    return networks;
}

static StileNetwork *
save_and_add(StileEngine *engine, StileNetworkState *state, GError **error)
{
    if (!stile_store_save(engine->store, state, error)) {
        stile_network_state_free(state);
        return NULL;
    }
    return add_network(engine, state);
}

/* A host name that cannot be a member's name is mended, not refused: nobody chose it for this. */
static char *
default_member(void)
{
    g_autofree char *name = g_strdup(g_get_host_name());

    *strchrnul(name, '.') = '\0';
    g_strcanon(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", '-');
    return name[0] ? g_steal_pointer(&name) : g_strdup("me");
}

static StileNetwork *
find_by_name(StileEngine *engine, const char *name)
{
    for (guint i = 0; i < engine->networks->len; i++)
        if (strcmp(stile_network_state(engine->networks->pdata[i])->name, name) == 0)
            return engine->networks->pdata[i];
    return NULL;
}

StileNetwork *
stile_engine_create_network(StileEngine *engine, const char *name, GVariant *options,
                            GError **error)
{
    static const char *const known[] = {"rendezvous", "as", "stun",   "as", "turn", "aa{sv}",
                                        "subnet",     "s",  "member", "s",  NULL};
    g_autoptr(StileServers) servers = stile_servers_new();
    g_autofree char *member = default_member();
    g_autofree char *subnet_text = g_strdup(SUBNET_DEFAULT);
    StileNetworkState *state;
    StilePrefix subnet;

    if (!stile_options_check(options, known, error) ||
        !stile_options_servers(options, servers, error))
        return NULL;
    if (stile_options_has(options, "member")) {
        g_free(member);
        g_variant_lookup(options, "member", "s", &member);
    }
    if (stile_options_has(options, "subnet")) {
        g_free(subnet_text);
        g_variant_lookup(options, "subnet", "s", &subnet_text);
    }
    if (!stile_prefix_parse(&subnet, subnet_text, error))
        return NULL;
    if (find_by_name(engine, name)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_EXISTS, "There is a network “%s” already",
                    name);
        return NULL;
    }
    state = stile_identity_create(engine->clock, name, member, &subnet, servers, error);
    return state ? save_and_add(engine, state, error) : NULL;
}

/* NULL when this machine is not a member yet. */
static StileNetwork *
find_by_id(StileEngine *engine, const guint8 id[STILE_KEY_SIZE])
{
    for (guint i = 0; i < engine->networks->len; i++)
        if (memcmp(stile_network_state(engine->networks->pdata[i])->id, id, STILE_KEY_SIZE) == 0)
            return engine->networks->pdata[i];
    return NULL;
}

static void
on_join_checked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    StileEngine *engine = g_task_get_source_object(task);
    g_autoptr(StileNetworkState) state = g_task_get_task_data(task);
    GError *error = NULL;
    StileNetwork *network;

    if (!stile_join_check_finish(result, &error)) {
        g_task_return_error(task, error);
        return;
    }
    /* Another call may have been faster with another invitation of the same network. */
    if (find_by_id(engine, state->id)) {
        g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_EXISTS,
                                "This machine is already a member of “%s”", state->name);
        return;
    }
    if (!(network = save_and_add(engine, g_steal_pointer(&state), &error))) {
        g_task_return_error(task, error);
        return;
    }
    stile_join_announce(result);
    g_task_return_pointer(task, g_object_ref(network), g_object_unref);
}

void
stile_engine_join_network(StileEngine *engine, const char *text, GVariant *options,
                          GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
    static const char *const known[] = {NULL};
    g_autoptr(GTask) task = g_task_new(engine, cancellable, callback, user_data);
    g_autoptr(StileInvitation) invitation = NULL;
    StileNetworkState *state;
    StileNetwork *member;
    GError *error = NULL;

    invitation = stile_options_check(options, known, &error)
                     ? stile_invitation_parse(text, strlen(text), stile_clock_real(engine->clock),
                                              &error)
                     : NULL;
    if (!invitation) {
        g_task_return_error(task, error);
        return;
    }
    if ((member = find_by_id(engine, invitation->network))) {
        g_autofree char *self = NULL;

        g_object_get(member, "self", &self, NULL);
        g_task_return_new_error(
            task, STILE_ERROR, STILE_ERROR_EXISTS,
            "This machine is already a member of “%s”, as “%s”: the invitation is not needed",
            stile_network_state(member)->name, self);
        return;
    }
    if (!(state = stile_identity_join(engine->clock, invitation, &error))) {
        g_task_return_error(task, error);
        return;
    }
    g_task_set_task_data(task, state, NULL);
    stile_join_check(engine->clock, state, cancellable, on_join_checked, g_steal_pointer(&task));
}

StileNetwork *
stile_engine_join_network_finish(StileEngine *engine, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

gboolean
stile_engine_remove_network(StileEngine *engine, StileNetwork *network, GError **error)
{
    stile_network_stop(network);
    if (!stile_store_remove(engine->store, stile_network_state(network), error))
        return FALSE;
    g_object_ref(network);
    g_ptr_array_remove(engine->networks, network);
    g_signal_emit(engine, signals[NETWORK_REMOVED], 0, network);
    g_object_unref(network);
    return TRUE;
}

void
stile_engine_set_watched(StileEngine *engine, gboolean watched)
{
    if (watched)
        stile_timer_set_after(engine->tick, SEC);
    else
        stile_timer_stop(engine->tick);
}

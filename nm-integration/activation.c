/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "activation.h"

#include "profile.h"
#include "up-options.h"

#define SERVICE           "net.stile.Stile1"
#define MANAGER_PATH      "/net/stile/Stile1"
#define MANAGER_INTERFACE "net.stile.Stile1.Manager"
#define NETWORK_INTERFACE "net.stile.Stile1.Network"
#define ERROR_PREFIX      "net.stile.Stile1.Error."

/* NetworkManager gives up 60 s after Connect; joining asks brokers and has 30 of them. */
#define CALL_TIMEOUT_MS 10000
#define JOIN_TIMEOUT_MS 30000
/* Disconnect of the activation before this one may still be on its way to the service. */
#define FOREIGN_DOWN_US  (5 * G_USEC_PER_SEC)
#define RETRY_FIRST_MS   250
#define RETRY_LONGEST_MS 30000
/* A service that dies while it answers is asked again; one that always does is not worth more. */
#define CRASHES_MAX 3

struct _StileActivation {
    GObject parent_instance;
    GDBusConnection *bus;
    NMSettingVpn *profile;
    GCancellable *cancellable;
    char *network_id;
    char *path; /* of the Network object; changes when the service is started again */
    guint owner_watch;
    guint subscription;
    GSource *retry;
    guint retry_ms;
    guint crashes;
    gint64 up_since; /* monotonic; 0: not asked to be up yet */
    gboolean configured;
    gboolean raised_again;
    gboolean stopped;
};

enum {
    CONFIGURED,
    JOINED,
    FAILED,
    ENDED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

G_DEFINE_TYPE(StileActivation, stile_activation, G_TYPE_OBJECT)

static void look_up(StileActivation *activation);
static void bring_up(StileActivation *activation);

typedef void (*Answer)(StileActivation *activation, GVariant *reply, GError *error);

typedef struct {
    StileActivation *activation;
    Answer answer;
} Call;

static void
call_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant)
        reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (!call->activation->stopped)
        call->answer(call->activation, reply, error);
    g_object_unref(call->activation);
    g_free(call);
}

/* The service is activated by the bus when it does not run. */
static void
call_service(StileActivation *activation, const char *path, const char *interface,
             const char *method, GVariant *arguments, const char *reply_type, int timeout_ms,
             Answer answer)
{
    Call *call = g_new(Call, 1);

    call->activation = g_object_ref(activation);
    call->answer = answer;
    g_dbus_connection_call(activation->bus, SERVICE, path, interface, method, arguments,
                           G_VARIANT_TYPE(reply_type), G_DBUS_CALL_FLAGS_NONE, timeout_ms,
                           activation->cancellable, call_done, call);
}

static void
cancel_retry(StileActivation *activation)
{
    if (activation->retry != NULL)
        g_source_destroy(activation->retry);
    g_clear_pointer(&activation->retry, g_source_unref);
}

static void
stop_following(StileActivation *activation)
{
    cancel_retry(activation);
    g_cancellable_cancel(activation->cancellable);
    if (activation->subscription != 0)
        g_dbus_connection_signal_unsubscribe(activation->bus, activation->subscription);
    activation->subscription = 0;
    if (activation->owner_watch != 0)
        g_bus_unwatch_name(activation->owner_watch);
    activation->owner_watch = 0;
    activation->stopped = TRUE;
}

static NMVpnPluginFailure
failure_of(GError *error)
{
    static const char *const refusals[] = {"NotAuthorized", "Expired", "Exists", "Revoked",
                                           "InvalidArgument"};
    g_autofree char *name = g_dbus_error_get_remote_error(error);

    if (name != NULL && g_str_has_prefix(name, ERROR_PREFIX)) {
        for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
            if (g_str_equal(name + strlen(ERROR_PREFIX), refusals[i]))
                return NM_VPN_PLUGIN_FAILURE_LOGIN_FAILED;
        }
    }
    return NM_VPN_PLUGIN_FAILURE_CONNECT_FAILED;
}

static void
fail(StileActivation *activation, NMVpnPluginFailure failure, const char *sentence)
{
    stop_following(activation);
    g_signal_emit(activation, signals[FAILED], 0, (int)failure, sentence);
}

static void
end(StileActivation *activation)
{
    stop_following(activation);
    g_signal_emit(activation, signals[ENDED], 0);
}

static gboolean
on_retry(gpointer data)
{
    look_up(data);
    return G_SOURCE_REMOVE;
}

static void
retry_later(StileActivation *activation)
{
    if (activation->retry != NULL)
        return;
    activation->retry = g_timeout_source_new(activation->retry_ms);
    activation->retry_ms = MIN(activation->retry_ms * 2, RETRY_LONGEST_MS);
    g_source_set_callback(activation->retry, on_retry, activation, NULL);
    g_source_attach(activation->retry, NULL);
}

/* Before it was up once an error is an answer for the user; afterwards the VPN stays, and so do we.
 */
static void
call_failed(StileActivation *activation, GError *error)
{
    gboolean died = g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) &&
                    ++activation->crashes <= CRASHES_MAX;
    NMVpnPluginFailure failure = failure_of(error);

    g_dbus_error_strip_remote_error(error);
    if (!activation->configured && !died) {
        fail(activation, failure, error->message);
        return;
    }
    g_message("Stile's service: %s; trying again", error->message);
    retry_later(activation);
}

static void
on_properties(StileActivation *activation, GVariant *reply, GError *error)
{
    g_autoptr(GVariant) properties = NULL;
    g_autoptr(StileIpConfig) config = NULL;
    g_autoptr(GInetAddress) gateway = NULL;
    g_autoptr(GError) invalid = NULL;
    g_autofree const char **addresses = NULL;
    const char *interface = "";
    guint32 mtu = 0;

    if (error != NULL) {
        call_failed(activation, error);
        return;
    }
    properties = g_variant_get_child_value(reply, 0);
    if (!g_variant_lookup(properties, "Interface", "&s", &interface) || interface[0] == '\0') {
        /* Down again already; the signal of it says what to do. */
        return;
    }
    g_variant_lookup(properties, "Mtu", "u", &mtu);
    g_variant_lookup(properties, "Addresses", "^a&s", &addresses);
    gateway = stile_base_address();
    config = stile_ip_config_new(interface, addresses != NULL ? addresses : (const char *[]){NULL},
                                 mtu, gateway, &invalid);
    if (config == NULL) {
        fail(activation, NM_VPN_PLUGIN_FAILURE_BAD_IP_CONFIG, invalid->message);
        return;
    }
    activation->configured = TRUE;
    activation->retry_ms = RETRY_FIRST_MS;
    activation->crashes = 0;
    g_signal_emit(activation, signals[CONFIGURED], 0, config);
}

static void
read_properties(StileActivation *activation)
{
    call_service(activation, activation->path, "org.freedesktop.DBus.Properties", "GetAll",
                 g_variant_new("(s)", NETWORK_INTERFACE), "(a{sv})", CALL_TIMEOUT_MS,
                 on_properties);
}

/* Down, and not by us. */
static void
went_down(StileActivation *activation)
{
    if (!activation->raised_again &&
        g_get_monotonic_time() - activation->up_since < FOREIGN_DOWN_US) {
        activation->raised_again = TRUE;
        bring_up(activation);
        return;
    }
    end(activation);
}

static void
on_properties_changed(GDBusConnection *bus, const char *sender, const char *path,
                      const char *interface, const char *signal, GVariant *parameters,
                      gpointer data)
{
    StileActivation *activation = data;
    g_autoptr(GVariant) changed = NULL;
    const char *state = NULL;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")) ||
        activation->up_since == 0)
        return;
    changed = g_variant_get_child_value(parameters, 1);
    if (g_variant_lookup(changed, "State", "&s", &state) && g_str_equal(state, "down"))
        went_down(activation);
    else if (g_variant_lookup(changed, "Interface", "&s", NULL) ||
             g_variant_lookup(changed, "Mtu", "u", NULL) ||
             g_variant_lookup(changed, "Addresses", "^a&s", NULL))
        read_properties(activation);
}

static void
on_up(StileActivation *activation, GVariant *reply, GError *error)
{
    if (error != NULL) {
        call_failed(activation, error);
        return;
    }
    activation->up_since = g_get_monotonic_time();
    read_properties(activation);
}

static void
bring_up(StileActivation *activation)
{
    if (activation->subscription == 0)
        activation->subscription = g_dbus_connection_signal_subscribe(
            activation->bus, SERVICE, "org.freedesktop.DBus.Properties", "PropertiesChanged",
            activation->path, NETWORK_INTERFACE, G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed,
            activation, NULL);
    call_service(activation, activation->path, NETWORK_INTERFACE, "Up",
                 g_variant_new("(@a{sv})", stile_up_options(activation->profile)), "()",
                 CALL_TIMEOUT_MS, on_up);
}

static void
set_path(StileActivation *activation, const char *path)
{
    if (g_strcmp0(path, activation->path) != 0 && activation->subscription != 0) {
        g_dbus_connection_signal_unsubscribe(activation->bus, activation->subscription);
        activation->subscription = 0;
    }
    g_free(activation->path);
    activation->path = g_strdup(path);
}

static void
on_joined_id(StileActivation *activation, GVariant *reply, GError *error)
{
    g_autoptr(GVariant) value = NULL;

    if (error != NULL) {
        call_failed(activation, error);
        return;
    }
    g_variant_get(reply, "(v)", &value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
        g_free(activation->network_id);
        activation->network_id = g_variant_dup_string(value, NULL);
        g_signal_emit(activation, signals[JOINED], 0, activation->network_id);
    }
    bring_up(activation);
}

static void
on_joined(StileActivation *activation, GVariant *reply, GError *error)
{
    const char *path;

    if (error != NULL) {
        call_failed(activation, error);
        return;
    }
    g_variant_get(reply, "(&o)", &path);
    set_path(activation, path);
    call_service(activation, path, "org.freedesktop.DBus.Properties", "Get",
                 g_variant_new("(ss)", NETWORK_INTERFACE, "Id"), "(v)", CALL_TIMEOUT_MS,
                 on_joined_id);
}

/* The path of the network with an id, among all objects of the service. */
static char *
find_network(GVariant *objects, const char *id)
{
    GVariantIter iter;
    const char *path;
    GVariant *interfaces;

    g_variant_iter_init(&iter, objects);
    while (g_variant_iter_next(&iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        g_autoptr(GVariant) owned = interfaces;
        g_autoptr(GVariant)
            properties = g_variant_lookup_value(owned, NETWORK_INTERFACE, G_VARIANT_TYPE_VARDICT);
        const char *found;

        if (properties != NULL && g_variant_lookup(properties, "Id", "&s", &found) &&
            g_str_equal(found, id))
            return g_strdup(path);
    }
    return NULL;
}

static void
on_objects(StileActivation *activation, GVariant *reply, GError *error)
{
    const char *invitation = nm_setting_vpn_get_secret(activation->profile,
                                                       STILE_PROFILE_INVITATION);
    g_autoptr(GVariant) objects = NULL;
    g_autofree char *path = NULL;

    if (error != NULL) {
        call_failed(activation, error);
        return;
    }
    objects = g_variant_get_child_value(reply, 0);
    if (activation->network_id != NULL)
        path = find_network(objects, activation->network_id);
    if (path != NULL) {
        set_path(activation, path);
        /* Redeemed before, but the profile was not told: the machine went down in between. */
        if (invitation != NULL && !activation->configured)
            g_signal_emit(activation, signals[JOINED], 0, activation->network_id);
        bring_up(activation);
    } else if (activation->configured) {
        end(activation);
    } else if (invitation != NULL) {
        call_service(activation, MANAGER_PATH, MANAGER_INTERFACE, "JoinNetwork",
                     g_variant_new("(s@a{sv})", invitation,
                                   g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0)),
                     "(o)", JOIN_TIMEOUT_MS, on_joined);
    } else {
        fail(activation, NM_VPN_PLUGIN_FAILURE_CONNECT_FAILED,
             activation->network_id != NULL
                 ? "this machine is not a member of the network that the profile names"
                 : "the profile names no network and has no invitation to one");
    }
}

static void
look_up(StileActivation *activation)
{
    cancel_retry(activation);
    call_service(activation, MANAGER_PATH, "org.freedesktop.DBus.ObjectManager",
                 "GetManagedObjects", NULL, "(a{oa{sa{sv}}})", CALL_TIMEOUT_MS, on_objects);
}

static void
on_service_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    StileActivation *activation = data;

    if (!activation->configured)
        return;
    g_message("Stile's service has gone; starting it again");
    activation->up_since = 0;
    look_up(activation);
}

void
stile_activation_start(StileActivation *activation)
{
    activation->owner_watch = g_bus_watch_name_on_connection(activation->bus, SERVICE,
                                                             G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                                             on_service_vanished, activation, NULL);
    look_up(activation);
}

static void
on_down(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = NULL;

    reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    if (reply == NULL) {
        g_dbus_error_strip_remote_error(error);
        g_message("taking the network down: %s", error->message);
    }
    g_task_return_boolean(task, TRUE);
}

void
stile_activation_stop(StileActivation *activation, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(activation, NULL, callback, user_data);

    stop_following(activation);
    if (activation->path == NULL) {
        g_task_return_boolean(task, TRUE);
        g_object_unref(task);
        return;
    }
    /* A service that does not run has nothing up; it is not started for this. */
    g_dbus_connection_call(activation->bus, SERVICE, activation->path, NETWORK_INTERFACE, "Down",
                           NULL, NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_TIMEOUT_MS, NULL,
                           on_down, task);
}

void
stile_activation_stop_finish(StileActivation *activation, GAsyncResult *result)
{
    g_task_propagate_boolean(G_TASK(result), NULL);
}

StileActivation *
stile_activation_new(GDBusConnection *bus, NMSettingVpn *profile)
{
    StileActivation *activation = g_object_new(STILE_TYPE_ACTIVATION, NULL);
    const char *id = nm_setting_vpn_get_data_item(profile, STILE_PROFILE_NETWORK);

    activation->bus = g_object_ref(bus);
    activation->profile = g_object_ref(profile);
    activation->network_id = id != NULL ? stile_profile_network_id(id) : NULL;
    return activation;
}

static void
stile_activation_dispose(GObject *object)
{
    StileActivation *activation = STILE_ACTIVATION(object);

    if (activation->bus != NULL)
        stop_following(activation);
    g_clear_object(&activation->bus);
    g_clear_object(&activation->profile);
    G_OBJECT_CLASS(stile_activation_parent_class)->dispose(object);
}

static void
stile_activation_finalize(GObject *object)
{
    StileActivation *activation = STILE_ACTIVATION(object);

    g_object_unref(activation->cancellable);
    g_free(activation->network_id);
    g_free(activation->path);
    G_OBJECT_CLASS(stile_activation_parent_class)->finalize(object);
}

static void
stile_activation_class_init(StileActivationClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->dispose = stile_activation_dispose;
    object_class->finalize = stile_activation_finalize;
    signals[CONFIGURED] = g_signal_new("configured", STILE_TYPE_ACTIVATION, G_SIGNAL_RUN_LAST, 0,
                                       NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
    signals[JOINED] = g_signal_new("joined", STILE_TYPE_ACTIVATION, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    signals[FAILED] = g_signal_new("failed", STILE_TYPE_ACTIVATION, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_STRING);
    signals[ENDED] = g_signal_new("ended", STILE_TYPE_ACTIVATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 0);
}

static void
stile_activation_init(StileActivation *activation)
{
    activation->cancellable = g_cancellable_new();
    activation->retry_ms = RETRY_FIRST_MS;
}

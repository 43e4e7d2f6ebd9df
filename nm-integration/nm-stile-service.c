/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What NetworkManager starts for each activation of a Stile profile: its D-Bus face, and nothing
 * else. The tunnel is the business of the service net.stile.Stile1, which outlives every toggle.
 */
#include "config.h"

#include "activation.h"
#include "profile.h"
#include "remember.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdlib.h>

#define STILE_TYPE_VPN_PLUGIN (stile_vpn_plugin_get_type())
G_DECLARE_FINAL_TYPE(StileVpnPlugin, stile_vpn_plugin, STILE, VPN_PLUGIN, NMVpnServicePlugin)

struct _StileVpnPlugin {
    NMVpnServicePlugin parent_instance;
    StileActivation *activation;
    char *uuid;
    GMainLoop *loop;
    gboolean persist;
    gboolean stopping;
    gboolean failed;
    NMVpnPluginFailure failure;
};

G_DEFINE_TYPE(StileVpnPlugin, stile_vpn_plugin, NM_TYPE_VPN_SERVICE_PLUGIN)

static void
on_configured(StileActivation *activation, StileIpConfig *config, StileVpnPlugin *self)
{
    NMVpnServicePlugin *plugin = NM_VPN_SERVICE_PLUGIN(self);

    nm_vpn_service_plugin_set_config(plugin, config->config);
    if (config->ip4 != NULL)
        nm_vpn_service_plugin_set_ip4_config(plugin, config->ip4);
    if (config->ip6 != NULL)
        nm_vpn_service_plugin_set_ip6_config(plugin, config->ip6);
}

static void
on_joined(StileActivation *activation, const char *network_id, StileVpnPlugin *self)
{
    g_autoptr(GDBusConnection)
        bus = nm_vpn_service_plugin_get_connection(NM_VPN_SERVICE_PLUGIN(self));

    stile_remember_network(bus, self->uuid, network_id);
}

static void
on_stopped(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(StileVpnPlugin) self = data;

    stile_activation_stop_finish(STILE_ACTIVATION(source), result);
    self->stopping = FALSE;
    if (!self->persist)
        g_main_loop_quit(self->loop);
}

static void
stop(StileVpnPlugin *self)
{
    if (self->activation == NULL)
        return;
    self->stopping = TRUE;
    stile_activation_stop(self->activation, on_stopped, g_object_ref(self));
    g_clear_object(&self->activation);
}

static void
on_failed(StileActivation *activation, int failure, const char *sentence, StileVpnPlugin *self)
{
    /* NetworkManager takes no text from a plugin: the journal is where people find the reason. */
    g_warning("Stile: %s", sentence);
    self->failed = TRUE;
    self->failure = (NMVpnPluginFailure)failure;
    nm_vpn_service_plugin_disconnect(NM_VPN_SERVICE_PLUGIN(self), NULL);
}

static void
on_ended(StileActivation *activation, StileVpnPlugin *self)
{
    g_message("the network was taken down");
    nm_vpn_service_plugin_disconnect(NM_VPN_SERVICE_PLUGIN(self), NULL);
}

static gboolean
stile_vpn_plugin_connect(NMVpnServicePlugin *plugin, NMConnection *connection, GError **error)
{
    StileVpnPlugin *self = STILE_VPN_PLUGIN(plugin);
    NMSettingVpn *profile = nm_connection_get_setting_vpn(connection);
    g_autoptr(GDBusConnection) bus = nm_vpn_service_plugin_get_connection(plugin);

    if (profile == NULL || self->activation != NULL) {
        g_set_error_literal(error, NM_VPN_PLUGIN_ERROR, NM_VPN_PLUGIN_ERROR_LAUNCH_FAILED,
                            "one connection of type Stile is served by each process");
        return FALSE;
    }
    self->uuid = g_strdup(nm_connection_get_uuid(connection));
    self->activation = stile_activation_new(bus, profile);
    g_signal_connect_object(self->activation, "configured", G_CALLBACK(on_configured), self, 0);
    g_signal_connect_object(self->activation, "joined", G_CALLBACK(on_joined), self, 0);
    g_signal_connect_object(self->activation, "failed", G_CALLBACK(on_failed), self, 0);
    g_signal_connect_object(self->activation, "ended", G_CALLBACK(on_ended), self, 0);
    stile_activation_start(self->activation);
    return TRUE;
}

static gboolean
stile_vpn_plugin_need_secrets(NMVpnServicePlugin *plugin, NMConnection *connection,
                              const char **setting_name, GError **error)
{
    return FALSE;
}

static gboolean
stile_vpn_plugin_disconnect(NMVpnServicePlugin *plugin, GError **error)
{
    StileVpnPlugin *self = STILE_VPN_PLUGIN(plugin);

    /* Said here, and not before: libnm has just said "connect failed", and the last word counts. */
    if (self->failed)
        nm_vpn_service_plugin_failure(plugin, self->failure);
    stop(self);
    return TRUE;
}

static void
stile_vpn_plugin_finalize(GObject *object)
{
    StileVpnPlugin *self = STILE_VPN_PLUGIN(object);

    g_clear_object(&self->activation);
    g_free(self->uuid);
    g_main_loop_unref(self->loop);
    G_OBJECT_CLASS(stile_vpn_plugin_parent_class)->finalize(object);
}

static void
stile_vpn_plugin_class_init(StileVpnPluginClass *class)
{
    NMVpnServicePluginClass *plugin_class = NM_VPN_SERVICE_PLUGIN_CLASS(class);

    plugin_class->connect = stile_vpn_plugin_connect;
    plugin_class->need_secrets = stile_vpn_plugin_need_secrets;
    plugin_class->disconnect = stile_vpn_plugin_disconnect;
    G_OBJECT_CLASS(class)->finalize = stile_vpn_plugin_finalize;
}

static void
stile_vpn_plugin_init(StileVpnPlugin *self)
{
    self->loop = g_main_loop_new(NULL, FALSE);
}

/* NetworkManager has gone, or has had its Disconnect answered, or we are told to end. Not before
 * the service has answered Down: it does not do what somebody asks who has left the bus. */
static void
wind_up(StileVpnPlugin *self)
{
    self->persist = FALSE;
    stop(self);
    if (!self->stopping)
        g_main_loop_quit(self->loop);
}

static gboolean
on_terminate(gpointer data)
{
    wind_up(data);
    return G_SOURCE_CONTINUE;
}

static void
on_quit(NMVpnServicePlugin *plugin, gpointer data)
{
    wind_up(STILE_VPN_PLUGIN(plugin));
}

/* libnm asks for the name and does not look at the answer; two processes must not serve one name.
 */
static gboolean
owns_name(GDBusConnection *bus, const char *name, GError **error)
{
    const char *owner;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "GetNameOwner", g_variant_new("(s)", name), G_VARIANT_TYPE("(s)"), G_DBUS_CALL_FLAGS_NONE,
        2000, NULL, error);

    if (reply == NULL)
        return FALSE;
    g_variant_get(reply, "(&s)", &owner);
    if (g_str_equal(owner, g_dbus_connection_get_unique_name(bus)))
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "another process owns the name %s", name);
    return FALSE;
}

static StileVpnPlugin *
plugin_new(const char *bus_name, gboolean persist, GError **error)
{
    g_autoptr(StileVpnPlugin) self = g_initable_new(
        STILE_TYPE_VPN_PLUGIN, NULL, error, NM_VPN_SERVICE_PLUGIN_DBUS_SERVICE_NAME, bus_name,
        NM_VPN_SERVICE_PLUGIN_DBUS_WATCH_PEER, !persist, NULL);
    g_autoptr(GDBusConnection) bus = NULL;

    if (self == NULL)
        return NULL;
    bus = nm_vpn_service_plugin_get_connection(NM_VPN_SERVICE_PLUGIN(self));
    if (!owns_name(bus, bus_name, error))
        return NULL;
    self->persist = persist;
    return g_steal_pointer(&self);
}

int
main(int argc, char **argv)
{
    g_autofree char *bus_name = g_strdup(STILE_VPN_SERVICE);
    gboolean persist = FALSE, debug = FALSE;
    const GOptionEntry entries[] = {
        {"bus-name", 0, 0, G_OPTION_ARG_STRING, &bus_name, "D-Bus name to take", "NAME"},
        {"persist", 0, 0, G_OPTION_ARG_NONE, &persist, "Do not end with the connection", NULL},
        {"debug", 0, 0, G_OPTION_ARG_NONE, &debug, "Say more", NULL},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) options = g_option_context_new("- Stile for NetworkManager");
    g_autoptr(StileVpnPlugin) plugin = NULL;
    g_autoptr(GDBusConnection) bus = NULL;
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error)) {
        g_printerr("nm-stile-service: %s\n", error->message);
        return 2;
    }
    if (debug)
        g_log_set_debug_enabled(TRUE);
    plugin = plugin_new(bus_name, persist, &error);
    if (plugin == NULL) {
        g_printerr("nm-stile-service: %s\n", error->message);
        return EXIT_FAILURE;
    }
    g_signal_connect(plugin, "quit", G_CALLBACK(on_quit), NULL);
    g_unix_signal_add(SIGTERM, on_terminate, plugin);
    g_unix_signal_add(SIGINT, on_terminate, plugin);
    g_main_loop_run(plugin->loop);
    bus = nm_vpn_service_plugin_get_connection(NM_VPN_SERVICE_PLUGIN(plugin));
    nm_vpn_service_plugin_shutdown(NM_VPN_SERVICE_PLUGIN(plugin));
    /* Else the name may be gone before the reason is known, and people read that we "stopped". */
    g_dbus_connection_flush_sync(bus, NULL, NULL);
    return EXIT_SUCCESS;
}

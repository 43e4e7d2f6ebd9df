/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "remember.h"

#include "profile.h"

#define NM              "org.freedesktop.NetworkManager"
#define SETTINGS        "org.freedesktop.NetworkManager.Settings"
#define SETTINGS_PATH   "/org/freedesktop/NetworkManager/Settings"
#define CONNECTION      "org.freedesktop.NetworkManager.Settings.Connection"
#define CALL_TIMEOUT_MS 10000
/* NM_SETTINGS_UPDATE2_FLAG_TO_DISK, and _NO_REAPPLY: the connection is just being activated. */
#define UPDATE_FLAGS (0x1u | 0x40u)

typedef struct {
    GDBusConnection *bus;
    char *path;
    char *network_id;
} Remember;

static void
remember_free(Remember *remember)
{
    g_object_unref(remember->bus);
    g_free(remember->path);
    g_free(remember->network_id);
    g_free(remember);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Remember, remember_free)

static GVariant *
finish(GObject *source, GAsyncResult *result)
{
    g_autoptr(GError) error = NULL;
    GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (reply == NULL) {
        g_dbus_error_strip_remote_error(error);
        g_warning("the profile could not be told of its network: %s", error->message);
    }
    return reply;
}

static void
call(Remember *remember, const char *path, const char *interface, const char *method,
     GVariant *arguments, const char *reply_type, GAsyncReadyCallback callback)
{
    g_dbus_connection_call(remember->bus, NM, path, interface, method, arguments,
                           G_VARIANT_TYPE(reply_type), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           CALL_TIMEOUT_MS, NULL, callback, remember);
}

static void
on_cleared(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(Remember) remember = data;
    g_autoptr(GVariant) reply = NULL;

    reply = finish(source, result);
    if (reply != NULL)
        g_debug("the profile %s has forgotten its invitation", remember->path);
}

/* An update without secrets keeps those that are there, hence a call of its own to drop them. */
static void
on_updated(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(Remember) remember = data;
    g_autoptr(GVariant) reply = finish(source, result);

    if (reply == NULL)
        return;
    call(remember, remember->path, CONNECTION, "ClearSecrets", NULL, "()", on_cleared);
    g_steal_pointer(&remember);
}

/* @settings, with vpn.data `network` set. */
static GVariant *
with_network(GVariant *settings, const char *network_id)
{
    GVariantDict vpn;
    g_autoptr(GVariant) old_vpn = g_variant_lookup_value(settings, "vpn", G_VARIANT_TYPE("a{sv}"));
    g_autoptr(GVariant) old_data = old_vpn != NULL ? g_variant_lookup_value(old_vpn, "data",
                                                                            G_VARIANT_TYPE("a{ss}"))
                                                   : NULL;
    GVariantBuilder new_settings, new_data;
    GVariantIter iter;
    const char *key, *value;
    GVariant *setting;

    g_variant_builder_init(&new_data, G_VARIANT_TYPE("a{ss}"));
    if (old_data != NULL) {
        g_variant_iter_init(&iter, old_data);
        while (g_variant_iter_next(&iter, "{&s&s}", &key, &value)) {
            if (!g_str_equal(key, STILE_PROFILE_NETWORK))
                g_variant_builder_add(&new_data, "{ss}", key, value);
        }
    }
    g_variant_builder_add(&new_data, "{ss}", STILE_PROFILE_NETWORK, network_id);
    g_variant_dict_init(&vpn, old_vpn);
    g_variant_dict_insert_value(&vpn, "data", g_variant_builder_end(&new_data));

    g_variant_builder_init(&new_settings, G_VARIANT_TYPE("a{sa{sv}}"));
    g_variant_iter_init(&iter, settings);
    while (g_variant_iter_next(&iter, "{&s@a{sv}}", &key, &setting)) {
        if (!g_str_equal(key, "vpn"))
            g_variant_builder_add(&new_settings, "{s@a{sv}}", key, setting);
        g_variant_unref(setting);
    }
    g_variant_builder_add(&new_settings, "{s@a{sv}}", "vpn", g_variant_dict_end(&vpn));
    return g_variant_builder_end(&new_settings);
}

static void
on_settings(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(Remember) remember = data;
    g_autoptr(GVariant) reply = finish(source, result);
    g_autoptr(GVariant) settings = NULL;

    if (reply == NULL)
        return;
    settings = g_variant_get_child_value(reply, 0);
    call(remember, remember->path, CONNECTION, "Update2",
         g_variant_new("(@a{sa{sv}}u@a{sv})", with_network(settings, remember->network_id),
                       UPDATE_FLAGS, g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0)),
         "(a{sv})", on_updated);
    g_steal_pointer(&remember);
}

static void
on_path(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(Remember) remember = data;
    g_autoptr(GVariant) reply = finish(source, result);

    if (reply == NULL)
        return;
    g_variant_get(reply, "(o)", &remember->path);
    call(remember, remember->path, CONNECTION, "GetSettings", NULL, "(a{sa{sv}})", on_settings);
    g_steal_pointer(&remember);
}

void
stile_remember_network(GDBusConnection *bus, const char *uuid, const char *network_id)
{
    Remember *remember = g_new0(Remember, 1);

    remember->bus = g_object_ref(bus);
    remember->network_id = g_strdup(network_id);
    call(remember, SETTINGS_PATH, SETTINGS, "GetConnectionByUuid", g_variant_new("(s)", uuid),
         "(o)", on_path);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net.stile.Stile1.Manager: a StileEngine, and below it its networks. */
#include "dbus/authorize.h"
#include "dbus/interfaces.h"
#include "dbus/kinds.h"
#include "dbus/subscribers.h"
#include "stile.h"

static void
return_network(GDBusMethodInvocation *invocation, StileNetwork *network, GError *error)
{
    if (network)
        stile_bridge_return(invocation, g_variant_new("(o)", stile_object_path(network)), NULL);
    else
        stile_bridge_return(invocation, NULL, error);
}

static void
on_create_network(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    const char *name = NULL;
    g_autoptr(GVariant) options = NULL;
    GError *error = NULL;
    StileNetwork *network;

    g_variant_get(parameters, "(&s@a{sv})", &name, &options);
    network = stile_engine_create_network(STILE_ENGINE(object), name, options, &error);
    return_network(invocation, network, error);
}

static void
on_joined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError *error = NULL;
    g_autoptr(StileNetwork)
        network = stile_engine_join_network_finish(STILE_ENGINE(source), result, &error);

    return_network(user_data, network, error);
}

static void
on_join_network(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    const char *invitation = NULL;
    g_autoptr(GVariant) options = NULL;

    g_variant_get(parameters, "(&s@a{sv})", &invitation, &options);
    stile_engine_join_network(STILE_ENGINE(object), invitation, options, NULL, on_joined,
                              invocation);
}

static GPtrArray *
list_networks(gpointer object)
{
    return stile_engine_networks(STILE_ENGINE(object));
}

static StileNetwork *
find_network(StileEngine *engine, const char *path)
{
    g_autoptr(GPtrArray) networks = stile_engine_networks(engine);

    for (guint i = 0; i < networks->len; i++)
        if (!g_strcmp0(stile_object_path(networks->pdata[i]), path))
            return networks->pdata[i];
    return NULL;
}

static void
on_remove_network(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    const char *path = NULL;
    GError *error = NULL;
    StileNetwork *network;

    g_variant_get(parameters, "(&o)", &path);
    network = find_network(STILE_ENGINE(object), path);
    if (network)
        stile_engine_remove_network(STILE_ENGINE(object), network, &error);
    else
        error = g_error_new(STILE_ERROR, STILE_ERROR_NOT_FOUND, "There is no network %s", path);
    stile_bridge_return(invocation, NULL, error);
}

static void
on_subscribe(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    stile_subscribers_add(STILE_ENGINE(object), g_dbus_method_invocation_get_connection(invocation),
                          g_dbus_method_invocation_get_sender(invocation));
    stile_bridge_return(invocation, NULL, NULL);
}

static void
on_unsubscribe(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    GError *error = NULL;

    if (!stile_subscribers_remove(STILE_ENGINE(object),
                                  g_dbus_method_invocation_get_sender(invocation)))
        error = g_error_new(STILE_ERROR, STILE_ERROR_NOT_FOUND, "You are not subscribed");
    stile_bridge_return(invocation, NULL, error);
}

static const StileMethod methods[] = {
    {"CreateNetwork", STILE_ACTION_MANAGE, on_create_network},
    {"JoinNetwork", STILE_ACTION_MANAGE, on_join_network},
    {"RemoveNetwork", STILE_ACTION_MANAGE, on_remove_network},
    {"Subscribe", NULL, on_subscribe},
    {"Unsubscribe", NULL, on_unsubscribe},
    {NULL, NULL, NULL},
};

static const StileChildren children[] = {
    {"Networks", "network", list_networks, "network-added", "network-removed", NULL,
     &stile_network_kind},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

static const StileOnly only[] = {
    {"Nat", "nat", &stile_nat_kind},
    {NULL, NULL, NULL},
};

const StileKind stile_manager_kind = {&net_stile_stile1_manager_interface, methods, children, only};

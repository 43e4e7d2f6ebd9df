/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net.stile.Stile1.Network: a StileNetwork, and below it its peers and relays. */
#include "dbus/authorize.h"
#include "dbus/interfaces.h"
#include "dbus/kinds.h"
#include "stile.h"

static void
on_up(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    g_autoptr(GVariant) options = g_variant_get_child_value(parameters, 0);
    GError *error = NULL;

    stile_network_up(STILE_NETWORK(object), options, &error);
    stile_bridge_return(invocation, NULL, error);
}

static void
on_down(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    stile_network_down(STILE_NETWORK(object));
    stile_bridge_return(invocation, NULL, NULL);
}

static void
on_invite(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    const char *name = NULL;
    g_autoptr(GVariant) options = NULL;
    g_autofree char *invitation = NULL;
    GError *error = NULL;

    g_variant_get(parameters, "(&s@a{sv})", &name, &options);
    invitation = stile_network_invite(STILE_NETWORK(object), name, options, &error);
    if (invitation)
        stile_bridge_return(invocation, g_variant_new("(s)", invitation), NULL);
    else
        stile_bridge_return(invocation, NULL, error);
}

static void
on_revoke(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    const char *peer_id = NULL;
    GError *error = NULL;

    g_variant_get(parameters, "(&s)", &peer_id);
    stile_network_revoke(STILE_NETWORK(object), peer_id, &error);
    stile_bridge_return(invocation, NULL, error);
}

static void
on_rename(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    const char *name = NULL;
    GError *error = NULL;

    g_variant_get(parameters, "(&s)", &name);
    stile_network_rename(STILE_NETWORK(object), name, &error);
    stile_bridge_return(invocation, NULL, error);
}

static void
on_set_options(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    g_autoptr(GVariant) options = g_variant_get_child_value(parameters, 0);
    GError *error = NULL;

    stile_network_set_options(STILE_NETWORK(object), options, &error);
    stile_bridge_return(invocation, NULL, error);
}

static GPtrArray *
list_peers(gpointer object)
{
    return stile_network_peers(STILE_NETWORK(object));
}

static GPtrArray *
list_relays(gpointer object)
{
    return stile_network_relays(STILE_NETWORK(object));
}

static const StileMethod methods[] = {
    {"Up", STILE_ACTION_CONTROL, on_up},
    {"Down", STILE_ACTION_CONTROL, on_down},
    {"Invite", STILE_ACTION_MANAGE, on_invite},
    {"Revoke", STILE_ACTION_MANAGE, on_revoke},
    {"Rename", STILE_ACTION_MANAGE, on_rename},
    {"SetOptions", STILE_ACTION_MANAGE, on_set_options},
    {NULL, NULL, NULL},
};

static const StileChildren children[] = {
    {"Peers", "peer", list_peers, "peer-added", "peer-removed", NULL, &stile_peer_kind},
    {"Relays", "relay", list_relays, "relay-added", "relay-removed", "number", &stile_relay_kind},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

const StileKind stile_network_kind = {&net_stile_stile1_network_interface, methods, children, NULL};

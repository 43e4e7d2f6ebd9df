/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net.stile.Stile1.Peer: a StilePeer, and below it its paths. */
#include "dbus/authorize.h"
#include "dbus/interfaces.h"
#include "dbus/kinds.h"
#include "stile.h"

#define LONGEST_PING_MS 60000

static void
on_probe(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    GError *error = NULL;

    stile_peer_probe(STILE_PEER(object), &error);
    stile_bridge_return(invocation, NULL, error);
}

static void
on_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError *error = NULL;
    guint rtt = stile_peer_ping_finish(STILE_PEER(source), result, &error);

    stile_bridge_return(user_data, g_variant_new("(u)", rtt), error);
}

static void
on_ping(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    guint timeout_ms = 0;

    g_variant_get(parameters, "(u)", &timeout_ms);
    if (timeout_ms == 0 || timeout_ms > LONGEST_PING_MS)
        stile_bridge_return(invocation, NULL,
                            g_error_new(STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                                        "A ping may take 1 to %u milliseconds", LONGEST_PING_MS));
    else
        stile_peer_ping(STILE_PEER(object), timeout_ms, NULL, on_answered, invocation);
}

static GPtrArray *
list_paths(gpointer object)
{
    return stile_peer_paths(STILE_PEER(object));
}

static const StileMethod methods[] = {
    {"Probe", STILE_ACTION_CONTROL, on_probe},
    {"Ping", STILE_ACTION_CONTROL, on_ping},
    {NULL, NULL, NULL},
};

static const StileChildren children[] = {
    {"Paths", "path", list_paths, "path-added", "path-removed", "number", &stile_path_kind},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

const StileKind stile_peer_kind = {&net_stile_stile1_peer_interface, methods, children, NULL};

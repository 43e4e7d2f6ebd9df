/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net.stile.Stile1.Nat: the engine's StileNat. */
#include "dbus/authorize.h"
#include "dbus/interfaces.h"
#include "dbus/kinds.h"
#include "stile.h"

static void
on_probed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError *error = NULL;

    stile_nat_probe_finish(STILE_NAT(source), result, &error);
    stile_bridge_return(user_data, NULL, error);
}

static void
on_probe(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation)
{
    g_autoptr(GVariant) options = g_variant_get_child_value(parameters, 0);

    stile_nat_probe(STILE_NAT(object), options, NULL, on_probed, invocation);
}

static const StileMethod methods[] = {
    {"Probe", STILE_ACTION_CONTROL, on_probe},
    {NULL, NULL, NULL},
};

const StileKind stile_nat_kind = {&net_stile_stile1_nat_interface, methods, NULL, NULL};

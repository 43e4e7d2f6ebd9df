/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The names that the service and stilectl share. */
#define STILE_BUS_NAME          "net.stile.Stile1"
#define STILE_ROOT_PATH         "/net/stile/Stile1"
#define STILE_INTERFACE_MANAGER "net.stile.Stile1.Manager"
#define STILE_INTERFACE_NETWORK "net.stile.Stile1.Network"
#define STILE_INTERFACE_PEER    "net.stile.Stile1.Peer"
#define STILE_INTERFACE_PATH    "net.stile.Stile1.Path"
#define STILE_INTERFACE_RELAY   "net.stile.Stile1.Relay"
#define STILE_INTERFACE_NAT     "net.stile.Stile1.Nat"
#define STILE_ERROR_PREFIX      "net.stile.Stile1.Error."

/**
 * stile_name_to_dashes:
 * @name: a D-Bus name, `ActivePath`
 *
 * Returns: (transfer full): the same for GObject and JSON, `active-path`
 */
char *stile_name_to_dashes(const char *name);

G_END_DECLS

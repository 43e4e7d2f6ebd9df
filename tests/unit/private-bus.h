/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** A message bus of the test's own, on which everybody may own and call everything. */
typedef struct _PrivateBus PrivateBus;

/** Returns: (nullable): %NULL where there is no dbus-daemon; the test is then to be skipped */
PrivateBus *private_bus_new(void);
void private_bus_free(PrivateBus *bus);
const char *private_bus_address(PrivateBus *bus);
/** Returns: (transfer full): a new connection */
GDBusConnection *private_bus_connect(PrivateBus *bus);

G_END_DECLS

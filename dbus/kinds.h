/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dbus/bridge.h"

G_BEGIN_DECLS

/* What is shown on the bus, each in the file of its name. The root is the Manager, a StileEngine.
 */
extern const StileKind stile_manager_kind;
extern const StileKind stile_network_kind;
extern const StileKind stile_peer_kind;
extern const StileKind stile_path_kind;
extern const StileKind stile_relay_kind;
extern const StileKind stile_nat_kind;

G_END_DECLS

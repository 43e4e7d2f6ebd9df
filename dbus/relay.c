/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net.stile.Stile1.Relay: a StileRelay, only to be read. */
#include "dbus/interfaces.h"
#include "dbus/kinds.h"

const StileKind stile_relay_kind = {&net_stile_stile1_relay_interface, NULL, NULL, NULL};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net.stile.Stile1.Path: a StilePath, only to be read. */
#include "dbus/interfaces.h"
#include "dbus/kinds.h"

const StileKind stile_path_kind = {&net_stile_stile1_path_interface, NULL, NULL, NULL};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/probe-socket.h"

G_BEGIN_DECLS

/** The kernel's sockets; the data of its open function is the GMainContext (nullable) to read in.
 */
extern const StileProbeWire stile_probe_wire_kernel;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"

G_BEGIN_DECLS

/**
 * StileUpnpSweep:
 *
 * A router that leases nothing keeps a mapping for ever, also that of a service that crashed. The
 * router itself remembers them for us: the sweep reads its table once, and deletes what has our
 * name and no end, and goes to a port of this address that no socket has any more.
 */
typedef struct _StileUpnpSweep StileUpnpSweep;

/** @internal: our address and port, which stays; @control, @path, @type: of the service */
StileUpnpSweep *stile_upnp_sweep_new(StileClock *clock, GMainContext *context,
                                     const StileAddress *internal, const StileAddress *control,
                                     const char *path, const char *type);
void stile_upnp_sweep_free(StileUpnpSweep *sweep);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Finding the router's UPnP description (UPnP Device Architecture §1.3). Pure. */

#define STILE_SSDP_PORT 1900

/** @version: of the InternetGatewayDevice. Returns: (transfer full): an M-SEARCH */
char *stile_ssdp_build_search(guint version);
/** Returns: (transfer full) (nullable): the URL of a gateway's description. Errors:
 * %STILE_ERROR_INVALID_ARGUMENT, also for another kind of device */
char *stile_ssdp_parse(const char *data, gsize size, GError **error);

G_END_DECLS

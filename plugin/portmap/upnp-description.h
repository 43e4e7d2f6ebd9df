/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * StileUpnpService:
 * @type: the service's type, as its actions have to name it
 * @version: behind the type's last colon
 * @control_url: may be relative
 * @url_base: (nullable): what it is relative to, if not to the description itself
 */
typedef struct {
    char *type;
    guint version;
    char *control_url;
    char *url_base;
} StileUpnpService;

void stile_upnp_service_clear(StileUpnpService *service);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileUpnpService, stile_upnp_service_clear)

/**
 * stile_upnp_description_parse:
 * @ret: to be cleared
 *
 * Finds the service that maps ports: WANIPConnection, or else WANPPPConnection, the highest version
 * (UPnP Device Architecture §2.3; IGD:1 and IGD:2). Pure.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT; %STILE_ERROR_NOT_FOUND without such a service
 */
gboolean stile_upnp_description_parse(StileUpnpService *ret, const char *data, gsize size,
                                      GError **error);

G_END_DECLS

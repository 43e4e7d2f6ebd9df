/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any description: the service that is found has a type that can stand in a header, and a bounded
 * URL. */
#include "portmap/upnp-description.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(StileUpnpService) service = {0};

    if (!stile_upnp_description_parse(&service, (const char *)data, size, NULL)) {
        g_assert(!service.type && !service.control_url && !service.url_base);
        return 0;
    }
    g_assert(g_str_has_prefix(service.type, "urn:schemas-upnp-org:service:WANIPConnection:") ||
             g_str_has_prefix(service.type, "urn:schemas-upnp-org:service:WANPPPConnection:"));
    g_assert(service.version >= 1 && service.version <= 9);
    for (const char *c = service.type; *c; c++)
        g_assert(g_ascii_isgraph(*c));
    g_assert(strlen(service.control_url) <= 1024);
    g_assert(!service.url_base || (*service.url_base && strlen(service.url_base) <= 1024));
    return 0;
}

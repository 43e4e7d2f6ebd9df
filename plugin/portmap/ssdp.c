/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/ssdp.h"

#include "base/error.h"
#include "portmap/http.h"

#include <string.h>

#define GATEWAY "urn:schemas-upnp-org:device:InternetGatewayDevice:"

char *
stile_ssdp_build_search(guint version)
{
    return g_strdup_printf("M-SEARCH * HTTP/1.1\r\n"
                           "HOST: 239.255.255.250:1900\r\n"
                           "MAN: \"ssdp:discover\"\r\n"
                           "MX: 1\r\n"
                           "ST: " GATEWAY "%u\r\n\r\n",
                           version);
}

char *
stile_ssdp_parse(const char *data, gsize size, GError **error)
{
    g_autofree char *target = stile_http_header(data, size, "ST");
    g_autofree char *location = stile_http_header(data, size, "LOCATION");

    if (size < 12 || memcmp(data, "HTTP/1.", 7) != 0 || memcmp(data + 8, " 200", 4) != 0 ||
        !target || !g_str_has_prefix(target, GATEWAY) || !location || !*location ||
        strlen(location) > STILE_HTTP_MAX_URL) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed SSDP reply");
        return NULL;
    }
    return g_steal_pointer(&location);
}

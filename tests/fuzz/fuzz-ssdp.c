/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any datagram: an SSDP answer or not; the address in one that is has one line and a bound, and in
 * an answer of its own it reads the same. */
#include "portmap/ssdp.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *location = stile_ssdp_parse((const char *)data, size, NULL);
    g_autofree char *text = NULL, *again = NULL;

    if (!location)
        return 0;
    g_assert(*location && strlen(location) <= 1024 && !strchr(location, '\n'));
    text = g_strdup_printf("HTTP/1.1 200 OK\r\nLOCATION: %s\r\n"
                           "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
                           location);
    again = stile_ssdp_parse(text, strlen(text), NULL);
    g_assert(again && strcmp(again, location) == 0);
    return 0;
}

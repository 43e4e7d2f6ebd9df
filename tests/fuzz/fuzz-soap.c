/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any reply to an action: what is read from it, written again, reads the same. */
#include "portmap/soap.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *ip = NULL, *text = NULL;
    StileSoapReply reply, again;
    guint status = size && data[0] == '<' ? 200 : 500;

    if (size && status == 500) { /* a first byte that is none of XML's, for a fault */
        data++;
        size--;
    }
    if (!stile_soap_parse(&reply, status, (const char *)data, size, NULL))
        return 0;
    g_assert((status == 200) == (reply.error == STILE_SOAP_OK) && reply.error <= 999);
    g_assert(!stile_address_is_set(&reply.client) ||
             stile_address_family(&reply.client) == AF_INET);
    ip = stile_address_is_set(&reply.external) ? stile_address_ip_to_string(&reply.external)
                                               : g_strdup("");
    text = g_strdup_printf("<r><errorCode>%u</errorCode><NewReservedPort>%u</NewReservedPort>"
                           "<NewExternalIPAddress>%s</NewExternalIPAddress></r>",
                           reply.error, reply.reserved_port, ip);
    g_assert(stile_soap_parse(&again, status, text, strlen(text), NULL));
    g_assert(again.error == reply.error && again.reserved_port == reply.reserved_port);
    g_assert(stile_address_equal(&again.external, &reply.external));
    return 0;
}

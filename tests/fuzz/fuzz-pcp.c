/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any datagram: a PCP response or not; one that is has the size and the fields it says. */
#include "portmap/pcp.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StilePcpResponse response;
    guint8 request[STILE_PCP_PEER_SIZE];
    gboolean is_peer;
    StileAddress client;
    const guint8 any[4] = {0};

    if (!stile_pcp_parse(&response, data, size, NULL))
        return 0;
    g_assert(size >= 24 && size <= 1100 && data[0] == 2);
    if (!response.has_map)
        return 0;
    is_peer = response.opcode == STILE_PCP_PEER;
    g_assert(is_peer || response.opcode == STILE_PCP_MAP);
    g_assert(size >= (is_peer ? STILE_PCP_PEER_SIZE : STILE_PCP_MAP_SIZE));
    g_assert(stile_address_scope(&response.external) != STILE_ADDRESS_UNSPECIFIED ||
             !stile_address_is_set(&response.external));
    /* Written as a request, what was read stands where it stood. */
    client = stile_address_from_ip(AF_INET, any, response.internal_port);
    if (is_peer)
        stile_pcp_build_peer(request, &client, response.nonce, &response.external, &response.remote,
                             response.lifetime);
    else
        stile_pcp_build_map(request, &client, response.nonce, &response.external,
                            response.lifetime);
    g_assert(memcmp(request + 4, data + 4, 4) == 0);
    g_assert(memcmp(request + 24, data + 24, 12) == 0);
    g_assert(memcmp(request + 40, data + 40, 2) == 0);
    if (stile_address_is_set(&response.external))
        g_assert(memcmp(request + 42, data + 42, 18) == 0);
    if (is_peer && stile_address_is_set(&response.remote)) {
        g_assert(memcmp(request + 60, data + 60, 2) == 0);
        g_assert(memcmp(request + 64, data + 64, 16) == 0);
    }
    return 0;
}

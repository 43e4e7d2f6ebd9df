/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any datagram: a NAT-PMP response or not; one that is has the size of its kind, and written again
 * it is the same. */
#include "base/bytes.h"
#include "portmap/nat-pmp.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    guint8 again[16];
    StileWriter writer = STILE_WRITER_INIT(again, sizeof again);
    StileNatPmpResponse response;
    gsize ip_size;

    if (!stile_nat_pmp_parse(&response, data, size, NULL))
        return 0;
    stile_writer_u8(&writer, 0);
    stile_writer_u8(&writer, 0x80 | response.opcode);
    stile_writer_u16be(&writer, response.result);
    stile_writer_u32be(&writer, response.epoch);
    if (response.result == STILE_NAT_PMP_SUCCESS && response.opcode == STILE_NAT_PMP_EXTERNAL) {
        const guint8 *ip = stile_address_ip(&response.external, &ip_size);

        stile_writer_bytes(&writer, ip, ip_size);
    } else if (response.result == STILE_NAT_PMP_SUCCESS) {
        stile_writer_u16be(&writer, response.internal_port);
        stile_writer_u16be(&writer, response.external_port);
        stile_writer_u32be(&writer, response.lifetime);
    }
    g_assert(writer.used <= size && memcmp(again, data, writer.used) == 0);
    g_assert(response.result != STILE_NAT_PMP_SUCCESS || writer.used == size);
    return 0;
}

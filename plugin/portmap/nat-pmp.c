/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/nat-pmp.h"

#include "base/bytes.h"
#include "base/error.h"

#define VERSION  0
#define RESPONSE 0x80
#define SHORTEST 8 /* an error response ends behind the epoch */

void
stile_nat_pmp_build_external(guint8 ret[STILE_NAT_PMP_EXTERNAL_SIZE])
{
    ret[0] = VERSION;
    ret[1] = STILE_NAT_PMP_EXTERNAL;
}

void
stile_nat_pmp_build_map(guint8 ret[STILE_NAT_PMP_MAP_SIZE], guint16 internal_port,
                        guint16 external_port, guint32 lifetime)
{
    StileWriter writer = STILE_WRITER_INIT(ret, STILE_NAT_PMP_MAP_SIZE);

    stile_writer_u8(&writer, VERSION);
    stile_writer_u8(&writer, STILE_NAT_PMP_MAP_UDP);
    stile_writer_u16be(&writer, 0);
    stile_writer_u16be(&writer, internal_port);
    stile_writer_u16be(&writer, external_port);
    stile_writer_u32be(&writer, lifetime);
}

static gboolean
refuse(GError **error)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed NAT-PMP response");
    return FALSE;
}

gboolean
stile_nat_pmp_parse(StileNatPmpResponse *ret, const void *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    StileNatPmpResponse response = {0};
    guint8 version = stile_reader_u8(&reader);
    guint8 opcode = stile_reader_u8(&reader);
    guint8 ip[4];

    response.opcode = opcode & ~RESPONSE;
    response.result = stile_reader_u16be(&reader);
    response.epoch = stile_reader_u32be(&reader);
    if (size < SHORTEST || version != VERSION || !(opcode & RESPONSE))
        return refuse(error);
    if (response.result == STILE_NAT_PMP_SUCCESS) {
        switch (response.opcode) {
        case STILE_NAT_PMP_EXTERNAL:
            stile_reader_copy(&reader, ip, sizeof ip);
            response.external = stile_address_from_ip(AF_INET, ip, 0);
            break;
        case STILE_NAT_PMP_MAP_UDP:
            response.internal_port = stile_reader_u16be(&reader);
            response.external_port = stile_reader_u16be(&reader);
            response.lifetime = stile_reader_u32be(&reader);
            break;
        default:
            return refuse(error);
        }
        if (!stile_reader_done(&reader))
            return refuse(error);
    }
    *ret = response;
    return TRUE;
}

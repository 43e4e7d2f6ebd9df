/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/stand-in.h"

#include "base/bytes.h"

#define VERSION 1

gsize
stile_stand_in_write(const StileStandIn *stand_in, guint8 ret[STILE_STAND_IN_MAX_SIZE])
{
    StileWriter writer = STILE_WRITER_INIT(ret, STILE_STAND_IN_MAX_SIZE);
    gsize size;
    const guint8 *ip = stile_address_ip(&stand_in->to, &size);

    stile_writer_u8(&writer, VERSION);
    stile_writer_u8(&writer, (guint8)stand_in->kind);
    stile_writer_bytes(&writer, stand_in->id, sizeof stand_in->id);
    stile_writer_u8(&writer, size == 4 ? 4 : 6);
    stile_writer_bytes(&writer, ip, size);
    stile_writer_u16be(&writer, stile_address_port(&stand_in->to));
    return writer.used;
}

gboolean
stile_stand_in_parse(StileStandIn *ret, const guint8 *data, gsize size)
{
    StileReader reader = STILE_READER_INIT(data, size);
    guint kind, version;
    int family;
    guint8 ip[16];

    if (stile_reader_u8(&reader) != VERSION)
        return FALSE;
    kind = stile_reader_u8(&reader);
    if (kind != STILE_STAND_IN_ASK && kind != STILE_STAND_IN_DONE)
        return FALSE;
    ret->kind = (StileStandInKind)kind;
    stile_reader_copy(&reader, ret->id, sizeof ret->id);
    version = stile_reader_u8(&reader);
    family = version == 4 ? AF_INET : AF_INET6;
    stile_reader_copy(&reader, ip, version == 4 ? 4 : 16);
    ret->to = stile_address_from_ip(family, ip, stile_reader_u16be(&reader));
    /* An IPv4-mapped address changes its family on reading: one address has one encoding. */
    return !reader.failed && (version == 4 || version == 6) &&
           stile_address_family(&ret->to) == family;
}

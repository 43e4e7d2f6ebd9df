/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/pcp.h"

#include "base/bytes.h"
#include "base/error.h"

#include <string.h>

#define VERSION     2
#define RESPONSE    0x80
#define HEADER_SIZE 24
#define MAX_SIZE    1100

/* RFC 6887 §5: 16 bytes always, IPv4 as IPv4-mapped IPv6; @family: of the zeros for no address */
static void
write_ip(StileWriter *writer, const StileAddress *address, int family)
{
    static const guint8 zeros[16] = {0};
    gsize size = 0;
    const guint8 *ip = address ? stile_address_ip(address, &size) : NULL;

    if (!ip) {
        ip = zeros;
        size = family == AF_INET ? 4 : 16;
    }
    if (size == 4) {
        stile_writer_bytes(writer, zeros, 10);
        stile_writer_u16be(writer, 0xffff);
    }
    stile_writer_bytes(writer, ip, size);
}

static void
write_header(StileWriter *writer, StilePcpOpcode opcode, const StileAddress *client,
             guint32 lifetime)
{
    stile_writer_u8(writer, VERSION);
    stile_writer_u8(writer, (guint8)opcode);
    stile_writer_u16be(writer, 0);
    stile_writer_u32be(writer, lifetime);
    write_ip(writer, client, stile_address_family(client));
}

/* What MAP and PEER have in common (RFC 6887 §11.1, §12.1). */
static void
write_mapping(StileWriter *writer, const StileAddress *client, const guint8 *nonce,
              const StileAddress *suggested)
{
    stile_writer_bytes(writer, nonce, STILE_PCP_NONCE_SIZE);
    stile_writer_u8(writer, IPPROTO_UDP);
    stile_writer_u8(writer, 0);
    stile_writer_u16be(writer, 0);
    stile_writer_u16be(writer, stile_address_port(client));
    stile_writer_u16be(writer, suggested ? stile_address_port(suggested) : 0);
    write_ip(writer, suggested, stile_address_family(client));
}

void
stile_pcp_build_announce(guint8 ret[STILE_PCP_ANNOUNCE_SIZE], const StileAddress *client)
{
    StileWriter writer = STILE_WRITER_INIT(ret, STILE_PCP_ANNOUNCE_SIZE);

    write_header(&writer, STILE_PCP_ANNOUNCE, client, 0);
}

void
stile_pcp_build_map(guint8 ret[STILE_PCP_MAP_SIZE], const StileAddress *client,
                    const guint8 nonce[STILE_PCP_NONCE_SIZE], const StileAddress *suggested,
                    guint32 lifetime)
{
    StileWriter writer = STILE_WRITER_INIT(ret, STILE_PCP_MAP_SIZE);

    write_header(&writer, STILE_PCP_MAP, client, lifetime);
    write_mapping(&writer, client, nonce, suggested);
}

void
stile_pcp_build_peer(guint8 ret[STILE_PCP_PEER_SIZE], const StileAddress *client,
                     const guint8 nonce[STILE_PCP_NONCE_SIZE], const StileAddress *suggested,
                     const StileAddress *remote, guint32 lifetime)
{
    StileWriter writer = STILE_WRITER_INIT(ret, STILE_PCP_PEER_SIZE);

    write_header(&writer, STILE_PCP_PEER, client, lifetime);
    write_mapping(&writer, client, nonce, suggested);
    stile_writer_u16be(&writer, stile_address_port(remote));
    stile_writer_u16be(&writer, 0);
    write_ip(&writer, remote, stile_address_family(remote));
}

static gboolean
refuse(GError **error)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed PCP response");
    return FALSE;
}

static void
read_address(StileReader *reader, guint16 port, StileAddress *ret)
{
    guint8 ip[16] = {0};

    stile_reader_copy(reader, ip, sizeof ip);
    *ret = stile_address_from_ip(AF_INET6, ip, port);
    if (stile_address_scope(ret) == STILE_ADDRESS_UNSPECIFIED)
        memset(ret, 0, sizeof *ret);
}

static void
read_mapping(StileReader *reader, StilePcpResponse *response)
{
    guint16 port;

    stile_reader_copy(reader, response->nonce, sizeof response->nonce);
    response->protocol = stile_reader_u8(reader);
    stile_reader_take(reader, 3);
    response->internal_port = stile_reader_u16be(reader);
    port = stile_reader_u16be(reader);
    read_address(reader, port, &response->external);
    if (response->opcode == STILE_PCP_PEER) {
        port = stile_reader_u16be(reader);
        stile_reader_take(reader, 2);
        read_address(reader, port, &response->remote);
    }
    response->has_map = !reader->failed;
}

gboolean
stile_pcp_parse(StilePcpResponse *ret, const void *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    StilePcpResponse response = {0};
    guint8 version = stile_reader_u8(&reader);
    guint8 opcode = stile_reader_u8(&reader);

    stile_reader_u8(&reader);
    response.opcode = opcode & ~RESPONSE;
    response.result = stile_reader_u8(&reader);
    response.lifetime = stile_reader_u32be(&reader);
    response.epoch = stile_reader_u32be(&reader);
    stile_reader_take(&reader, HEADER_SIZE - 12);
    if (reader.failed || size > MAX_SIZE || size % 4 != 0 || version != VERSION ||
        !(opcode & RESPONSE))
        return refuse(error);
    if (response.opcode == STILE_PCP_MAP || response.opcode == STILE_PCP_PEER) {
        read_mapping(&reader, &response);
        if (response.result == STILE_PCP_SUCCESS && !response.has_map)
            return refuse(error);
    }
    *ret = response;
    return TRUE;
}

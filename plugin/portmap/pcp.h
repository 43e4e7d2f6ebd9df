/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* The messages of the Port Control Protocol (RFC 6887): the opcodes MAP, PEER and ANNOUNCE, and
 * what answers them. Pure. */

#define STILE_PCP_PORT          5351
#define STILE_PCP_CLIENT_PORT   5350 /* where announcements come to (RFC 6887 §14.1) */
#define STILE_PCP_NONCE_SIZE    12
#define STILE_PCP_ANNOUNCE_SIZE 24
#define STILE_PCP_MAP_SIZE      60
#define STILE_PCP_PEER_SIZE     80

/* RFC 6887 §7.4 */
typedef enum {
    STILE_PCP_SUCCESS = 0,
    STILE_PCP_UNSUPP_VERSION = 1,
    STILE_PCP_NOT_AUTHORIZED = 2,
    STILE_PCP_MALFORMED_REQUEST = 3,
    STILE_PCP_UNSUPP_OPCODE = 4,
    STILE_PCP_UNSUPP_OPTION = 5,
    STILE_PCP_MALFORMED_OPTION = 6,
    STILE_PCP_NETWORK_FAILURE = 7,
    STILE_PCP_NO_RESOURCES = 8,
    STILE_PCP_UNSUPP_PROTOCOL = 9,
    STILE_PCP_USER_EX_QUOTA = 10,
    STILE_PCP_CANNOT_PROVIDE_EXTERNAL = 11,
    STILE_PCP_ADDRESS_MISMATCH = 12,
    STILE_PCP_EXCESSIVE_REMOTE_PEERS = 13,
} StilePcpResult;

typedef enum {
    STILE_PCP_ANNOUNCE = 0,
    STILE_PCP_MAP = 1,
    STILE_PCP_PEER = 2,
} StilePcpOpcode;

/**
 * StilePcpResponse:
 * @lifetime: seconds, of the mapping, or of the error
 * @epoch: seconds since the router's tables were made
 * @has_map: the rest is set: the fields of the MAP and PEER opcodes
 * @external: unset when all zeros
 * @remote: (PEER only): unset when all zeros
 */
typedef struct {
    guint8 opcode;
    guint8 result;
    guint32 lifetime;
    guint32 epoch;
    gboolean has_map;
    guint8 nonce[STILE_PCP_NONCE_SIZE];
    guint8 protocol;
    guint16 internal_port;
    StileAddress external;
    StileAddress remote;
} StilePcpResponse;

/** RFC 6887 §14.1.1: changes nothing, and is answered with the epoch. */
void stile_pcp_build_announce(guint8 ret[STILE_PCP_ANNOUNCE_SIZE], const StileAddress *client);

/**
 * stile_pcp_build_map:
 * @client: our address as the packet will have it, with the internal port
 * @suggested: (nullable): the external address and port we would like; both zero when deleting
 * @lifetime: seconds; 0 deletes
 *
 * A request for UDP (RFC 6887 §7.1, §11.1).
 */
void stile_pcp_build_map(guint8 ret[STILE_PCP_MAP_SIZE], const StileAddress *client,
                         const guint8 nonce[STILE_PCP_NONCE_SIZE], const StileAddress *suggested,
                         guint32 lifetime);
/** The same for the PEER opcode (RFC 6887 §12.1): the mapping of what @client sends to @remote. */
void stile_pcp_build_peer(guint8 ret[STILE_PCP_PEER_SIZE], const StileAddress *client,
                          const guint8 nonce[STILE_PCP_NONCE_SIZE], const StileAddress *suggested,
                          const StileAddress *remote, guint32 lifetime);
/** RFC 6887 §7.2, §8.3; options behind the opcode's fields are not looked at. Errors:
 * %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_pcp_parse(StilePcpResponse *ret, const void *data, gsize size, GError **error);

G_END_DECLS

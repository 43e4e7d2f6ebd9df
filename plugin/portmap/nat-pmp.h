/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* NAT-PMP's messages (RFC 6886). Pure. It speaks IPv4 only. */

#define STILE_NAT_PMP_PORT          5351
#define STILE_NAT_PMP_EXTERNAL_SIZE 2
#define STILE_NAT_PMP_MAP_SIZE      12

/* RFC 6886 §3.5 */
typedef enum {
    STILE_NAT_PMP_SUCCESS = 0,
    STILE_NAT_PMP_UNSUPPORTED_VERSION = 1,
    STILE_NAT_PMP_NOT_AUTHORIZED = 2,
    STILE_NAT_PMP_NETWORK_FAILURE = 3,
    STILE_NAT_PMP_OUT_OF_RESOURCES = 4,
    STILE_NAT_PMP_UNSUPPORTED_OPCODE = 5,
} StileNatPmpResult;

typedef enum {
    STILE_NAT_PMP_EXTERNAL = 0,
    STILE_NAT_PMP_MAP_UDP = 1,
} StileNatPmpOpcode;

/**
 * StileNatPmpResponse:
 * @epoch: seconds since the router's tables were made
 * @external: the router's address, without port (EXTERNAL only)
 * @internal_port, @external_port, @lifetime: (MAP_UDP only); @lifetime in seconds
 *
 * Behind a @result other than success only @epoch means anything.
 */
typedef struct {
    guint8 opcode;
    guint16 result;
    guint32 epoch;
    StileAddress external;
    guint16 internal_port;
    guint16 external_port;
    guint32 lifetime;
} StileNatPmpResponse;

/** RFC 6886 §3.2 */
void stile_nat_pmp_build_external(guint8 ret[STILE_NAT_PMP_EXTERNAL_SIZE]);
/** RFC 6886 §3.3; @lifetime: seconds, 0 deletes (then @external_port is to be 0) */
void stile_nat_pmp_build_map(guint8 ret[STILE_NAT_PMP_MAP_SIZE], guint16 internal_port,
                             guint16 external_port, guint32 lifetime);
/** Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_nat_pmp_parse(StileNatPmpResponse *ret, const void *data, gsize size,
                             GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/** RFC 4787 §4.1 and RFC 5780 §4.3; NONE: no NAT, the address is our own. */
typedef enum {
    STILE_NAT_UNKNOWN,
    STILE_NAT_NONE,
    STILE_NAT_ENDPOINT_INDEPENDENT,
    STILE_NAT_ADDRESS_DEPENDENT,
    STILE_NAT_ADDRESS_AND_PORT_DEPENDENT,
} StileNatBehaviour;

/** The words of the contract: `endpoint-independent`, … */
const char *stile_nat_behaviour_to_string(StileNatBehaviour behaviour);

/** One observation: from @base, asking @server, we appeared as @mapped. */
typedef struct {
    StileAddress base;
    StileAddress server;
    StileAddress mapped;
} StileNatSample;

/**
 * StileNatVerdict:
 * @preserves_port: every sample kept the local port
 * @confidence: 0 to 1: how much the samples support @mapping
 */
typedef struct {
    StileNatBehaviour mapping;
    gboolean preserves_port;
    double confidence;
} StileNatVerdict;

/**
 * stile_nat_judge_mapping:
 *
 * Tells the mapping behaviour from what several STUN servers saw of one base. Pure. With one server
 * (or several names of one address) there is nothing to compare: UNKNOWN, unless the mapped address
 * is the base itself. Two ports of one address that see the same speak for endpoint-independent,
 * at half the confidence.
 */
StileNatVerdict stile_nat_judge_mapping(const StileNatSample *samples, gsize n_samples);

G_END_DECLS

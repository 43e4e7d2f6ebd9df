/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/mapping.h"

G_BEGIN_DECLS

/** What is known of one side, for the odds of a direct path. */
typedef struct {
    StileNatBehaviour mapping;
    StileNatBehaviour filtering; /* UNKNOWN counts as ADDRESS_AND_PORT_DEPENDENT */
    gboolean udp_blocked;
} StileNatSide;

/**
 * stile_odds_direct:
 *
 * Returns: the probability, 0 to 1, that a direct UDP path comes about with the techniques built so
 *   far; -1 when too little is known
 */
double stile_odds_direct(const StileNatSide *mine, const StileNatSide *theirs);

/**
 * stile_odds_birthday:
 * @sockets: mappings that the side behind the hard NAT opens
 * @probes: distinct random ports that the other side tries
 * @ports: how many ports the NAT chooses from; 64511 when it uses all above 1024
 *
 * Returns: 1 - C(ports - sockets, probes) / C(ports, probes): the probability of at least one hit
 */
double stile_odds_birthday(guint sockets, guint probes, guint ports);
/**
 * stile_odds_birthday_both:
 *
 * The same where neither side knows a port of the other: @sockets mappings on either side, @probes
 * from each, over @ports × @ports pairs.
 *
 * Returns: 1 - (1 - 1 / ports²) ^ (sockets × probes)
 */
double stile_odds_birthday_both(guint sockets, guint probes, guint ports);

G_END_DECLS

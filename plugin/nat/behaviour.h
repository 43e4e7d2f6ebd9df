/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/inquiry.h"

G_BEGIN_DECLS

/* The two tests of RFC 5780, each from a socket of its own: what the mapping test sends opens the
 * filters that the filtering test looks at. Pure, like the inquiries that they are. */

/**
 * stile_nat_mapping_init:
 * @servers: STUN servers of one family; those after the first #STILE_NAT_MAX_SERVERS are left out
 *
 * RFC 5780 §4.3: test I with each server, then tests II and III with the first two that have
 * another address. Of members, their second port is asked instead. Without such a server, what two
 * or more saw is compared.
 */
void stile_nat_mapping_init(StileNatInquiry *inquiry, const StileNatServer *servers,
                            gsize n_servers);
/** What came out; good when the inquiry is done. */
StileNatVerdict stile_nat_mapping_verdict(const StileNatInquiry *inquiry);
/**
 * stile_nat_mapping_filtering_server:
 * @ret: (out): the first server that answered and can do filtering tests, best one that has another
 *   address; a member with a second port only is better than none
 */
gboolean stile_nat_mapping_filtering_server(const StileNatInquiry *inquiry, StileNatServer *ret);
/** @ret: (out): the first server that answered. Returns: %FALSE when none did */
gboolean stile_nat_mapping_any_server(const StileNatInquiry *inquiry, StileNatServer *ret);

/**
 * stile_nat_filtering_init:
 * @server: of stile_nat_mapping_filtering_server()
 *
 * RFC 5780 §4.4: tests I, II and III; then I again, because silence speaks only when the server is
 * still there. A member says itself, from where it was asked, that what should have come from
 * elsewhere was sent; its silence says nothing, because the other member may be gone.
 */
void stile_nat_filtering_init(StileNatInquiry *inquiry, const StileNatServer *server);
/**
 * stile_nat_filtering_verdict:
 * @ret_confidence: 0 to 1; halved where a member could try only one of the two: the harder of what
 * is possible is taken then
 *
 * Returns: the filtering; UNKNOWN when the server does not do as asked. Never NONE: with no NAT,
 *   endpoint-independent means that nothing filters.
 */
StileNatBehaviour stile_nat_filtering_verdict(const StileNatInquiry *inquiry,
                                              double *ret_confidence);

/** Whether it came out what is filtered from another address, not only from another port. */
gboolean stile_nat_filtering_knows_address(const StileNatInquiry *inquiry);

/**
 * stile_nat_cone_name:
 *
 * Returns: the name of RFC 3489 §5, as the contract writes it; `unknown` when the behaviours do not
 *   tell. A symmetric NAT is one whatever it filters.
 */
const char *stile_nat_cone_name(StileNatBehaviour mapping, StileNatBehaviour filtering,
                                gboolean udp_blocked);

G_END_DECLS

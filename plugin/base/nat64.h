/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* IPv4 addresses inside IPv6 ones, and how to tell where they stand. Pure. */

/** Whether a NAT64 can have @prefix: one of the lengths, nothing in bits 64 to 71, an operator's
 * own network or, at home, a private one; not on the link, nor anywhere else where nobody
 * translates. */
gboolean stile_nat64_is_prefix(const StilePrefix *prefix);

/**
 * stile_nat64_synthesize:
 * @prefix: of 32, 40, 48, 56, 64 or 96 bits
 * @address: IPv4; its port is kept
 *
 * RFC 6052 §2.2. Returns: %FALSE when @prefix is of another length or has anything in bits 64 to
 * 71, or @address is not IPv4
 */
gboolean stile_nat64_synthesize(StileAddress *ret, const StilePrefix *prefix,
                                const StileAddress *address);
/**
 * stile_nat64_extract:
 *
 * RFC 6052 §2.3, the other way. Returns: %FALSE when @address is not within @prefix, bits 64 to 71
 * are not zero, or @prefix is of another length
 */
gboolean stile_nat64_extract(StileAddress *ret, const StilePrefix *prefix,
                             const StileAddress *address);

/**
 * stile_nat64_translates:
 * @prefix: length 0 for no NAT64
 *
 * Whether @address is to be reached through the NAT64: IPv4, and on the internet. What is inside of
 * a network is not behind the carrier's NAT64 (RFC 6052 §3.1).
 */
gboolean stile_nat64_translates(const StilePrefix *prefix, const StileAddress *address);

/**
 * stile_nat64_find_prefix:
 * @addresses: what the name server says are the IPv6 addresses of `ipv4only.arpa`
 *
 * RFC 7050 §3: the prefix in which 192.0.0.170 or 192.0.0.171 stand. Pure. An address in which they
 * stand at more than one place says nothing, nor does one on the link; those behind the 16th are
 * not looked at. Of several prefixes that which most addresses show is taken, then the lowest, so
 * that the order, which name servers like to turn, makes no difference.
 *
 * Returns: %FALSE when there is none: no NAT64, or nonsense
 */
gboolean stile_nat64_find_prefix(StilePrefix *ret, const StileAddress *addresses,
                                 gsize n_addresses);

G_END_DECLS

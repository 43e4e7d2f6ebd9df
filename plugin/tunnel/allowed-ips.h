/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/**
 * StileAllowedIps:
 *
 * Whose address is this: the longest matching prefix over all peers' allowed addresses (§2,
 * cryptokey routing). A path-compressed binary trie for each family, so that a lookup costs by the
 * length of an address and not by the number of peers. Built once for a table, then only read.
 */
typedef struct _StileAllowedIps StileAllowedIps;

StileAllowedIps *stile_allowed_ips_new(void);
void stile_allowed_ips_free(StileAllowedIps *allowed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileAllowedIps, stile_allowed_ips_free)

/**
 * stile_allowed_ips_insert:
 * @owner: not %NULL; replaces the one that had exactly this prefix
 *
 * Bits behind the prefix length do not matter. A prefix without an address, or longer than its
 * family's addresses, is left out.
 */
void stile_allowed_ips_insert(StileAllowedIps *allowed, const StilePrefix *prefix, gpointer owner);

/** @ip: 4 or 16 bytes in network order. Returns: (transfer none) (nullable): the owner */
gpointer stile_allowed_ips_lookup(const StileAllowedIps *allowed, int family, const guint8 *ip);

G_END_DECLS

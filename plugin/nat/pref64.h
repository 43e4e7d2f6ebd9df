/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/bytes.h"
#include "base/nat64.h"

G_BEGIN_DECLS

/**
 * StilePref64:
 * @lifetime: seconds for which @prefix is good; 0: it is good no longer
 *
 * What a router's advertisement says of the NAT64 (RFC 8781).
 */
typedef struct {
    StilePrefix prefix;
    guint32 lifetime;
} StilePref64;

/**
 * stile_pref64_next:
 * @options: the options of a router's advertisement, one behind another (RFC 4861 §4.6)
 *
 * Reads up to the end of the next PREF64 option. Those of another size, with a prefix length code
 * that RFC 8781 §4 does not have, or with a prefix that no NAT64 can have, are passed over. Pure.
 *
 * Returns: %FALSE when there is no more, or the options are broken
 */
gboolean stile_pref64_next(StileReader *options, StilePref64 *ret);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/* IPv4 addresses inside IPv6 ones, and how to learn where they stand. */

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
 * stile_nat64_find_prefix:
 * @addresses: what the name server says are the IPv6 addresses of `ipv4only.arpa`
 *
 * RFC 7050 §3: the prefix in which 192.0.0.170 or 192.0.0.171 stand. Pure. An address in which they
 * stand at more than one place says nothing; with several prefixes the first is taken.
 *
 * Returns: %FALSE when there is none: no NAT64, or nonsense
 */
gboolean stile_nat64_find_prefix(StilePrefix *ret, const StileAddress *addresses,
                                 gsize n_addresses);

/** Asks the name server, RFC 7050. Errors: of GIO when cancelled; no NAT64 is not an error */
void stile_nat64_discover(GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);
/** @ret: length 0 when there is no NAT64 */
gboolean stile_nat64_discover_finish(StilePrefix *ret, GAsyncResult *result, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/links.h"

G_BEGIN_DECLS

/** Whether @local can be a host candidate: nothing of loopback, link-local and deprecated
 * addresses, and of the interface @exclude (nullable). */
gboolean stile_preference_usable(const StileLocalAddress *local, const char *exclude);
/**
 * stile_preference_is_traceable:
 * @addresses: of StileLocalAddress: all there are
 *
 * RFC 8445 §5.1.1.1: whether @local carries the hardware's address to wherever we are, while its
 * network has given us another one that does not (RFC 8981, RFC 7217).
 */
gboolean stile_preference_is_traceable(const StileLocalAddress *local, const GArray *addresses);
/** Whether the interface leads into this machine (containers, virtual machines), nowhere or into
 * another tunnel, rather than out. */
gboolean stile_preference_is_virtual(const StileLocalAddress *local);
/**
 * stile_preference_of:
 *
 * RFC 8445 §5.1.2.1: the local preference of an address, from nothing but the address itself, so
 * that the priorities of some do not change when others come and go. IPv6 before IPv4, because it
 * needs no NAT; RFC 8421 would mix them, against long waits for a broken one, but all our checks
 * have begun within a tenth of a second. Wired before wireless
 * before paid by the byte; lasting before temporary.
 */
guint16 stile_preference_of(const StileLocalAddress *local);

G_END_DECLS

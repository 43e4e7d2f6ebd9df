/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/probe-socket.h"

G_BEGIN_DECLS

/**
 * StileNatHairpin:
 * @STILE_NAT_HAIRPIN_INTERNAL: it arrives, but with the sender's inside address (RFC 4787 §6 wants
 *   the outside one)
 */
typedef enum {
    STILE_NAT_HAIRPIN_UNKNOWN,
    STILE_NAT_HAIRPIN_NO,
    STILE_NAT_HAIRPIN_EXTERNAL,
    STILE_NAT_HAIRPIN_INTERNAL,
} StileNatHairpin;

/** The words of the contract: `yes`, `no`, `unknown` */
const char *stile_nat_hairpin_to_string(StileNatHairpin hairpin);

/**
 * StileHairpinTest:
 *
 * Whether two sockets behind the NAT reach each other by their outside addresses (RFC 5780 §4.5).
 * Both send, as two peers would, so that no filter decides; each with a transaction id of its own,
 * so that a datagram is known whatever address it comes from.
 */
typedef struct _StileHairpinTest StileHairpinTest;
/** UNKNOWN: the server did not answer. May free the test. */
typedef void (*StileHairpinDone)(gpointer user_data, StileNatHairpin hairpin);

/** Errors: those of @wire. @done is not called from within. */
StileHairpinTest *stile_hairpin_test_new(StileClock *clock, const StileProbeWire *wire,
                                         gpointer wire_data, const StileNatServer *server,
                                         StileHairpinDone done, gpointer user_data, GError **error);
void stile_hairpin_test_free(StileHairpinTest *test);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileHairpinTest, stile_hairpin_test_free)

G_END_DECLS

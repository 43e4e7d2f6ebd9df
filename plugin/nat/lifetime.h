/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nat/probe-socket.h"

G_BEGIN_DECLS

/**
 * StileLifetimeTest:
 *
 * How long the NAT keeps a mapping that nobody uses (RFC 5780 §4.6). Many sockets make a mapping
 * each and stay silent, each 15 % longer than the one before; then a control socket has the server
 * send to it (RESPONSE-PORT). Between the last that hears and the first that does not lies the
 * lifetime, so one pass of hardly more than the lifetime itself tells it within 8 %. Where a server
 * knows no RESPONSE-PORT, the silent socket asks by itself, and a new port tells that the mapping
 * was gone; that says nothing behind a NAT that preserves ports.
 */
typedef struct _StileLifetimeTest StileLifetimeTest;

/**
 * StileLifetimeDone:
 * @seconds: 0 when it cannot be told: the server does not help, or does not answer
 * @at_least: still alive after the longest silence
 *
 * May free the test.
 */
typedef void (*StileLifetimeDone)(gpointer user_data, guint seconds, gboolean at_least);

/** @preserves_ports: of the NAT. @done is not called from within. */
StileLifetimeTest *stile_lifetime_test_new(StileClock *clock, const StileProbeWire *wire,
                                           gpointer wire_data, const StileNatServer *server,
                                           gboolean preserves_ports, StileLifetimeDone done,
                                           gpointer user_data);
void stile_lifetime_test_free(StileLifetimeTest *test);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileLifetimeTest, stile_lifetime_test_free)

G_END_DECLS

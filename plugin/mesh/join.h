/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "mesh/store.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * stile_join_check:
 * @state: (transfer none): what stile_identity_join() made; outlives the operation
 *
 * Looks on the network's brokers whether the voucher of @state is in use by another device already.
 * When no broker can be asked within a few seconds, the answer is that nothing is known against it:
 * the other members make sure of it anyway, since they accept a voucher only once.
 */
void stile_join_check(StileClock *clock, const StileNetworkState *state, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data);
/** Errors: %STILE_ERROR_EXISTS (used already), %STILE_ERROR_REVOKED */
gboolean stile_join_check_finish(GAsyncResult *result, GError **error);
/**
 * stile_join_announce:
 * @result: one that was finished without an error; only while the callback that got it runs
 *
 * The state is kept: tells on the brokers that were asked, before the device is there for the first
 * time, that its invitation is used.
 */
void stile_join_announce(GAsyncResult *result);

G_END_DECLS

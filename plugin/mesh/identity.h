/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "mesh/store.h"

G_BEGIN_DECLS

/*
 * Coming to be: a new network, an invitation into one, a device's membership by an invitation.
 * These make keys and sign; they touch no file.
 */

/**
 * stile_identity_create:
 * @name: of the network
 * @member: our own name in it
 * @subnet4: e.g. 10.86.0.0/16, at most /30; IPv6 gets a unique local /64 derived from the network's
 *   id (RFC 4193)
 * @servers: (transfer none)
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT (a name, the subnet)
 */
StileNetworkState *stile_identity_create(StileClock *clock, const char *name, const char *member,
                                         const StilePrefix *subnet4, const StileServers *servers,
                                         GError **error);

/**
 * stile_identity_invite:
 * @name: the name that the invited device will have
 * @valid: how long the invitation is good for, microseconds; at most a year. It is good from an
 *   hour ago on, because clocks differ
 *
 * Adds the voucher to @state (the caller saves it before it gives the invitation away), with the
 * next free addresses. A name is free again when its member was revoked, or when its invitation
 * expired and nobody came with it; an address is then, too, but only when no other is left.
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED (the network was not created here), %STILE_ERROR_EXISTS (the
 * name is taken), %STILE_ERROR_INVALID_ARGUMENT, %STILE_ERROR_FAILED (the subnet is full)
 */
StileInvitation *stile_identity_invite(StileClock *clock, StileNetworkState *state,
                                       const char *name, gint64 valid, GError **error);

/** Makes the device's keys and certificate. Errors: as stile_voucher_parse() */
StileNetworkState *stile_identity_join(StileClock *clock, const StileInvitation *invitation,
                                       GError **error);

/**
 * stile_identity_revoke:
 *
 * Adds @device, and the voucher it came by, to the signed list.
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED (the network was not created here), %STILE_ERROR_EXISTS,
 * %STILE_ERROR_INVALID_ARGUMENT (it is ourselves), %STILE_ERROR_FAILED (the list is full)
 */
gboolean stile_identity_revoke(StileNetworkState *state, const guint8 device[STILE_KEY_SIZE],
                               GError **error);

/**
 * stile_identity_retire_vouchers:
 *
 * Revokes the vouchers that ran out unused. The date in a certificate is the word of the device
 * that made it: who finds an old invitation could set the clock back. So whoever issued a voucher
 * takes it back when its time is over, once it has seen who the members are.
 *
 * Returns: whether @state has a new list of revocations, to be saved and told
 */
gboolean stile_identity_retire_vouchers(StileClock *clock, StileNetworkState *state);

G_END_DECLS

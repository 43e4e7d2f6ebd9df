/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/store.h"

G_BEGIN_DECLS

/**
 * StileRoster:
 *
 * Who is a member: the rules by which certificates are accepted, on top of the state of one
 * network. What it accepts it writes into the state; the caller saves that.
 */
typedef struct _StileRoster StileRoster;

/** @state: (transfer none): outlives the roster. Certificates in it that are not right are left
 * out. */
StileRoster *stile_roster_new(StileNetworkState *state);
void stile_roster_free(StileRoster *roster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileRoster, stile_roster_free)

/**
 * stile_roster_accept:
 * @device: who sent the certificate, proven by the envelope's signature
 * @ret_changed: (out): whether the state now remembers something new, and is to be saved
 *
 * A certificate is accepted when its chain is right, it is for @device, neither the device nor its
 * voucher is revoked, and voucher, name and address are nobody else's: a voucher is good once, and
 * the first one seen keeps it.
 *
 * Returns: (transfer none) (nullable): the member
 * Errors: those of stile_certificate_parse(); %STILE_ERROR_NOT_AUTHORIZED (for another device),
 *   %STILE_ERROR_REVOKED, %STILE_ERROR_EXISTS
 */
const StileCertificate *stile_roster_accept(StileRoster *roster,
                                            const guint8 device[STILE_KEY_SIZE],
                                            const void *certificate, gsize size,
                                            gboolean *ret_changed, GError **error);

/** Returns: (transfer none) (nullable): a member accepted before, and not revoked since */
const StileCertificate *stile_roster_find(StileRoster *roster, const guint8 device[STILE_KEY_SIZE]);
/** Returns: (transfer none) (nullable): the certificate of this machine */
const StileCertificate *stile_roster_self(StileRoster *roster);
/** Returns: (transfer container): of const StileCertificate *: all members but ourselves */
GPtrArray *stile_roster_members(StileRoster *roster);

/**
 * stile_roster_update_revocations:
 *
 * Takes over a signed list if it is right and newer than ours.
 *
 * Returns: whether it was: the state is to be saved, and members may be gone
 */
gboolean stile_roster_update_revocations(StileRoster *roster, const void *data, gsize size);

/** The list in the state is a new one of our own making: takes it over. */
void stile_roster_load_revocations(StileRoster *roster);

G_END_DECLS

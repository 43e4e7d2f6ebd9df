/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ip-config.h"

#include <NetworkManager.h>

G_BEGIN_DECLS

/**
 * StileActivation:
 *
 * One activation of a profile, from Connect to Disconnect, as a conversation with net.stile.Stile1
 * on the bus: finds the network or redeems the invitation, brings it up, and from then on keeps it
 * so. When the service dies it is started again and asked anew.
 *
 * Signals:
 * "configured" (StileIpConfig *): the tunnel is there; again after each change and each restart
 * "joined" (const char *id): an invitation was redeemed, the profile should now name the network
 * "failed" (int NMVpnPluginFailure, const char *sentence): it cannot be had; nothing more will come
 * "ended": somebody else took the network down or removed it; nothing more will come
 */
#define STILE_TYPE_ACTIVATION (stile_activation_get_type())
G_DECLARE_FINAL_TYPE(StileActivation, stile_activation, STILE, ACTIVATION, GObject)

/** Returns: (transfer full): nothing is sent before stile_activation_start() */
StileActivation *stile_activation_new(GDBusConnection *bus, NMSettingVpn *profile);
void stile_activation_start(StileActivation *activation);

/**
 * stile_activation_stop:
 *
 * Takes the network down, if it was brought up. The call to the service is on the bus when this
 * returns, so that an Up of the next activation comes behind it; @callback is called when it was
 * answered.
 */
void stile_activation_stop(StileActivation *activation, GAsyncReadyCallback callback,
                           gpointer user_data);
void stile_activation_stop_finish(StileActivation *activation, GAsyncResult *result);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <NetworkManager.h>

G_BEGIN_DECLS

/**
 * stile_up_options:
 *
 * What a profile asks of net.stile.Stile1.Network.Up: `managed`, as NetworkManager configures the
 * interface, and the settings in vpn.data. Lists there are separated by spaces or commas. A TURN
 * server is `turn:[USER@]HOST[:PORT][?transport=udp]`, its password the secret `turn-password`. A
 * value that makes no sense is left out with a warning: it must not keep a network from coming up.
 *
 * Returns: (transfer none): floating a{sv}
 */
GVariant *stile_up_options(NMSettingVpn *profile);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * stile_remember_network:
 * @uuid: of the profile
 * @network_id: what its vpn.data `network` is to say
 *
 * Writes into a profile, through NetworkManager, that its invitation was redeemed: it names the
 * network from now on and holds no secret. Goes on by itself; what goes wrong is logged, as the
 * network is up all the same, and told apart next time by the network being there.
 */
void stile_remember_network(GDBusConnection *bus, const char *uuid, const char *network_id);

G_END_DECLS

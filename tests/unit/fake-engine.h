/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A double of the engine, for the tests of dbus/ alone: the functions of stile.h over objects that
 * hold whatever a test puts into their properties. No packet leaves it. The engine itself is tested
 * in its own rooms, and the service with the engine in tests/lab/.
 *
 * An engine whose state directory ends in "/home" begins with one network in which every state of a
 * peer occurs; any other begins empty.
 */
#include "stile.h"

G_BEGIN_DECLS

void fake_network_add_peer(StileNetwork *network, StilePeer *peer);
void fake_network_remove_peer(StileNetwork *network, StilePeer *peer);
void fake_network_add_relay(StileNetwork *network, StileRelay *relay);
void fake_peer_add_path(StilePeer *peer, StilePath *path);
void fake_peer_remove_path(StilePeer *peer, StilePath *path);
/** Whether somebody is subscribed. */
gboolean fake_engine_is_watched(StileEngine *engine);

/** Sets the properties of the kind of NAT that @name is, as a probe would. */
void fake_nat_become(StileNat *nat, const char *name);
/** Fills @engine with the network "home". */
void fake_home_add(StileEngine *engine);
StileNetwork *fake_engine_add_network(StileEngine *engine, const char *id, const char *name,
                                      const char *self);

G_END_DECLS

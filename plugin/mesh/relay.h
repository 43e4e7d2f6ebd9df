/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stile.h"
#include "stun/turn.h"

G_BEGIN_DECLS

StileRelay *stile_relay_new(guint number, const char *uri);
/** @turn: (nullable): what is shown; %NULL while the server's name is being resolved */
void stile_relay_update(StileRelay *relay, StileTurn *turn);
/** For a server that cannot even be asked: it is not reached, the URI is not for us. */
void stile_relay_fail(StileRelay *relay, const char *text);
/** For a server that is not needed as long as others serve. */
void stile_relay_stand_by(StileRelay *relay);
void stile_relay_set_transport(StileRelay *relay, StileTransport transport);

G_END_DECLS

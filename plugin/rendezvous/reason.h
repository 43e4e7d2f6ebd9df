/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/reason.h"
#include "rendezvous/mqtt-packet.h"

G_BEGIN_DECLS

/**
 * stile_reason_from_connack:
 * @with_user: a user name had been sent
 *
 * Why a broker does not take us, in the form of words of io/reason.h.
 *
 * Returns: (transfer full): of STILE_ERROR; its message begins with @host
 */
GError *stile_reason_from_connack(StileMqttConnectCode code, gboolean with_user, const char *host);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stile.h"

G_BEGIN_DECLS

/*
 * The clients that want to be told of counters. While there are any, the engine is watched. Whoever
 * leaves the bus is no subscriber any more.
 */

/** Once more is the same as once. */
void stile_subscribers_add(StileEngine *engine, GDBusConnection *connection, const char *client);
/** Returns: whether @client was one */
gboolean stile_subscribers_remove(StileEngine *engine, const char *client);

G_END_DECLS

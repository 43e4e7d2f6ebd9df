/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * stile_capabilities_drop:
 *
 * Gives up every capability but those the service needs, in all sets and for good, and forbids to
 * gain any by exec. Under systemd the unit has done that before; classic activation starts us with
 * all of root's. What we do not have, we do not ask for.
 *
 * Errors: %STILE_ERROR_FAILED
 */
gboolean stile_capabilities_drop(GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * stile_value_to_variant:
 * @signature: the D-Bus type that is wanted; not a path
 *
 * What a GObject property holds, as the bus wants it: no %NULL, and no text that is not UTF-8, for
 * which the bus would cut the service off.
 *
 * Returns: (transfer full): never floating
 */
GVariant *stile_value_to_variant(const GValue *value, const char *signature);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/connection.h"
#include "stile.h"

G_BEGIN_DECLS

StilePath *stile_path_new(guint number);
guint stile_path_number(StilePath *path);
/** Takes over what is shown from @way; notifies what changed. */
void stile_path_update(StilePath *path, const StileConnectionWay *way);

G_END_DECLS

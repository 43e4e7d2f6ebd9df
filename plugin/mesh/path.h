/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/connection.h"
#include "stile.h"

G_BEGIN_DECLS

StilePath *stile_path_new(guint number);
guint stile_path_number(StilePath *path);
/** Takes over what is shown from @way; notifies what changed, but for measurements. */
void stile_path_update(StilePath *path, const StileConnectionWay *way);
/** Takes over what is measured from @way; notifies nobody. */
void stile_path_measure(StilePath *path, const StileConnectionWay *way);
/** Notifies of what was measured since the last time. */
void stile_path_tick(StilePath *path);

G_END_DECLS

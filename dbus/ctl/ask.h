/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"

G_BEGIN_DECLS

/**
 * ctl_ask:
 *
 * Asks before something that cannot be undone. Only a person at a terminal is asked: a script meant
 * it.
 *
 * Returns: whether to go on; else @error is set
 */
gboolean ctl_ask(Ctl *ctl, const char *question, GError **error);

G_END_DECLS

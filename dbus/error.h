/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** Makes GDBus know the names of STILE_ERROR, in both directions. Call it once, first. */
void stile_error_register(void);

/** Ends @invocation with @error, under a name of ours: what is not STILE_ERROR becomes `Failed`. */
void stile_error_return(GDBusMethodInvocation *invocation, const GError *error);

G_END_DECLS

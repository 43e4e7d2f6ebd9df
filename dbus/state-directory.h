/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * stile_state_directory_choose:
 * @option: (nullable): of the command line
 *
 * Returns: (transfer full): @option, else the first of $STATE_DIRECTORY (systemd.exec(5)), else the
 * default
 */
char *stile_state_directory_choose(const char *option);

/**
 * stile_state_directory_lock:
 *
 * Makes the directory if need be and locks it, so that two services never write the same state. One
 * that is just ending, or was just killed, is waited for a moment. The lock ends with the process
 * or when the descriptor is closed.
 *
 * Returns: a descriptor, or -1. Errors: %STILE_ERROR_EXISTS (in use), %STILE_ERROR_NOT_AUTHORIZED,
 * %STILE_ERROR_FAILED
 */
int stile_state_directory_lock(const char *directory, GError **error);

G_END_DECLS

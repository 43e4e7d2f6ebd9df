/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Passwords come from files: a command line can be read by every user of the machine. */

/** Returns: (transfer full): the first line of @file */
char *ctl_read_secret(const char *file, GError **error);

/** Returns: (transfer full): @url, `SCHEME://USER@HOST…`, with the password in @file put behind
 * USER */
char *ctl_url_with_password(const char *url, const char *file, GError **error);

G_END_DECLS

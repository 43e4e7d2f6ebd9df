/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ctl_qr:
 *
 * Returns: (transfer full): @text as a QR code in half blocks, dark on light, for a terminal
 * Errors: #CTL_ERROR: built without libqrencode, or too long
 */
char *ctl_qr(const char *text, GError **error);

G_END_DECLS

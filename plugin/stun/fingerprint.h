/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * stile_stun_fingerprint:
 * @data: a message up to its FINGERPRINT, whose header counts the FINGERPRINT in
 *
 * Returns: the value of that attribute (RFC 8489 §14.7), in host order
 */
guint32 stile_stun_fingerprint(const guint8 *data, gsize size);

G_END_DECLS

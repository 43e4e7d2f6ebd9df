/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The Internet checksum (RFC 1071), of a whole packet at memory speed. Sums are kept in the
 * machine's own byte order over 16-bit words as they lie in memory, which the ones' complement sum
 * does not mind: what comes out is stored with a plain copy.
 */

/** Returns: @sum, a partial sum or 0, with @size more bytes; only the last part may be odd */
guint32 stile_checksum_add(guint32 sum, const void *data, gsize size);

/** Adds a number of the pseudo header, such as a length or a protocol. */
static inline guint32
stile_checksum_add_u16(guint32 sum, guint16 number)
{
    return sum + GUINT16_TO_BE(number);
}

/** Returns: @sum in 16 bits, not complemented: what the kernel wants in a field it is to finish */
static inline guint16
stile_checksum_fold(guint32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (guint16)(sum + (sum >> 16));
}

/** Returns: what belongs into the checksum field; 0 over data with a good checksum in it */
static inline guint16
stile_checksum_finish(guint32 sum)
{
    return (guint16)~stile_checksum_fold(sum);
}

G_END_DECLS

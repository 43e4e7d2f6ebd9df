/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/fingerprint.h"

#define FINGERPRINT_XOR 0x5354554eu /* "STUN" */

/* The CRC-32 of ITU V.42, four bits a step: messages are small, and sixteen entries can be read. */
static const guint32 crc_nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

guint32
stile_stun_fingerprint(const guint8 *data, gsize size)
{
    guint32 crc = 0xffffffffu;

    for (gsize i = 0; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ crc_nibble[crc & 15];
        crc = crc >> 4 ^ crc_nibble[crc & 15];
    }
    return ~crc ^ FINGERPRINT_XOR;
}

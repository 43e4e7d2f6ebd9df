/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keys.h"

G_BEGIN_DECLS

/*
 * WireGuard's four messages as they stand on the wire (§5.4.2 to §5.4.7). Bytes only, so that they
 * may lie anywhere; numbers are little-endian.
 */

#define STILE_TAI64N_SIZE 12
#define STILE_COOKIE_SIZE 16

/* The type byte and the three reserved zeros behind it, read as one number. */
typedef enum {
    STILE_MESSAGE_NONE = 0,
    STILE_MESSAGE_INITIATION = 1,
    STILE_MESSAGE_RESPONSE = 2,
    STILE_MESSAGE_COOKIE = 3,
    STILE_MESSAGE_TRANSPORT = 4,
} StileMessageType;

/* At the end of initiation and response (§5.4.4). */
typedef struct {
    guint8 mac1[STILE_MAC_SIZE];
    guint8 mac2[STILE_MAC_SIZE];
} StileMessageMacs;

typedef struct {
    guint8 type[4];
    guint8 sender[4];
    guint8 noise[STILE_KEY_SIZE + STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE + STILE_TAI64N_SIZE +
                 STILE_AEAD_TAG_SIZE];
    StileMessageMacs macs;
} StileMessageInitiation;

typedef struct {
    guint8 type[4];
    guint8 sender[4];
    guint8 receiver[4];
    guint8 noise[STILE_KEY_SIZE + STILE_AEAD_TAG_SIZE];
    StileMessageMacs macs;
} StileMessageResponse;

typedef struct {
    guint8 type[4];
    guint8 receiver[4];
    guint8 nonce[STILE_XAEAD_NONCE_SIZE];
    guint8 sealed_cookie[STILE_COOKIE_SIZE + STILE_AEAD_TAG_SIZE];
} StileMessageCookie;

/* What stands before the sealed packet of a transport data message. */
typedef struct {
    guint8 type[4];
    guint8 receiver[4];
    guint8 counter[8];
} StileMessageTransport;

G_STATIC_ASSERT(sizeof(StileMessageInitiation) == 148);
G_STATIC_ASSERT(sizeof(StileMessageResponse) == 92);
G_STATIC_ASSERT(sizeof(StileMessageCookie) == 64);
G_STATIC_ASSERT(sizeof(StileMessageTransport) == 16);

/**
 * stile_message_type:
 *
 * Returns: what the bytes are by their type, reserved zeros and size; %STILE_MESSAGE_NONE when they
 *   are none of the four
 */
StileMessageType stile_message_type(const guint8 *data, gsize size);

static inline guint32
stile_message_get_u32(const guint8 bytes[4])
{
    return (guint32)bytes[0] | (guint32)bytes[1] << 8 | (guint32)bytes[2] << 16 |
           (guint32)bytes[3] << 24;
}

static inline void
stile_message_put_u32(guint8 bytes[4], guint32 value)
{
    for (guint i = 0; i < 4; i++)
        bytes[i] = (guint8)(value >> (8 * i));
}

static inline guint64
stile_message_get_u64(const guint8 bytes[8])
{
    return stile_message_get_u32(bytes) | (guint64)stile_message_get_u32(bytes + 4) << 32;
}

static inline void
stile_message_put_u64(guint8 bytes[8], guint64 value)
{
    stile_message_put_u32(bytes, (guint32)value);
    stile_message_put_u32(bytes + 4, (guint32)(value >> 32));
}

G_END_DECLS

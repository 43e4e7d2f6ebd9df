/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/message.h"

#include "base/bytes.h"
#include "crypto/hash.h"
#include "stun/fingerprint.h"

#include <string.h>

static void
set_length(StileStunBuilder *builder, gsize size)
{
    StileWriter writer = STILE_WRITER_INIT(builder->data + 2, 2);

    stile_writer_u16be(&writer, (guint16)(size - STILE_STUN_HEADER_SIZE));
}

void
stile_stun_builder_init(StileStunBuilder *builder, StileStunClass class, StileStunMethod method,
                        const guint8 id[STILE_STUN_ID_SIZE])
{
    StileWriter writer = STILE_WRITER_INIT(builder->data, sizeof builder->data);
    guint type = (method & 0x000f) | (method & 0x0070) << 1 | (method & 0x0f80) << 2 |
                 ((guint) class & 1) << 4 | ((guint) class & 2) << 7;

    stile_writer_u16be(&writer, (guint16)type);
    stile_writer_u16be(&writer, 0);
    stile_writer_u32be(&writer, STILE_STUN_COOKIE);
    stile_writer_bytes(&writer, id, STILE_STUN_ID_SIZE);
    builder->size = writer.used;
    builder->failed = FALSE;
}

void
stile_stun_builder_bytes(StileStunBuilder *builder, StileStunAttribute type, const void *value,
                         gsize size)
{
    static const guint8 padding[3] = {0};
    StileWriter writer = {builder->data, sizeof builder->data, builder->size, builder->failed};

    if (size > G_MAXUINT16)
        writer.failed = TRUE;
    stile_writer_u16be(&writer, (guint16)type);
    stile_writer_u16be(&writer, (guint16)size);
    stile_writer_bytes(&writer, value, size);
    stile_writer_bytes(&writer, padding, -size & 3u);
    builder->failed = writer.failed;
    if (builder->failed)
        return;
    builder->size = writer.used;
    set_length(builder, builder->size);
}

void
stile_stun_builder_string(StileStunBuilder *builder, StileStunAttribute type, const char *value)
{
    stile_stun_builder_bytes(builder, type, value, strlen(value));
}

void
stile_stun_builder_u32(StileStunBuilder *builder, StileStunAttribute type, guint32 value)
{
    value = GUINT32_TO_BE(value);
    stile_stun_builder_bytes(builder, type, &value, sizeof value);
}

void
stile_stun_builder_u64(StileStunBuilder *builder, StileStunAttribute type, guint64 value)
{
    value = GUINT64_TO_BE(value);
    stile_stun_builder_bytes(builder, type, &value, sizeof value);
}

gboolean
stile_stun_attribute_is_xored(StileStunAttribute type)
{
    return type == STILE_STUN_XOR_MAPPED_ADDRESS || type == STILE_STUN_XOR_PEER_ADDRESS ||
           type == STILE_STUN_XOR_RELAYED_ADDRESS;
}

void
stile_stun_builder_address(StileStunBuilder *builder, StileStunAttribute type,
                           const StileAddress *address)
{
    gboolean xored = stile_stun_attribute_is_xored(type);
    guint8 value[4 + 16];
    StileWriter writer = STILE_WRITER_INIT(value, sizeof value);
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    if (!ip) {
        builder->failed = TRUE;
        return;
    }
    stile_writer_u8(&writer, 0);
    stile_writer_u8(&writer, size == 4 ? STILE_STUN_FAMILY_IPV4 : STILE_STUN_FAMILY_IPV6);
    stile_writer_u16be(&writer,
                       stile_address_port(address) ^ (xored ? STILE_STUN_COOKIE >> 16 : 0));
    for (gsize i = 0; i < size; i++)
        stile_writer_u8(&writer, ip[i] ^ (xored ? builder->data[4 + i] : 0));
    stile_stun_builder_bytes(builder, type, value, writer.used);
}

void
stile_stun_builder_error(StileStunBuilder *builder, guint code, const char *reason)
{
    g_autoptr(GByteArray) value = g_byte_array_new();
    const guint8 head[4] = {0, 0, (guint8)(code / 100), (guint8)(code % 100)};

    g_byte_array_append(value, head, sizeof head);
    g_byte_array_append(value, (const guint8 *)reason, (guint)strlen(reason));
    stile_stun_builder_bytes(builder, STILE_STUN_ERROR_CODE, value->data, value->len);
}

void
stile_stun_builder_integrity(StileStunBuilder *builder, const void *key, gsize key_size)
{
    const StilePart part = {builder->data, builder->size};
    guint8 hmac[STILE_SHA1_SIZE];

    set_length(builder, builder->size + 4 + sizeof hmac);
    stile_hmac_sha1(key, key_size, &part, 1, hmac);
    stile_stun_builder_bytes(builder, STILE_STUN_MESSAGE_INTEGRITY, hmac, sizeof hmac);
}

void
stile_stun_builder_fingerprint(StileStunBuilder *builder)
{
    guint32 fingerprint;

    set_length(builder, builder->size + 4 + sizeof fingerprint);
    fingerprint = stile_stun_fingerprint(builder->data, builder->size);
    stile_stun_builder_u32(builder, STILE_STUN_FINGERPRINT, fingerprint);
}

gsize
stile_stun_builder_finish(StileStunBuilder *builder)
{
    return builder->failed ? 0 : builder->size;
}

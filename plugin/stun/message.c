/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/message.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "stun/fingerprint.h"

#include <string.h>

#define ATTRIBUTE_HEADER_SIZE  4
#define FINGERPRINT_SIZE       4
#define COMPREHENSION_OPTIONAL 0x8000
#define MIN_TRUNCATED_SHA256   16  /* RFC 8489 §14.6 */
#define MAX_REASON_SIZE        763 /* RFC 8489 §14.8 */

/* The attributes below 0x8000 that we know; an agent must not go on past one that it does not. */
static gboolean
is_known(guint16 type)
{
    if (type >= COMPREHENSION_OPTIONAL)
        return TRUE;
    switch (type) {
    case STILE_STUN_MAPPED_ADDRESS:
    case STILE_STUN_CHANGE_REQUEST:
    case STILE_STUN_USERNAME:
    case STILE_STUN_MESSAGE_INTEGRITY:
    case STILE_STUN_ERROR_CODE:
    case STILE_STUN_UNKNOWN_ATTRIBUTES:
    case STILE_STUN_CHANNEL_NUMBER:
    case STILE_STUN_LIFETIME:
    case STILE_STUN_XOR_PEER_ADDRESS:
    case STILE_STUN_DATA_ATTRIBUTE:
    case STILE_STUN_REALM:
    case STILE_STUN_NONCE:
    case STILE_STUN_XOR_RELAYED_ADDRESS:
    case STILE_STUN_REQUESTED_ADDRESS_FAMILY:
    case STILE_STUN_EVEN_PORT:
    case STILE_STUN_REQUESTED_TRANSPORT:
    case STILE_STUN_DONT_FRAGMENT:
    case STILE_STUN_MESSAGE_INTEGRITY_SHA256:
    case STILE_STUN_PASSWORD_ALGORITHM:
    case STILE_STUN_USERHASH:
    case STILE_STUN_XOR_MAPPED_ADDRESS:
    case STILE_STUN_RESERVATION_TOKEN:
    case STILE_STUN_PRIORITY:
    case STILE_STUN_USE_CANDIDATE:
    case STILE_STUN_PADDING:
    case STILE_STUN_RESPONSE_PORT:
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean
stile_stun_looks_like(const void *data, gsize size)
{
    StileReader reader = STILE_READER_INIT(data, size);
    guint16 type = stile_reader_u16be(&reader);
    guint16 length = stile_reader_u16be(&reader);
    guint32 cookie = stile_reader_u32be(&reader);

    return !reader.failed && (type & 0xc000) == 0 && cookie == STILE_STUN_COOKIE &&
           size >= STILE_STUN_HEADER_SIZE && length == size - STILE_STUN_HEADER_SIZE &&
           length % 4 == 0;
}

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "Malformed STUN message: %s",
                why);
    return FALSE;
}

static gboolean
check_integrity_size(guint16 type, guint16 size)
{
    if (type == STILE_STUN_MESSAGE_INTEGRITY)
        return size == STILE_SHA1_SIZE;
    if (type == STILE_STUN_MESSAGE_INTEGRITY_SHA256)
        return size >= MIN_TRUNCATED_SHA256 && size <= STILE_SHA256_SIZE && size % 4 == 0;
    return TRUE;
}

/* What stands behind an integrity attribute is not covered by it (RFC 8489 §14.5, §14.6). */
static gboolean
is_covered(const StileStunMessage *message, guint16 type)
{
    gsize size;

    if (type == STILE_STUN_FINGERPRINT)
        return TRUE;
    if (stile_stun_message_find(message, STILE_STUN_MESSAGE_INTEGRITY_SHA256, &size))
        return FALSE;
    return type == STILE_STUN_MESSAGE_INTEGRITY_SHA256 ||
           !stile_stun_message_find(message, STILE_STUN_MESSAGE_INTEGRITY, &size);
}

static gboolean
parse_attributes(StileStunMessage *message, StileReader *reader, GError **error)
{
    guint seen = 0;

    while (reader->left > 0) {
        const guint8 *start = reader->data;
        guint16 type = stile_reader_u16be(reader);
        guint16 size = stile_reader_u16be(reader);
        const guint8 *value = stile_reader_take(reader, size);

        stile_reader_take(reader, -size & 3u);
        if (reader->failed)
            return refuse(error, "an attribute runs past the end");
        if (++seen > STILE_STUN_MAX_ATTRIBUTES)
            return refuse(error, "too many attributes");
        if (!check_integrity_size(type, size))
            return refuse(error, "an integrity of a wrong size");
        if (type == STILE_STUN_FINGERPRINT) {
            if (size != FINGERPRINT_SIZE || reader->left > 0)
                return refuse(error, "a fingerprint that is not the last four bytes");
            if (stile_stun_fingerprint(message->data, start - message->data) !=
                ((guint32)value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3]))
                return refuse(error, "the fingerprint does not match");
        }
        if (!is_covered(message, type))
            continue;
        if (!is_known(type))
            message->unknown[message->n_unknown++] = type;
        message->attributes[message->n_attributes].type = type;
        message->attributes[message->n_attributes].size = size;
        message->attributes[message->n_attributes].value = value;
        message->n_attributes++;
    }
    return TRUE;
}

gboolean
stile_stun_message_parse(StileStunMessage *ret, const void *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    guint16 type;

    memset(ret, 0, sizeof *ret);
    if (!stile_stun_looks_like(data, size))
        return refuse(error, "no STUN header, or of another length");
    ret->data = data;
    ret->size = size;
    /* The class bits C1 and C0 stand among those of the method (RFC 8489 §5, figure 3). */
    type = stile_reader_u16be(&reader);
    ret->class = (StileStunClass)((type >> 7 & 2) | (type >> 4 & 1));
    ret->method = (StileStunMethod)((type & 0x000f) | (type >> 1 & 0x0070) | (type >> 2 & 0x0f80));
    stile_reader_take(&reader, 6);
    stile_reader_copy(&reader, ret->id, sizeof ret->id);
    return parse_attributes(ret, &reader, error);
}

const guint8 *
stile_stun_message_find(const StileStunMessage *message, StileStunAttribute type, gsize *ret_size)
{
    for (guint i = 0; i < message->n_attributes; i++)
        if (message->attributes[i].type == type) {
            *ret_size = message->attributes[i].size;
            return message->attributes[i].value;
        }
    return NULL;
}

gboolean
stile_stun_message_u32(const StileStunMessage *message, StileStunAttribute type, guint32 *ret)
{
    gsize size;
    const guint8 *value = stile_stun_message_find(message, type, &size);
    StileReader reader;

    if (!value || size != sizeof *ret)
        return FALSE;
    reader = STILE_READER_INIT(value, size);
    *ret = stile_reader_u32be(&reader);
    return TRUE;
}

gboolean
stile_stun_message_u64(const StileStunMessage *message, StileStunAttribute type, guint64 *ret)
{
    gsize size;
    const guint8 *value = stile_stun_message_find(message, type, &size);
    StileReader reader;

    if (!value || size != sizeof *ret)
        return FALSE;
    reader = STILE_READER_INIT(value, size);
    *ret = stile_reader_u64be(&reader);
    return TRUE;
}

gboolean
stile_stun_message_address(const StileStunMessage *message, StileStunAttribute type,
                           StileAddress *ret)
{
    gsize size, ip_size;
    const guint8 *value = stile_stun_message_find(message, type, &size);
    StileReader reader;
    guint8 family, ip[16];
    guint16 port;

    if (!value)
        return FALSE;
    reader = STILE_READER_INIT(value, size);
    stile_reader_u8(&reader);
    family = stile_reader_u8(&reader);
    port = stile_reader_u16be(&reader);
    if (family != STILE_STUN_FAMILY_IPV4 && family != STILE_STUN_FAMILY_IPV6)
        return FALSE;
    ip_size = family == STILE_STUN_FAMILY_IPV4 ? 4 : 16;
    stile_reader_copy(&reader, ip, ip_size);
    if (!stile_reader_done(&reader))
        return FALSE;
    if (stile_stun_attribute_is_xored(type)) {
        /* The pad is the cookie and the id, as they stand in the header (RFC 8489 §14.2). */
        for (gsize i = 0; i < ip_size; i++)
            ip[i] ^= message->data[4 + i];
        port ^= STILE_STUN_COOKIE >> 16;
    }
    *ret = stile_address_from_ip(family == STILE_STUN_FAMILY_IPV4 ? AF_INET : AF_INET6, ip, port);
    return TRUE;
}

char *
stile_stun_message_string(const StileStunMessage *message, StileStunAttribute type)
{
    gsize size;
    const char *value = (const char *)stile_stun_message_find(message, type, &size);

    if (!value || !g_utf8_validate_len(value, size, NULL))
        return NULL;
    return g_strndup(value, size);
}

/* The words go to people and into terminals; coturn ends some with a NUL. */
static char *
make_presentable(const guint8 *text, gsize size)
{
    g_autofree char *plain = NULL;

    size = MIN(size, MAX_REASON_SIZE);
    plain = g_malloc(size + 1);
    for (gsize i = 0; i < size; i++)
        plain[i] = g_ascii_iscntrl(text[i]) ? ' ' : (char)text[i];
    plain[size] = 0;
    return g_strstrip(g_utf8_make_valid(plain, (gssize)size));
}

guint
stile_stun_message_error(const StileStunMessage *message, char **ret_reason)
{
    gsize size = 0;
    const guint8 *value = stile_stun_message_find(message, STILE_STUN_ERROR_CODE, &size);
    guint hundreds, rest;

    if (ret_reason)
        *ret_reason = NULL;
    if (message->class != STILE_STUN_ERROR || !value || size < 4)
        return 0;
    hundreds = value[2] & 7;
    rest = value[3];
    if (hundreds < 3 || hundreds > 6 || rest > 99)
        return 0;
    if (ret_reason && size > 4)
        *ret_reason = make_presentable(value + 4, size - 4);
    return hundreds * 100 + rest;
}

/* The HMAC covers the message up to the attribute, with a header that counts the attribute in. */
static gboolean
check_hmac(const StileStunMessage *message, const guint8 *value, gsize size, gboolean sha256,
           const void *key, gsize key_size)
{
    gsize end = value - ATTRIBUTE_HEADER_SIZE - message->data;
    gsize length = end + ATTRIBUTE_HEADER_SIZE + size - STILE_STUN_HEADER_SIZE;
    guint8 length_be[2] = {(guint8)(length >> 8), (guint8)length};
    const StilePart parts[] = {
        {message->data, 2},
        {length_be, sizeof length_be},
        {message->data + 4, end - 4},
    };
    guint8 hmac[STILE_SHA256_SIZE];

    if (sha256)
        stile_hmac_sha256(key, key_size, parts, G_N_ELEMENTS(parts), hmac);
    else
        stile_hmac_sha1(key, key_size, parts, G_N_ELEMENTS(parts), hmac);
    return stile_memory_equal(hmac, value, size);
}

gboolean
stile_stun_message_check(const StileStunMessage *message, const void *key, gsize key_size)
{
    gsize size;
    const guint8 *value;

    value = stile_stun_message_find(message, STILE_STUN_MESSAGE_INTEGRITY_SHA256, &size);
    if (value)
        return check_hmac(message, value, size, TRUE, key, key_size);
    value = stile_stun_message_find(message, STILE_STUN_MESSAGE_INTEGRITY, &size);
    return value && check_hmac(message, value, size, FALSE, key, key_size);
}

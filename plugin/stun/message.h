/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* STUN messages (RFC 8489), with the attributes of ICE (RFC 8445), TURN (RFC 8656) and NAT
 * behaviour discovery (RFC 5780). Pure: bytes in, struct out. */

#define STILE_STUN_COOKIE         0x2112A442u
#define STILE_STUN_HEADER_SIZE    20
#define STILE_STUN_ID_SIZE        12
#define STILE_STUN_MAX_SIZE       2048 /* of messages we make */
#define STILE_STUN_MAX_ATTRIBUTES 64

typedef enum {
    STILE_STUN_REQUEST = 0,
    STILE_STUN_INDICATION = 1,
    STILE_STUN_SUCCESS = 2,
    STILE_STUN_ERROR = 3,
} StileStunClass;

typedef enum {
    STILE_STUN_BINDING = 0x001,
    STILE_STUN_ALLOCATE = 0x003,
    STILE_STUN_REFRESH = 0x004,
    STILE_STUN_SEND = 0x006,
    STILE_STUN_DATA = 0x007,
    STILE_STUN_CREATE_PERMISSION = 0x008,
    STILE_STUN_CHANNEL_BIND = 0x009,
} StileStunMethod;

typedef enum {
    STILE_STUN_MAPPED_ADDRESS = 0x0001,
    STILE_STUN_CHANGE_REQUEST = 0x0003,
    STILE_STUN_USERNAME = 0x0006,
    STILE_STUN_MESSAGE_INTEGRITY = 0x0008,
    STILE_STUN_ERROR_CODE = 0x0009,
    STILE_STUN_UNKNOWN_ATTRIBUTES = 0x000A,
    STILE_STUN_CHANNEL_NUMBER = 0x000C,
    STILE_STUN_LIFETIME = 0x000D,
    STILE_STUN_XOR_PEER_ADDRESS = 0x0012,
    STILE_STUN_DATA_ATTRIBUTE = 0x0013,
    STILE_STUN_REALM = 0x0014,
    STILE_STUN_NONCE = 0x0015,
    STILE_STUN_XOR_RELAYED_ADDRESS = 0x0016,
    STILE_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
    STILE_STUN_EVEN_PORT = 0x0018,
    STILE_STUN_REQUESTED_TRANSPORT = 0x0019,
    STILE_STUN_DONT_FRAGMENT = 0x001A,
    STILE_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
    STILE_STUN_PASSWORD_ALGORITHM = 0x001D,
    STILE_STUN_USERHASH = 0x001E,
    STILE_STUN_XOR_MAPPED_ADDRESS = 0x0020,
    STILE_STUN_RESERVATION_TOKEN = 0x0022,
    STILE_STUN_PRIORITY = 0x0024,
    STILE_STUN_USE_CANDIDATE = 0x0025,
    STILE_STUN_PADDING = 0x0026,
    STILE_STUN_RESPONSE_PORT = 0x0027,
    STILE_STUN_PASSWORD_ALGORITHMS = 0x8002,
    STILE_STUN_ALTERNATE_DOMAIN = 0x8003,
    STILE_STUN_SOFTWARE = 0x8022,
    STILE_STUN_ALTERNATE_SERVER = 0x8023,
    STILE_STUN_FINGERPRINT = 0x8028,
    STILE_STUN_ICE_CONTROLLED = 0x8029,
    STILE_STUN_ICE_CONTROLLING = 0x802A,
    STILE_STUN_RESPONSE_ORIGIN = 0x802B,
    STILE_STUN_OTHER_ADDRESS = 0x802C,
} StileStunAttribute;

/* The families of address attributes (RFC 8489 §14.1), also of REQUESTED-ADDRESS-FAMILY. */
#define STILE_STUN_FAMILY_IPV4 0x01
#define STILE_STUN_FAMILY_IPV6 0x02

/** Whether the addresses in attributes of that type are XOR-ed with cookie and id. */
gboolean stile_stun_attribute_is_xored(StileStunAttribute type);

/** Whether @data looks like STUN: first two bits, cookie and length agree. Cheap, for
 * demultiplexing. */
gboolean stile_stun_looks_like(const void *data, gsize size);

/**
 * StileStunMessage:
 *
 * A parsed message: a view into the bytes, which must outlive it.
 */
typedef struct {
    StileStunClass class;
    StileStunMethod method;
    guint8 id[STILE_STUN_ID_SIZE];
    const guint8 *data;
    gsize size;
    guint n_attributes;
    struct {
        guint16 type;
        guint16 size;
        const guint8 *value;
    } attributes[STILE_STUN_MAX_ATTRIBUTES];
    guint n_unknown; /* comprehension-required attributes that we do not know (RFC 8489 §6.3) */
    guint16 unknown[STILE_STUN_MAX_ATTRIBUTES];
} StileStunMessage;

/**
 * stile_stun_message_parse:
 *
 * RFC 8489 §5, §14. FINGERPRINT, where present, is checked here; integrity is not
 * (stile_stun_message_check()). Attributes behind MESSAGE-INTEGRITY are ignored, but for
 * MESSAGE-INTEGRITY-SHA256 and FINGERPRINT.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_stun_message_parse(StileStunMessage *ret, const void *data, gsize size,
                                  GError **error);

/** Returns: (nullable): the first attribute of that type, or %NULL */
const guint8 *stile_stun_message_find(const StileStunMessage *message, StileStunAttribute type,
                                      gsize *ret_size);
gboolean stile_stun_message_u32(const StileStunMessage *message, StileStunAttribute type,
                                guint32 *ret);
gboolean stile_stun_message_u64(const StileStunMessage *message, StileStunAttribute type,
                                guint64 *ret);
/** Plain and XOR-ed addresses, by the type. */
gboolean stile_stun_message_address(const StileStunMessage *message, StileStunAttribute type,
                                    StileAddress *ret);
/** Returns: (transfer full) (nullable): the attribute as UTF-8, %NULL when absent or not valid */
char *stile_stun_message_string(const StileStunMessage *message, StileStunAttribute type);
/** Returns: the code of an error response, 0 without one; *@ret_reason: (transfer full) (nullable)
 */
guint stile_stun_message_error(const StileStunMessage *message, char **ret_reason);

/**
 * stile_stun_message_check:
 * @key: the password (short-term) or the key (long-term, stile_stun_long_term_key())
 *
 * Returns: whether there is a MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 and it is right
 */
gboolean stile_stun_message_check(const StileStunMessage *message, const void *key, gsize key_size);

/**
 * StileStunBuilder:
 *
 * Makes a message in a buffer of its own, on the stack. Overflow is remembered;
 * stile_stun_builder_finish() returns 0 then.
 */
typedef struct {
    guint8 data[STILE_STUN_MAX_SIZE];
    gsize size;
    gboolean failed;
} StileStunBuilder;

void stile_stun_builder_init(StileStunBuilder *builder, StileStunClass class,
                             StileStunMethod method, const guint8 id[STILE_STUN_ID_SIZE]);
void stile_stun_builder_bytes(StileStunBuilder *builder, StileStunAttribute type, const void *value,
                              gsize size);
void stile_stun_builder_string(StileStunBuilder *builder, StileStunAttribute type,
                               const char *value);
void stile_stun_builder_u32(StileStunBuilder *builder, StileStunAttribute type, guint32 value);
void stile_stun_builder_u64(StileStunBuilder *builder, StileStunAttribute type, guint64 value);
void stile_stun_builder_address(StileStunBuilder *builder, StileStunAttribute type,
                                const StileAddress *address);
void stile_stun_builder_error(StileStunBuilder *builder, guint code, const char *reason);
void stile_stun_builder_integrity(StileStunBuilder *builder, const void *key, gsize key_size);
void stile_stun_builder_fingerprint(StileStunBuilder *builder);
/** Returns: the size of the message in builder->data, 0 when something did not fit */
gsize stile_stun_builder_finish(StileStunBuilder *builder);

/**
 * stile_stun_prepare:
 *
 * A user name or password as it goes into USERNAME and into keys: ASCII as it is, other UTF-8
 * mapped and normalised (NFKC) as by SASLprep (RFC 4013), but nothing prohibited: what the server
 * makes of it decides. RFC 8489's OpaqueString differs only for compatibility characters, which no
 * keyboard types, and RFC 5769's vectors want SASLprep.
 *
 * Returns: (transfer full)
 */
char *stile_stun_prepare(const char *text);

/** RFC 8489 §9.2.2 with MD5: the 16-byte key of long-term credentials; prepares name and password.
 */
void stile_stun_long_term_key(const char *username, const char *realm, const char *password,
                              guint8 ret[16]);

G_END_DECLS

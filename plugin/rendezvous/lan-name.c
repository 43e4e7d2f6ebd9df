/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/lan-name.h"

#include "base/bytes.h"
#include "crypto/hash.h"
#include <arpa/inet.h>
#include <string.h>

#define CONTEXT   "Stile lan 1"
#define TAG_BYTES 12
#define DAY       ((gint64)24 * 3600 * G_USEC_PER_SEC)

G_STATIC_ASSERT(2 * (STILE_LAN_NAME_RANDOM + TAG_BYTES) + 1 == STILE_LAN_NAME_SIZE);

void
stile_lan_keys_init(StileLanKeys *keys, const guint8 network_key[STILE_KEY_SIZE])
{
    const StilePart context = {CONTEXT, strlen(CONTEXT)};
    guint8 salt[STILE_BLAKE2S_SIZE], derived[2 * STILE_BLAKE2S_SIZE];

    stile_blake2s(&context, 1, salt);
    stile_kdf(salt, network_key, STILE_KEY_SIZE, 2, derived);
    memcpy(keys->name, derived, STILE_KEY_SIZE);
    memcpy(keys->link, derived + STILE_KEY_SIZE, STILE_KEY_SIZE);
    stile_memory_wipe(derived, sizeof derived);
}

/* The day is in the tag but not in the name: what a stranger has recorded is of use to find out who
 * answers to it for a day or two. */
static void
make_name(const StileLanKeys *keys, const guint8 random[STILE_LAN_NAME_RANDOM], gint64 day,
          char ret[STILE_LAN_NAME_SIZE])
{
    guint8 input[STILE_LAN_NAME_RANDOM + 8], bytes[STILE_LAN_NAME_RANDOM + STILE_MAC_SIZE];
    StileWriter writer = STILE_WRITER_INIT(input, sizeof input);

    stile_writer_bytes(&writer, random, STILE_LAN_NAME_RANDOM);
    stile_writer_u64be(&writer, (guint64)day);
    memcpy(bytes, random, STILE_LAN_NAME_RANDOM);
    stile_blake2s_mac(keys->name, sizeof keys->name, input, sizeof input,
                      bytes + STILE_LAN_NAME_RANDOM);
    for (gsize i = 0; i < STILE_LAN_NAME_RANDOM + TAG_BYTES; i++)
        g_snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

void
stile_lan_name_make(const StileLanKeys *keys, const guint8 random[STILE_LAN_NAME_RANDOM],
                    gint64 real, char ret[STILE_LAN_NAME_SIZE])
{
    make_name(keys, random, real / DAY, ret);
}

gboolean
stile_lan_name_is_ours(const StileLanKeys *keys, const char *name, gint64 real)
{
    guint8 random[STILE_LAN_NAME_RANDOM];
    char right[STILE_LAN_NAME_SIZE];

    if (strlen(name) != STILE_LAN_NAME_SIZE - 1)
        return FALSE;
    for (gsize i = 0; i < sizeof random; i++) {
        int high = g_ascii_xdigit_value(name[2 * i]), low = g_ascii_xdigit_value(name[2 * i + 1]);

        if (high < 0 || low < 0)
            return FALSE;
        random[i] = (guint8)(high << 4 | low);
    }
    for (gint64 day = real / DAY - 1; day <= real / DAY + 1; day++) {
        make_name(keys, random, day, right);
        if (stile_memory_equal(right, name, STILE_LAN_NAME_SIZE - 1))
            return TRUE;
    }
    return FALSE;
}

gboolean
stile_lan_address_parse(StileAddress *ret, const char *text, guint16 port, guint ifindex)
{
    StileAddress address;
    guint8 bytes[16];

    if (port == 0)
        return FALSE;
    if (inet_pton(AF_INET, text, bytes) == 1)
        address = stile_address_from_ip(AF_INET, bytes, port);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        address = stile_address_from_ip(AF_INET6, bytes, port);
    else
        return FALSE;
    switch (stile_address_scope(&address)) {
    case STILE_ADDRESS_LINK_LOCAL:
        if (stile_address_family(&address) == AF_INET6)
            address.in6.sin6_scope_id = ifindex;
        break;
    case STILE_ADDRESS_PRIVATE:
    case STILE_ADDRESS_SHARED:
    case STILE_ADDRESS_GLOBAL:
    /* Somebody's LAN may use any address; that it is on ours is looked at besides. */
    case STILE_ADDRESS_RESERVED:
        break;
    case STILE_ADDRESS_UNSPECIFIED:
    case STILE_ADDRESS_LOOPBACK:
    case STILE_ADDRESS_MULTICAST:
    case STILE_ADDRESS_BROADCAST:
        return FALSE;
    }
    *ret = address;
    return TRUE;
}

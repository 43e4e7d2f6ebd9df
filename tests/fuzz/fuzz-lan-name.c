/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any instance name and any address as Avahi may hand them on: only what a member has made is taken
 * for a member's, and an address that is taken is one that can be connected to, and reads back. */
#include "rendezvous/lan-name.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const guint8 key[STILE_KEY_SIZE] = {1};
    const gint64 now = G_GINT64_CONSTANT(1700000000000000);
    g_autofree char *text = g_strndup(size ? (const char *)data : "", size);
    guint8 random[STILE_LAN_NAME_RANDOM] = {0};
    char name[STILE_LAN_NAME_SIZE];
    StileLanKeys keys;
    StileAddress address, again;

    stile_lan_keys_init(&keys, key);
    /* Nobody guesses the tag, not even libFuzzer, which reads along in memcmp and strcmp. */
    g_assert(!stile_lan_name_is_ours(&keys, text, now));
    if (size > 0)
        memcpy(random, data, MIN(size, sizeof random));
    stile_lan_name_make(&keys, random, now, name);
    g_assert(stile_lan_name_is_ours(&keys, name, now));

    if (stile_lan_address_parse(&address, text, 4000, 3)) {
        g_autofree char *shown = stile_address_ip_to_string(&address);
        char *scope = strchr(shown, '%');

        g_assert(stile_address_port(&address) == 4000);
        g_assert(stile_address_scope(&address) != STILE_ADDRESS_LOOPBACK);
        if (scope)
            *scope = '\0';
        g_assert(stile_lan_address_parse(&again, shown, 4000, 3));
        g_assert(stile_address_equal(&address, &again));
    }
    return 0;
}

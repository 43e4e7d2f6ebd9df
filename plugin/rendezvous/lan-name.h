/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "crypto/keys.h"

G_BEGIN_DECLS

/*
 * What a member is called on the local network: the instance name (RFC 6763 §4.1.1) of its service.
 * A random number and a tag of it under a key of the network, in hexadecimal digits: members know
 * it for a name of their network from the name alone; to anybody else it is random, another one in
 * every hour and on every network.
 */

#define STILE_LAN_SERVICE_TYPE "_stile._tcp"
#define STILE_LAN_NAME_RANDOM  8
#define STILE_LAN_NAME_SIZE    41 /* 8 bytes and 12 of a tag in hexadecimal digits, and a NUL */

/* The keys of one network on the local network. Wipe it. */
typedef struct {
    guint8 name[STILE_KEY_SIZE];
    guint8 link[STILE_KEY_SIZE];
} StileLanKeys;

/** @network_key: the network's symmetric key */
void stile_lan_keys_init(StileLanKeys *keys, const guint8 network_key[STILE_KEY_SIZE]);

/** @real: the wall clock: a name is known on its day (UTC), the one before and the one after */
void stile_lan_name_make(const StileLanKeys *keys, const guint8 random[STILE_LAN_NAME_RANDOM],
                         gint64 real, char ret[STILE_LAN_NAME_SIZE]);
/** Whether @name is one that a member of the network has made, about @real. */
gboolean stile_lan_name_is_ours(const StileLanKeys *keys, const char *name, gint64 real);

/**
 * stile_lan_address_parse:
 * @ret: (out): set only on success
 * @text: as Avahi has it: numbers, without a port or a scope
 * @ifindex: where it was found: the scope of a link-local IPv6 address
 *
 * Returns: whether it is an address that a neighbour can have
 */
gboolean stile_lan_address_parse(StileAddress *ret, const char *text, guint16 port, guint ifindex);

G_END_DECLS

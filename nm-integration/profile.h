/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <NetworkManager.h>

G_BEGIN_DECLS

/*
 * A NetworkManager profile of a Stile network, and the files that become one or are made of one: an
 * invitation (`*.stile`, or a `stile:` URI in a file), and an exported profile, which holds no
 * secret. Pure: text in, connection out. Whether an invitation is genuine is for the service to
 * say.
 */

#define STILE_VPN_SERVICE "org.freedesktop.NetworkManager.stile"

/* Keys of vpn.data. */
#define STILE_PROFILE_NETWORK    "network"
#define STILE_PROFILE_RENDEZVOUS "rendezvous"
#define STILE_PROFILE_STUN       "stun"
#define STILE_PROFILE_TURN       "turn"
#define STILE_PROFILE_RELAY      "relay"
#define STILE_PROFILE_EFFORT     "effort"
#define STILE_PROFILE_MTU        "mtu"

/* Keys of vpn.secrets. */
#define STILE_PROFILE_INVITATION    "invitation"
#define STILE_PROFILE_TURN_PASSWORD "turn-password"

/* An invitation of a network with some servers is below two KiB. */
#define STILE_PROFILE_SIZE_MAX (64 * 1024)

#define STILE_PROFILE_MTU_MIN 576
#define STILE_PROFILE_MTU_MAX 9000

/** Keys of vpn.data, in the order of the manual page; ends with %NULL. */
extern const char *const stile_profile_keys[];

/** Values of `relay` and `effort`, the default first; each ends with %NULL. */
extern const char *const stile_profile_relays[];
extern const char *const stile_profile_efforts[];

/**
 * stile_profile_import:
 * @text: the content of a file, not trusted, not terminated
 * @fallback_name: (nullable): names the connection when the file does not
 *
 * Returns: (transfer full): a complete connection of type vpn
 * Errors: %NM_CONNECTION_ERROR_INVALID_PROPERTY with a sentence that says what is wrong with the
 * file
 */
NMConnection *stile_profile_import(const char *text, gsize size, const char *fallback_name,
                                   GError **error);

/**
 * stile_profile_export:
 *
 * Returns: (transfer full): JSON, with a final newline; without any secret
 * Errors: %NM_CONNECTION_ERROR_MISSING_PROPERTY when the profile has not joined a network yet
 */
char *stile_profile_export(NMConnection *connection, GError **error);

/**
 * stile_profile_check_value:
 * @key: of vpn.data
 *
 * Whether @value may stand there. Errors: %NM_CONNECTION_ERROR_INVALID_PROPERTY
 */
gboolean stile_profile_check_value(const char *key, const char *value, GError **error);

/**
 * stile_profile_network_id:
 * @text: a network's public key in base64, of either alphabet, padded or not
 *
 * Returns: (transfer full): it in the form of the D-Bus property Id, %NULL when it is no key
 */
char *stile_profile_network_id(const char *text);

G_END_DECLS

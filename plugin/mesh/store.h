/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/invitation.h"

G_BEGIN_DECLS

/**
 * StileNetworkState:
 *
 * All that the service remembers of one network: one file, written whole (write, fsync, rename),
 * mode 0600, so that a crash at any moment leaves the old or the new state and nothing between.
 *
 * @id: the network's public key
 * @network_private: only where the network was created; all zeros elsewhere
 * @device_private, @tunnel_private: this device's keys
 * @certificate: ours
 * @members: device key in base64 -> GBytes of its certificate: every other member ever accepted, so
 *   that a voucher is not accepted a second time for other keys; we are not among them, and loading
 *   does not check the certificates again: stile_certificate_parse() does
 * @revocations: (nullable): the newest signed list
 * @vouchers: every voucher issued here (creator only): which names and addresses are taken
 * @options: `mtu`, `relay`, `effort`, …: as set through SetOptions
 */
typedef struct {
    guint8 id[STILE_KEY_SIZE];
    char *name;
    guint8 network_key[STILE_KEY_SIZE];
    guint8 network_private[STILE_KEY_SIZE];
    guint8 device_private[STILE_KEY_SIZE];
    guint8 tunnel_private[STILE_KEY_SIZE];
    GBytes *certificate;
    GHashTable *members;
    GBytes *revocations;
    GPtrArray *vouchers; /* of GBytes, newest last */
    StileServers *servers;
    StilePrefix subnet4, subnet6;
    GHashTable *options; /* string -> string */
    gboolean autoconnect;
    gboolean was_up; /* to be up again after a crash of the service */
} StileNetworkState;

StileNetworkState *stile_network_state_new(void);
void stile_network_state_free(StileNetworkState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileNetworkState, stile_network_state_free)

gboolean stile_network_state_is_creator(const StileNetworkState *state);

/** Returns: (transfer full): the file's text; JSON, with the private keys in it */
char *stile_network_state_to_text(const StileNetworkState *state);
/**
 * stile_network_state_parse:
 *
 * Checks that all of it is there, that our certificate is of this network and for our keys.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT, and those of stile_certificate_parse()
 */
StileNetworkState *stile_network_state_parse(const char *text, gsize size, GError **error);

/**
 * StileStore:
 *
 * The state directory: mode 0700, `networks/HEX.json`, HEX the first 16 bytes of the network's id.
 */
typedef struct _StileStore StileStore;

/** Makes the directory if need be. Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED */
StileStore *stile_store_open(const char *directory, GError **error);
void stile_store_free(StileStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileStore, stile_store_free)

/**
 * stile_store_load:
 * @warnings: (out): of char *: a sentence for each file that cannot be used; it is left as it is
 *
 * Returns: (transfer full): of StileNetworkState, by name
 */
GPtrArray *stile_store_load(StileStore *store, GPtrArray **warnings);
/**
 * stile_store_save:
 *
 * Returns when the state will survive a power cut. A file that is there already and cannot be used
 * is kept, under its name and `.damaged-N`.
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED, and those of
 * stile_network_state_parse() when @state is such as could not be loaded again; the old state is
 * still there then
 */
gboolean stile_store_save(StileStore *store, const StileNetworkState *state, GError **error);
/** Not being there is no error. Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED */
gboolean stile_store_remove(StileStore *store, const StileNetworkState *state, GError **error);

G_END_DECLS

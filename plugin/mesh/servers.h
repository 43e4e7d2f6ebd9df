/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/json.h"

G_BEGIN_DECLS

/** A TURN server: `turn:host` and the like, as stile_turn_uri_parse() reads them, with long-term
 * credentials. */
typedef struct {
    char *uri;
    char *username;
    char *password;
} StileTurnServer;
StileTurnServer *stile_turn_server_new(const char *uri, const char *username, const char *password);
void stile_turn_server_free(StileTurnServer *server);

/**
 * StileServers:
 *
 * Where a network meets and what helps it: in invitations, and in the state of a network.
 */
typedef struct {
    GStrv rendezvous; /* broker URLs */
    GStrv stun;       /* `host[:port]` */
    GPtrArray *turn;  /* of StileTurnServer */
} StileServers;
StileServers *stile_servers_new(void);
StileServers *stile_servers_copy(const StileServers *servers);
void stile_servers_free(StileServers *servers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileServers, stile_servers_free)

#define STILE_SERVERS_MAX        8   /* of each kind */
#define STILE_SERVER_STRING_SIZE 512 /* bytes of each string, at most */
/**
 * stile_servers_check:
 *
 * That they fit into an invitation: how many there are, that no string is empty, too long or has
 * white space or control characters in it (but a password may have spaces). What an address means
 * is the matter of the room that uses it.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_servers_check(const StileServers *servers, GError **error);

/** Adds them to @object as the members `rendezvous`, `stun` and `turn`. */
void stile_servers_to_json(const StileServers *servers, JsonObject *object);
/** Returns: (transfer full) (nullable): %NULL when one of the members is not as it should be */
StileServers *stile_servers_from_json(JsonObject *object);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/certificate.h"

G_BEGIN_DECLS

/** A TURN server: `turn:host[:port][?transport=udp]` (RFC 7065) with long-term credentials. */
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

/**
 * StileInvitation:
 * @network_name: what the creator calls the network
 * @network_key: the symmetric key of presences and topics; secret among members
 * @voucher: the signed bytes; @voucher_key: its private key
 *
 * What lets one device enrol itself. Bound together by a signature of the network over all of it,
 * so that an altered invitation is told from a whole one.
 */
typedef struct {
    guint8 network[STILE_KEY_SIZE];
    char *network_name;
    guint8 network_key[STILE_KEY_SIZE];
    GBytes *voucher;
    guint8 voucher_key[STILE_KEY_SIZE];
    StileServers *servers;
    guint8 signature[STILE_SIGNATURE_SIZE];
} StileInvitation;

void stile_invitation_free(StileInvitation *invitation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileInvitation, stile_invitation_free)

/** Sets @invitation->signature. */
void stile_invitation_sign(StileInvitation *invitation,
                           const guint8 network_private[STILE_KEY_SIZE]);

/** Returns: (transfer full): the text of a `*.stile` file (contract.md, Invitation) */
char *stile_invitation_to_json(const StileInvitation *invitation);
/** Returns: (transfer full): the same as one `stile:` URI, compact enough for a QR code */
char *stile_invitation_to_uri(const StileInvitation *invitation);

/**
 * stile_invitation_parse:
 * @text: the text of a `*.stile` file, or a `stile:` URI; white space around it does not matter
 * @now: stile_clock_real()
 *
 * Errors, each with one sentence for a person: %STILE_ERROR_INVALID_ARGUMENT: not an invitation;
 * incomplete (truncated); %STILE_ERROR_NOT_AUTHORIZED: altered; its parts belong to different
 * networks; %STILE_ERROR_EXPIRED: since when; or not valid yet: the clock is wrong
 */
StileInvitation *stile_invitation_parse(const char *text, gsize size, gint64 now, GError **error);

G_END_DECLS

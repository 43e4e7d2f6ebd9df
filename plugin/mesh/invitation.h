/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/certificate.h"
#include "mesh/servers.h"

G_BEGIN_DECLS

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

/** Sets @invitation->signature. The name and the servers must be such as pass their checks. */
void stile_invitation_sign(StileInvitation *invitation,
                           const guint8 network_private[STILE_KEY_SIZE]);

/** Returns: (transfer full): the text of a `*.stile` file (contract.md, Invitation) */
char *stile_invitation_to_json(const StileInvitation *invitation);
/** Returns: (transfer full): the same as one `stile:` URI, compact enough for a QR code */
char *stile_invitation_to_uri(const StileInvitation *invitation);

#define STILE_INVITATION_TEXT_MAX 65536 /* bytes */
/**
 * stile_invitation_parse:
 * @text: the text of a `*.stile` file, or a `stile:` URI; white space around it does not matter,
 *   nor inside the URI, which mail programs wrap
 * @now: stile_clock_real()
 *
 * Errors, each with one sentence for a person: %STILE_ERROR_INVALID_ARGUMENT: not an invitation;
 * incomplete (truncated); %STILE_ERROR_NOT_AUTHORIZED: altered; its parts belong to different
 * networks; %STILE_ERROR_EXPIRED: since when; or not valid yet: the clock is wrong
 */
StileInvitation *stile_invitation_parse(const char *text, gsize size, gint64 now, GError **error);

G_END_DECLS

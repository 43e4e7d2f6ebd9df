/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Invitations: the input as text (a file or a URI), as the binary form inside a URI, and as that
 * signed anew, so that changes come past the signature. A refusal has one of three codes and a
 * sentence; what is accepted comes out of both forms as it went in. */
#include "base/error.h"
#include "mesh/invitation.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTEXT "stile invitation 1"
/* When the voucher in the seeds is good */
#define NOW G_GINT64_CONSTANT(1800000000000000)

static const guint8 network_private[STILE_KEY_SIZE] = {1};

static char *
to_uri(const guint8 *data, gsize size)
{
    g_autofree char *text = g_base64_encode(data, size);

    g_strdelimit(g_strdelimit(g_strdelimit(text, "+", '-'), "/", '_'), "=", '\0');
    return g_strconcat("stile:", text, NULL);
}

static void
try_text(const char *text, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileInvitation) invitation = stile_invitation_parse(text, size, NOW, &error);
    g_autoptr(StileInvitation) from_json = NULL;
    g_autoptr(StileInvitation) from_uri = NULL;
    g_autofree char *json = NULL;
    g_autofree char *json_again = NULL;
    g_autofree char *uri = NULL;
    g_autofree char *uri_again = NULL;

    if (!invitation) {
        g_assert_nonnull(error);
        g_assert_true(error->domain == STILE_ERROR);
        g_assert_true(error->code == STILE_ERROR_INVALID_ARGUMENT ||
                      error->code == STILE_ERROR_NOT_AUTHORIZED ||
                      error->code == STILE_ERROR_EXPIRED);
        g_assert_false(g_str_has_suffix(error->message, "."));
        return;
    }
    g_assert_no_error(error);
    json = stile_invitation_to_json(invitation);
    uri = stile_invitation_to_uri(invitation);
    from_json = stile_invitation_parse(json, strlen(json), NOW, &error);
    g_assert_no_error(error);
    from_uri = stile_invitation_parse(uri, strlen(uri), NOW, &error);
    g_assert_no_error(error);
    json_again = stile_invitation_to_json(from_uri);
    uri_again = stile_invitation_to_uri(from_json);
    g_assert_cmpstr(json, ==, json_again);
    g_assert_cmpstr(uri, ==, uri_again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gsize total = size + STILE_SIGNATURE_SIZE;
    g_autofree guint8 *message = g_malloc(sizeof CONTEXT + total);
    guint8 *binary = message + sizeof CONTEXT;
    g_autofree char *uri = NULL;
    g_autofree char *signed_uri = NULL;

    try_text((const char *)data, size);
    uri = to_uri(data, size);
    try_text(uri, strlen(uri));
    if (size < 4 || total > G_MAXUINT16)
        return 0;
    memcpy(message, CONTEXT, sizeof CONTEXT);
    memcpy(binary, data, size);
    binary[2] = (guint8)(total >> 8);
    binary[3] = (guint8)total;
    stile_ed25519_sign(network_private, message, sizeof CONTEXT + size, binary + size);
    signed_uri = to_uri(binary, total);
    try_text(signed_uri, strlen(signed_uri));
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Revocation lists: the input is all but the signature, which is made here; what is accepted is,
 * signed anew, the same bytes, and has each of its devices. */
#include "mesh/certificate.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTEXT "stile revocations 1"

static const guint8 network_private[STILE_KEY_SIZE] = {1};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *message = g_malloc(sizeof CONTEXT + size + STILE_SIGNATURE_SIZE);
    guint8 *list = message + sizeof CONTEXT;
    guint8 network[STILE_KEY_SIZE];
    g_auto(StileRevocations) revocations = {0};
    g_auto(StileRevocations) raw = {0};
    g_autoptr(GBytes) again = NULL;

    memcpy(message, CONTEXT, sizeof CONTEXT);
    if (size > 0)
        memcpy(list, data, size);
    stile_ed25519_sign(network_private, message, sizeof CONTEXT + size, list + size);
    stile_ed25519_public(network_private, network);
    (void)stile_revocations_parse(&raw, network, data, size, NULL);
    size += STILE_SIGNATURE_SIZE;
    if (!stile_revocations_parse(&revocations, network, list, size, NULL))
        return 0;
    again = stile_revocations_sign(&revocations, network_private);
    g_assert_cmpuint(g_bytes_get_size(again), ==, size);
    g_assert_cmpint(memcmp(g_bytes_get_data(again, NULL), list, size), ==, 0);
    for (guint i = 0; i < revocations.devices->len; i++)
        g_assert_true(stile_revocations_contain(&revocations, (guint8 *)revocations.devices->data +
                                                                  (gsize)i * STILE_KEY_SIZE));
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages from peers: what is accepted can be written again and reads the same. */
#include "mesh/signal.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static StileSignal first, second;
    guint8 buffer[STILE_SIGNAL_MAX_SIZE];
    StilePresence presence;
    gsize written;

    if (stile_presence_parse(&presence, data, size, NULL))
        g_assert_true(presence.certificate_size + presence.revocations_size < size);
    if (!stile_signal_parse(&first, data, size, NULL))
        return 0;
    written = stile_signal_write(&first, buffer, sizeof buffer);
    g_assert_true(written > 0 && written <= size);
    g_assert_true(stile_signal_parse(&second, buffer, written, NULL));
    g_assert_cmpstr(first.ufrag, ==, second.ufrag);
    g_assert_cmpstr(first.password, ==, second.password);
    g_assert_cmpuint(first.n_candidates, ==, second.n_candidates);
    for (guint i = 0; i < first.n_candidates; i++)
        g_assert_true(
            stile_address_equal(&first.candidates[i].address, &second.candidates[i].address));
    return 0;
}

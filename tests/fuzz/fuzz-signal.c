/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages from peers: what is accepted can be written again and reads the same. */
#include "mesh/signal.h"
#include "mesh/stand-in.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_presence(const StilePresence *presence)
{
    g_autoptr(GBytes) certificate = g_bytes_new(presence->certificate, presence->certificate_size);
    g_autoptr(GBytes) revocations = g_bytes_new(presence->revocations, presence->revocations_size);
    g_autoptr(GBytes) again = stile_presence_write(certificate, revocations, presence->offers,
                                                   presence->n_offers);
    StilePresence second;

    g_assert_cmpuint(presence->n_offers, <=, STILE_STUN_MAX_OFFERS);
    g_assert_true(stile_presence_parse(&second, g_bytes_get_data(again, NULL),
                                       g_bytes_get_size(again), NULL));
    g_assert_cmpuint(second.n_offers, ==, presence->n_offers);
    for (guint i = 0; i < second.n_offers; i++) {
        g_assert_true(stile_address_equal(&second.offers[i].address, &presence->offers[i].address));
        g_assert_cmpuint(second.offers[i].second_port, ==, presence->offers[i].second_port);
    }
}

static void
check_stand_in(const StileStandIn *stand_in, const uint8_t *data, size_t size)
{
    guint8 again[STILE_STAND_IN_MAX_SIZE];
    gsize written = stile_stand_in_write(stand_in, again);

    g_assert_cmpuint(written, <=, size);
    g_assert_cmpmem(again, written, data, written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StileStandIn stand_in;
    static StileSignal first, second;
    guint8 buffer[STILE_SIGNAL_MAX_SIZE];
    StilePresence presence;
    gsize written;

    if (stile_presence_parse(&presence, data, size, NULL)) {
        g_assert_true(presence.certificate_size + presence.revocations_size < size);
        check_presence(&presence);
    }
    if (stile_stand_in_parse(&stand_in, data, size))
        check_stand_in(&stand_in, data, size);
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

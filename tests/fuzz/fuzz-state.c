/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state file: what is accepted is written as a text that reads as the same. */
#include "base/error.h"
#include "mesh/store.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileNetworkState)
        state = stile_network_state_parse((const char *)data, size, &error);
    g_autoptr(StileNetworkState) again = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    g_assert_true((state == NULL) == (error != NULL));
    if (!state)
        return 0;
    first = stile_network_state_to_text(state);
    again = stile_network_state_parse(first, strlen(first), &error);
    g_assert_no_error(error);
    second = stile_network_state_to_text(again);
    g_assert_cmpstr(first, ==, second);
    return 0;
}

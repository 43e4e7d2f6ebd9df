/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For tests: addresses as people write them. */
#include "base/address.h"

/* @text: with a port, or the port is 0 */
static inline StileAddress
address(const char *text)
{
    StileAddress parsed;

    g_assert_true(stile_address_parse(&parsed, text, 0, NULL));
    return parsed;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/pref64.h"

#define OPTION_PREF64 38
#define UNIT          8  /* RFC 4861 §4.6: what the length of an option counts */
#define PREF64_UNITS  2  /* RFC 8781 §4 */
#define PREFIX_BYTES  12 /* of every prefix; the shorter ones have zeros behind */

static gboolean
read_pref64(StileReader *option, StilePref64 *ret)
{
    static const guint8 lengths[] = {96, 64, 56, 48, 40, 32};
    guint16 scaled = stile_reader_u16be(option);
    guint code = scaled & 7;
    guint8 bytes[16] = {0};
    StilePrefix prefix;

    stile_reader_copy(option, bytes, PREFIX_BYTES);
    if (option->failed || code >= G_N_ELEMENTS(lengths))
        return FALSE;
    prefix = (StilePrefix){stile_address_from_ip(AF_INET6, bytes, 0), lengths[code]};
    prefix = stile_prefix_network(&prefix);
    if (!stile_nat64_is_prefix(&prefix))
        return FALSE;
    *ret = (StilePref64){prefix, scaled & ~7u}; /* in units of 8 seconds, above the code */
    return TRUE;
}

gboolean
stile_pref64_next(StileReader *options, StilePref64 *ret)
{
    while (options->left > 0) {
        guint type = stile_reader_u8(options);
        guint units = stile_reader_u8(options);
        const guint8 *body;
        StileReader option;

        if (units == 0)
            return FALSE; /* RFC 4861 §4.6 has none such: where the next begins, nobody knows */
        body = stile_reader_take(options, (gsize)units * UNIT - 2);
        if (!body)
            return FALSE;
        option = STILE_READER_INIT(body, (gsize)units * UNIT - 2);
        if (type == OPTION_PREF64 && units == PREF64_UNITS && read_pref64(&option, ret))
            return TRUE;
    }
    return FALSE;
}

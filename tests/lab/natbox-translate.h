/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_TRANSLATE_H
#define NATBOX_TRANSLATE_H

/* The NAT itself: what becomes of a packet from either side. */

#include "natbox-options.h"

typedef enum {
    NATBOX_INSIDE,
    NATBOX_OUTSIDE
} NatboxSide;

/* Room for the answer to an unsolicited packet. */
#define NATBOX_ANSWER_MAX 128

typedef struct {
    guint64 out;
    guint64 in;
    guint64 hairpin;
    guint64 unsolicited;
    guint64 forbidden;
    guint64 full; /* no room in the table, or no port */
    guint64 untranslatable;
} NatboxCounters;

typedef struct NatboxNat NatboxNat;

/* @options outlive it; they may change while it lives. */
NatboxNat *natbox_nat_new(const NatboxOptions *options);
void natbox_nat_free(NatboxNat *nat);
/* As after a loss of power: nothing is known any more. */
void natbox_nat_reboot(NatboxNat *nat);
const NatboxCounters *natbox_nat_counters(const NatboxNat *nat);
char *natbox_nat_describe(NatboxNat *nat, gint64 now);

/**
 * natbox_nat_translate:
 * @from: the side it came from
 * @data: rewritten in place
 * @answer: NATBOX_ANSWER_MAX bytes, for an answer to the sender
 * @answer_size: 0 when there is none
 * @to: where it goes to
 *
 * Returns: FALSE when the packet ends here
 */
gboolean natbox_nat_translate(NatboxNat *nat, NatboxSide from, guint8 *data, gsize size, gint64 now,
                              guint8 *answer, gsize *answer_size, NatboxSide *to);

#endif

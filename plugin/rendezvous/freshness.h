/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How far a message may come behind a later one: over two brokers of different speed. */
#define STILE_FRESHNESS_WINDOW 1024

/**
 * StileFreshness:
 *
 * What was received of one sender: its newest life, and which counters of it. All zeros is nothing
 * yet. Counters begin at 1.
 */
typedef struct {
    guint64 life;
    guint64 newest;
    guint64 seen[STILE_FRESHNESS_WINDOW / 64]; /* counter modulo the window */
} StileFreshness;

/**
 * stile_freshness_accept:
 *
 * Returns: whether the message is new: neither seen before, nor of an earlier life of the sender,
 *   nor too far behind to tell; it is remembered then
 */
gboolean stile_freshness_accept(StileFreshness *freshness, guint64 life, guint64 counter);

G_END_DECLS

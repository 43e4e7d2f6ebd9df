/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * StileEpoch:
 *
 * A router's epoch as we saw it last, beside our own clock. Zeros at first.
 */
typedef struct {
    gboolean known;
    gint64 client; /* seconds */
    gint64 server; /* seconds */
} StileEpoch;

/**
 * stile_epoch_update:
 * @now: our clock, seconds
 * @server: the epoch in a response
 *
 * The two-clock rule (RFC 6887 §8.5; for NAT-PMP, RFC 6886 §3.6, it is good enough): both clocks
 * must have moved on alike, within 1/16 and two seconds.
 *
 * Returns: %FALSE when the router lost its tables since the last response
 */
gboolean stile_epoch_update(StileEpoch *epoch, gint64 now, guint32 server);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What can be mailed: the first member of a message. */
typedef struct _StileMail StileMail;
struct _StileMail {
    StileMail *next;
};

/**
 * StileMailbox:
 *
 * Messages from any threads to one, in order and without a lock: the reader empties it in one go,
 * so neither side ever waits for the other. All zeros is an empty one. How many may wait is for the
 * senders to mind.
 */
typedef struct {
    StileMail *newest;
} StileMailbox;

/** Returns: whether it was empty, so that the reader has to be woken */
gboolean stile_mailbox_put(StileMailbox *mailbox, StileMail *mail);

/** Returns: (transfer full) (nullable): all there is, the oldest first, linked by `next` */
StileMail *stile_mailbox_take(StileMailbox *mailbox);

G_END_DECLS

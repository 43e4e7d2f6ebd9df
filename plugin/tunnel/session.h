/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/noise.h"
#include "tunnel/index.h"
#include "tunnel/replay.h"

G_BEGIN_DECLS

/* §6.1 */
#define STILE_REKEY_AFTER_MESSAGES  (G_GUINT64_CONSTANT(1) << 60)
#define STILE_REJECT_AFTER_MESSAGES (G_MAXUINT64 - (G_GUINT64_CONSTANT(1) << 13))

/**
 * StileSession:
 * @entry: our index, which stands in what we receive
 * @counter: of the next message that we send
 * @heard: something was received with it
 * @deliberate: whoever began it was using another one: not by chance at the same time as the other
 *
 * The keys that a handshake gave, for transport data both ways (§5.4.5, §5.4.6). What the kernel's
 * WireGuard calls a keypair.
 */
struct _StileSession {
    StileIndexEntry entry;
    guint32 remote_index;
    gboolean initiator;
    gboolean heard;
    gboolean deliberate;
    gint64 created;
    guint64 counter;
    StileAead *send;
    StileAead *receive;
    StileReplay replay;
};

/** @noise: of the finished handshake. The entry's peer and number are the caller's to fill in. */
StileSession *stile_session_new(const StileNoise *noise, gboolean initiator, guint32 remote_index,
                                gint64 now);
/** Wipes the keys. @session may be %NULL. */
void stile_session_free(StileSession *session);

/** Returns: whether it may still be used to send; receiving has its own bounds */
gboolean stile_session_usable(const StileSession *session, gint64 now);

/**
 * stile_session_seal:
 * @padded: at least @size: how many bytes are sealed, the rest being zeros
 * @out: room for @padded + 32; @packet may stand 16 bytes into it
 *
 * Returns: the size of the message
 */
gsize stile_session_seal(StileSession *session, const guint8 *packet, gsize size, gsize padded,
                         guint8 *out);

typedef enum {
    STILE_SESSION_OPENED,
    STILE_SESSION_EXPIRED,
    STILE_SESSION_FORGED,
    STILE_SESSION_REPLAYED,
} StileSessionResult;

/** @message: a whole transport data message, opened in place: the packet begins at byte 16. */
StileSessionResult stile_session_open(StileSession *session, gint64 now, guint8 *message,
                                      gsize size);

G_END_DECLS

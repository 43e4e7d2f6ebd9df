/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "rendezvous/envelope.h"
#include "rendezvous/lan-name.h"

G_BEGIN_DECLS

/*
 * What two members say to each other over a TCP connection of the local network. Each side begins
 * with 32 random bytes; then frames, under keys derived from the network's and from both numbers:
 * nobody without the network's key can say anything, or learn who speaks, and nothing of an earlier
 * connection can be said again. What is in a frame is sealed once more: envelope.h. A presence is
 * bound to its connection, too, so that no member can pretend to be another one with what that one
 * has said to it.
 *
 *   frame    size u16be, and sealed with ChaCha20-Poly1305 (a counter; the size is authenticated):
 *   inside   kind u8, body
 *
 * Pure but for the counters in the session.
 */

#define STILE_LAN_RANDOM_SIZE 32
/* The largest body is a presence or a message of 16 KiB in its envelope. */
#define STILE_LAN_BODY_MAX  (17 * 1024)
#define STILE_LAN_FRAME_MAX (2 + 1 + STILE_LAN_BODY_MAX + 16)

typedef enum {
    STILE_LAN_PRESENCE = 1, /* a tag without its NUL, and the envelope of a presence */
    STILE_LAN_MESSAGE = 2,  /* the envelope of a message to the other side */
} StileLanKind;

typedef struct _StileLanSession StileLanSession;

/** @dialled: whether we have connected to the other side, or it to us */
StileLanSession *stile_lan_session_new(const StileLanKeys *keys, gboolean dialled,
                                       const guint8 ours[STILE_LAN_RANDOM_SIZE],
                                       const guint8 theirs[STILE_LAN_RANDOM_SIZE]);
void stile_lan_session_free(StileLanSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileLanSession, stile_lan_session_free)

/**
 * What the envelopes of presences are bound to in this session, in place of the topics of a broker:
 * nobody can use one of them in another session, or on a broker. @base: those of the network
 */
void stile_lan_session_envelopes(const StileLanSession *session, const StileEnvelopes *base,
                                 StileEnvelopes *ret);

/** Appends the next frame to @out. @size: up to STILE_LAN_BODY_MAX */
void stile_lan_session_seal(StileLanSession *session, StileLanKind kind, const void *body,
                            gsize size, GByteArray *out);

typedef struct {
    guint8 kind; /* of StileLanKind, or of a later version */
    const guint8 *body;
    gsize size;
    guint8 plain[1 + STILE_LAN_BODY_MAX];
} StileLanFrame;

/**
 * stile_lan_session_open:
 * @data: what came, from the first byte of a frame on
 * @ret: (out): set when there is a frame; its body points into itself
 * @ret_used: (out): how many bytes the frame has taken; 0 when it is not complete yet
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT: whoever says that does not know the network's key, or does
 *   not keep to the rules; the session is of no use any more
 */
gboolean stile_lan_session_open(StileLanSession *session, const guint8 *data, gsize size,
                                StileLanFrame *ret, gsize *ret_used, GError **error);

/** @ret_envelope: (out) (transfer none): in @body */
gboolean stile_lan_read_presence(const guint8 *body, gsize size, StileTag *ret_tag,
                                 const guint8 **ret_envelope, gsize *ret_size);

G_END_DECLS

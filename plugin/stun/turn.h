/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stun/transactions.h"

G_BEGIN_DECLS

/**
 * StileTurn:
 *
 * A TURN client (RFC 8656) with one allocation on one server, by UDP through the shared socket, or
 * by a stream that its owner keeps (stile_turn_set_stream()).
 * Refreshes allocation, permissions and channels by itself; gets a new allocation when the server
 * lost it (437), follows 300 a bounded number of times, takes a new nonce on 438 for every method.
 */
typedef struct _StileTurn StileTurn;

typedef enum {
    STILE_TURN_IDLE,
    STILE_TURN_ALLOCATING,
    STILE_TURN_READY,
    STILE_TURN_FAILED, /* tries again by itself, with backoff up to a minute */
} StileTurnState;

typedef struct {
    /* The state, the relayed address, the expiry or the error text changed. */
    void (*changed)(gpointer user_data, StileTurn *turn);
    /* A datagram came by Data indication: before a channel, or from a peer without one. */
    void (*received)(gpointer user_data, StileTurn *turn, const StileAddress *peer,
                     const guint8 *data, gsize size);
    /* A channel for @peer is usable. */
    void (*channel)(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number);
} StileTurnOps;

/**
 * stile_turn_new:
 * @transactions: must outlive it
 * @server: with port
 * @family: AF_INET or AF_INET6, of the relayed address
 */
StileTurn *stile_turn_new(StileClock *clock, StileStunTransactions *transactions,
                          const StileAddress *server, int family, const char *username,
                          const char *password, const StileTurnOps *ops, gpointer user_data);
/** Gives the allocation back (Refresh with lifetime 0, not waited for). */
void stile_turn_free(StileTurn *turn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTurn, stile_turn_free)

/**
 * stile_turn_set_stream:
 * @name: what the server is called in errors; its address is a stand-in
 *
 * Before the start: requests go over TCP or TLS, where nothing is sent again and an answer is
 * waited for for 39.5 s (RFC 8489 §6.2.2). Another server that the server names (300) would need
 * another stream: that fails. Our address as such a server sees it means nothing for UDP: it is not
 * told.
 */
void stile_turn_set_stream(StileTurn *turn, const char *name);
void stile_turn_start(StileTurn *turn);
/** The network changed under us: the old 5-tuple is gone, allocate anew at once. */
void stile_turn_restart(StileTurn *turn);

StileTurnState stile_turn_state(StileTurn *turn);
/** The server now used: differs from the one given after a 300. */
StileAddress stile_turn_server(StileTurn *turn);
StileAddress stile_turn_relayed(StileTurn *turn);
/** Our address as the server sees it: a server-reflexive candidate for free. */
StileAddress stile_turn_mapped(StileTurn *turn);
/** stile_clock_real() at which the allocation ends unless refreshed; 0 without one */
gint64 stile_turn_expires(StileTurn *turn);
/** Microseconds; 0 for unknown */
gint64 stile_turn_rtt(StileTurn *turn);
/** (nullable): the server's words, or ours, about why it failed */
const char *stile_turn_error(StileTurn *turn);

/** Installs and keeps a permission for the address of @peer (RFC 8656 §9). Idempotent. */
void stile_turn_permit(StileTurn *turn, const StileAddress *peer);
/** Binds and keeps a channel for @peer (RFC 8656 §12). Idempotent. Returns: its number, or 0 yet */
guint16 stile_turn_bind(StileTurn *turn, const StileAddress *peer);
/** Stops keeping permission and channel for @peer. */
void stile_turn_forget(StileTurn *turn, const StileAddress *peer);
/** To @peer through the relay: by its channel, else by Send indication. Lost while not ready, and
 * when @size is more than %STILE_STUN_MAX_SIZE, less the header of an indication. */
void stile_turn_send(StileTurn *turn, const StileAddress *peer, const guint8 *data, gsize size);
/** @ret: (out): whom a channel number is bound to; FALSE when to nobody */
gboolean stile_turn_channel_peer(StileTurn *turn, guint16 channel, StileAddress *ret);

/** Returns: whether @message was a Data indication from our server (and was handled) */
gboolean stile_turn_receive(StileTurn *turn, const StileStunMessage *message,
                            const StileEndpoint *from);

G_END_DECLS

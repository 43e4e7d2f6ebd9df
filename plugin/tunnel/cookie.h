/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "io/endpoint.h"
#include "tunnel/message.h"

G_BEGIN_DECLS

/*
 * The two macs of handshake messages, and the cookies (§5.3, §5.4.4, §5.4.7). mac1 shows that the
 * sender knows whom they talk to: without it we are silent. mac2 is asked for only under load and
 * shows that the sender receives at the address it sends from.
 */

#define STILE_COOKIE_LIFETIME (120 * G_USEC_PER_SEC)
/* The sender stops using one a little before the other side forgets it. */
#define STILE_COOKIE_LATENCY (5 * G_USEC_PER_SEC)
/* So many handshake messages with a right mac1 in a second are a load. Each costs about four
 * X25519, a quarter of a millisecond. */
#define STILE_COOKIE_LOAD 100

/**
 * StileCookieChecker:
 *
 * For what comes in: checks both macs, knows whether we are under load, makes cookies.
 */
typedef struct {
    StileClock *clock;
    guint8 mac1_key[STILE_BLAKE2S_SIZE];
    guint8 cookie_key[STILE_BLAKE2S_SIZE];
    guint8 secret[STILE_BLAKE2S_SIZE];
    gint64 secret_until;
    gint64 second; /* when the second began in which messages are counted */
    guint counted;
    gint64 load_until;
} StileCookieChecker;

/** Keeps a reference to @clock. @self: our public key */
void stile_cookie_checker_init(StileCookieChecker *checker, StileClock *clock,
                               const guint8 self[STILE_KEY_SIZE]);
void stile_cookie_checker_clear(StileCookieChecker *checker);

/** @message: an initiation or a response. Returns: whether mac1 is right; it was not us if not */
gboolean stile_cookie_check_mac1(const StileCookieChecker *checker, const guint8 *message,
                                 gsize size);
/** Counts a handshake message. Returns: whether there are too many now */
gboolean stile_cookie_under_load(StileCookieChecker *checker, gint64 now);
/** Returns: whether mac2 was made with the cookie that we gave to @from */
gboolean stile_cookie_check_mac2(StileCookieChecker *checker, const StileEndpoint *from, gint64 now,
                                 const guint8 *message, gsize size);
/** A cookie for the sender of @message, an initiation or a response. */
void stile_cookie_reply(StileCookieChecker *checker, const StileEndpoint *from, gint64 now,
                        const guint8 *message, gsize size, StileMessageCookie *ret);

/**
 * StileCookie:
 *
 * For what goes out to one peer: signs, and remembers the cookie that the peer gave us.
 */
typedef struct {
    guint8 mac1_key[STILE_BLAKE2S_SIZE];
    guint8 cookie_key[STILE_BLAKE2S_SIZE];
    guint8 last_mac1[STILE_MAC_SIZE];
    guint8 cookie[STILE_COOKIE_SIZE];
    gint64 until;
    gboolean waiting; /* we sent a mac1 that was not answered with a cookie yet */
} StileCookie;

void stile_cookie_init(StileCookie *cookie, const guint8 peer[STILE_KEY_SIZE]);
/** Writes both macs at the end of @message. */
void stile_cookie_sign(StileCookie *cookie, gint64 now, guint8 *message, gsize size);
/** Returns: whether it is the answer to the last message that was signed */
gboolean stile_cookie_take(StileCookie *cookie, gint64 now, const StileMessageCookie *message);

G_END_DECLS

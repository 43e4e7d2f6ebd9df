/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/cookie.h"

#include <string.h>

#define LABEL_SIZE 8

static void
label_key(const char label[LABEL_SIZE + 1], const guint8 public_key[STILE_KEY_SIZE],
          guint8 ret[STILE_BLAKE2S_SIZE])
{
    const StilePart parts[] = {{label, LABEL_SIZE}, {public_key, STILE_KEY_SIZE}};

    stile_blake2s(parts, G_N_ELEMENTS(parts), ret);
}

static gsize
mac1_at(gsize size)
{
    return size - sizeof(StileMessageMacs);
}

static gsize
mac2_at(gsize size)
{
    return mac1_at(size) + STILE_MAC_SIZE;
}

void
stile_cookie_checker_init(StileCookieChecker *checker, StileClock *clock,
                          const guint8 self[STILE_KEY_SIZE])
{
    memset(checker, 0, sizeof *checker);
    checker->clock = stile_clock_ref(clock);
    label_key("mac1----", self, checker->mac1_key);
    label_key("cookie--", self, checker->cookie_key);
    checker->secret_until = checker->second = checker->load_until = G_MININT64 / 2;
}

void
stile_cookie_checker_clear(StileCookieChecker *checker)
{
    stile_memory_wipe(checker->secret, sizeof checker->secret);
    g_clear_pointer(&checker->clock, stile_clock_unref);
}

gboolean
stile_cookie_check_mac1(const StileCookieChecker *checker, const guint8 *message, gsize size)
{
    guint8 mac[STILE_MAC_SIZE];

    stile_blake2s_mac(checker->mac1_key, sizeof checker->mac1_key, message, mac1_at(size), mac);
    return stile_memory_equal(mac, message + mac1_at(size), sizeof mac);
}

gboolean
stile_cookie_under_load(StileCookieChecker *checker, gint64 now)
{
    if (now - checker->second >= G_USEC_PER_SEC) {
        checker->second = now;
        checker->counted = 0;
    }
    if (++checker->counted > STILE_COOKIE_LOAD)
        checker->load_until = now + G_USEC_PER_SEC;
    return now < checker->load_until;
}

/* What is to be shown with the cookie: that messages to this place arrive. */
static void
make_cookie(StileCookieChecker *checker, const StileEndpoint *from, gint64 now,
            guint8 ret[STILE_COOKIE_SIZE])
{
    const StileAddress *addresses[] = {&from->remote, &from->server};
    guint8 place[1 + 2 * (16 + 2)] = {(guint8)from->kind}, *at = place + 1;

    if (now >= checker->secret_until) {
        stile_clock_random(checker->clock, checker->secret, sizeof checker->secret);
        checker->secret_until = now + STILE_COOKIE_LIFETIME;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++) {
        guint16 port = stile_address_port(addresses[i]);
        gsize size;
        const guint8 *ip = stile_address_ip(addresses[i], &size);

        if (size > 0)
            memcpy(at, ip, size);
        at[16] = (guint8)(port >> 8);
        at[17] = (guint8)port;
        at += 18;
    }
    stile_blake2s_mac(checker->secret, sizeof checker->secret, place, sizeof place, ret);
}

gboolean
stile_cookie_check_mac2(StileCookieChecker *checker, const StileEndpoint *from, gint64 now,
                        const guint8 *message, gsize size)
{
    guint8 cookie[STILE_COOKIE_SIZE], mac[STILE_MAC_SIZE];

    make_cookie(checker, from, now, cookie);
    stile_blake2s_mac(cookie, sizeof cookie, message, mac2_at(size), mac);
    return stile_memory_equal(mac, message + mac2_at(size), sizeof mac);
}

void
stile_cookie_reply(StileCookieChecker *checker, const StileEndpoint *from, gint64 now,
                   const guint8 *message, gsize size, StileMessageCookie *ret)
{
    /* The sender's index stands at the same place in both messages. */
    const StileMessageInitiation *initiation = (const StileMessageInitiation *)message;
    guint8 cookie[STILE_COOKIE_SIZE];

    make_cookie(checker, from, now, cookie);
    stile_message_put_u32(ret->type, STILE_MESSAGE_COOKIE);
    memcpy(ret->receiver, initiation->sender, sizeof ret->receiver);
    stile_clock_random(checker->clock, ret->nonce, sizeof ret->nonce);
    stile_xaead_seal(checker->cookie_key, ret->nonce, message + mac1_at(size), STILE_MAC_SIZE,
                     cookie, sizeof cookie, ret->sealed_cookie);
}

void
stile_cookie_init(StileCookie *cookie, const guint8 peer[STILE_KEY_SIZE])
{
    memset(cookie, 0, sizeof *cookie);
    label_key("mac1----", peer, cookie->mac1_key);
    label_key("cookie--", peer, cookie->cookie_key);
    cookie->until = G_MININT64;
}

void
stile_cookie_sign(StileCookie *cookie, gint64 now, guint8 *message, gsize size)
{
    stile_blake2s_mac(cookie->mac1_key, sizeof cookie->mac1_key, message, mac1_at(size),
                      message + mac1_at(size));
    memcpy(cookie->last_mac1, message + mac1_at(size), STILE_MAC_SIZE);
    cookie->waiting = TRUE;
    if (now < cookie->until)
        stile_blake2s_mac(cookie->cookie, sizeof cookie->cookie, message, mac2_at(size),
                          message + mac2_at(size));
    else
        memset(message + mac2_at(size), 0, STILE_MAC_SIZE);
}

gboolean
stile_cookie_take(StileCookie *cookie, gint64 now, const StileMessageCookie *message)
{
    guint8 opened[STILE_COOKIE_SIZE];

    if (!cookie->waiting || !stile_xaead_open(cookie->cookie_key, message->nonce, cookie->last_mac1,
                                              sizeof cookie->last_mac1, message->sealed_cookie,
                                              sizeof message->sealed_cookie, opened))
        return FALSE;
    memcpy(cookie->cookie, opened, sizeof opened);
    cookie->until = now + STILE_COOKIE_LIFETIME - STILE_COOKIE_LATENCY;
    cookie->waiting = FALSE;
    return TRUE;
}

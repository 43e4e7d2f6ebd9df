/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stun/transactions.h"

G_BEGIN_DECLS

/**
 * StileUdpWatch:
 *
 * Whether UDP gets out of this network and back. Asks all servers that it knows within a second:
 * at the start, and whenever somebody doubts it; while none answers, every few seconds, so that the
 * return of UDP is noticed soon. Knows nothing of why.
 */
typedef struct _StileUdpWatch StileUdpWatch;

/* One question to all servers takes so long. */
#define STILE_UDP_WATCH_PATIENCE (1 * G_TIME_SPAN_SECOND)
/* While UDP is blocked it is asked again after so long. */
#define STILE_UDP_WATCH_AGAIN (4 * G_TIME_SPAN_SECOND)

/** @changed: UDP is blocked from now on, or no longer */
StileUdpWatch *stile_udp_watch_new(StileClock *clock, StileStunTransactions *transactions,
                                   void (*changed)(gpointer user_data, gboolean blocked),
                                   gpointer user_data);
void stile_udp_watch_free(StileUdpWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileUdpWatch, stile_udp_watch_free)

/** @server: a STUN or TURN server; is asked at once */
void stile_udp_watch_add(StileUdpWatch *watch, const StileAddress *server);
/** Something that goes by UDP got no answer. Cheap: asks once in a few seconds. */
void stile_udp_watch_doubt(StileUdpWatch *watch);
/** The network changed: asks now. */
void stile_udp_watch_restart(StileUdpWatch *watch);
/** UDP got out and back by other means. Servers that said nothing meanwhile are not relied on:
 * some TURN servers answer no Binding request. */
void stile_udp_watch_heard(StileUdpWatch *watch);
gboolean stile_udp_watch_blocked(const StileUdpWatch *watch);
/**
 * stile_udp_watch_is_sure:
 *
 * Whether it is the network that blocks UDP, as far as one can tell: a single host that answered
 * before, here, and does not any more may as well be gone itself.
 */
gboolean stile_udp_watch_is_sure(const StileUdpWatch *watch);
/** Returns: stile_clock_now() of the last question */
gint64 stile_udp_watch_asked(const StileUdpWatch *watch);

G_END_DECLS

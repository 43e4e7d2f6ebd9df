/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "simnet.h"

G_BEGIN_DECLS

/** How a server falls short of what RFC 5780 wants, or deceives. */
typedef enum {
    SIM_STUN_GOOD = 0,
    SIM_STUN_IGNORES_CHANGE = 1 << 0,     /* answers from where it was asked, whatever is asked */
    SIM_STUN_REFUSES_CHANGE = 1 << 1,     /* 420 */
    SIM_STUN_NO_RESPONSE_PORT = 1 << 2,   /* 420 */
    SIM_STUN_LIES = 1 << 3,               /* a mapped address of a private network */
    SIM_STUN_OTHER_IS_PRIVATE = 1 << 4,   /* an OTHER-ADDRESS within a private network */
    SIM_STUN_ANSWERS_FROM_OTHER = 1 << 5, /* always, as a server on 0.0.0.0 may */
} SimStunFlags;

/** A server with two addresses and two ports, 3478 and 3479 (RFC 5780 §6). */
typedef struct _SimStun SimStun;

/** Returns: (transfer full): for g_free(), after the network is gone */
SimStun *sim_stun_behaviour_new(SimNet *net, const char *ip, const char *other_ip,
                                SimStunFlags flags);

G_END_DECLS

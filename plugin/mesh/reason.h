/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mesh/choice.h"
#include "punch/odds.h"

G_BEGIN_DECLS

/**
 * StileReason:
 *
 * Why a peer is reached as it is: the codes of the contract, in its order.
 */
typedef enum {
    STILE_REASON_NONE,
    STILE_REASON_CONNECTING,
    STILE_REASON_DIRECT,
    STILE_REASON_PEER_OFFLINE,
    STILE_REASON_HARD_NAT_BOTH,
    STILE_REASON_UDP_BLOCKED_HERE,
    STILE_REASON_UDP_BLOCKED_THERE,
    STILE_REASON_CHECKS_TIMED_OUT,
    STILE_REASON_WORSE_THAN_RELAY,
    STILE_REASON_POLICY,
    STILE_REASON_NO_RELAY,
} StileReason;

/** What a reason is found from. */
typedef struct {
    gboolean online;
    gboolean tried;        /* there is a connection */
    gboolean checking;     /* checks are under way */
    gboolean has_way;      /* something carries the traffic */
    StileWayKind way;      /* what kind */
    gboolean direct_works; /* a direct way answers, but is not the one in use */
    gboolean has_relay;
    StileRelayPolicy policy;
    StileNatSide mine, theirs;
} StileReasonFacts;

StileReason stile_reason_find(const StileReasonFacts *facts);
/** Returns: (transfer none): `hard-nat-both`, …; `` for none */
const char *stile_reason_code(StileReason reason);
/** @name: of the peer. Returns: (transfer full): one translated sentence for a person */
char *stile_reason_text(StileReason reason, const char *name);
/** @gateway: (nullable): our router's address. Returns: (transfer full): translated; what a person
 * can do */
GStrv stile_reason_advice(StileReason reason, const char *name, const char *gateway);

G_END_DECLS

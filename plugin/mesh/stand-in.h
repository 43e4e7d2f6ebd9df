/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "stun/message.h"

G_BEGIN_DECLS

/**
 * StileStandInKind:
 * @STILE_STAND_IN_ASK: somebody asked me to be answered from another address: do that
 * @STILE_STAND_IN_DONE: that was sent
 *
 * Numbers of the same row as StileSignalKind.
 */
typedef enum {
    STILE_STAND_IN_ASK = 3,
    STILE_STAND_IN_DONE = 4,
} StileStandInKind;

/**
 * StileStandIn:
 * @id: of the Binding request
 * @to: where it came from; in DONE where the answer went to
 *
 * What one member that answers STUN tells another (nat/responder.h), in a message sealed to it. A
 * pure codec.
 */
typedef struct {
    StileStandInKind kind;
    guint8 id[STILE_STUN_ID_SIZE];
    StileAddress to;
} StileStandIn;

#define STILE_STAND_IN_MAX_SIZE 33

/** Returns: the size written */
gsize stile_stand_in_write(const StileStandIn *stand_in, guint8 ret[STILE_STAND_IN_MAX_SIZE]);
/** Returns: %FALSE for anything else, signals too */
gboolean stile_stand_in_parse(StileStandIn *ret, const guint8 *data, gsize size);

G_END_DECLS

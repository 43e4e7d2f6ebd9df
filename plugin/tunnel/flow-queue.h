/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * StileFlowQueue:
 *
 * Packets between the tun device and the sealing, in turns: who sends little goes before who sends
 * much. Among those who send much, each peer that they send to gets equal bytes however many flows
 * go there, and each flow to a peer gets an equal part of that (deficit round robin on two levels
 * behind a list of new flows, RFC 8290 §4; no CoDel, the queue is short by its bound). It exists
 * because the tun's own queue knows one order only: a ping would wait there behind megabytes.
 * Within a flow the order stays. Bounded: when it is full, of the peer that holds most the flow
 * that holds most loses its oldest packet. Not thread-safe.
 */
typedef struct _StileFlowQueue StileFlowQueue;

/** @packet_size: of the largest that may come, as the tun gives it */
StileFlowQueue *stile_flow_queue_new(gsize packet_size);
void stile_flow_queue_free(StileFlowQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileFlowQueue, stile_flow_queue_free)

/** Returns: (transfer none): room for one packet of the largest size, to be filled and added */
guint8 *stile_flow_queue_room(StileFlowQueue *queue);

/**
 * stile_flow_queue_add:
 * @size: of what was put into the room
 * @peer: any number that is another for another peer
 * @hash: of its flow
 *
 * Returns: how many packets were dropped to keep the bound
 */
guint stile_flow_queue_add(StileFlowQueue *queue, gsize size, guint32 peer, guint32 hash);

/**
 * stile_flow_queue_take:
 *
 * Returns: (transfer none) (nullable): the packet whose turn it is, good until the next call for
 *   one; %NULL when the queue is empty
 */
guint8 *stile_flow_queue_take(StileFlowQueue *queue, gsize *ret_size);

gboolean stile_flow_queue_is_empty(StileFlowQueue *queue);

G_END_DECLS

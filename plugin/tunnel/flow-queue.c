/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/flow-queue.h"

#include <string.h>

/* Flows are told apart by this much of their hash, as in RFC 8290 §4.1.3. */
#define N_FLOWS 1024
/* And peers: few send at the same time. */
#define N_PEERS 256
/* What a flow, and a peer, may send before the next has its turn. */
#define QUANTUM (16 * 1024)
/* A small packet costs more than its bytes. */
#define PACKET_COST 128

/* Most packets are no super-packets and need no place for one. The bounds are two megabytes and
 * half a megabyte: what a stream can pile up while we wait some milliseconds for a processor. */
#define SMALL_SIZE 2048
#define MAX_LARGE  32
#define MAX_SMALL  256

typedef enum {
    SMALL,
    LARGE
} Kind;
#define N_KINDS (LARGE + 1)

typedef struct _Packet Packet;
struct _Packet {
    Packet *next;
    gsize size;
    Kind kind;
    guint8 data[];
};

typedef struct _Flow Flow;
typedef struct _Peer Peer;

typedef struct {
    Flow *first, *last;
} FlowList;

struct _Flow {
    Flow *next;
    Peer *peer; /* whose packet came first since it was listed */
    Packet *first, *last;
    gint credit;
    guint16 held[N_KINDS];
    gboolean listed;
};

/* Listed while it has old flows. */
struct _Peer {
    Peer *next;
    FlowList flows; /* the old ones */
    gint credit;
    guint16 held[N_KINDS];
    gboolean listed;
};

struct _StileFlowQueue {
    gsize packet_size;
    Packet *spare[N_KINDS]; /* the last used first: its memory is still near */
    guint held[N_KINDS];
    Packet *room, *taken;
    FlowList new_flows; /* of all peers */
    Peer *first_peer, *last_peer;
    Flow flows[N_FLOWS];
    Peer peers[N_PEERS];
};

static const guint max_held[N_KINDS] = {MAX_SMALL, MAX_LARGE};

StileFlowQueue *
stile_flow_queue_new(gsize packet_size)
{
    StileFlowQueue *self = g_new0(StileFlowQueue, 1);

    self->packet_size = packet_size;
    return self;
}

static void
free_chain(Packet *packet)
{
    while (packet) {
        Packet *next = packet->next;

        g_free(packet);
        packet = next;
    }
}

void
stile_flow_queue_free(StileFlowQueue *self)
{
    for (guint i = 0; i < N_FLOWS; i++)
        free_chain(self->flows[i].first);
    for (guint i = 0; i < N_KINDS; i++)
        free_chain(self->spare[i]);
    g_free(self->room);
    g_free(self->taken);
    g_free(self);
}

static Packet *
packet_new(StileFlowQueue *self, Kind kind)
{
    Packet *packet = self->spare[kind];

    if (packet) {
        self->spare[kind] = packet->next;
    } else {
        packet = g_malloc(sizeof *packet + (kind == SMALL ? SMALL_SIZE : self->packet_size));
        packet->kind = kind;
    }
    packet->next = NULL;
    return packet;
}

static void
packet_release(StileFlowQueue *self, Packet *packet)
{
    packet->next = self->spare[packet->kind];
    self->spare[packet->kind] = packet;
}

guint8 *
stile_flow_queue_room(StileFlowQueue *self)
{
    if (!self->room)
        self->room = packet_new(self, LARGE);
    return self->room->data;
}

static void
list_append(FlowList *list, Flow *flow)
{
    flow->next = NULL;
    if (list->last)
        list->last->next = flow;
    else
        list->first = flow;
    list->last = flow;
}

static void
list_pop(FlowList *list)
{
    list->first = list->first->next;
    if (!list->first)
        list->last = NULL;
}

static void
append_peer(StileFlowQueue *self, Peer *peer)
{
    peer->next = NULL;
    if (self->last_peer)
        self->last_peer->next = peer;
    else
        self->first_peer = peer;
    self->last_peer = peer;
}

static void
pop_peer(StileFlowQueue *self)
{
    self->first_peer = self->first_peer->next;
    if (!self->first_peer)
        self->last_peer = NULL;
}

static void
append_old_flow(StileFlowQueue *self, Flow *flow)
{
    Peer *peer = flow->peer;

    list_append(&peer->flows, flow);
    if (peer->listed)
        return;
    peer->listed = TRUE;
    peer->credit = QUANTUM;
    append_peer(self, peer);
}

static Packet *
flow_pop(StileFlowQueue *self, Flow *flow)
{
    Packet *packet = flow->first;

    if (!packet)
        return NULL;
    flow->first = packet->next;
    if (!flow->first)
        flow->last = NULL;
    flow->held[packet->kind]--;
    flow->peer->held[packet->kind]--;
    self->held[packet->kind]--;
    return packet;
}

static Flow *
fattest_flow(StileFlowQueue *self, Peer *peer, Kind kind)
{
    Flow *most = peer->flows.first;

    for (Flow *flow = most; flow; flow = flow->next)
        if (flow->held[kind] > most->held[kind])
            most = flow;
    for (Flow *flow = self->new_flows.first; flow; flow = flow->next)
        if (flow->peer == peer && (!most || flow->held[kind] > most->held[kind]))
            most = flow;
    return most;
}

static Peer *
fattest_peer(StileFlowQueue *self, Kind kind)
{
    Peer *most = self->first_peer;

    for (Peer *peer = most; peer; peer = peer->next)
        if (peer->held[kind] > most->held[kind])
            most = peer;
    for (Flow *flow = self->new_flows.first; flow; flow = flow->next)
        if (!most || flow->peer->held[kind] > most->held[kind])
            most = flow->peer;
    return most;
}

/* Its oldest, so that the sender hears of it soonest. */
static guint
make_room(StileFlowQueue *self, Kind kind)
{
    guint dropped = 0;

    while (self->held[kind] >= max_held[kind]) {
        Flow *flow = fattest_flow(self, fattest_peer(self, kind), kind);

        packet_release(self, flow_pop(self, flow));
        dropped++;
    }
    return dropped;
}

/* What was read goes to a place of its size. */
static Packet *
packet_for_room(StileFlowQueue *self, gsize size)
{
    Packet *packet;

    if (size > SMALL_SIZE)
        return g_steal_pointer(&self->room);
    packet = packet_new(self, SMALL);
    memcpy(packet->data, self->room->data, size);
    return packet;
}

guint
stile_flow_queue_add(StileFlowQueue *self, gsize size, guint32 peer, guint32 hash)
{
    Flow *flow = &self->flows[hash % N_FLOWS];
    guint dropped = make_room(self, size > SMALL_SIZE ? LARGE : SMALL);
    Packet *packet = packet_for_room(self, size);

    packet->size = size;
    if (!flow->listed) {
        flow->listed = TRUE;
        flow->peer = &self->peers[peer % N_PEERS];
        flow->credit = QUANTUM;
        list_append(&self->new_flows, flow);
    }
    if (flow->last)
        flow->last->next = packet;
    else
        flow->first = packet;
    flow->last = packet;
    flow->held[packet->kind]++;
    flow->peer->held[packet->kind]++;
    self->held[packet->kind]++;
    return dropped;
}

/* Returns: %NULL when @flow has no more, or its turn is over */
static Packet *
flow_take(StileFlowQueue *self, Flow *flow)
{
    Packet *packet = flow->credit > 0 ? flow_pop(self, flow) : NULL;

    if (packet) {
        gint cost = (gint)(packet->size + PACKET_COST);

        flow->credit -= cost;
        if (flow->peer->listed)
            flow->peer->credit -= cost;
    }
    return packet;
}

/* Returns: the next of the new flows, %NULL when there is none any more */
static Packet *
next_new(StileFlowQueue *self)
{
    Flow *flow;

    while ((flow = self->new_flows.first)) {
        Packet *packet = flow_take(self, flow);

        if (packet)
            return packet;
        list_pop(&self->new_flows);
        /* A new flow that is done waits for one round of the others, or it would be new again at
         * once and starve them (RFC 8290 §4.2). */
        if (flow->first || self->first_peer) {
            if (flow->credit <= 0)
                flow->credit += QUANTUM;
            append_old_flow(self, flow);
        } else {
            flow->listed = FALSE;
        }
    }
    return NULL;
}

/* Returns: the next of the old flows to @peer, %NULL when there is none any more */
static Packet *
next_old(StileFlowQueue *self, Peer *peer)
{
    Flow *flow;

    while ((flow = peer->flows.first)) {
        Packet *packet = flow_take(self, flow);

        if (packet)
            return packet;
        list_pop(&peer->flows);
        if (flow->credit <= 0) {
            flow->credit += QUANTUM;
            list_append(&peer->flows, flow);
        } else {
            flow->listed = FALSE;
        }
    }
    return NULL;
}

static Packet *
next_packet(StileFlowQueue *self)
{
    Packet *packet = next_new(self);
    Peer *peer;

    while (!packet && (peer = self->first_peer)) {
        if (peer->credit > 0 && (packet = next_old(self, peer)))
            break;
        pop_peer(self);
        if (peer->flows.first) {
            peer->credit += QUANTUM;
            append_peer(self, peer);
        } else {
            peer->listed = FALSE;
        }
    }
    return packet;
}

guint8 *
stile_flow_queue_take(StileFlowQueue *self, gsize *ret_size)
{
    if (self->taken)
        packet_release(self, self->taken);
    self->taken = next_packet(self);
    if (!self->taken)
        return NULL;
    *ret_size = self->taken->size;
    return self->taken->data;
}

gboolean
stile_flow_queue_is_empty(StileFlowQueue *self)
{
    return self->held[SMALL] + self->held[LARGE] == 0;
}

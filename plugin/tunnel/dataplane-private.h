/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the data plane share: dataplane.c is the main thread's side, dataplane-loop.c
 * the thread, dataplane-out.c the way from the tun to the sockets, dataplane-in.c the way back.
 */
#include "tunnel/coalesce.h"
#include "tunnel/dataplane.h"
#include "tunnel/flow-queue.h"
#include "tunnel/mailbox.h"
#include "tunnel/moderation.h"
#include "tunnel/tunnel.h"

G_BEGIN_DECLS

/* A UDP payload over IPv4, and what a TURN server adds in front of ours (RFC 8656 §12.4). */
#define STILE_MAX_MESSAGE    65507
#define STILE_CHANNEL_HEADER 4

typedef enum {
    STILE_EVENT_CONTROL,
    STILE_EVENT_CARRY,
    STILE_EVENT_ROAMED,
    STILE_EVENT_HANDSHAKE,
    STILE_EVENT_ACTIVE,
    STILE_EVENT_FAILED,
} StileEventKind;
#define STILE_N_EVENTS (STILE_EVENT_FAILED + 1)

/* From the thread up to the main context. */
typedef struct {
    StileMail mail;
    StileEventKind kind;
    guint8 peer[STILE_KEY_SIZE];
    StileEndpoint endpoint;
    GError *error;
    gsize size;
    guint8 data[];
} StileEvent;

typedef enum {
    STILE_COMMAND_TABLE,
    STILE_COMMAND_INJECT,
    STILE_COMMAND_HANDSHAKE,
    STILE_COMMAND_ADD_RELAY,
    STILE_COMMAND_REMOVE_RELAY,
    STILE_COMMAND_STOP,
} StileCommandKind;

/* From the main context down to the thread. */
typedef struct {
    StileMail mail;
    StileCommandKind kind;
    guint8 peer[STILE_KEY_SIZE];
    StileEndpoint endpoint;
    StileTable *table;
    gsize size;
    guint8 data[];
} StileCommand;

/* Sealed messages for one peer that leave together: one behind another, all of one size but the
 * last, each behind its channel header if it goes to a TURN server. */
typedef struct {
    StileTunnelPeer *peer;
    StileEndpoint first, second;
    gsize header; /* STILE_CHANNEL_HEADER or 0 */
    gsize size;   /* of each message */
    guint count;
    gsize used;
    gboolean closed; /* the last was shorter */
    guint8 *buffer;
} StileOutBatch;

struct _StileDataplane {
    gatomicrefcount refs;
    StileTun *tun;
    StileSocket *sockets[2]; /* IPv4, IPv6 */

    /* Of the main thread. */
    StileDataplaneOps ops;
    gpointer user_data;
    GSource *source;
    GThread *thread;

    /* Between the two. */
    StileMailbox commands, events;
    int wake_fd;
    guint n_injected;               /* commands that wait */
    guint n_events[STILE_N_EVENTS]; /* events that wait */
    StileDataplaneCounters counters;

    /* Of the thread. */
    StileClock *clock;
    StileTunnel *tunnel;
    gint64 now;
    StileModeration moderation;
    int epoll_fd;
    gboolean stopped;
    gboolean tun_broken;
    gboolean tun_ready;         /* said the last epoll_wait() */
    gboolean sockets_have_more; /* than was taken since the last epoll_wait() */
    guint full;                 /* which sockets are, a bit each: the queue waits for them */
    GHashTable *registered;     /* of StileAddress: relays that the main thread named */
    GHashTable *relays;         /* of StileAddress: those and the table's */
    GHashTable *wakened; /* peer's key -> gint64 *: when the main thread heard that it is active */
    gsize mtu;
    gint64 mtu_asked;
    StileFlowQueue *queue; /* read from the tun, not yet sealed */
    guint32 flow_seed;
    StileOutBatch batch;
    guint8 *scratch;
    StileReceiveBuffers *receive_buffers;
    gboolean merged; /* the datagrams received last were many in one */
    StileCoalescer *coalescer;
    gboolean merge_tcp, merge_udp;
};

gpointer stile_dataplane_run(gpointer dataplane);
/** Which sockets sealing waits for, a bit each. */
void stile_dataplane_set_full(StileDataplane *dataplane, guint full);
/** Takes the tun out of use and says so. */
void stile_dataplane_tun_broke(StileDataplane *dataplane, int code);

/** Passes an event up, unless too many of its kind wait already; then it is counted. */
void stile_dataplane_post(StileDataplane *dataplane, StileEventKind kind, const guint8 *peer,
                          const StileEndpoint *endpoint, const void *data, gsize size);
void stile_dataplane_post_failure(StileDataplane *dataplane, GError *error);

/* dataplane-out.c */
void stile_dataplane_out_init(StileDataplane *dataplane);
void stile_dataplane_out_clear(StileDataplane *dataplane);
/** Reads what the tun has, to a bound, and sends it. More may be waiting in the queue then. */
void stile_dataplane_out(StileDataplane *dataplane);
/** Sends one message of the tunnel's own. @peer: (nullable) */
void stile_dataplane_send(StileDataplane *dataplane, StileTunnelPeer *peer,
                          const StileEndpoint *endpoint, const guint8 *message, gsize size);

/* dataplane-in.c */
void stile_dataplane_in_init(StileDataplane *dataplane);
void stile_dataplane_in_clear(StileDataplane *dataplane);
/** Reads what the socket has, to a bound, and hands it on. Returns: whether it may have more */
gboolean stile_dataplane_in(StileDataplane *dataplane, StileSocket *socket);
/** A WireGuard message, opened in place. What it holds is written by stile_dataplane_in_flush(). */
void stile_dataplane_in_message(StileDataplane *dataplane, const StileEndpoint *from,
                                guint8 *message, gsize size);
void stile_dataplane_in_flush(StileDataplane *dataplane);
/** Makes the set of relays anew from those registered and those in @table. */
void stile_dataplane_in_set_relays(StileDataplane *dataplane, const StileTable *table);

G_END_DECLS

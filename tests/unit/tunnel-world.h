/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tunnel/tunnel.h"

G_BEGIN_DECLS

/*
 * For the tests of the tunnel: tunnels that know each other, a wire between them that takes what
 * they send and gives it to whom it is addressed, and a virtual clock.
 */

#define WORLD_MTU   1420
#define WORLD_START (1000 * G_USEC_PER_SEC)
#define SECONDS(n)  ((gint64)(n)*G_USEC_PER_SEC)

typedef struct _World World;

typedef struct {
    World *world;
    StileTunnel *tunnel;
    guint8 private_key[STILE_KEY_SIZE];
    guint8 public_key[STILE_KEY_SIZE];
    StileAddress address;       /* where it is in the outer network */
    StileAddress inner, inner6; /* 10.86.0.N, fd86::N */
    guint sent[5];              /* messages, by type */
    guint results[STILE_TUNNEL_DISALLOWED + 1];
    guint handshakes, roams, answers_to_strangers;
    guint packets;      /* received for the tun */
    GBytes *last;       /* the newest of them */
    GPtrArray *capture; /* (nullable): of GBytes: all that it sent */
} Node;

typedef struct {
    Node *from;
    StileEndpoint to;
    GBytes *message;
    gint64 arrives;
} Letter;

/* Returns: how long the letter takes; -1 for lost. */
typedef gint64 (*WireFunc)(World *world, const Letter *letter, gpointer user_data);

struct _World {
    StileClock *clock;
    GQueue wire; /* of Letter */
    GPtrArray *nodes;
    WireFunc func; /* NULL: at once */
    gpointer user_data;
};

World *world_new(guint32 seed);
void world_free(World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)
Node *world_add(World *world);
/* As after a crash: the same keys, and nothing else remembered, not even who it knows. */
void node_restart(Node *node);
gint64 world_now(World *world);
/* Delivers what is on the wire and lets time pass, as far as there is something to do in it. */
void world_run(World *world, gint64 duration);

/* Who @node knows: a table with the others as they are given, ended by NULL. With a path each,
 * straight to where they are, if @paths. */
StileTable *node_table(Node *node, gboolean paths, ...) G_GNUC_NULL_TERMINATED;
void node_set_table(Node *node, StileTable *table);
/* For two nodes: both know each other, @a with a path and @b without. */
void world_pair(Node *a, Node *b, const guint8 *preshared_key);

StileTunnelPeer *node_peer(Node *node, Node *other);
StilePeerStats *node_stats(Node *node, Node *other);
StileEndpoint node_endpoint(Node *node);
void node_handshake(Node *node, Node *other);

/* An IP packet of @size bytes, 20 or 40 at least. */
GBytes *world_packet(const StileAddress *from, const StileAddress *to, gsize size, guint8 filling);
/* Sends a packet from the node's tun, queueing it if there is no session. */
void node_send(Node *node, GBytes *packet);
/* The same from one to the other's inner address. */
void node_send_to(Node *node, Node *other, gsize size);
StileTunnelResult node_receive(Node *node, const StileEndpoint *from, GBytes *message);
/* Seals without sending. */
GBytes *node_seal(Node *node, Node *other, GBytes *packet);

G_END_DECLS

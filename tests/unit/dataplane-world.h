/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two data planes on loopback, each with a packet socket in place of its tun and the other as its
 * one peer; and what their main threads heard. For the tests of the data plane. */
#include "packets.h"
#include "tunnel/dataplane.h"

#define WORLD_TIMEOUT 10000 /* ms, of what must happen */

typedef struct _Side Side;
struct _Side {
    guint8 private_key[STILE_KEY_SIZE], public_key[STILE_KEY_SIZE];
    StileSocket *socket;
    StileAddress address;
    StilePeerStats *stats; /* of the other */
    StileDataplane *dataplane;
    int kernel; /* our end of the tun */
    Side *other;
    guint handshakes, actives, controls, carried, failures, roams;
    StileEndpoint last_control;
    gboolean carry_on; /* carried messages are delivered, by injecting them */
};

typedef struct {
    Side a, b;
} World;

extern const StileDataplaneOps world_ops;
/* make_packet() addresses from number 1 to number 2, so only one way can be checked by it; which
 * is enough where the two sides are the same code. */
extern const PacketSpec world_datagram;

World *world_new(void);
void world_free(World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)
StileEndpoint world_udp_to(const Side *side);
/* Side number 1 has 10.86.0.1 and fd00::1, number 2 has 10.86.0.2 and fd00::2, as make_packet(). */
void world_set_path(Side *side, guint number, const StileEndpoint *path,
                    const StileEndpoint *second);
/* What the machine behind @side sends. */
void world_put(Side *side, const PacketSpec *spec, guint8 gso_type, gsize segment);
/* Takes what the machine behind @side gets, packet for packet, until @n have come. */
GPtrArray *world_take(Side *side, guint n);
void world_check_packet(GBytes *bytes, const PacketSpec *spec);
/* Runs the main loop until @counter reaches @n. */
void world_wait_for(const guint *counter, guint n);
/* The main loop runs meanwhile: carried messages need it. */
void world_exchange(Side *from, Side *to, PacketSpec spec);
gsize world_make_stun(guint8 *out);
void world_wait_for_malformed(StileDataplane *dataplane, guint64 n);

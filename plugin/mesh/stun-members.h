/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/keys.h"
#include "mesh/signal.h"
#include "nat/responder.h"

G_BEGIN_DECLS

/**
 * StileStunMembers:
 *
 * STUN among the members of one network: who of the others answers, and our own answering while we
 * have an open address. Requests are signed with a key that comes from the network's.
 */
typedef struct _StileStunMembers StileStunMembers;

typedef struct {
    /* Other members can be asked now than before. */
    void (*changed)(gpointer user_data);
    /* From the shared socket, from our address @local if that is set. Returns: whether it went */
    gboolean (*send)(gpointer user_data, const StileAddress *local, const StileAddress *to,
                     const guint8 *data, gsize size);
    /* Brings a message to another member by the rendezvous. */
    void (*tell)(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
                 gsize size);
} StileStunMembersOps;

StileStunMembers *stile_stun_members_new(StileClock *clock,
                                         const guint8 network_key[STILE_KEY_SIZE],
                                         const StileStunMembersOps *ops, gpointer user_data);
void stile_stun_members_free(StileStunMembers *members);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileStunMembers, stile_stun_members_free)

/** What @device offers now; with @n 0 it is gone, or offers nothing. */
void stile_stun_members_learn(StileStunMembers *members, const guint8 device[STILE_KEY_SIZE],
                              const StileStunOffer *offers, guint n);
/** Returns: (transfer full): of StileNatServer: who can be asked */
GArray *stile_stun_members_servers(StileStunMembers *members);

/**
 * stile_stun_members_offer:
 * @addresses: where we can be asked, outside addresses of the shared socket
 * @direct: of the i-th: it is our own, with no NAT before it, so that a second port there is as
 *   good as the first
 *
 * Returns: whether the offer is another one than before: to be told the others
 */
gboolean stile_stun_members_offer(StileStunMembers *members, const StileAddress *addresses,
                                  const gboolean *direct, guint n);
/** Returns: (transfer none): of StileStunOffer: what to tell the others */
const GArray *stile_stun_members_offers(StileStunMembers *members);

/** Returns: whether @message, from the shared socket, is a member's question (and was handled) */
gboolean stile_stun_members_receive(StileStunMembers *members, const StileStunMessage *message,
                                    const StileEndpoint *from);
/** Returns: whether @payload, a message of the member @device, was for here */
gboolean stile_stun_members_told(StileStunMembers *members, const guint8 device[STILE_KEY_SIZE],
                                 const guint8 *payload, gsize size);

G_END_DECLS

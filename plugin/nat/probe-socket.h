/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "nat/inquiry.h"
#include "stun/transactions.h"

G_BEGIN_DECLS

/**
 * StileProbeSocket:
 *
 * One UDP socket of the diagnosis, never the shared one: a test wants a mapping that nothing else
 * uses. Asks STUN questions, and tells of messages that answer none of them: another socket's.
 */
typedef struct _StileProbeSocket StileProbeSocket;

/**
 * StileProbeWire:
 *
 * What sockets are made of: the kernel's (nat/probe-wire.h) or, in a test, a virtual network's.
 */
typedef struct {
    /* A socket of @family whose datagrams go to stile_probe_socket_receive(@socket). Returns: NULL
     * with @error set */
    gpointer (*open)(gpointer user_data, int family, StileProbeSocket *socket, GError **error);
    /* Does not deliver an answer within. */
    void (*send)(gpointer opened, const StileAddress *to, const guint8 *data, gsize size);
    void (*close)(gpointer opened);
} StileProbeWire;

/** Errors: those of @wire */
StileProbeSocket *stile_probe_socket_new(StileClock *clock, const StileProbeWire *wire,
                                         gpointer wire_data, int family, GError **error);
/** Ends what is under way without calling back. */
void stile_probe_socket_free(StileProbeSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileProbeSocket, stile_probe_socket_free)

/** @answer: (nullable): %NULL for silence. May free the socket. */
typedef void (*StileProbeAnswered)(gpointer user_data, StileProbeSocket *socket,
                                   const StileNatAnswer *answer);

void stile_probe_socket_ask(StileProbeSocket *socket, const StileNatQuestion *question,
                            StileProbeAnswered answered, gpointer user_data);

/** May free the socket. */
typedef void (*StileProbeInquired)(gpointer user_data, StileProbeSocket *socket);

/** @inquiry: (transfer none): the caller's, until @done is called or the socket freed */
void stile_probe_socket_inquire(StileProbeSocket *socket, StileNatInquiry *inquiry,
                                StileProbeInquired done, gpointer user_data);

/** A STUN message that is no answer to a question of this socket, from whomever. May free the
 * socket. */
typedef void (*StileProbeHeard)(gpointer user_data, StileProbeSocket *socket,
                                const StileStunMessage *message, const StileAddress *from);

void stile_probe_socket_set_heard(StileProbeSocket *socket, StileProbeHeard heard,
                                  gpointer user_data);
void stile_probe_socket_send(StileProbeSocket *socket, const StileAddress *to, const guint8 *data,
                             gsize size);
/** For the wire. Nothing may be done with @socket afterwards: it calls back. */
void stile_probe_socket_receive(StileProbeSocket *socket, const StileAddress *local,
                                const StileAddress *from, const guint8 *data, gsize size);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* Each buffer of a batch can hold a merged 64 KiB: eight already spread the cost of the system call
 * thin, and more would be memory and a longer wait for whoever comes next. */
#define STILE_SOCKET_MAX_BATCH   8
#define STILE_SOCKET_MAX_PAYLOAD 65535

/**
 * StileSocket:
 *
 * One UDP socket, non-blocking, of one family, bound to the wildcard address. It tells for each
 * datagram which of our addresses it was sent to and can send from a chosen one (IP_PKTINFO,
 * IPV6_PKTINFO). Receives with UDP_GRO and sends with UDP_SEGMENT where the kernel can.
 *
 * Receiving belongs to one thread; sending may be done from several.
 */
typedef struct _StileSocket StileSocket;

/**
 * stile_socket_new:
 * @family: AF_INET or AF_INET6 (then IPv6 only)
 * @port: 0 for any
 *
 * Errors: %STILE_ERROR_FAILED (no such family here, port taken, …)
 */
StileSocket *stile_socket_new(int family, guint16 port, GError **error);
StileSocket *stile_socket_ref(StileSocket *socket);
void stile_socket_unref(StileSocket *socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileSocket, stile_socket_unref)

int stile_socket_fd(StileSocket *socket);
int stile_socket_family(StileSocket *socket);
guint16 stile_socket_port(StileSocket *socket);

/**
 * StileDatagram:
 * @remote: who sent it
 * @local: which of our addresses it was sent to, with our port
 * @data: (transfer none): good until the next receive with the same buffers
 * @size: of @data
 * @segment: when the kernel merged several datagrams of one sender: the size of each (the last may
 *   be shorter); else @size
 */
typedef struct {
    StileAddress remote;
    StileAddress local;
    guint8 *data;
    gsize size;
    gsize segment;
} StileDatagram;

/** Buffers for receiving a batch; each thread that receives has its own. */
typedef struct _StileReceiveBuffers StileReceiveBuffers;
StileReceiveBuffers *stile_receive_buffers_new(void);
void stile_receive_buffers_free(StileReceiveBuffers *buffers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileReceiveBuffers, stile_receive_buffers_free)

/**
 * stile_socket_receive:
 * @ret: room for @max
 * @max: no more than so many; nor more than %STILE_SOCKET_MAX_BATCH
 *
 * Takes what is there, without blocking. ICMP errors queued on the socket are read and dropped:
 * they are easily forged, and only the absence of answers tells that a path is dead.
 *
 * Returns: how many datagrams, 0 for none
 */
guint stile_socket_receive(StileSocket *socket, StileReceiveBuffers *buffers, StileDatagram *ret,
                           guint max);

/**
 * stile_socket_send:
 * @local: (nullable): our IP address to send from
 *
 * Returns: 0, or the errno. EAGAIN: the queue is full, as good as lost. EPERM: our own firewall.
 *   EADDRNOTAVAIL, ENETUNREACH: no way from @local, or it is not ours. EAFNOSUPPORT: @remote is of
 *   the other family.
 */
int stile_socket_send(StileSocket *socket, const StileAddress *local, const StileAddress *remote,
                      const void *data, gsize size);

/**
 * stile_socket_send_segments:
 * @data: whole datagrams of @segment bytes one behind another, the last one may be shorter
 *
 * One system call with UDP_SEGMENT for each 64 datagrams or 64 KiB; where the kernel, the device
 * (EIO) or the path (EINVAL: longer than its MTU) refuses, one datagram at a time, for the next few
 * thousand sends of that size.
 *
 * Returns: 0, or the errno, as stile_socket_send() does
 */
int stile_socket_send_segments(StileSocket *socket, const StileAddress *local,
                               const StileAddress *remote, const void *data, gsize size,
                               gsize segment);

G_END_DECLS

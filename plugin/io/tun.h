/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * StileTun:
 *
 * A tun device of ours (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR), non-blocking. Every packet read or
 * written has a struct virtio_net_hdr before it; with the offloads on, a packet may be a 64 KiB
 * super-packet. The device disappears when the last reference does.
 */
typedef struct _StileTun StileTun;

/**
 * stile_tun_new:
 * @name: the wanted name, `stile0`; with `%d`, the kernel numbers
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_EXISTS, %STILE_ERROR_FAILED
 */
StileTun *stile_tun_new(const char *name, GError **error);
/** For tests: anything that keeps packet boundaries and does not block, such as one end of a
 * SOCK_SEQPACKET pair. @fd: (transfer full) */
StileTun *stile_tun_new_for_fd(int fd, const char *name);
StileTun *stile_tun_ref(StileTun *tun);
void stile_tun_unref(StileTun *tun);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTun, stile_tun_unref)

int stile_tun_fd(StileTun *tun);
/** The name the kernel gave. */
const char *stile_tun_name(StileTun *tun);
guint stile_tun_ifindex(StileTun *tun);

G_END_DECLS

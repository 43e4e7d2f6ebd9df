/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/tun.h"

#include "base/error.h"
#include "io/links.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Linux 6.2, newer than the oldest headers we build with. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Packets the kernel may keep for us; what does not fit is lost. It is emptied at once into a queue
 * that knows flows, so it is no standing queue: it must only hold what comes while we wait for a
 * processor. */
#define QUEUE_LENGTH 128
/* Of a super-packet: what becomes of it, sealed, fits into one UDP send (65507 bytes) at all usual
 * MTUs, and is one super-packet again at the other end. From 64 KiB there would be two of each. */
#define GSO_MAX_SIZE (60 * 1024)

struct _StileTun {
    gatomicrefcount refs;
    int fd;
    guint ifindex;
    char name[IFNAMSIZ];
};

static void
set_offloads(int fd)
{
    /* From what a new kernel can to what every kernel can; none at all works, too, slowly. */
    static const guint offloads[] = {
        TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
        TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
        TUN_F_CSUM,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(offloads); i++) {
        if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads[i]) == 0)
            return;
        g_debug("tun offloads 0x%x: %s", offloads[i], g_strerror(errno));
    }
}

static void
set_queue_length(const char *name)
{
    struct ifreq request = {.ifr_qlen = QUEUE_LENGTH};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    if (fd < 0 || ioctl(fd, SIOCSIFTXQLEN, &request) < 0)
        g_debug("queue length of %s: %s", name, g_strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void
set_gso_max_size(guint ifindex)
{
    int code = stile_link_set_gso_max_size(ifindex, GSO_MAX_SIZE);

    if (code != 0)
        g_debug("largest super-packet of interface %u: %s", ifindex, g_strerror(code));
}

static void
set_open_error(GError **error, const char *name, int code)
{
    if (code == EPERM || code == EACCES)
        g_set_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                    "Making the interface %s is not permitted (CAP_NET_ADMIN is missing)", name);
    else if (code == EBUSY || (code == EINVAL && if_nametoindex(name) != 0))
        g_set_error(error, STILE_ERROR, STILE_ERROR_EXISTS,
                    "There is an interface with the name %s already", name);
    else if (code == ENOENT || code == ENODEV || code == ENXIO)
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "This kernel has no tun devices (/dev/net/tun): %s", g_strerror(code));
    else
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED, "Making the interface %s failed: %s",
                    name, g_strerror(code));
}

StileTun *
stile_tun_new(const char *name, GError **error)
{
    /* EXCL: never attach to a device that somebody else made persistent under our name. */
    struct ifreq request = {
        .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL)};
    int header_size = sizeof(struct virtio_net_hdr);
    StileTun *self;
    int fd;

    if (name[0] == '\0' || strlen(name) >= sizeof request.ifr_name) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED, "“%s” is not a name for an interface",
                    name);
        return NULL;
    }
    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ||
        ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0) {
        set_open_error(error, name, errno);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    set_offloads(fd);
    set_queue_length(request.ifr_name);
    self = stile_tun_new_for_fd(fd, request.ifr_name);
    self->ifindex = if_nametoindex(request.ifr_name);
    set_gso_max_size(self->ifindex);
    return self;
}

StileTun *
stile_tun_new_for_fd(int fd, const char *name)
{
    StileTun *self = g_new0(StileTun, 1);

    g_atomic_ref_count_init(&self->refs);
    self->fd = fd;
    g_strlcpy(self->name, name, sizeof self->name);
    return self;
}

StileTun *
stile_tun_ref(StileTun *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
stile_tun_unref(StileTun *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    close(self->fd);
    g_free(self);
}

int
stile_tun_fd(StileTun *self)
{
    return self->fd;
}

const char *
stile_tun_name(StileTun *self)
{
    return self->name;
}

guint
stile_tun_ifindex(StileTun *self)
{
    return self->ifindex;
}

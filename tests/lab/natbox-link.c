/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-link.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* As deep as the buffers that routers have; more would be memory without bound. */
#define QUEUE_MAX 10000

typedef struct {
    gint64 due;
    gsize size;
    guint8 data[];
} Waiting;

struct NatboxLink {
    int fd;
    gdouble loss;
    gint64 delay;
    GRand *random;
    GQueue queue; /* Waiting, by due */
};

static gboolean
bring_up(const char *device)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    gboolean done;

    if (fd < 0)
        return FALSE;
    g_strlcpy(request.ifr_name, device, sizeof request.ifr_name);
    request.ifr_flags = IFF_UP;
    done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return done;
}

NatboxLink *
natbox_link_open(const char *device, guint32 seed, GError **error)
{
    g_autoptr(NatboxLink) link = g_new0(NatboxLink, 1);
    struct ifreq request = {0};

    link->random = g_rand_new_with_seed(seed);
    g_queue_init(&link->queue);
    g_strlcpy(request.ifr_name, device, sizeof request.ifr_name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    link->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (link->fd < 0 || ioctl(link->fd, TUNSETIFF, &request) < 0 || !bring_up(device)) {
        g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno),
                    "The TUN device %s cannot be made: %s", device, g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&link);
}

void
natbox_link_free(NatboxLink *link)
{
    if (link->fd >= 0)
        close(link->fd);
    g_queue_clear_full(&link->queue, g_free);
    g_rand_free(link->random);
    g_free(link);
}

int
natbox_link_get_fd(const NatboxLink *link)
{
    return link->fd;
}

void
natbox_link_set(NatboxLink *link, gdouble loss, gint64 delay)
{
    link->loss = loss;
    link->delay = delay;
}

/* A full device queue loses packets, as any router's does. */
static void
put(NatboxLink *link, const guint8 *data, gsize size)
{
    ssize_t done = write(link->fd, data, size);

    (void)done;
}

void
natbox_link_send(NatboxLink *link, const guint8 *data, gsize size, gint64 now)
{
    Waiting *waiting;
    const Waiting *last = g_queue_peek_tail(&link->queue);

    if (link->loss > 0 && g_rand_double(link->random) < link->loss)
        return;
    if (link->delay == 0 && !last) {
        put(link, data, size);
        return;
    }
    if (link->queue.length >= QUEUE_MAX)
        return;
    waiting = g_malloc(sizeof *waiting + size);
    /* A line that became shorter overtakes nothing: the order stays. */
    waiting->due = MAX(now + link->delay, last ? last->due : 0);
    waiting->size = size;
    memcpy(waiting->data, data, size);
    g_queue_push_tail(&link->queue, waiting);
}

gint64
natbox_link_flush(NatboxLink *link, gint64 now)
{
    Waiting *waiting;

    while ((waiting = g_queue_peek_head(&link->queue)) && waiting->due <= now) {
        put(link, waiting->data, waiting->size);
        g_free(g_queue_pop_head(&link->queue));
    }
    return waiting ? waiting->due : G_MAXINT64;
}

gssize
natbox_link_receive(NatboxLink *link, guint8 *data, gsize size)
{
    ssize_t got = read(link->fd, data, size);

    if (got >= 0)
        return got;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

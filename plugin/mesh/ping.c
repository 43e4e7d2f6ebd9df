/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/ping.h"

#include "base/error.h"
#include "base/source.h"
#include <errno.h>
#include <glib-unix.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int fd;
    gboolean raw;
    StileAddress address;
    guint16 id;
    gint64 sent_at;
    GSource *readable;
    GSource *timeout;
    GSource *cancelled;
} Ping;

static void
ping_free(gpointer pointer)
{
    Ping *ping = pointer;

    stile_source_clear(&ping->readable);
    stile_source_clear(&ping->timeout);
    stile_source_clear(&ping->cancelled);
    if (ping->fd >= 0)
        close(ping->fd);
    g_free(ping);
}

static void
finish(GTask *task)
{
    Ping *ping = g_task_get_task_data(task);

    stile_source_clear(&ping->readable);
    stile_source_clear(&ping->timeout);
    stile_source_clear(&ping->cancelled);
    g_object_unref(task);
}

/* Whether @packet is the answer to our echo; a raw socket sees everybody's, with the IP header. */
static gboolean
is_answer(const Ping *ping, const guint8 *packet, gsize size)
{
    struct icmphdr icmp;
    gsize header = 0;

    if (ping->raw) {
        if (size < sizeof(struct iphdr))
            return FALSE;
        header = (gsize)(packet[0] & 0xf) * 4;
    }
    if (header > size || size - header < sizeof icmp)
        return FALSE;
    memcpy(&icmp, packet + header, sizeof icmp);
    return icmp.type == ICMP_ECHOREPLY && (!ping->raw || icmp.un.echo.id == ping->id);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    GTask *task = user_data;
    Ping *ping = g_task_get_task_data(task);
    guint8 packet[1500];
    gssize size;

    while ((size = recv(fd, packet, sizeof packet, 0)) >= 0) {
        if (is_answer(ping, packet, (gsize)size)) {
            g_task_return_int(task, MAX(g_get_monotonic_time() - ping->sent_at, 1));
            finish(task);
            return G_SOURCE_REMOVE;
        }
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_timeout(gpointer user_data)
{
    GTask *task = user_data;

    g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_UNREACHABLE, "No answer");
    finish(task);
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
    GTask *task = user_data;

    g_task_return_error_if_cancelled(task);
    finish(task);
    return G_SOURCE_REMOVE;
}

static guint16
internet_checksum(const guint8 *data, gsize size)
{
    guint32 sum = 0;

    for (gsize i = 0; i + 1 < size; i += 2)
        sum += (guint32)data[i] << 8 | data[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return g_htons((guint16)~sum);
}

/* The kernel's ping socket is for everybody, if the administrator allows it; else CAP_NET_RAW. */
static int
open_socket(gboolean *ret_raw)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);

    *ret_raw = fd < 0;
    if (fd < 0)
        fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
    return fd;
}

static gboolean
send_echo(Ping *ping, const char *interface)
{
    guint8 packet[sizeof(struct icmphdr) + 32] = {0};
    struct icmphdr icmp = {.type = ICMP_ECHO};

    ping->id = (guint16)g_random_int();
    icmp.un.echo.id = ping->id;
    icmp.un.echo.sequence = g_htons(1);
    memcpy(packet, &icmp, sizeof icmp);
    icmp.checksum = internet_checksum(packet, sizeof packet);
    memcpy(packet, &icmp, sizeof icmp);
    if (setsockopt(ping->fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
                   (socklen_t)strlen(interface) + 1) < 0)
        return FALSE;
    ping->sent_at = g_get_monotonic_time();
    if (connect(ping->fd, &ping->address.sa, stile_address_sockaddr_size(&ping->address)) < 0)
        return FALSE;
    return send(ping->fd, packet, sizeof packet, 0) == (gssize)sizeof packet;
}

static void
watch(GTask *task, GSource **slot, GSource *source, GSourceFunc func)
{
    *slot = source;
    g_source_set_callback(source, func, task, NULL);
    g_source_attach(source, g_task_get_context(task));
}

void
stile_ping(const StileAddress *address, const char *interface, guint timeout_ms,
           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Ping *ping = g_new0(Ping, 1);

    ping->address = stile_address_with_port(address, 0);
    ping->fd = open_socket(&ping->raw);
    g_task_set_task_data(task, ping, ping_free);
    if (ping->fd < 0 || !send_echo(ping, interface)) {
        g_task_return_new_error(task, STILE_ERROR, STILE_ERROR_FAILED,
                                "An echo request cannot be sent: %s", g_strerror(errno));
        g_object_unref(task);
        return;
    }
    watch(task, &ping->readable, g_unix_fd_source_new(ping->fd, G_IO_IN),
          G_SOURCE_FUNC(on_readable));
    watch(task, &ping->timeout, g_timeout_source_new(timeout_ms), on_timeout);
    if (cancellable)
        watch(task, &ping->cancelled, g_cancellable_source_new(cancellable),
              G_SOURCE_FUNC(on_cancelled));
}

guint
stile_ping_finish(GAsyncResult *result, GError **error)
{
    gssize rtt = g_task_propagate_int(G_TASK(result), error);

    return rtt < 0 ? 0 : (guint)rtt;
}

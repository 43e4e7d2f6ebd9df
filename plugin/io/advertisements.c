/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io/advertisements.h"

#include "base/error.h"
#include <errno.h>
#include <glib-unix.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#define BUFFER_BYTES 16384

struct _StileAdvertisements {
    struct mnl_socket *socket;
    GSource *source;
    StileAdvertised advertised;
    gpointer user_data;
    guint refs; /* one of the owner, one while messages are read */
};

static void
unref(StileAdvertisements *listener)
{
    if (--listener->refs > 0)
        return;
    if (listener->socket)
        mnl_socket_close(listener->socket);
    g_free(listener);
}

static int
on_message(const struct nlmsghdr *message, void *user_data)
{
    StileAdvertisements *listener = user_data;
    StileNetlinkAdvertisement advertisement;

    if (stile_netlink_parse_advertisement(&advertisement, message))
        listener->advertised(listener->user_data, &advertisement);
    return listener->source ? MNL_CB_OK : MNL_CB_STOP;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    StileAdvertisements *listener = user_data;
    guint8 buffer[BUFFER_BYTES] __attribute__((aligned(8)));
    gssize got;

    /* Whatever was lost (ENOBUFS), routers say again. */
    listener->refs++;
    while (listener->source &&
           (got = mnl_socket_recvfrom(listener->socket, buffer, sizeof buffer)) > 0)
        mnl_cb_run(buffer, (gsize)got, 0, 0, on_message, listener);
    unref(listener);
    return G_SOURCE_CONTINUE;
}

StileAdvertisements *
stile_advertisements_new(GMainContext *context, StileAdvertised advertised, gpointer user_data,
                         GError **error)
{
    g_autoptr(StileAdvertisements) listener = g_new0(StileAdvertisements, 1);
    int group = RTNLGRP_ND_USEROPT;

    listener->refs = 1;
    listener->advertised = advertised;
    listener->user_data = user_data;
    listener->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!listener->socket || mnl_socket_bind(listener->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(listener->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "Listening for what routers advertise failed: %s", g_strerror(errno));
        return NULL;
    }
    listener->source = g_unix_fd_source_new(mnl_socket_get_fd(listener->socket), G_IO_IN);
    g_source_set_callback(listener->source, G_SOURCE_FUNC(on_readable), listener, NULL);
    g_source_attach(listener->source, context);
    return g_steal_pointer(&listener);
}

void
stile_advertisements_free(StileAdvertisements *listener)
{
    if (!listener)
        return;
    if (listener->source) {
        g_source_destroy(listener->source);
        g_source_unref(listener->source);
        listener->source = NULL;
    }
    unref(listener);
}

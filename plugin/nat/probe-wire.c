/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/probe-wire.h"

#include "io/socket.h"

#include <glib-unix.h>

typedef struct {
    StileProbeSocket *owner;
    StileSocket *socket;
    StileReceiveBuffers *buffers;
    GSource *source;
} Wire;

typedef struct {
    StileAddress local, remote;
    GBytes *data;
} Received;

static void
received_clear(gpointer pointer)
{
    Received *received = pointer;

    g_bytes_unref(received->data);
}

/* Copies first: what is told of a datagram may close the socket. */
static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    Wire *wire = user_data;
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Received));
    g_autoptr(GSource) source = g_source_ref(wire->source);
    guint n = stile_socket_receive(wire->socket, wire->buffers, datagrams, STILE_SOCKET_MAX_BATCH);

    g_array_set_clear_func(all, received_clear);
    for (guint i = 0; i < n; i++)
        for (gsize at = 0; at < datagrams[i].size; at += datagrams[i].segment) {
            gsize size = MIN(datagrams[i].segment, datagrams[i].size - at);
            Received received = {datagrams[i].local, datagrams[i].remote,
                                 g_bytes_new(datagrams[i].data + at, size)};

            g_array_append_val(all, received);
        }
    for (guint i = 0; i < all->len && !g_source_is_destroyed(source); i++) {
        const Received *received = &g_array_index(all, Received, i);
        gsize size;
        const guint8 *data = g_bytes_get_data(received->data, &size);

        stile_probe_socket_receive(wire->owner, &received->local, &received->remote, data, size);
    }
    return G_SOURCE_CONTINUE;
}

static gpointer
wire_open(gpointer user_data, int family, StileProbeSocket *owner, GError **error)
{
    StileSocket *socket = stile_socket_new(family, 0, error);
    Wire *wire;

    if (!socket)
        return NULL;
    wire = g_new0(Wire, 1);
    wire->owner = owner;
    wire->socket = socket;
    wire->buffers = stile_receive_buffers_new();
    wire->source = g_unix_fd_source_new(stile_socket_fd(socket), G_IO_IN);
    g_source_set_callback(wire->source, G_SOURCE_FUNC(on_readable), wire, NULL);
    g_source_attach(wire->source, user_data);
    return wire;
}

static void
wire_send(gpointer opened, const StileAddress *to, const guint8 *data, gsize size)
{
    Wire *wire = opened;

    /* What cannot be sent is lost, and the silence is noticed. */
    stile_socket_send(wire->socket, NULL, to, data, size);
}

static void
wire_close(gpointer opened)
{
    Wire *wire = opened;

    g_source_destroy(wire->source);
    g_source_unref(wire->source);
    stile_receive_buffers_free(wire->buffers);
    stile_socket_unref(wire->socket);
    g_free(wire);
}

const StileProbeWire stile_probe_wire_kernel = {wire_open, wire_send, wire_close};

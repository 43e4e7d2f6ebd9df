/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/portmap-private.h"

#include "io/socket.h"
#include "portmap/pcp.h"

#include <glib-unix.h>

typedef struct {
    StilePortmap *portmap;
    StileAddress gateway;
    StileAddress local;
    StileSocket *socket; /* NULL: the family does not exist here */
    StileReceiveBuffers *buffers;
    GSource *source;
} Transport;

static void
transport_free(gpointer pointer)
{
    Transport *transport = pointer;

    if (transport->source)
        g_source_destroy(transport->source);
    g_clear_pointer(&transport->source, g_source_unref);
    g_clear_pointer(&transport->buffers, stile_receive_buffers_free);
    g_clear_pointer(&transport->socket, stile_socket_unref);
    g_free(transport);
}

static void
transport_send(gpointer pointer, const guint8 *data, gsize size)
{
    Transport *transport = pointer;

    /* From the address that the request names: PCP compares the two (RFC 6887 §8.2). */
    if (transport->socket)
        stile_socket_send(transport->socket, &transport->local, &transport->gateway, data, size);
}

/* Copies first: the callback of an answer may free everything. */
static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    Transport *transport = user_data;
    g_autoptr(GPtrArray) answers = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GSource) source = g_source_ref(transport->source);
    guint n = stile_socket_receive(transport->socket, transport->buffers, datagrams);

    for (guint i = 0; i < n; i++) {
        if (!stile_address_equal(&datagrams[i].remote, &transport->gateway))
            continue;
        for (gsize at = 0; at < datagrams[i].size; at += datagrams[i].segment)
            g_ptr_array_add(answers,
                            g_bytes_new(datagrams[i].data + at,
                                        MIN(datagrams[i].segment, datagrams[i].size - at)));
    }
    for (guint i = 0; i < answers->len && !g_source_is_destroyed(source); i++) {
        gsize size;
        const guint8 *data = g_bytes_get_data(answers->pdata[i], &size);

        stile_portmap_receive(transport->portmap, data, size);
    }
    return G_SOURCE_CONTINUE;
}

StilePortmap *
stile_portmap_new_unstarted(StileClock *clock, GMainContext *context, const StileAddress *gateway,
                            const StileAddress *internal, StilePortmapFunc changed,
                            gpointer user_data)
{
    Transport *transport = g_new0(Transport, 1);

    transport->gateway = stile_address_with_port(gateway, STILE_PCP_PORT);
    transport->local = *internal;
    transport->socket = stile_socket_new(stile_address_family(gateway), 0, NULL);
    transport->portmap = stile_portmap_new_with_transport(
        clock, gateway, internal, transport_send, transport, transport_free, changed, user_data);
    if (transport->socket) {
        transport->buffers = stile_receive_buffers_new();
        transport->source = g_unix_fd_source_new(stile_socket_fd(transport->socket), G_IO_IN);
        g_source_set_callback(transport->source, G_SOURCE_FUNC(on_readable), transport, NULL);
        g_source_attach(transport->source, context);
    }
    if (stile_address_family(gateway) == AF_INET && stile_address_family(internal) == AF_INET)
        stile_portmap_set_upnp(transport->portmap,
                               stile_upnp_new(clock, context, gateway, internal,
                                              &stile_portmap_upnp_calls, transport->portmap));
    return transport->portmap;
}

StilePortmap *
stile_portmap_new(StileClock *clock, GMainContext *context, const StileAddress *gateway,
                  const StileAddress *internal, StilePortmapFunc changed, gpointer user_data)
{
    StilePortmap *portmap = stile_portmap_new_unstarted(clock, context, gateway, internal, changed,
                                                        user_data);

    stile_portmap_start(portmap);
    return portmap;
}

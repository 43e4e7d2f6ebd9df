/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/portmap-private.h"

#include "base/source.h"
#include "io/socket.h"
#include "portmap/announcements.h"
#include "portmap/pcp.h"

#include <glib-unix.h>

typedef struct {
    StilePortmap *portmap;
    StileAddress servers[STILE_PORTMAP_N_SERVERS];
    StileAddress local;
    StileSocket *socket; /* NULL: the family does not exist here */
    StileReceiveBuffers *buffers;
    GSource *source;
    StileAnnouncements *announcements; /* NULL: none can be heard */
} Transport;

typedef struct {
    StilePortmapServer server;
    GBytes *data;
} Answer;

static void
transport_free(gpointer pointer)
{
    Transport *transport = pointer;

    stile_source_clear(&transport->source);
    g_clear_pointer(&transport->announcements, stile_announcements_free);
    g_clear_pointer(&transport->buffers, stile_receive_buffers_free);
    g_clear_pointer(&transport->socket, stile_socket_unref);
    g_free(transport);
}

static void
transport_send(gpointer pointer, StilePortmapServer server, const guint8 *data, gsize size)
{
    Transport *transport = pointer;

    /* From the address that the request names: PCP compares the two (RFC 6887 §8.2). */
    if (transport->socket)
        stile_socket_send(transport->socket, &transport->local, &transport->servers[server], data,
                          size);
}

static void
answer_free(gpointer pointer)
{
    Answer *answer = pointer;

    g_bytes_unref(answer->data);
    g_free(answer);
}

/* Of @datagram, which may be several in one. */
static void
keep_answers(Transport *transport, const StileDatagram *datagram, GPtrArray *answers)
{
    guint server = 0;

    while (server < STILE_PORTMAP_N_SERVERS &&
           !stile_address_equal(&datagram->remote, &transport->servers[server]))
        server++;
    for (gsize at = 0; server < STILE_PORTMAP_N_SERVERS && at < datagram->size;
         at += datagram->segment) {
        Answer *answer = g_new(Answer, 1);

        answer->server = (StilePortmapServer)server;
        answer->data = g_bytes_new(datagram->data + at,
                                   MIN(datagram->segment, datagram->size - at));
        g_ptr_array_add(answers, answer);
    }
}

/* Copies first: the callback of an answer may free everything. */
static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    Transport *transport = user_data;
    g_autoptr(GPtrArray) answers = g_ptr_array_new_with_free_func(answer_free);
    g_autoptr(GSource) source = g_source_ref(transport->source);
    guint n = stile_socket_receive(transport->socket, transport->buffers, datagrams,
                                   STILE_SOCKET_MAX_BATCH);

    for (guint i = 0; i < n; i++)
        keep_answers(transport, &datagrams[i], answers);
    for (guint i = 0; i < answers->len && !g_source_is_destroyed(source); i++) {
        const Answer *answer = answers->pdata[i];
        gsize size;
        const guint8 *data = g_bytes_get_data(answer->data, &size);

        stile_portmap_receive(transport->portmap, answer->server, data, size);
    }
    return G_SOURCE_CONTINUE;
}

static void
on_announcement(gpointer user_data, const guint8 *data, gsize size)
{
    Transport *transport = user_data;

    stile_portmap_receive(transport->portmap, STILE_PORTMAP_GATEWAY, data, size);
}

/* RFC 7723 §4 */
static StileAddress
anycast_address(int family)
{
    const guint8 ipv4[4] = {192, 0, 0, 9}, ipv6[16] = {0x20, 0x01, 0, 1, [15] = 1};

    return stile_address_from_ip(family, family == AF_INET ? ipv4 : ipv6, STILE_PCP_PORT);
}

StilePortmap *
stile_portmap_new_unstarted(StileClock *clock, GMainContext *context, const StileAddress *gateway,
                            const StileAddress *internal, StilePortmapFunc changed,
                            gpointer user_data)
{
    Transport *transport = g_new0(Transport, 1);
    StileAddress server = stile_address_with_port(gateway, STILE_PCP_PORT);

    transport->servers[STILE_PORTMAP_GATEWAY] = server;
    transport->servers[STILE_PORTMAP_ANYCAST] = anycast_address(stile_address_family(gateway));
    transport->local = *internal;
    transport->socket = stile_socket_new(stile_address_family(gateway), 0, NULL);
    transport->portmap = stile_portmap_new_with_transport(
        clock, gateway, internal, transport_send, transport, transport_free, changed, user_data);
    if (transport->socket) {
        transport->buffers = stile_receive_buffers_new();
        transport->source = g_unix_fd_source_new(stile_socket_fd(transport->socket), G_IO_IN);
        g_source_set_callback(transport->source, G_SOURCE_FUNC(on_readable), transport, NULL);
        g_source_attach(transport->source, context);
        transport->announcements = stile_announcements_new(context, &server, on_announcement,
                                                           transport);
    }
    if (stile_address_family(gateway) == AF_INET && stile_address_family(internal) == AF_INET)
        stile_portmap_set_upnp(transport->portmap,
                               stile_upnp_new(clock, context, gateway, internal,
                                              &stile_portmap_upnp_calls, transport->portmap));
    return transport->portmap;
}

StilePortmap *
stile_portmap_new(StileClock *clock, GMainContext *context, const StileAddress *gateway,
                  const StileAddress *internal, gboolean beyond, StilePortmapFunc changed,
                  gpointer user_data)
{
    StilePortmap *portmap = stile_portmap_new_unstarted(clock, context, gateway, internal, changed,
                                                        user_data);

    if (beyond)
        stile_portmap_set_beyond(portmap);
    stile_portmap_start(portmap);
    return portmap;
}

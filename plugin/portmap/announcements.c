/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/announcements.h"

#include "portmap/pcp.h"

#include <gio/gio.h>

#define MAX_DATAGRAM 1100 /* RFC 6887 §7 */

struct _StileAnnouncements {
    GSocket *socket;
    GSource *source;
    StileAddress server;
    StileAnnouncementsFunc func;
    gpointer user_data;
};

static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    StileAnnouncements *announcements = user_data;
    g_autoptr(GSocketAddress) from = NULL;
    struct sockaddr_storage native;
    char buffer[MAX_DATAGRAM];
    StileAddress remote;
    gssize size = g_socket_receive_from(socket, &from, buffer, sizeof buffer, NULL, NULL);

    if (size > 0 && from && g_socket_address_to_native(from, &native, sizeof native, NULL) &&
        stile_address_from_sockaddr(&remote, (struct sockaddr *)&native, sizeof native) &&
        stile_address_equal(&remote, &announcements->server))
        announcements->func(announcements->user_data, (guint8 *)buffer, (gsize)size);
    return G_SOURCE_CONTINUE;
}

/* All hosts of the link: every machine is a member of that group without asking. */
static StileAddress
group_of(const StileAddress *server)
{
    const guint8 all4[4] = {224, 0, 0, 1}, all6[16] = {0xff, 0x02, [15] = 1};
    StileAddress group;

    if (stile_address_family(server) == AF_INET)
        return stile_address_from_ip(AF_INET, all4, STILE_PCP_CLIENT_PORT);
    group = stile_address_from_ip(AF_INET6, all6, STILE_PCP_CLIENT_PORT);
    group.in6.sin6_scope_id = server->in6.sin6_scope_id;
    return group;
}

StileAnnouncements *
stile_announcements_new(GMainContext *context, const StileAddress *server,
                        StileAnnouncementsFunc func, gpointer user_data)
{
    StileAnnouncements *announcements;
    StileAddress group = group_of(server);
    g_autoptr(GSocketAddress)
        address = g_socket_address_new_from_native(&group, stile_address_sockaddr_size(&group));
    g_autoptr(GSocket) socket = g_socket_new(
        stile_address_family(server) == AF_INET ? G_SOCKET_FAMILY_IPV4 : G_SOCKET_FAMILY_IPV6,
        G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);

    /* Other programs of this machine listen there, too. */
    if (!socket || !g_socket_bind(socket, address, TRUE, NULL))
        return NULL;
    g_socket_set_blocking(socket, FALSE);
    announcements = g_new0(StileAnnouncements, 1);
    announcements->server = *server;
    announcements->func = func;
    announcements->user_data = user_data;
    announcements->source = g_socket_create_source(socket, G_IO_IN, NULL);
    announcements->socket = g_steal_pointer(&socket);
    g_source_set_callback(announcements->source, G_SOURCE_FUNC(on_readable), announcements, NULL);
    g_source_attach(announcements->source, context);
    return announcements;
}

void
stile_announcements_free(StileAnnouncements *announcements)
{
    if (!announcements)
        return;
    g_source_destroy(announcements->source);
    g_source_unref(announcements->source);
    g_object_unref(announcements->socket);
    g_free(announcements);
}

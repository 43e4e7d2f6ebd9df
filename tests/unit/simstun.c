/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "simstun.h"

#include "stun/message.h"

#define PORT       3478
#define OTHER_PORT 3479

struct _SimStun {
    SimHost *hosts[2];
    StileAddress ips[2];
    SimStunFlags flags;
};

static guint16
other_port(guint16 port)
{
    return port == PORT ? OTHER_PORT : PORT;
}

static void
refuse(SimHost *host, const StileAddress *local, const StileAddress *remote,
       const StileStunMessage *request)
{
    StileStunBuilder builder;
    gsize size;

    stile_stun_builder_init(&builder, STILE_STUN_ERROR, STILE_STUN_BINDING, request->id);
    stile_stun_builder_error(&builder, 420, "Unknown Attribute");
    size = stile_stun_builder_finish(&builder);
    sim_host_send(host, local, remote, builder.data, size);
}

static gsize
write_answer(StileStunBuilder *builder, SimStun *stun, const StileStunMessage *request,
             const StileAddress *remote, const StileAddress *from, const StileAddress *other)
{
    StileAddress private = sim_address("192.168.77.7:7777");

    stile_stun_builder_init(builder, STILE_STUN_SUCCESS, STILE_STUN_BINDING, request->id);
    stile_stun_builder_address(builder, STILE_STUN_XOR_MAPPED_ADDRESS,
                               stun->flags & SIM_STUN_LIES ? &private : remote);
    stile_stun_builder_address(builder, STILE_STUN_RESPONSE_ORIGIN, from);
    stile_stun_builder_address(builder, STILE_STUN_OTHER_ADDRESS,
                               stun->flags & SIM_STUN_OTHER_IS_PRIVATE ? &private : other);
    return stile_stun_builder_finish(builder);
}

static void
on_received(gpointer user_data, const StileAddress *local, const StileAddress *remote,
            const guint8 *data, gsize size)
{
    SimStun *stun = user_data;
    guint at = stile_address_equal_ip(local, &stun->ips[0]) ? 0 : 1, from_host;
    StileAddress from, other, to = *remote;
    StileStunMessage request;
    StileStunBuilder builder;
    guint32 change = 0, port = 0;
    guint16 from_port = stile_address_port(local);

    if (!stile_stun_message_parse(&request, data, size, NULL) ||
        request.class != STILE_STUN_REQUEST || request.method != STILE_STUN_BINDING)
        return;
    stile_stun_message_u32(&request, STILE_STUN_CHANGE_REQUEST, &change);
    stile_stun_message_u32(&request, STILE_STUN_RESPONSE_PORT, &port);
    if ((change && stun->flags & SIM_STUN_REFUSES_CHANGE) ||
        (port && stun->flags & SIM_STUN_NO_RESPONSE_PORT)) {
        refuse(stun->hosts[at], local, remote, &request);
        return;
    }
    if (stun->flags & SIM_STUN_IGNORES_CHANGE)
        change = 0;
    if (stun->flags & SIM_STUN_ANSWERS_FROM_OTHER)
        change = 0x6;
    from_host = change & 0x4 ? 1 - at : at;
    from = stile_address_with_port(&stun->ips[from_host],
                                   change & 0x2 ? other_port(from_port) : from_port);
    other = stile_address_with_port(&stun->ips[1 - at], other_port(from_port));
    if (port)
        to = stile_address_with_port(&to, (guint16)(port >> 16));
    size = write_answer(&builder, stun, &request, remote, &from, &other);
    sim_host_send(stun->hosts[from_host], &from, &to, builder.data, size);
}

SimStun *
sim_stun_behaviour_new(SimNet *net, const char *ip, const char *other_ip, SimStunFlags flags)
{
    SimStun *stun = g_new0(SimStun, 1);

    stun->flags = flags;
    stun->ips[0] = sim_address(ip);
    stun->ips[1] = sim_address(other_ip);
    stun->hosts[0] = sim_host_new(net, NULL, ip, on_received, stun);
    stun->hosts[1] = sim_host_new(net, NULL, other_ip, on_received, stun);
    return stun;
}

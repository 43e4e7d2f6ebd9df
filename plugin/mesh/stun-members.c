/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/stun-members.h"

#include "base/source.h"
#include "crypto/hash.h"
#include "io/socket.h"
#include "mesh/stand-in.h"
#include <glib-unix.h>
#include <string.h>

#define KEY_CONTEXT "Stile member STUN 1"

/* Whoever has the network's key can come as any number of members. */
#define MAX_MEMBERS 64

enum {
    IPV4,
    IPV6,
    N_FAMILIES,
};

/** The second port, of one family */
typedef struct {
    StileStunMembers *members;
    StileSocket *socket; /* NULL: not open */
    GSource *source;
} Second;

typedef struct {
    guint8 device[STILE_KEY_SIZE];
    StileStunOffer offers[STILE_STUN_MAX_OFFERS];
    guint n_offers;
} Member;

struct _StileStunMembers {
    guint8 key[STILE_NAT_KEY_SIZE];
    const StileStunMembersOps *ops;
    gpointer user_data;
    StileNatResponder *responder;
    GArray *others; /* of Member, by device: so all choose in the same order */
    GArray *own;    /* of StileStunOffer */
    Second seconds[N_FAMILIES];
    StileReceiveBuffers *buffers; /* NULL until a second port is open */
};

static Second *
second_of(StileStunMembers *members, const StileAddress *address)
{
    return &members->seconds[stile_address_family(address) == AF_INET6 ? IPV6 : IPV4];
}

/* The responder's ops */

static gboolean
on_send(gpointer user_data, StileNatPort port, const StileAddress *local, const StileAddress *to,
        const guint8 *data, gsize size)
{
    StileStunMembers *members = user_data;
    const Second *second = second_of(members, to);

    if (port == STILE_NAT_PORT_FIRST)
        return members->ops->send(members->user_data, local, to, data, size);
    return second->socket &&
           stile_socket_send(second->socket, stile_address_is_set(local) ? local : NULL, to, data,
                             size) == 0;
}

static gboolean
is_own(StileStunMembers *members, const StileAddress *address)
{
    for (guint i = 0; i < members->own->len; i++)
        if (stile_address_equal_ip(&g_array_index(members->own, StileStunOffer, i).address,
                                   address))
            return TRUE;
    return FALSE;
}

/* Who answers @to instead of us: of those at other addresses than ours and that, always the same
 * one for the same @to, because it is told beforehand. */
static const Member *
find_other(StileStunMembers *members, const StileAddress *to, StileAddress *ret)
{
    const Member *found[MAX_MEMBERS];
    const StileAddress *addresses[MAX_MEMBERS];
    StileAddress ip = stile_address_with_port(to, 0);
    guint n = 0, chosen;

    for (guint i = 0; i < members->others->len; i++) {
        const Member *member = &g_array_index(members->others, Member, i);

        for (guint j = 0; j < member->n_offers; j++) {
            const StileAddress *address = &member->offers[j].address;

            if (stile_address_family(address) != stile_address_family(to) ||
                stile_address_equal_ip(address, to) || is_own(members, address))
                continue;
            found[n] = member;
            addresses[n++] = address;
            break;
        }
    }
    if (n == 0)
        return NULL;
    chosen = stile_address_hash(&ip) % n;
    *ret = *addresses[chosen];
    return found[chosen];
}

static gboolean
on_other(gpointer user_data, const StileAddress *to, StileAddress *ret)
{
    return find_other(user_data, to, ret) != NULL;
}

static void
tell(StileStunMembers *members, const guint8 device[STILE_KEY_SIZE], StileStandInKind kind,
     const guint8 id[STILE_STUN_ID_SIZE], const StileAddress *to)
{
    StileStandIn stand_in = {.kind = kind, .to = *to};
    guint8 payload[STILE_STAND_IN_MAX_SIZE];

    memcpy(stand_in.id, id, sizeof stand_in.id);
    members->ops->tell(members->user_data, device, payload,
                       stile_stand_in_write(&stand_in, payload));
}

static void
on_ask(gpointer user_data, const StileAddress *to, const guint8 id[STILE_STUN_ID_SIZE])
{
    StileStunMembers *members = user_data;
    StileAddress address;
    const Member *other = find_other(members, to, &address);

    if (other)
        tell(members, other->device, STILE_STAND_IN_ASK, id, to);
}

static const StileNatResponderOps responder_ops = {
    .send = on_send,
    .other = on_other,
    .ask = on_ask,
};

/* The second port */

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    Second *second = user_data;
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    guint n = stile_socket_receive(second->socket, second->members->buffers, datagrams,
                                   STILE_SOCKET_MAX_BATCH);

    for (guint i = 0; i < n; i++)
        for (gsize at = 0; at < datagrams[i].size; at += datagrams[i].segment) {
            StileEndpoint from = {
                .kind = STILE_ENDPOINT_UDP,
                .remote = datagrams[i].remote,
                .local = datagrams[i].local,
            };
            StileStunMessage message;

            if (stile_stun_message_parse(&message, datagrams[i].data + at,
                                         MIN(datagrams[i].segment, datagrams[i].size - at), NULL))
                stile_nat_responder_receive(second->members->responder, STILE_NAT_PORT_SECOND,
                                            &message, &from);
        }
    return G_SOURCE_CONTINUE;
}

static void
close_second(Second *second)
{
    stile_source_clear(&second->source);
    g_clear_pointer(&second->socket, stile_socket_unref);
}

/* Without it we just have no second port. */
static void
open_second(Second *second, int family)
{
    if (second->socket || !(second->socket = stile_socket_new(family, 0, NULL)))
        return;
    if (!second->members->buffers)
        second->members->buffers = stile_receive_buffers_new();
    second->source = g_unix_fd_source_new(stile_socket_fd(second->socket), G_IO_IN);
    g_source_set_callback(second->source, G_SOURCE_FUNC(on_readable), second, NULL);
    g_source_attach(second->source, g_main_context_get_thread_default());
}

/* Our own offer */

static gboolean
same_offers(const GArray *a, const GArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        const StileStunOffer *x = &g_array_index(a, StileStunOffer, i);
        const StileStunOffer *y = &g_array_index(b, StileStunOffer, i);

        if (!stile_address_equal(&x->address, &y->address) || x->second_port != y->second_port)
            return FALSE;
    }
    return TRUE;
}

gboolean
stile_stun_members_offer(StileStunMembers *members, const StileAddress *addresses,
                         const gboolean *direct, guint n)
{
    g_autoptr(GArray) before = members->own;
    gboolean wanted[N_FAMILIES] = {FALSE};

    members->own = g_array_new(FALSE, FALSE, sizeof(StileStunOffer));
    for (guint i = 0; i < MIN(n, STILE_STUN_MAX_OFFERS); i++) {
        Second *second = second_of(members, &addresses[i]);
        StileStunOffer offer = {.address = addresses[i]};

        if (direct[i]) {
            open_second(second, stile_address_family(&addresses[i]));
            wanted[second - members->seconds] = TRUE;
            offer.second_port = second->socket ? stile_socket_port(second->socket) : 0;
        }
        g_array_append_val(members->own, offer);
    }
    for (guint i = 0; i < N_FAMILIES; i++)
        if (!wanted[i])
            close_second(&members->seconds[i]);
    return !same_offers(before, members->own);
}

const GArray *
stile_stun_members_offers(StileStunMembers *members)
{
    return members->own;
}

/* The others */

static gint
compare_members(gconstpointer a, gconstpointer b)
{
    return memcmp(((const Member *)a)->device, ((const Member *)b)->device, STILE_KEY_SIZE);
}

static gboolean
has_changed(const Member *member, const StileStunOffer *offers, guint n)
{
    if (member->n_offers != n)
        return TRUE;
    for (guint i = 0; i < n; i++)
        if (!stile_address_equal(&member->offers[i].address, &offers[i].address) ||
            member->offers[i].second_port != offers[i].second_port)
            return TRUE;
    return FALSE;
}

void
stile_stun_members_learn(StileStunMembers *members, const guint8 device[STILE_KEY_SIZE],
                         const StileStunOffer *offers, guint n)
{
    Member fresh = {.n_offers = MIN(n, STILE_STUN_MAX_OFFERS)};
    gboolean changed = n > 0;

    memcpy(fresh.device, device, sizeof fresh.device);
    for (guint i = 0; i < fresh.n_offers; i++)
        fresh.offers[i] = offers[i];
    for (guint i = members->others->len; i-- > 0;) {
        const Member *known = &g_array_index(members->others, Member, i);

        if (memcmp(known->device, device, STILE_KEY_SIZE) != 0)
            continue;
        changed = has_changed(known, fresh.offers, fresh.n_offers);
        g_array_remove_index(members->others, i);
    }
    if (fresh.n_offers > 0 && members->others->len < MAX_MEMBERS) {
        g_array_append_val(members->others, fresh);
        g_array_sort(members->others, compare_members);
    }
    if (changed)
        members->ops->changed(members->user_data);
}

GArray *
stile_stun_members_servers(StileStunMembers *members)
{
    GArray *servers = g_array_new(FALSE, TRUE, sizeof(StileNatServer));

    for (guint i = 0; i < members->others->len; i++) {
        const Member *member = &g_array_index(members->others, Member, i);

        for (guint j = 0; j < member->n_offers; j++) {
            const StileStunOffer *offer = &member->offers[j];
            StileNatServer server = {.address = offer->address, .member = TRUE};

            if (offer->second_port)
                server.second = stile_address_with_port(&offer->address, offer->second_port);
            memcpy(server.key, members->key, sizeof server.key);
            g_array_append_val(servers, server);
        }
    }
    return servers;
}

/* Questions */

gboolean
stile_stun_members_receive(StileStunMembers *members, const StileStunMessage *message,
                           const StileEndpoint *from)
{
    return members->own->len > 0 && from->kind == STILE_ENDPOINT_UDP &&
           stile_nat_responder_receive(members->responder, STILE_NAT_PORT_FIRST, message, from);
}

static gboolean
is_other(StileStunMembers *members, const guint8 device[STILE_KEY_SIZE])
{
    for (guint i = 0; i < members->others->len; i++)
        if (memcmp(g_array_index(members->others, Member, i).device, device, STILE_KEY_SIZE) == 0)
            return TRUE;
    return FALSE;
}

/* Only who answers STUN itself has a reason to have somebody else answer. */
gboolean
stile_stun_members_told(StileStunMembers *members, const guint8 device[STILE_KEY_SIZE],
                        const guint8 *payload, gsize size)
{
    StileStandIn stand_in;

    if (!stile_stand_in_parse(&stand_in, payload, size))
        return FALSE;
    if (members->own->len == 0 || !is_other(members, device))
        return TRUE;
    if (stand_in.kind == STILE_STAND_IN_DONE)
        stile_nat_responder_answered(members->responder, stand_in.id);
    else if (stile_nat_responder_stand_in(members->responder, &stand_in.to, stand_in.id))
        tell(members, device, STILE_STAND_IN_DONE, stand_in.id, &stand_in.to);
    return TRUE;
}

/* Beginning and end */

StileStunMembers *
stile_stun_members_new(StileClock *clock, const guint8 network_key[STILE_KEY_SIZE],
                       const StileStunMembersOps *ops, gpointer user_data)
{
    StileStunMembers *members = g_new0(StileStunMembers, 1);
    const StilePart context = {KEY_CONTEXT, strlen(KEY_CONTEXT)};
    guint8 salt[STILE_BLAKE2S_SIZE];

    G_STATIC_ASSERT(sizeof members->key == STILE_BLAKE2S_SIZE);
    stile_blake2s(&context, 1, salt);
    stile_kdf(salt, network_key, STILE_KEY_SIZE, 1, members->key);
    members->ops = ops;
    members->user_data = user_data;
    members->responder = stile_nat_responder_new(clock, members->key, &responder_ops, members);
    members->others = g_array_new(FALSE, FALSE, sizeof(Member));
    members->own = g_array_new(FALSE, FALSE, sizeof(StileStunOffer));
    for (guint i = 0; i < N_FAMILIES; i++)
        members->seconds[i].members = members;
    return members;
}

void
stile_stun_members_free(StileStunMembers *members)
{
    if (!members)
        return;
    for (guint i = 0; i < N_FAMILIES; i++)
        close_second(&members->seconds[i]);
    g_clear_pointer(&members->buffers, stile_receive_buffers_free);
    stile_nat_responder_free(members->responder);
    g_array_unref(members->others);
    g_array_unref(members->own);
    stile_memory_wipe(members->key, sizeof members->key);
    g_free(members);
}

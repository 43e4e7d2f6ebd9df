/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "turn-server.h"

#include "stun/channel-data.h"

#include <string.h>

#define USER                "stile"
#define REALM               "example.org"
#define PERMISSION_LIFETIME (300 * G_USEC_PER_SEC)
#define CHANNEL_LIFETIME    (600 * G_USEC_PER_SEC)
#define CHANNEL_HOLD        (300 * G_USEC_PER_SEC)

void
turn_server_init(TurnServer *server, StileClock *clock, const char *address)
{
    memset(server, 0, sizeof *server);
    server->clock = clock;
    g_assert_true(stile_address_parse(&server->address, address, 3478, NULL));
    g_assert_true(stile_address_parse(&server->mapped, "203.0.113.5:40000", 0, NULL));
    server->password = "secret";
    server->lifetime = 600;
    server->relayed_port = 50000;
    server->permissions = g_hash_table_new_full(stile_address_hash, stile_address_equal, g_free,
                                                g_free);
    server->channels = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    server->bindings = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    server->data = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
}

void
turn_server_clear(TurnServer *server)
{
    g_hash_table_unref(server->permissions);
    g_hash_table_unref(server->channels);
    g_hash_table_unref(server->bindings);
    g_ptr_array_unref(server->data);
}

void
turn_server_forget(TurnServer *server)
{
    server->allocated = FALSE;
    g_hash_table_remove_all(server->permissions);
    g_hash_table_remove_all(server->channels);
    g_hash_table_remove_all(server->bindings);
}

gboolean
turn_server_permits(TurnServer *server, const StileAddress *peer)
{
    StileAddress ip = stile_address_with_port(peer, 0);
    const gint64 *until = g_hash_table_lookup(server->permissions, &ip);

    return server->allocated && until && *until > stile_clock_now(server->clock);
}

guint16
turn_server_channel(TurnServer *server, const StileAddress *peer)
{
    GHashTableIter iter;
    gpointer number, address;

    g_hash_table_iter_init(&iter, server->channels);
    while (g_hash_table_iter_next(&iter, &number, &address)) {
        const gint64 *until = g_hash_table_lookup(server->bindings, number);

        if (stile_address_equal(address, peer) && *until > stile_clock_now(server->clock))
            return (guint16)GPOINTER_TO_UINT(number);
    }
    return 0;
}

static void
permit(TurnServer *server, const StileAddress *peer)
{
    StileAddress ip = stile_address_with_port(peer, 0);
    gint64 until = stile_clock_now(server->clock) + PERMISSION_LIFETIME;

    g_hash_table_replace(server->permissions, g_memdup2(&ip, sizeof ip),
                         g_memdup2(&until, sizeof until));
}

/* Returns: an error code, 0 for success */
static guint
on_allocate(TurnServer *server, const StileStunMessage *request, StileStunBuilder *builder)
{
    StileAddress relayed;
    guint32 family = STILE_STUN_FAMILY_IPV4 << 24;
    guint32 transport;

    if (server->refuse)
        return server->refuse;
    if (!stile_stun_message_u32(request, STILE_STUN_REQUESTED_TRANSPORT, &transport) ||
        transport != 17u << 24)
        return 442;
    if (server->allocated)
        return 437;
    if (stile_stun_message_u32(request, STILE_STUN_REQUESTED_ADDRESS_FAMILY, &family))
        server->with_family++;
    turn_server_forget(server);
    server->allocated = TRUE;
    server->allocated_until = stile_clock_now(server->clock) +
                              (gint64)server->lifetime * G_USEC_PER_SEC;
    g_assert_true(stile_address_parse(
        &relayed, family >> 24 == STILE_STUN_FAMILY_IPV6 ? "2001:db8::9" : "192.0.2.9", 0, NULL));
    relayed = stile_address_with_port(&relayed, ++server->relayed_port);
    stile_stun_builder_address(builder, STILE_STUN_XOR_RELAYED_ADDRESS, &relayed);
    stile_stun_builder_address(builder, STILE_STUN_XOR_MAPPED_ADDRESS, &server->mapped);
    stile_stun_builder_u32(builder, STILE_STUN_LIFETIME, server->lifetime);
    return 0;
}

static guint
on_refresh(TurnServer *server, const StileStunMessage *request, StileStunBuilder *builder)
{
    guint32 lifetime = server->lifetime;

    if (!server->allocated)
        return 437;
    stile_stun_message_u32(request, STILE_STUN_LIFETIME, &lifetime);
    if (lifetime == 0 && server->keeps_what_is_there)
        return 0;
    if (lifetime == 0)
        turn_server_forget(server);
    server->allocated_until = stile_clock_now(server->clock) + (gint64)lifetime * G_USEC_PER_SEC;
    stile_stun_builder_u32(builder, STILE_STUN_LIFETIME, lifetime);
    return 0;
}

static guint
on_create_permission(TurnServer *server, const StileStunMessage *request)
{
    guint n_peers = 0;

    if (!server->allocated)
        return 437;
    for (guint pass = 0; pass < 2; pass++)
        for (guint i = 0; i < request->n_attributes; i++) {
            StileStunMessage one = *request;
            StileAddress peer;

            if (request->attributes[i].type != STILE_STUN_XOR_PEER_ADDRESS)
                continue;
            one.attributes[0] = request->attributes[i];
            one.n_attributes = 1;
            g_assert_true(stile_stun_message_address(&one, STILE_STUN_XOR_PEER_ADDRESS, &peer));
            if (stile_address_equal_ip(&peer, &server->forbidden))
                return 403;
            n_peers += pass == 0;
            if (pass == 1)
                permit(server, &peer);
        }
    server->most_peers = MAX(server->most_peers, n_peers);
    return n_peers > 0 ? 0 : 400;
}

static guint
on_channel_bind(TurnServer *server, const StileStunMessage *request)
{
    gint64 now = stile_clock_now(server->clock), until = now + CHANNEL_LIFETIME;
    const StileAddress *owner;
    const gint64 *bound;
    StileAddress peer;
    guint32 number;

    if (!server->allocated)
        return 437;
    if (!stile_stun_message_u32(request, STILE_STUN_CHANNEL_NUMBER, &number) ||
        !stile_stun_message_address(request, STILE_STUN_XOR_PEER_ADDRESS, &peer))
        return 400;
    number >>= 16;
    owner = g_hash_table_lookup(server->channels, GUINT_TO_POINTER(number));
    bound = g_hash_table_lookup(server->bindings, GUINT_TO_POINTER(number));
    if (number < STILE_CHANNEL_FIRST || number > STILE_CHANNEL_LAST ||
        (owner && !stile_address_equal(owner, &peer) && *bound + CHANNEL_HOLD > now) ||
        (turn_server_channel(server, &peer) && turn_server_channel(server, &peer) != number)) {
        server->conflicts++;
        return 400;
    }
    if (stile_address_equal_ip(&peer, &server->forbidden))
        return 403;
    g_hash_table_replace(server->channels, GUINT_TO_POINTER(number), g_memdup2(&peer, sizeof peer));
    g_hash_table_replace(server->bindings, GUINT_TO_POINTER(number),
                         g_memdup2(&until, sizeof until));
    permit(server, &peer);
    return 0;
}

/* Returns: 0 when the credentials are right, else 401 or 438 */
static guint
authenticate(TurnServer *server, const StileStunMessage *request, const guint8 key[16])
{
    g_autofree char *user = stile_stun_message_string(request, STILE_STUN_USERNAME);
    g_autofree char *nonce = stile_stun_message_string(request, STILE_STUN_NONCE);
    g_autofree char *fresh = g_strdup_printf("nonce-%u", server->nonce);

    if (!user || !nonce)
        return 401;
    if (strcmp(nonce, fresh) != 0)
        return 438;
    return stile_stun_message_check(request, key, 16) ? 0 : 401;
}

static GBytes *
finish(StileStunBuilder *builder)
{
    return g_bytes_new(builder->data, stile_stun_builder_finish(builder));
}

static GBytes *
on_request(TurnServer *server, const StileStunMessage *request)
{
    StileStunBuilder success, failure;
    guint8 key[16];
    guint code;

    server->seen[request->method & 15]++;
    stile_stun_builder_init(&success, STILE_STUN_SUCCESS, request->method, request->id);
    if (request->method == STILE_STUN_BINDING) {
        if (server->no_binding)
            return NULL;
        stile_stun_builder_address(&success, STILE_STUN_XOR_MAPPED_ADDRESS, &server->mapped);
        return finish(&success);
    }
    stile_stun_long_term_key(USER, REALM, server->password, key);
    if (server->allocated && server->allocated_until <= stile_clock_now(server->clock))
        turn_server_forget(server);
    code = authenticate(server, request, key);
    if (code) {
        g_autofree char *nonce = g_strdup_printf("nonce-%u", server->nonce);

        stile_stun_builder_init(&failure, STILE_STUN_ERROR, request->method, request->id);
        stile_stun_builder_error(&failure, code, code == 401 ? "Unauthorized" : "Stale Nonce");
        stile_stun_builder_string(&failure, STILE_STUN_REALM, REALM);
        stile_stun_builder_string(&failure, STILE_STUN_NONCE, nonce);
        return finish(&failure);
    }
    switch (request->method) {
    case STILE_STUN_ALLOCATE:
        code = on_allocate(server, request, &success);
        break;
    case STILE_STUN_REFRESH:
        code = on_refresh(server, request, &success);
        break;
    case STILE_STUN_CREATE_PERMISSION:
        code = on_create_permission(server, request);
        break;
    case STILE_STUN_CHANNEL_BIND:
        code = on_channel_bind(server, request);
        break;
    default:
        g_assert_not_reached();
    }
    if (code == 0) {
        stile_stun_builder_integrity(&success, key, sizeof key);
        return finish(&success);
    }
    stile_stun_builder_init(&failure, STILE_STUN_ERROR, request->method, request->id);
    stile_stun_builder_error(&failure, code,
                             server->refuse_words ? server->refuse_words
                             : code == 437        ? "Allocation Mismatch"
                                                  : "Forbidden");
    if (code == 300)
        stile_stun_builder_address(&failure, STILE_STUN_ALTERNATE_SERVER, &server->alternate);
    if (!server->refuse_without_integrity)
        stile_stun_builder_integrity(&failure, key, sizeof key);
    return finish(&failure);
}

GBytes *
turn_server_receive(TurnServer *server, const guint8 *data, gsize size)
{
    StileStunMessage message;
    const guint8 *payload;
    gsize payload_size;
    guint16 channel;

    if (server->silent)
        return NULL;
    if (stile_channel_data_parse(data, size, &channel, &payload, &payload_size)) {
        g_assert_nonnull(g_hash_table_lookup(server->channels, GUINT_TO_POINTER(channel)));
        server->channel_data++;
        g_ptr_array_add(server->data, g_bytes_new(payload, payload_size));
        return NULL;
    }
    g_assert_true(stile_stun_message_parse(&message, data, size, NULL));
    if (message.class == STILE_STUN_REQUEST)
        return on_request(server, &message);
    g_assert_cmpint(message.class, ==, STILE_STUN_INDICATION);
    g_assert_cmpint(message.method, ==, STILE_STUN_SEND);
    payload = stile_stun_message_find(&message, STILE_STUN_DATA_ATTRIBUTE, &payload_size);
    g_assert_nonnull(payload);
    server->indications++;
    g_ptr_array_add(server->data, g_bytes_new(payload, payload_size));
    return NULL;
}

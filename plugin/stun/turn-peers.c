/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stun/channel-data.h"
#include "stun/turn-private.h"

#include <string.h>

/* RFC 8656: permissions live 300 s (§9), channels 600 s, and a number waits 5 minutes before it may
 * go to another peer (§12). Renewed early enough for a request that fails only at its last
 * retransmission, 39.5 s later. Times are counted from the asking: the server's clock starts later.
 */
#define PERMISSION_LIFETIME (300 * G_USEC_PER_SEC)
#define PERMISSION_RENEWAL  (240 * G_USEC_PER_SEC)
#define CHANNEL_LIFETIME    (600 * G_USEC_PER_SEC)
#define CHANNEL_RENEWAL     (500 * G_USEC_PER_SEC)
#define CHANNEL_HOLD        (300 * G_USEC_PER_SEC)
#define LAST_ANSWER         (40 * G_USEC_PER_SEC)
#define REFUSED_RETRY       (240 * G_USEC_PER_SEC)
#define TOGETHER            (30 * G_USEC_PER_SEC) /* due that soon: renewed in the same request */

void
stile_turn_peers_init(StileTurn *turn)
{
    turn->permissions = g_hash_table_new_full(stile_address_hash, stile_address_equal, NULL,
                                              g_free);
    turn->peers = g_hash_table_new_full(stile_address_hash, stile_address_equal, NULL, g_free);
    turn->by_channel = g_hash_table_new(NULL, NULL);
    turn->next_channel = STILE_CHANNEL_FIRST;
}

void
stile_turn_peers_clear(StileTurn *turn)
{
    g_hash_table_unref(turn->by_channel);
    g_hash_table_unref(turn->peers);
    g_hash_table_unref(turn->permissions);
}

void
stile_turn_peers_reset(StileTurn *turn)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, turn->permissions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        StileTurnPermission *permission = value;

        permission->until = permission->renew_at = 0;
        permission->asking = FALSE;
    }
    g_hash_table_iter_init(&iter, turn->peers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        StileTurnPeer *peer = value;

        peer->bound_until = peer->renew_at = 0;
        peer->asking = peer->renumbered = FALSE;
    }
    /* The new allocation knows nothing of numbers that the old one refused. */
    g_hash_table_iter_init(&iter, turn->by_channel);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (!value)
            g_hash_table_iter_remove(&iter);
}

static StileTurnPermission *
find_permission(StileTurn *turn, const StileAddress *peer)
{
    StileAddress ip = stile_address_with_port(peer, 0);

    return g_hash_table_lookup(turn->permissions, &ip);
}

static gboolean
is_sane(StileTurn *turn, const StileAddress *peer)
{
    StileAddressScope scope = stile_address_scope(peer);

    return stile_address_family(peer) == turn->family && scope != STILE_ADDRESS_UNSPECIFIED &&
           scope != STILE_ADDRESS_MULTICAST && scope != STILE_ADDRESS_BROADCAST;
}

/* Returns: (nullable) */
static StileTurnPeer *
want(StileTurn *turn, const StileAddress *address)
{
    StileTurnPermission *permission;
    StileTurnPeer *peer;

    if (!is_sane(turn, address))
        return NULL;
    peer = g_hash_table_lookup(turn->peers, address);
    if (!peer) {
        peer = g_new0(StileTurnPeer, 1);
        peer->address = *address;
        g_hash_table_insert(turn->peers, &peer->address, peer);
    }
    if (peer->wanted)
        return peer;
    peer->wanted = TRUE;
    permission = find_permission(turn, address);
    if (!permission) {
        permission = g_new0(StileTurnPermission, 1);
        permission->ip = stile_address_with_port(address, 0);
        g_hash_table_insert(turn->permissions, &permission->ip, permission);
    }
    permission->users++;
    stile_turn_schedule(turn);
    return peer;
}

void
stile_turn_permit(StileTurn *turn, const StileAddress *peer)
{
    want(turn, peer);
}

static gboolean
is_bound(StileTurn *turn, const StileTurnPeer *peer)
{
    return peer->number && peer->bound_until > stile_clock_now(turn->clock);
}

guint16
stile_turn_bind(StileTurn *turn, const StileAddress *address)
{
    StileTurnPeer *peer = stile_address_port(address) ? want(turn, address) : NULL;

    if (!peer)
        return 0;
    if (!peer->wants_channel) {
        peer->wants_channel = TRUE;
        stile_turn_schedule(turn);
    }
    return is_bound(turn, peer) ? peer->number : 0;
}

void
stile_turn_forget(StileTurn *turn, const StileAddress *address)
{
    StileTurnPeer *peer = g_hash_table_lookup(turn->peers, address);
    StileTurnPermission *permission;

    if (!peer || !peer->wanted)
        return;
    peer->wanted = peer->wants_channel = FALSE;
    permission = find_permission(turn, address);
    if (--permission->users == 0)
        g_hash_table_remove(turn->permissions, &permission->ip);
    if (!peer->number)
        g_hash_table_remove(turn->peers, address);
}

/* Forgets peers whose channel number is free again. */
static void
release_numbers(StileTurn *turn)
{
    gint64 now = stile_clock_now(turn->clock);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, turn->peers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        StileTurnPeer *peer = value;

        if (peer->wanted || peer->held_until > now)
            continue;
        g_hash_table_remove(turn->by_channel, GUINT_TO_POINTER(peer->number));
        g_hash_table_iter_remove(&iter);
    }
}

/* Numbers go round, so that one that a peer had is used again as late as can be. */
static gboolean
give_number(StileTurn *turn, StileTurnPeer *peer)
{
    for (guint tries = 0; tries <= STILE_CHANNEL_LAST - STILE_CHANNEL_FIRST; tries++) {
        guint16 number = turn->next_channel;

        turn->next_channel = number == STILE_CHANNEL_LAST ? STILE_CHANNEL_FIRST : number + 1;
        if (!g_hash_table_contains(turn->by_channel, GUINT_TO_POINTER(number))) {
            peer->number = number;
            g_hash_table_insert(turn->by_channel, GUINT_TO_POINTER(number), peer);
            return TRUE;
        }
    }
    return FALSE;
}

static void
on_bound(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response, guint code,
         const char *words)
{
    StileTurnPeer *peer = g_hash_table_lookup(turn->peers, &request->peers[0]);
    StileTurnPermission *permission;
    gboolean fresh;

    if (!peer || peer->number != request->channel)
        return;
    peer->asking = FALSE;
    if (response->class != STILE_STUN_SUCCESS) {
        g_debug("ChannelBind: %u %s", code, words ? words : "");
        peer->renew_at = stile_clock_now(turn->clock) + REFUSED_RETRY;
        if (code == 400 && !peer->renumbered && peer->bound_until == 0) {
            /* The server has the number for somebody else: from before we were started, perhaps.
             * The old number stays taken: nobody is to get it. */
            g_hash_table_insert(turn->by_channel, GUINT_TO_POINTER(peer->number), NULL);
            peer->renumbered = TRUE;
            peer->number = 0;
            peer->renew_at = 0;
        }
        stile_turn_schedule(turn);
        return;
    }
    fresh = !is_bound(turn, peer);
    peer->bound_until = request->asked + CHANNEL_LIFETIME;
    peer->renew_at = request->asked + CHANNEL_RENEWAL;
    permission = find_permission(turn, &peer->address);
    if (permission) { /* RFC 8656 §12.2: installed along with the channel */
        permission->until = request->asked + PERMISSION_LIFETIME;
        permission->renew_at = request->asked + PERMISSION_RENEWAL;
    }
    stile_turn_schedule(turn);
    if (fresh && peer->wants_channel && turn->ops->channel) {
        StileAddress address = peer->address;

        turn->ops->channel(turn->user_data, turn, &address, peer->number);
    }
}

static void
ask_channel(StileTurn *turn, StileTurnPeer *peer)
{
    gint64 now = stile_clock_now(turn->clock);
    StileTurnRequest *request;

    if (!peer->number && !give_number(turn, peer)) {
        peer->renew_at = now + REFUSED_RETRY;
        return;
    }
    request = stile_turn_request_new(turn, STILE_STUN_CHANNEL_BIND, on_bound);
    request->channel = peer->number;
    request->peers[request->n_peers++] = peer->address;
    peer->asking = TRUE;
    peer->held_until = now + LAST_ANSWER + CHANNEL_LIFETIME + CHANNEL_HOLD;
    stile_turn_request_send(request);
}

static void on_permitted(StileTurn *turn, StileTurnRequest *request,
                         const StileStunMessage *response, guint code, const char *words);

static void
ask_permissions(StileTurn *turn, const StileAddress *ips, guint n_ips)
{
    StileTurnRequest *request = stile_turn_request_new(turn, STILE_STUN_CREATE_PERMISSION,
                                                       on_permitted);

    memcpy(request->peers, ips, n_ips * sizeof *ips);
    request->n_peers = n_ips;
    stile_turn_request_send(request);
}

static void
on_permitted(StileTurn *turn, StileTurnRequest *request, const StileStunMessage *response,
             guint code, const char *words)
{
    gboolean granted = response->class == STILE_STUN_SUCCESS;

    if (!granted)
        g_debug("CreatePermission: %u %s", code, words ? words : "");
    if (!granted && request->n_peers > 1) {
        /* One that the server forbids spoils the batch (RFC 8656 §10.2): each by itself then. */
        for (guint i = 0; i < request->n_peers; i++)
            ask_permissions(turn, &request->peers[i], 1);
        return;
    }
    for (guint i = 0; i < request->n_peers; i++) {
        StileTurnPermission *permission = g_hash_table_lookup(turn->permissions,
                                                              &request->peers[i]);

        if (!permission)
            continue;
        permission->asking = FALSE;
        permission->until = granted ? request->asked + PERMISSION_LIFETIME : 0;
        permission->renew_at = request->asked + (granted ? PERMISSION_RENEWAL : REFUSED_RETRY);
    }
    stile_turn_schedule(turn);
}

static void
renew_permissions(StileTurn *turn)
{
    gint64 now = stile_clock_now(turn->clock);
    g_autoptr(GArray) ips = g_array_new(FALSE, FALSE, sizeof(StileAddress));
    gboolean due = FALSE;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, turn->permissions);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        due |= !((StileTurnPermission *)value)->asking &&
               ((StileTurnPermission *)value)->renew_at <= now;
    if (!due)
        return;
    g_hash_table_iter_init(&iter, turn->permissions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        StileTurnPermission *permission = value;

        if (permission->asking || permission->renew_at > now + TOGETHER)
            continue;
        permission->asking = TRUE;
        g_array_append_val(ips, permission->ip);
    }
    for (guint i = 0; i < ips->len; i += STILE_TURN_BATCH)
        ask_permissions(turn, &g_array_index(ips, StileAddress, i),
                        MIN(ips->len - i, STILE_TURN_BATCH));
}

void
stile_turn_peers_upkeep(StileTurn *turn)
{
    gint64 now = stile_clock_now(turn->clock);
    g_autoptr(GPtrArray) due = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    release_numbers(turn);
    renew_permissions(turn);
    g_hash_table_iter_init(&iter, turn->peers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        StileTurnPeer *peer = value;

        if (peer->wants_channel && !peer->asking && peer->renew_at <= now)
            g_ptr_array_add(due, peer);
    }
    for (guint i = 0; i < due->len; i++)
        ask_channel(turn, due->pdata[i]);
}

gint64
stile_turn_peers_due(StileTurn *turn)
{
    gint64 due = G_MAXINT64;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, turn->permissions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const StileTurnPermission *permission = value;

        if (!permission->asking)
            due = MIN(due, permission->renew_at);
    }
    g_hash_table_iter_init(&iter, turn->peers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const StileTurnPeer *peer = value;

        if (peer->wants_channel && !peer->asking)
            due = MIN(due, peer->renew_at);
    }
    return due;
}

gboolean
stile_turn_channel_peer(StileTurn *turn, guint16 channel, StileAddress *ret)
{
    const StileTurnPeer *peer = g_hash_table_lookup(turn->by_channel, GUINT_TO_POINTER(channel));

    /* While its ChannelBind is under way, too: the server may send before its answer gets here. */
    if (!peer || (!peer->asking && !is_bound(turn, peer)))
        return FALSE;
    *ret = peer->address;
    return TRUE;
}

static void
send_on_channel(StileTurn *turn, guint16 number, const guint8 *data, gsize size)
{
    StileEndpoint server = stile_turn_endpoint(turn);
    guint8 packet[STILE_CHANNEL_DATA_HEADER_SIZE + STILE_STUN_MAX_SIZE];

    if (size > STILE_STUN_MAX_SIZE)
        return;
    stile_channel_data_header(packet, number, (guint16)size);
    if (size > 0)
        memcpy(packet + STILE_CHANNEL_DATA_HEADER_SIZE, data, size);
    stile_stun_transactions_send(turn->transactions, &server, packet,
                                 STILE_CHANNEL_DATA_HEADER_SIZE + size);
}

static void
send_indication(StileTurn *turn, const StileAddress *peer, const guint8 *data, gsize size)
{
    StileEndpoint server = stile_turn_endpoint(turn);
    StileStunBuilder builder;
    guint8 id[STILE_STUN_ID_SIZE];

    stile_clock_random(turn->clock, id, sizeof id);
    stile_stun_builder_init(&builder, STILE_STUN_INDICATION, STILE_STUN_SEND, id);
    stile_stun_builder_address(&builder, STILE_STUN_XOR_PEER_ADDRESS, peer);
    stile_stun_builder_bytes(&builder, STILE_STUN_DATA_ATTRIBUTE, data, size);
    size = stile_stun_builder_finish(&builder);
    if (size > 0)
        stile_stun_transactions_send(turn->transactions, &server, builder.data, size);
}

void
stile_turn_send(StileTurn *turn, const StileAddress *address, const guint8 *data, gsize size)
{
    const StileTurnPeer *peer = g_hash_table_lookup(turn->peers, address);

    if (turn->state != STILE_TURN_READY || !is_sane(turn, address))
        return;
    if (peer && is_bound(turn, peer))
        send_on_channel(turn, peer->number, data, size);
    else
        send_indication(turn, address, data, size);
}

gboolean
stile_turn_receive(StileTurn *turn, const StileStunMessage *message, const StileEndpoint *from)
{
    StileAddress peer;
    const guint8 *data;
    gsize size;

    if (message->class != STILE_STUN_INDICATION || message->method != STILE_STUN_DATA ||
        from->kind != STILE_ENDPOINT_UDP ||
        !stile_address_equal(&from->remote, &turn->servers[turn->n_servers - 1]))
        return FALSE;
    data = stile_stun_message_find(message, STILE_STUN_DATA_ATTRIBUTE, &size);
    /* RFC 8656 §11.4: only from where we permitted. */
    if (turn->state == STILE_TURN_READY && data && message->n_unknown == 0 &&
        stile_stun_message_address(message, STILE_STUN_XOR_PEER_ADDRESS, &peer) &&
        find_permission(turn, &peer) && turn->ops->received)
        turn->ops->received(turn->user_data, turn, &peer, data, size);
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TURN client against the real coturn on loopback: allocations, permissions and channels that
 * carry data both ways, real stale nonces, an allocation replaced on the same port, and its words
 * for a wrong password, a quota and a forbidden peer; killed, it is missed, and found again. */
#include "base/error.h"
#include "coturn-client.h"
#include "coturn.h"
#include "io/socket.h"
#include "stun/channel-data.h"
#include "stun/turn.h"

#include <arpa/inet.h>
#include <glib-unix.h>
#include <string.h>

typedef struct {
    CoturnClient base;
    StileClock *clock;
    StileSocket *socket;
    GSource *source;
    StileReceiveBuffers *buffers;
    StileStunTransactions *transactions;
    gboolean mute;
    GString *channel_data;
    guint ready; /* how often it became ready with another relayed address */
    StileAddress relayed;
} Client;

static void
on_send(gpointer user_data, const StileEndpoint *to, const guint8 *data, gsize size)
{
    Client *client = user_data;

    if (!client->mute)
        stile_socket_send(client->socket, NULL, &to->remote, data, size);
}

static void
take(Client *client, const StileDatagram *datagram, const guint8 *data, gsize size)
{
    StileEndpoint from = {.kind = STILE_ENDPOINT_UDP, .remote = datagram->remote};
    StileAddress peer;
    StileStunMessage message;
    const guint8 *payload;
    gsize payload_size;
    guint16 channel;

    if (stile_channel_data_parse(data, size, &channel, &payload, &payload_size)) {
        g_assert_true(stile_turn_channel_peer(client->base.turn, channel, &peer));
        g_string_append_len(client->channel_data, (const char *)payload, (gssize)payload_size);
    } else if (stile_stun_looks_like(data, size)) {
        g_assert_true(stile_stun_message_parse(&message, data, size, NULL));
        if (!stile_stun_transactions_receive(client->transactions, &message, &from))
            stile_turn_receive(client->base.turn, &message, &from);
    } else {
        g_string_append_len(client->base.received, (const char *)data, (gssize)size);
    }
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    Client *client = user_data;
    guint n = stile_socket_receive(client->socket, client->buffers, datagrams,
                                   STILE_SOCKET_MAX_BATCH);

    for (guint i = 0; i < n; i++)
        for (gsize at = 0; at < datagrams[i].size; at += datagrams[i].segment)
            take(client, &datagrams[i], datagrams[i].data + at,
                 MIN(datagrams[i].segment, datagrams[i].size - at));
    return G_SOURCE_CONTINUE;
}

static void
on_changed(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;
    StileAddress relayed = stile_turn_relayed(turn);

    if (stile_turn_state(turn) == STILE_TURN_FAILED)
        g_test_message("%s", stile_turn_error(turn));
    if (stile_turn_state(turn) == STILE_TURN_READY &&
        !stile_address_equal(&relayed, &client->relayed)) {
        client->ready++;
        client->relayed = relayed;
    }
}

static const StileTurnOps ops = {on_changed, coturn_client_on_received, coturn_client_on_channel};

static StileAddress
server_address(const Coturn *coturn)
{
    static const guint8 loopback[4] = {127, 0, 0, 1};

    return stile_address_from_ip(AF_INET, loopback, coturn->port);
}

static void
client_start(Client *client, const Coturn *coturn, const char *password)
{
    client->clock = stile_clock_new(NULL);
    client->socket = stile_socket_new(AF_INET, 0, NULL);
    g_assert_nonnull(client->socket);
    client->buffers = stile_receive_buffers_new();
    client->source = g_unix_fd_source_new(stile_socket_fd(client->socket), G_IO_IN);
    g_source_set_callback(client->source, G_SOURCE_FUNC(on_readable), client, NULL);
    g_source_attach(client->source, NULL);
    coturn_client_init(&client->base);
    client->channel_data = g_string_new(NULL);
    client->transactions = stile_stun_transactions_new(client->clock, on_send, client);
    if (coturn) {
        StileAddress server = server_address(coturn);

        client->base.turn = stile_turn_new(client->clock, client->transactions, &server, AF_INET,
                                           COTURN_USER, password, &ops, client);
        stile_turn_start(client->base.turn);
    }
}

static void
client_stop(Client *client)
{
    if (!client->clock)
        return;
    stile_turn_free(client->base.turn);
    stile_stun_transactions_free(client->transactions);
    g_source_destroy(client->source);
    g_source_unref(client->source);
    stile_receive_buffers_free(client->buffers);
    stile_socket_unref(client->socket);
    coturn_client_clear(&client->base);
    g_string_free(client->channel_data, TRUE);
    stile_clock_unref(client->clock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Client, client_stop)

static gboolean
is_failed(gpointer user_data)
{
    Client *client = user_data;

    return stile_turn_state(client->base.turn) == STILE_TURN_FAILED;
}

static gboolean
has_channel_data(gpointer user_data)
{
    Client *client = user_data;

    return client->channel_data->len > 0;
}

static gboolean
is_ready_again(gpointer user_data)
{
    Client *client = user_data;

    return is_ready(client) && client->ready == 2;
}

static void
assert_words(Client *client, const char *words)
{
    const char *error = stile_turn_error(client->base.turn);

    g_assert_nonnull(error);
    if (!strstr(error, words))
        g_error("“%s” does not say “%s”", error, words);
}

static void
test_relay_to_relay(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) left = {0}, right = {0};
    StileAddress left_relayed, right_relayed, mapped;

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    client_start(&left, &coturn, COTURN_PASSWORD);
    client_start(&right, &coturn, COTURN_PASSWORD);
    wait_for(&left, is_ready);
    wait_for(&right, is_ready);
    mapped = stile_turn_mapped(left.base.turn);
    g_assert_cmpuint(stile_address_port(&mapped), ==, stile_socket_port(left.socket));
    left_relayed = stile_turn_relayed(left.base.turn);
    right_relayed = stile_turn_relayed(right.base.turn);
    g_assert_false(stile_address_equal(&left_relayed, &right_relayed));
    g_assert_cmpint(stile_turn_rtt(left.base.turn), >, 0);

    stile_turn_bind(left.base.turn, &right_relayed);
    stile_turn_bind(right.base.turn, &left_relayed);
    wait_for(&left, has_channel);
    wait_for(&right, has_channel);
    stile_turn_send(left.base.turn, &right_relayed, (const guint8 *)"to the right", 12);
    wait_for(&right, has_channel_data);
    g_assert_cmpstr(right.channel_data->str, ==, "to the right");
    stile_turn_send(right.base.turn, &left_relayed, (const guint8 *)"left", 4);
    wait_for(&left, has_channel_data);
    g_assert_cmpstr(left.channel_data->str, ==, "left");
}

/* A peer without TURN, by Send and Data indications: a permission and no channel. */
static void
test_indications(void)
{
    static const guint8 loopback[4] = {127, 0, 0, 1};
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0}, peer = {0};
    StileAddress address, relayed;

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    client_start(&client, &coturn, COTURN_PASSWORD);
    client_start(&peer, NULL, NULL);
    wait_for(&client, is_ready);
    address = stile_address_from_ip(AF_INET, loopback, stile_socket_port(peer.socket));
    relayed = stile_turn_relayed(client.base.turn);
    stile_turn_permit(client.base.turn, &address);
    /* Nothing tells when the permission is there: what is sent before is lost. */
    while (peer.base.received->len == 0) {
        stile_turn_send(client.base.turn, &address, (const guint8 *)"x", 1);
        for (guint i = 0; i < 10 && peer.base.received->len == 0; i++) {
            g_usleep(10000);
            g_main_context_iteration(NULL, FALSE);
        }
    }
    g_assert_cmpint(peer.base.received->str[0], ==, 'x');
    g_assert_cmpint(stile_socket_send(peer.socket, NULL, &relayed, "back", 4), ==, 0);
    wait_for(&client, has_received);
    g_assert_cmpstr(client.base.received->str, ==, "back");
}

/* A relayed address of the other family (RFC 8656 §7.1). */
static void
test_ipv6(void)
{
    static const char *const options[] = {"--relay-ip=::1", NULL};
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};
    g_autoptr(StileSocket) peer = stile_socket_new(AF_INET6, 0, NULL);
    StileAddress relayed, address, server;

    g_assert_true(stile_address_parse(&address, "::1", 9, NULL));
    if (!peer || stile_socket_send(peer, NULL, &address, "", 0) != 0) {
        g_test_skip("no IPv6 on loopback");
        return;
    }
    if (!coturn_start(&coturn, FALSE, options))
        return;
    client_start(&client, NULL, NULL);
    server = server_address(&coturn);
    client.base.turn = stile_turn_new(client.clock, client.transactions, &server, AF_INET6,
                                      COTURN_USER, COTURN_PASSWORD, &ops, &client);
    stile_turn_start(client.base.turn);
    wait_for(&client, is_ready);
    relayed = stile_turn_relayed(client.base.turn);
    g_assert_cmpint(stile_address_family(&relayed), ==, AF_INET6);
    g_assert_true(stile_address_parse(&address, "::1", stile_socket_port(peer), NULL));
    stile_turn_bind(client.base.turn, &address);
    wait_for(&client, has_channel);
    g_assert_cmpint(stile_socket_send(peer, NULL, &relayed, "six", 3), ==, 0);
    wait_for(&client, has_channel_data);
    g_assert_cmpstr(client.channel_data->str, ==, "six");
}

/* The network changed, and after all the server knows us still (437): nothing is lost. */
static void
test_same_port(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};
    StileAddress before, after;

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    client_start(&client, &coturn, COTURN_PASSWORD);
    wait_for(&client, is_ready);
    before = stile_turn_relayed(client.base.turn);
    stile_turn_restart(client.base.turn);
    wait_for(&client, is_ready);
    after = stile_turn_relayed(client.base.turn);
    g_assert_true(stile_address_equal(&before, &after));
}

/* The server knows of somebody on our port, who did not take leave: us, before a crash. */
static void
test_left_over(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};
    StileAddress server;

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    client_start(&client, &coturn, COTURN_PASSWORD);
    wait_for(&client, is_ready);
    server = server_address(&coturn);
    client.mute = TRUE;
    stile_turn_free(client.base.turn);
    client.mute = FALSE;
    client.base.turn = stile_turn_new(client.clock, client.transactions, &server, AF_INET,
                                      COTURN_USER, COTURN_PASSWORD, &ops, &client);
    stile_turn_start(client.base.turn);
    wait_for(&client, is_ready_again);
}

static void
test_stale_nonce(void)
{
    static const char *const options[] = {"--stale-nonce=1", NULL};
    static const guint8 loopback[4] = {127, 0, 0, 1};
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};
    StileAddress peer = stile_address_from_ip(AF_INET, loopback, 9);
    gint64 later;

    if (!coturn_start(&coturn, FALSE, options))
        return;
    client_start(&client, &coturn, COTURN_PASSWORD);
    wait_for(&client, is_ready);
    later = g_get_monotonic_time() + 3 * G_USEC_PER_SEC;
    while (g_get_monotonic_time() < later) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(10000);
    }
    stile_turn_bind(client.base.turn, &peer);
    wait_for(&client, has_channel);
    g_assert_true(is_ready(&client));
}

static void
test_wrong_password(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    client_start(&client, &coturn, "guessed");
    wait_for(&client, is_failed);
    assert_words(&client, "(401)");
}

static void
test_quota(void)
{
    static const char *const options[] = {"--user-quota=1", NULL};
    g_auto(Coturn) coturn = {0};
    g_auto(Client) first = {0}, second = {0};

    if (!coturn_start(&coturn, FALSE, options))
        return;
    client_start(&first, &coturn, COTURN_PASSWORD);
    wait_for(&first, is_ready);
    client_start(&second, &coturn, COTURN_PASSWORD);
    wait_for(&second, is_failed);
    assert_words(&second, "Allocation Quota Reached (486)");
    /* The first one leaves, and its place is free: it was given back. */
    g_clear_pointer(&first.base.turn, stile_turn_free);
    wait_for(&second, is_ready);
}

/* One peer that the server forbids spoils no other, nor the allocation. */
static void
test_forbidden_peer(void)
{
    static const char *const options[] = {"--denied-peer-ip=192.0.2.0-192.0.2.255", NULL};
    static const guint8 loopback[4] = {127, 0, 0, 1}, denied[4] = {192, 0, 2, 1};
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0}, peer = {0};
    StileAddress bad = stile_address_from_ip(AF_INET, denied, 9), good;

    if (!coturn_start(&coturn, FALSE, options))
        return;
    client_start(&client, &coturn, COTURN_PASSWORD);
    client_start(&peer, NULL, NULL);
    good = stile_address_from_ip(AF_INET, loopback, stile_socket_port(peer.socket));
    stile_turn_permit(client.base.turn, &good);
    stile_turn_bind(client.base.turn, &bad);
    wait_for(&client, is_ready);
    stile_turn_bind(client.base.turn, &good);
    wait_for(&client, has_channel);
    g_assert_true(is_ready(&client));
    stile_turn_send(client.base.turn, &good, (const guint8 *)"through", 7);
    wait_for(&peer, has_received);
    g_assert_cmpstr(peer.base.received->str, ==, "through");
}

/* Killed and started again, without a memory: a new allocation. */
static void
test_killed(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    client_start(&client, &coturn, COTURN_PASSWORD);
    wait_for(&client, is_ready);
    coturn_kill(&coturn);
    stile_turn_restart(client.base.turn);
    coturn_restart(&coturn);
    wait_for(&client, is_ready_again);
}

/* Without anybody there: it says so, when all retransmissions went unanswered. */
static void
test_nobody(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};

    if (!coturn_start(&coturn, FALSE, NULL))
        return;
    coturn_kill(&coturn);
    client_start(&client, &coturn, COTURN_PASSWORD);
    wait_for(&client, is_failed);
    assert_words(&client, "No answer from the TURN server 127.0.0.1:");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/turn/coturn/relay-to-relay", test_relay_to_relay);
    g_test_add_func("/turn/coturn/indications", test_indications);
    g_test_add_func("/turn/coturn/ipv6", test_ipv6);
    g_test_add_func("/turn/coturn/same-port", test_same_port);
    g_test_add_func("/turn/coturn/left-over", test_left_over);
    g_test_add_func("/turn/coturn/stale-nonce", test_stale_nonce);
    g_test_add_func("/turn/coturn/wrong-password", test_wrong_password);
    g_test_add_func("/turn/coturn/quota", test_quota);
    g_test_add_func("/turn/coturn/forbidden-peer", test_forbidden_peer);
    g_test_add_func("/turn/coturn/killed", test_killed);
    if (g_test_slow())
        g_test_add_func("/turn/coturn/nobody", test_nobody);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relays over TCP and TLS against the real coturn on loopback: two allocations talk to each other
 * by channel, one over each; a wrong certificate, a wrong password and a server that is gone are
 * told, and it is found again when it is back. */
#include "coturn.h"
#include "mesh/stream-relay.h"

#include <string.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

typedef struct {
    StileClock *clock;
    StileStreamRelay *relay;
    StileTurn *turn; /* of the connection that there is */
    char *error;
    guint failures;
    GString *received;
    guint16 channel;
} Client;

static void
on_changed(gpointer user_data, StileTurn *turn)
{
}

static void
on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer, const guint8 *data,
            gsize size)
{
    Client *client = user_data;

    g_string_append_len(client->received, (const char *)data, (gssize)size);
}

static void
on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer, guint16 number)
{
    Client *client = user_data;

    client->channel = number;
}

static void
on_begun(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;

    g_assert_null(client->turn);
    client->turn = turn;
}

static void
on_ended(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;

    g_assert_true(client->turn == turn);
    client->turn = NULL;
    client->channel = 0;
}

static void
on_failed(gpointer user_data, const char *text)
{
    Client *client = user_data;

    g_assert_null(client->turn);
    client->failures++;
    g_free(client->error);
    client->error = g_strdup(text);
    g_test_message("%s", text);
}

static void
on_channel_data(gpointer user_data, guint16 channel, const guint8 *data, gsize size)
{
    Client *client = user_data;

    g_assert_cmpuint(channel, ==, client->channel);
    g_string_append_len(client->received, (const char *)data, (gssize)size);
}

static const StileStreamRelayOps ops = {
    .turn = {on_changed, on_received, on_channel},
    .begun = on_begun,
    .ended = on_ended,
    .failed = on_failed,
    .channel_data = on_channel_data,
};

static void
client_start(Client *client, const char *uri_text, const char *password)
{
    g_auto(StileServerUri) uri = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_turn_uri_parse(&uri, uri_text, &error));
    client->clock = stile_clock_new(NULL);
    client->received = g_string_new(NULL);
    client->relay = stile_stream_relay_new(client->clock, &uri, 1, COTURN_USER, password, &ops,
                                           client);
    stile_stream_relay_set_wanted(client->relay, TRUE);
}

static void
client_stop(Client *client)
{
    if (!client->clock)
        return;
    stile_stream_relay_free(client->relay);
    g_assert_null(client->turn);
    g_string_free(client->received, TRUE);
    g_free(client->error);
    stile_clock_unref(client->clock);
    for (guint i = 0; i < 100; i++) /* what was cancelled is told so */
        g_main_context_iteration(NULL, FALSE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Client, client_stop)

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

/* No time is asserted: it only keeps a broken test from hanging. */
static void
wait_for(Client *client, gboolean (*condition)(Client *client))
{
    gint64 end = g_get_monotonic_time() + PATIENCE;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (!condition(client) && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    if (!condition(client))
        g_error("Waited in vain: %s", client->error ? client->error : "no error");
}

static gboolean
is_ready(Client *client)
{
    return client->turn && stile_turn_state(client->turn) == STILE_TURN_READY;
}

static gboolean
has_failed(Client *client)
{
    return client->failures > 0;
}

static gboolean
has_channel(Client *client)
{
    return client->channel != 0;
}

static gboolean
has_received(Client *client)
{
    return client->received->len > 0;
}

static char *
tls_uri(const Coturn *coturn)
{
    return g_strdup_printf("turns:127.0.0.1:%u#sha256=%s", coturn->tls_port, coturn->fingerprint);
}

/* Sizes of every padding, both ways, by Send indication before there is a channel. */
static void
test_data(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) tcp = {0};
    g_auto(Client) tls = {0};
    g_autofree char *plain = NULL, *secret = NULL;
    StileAddress a, b, server;

    if (!coturn_start(&coturn, TRUE, NULL))
        return;
    plain = g_strdup_printf("turn:127.0.0.1:%u?transport=tcp", coturn.port);
    secret = tls_uri(&coturn);
    client_start(&tcp, plain, COTURN_PASSWORD);
    client_start(&tls, secret, COTURN_PASSWORD);
    wait_for(&tcp, is_ready);
    wait_for(&tls, is_ready);
    a = stile_turn_relayed(tcp.turn);
    b = stile_turn_relayed(tls.turn);
    server = stile_turn_server(tcp.turn);
    g_assert_cmpint(stile_server_transport(&server), ==, STILE_TRANSPORT_TCP);
    server = stile_turn_server(tls.turn);
    g_assert_cmpint(stile_server_transport(&server), ==, STILE_TRANSPORT_TLS);

    stile_turn_bind(tcp.turn, &b);
    stile_turn_bind(tls.turn, &a);
    wait_for(&tcp, has_channel);
    wait_for(&tls, has_channel);
    for (gsize size = 1; size < 1300; size += 7) {
        g_autofree guint8 *data = g_malloc(size);

        memset(data, (int)size, size);
        stile_turn_send(tcp.turn, &b, data, size);
        wait_for(&tls, has_received);
        g_assert_cmpmem(tls.received->str, tls.received->len, data, size);
        g_string_truncate(tls.received, 0);
        stile_turn_send(tls.turn, &a, data, size);
        wait_for(&tcp, has_received);
        g_assert_cmpmem(tcp.received->str, tcp.received->len, data, size);
        g_string_truncate(tcp.received, 0);
    }
    g_assert_cmpuint(tcp.failures + tls.failures, ==, 0);
}

static void
test_refusals(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) untrusted = {0};
    g_auto(Client) stranger = {0};
    g_autofree char *without = NULL, *secret = NULL;

    if (!coturn_start(&coturn, TRUE, NULL))
        return;
    without = g_strdup_printf("turns:127.0.0.1:%u", coturn.tls_port);
    secret = tls_uri(&coturn);
    client_start(&untrusted, without, COTURN_PASSWORD);
    client_start(&stranger, secret, "wrong");
    wait_for(&untrusted, has_failed);
    wait_for(&stranger, has_failed);
    g_assert_nonnull(strstr(untrusted.error, "127.0.0.1: wrong TLS certificate: "));
    g_assert_nonnull(strstr(stranger.error, "refuses the user name or the password"));
}

static void
test_gone(void)
{
    g_auto(Coturn) coturn = {0};
    g_auto(Client) client = {0};
    g_autofree char *secret = NULL;

    if (!coturn_start(&coturn, TRUE, NULL))
        return;
    secret = tls_uri(&coturn);
    client_start(&client, secret, COTURN_PASSWORD);
    wait_for(&client, is_ready);
    coturn_kill(&coturn);
    wait_for(&client, has_failed);
    g_assert_nonnull(strstr(client.error, "The TURN server 127.0.0.1: "));
    coturn_restart(&coturn);
    wait_for(&client, is_ready);
    /* Not wanted any more, and wanted again: another one. */
    stile_stream_relay_set_wanted(client.relay, FALSE);
    g_assert_null(client.turn);
    stile_stream_relay_set_wanted(client.relay, TRUE);
    wait_for(&client, is_ready);
    stile_stream_relay_restart(client.relay);
    g_assert_null(client.turn);
    wait_for(&client, is_ready);
}

/* GIO's threads, in which GnuTLS keeps data of its own, upset LeakSanitizer if they live at the
 * end; an idle one is let go after half a second. */
static void
end_threads(void)
{
    g_thread_pool_set_max_unused_threads(0);
    g_usleep(2 * G_USEC_PER_SEC);
}

int
main(int argc, char **argv)
{
    int status;

    g_setenv("GIO_USE_PROXY_RESOLVER", "dummy", TRUE); /* the tester's own does not matter here */
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream-relay/data", test_data);
    g_test_add_func("/stream-relay/refusals", test_refusals);
    g_test_add_func("/stream-relay/gone", test_gone);
    status = g_test_run();
    end_threads();
    return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relays over TCP and TLS against the real coturn on loopback: two allocations talk to each other
 * by channel, one over each; a wrong certificate, a wrong password and a server that is gone are
 * told, and it is found again when it is back. */
#include "coturn-client.h"
#include "coturn.h"
#include "mesh/stream-relay.h"

#include <string.h>

typedef struct {
    CoturnClient base; /* of the connection that there is */
    StileClock *clock;
    StileStreamRelay *relay;
    char *error;
    guint failures;
} Client;

static void
on_changed(gpointer user_data, StileTurn *turn)
{
}

static void
on_begun(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;

    g_assert_null(client->base.turn);
    client->base.turn = turn;
}

static void
on_ended(gpointer user_data, StileTurn *turn)
{
    Client *client = user_data;

    g_assert_true(client->base.turn == turn);
    client->base.turn = NULL;
    client->base.channel = 0;
}

static void
on_failed(gpointer user_data, const char *text)
{
    Client *client = user_data;

    g_assert_null(client->base.turn);
    client->failures++;
    g_free(client->error);
    client->error = g_strdup(text);
    g_test_message("%s", text);
}

static void
on_channel_data(gpointer user_data, guint16 channel, const guint8 *data, gsize size)
{
    Client *client = user_data;

    g_assert_cmpuint(channel, ==, client->base.channel);
    g_string_append_len(client->base.received, (const char *)data, (gssize)size);
}

static const StileStreamRelayOps ops = {
    .turn = {on_changed, coturn_client_on_received, coturn_client_on_channel},
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
    coturn_client_init(&client->base);
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
    g_assert_null(client->base.turn);
    coturn_client_clear(&client->base);
    g_free(client->error);
    stile_clock_unref(client->clock);
    for (guint i = 0; i < 100; i++) /* what was cancelled is told so */
        g_main_context_iteration(NULL, FALSE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Client, client_stop)

static gboolean
has_failed(gpointer user_data)
{
    Client *client = user_data;

    return client->failures > 0;
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
    a = stile_turn_relayed(tcp.base.turn);
    b = stile_turn_relayed(tls.base.turn);
    server = stile_turn_server(tcp.base.turn);
    g_assert_cmpint(stile_server_transport(&server), ==, STILE_TRANSPORT_TCP);
    server = stile_turn_server(tls.base.turn);
    g_assert_cmpint(stile_server_transport(&server), ==, STILE_TRANSPORT_TLS);

    stile_turn_bind(tcp.base.turn, &b);
    stile_turn_bind(tls.base.turn, &a);
    wait_for(&tcp, has_channel);
    wait_for(&tls, has_channel);
    for (gsize size = 1; size < 1300; size += 7) {
        g_autofree guint8 *data = g_malloc(size);

        memset(data, (int)size, size);
        stile_turn_send(tcp.base.turn, &b, data, size);
        wait_for(&tls, has_received);
        g_assert_cmpmem(tls.base.received->str, tls.base.received->len, data, size);
        g_string_truncate(tls.base.received, 0);
        stile_turn_send(tls.base.turn, &a, data, size);
        wait_for(&tcp, has_received);
        g_assert_cmpmem(tcp.base.received->str, tcp.base.received->len, data, size);
        g_string_truncate(tcp.base.received, 0);
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
    g_assert_null(client.base.turn);
    stile_stream_relay_set_wanted(client.relay, TRUE);
    wait_for(&client, is_ready);
    stile_stream_relay_restart(client.relay);
    g_assert_null(client.base.turn);
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

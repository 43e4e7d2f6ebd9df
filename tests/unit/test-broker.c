/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every way a broker can be unusable is told in words, and it is tried again, in growing pauses and
 * when asked to; over TLS only who is trusted is talked to; silence is noticed. */
#include "base/error.h"
#include "member.h"
#include "rendezvous/envelope.h"

#include <signal.h>
#include <string.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

static void
expect(const char *url, const char *words)
{
    g_autoptr(Member) a = member_new('a', NULL);

    say(a, "hello");
    add_url(a, url);
    wait_for(a, "connecting");
    g_assert_nonnull(strstr(wait_for(a, "state"), words));
}

static void
test_password(void)
{
    static const MosquittoOptions options = {.password = TRUE};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autofree char *right = NULL;
    g_autofree char *wrong = NULL;
    g_autofree char *none = NULL;

    if (!mosquitto)
        return;
    right = g_strdup_printf("mqtt://" MOSQUITTO_USER ":over%%20the%%20stile@127.0.0.1:%u",
                            mosquitto->port);
    wrong = g_strdup_printf("mqtt://" MOSQUITTO_USER ":under@127.0.0.1:%u", mosquitto->port);
    none = g_strdup_printf("mqtt://127.0.0.1:%u", mosquitto->port);
    expect(right, "connected");
    expect(wrong, "127.0.0.1: wrong user name or password");
    expect(none, "127.0.0.1: wants a user name and a password");
}

static void
test_tls(void)
{
    static const MosquittoOptions options = {.tls_name = "localhost"};
    static const MosquittoOptions other_name = {.tls_name = "broker.example"};
    static const MosquittoOptions expired = {.tls_name = "localhost", .tls_expired = TRUE};
    const MosquittoOptions *all[] = {&options, &other_name, &expired};
    const char *words[] = {"connected", "wrong TLS certificate: it is for another name",
                           "wrong TLS certificate: it has expired"};

    if (!g_tls_backend_supports_tls(g_tls_backend_get_default())) {
        g_test_skip("GIO has no TLS here (glib-networking)");
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autoptr(Mosquitto) mosquitto = mosquitto_start(all[i]);
        g_autofree char *path = NULL;
        g_autofree char *plain = NULL;
        g_autofree char *right = NULL;
        g_autofree char *wrong = NULL;
        g_autofree char *without = NULL;
        g_autoptr(GTlsDatabase) database = NULL;

        if (!mosquitto)
            return;
        plain = g_strdup_printf("mqtts://localhost:%u", mosquitto->port);
        right = g_strdup_printf("%s#sha256=%s", plain, mosquitto->fingerprint);
        wrong = g_strdup_printf("%s#sha256=%064d", plain, 7);
        without = g_strdup_printf("mqtt://localhost:%u", mosquitto->port);
        expect(plain, "localhost: wrong TLS certificate: it was issued by an unknown authority");
        expect(right, "connected");
        expect(wrong, "wrong TLS certificate: its fingerprint is not the one that is trusted");
        expect(without, "closed the connection without an answer");

        /* What an administrator does with a certificate of his own. */
        path = mosquitto_file(mosquitto, "certificate.pem");
        database = g_tls_file_database_new(path, NULL);
        g_tls_backend_set_default_database(g_tls_backend_get_default(), database);
        expect(plain, words[i]);
        expect(wrong, "wrong TLS certificate: its fingerprint is not the one that is trusted");
        g_tls_backend_set_default_database(g_tls_backend_get_default(), NULL);
    }
}

/* Two members meet there, with the largest presence there can be, and one is seen to leave. */
static void
meet(const char *url)
{
    g_autoptr(Member) a = member_new('a', NULL);
    g_autofree char *long_text = g_strnfill(STILE_PRESENCE_MAX, 'x');
    Member *b = member_new('b', NULL);

    know(a, 'b');
    know(b, 'a');
    say(a, "hello");
    say(b, long_text);
    add_url(a, url);
    wait_for(a, "complete");
    add_url(b, url);
    wait_for(a, "xxxx");
    wait_for(b, "hello");
    g_assert_true(tell(a, 'b', "one"));
    wait_for(b, "one");
    member_free(b);
    wait_for(a, "gone");
}

static void
test_websocket(void)
{
    static const MosquittoOptions options = {.websocket = TRUE};
    static const MosquittoOptions password = {.websocket = TRUE, .password = TRUE};
    static const MosquittoOptions tls = {.websocket = TRUE, .tls_name = "localhost"};
    const MosquittoOptions *all[] = {&options, &password, &tls};

    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autoptr(Mosquitto) mosquitto = mosquitto_start(all[i]);
        g_autofree char *plain = NULL;
        g_autofree char *user = NULL;
        g_autofree char *secure = NULL;
        g_autofree char *right = NULL;
        g_autofree char *wrong = NULL;

        if (!mosquitto)
            return;
        plain = g_strdup_printf("ws://localhost:%u", mosquitto->gateway_port);
        user = g_strdup_printf("ws://" MOSQUITTO_USER
                               ":over%%20the%%20stile@localhost:%u/any/where",
                               mosquitto->gateway_port);
        secure = g_strdup_printf("wss://localhost:%u/mqtt", mosquitto->gateway_port);
        right = g_strdup_printf("%s#sha256=%s", secure, mosquitto->fingerprint);
        wrong = g_strdup_printf("%s#sha256=%064d", secure, 7);
        if (all[i]->password) {
            expect(user, "connected");
            expect(plain, "localhost: wants a user name and a password");
        } else if (!all[i]->tls_name) {
            meet(plain);
        } else if (g_tls_backend_supports_tls(g_tls_backend_get_default())) {
            expect(secure, "localhost: wrong TLS certificate: it was issued by an unknown");
            expect(wrong, "wrong TLS certificate: its fingerprint is not the one that is trusted");
            meet(right);
        }
    }
}

static void
test_unreachable(void)
{
    static const char *const bad[] = {"wss://broker.example/mqtt?x", "ws://",
                                      "http://broker.example", "mqtt://", ""};
    g_autofree char *nobody = g_strdup_printf("mqtt://127.0.0.1:%u",
                                              free_port(G_SOCKET_TYPE_STREAM));
    g_autofree char *tls = g_strdup_printf("mqtts://127.0.0.1:%u", free_port(G_SOCKET_TYPE_STREAM));
    g_autoptr(Member) a = member_new('a', NULL);

    expect(nobody, "127.0.0.1: connection refused");
    expect(tls, "127.0.0.1: connection refused");
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(stile_rendezvous_add_server(a->rendezvous, bad[i], &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
}

/* mosquitto takes every subscription, and then says nothing. */
static void
test_not_authorized(void)
{
    static const MosquittoOptions options = {.acl = "topic read stile/#\n"};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 1);
    g_autoptr(Member) a = NULL;

    if (!mosquitto)
        return;
    a = member_new('a', clock);
    say(a, "hello");
    add_broker(a, mosquitto);
    stile_clock_advance(clock, 0);
    wait_for(a, "state");
    wait_for(a, "connected");
    stile_clock_advance(clock, 20 * G_USEC_PER_SEC);
    wait_for(a, "what we publish does not come back");
}

/* A server that says @user_data to everybody and hangs up; it counts. */
typedef struct {
    const char *words;
    gsize size;
    guint calls;
} Rude;

static gboolean
on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
            gpointer user_data)
{
    Rude *rude = user_data;

    rude->calls++;
    g_output_stream_write(g_io_stream_get_output_stream(G_IO_STREAM(connection)), rude->words,
                          rude->size, NULL, NULL);
    g_socket_shutdown(g_socket_connection_get_socket(connection), FALSE, TRUE, NULL);
    return TRUE;
}

static GSocketService *
rude_new(Rude *rude, const char *scheme, char **ret_url)
{
    GSocketService *service = g_socket_service_new();
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) bound = NULL;

    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(service), any,
                                                G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                                &bound, NULL));
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), rude);
    *ret_url = g_strdup_printf("%s://127.0.0.1:%u", scheme,
                               g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)));
    return service;
}

static void
test_rude(void)
{
    static const struct {
        const char *says;
        gsize size;
        const char *words;
    } cases[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, "127.0.0.1: protocol error"},
        {"", 0, "127.0.0.1: closed the connection without an answer"},
        {"\x20\x02\x00\x01", 4, "127.0.0.1: does not speak MQTT 3.1.1"},
        {"\x20\x02\x00\x03", 4, "127.0.0.1: the broker is not available"},
        {"\x20\x02\x00\x09", 4, "127.0.0.1: refused the connection"},
        {"\xd0\x00", 2, "127.0.0.1: protocol error"}, /* something before CONNACK */
        {"\x20\x02\x00\x00\x20\x02\x00\x00", 8, "127.0.0.1: protocol error"},
        {"\x20\x02\x00\x00\x90\x06\x00\x01\x01\x80\x00\x01", 12,
         "127.0.0.1: not authorized to subscribe"},
        {"\x20\x02\x00\x00\x90\x06\x00\x02\x01\x01\x00\x01", 12, "127.0.0.1: protocol error"},
        {"\x20\x02\x00\x00\x90\x03\x00\x01\x01", 9, "127.0.0.1: protocol error"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Rude rude = {.words = cases[i].says, .size = cases[i].size};
        g_autofree char *url = NULL;
        g_autoptr(GSocketService) service = rude_new(&rude, "mqtt", &url);

        expect(url, cases[i].words);
        g_socket_service_stop(service);
    }
}

static void
test_rude_websocket(void)
{
    static const struct {
        const char *says, *words;
    } cases[] = {
        {"HTTP/1.1 404 Not Found\r\n\r\n", "127.0.0.1: answers HTTP status 404 instead of a WebS"},
        {"HTTP/1.1 403 Forbidden\r\n\r\n", "127.0.0.1: answers HTTP status 403 instead of a WebS"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
         "127.0.0.1: does not speak WebSocket"},
        {"\x20\x02", "127.0.0.1: does not speak WebSocket"},
        {"HTTP/1.1 101", "127.0.0.1: closed the connection without an answer"},
        {"", "127.0.0.1: closed the connection without an answer"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Rude rude = {.words = cases[i].says, .size = strlen(cases[i].says)};
        g_autofree char *url = NULL;
        g_autoptr(GSocketService) service = rude_new(&rude, "ws", &url);

        expect(url, cases[i].words);
        g_socket_service_stop(service);
    }
}

/* 1, 2, 4 … 60 seconds, a quarter more or less but not above 60; and at once when asked to. */
static void
test_backoff(void)
{
    static const guint pauses[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    Rude rude = {.words = ""};
    g_autofree char *url = NULL;
    g_autoptr(GSocketService) service = rude_new(&rude, "mqtt", &url);
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 5);
    g_autoptr(Member) a = member_new('a', clock);
    guint calls = 0;

    add_url(a, url);
    stile_clock_advance(clock, 0);
    for (gsize i = 0; i <= G_N_ELEMENTS(pauses); i++) {
        gint64 deadline = g_get_monotonic_time() + PATIENCE;
        gint64 pause, step;

        calls++;
        while (rude.calls < calls)
            turn(deadline);
        turns(50); /* until it is heard that nobody speaks */
        if (i == G_N_ELEMENTS(pauses))
            break;
        pause = pauses[i] * G_USEC_PER_SEC;
        step = pause / 100;
        stile_clock_advance(clock, pause * 3 / 4 - 1);
        turns(20);
        g_assert_cmpuint(rude.calls, ==, calls);
        for (gint64 gone = pause * 3 / 4; rude.calls == calls; gone += step) {
            g_assert_cmpint(gone, <, pause * 5 / 4 + 5 * step);
            stile_clock_advance(clock, step);
            turns(20);
        }
    }
    stile_rendezvous_reconnect(a->rendezvous);
    stile_clock_advance(clock, 0);
    turns(50);
    g_assert_cmpuint(rude.calls, ==, calls + 1);
    g_socket_service_stop(service);
}

/* A broker, or a line, that says nothing any more. */
static void
test_silence(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 1);
    g_autoptr(Member) a = NULL;

    if (!mosquitto)
        return;
    a = member_new('a', clock);
    say(a, "hello");
    add_broker(a, mosquitto);
    pass_time_until(a, "complete");
    for (guint seconds = 0; seconds < 100; seconds++) { /* pings are answered */
        stile_clock_advance(clock, G_USEC_PER_SEC);
        turns(40);
    }
    g_assert_true(stile_rendezvous_connected(a->rendezvous));
    g_subprocess_send_signal(mosquitto->process, SIGSTOP);
    g_assert_nonnull(strstr(pass_time_until(a, "state"), "connection lost: no answer"));
    g_assert_nonnull(strstr(pass_time_until(a, "state"), "timed out"));
    g_subprocess_send_signal(mosquitto->process, SIGCONT);
    pass_time_until(a, "complete");

    g_subprocess_send_signal(mosquitto->process, SIGSTOP);
    stile_rendezvous_reconnect(a->rendezvous);
    stile_clock_advance(clock, 5 * G_USEC_PER_SEC);
    g_assert_nonnull(strstr(wait_for(a, "state"), "connection lost: no answer"));
    g_subprocess_send_signal(mosquitto->process, SIGCONT);
    pass_time_until(a, "complete");
}

int
main(int argc, char **argv)
{
    int result;

    g_setenv("GIO_USE_PROXY_RESOLVER", "dummy", TRUE); /* the tester's own does not matter here */
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rendezvous/password", test_password);
    g_test_add_func("/rendezvous/tls", test_tls);
    g_test_add_func("/rendezvous/websocket", test_websocket);
    g_test_add_func("/rendezvous/unreachable", test_unreachable);
    g_test_add_func("/rendezvous/not-authorized", test_not_authorized);
    g_test_add_func("/rendezvous/rude", test_rude);
    g_test_add_func("/rendezvous/rude-websocket", test_rude_websocket);
    g_test_add_func("/rendezvous/backoff", test_backoff);
    g_test_add_func("/rendezvous/silence", test_silence);
    result = g_test_run();
    end_threads();
    return result;
}

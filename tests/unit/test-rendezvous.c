/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side channel over a real mosquitto: members see each other come, change, go and crash, and
 * exchange messages and packets; every way a broker can be unusable is told in words; a broker
 * that dies is found again when it is back; what is replayed, overwritten or from another time does
 * no harm. */
#include "base/error.h"
#include "mosquitto.h"
#include "rendezvous/envelope.h"
#include "rendezvous/mqtt-client.h"
#include "rendezvous/rendezvous.h"
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define PATIENCE (60 * G_USEC_PER_SEC)
#define START    (1700000000 * (gint64)G_USEC_PER_SEC)

static const guint8 network_key[STILE_KEY_SIZE] = {42};

/*
 * A member of the test network, named by a letter, and a log of what it was told.
 */
typedef struct {
    char name;
    StileClock *clock;
    StileRendezvous *rendezvous;
    GPtrArray *log;
    guint read; /* how much of the log was waited for */
} Member;

static void
keys_of(char name, guint8 device_key[STILE_KEY_SIZE], guint8 tunnel_key[STILE_KEY_SIZE],
        StileMember *ret)
{
    memset(device_key, name, STILE_KEY_SIZE);
    memset(tunnel_key, name, STILE_KEY_SIZE);
    stile_ed25519_public(device_key, ret->device);
    stile_x25519_public(tunnel_key, ret->tunnel);
}

static StileMember
public_of(char name)
{
    guint8 device_key[STILE_KEY_SIZE], tunnel_key[STILE_KEY_SIZE];
    StileMember member;

    keys_of(name, device_key, tunnel_key, &member);
    return member;
}

static char
name_of(const guint8 device[STILE_KEY_SIZE])
{
    for (char name = 'a'; name <= 'z'; name++) {
        StileMember member = public_of(name);

        if (memcmp(member.device, device, STILE_KEY_SIZE) == 0)
            return name;
    }
    g_assert_not_reached();
}

static void G_GNUC_PRINTF(2, 3) note(Member *member, const char *format, ...)
{
    char *line;
    va_list args;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    g_test_message("%c: %s", member->name, line);
    g_ptr_array_add(member->log, line);
}

static void
on_state(gpointer user_data, const char *url, gboolean connected, const char *reason)
{
    g_assert_null(strchr(url, '@'));
    g_assert_cmpint(connected, ==, g_str_equal(reason, "connected"));
    note(user_data, "state %s %s", url, reason);
}

static void
on_presence(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
            gsize size)
{
    if (payload)
        note(user_data, "presence %c %.*s", name_of(device), (int)size, (const char *)payload);
    else
        note(user_data, "gone %c", name_of(device));
}

static void
on_roster_complete(gpointer user_data, const char *url)
{
    note(user_data, "complete %s", url);
}

static void
on_message(gpointer user_data, const StileMember *from, const guint8 *payload, gsize size)
{
    note(user_data, "message %c %.*s", name_of(from->device), (int)MIN(size, 60),
         (const char *)payload);
}

static void
on_packet(gpointer user_data, const guint8 *data, gsize size)
{
    note(user_data, "packet %.*s", (int)MIN(size, 60), (const char *)data);
}

static void
on_absent(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
          gsize size)
{
    note(user_data, "absent %c %.*s", name_of(device), (int)size, (const char *)payload);
}

static const StileRendezvousOps ops = {
    .state = on_state,
    .presence = on_presence,
    .roster_complete = on_roster_complete,
    .message = on_message,
    .packet = on_packet,
    .absent = on_absent,
};

/* @clock: NULL for the real one */
static Member *
member_new(char name, StileClock *clock)
{
    Member *member = g_new0(Member, 1);
    guint8 device_key[STILE_KEY_SIZE], tunnel_key[STILE_KEY_SIZE];
    StileMember public;

    keys_of(name, device_key, tunnel_key, &public);
    member->name = name;
    member->clock = clock ? stile_clock_ref(clock) : stile_clock_new(NULL);
    member->log = g_ptr_array_new_with_free_func(g_free);
    member->rendezvous = stile_rendezvous_new(member->clock, network_key, device_key, tunnel_key,
                                              &ops, member);
    return member;
}

static void
member_free(Member *member)
{
    if (!member)
        return;
    stile_rendezvous_free(member->rendezvous);
    stile_clock_unref(member->clock);
    g_ptr_array_unref(member->log);
    g_free(member);
    while (g_main_context_iteration(NULL, FALSE)) /* what was cancelled is freed */
        ;
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Member, member_free)

static void
say(Member *member, const char *presence)
{
    stile_rendezvous_set_presence(member->rendezvous, (const guint8 *)presence, strlen(presence));
}

static void
know(Member *member, char name)
{
    StileMember other = public_of(name);

    stile_rendezvous_add_member(member->rendezvous, &other);
}

static gboolean
tell(Member *member, char name, const char *text)
{
    StileMember other = public_of(name);

    return stile_rendezvous_send(member->rendezvous, &other, (const guint8 *)text, strlen(text));
}

static gboolean
pass(Member *member, char name, const char *text)
{
    StileMember other = public_of(name);

    return stile_rendezvous_send_packet(member->rendezvous, &other, (const guint8 *)text,
                                        strlen(text));
}

static void
add_url(Member *member, const char *url)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_rendezvous_add_server(member->rendezvous, url, &error));
    g_assert_no_error(error);
}

static void
add_broker(Member *member, Mosquitto *mosquitto)
{
    g_autofree char *url = g_strdup_printf("mqtt://127.0.0.1:%u", mosquitto->port);

    add_url(member, url);
}

/* Does one thing more, or waits a little. */
static void
turn(gint64 deadline)
{
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(500);
    g_assert_cmpint(g_get_monotonic_time(), <, deadline);
}

static void
turns(guint count)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (count--)
        turn(deadline);
}

/* Waits for a line of the log that was not waited for yet, with @what in it; what is before it
 * counts as waited for. */
static const char *
wait_for(Member *member, const char *what)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    for (;;) {
        while (member->read < member->log->len) {
            const char *line = member->log->pdata[member->read++];

            if (strstr(line, what))
                return line;
        }
        turn(deadline);
    }
}

/* The same, while time passes in the clock of @member. */
static const char *
pass_time_until(Member *member, const char *what)
{
    for (guint seconds = 0; seconds < 300; seconds++) {
        turns(40);
        while (member->read < member->log->len) {
            const char *line = member->log->pdata[member->read++];

            if (strstr(line, what))
                return line;
        }
        stile_clock_advance(member->clock, G_USEC_PER_SEC);
    }
    g_error("%s did not come", what);
}

static guint
times(Member *member, const char *what)
{
    guint found = 0;

    for (guint i = 0; i < member->log->len; i++)
        found += g_str_equal(member->log->pdata[i], what);
    return found;
}

/*
 * Somebody with access to the broker, who need not be a member.
 */
typedef struct {
    StileClock *clock;
    StileMqttClient *client;
    StileTopics topics;
    gboolean ready;
    GPtrArray *topic_names;
    GPtrArray *payloads; /* of GBytes */
} Spy;

static void
spy_reached(gpointer user_data)
{
    Spy *spy = user_data;
    StileMqttConnect connect = {.client_id = "spy", .keepalive = 30};

    g_assert_true(stile_mqtt_client_connect(spy->client, &connect));
}

static void
spy_opened(gpointer user_data)
{
    Spy *spy = user_data;
    StileMqttFilter filter = {"stile/1/#", 1};

    g_assert_true(stile_mqtt_client_subscribe(spy->client, &filter, 1));
}

static void
spy_subscribed(gpointer user_data)
{
    ((Spy *)user_data)->ready = TRUE;
}

static void
spy_message(gpointer user_data, const char *topic, const guint8 *payload, gsize size)
{
    Spy *spy = user_data;

    g_ptr_array_add(spy->topic_names, g_strdup(topic));
    g_ptr_array_add(spy->payloads, g_bytes_new(payload, size));
}

static void
spy_closed(gpointer user_data, const GError *error)
{
    g_error("%s", error->message);
}

static Spy *
spy_new(Mosquitto *mosquitto)
{
    static const StileMqttClientOps spy_ops = {
        .reached = spy_reached,
        .opened = spy_opened,
        .subscribed = spy_subscribed,
        .message = spy_message,
        .closed = spy_closed,
    };
    StileBrokerUrl url = {.host = (char *)"127.0.0.1", .port = mosquitto->port};
    gint64 deadline = g_get_monotonic_time() + PATIENCE;
    Spy *spy = g_new0(Spy, 1);

    stile_topics_init(&spy->topics, network_key);
    spy->topic_names = g_ptr_array_new_with_free_func(g_free);
    spy->payloads = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    spy->clock = stile_clock_new(NULL);
    spy->client = stile_mqtt_client_new(spy->clock, &url, &spy_ops, spy);
    while (!spy->ready)
        turn(deadline);
    return spy;
}

static void
spy_free(Spy *spy)
{
    stile_mqtt_client_free(spy->client);
    stile_clock_unref(spy->clock);
    g_ptr_array_unref(spy->topic_names);
    g_ptr_array_unref(spy->payloads);
    g_free(spy);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spy, spy_free)

static char *
spy_topic(Spy *spy, StileTopicKind kind, char name)
{
    StileMember member = public_of(name);
    StileTag tag;

    stile_topics_tag(&spy->topics, member.device, &tag);
    return stile_topics_make(&spy->topics, kind, tag.text);
}

static void
spy_publish(Spy *spy, StileTopicKind kind, char name, GBytes *payload, gboolean retain)
{
    g_autofree char *topic = spy_topic(spy, kind, name);
    gsize size = 0;
    const guint8 *data = payload ? g_bytes_get_data(payload, &size) : NULL;

    g_assert_true(stile_mqtt_client_publish(spy->client, topic, data, size, 1, retain));
}

/* Returns: what went over the topic, from @index on */
static GBytes *
spy_wait(Spy *spy, StileTopicKind kind, char name, guint index)
{
    g_autofree char *topic = spy_topic(spy, kind, name);
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    for (;;) {
        guint found = 0;

        for (guint i = 0; i < spy->topic_names->len; i++)
            if (g_str_equal(spy->topic_names->pdata[i], topic) && found++ == index)
                return spy->payloads->pdata[i];
        turn(deadline);
    }
}

/*
 * Two members
 */
static void
test_members(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    g_autofree char *large = g_strnfill(STILE_MESSAGE_MAX, 'x');

    if (!mosquitto)
        return;
    a = member_new('a', NULL);
    b = member_new('b', NULL);
    say(a, "hello");
    add_broker(a, mosquitto);
    g_assert_false(stile_rendezvous_connected(a->rendezvous));
    wait_for(a, "connecting");
    wait_for(a, "connected");
    wait_for(a, "complete");
    g_assert_true(stile_rendezvous_connected(a->rendezvous));

    add_broker(b, mosquitto);
    wait_for(b, "presence a hello");
    wait_for(b, "complete");
    g_assert_cmpuint(a->log->len, ==, 3); /* b only listens, and nobody hears himself */
    know(b, 'a');
    know(a, 'b');
    g_assert_false(tell(a, 'b', "too early"));
    g_assert_true(tell(b, 'a', "I am here"));
    wait_for(a, "message b I am here");

    say(b, "b too"); /* connects again, to have a will */
    wait_for(a, "presence b b too");
    wait_for(b, "state");
    say(a, "hello again");
    wait_for(b, "presence a hello again");
    g_assert_true(tell(a, 'b', "first"));
    g_assert_true(tell(a, 'b', large));
    g_assert_true(pass(a, 'b', "handshake"));
    wait_for(b, "message a first");
    wait_for(b, "message a xxxx");
    wait_for(b, "packet handshake");

    stile_rendezvous_remove_member(b->rendezvous, &(StileMember){0});
    {
        StileMember other = public_of('a');

        stile_rendezvous_remove_member(b->rendezvous, &other);
    }
    g_assert_true(tell(a, 'b', "to one who does not know me"));
    g_assert_true(pass(a, 'b', "after it"));
    wait_for(b, "packet after it");
    know(b, 'a');
    g_assert_true(tell(a, 'b', "known again"));
    g_assert_cmpstr(wait_for(b, "message a"), ==, "message a known again");

    stile_rendezvous_set_presence(a->rendezvous, NULL, 0);
    wait_for(b, "gone a");
    g_assert_false(tell(b, 'a', "nobody there"));
    g_assert_false(pass(b, 'a', "nobody there"));
    say(a, "back");
    wait_for(b, "presence a back");
    member_free(g_steal_pointer(&a));
    wait_for(b, "gone a");
    stile_rendezvous_reconnect(b->rendezvous); /* a living connection stays */
    a = member_new('a', NULL);
    say(a, "another life");
    add_broker(a, mosquitto);
    wait_for(b, "presence a another life");
    g_assert_true(tell(b, 'a', "of a stranger"));
    g_assert_true(pass(b, 'a', "after it"));
    wait_for(a, "packet after it");
    know(a, 'b');
    g_assert_true(tell(b, 'a', "of a member"));
    g_assert_cmpstr(wait_for(a, "message"), ==, "message b of a member");
    g_assert_cmpuint(times(b, "gone a"), ==, 2);
}

/* A whole process, so that nothing of it says goodbye. */
G_NORETURN static void
run_child(const char *name, char **urls)
{
    Member *member = member_new(name[0], NULL);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    say(member, "child");
    for (; *urls; urls++)
        add_url(member, *urls);
    for (;;)
        g_main_context_iteration(NULL, TRUE);
}

static GSubprocess *
start_child(const char *name, Mosquitto *first, Mosquitto *second)
{
    g_autofree char *url1 = g_strdup_printf("mqtt://127.0.0.1:%u", first->port);
    g_autofree char *url2 = second ? g_strdup_printf("mqtt://127.0.0.1:%u", second->port) : NULL;
    g_autoptr(GError) error = NULL;
    GSubprocess *child = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error,
                                          "/proc/self/exe", "--member", name, url1, url2, NULL);

    g_assert_no_error(error);
    return child;
}

static void
test_crash(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(Member) b = NULL;
    g_autoptr(Member) d = NULL;
    g_autoptr(GSubprocess) child = NULL;
    g_autoptr(GSubprocess) again = NULL;

    if (!mosquitto)
        return;
    child = start_child("c", mosquitto, NULL);
    b = member_new('b', NULL);
    add_broker(b, mosquitto);
    wait_for(b, "presence c child");
    g_subprocess_force_exit(child);
    wait_for(b, "gone c");
    again = start_child("c", mosquitto, NULL);
    wait_for(b, "presence c child");
    g_subprocess_force_exit(again);
    wait_for(b, "gone c");
    d = member_new('d', NULL); /* who comes later learns that there was somebody */
    add_broker(d, mosquitto);
    wait_for(d, "absent c child");
    wait_for(d, "complete");
}

/* Who was never there leaves a word: those who are there and those who come later find it, once the
 * writer is gone, too; and it stands behind what the writer says when it does come. */
static void
test_word(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    g_autoptr(Member) c = NULL;

    if (!mosquitto)
        return;
    a = member_new('a', NULL);
    b = member_new('b', NULL);
    add_broker(a, mosquitto);
    add_broker(b, mosquitto);
    wait_for(a, "complete");
    wait_for(b, "complete");
    stile_rendezvous_leave_word(a->rendezvous, (const guint8 *)"joined", strlen("joined"));
    wait_for(b, "absent a joined");
    g_clear_pointer(&a, member_free);
    c = member_new('c', NULL);
    add_broker(c, mosquitto);
    wait_for(c, "absent a joined");
    wait_for(c, "complete");
    a = member_new('a', NULL);
    say(a, "here");
    add_broker(a, mosquitto);
    wait_for(b, "presence a here");
    wait_for(c, "presence a here");
}

static void
test_two_brokers(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) first = mosquitto_start(&options);
    g_autoptr(Mosquitto) second = first ? mosquitto_start(&options) : NULL;
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    g_autoptr(GSubprocess) child = NULL;

    if (!second)
        return;
    a = member_new('a', NULL);
    b = member_new('b', NULL);
    say(a, "hello");
    say(b, "hello");
    know(a, 'b');
    know(b, 'a');
    add_broker(a, first);
    add_broker(a, second);
    wait_for(a, "complete");
    wait_for(a, "complete");
    add_broker(b, first);
    add_broker(b, second);
    wait_for(b, "complete");
    wait_for(b, "complete");
    wait_for(a, "presence b");
    child = start_child("c", first, second);
    wait_for(a, "presence c");

    for (guint i = 0; i < 20; i++) {
        g_autofree char *text = g_strdup_printf("number %u", i);

        g_assert_true(tell(a, 'b', text));
    }
    g_assert_true(tell(a, 'b', "last"));
    wait_for(b, "message a last");
    mosquitto_kill(first);
    wait_for(b, "connection");
    g_assert_true(stile_rendezvous_connected(b->rendezvous));
    g_assert_true(tell(a, 'b', "over the second"));
    wait_for(b, "message a over the second");
    g_assert_true(pass(a, 'b', "packet over the second"));
    wait_for(b, "packet packet over the second");
    g_assert_cmpuint(times(b, "message a number 7"), ==, 1);
    g_assert_cmpuint(times(b, "message a last"), ==, 1);
    g_assert_cmpuint(times(b, "presence a hello"), ==, 1);
    g_assert_cmpuint(times(b, "gone a"), ==, 0);
    g_assert_cmpuint(times(a, "gone c"), ==, 0);
    g_subprocess_force_exit(child);
    wait_for(a, "gone c");
}

static void
test_broker_restart(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    g_autoptr(Member) c = NULL;

    if (!mosquitto)
        return;
    a = member_new('a', NULL);
    b = member_new('b', NULL);
    say(a, "hello");
    know(a, 'b');
    say(b, "hello");
    know(b, 'a');
    add_broker(a, mosquitto);
    add_broker(b, mosquitto);
    wait_for(a, "presence b");
    wait_for(b, "presence a");
    mosquitto_kill(mosquitto);
    g_assert_nonnull(strstr(wait_for(a, "state"), "127.0.0.1: connection lost"));
    g_assert_false(stile_rendezvous_connected(a->rendezvous));
    g_assert_false(tell(a, 'b', "nowhere"));
    wait_for(a, "connection refused");
    mosquitto_restart(mosquitto);
    stile_rendezvous_reconnect(a->rendezvous);
    wait_for(a, "complete");
    wait_for(b, "complete");
    c = member_new('c', NULL); /* it hears what is retained */
    add_broker(c, mosquitto);
    wait_for(c, "presence");
    wait_for(c, "presence");
    g_assert_true(tell(a, 'b', "again"));
    wait_for(b, "message a again");
    g_assert_cmpuint(times(b, "presence a hello"), ==, 1);
    g_assert_cmpuint(times(b, "gone a"), ==, 0);
}

/*
 * Brokers that cannot be used
 */
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

static void
test_unreachable(void)
{
    static const char *const bad[] = {"wss://broker.example/mqtt", "ws://broker.example",
                                      "http://broker.example", "mqtt://", ""};
    g_autofree char *nobody = g_strdup_printf("mqtt://127.0.0.1:%u", free_port());
    g_autofree char *tls = g_strdup_printf("mqtts://127.0.0.1:%u", free_port());
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
rude_new(Rude *rude, char **ret_url)
{
    GSocketService *service = g_socket_service_new();
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) bound = NULL;

    g_assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(service), any,
                                                G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                                &bound, NULL));
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), rude);
    *ret_url = g_strdup_printf("mqtt://127.0.0.1:%u",
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
        g_autoptr(GSocketService) service = rude_new(&rude, &url);

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
    g_autoptr(GSocketService) service = rude_new(&rude, &url);
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

/* A broker that forgot, and a member that died meanwhile: nobody says that it is gone. */
static void
test_forgotten(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 1);
    g_autoptr(GSubprocess) child = NULL;
    g_autoptr(Member) a = NULL;

    if (!mosquitto)
        return;
    child = start_child("c", mosquitto, NULL);
    a = member_new('a', clock);
    add_broker(a, mosquitto);
    pass_time_until(a, "presence c child");
    mosquitto_kill(mosquitto);
    g_subprocess_force_exit(child);
    mosquitto_restart(mosquitto);
    pass_time_until(a, "complete");
    g_assert_cmpuint(times(a, "gone c"), ==, 0);
    pass_time_until(a, "gone c");
}

/*
 * What a broker, or somebody with access to it, may do
 */
static void
test_replay(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(Spy) spy = NULL;
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    GBytes *letter, *early;

    if (!mosquitto)
        return;
    spy = spy_new(mosquitto);
    a = member_new('a', NULL);
    b = member_new('b', NULL);
    know(a, 'b');
    know(b, 'a');
    say(a, "first");
    say(b, "hello");
    add_broker(a, mosquitto);
    add_broker(b, mosquitto);
    wait_for(b, "presence a first");
    wait_for(a, "presence b hello");
    early = spy_wait(spy, STILE_TOPIC_PRESENCE, 'a', 0);
    g_assert_true(tell(a, 'b', "once"));
    letter = spy_wait(spy, STILE_TOPIC_INBOX, 'b', 0);
    wait_for(b, "message a once");
    say(a, "second");
    wait_for(b, "presence a second");

    /* Again, to somebody else, and as something else. */
    spy_publish(spy, STILE_TOPIC_INBOX, 'b', letter, FALSE);
    spy_publish(spy, STILE_TOPIC_INBOX, 'a', letter, FALSE);
    spy_publish(spy, STILE_TOPIC_PACKETS, 'b', letter, FALSE);
    spy_publish(spy, STILE_TOPIC_INBOX, 'b', early, FALSE);
    spy_publish(spy, STILE_TOPIC_INBOX, 'b', NULL, FALSE);
    spy_publish(spy, STILE_TOPIC_PACKETS, 'b', NULL, FALSE);
    spy_publish(spy, STILE_TOPIC_PRESENCE, 'b', early, TRUE);
    spy_publish(spy, STILE_TOPIC_PRESENCE, 'c', early, TRUE);
    spy_publish(spy, STILE_TOPIC_PRESENCE, 'a', early, TRUE);
    /* a notices, and mends what is retained of it; a newcomer hears no more of the old one */
    spy_wait(spy, STILE_TOPIC_PRESENCE, 'a', 3);
    g_assert_true(tell(a, 'b', "end"));
    wait_for(b, "message a end");
    g_assert_cmpuint(times(b, "message a once"), ==, 1);
    g_assert_cmpuint(times(b, "presence a first"), ==, 1);
    g_assert_cmpuint(times(b, "presence a second"), ==, 1);

    /* In a later life of b. */
    member_free(g_steal_pointer(&b));
    b = member_new('b', NULL);
    know(b, 'a');
    say(b, "another life");
    add_broker(b, mosquitto);
    wait_for(b, "presence a second");
    wait_for(a, "presence b another life");
    spy_publish(spy, STILE_TOPIC_INBOX, 'b', letter, FALSE);
    spy_wait(spy, STILE_TOPIC_INBOX, 'b', 5);
    g_assert_true(tell(a, 'b', "end"));
    wait_for(b, "message a end");
    g_assert_cmpuint(times(b, "message a once"), ==, 0);
    g_assert_cmpuint(times(b, "presence a first"), ==, 0);
}

static void
test_erased(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    StileMember gone = public_of('c');
    g_autoptr(Spy) spy = NULL;
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    g_autoptr(Member) c = NULL;

    if (!mosquitto)
        return;
    spy = spy_new(mosquitto);
    a = member_new('a', NULL);
    c = member_new('c', NULL);
    say(a, "hello");
    say(c, "hello");
    add_broker(a, mosquitto);
    add_broker(c, mosquitto);
    wait_for(a, "presence c");
    wait_for(c, "presence a");
    member_free(g_steal_pointer(&c));
    wait_for(a, "gone c");
    stile_rendezvous_erase_presence(a->rendezvous, gone.device);
    /* after its farewell, and maybe its will: a broker may notice the end before the farewell */
    for (guint i = 1; g_bytes_get_size(spy_wait(spy, STILE_TOPIC_PRESENCE, 'c', i)) > 0; i++)
        ;

    /* Ours, by whom it does not concern. */
    spy_publish(spy, STILE_TOPIC_PRESENCE, 'a', NULL, TRUE);
    g_assert_cmpuint(g_bytes_get_size(spy_wait(spy, STILE_TOPIC_PRESENCE, 'a', 1)), ==, 0);
    spy_wait(spy, STILE_TOPIC_PRESENCE, 'a', 2);
    b = member_new('b', NULL);
    add_broker(b, mosquitto);
    wait_for(b, "presence a hello");
}

/* The clock was an hour ahead in our last life: what we say now would be old to everybody. */
static void
test_clock_went_back(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autoptr(StileClock) clock = stile_clock_new_virtual(0, 1);
    gint64 deadline = g_get_monotonic_time() + PATIENCE;
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;

    if (!mosquitto)
        return;
    b = member_new('b', NULL);
    add_broker(b, mosquitto);
    stile_clock_set_real(clock, START + 3600 * (gint64)G_USEC_PER_SEC);
    a = member_new('a', clock);
    say(a, "from the future");
    add_broker(a, mosquitto);
    stile_clock_advance(clock, 0);
    wait_for(b, "presence a from the future");
    member_free(g_steal_pointer(&a));
    wait_for(b, "gone a");

    stile_clock_set_real(clock, START);
    a = member_new('a', clock);
    say(a, "from now");
    add_broker(a, mosquitto);
    while (times(b, "presence a from now") == 0) {
        stile_clock_advance(clock, 10000);
        turn(deadline);
    }
    know(a, 'b');
    know(b, 'a');
    g_assert_true(tell(b, 'a', "heard"));
    wait_for(a, "message b heard");
}

/* More than a line takes: packets are lost, not queued; the connection stays. */
static void
test_congestion(void)
{
    static const MosquittoOptions options = {0};
    g_autoptr(Mosquitto) mosquitto = mosquitto_start(&options);
    g_autofree char *packet = g_strnfill(1400, 'p');
    g_autoptr(Member) a = NULL;
    g_autoptr(Member) b = NULL;
    guint sent = 0;

    if (!mosquitto)
        return;
    a = member_new('a', NULL);
    b = member_new('b', NULL);
    say(b, "hello");
    add_broker(a, mosquitto);
    add_broker(b, mosquitto);
    wait_for(a, "presence b");
    while (pass(a, 'b', packet)) {
        sent++;
        g_assert_cmpuint(sent * strlen(packet), <, 128 * 1024);
    }
    g_assert_cmpuint(sent * strlen(packet), >, 32 * 1024);
    for (guint i = 0; i < sent; i++)
        wait_for(b, "packet pppp");
    g_assert_true(pass(a, 'b', "and again"));
    wait_for(b, "packet and again");
}

static guint
pool_threads(void)
{
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
    const char *task;
    guint found = 0;

    while (tasks && (task = g_dir_read_name(tasks))) {
        g_autofree char *path = g_build_filename("/proc/self/task", task, "comm", NULL);
        g_autofree char *name = NULL;

        if (g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "pool"))
            found++;
    }
    return found;
}

/* LeakSanitizer (of gcc 12 and clang 14) crashes over the thread-local memory of GnuTLS in a thread
 * of GIO's pool, which would otherwise still wait for work at the end. */
static void
end_threads(void)
{
    g_thread_pool_set_max_unused_threads(0);
    for (guint tries = 0; tries < 500 && pool_threads() > 0; tries++)
        g_usleep(10000);
}

int
main(int argc, char **argv)
{
    int result;

    if (argc > 3 && g_str_equal(argv[1], "--member"))
        run_child(argv[2], argv + 3);
    g_setenv("GIO_USE_PROXY_RESOLVER", "dummy", TRUE); /* the tester's own does not matter here */
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rendezvous/members", test_members);
    g_test_add_func("/rendezvous/crash", test_crash);
    g_test_add_func("/rendezvous/word", test_word);
    g_test_add_func("/rendezvous/two-brokers", test_two_brokers);
    g_test_add_func("/rendezvous/broker-restart", test_broker_restart);
    g_test_add_func("/rendezvous/password", test_password);
    g_test_add_func("/rendezvous/tls", test_tls);
    g_test_add_func("/rendezvous/unreachable", test_unreachable);
    g_test_add_func("/rendezvous/not-authorized", test_not_authorized);
    g_test_add_func("/rendezvous/rude", test_rude);
    g_test_add_func("/rendezvous/backoff", test_backoff);
    g_test_add_func("/rendezvous/silence", test_silence);
    g_test_add_func("/rendezvous/forgotten", test_forgotten);
    g_test_add_func("/rendezvous/replay", test_replay);
    g_test_add_func("/rendezvous/erased", test_erased);
    g_test_add_func("/rendezvous/clock-went-back", test_clock_went_back);
    g_test_add_func("/rendezvous/congestion", test_congestion);
    result = g_test_run();
    end_threads();
    return result;
}

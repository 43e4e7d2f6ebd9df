/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side channel over a real mosquitto: members see each other come, change, go and crash, and
 * exchange messages and packets; a broker that dies is found again when it is back; what is
 * replayed, overwritten or from another time does no harm. */
#include "member.h"
#include "rendezvous/mqtt-client.h"
#include "rendezvous/topics.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define PATIENCE (60 * G_USEC_PER_SEC)
#define LARGE    (16 * 1024) /* the most that a message may be */
#define START    (1700000000 * (gint64)G_USEC_PER_SEC)

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

    stile_topics_init(&spy->topics, TEST_NETWORK_KEY);
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
    g_autofree char *large = g_strnfill(LARGE, 'x');

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
    g_assert_cmpuint(lines_of(b, "gone a"), ==, 2);
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
    g_assert_cmpuint(lines_of(b, "message a number 7"), ==, 1);
    g_assert_cmpuint(lines_of(b, "message a last"), ==, 1);
    g_assert_cmpuint(lines_of(b, "presence a hello"), ==, 1);
    g_assert_cmpuint(lines_of(b, "gone a"), ==, 0);
    g_assert_cmpuint(lines_of(a, "gone c"), ==, 0);
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
    g_assert_cmpuint(lines_of(b, "presence a hello"), ==, 1);
    g_assert_cmpuint(lines_of(b, "gone a"), ==, 0);
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
    g_assert_cmpuint(lines_of(a, "gone c"), ==, 0);
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
    g_assert_cmpuint(lines_of(b, "message a once"), ==, 1);
    g_assert_cmpuint(lines_of(b, "presence a first"), ==, 1);
    g_assert_cmpuint(lines_of(b, "presence a second"), ==, 1);

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
    g_assert_cmpuint(lines_of(b, "message a once"), ==, 0);
    g_assert_cmpuint(lines_of(b, "presence a first"), ==, 0);
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
    while (lines_of(b, "presence a from now") == 0) {
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
    g_test_add_func("/rendezvous/forgotten", test_forgotten);
    g_test_add_func("/rendezvous/replay", test_replay);
    g_test_add_func("/rendezvous/erased", test_erased);
    g_test_add_func("/rendezvous/clock-went-back", test_clock_went_back);
    g_test_add_func("/rendezvous/congestion", test_congestion);
    result = g_test_run();
    end_threads();
    return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is sealed for a broker opens for whom it is meant, under its own topic, and not when
 * anything about it was altered; what is old, repeated or replayed is told from what is new, over
 * several brokers, lives and connections. */
#include "base/error.h"
#include "rendezvous/attendance.h"
#include "rendezvous/envelope.h"
#include "rendezvous/freshness.h"
#include <string.h>

static const guint8 network_key[STILE_KEY_SIZE] = {1};
static const guint8 random_bytes[24] = {7};

typedef struct {
    guint8 device_key[STILE_KEY_SIZE], device[STILE_KEY_SIZE];
    guint8 tunnel_key[STILE_KEY_SIZE], tunnel[STILE_KEY_SIZE];
    StileTag tag;
} Member;

static void
make_member(const StileEnvelopes *envelopes, Member *ret)
{
    stile_ed25519_generate(ret->device_key);
    stile_ed25519_public(ret->device_key, ret->device);
    stile_x25519_generate(ret->tunnel_key);
    stile_x25519_public(ret->tunnel_key, ret->tunnel);
    stile_topics_tag(&envelopes->topics, ret->device, &ret->tag);
}

static void
test_topics(void)
{
    static const guint8 other_key[STILE_KEY_SIZE] = {2};
    static const guint8 device[STILE_KEY_SIZE] = {3}, another[STILE_KEY_SIZE] = {4};
    static const char *const kinds = "pide";
    StileTopics topics, other;
    StileTag tag, found, same;

    stile_topics_init(&topics, network_key);
    stile_topics_init(&other, other_key);
    stile_topics_tag(&topics, device, &tag);
    g_assert_cmpuint(strlen(tag.text), ==, STILE_TAG_SIZE - 1);
    g_assert_null(strpbrk(tag.text, "+/#="));
    stile_topics_tag(&topics, device, &same);
    g_assert_cmpstr(same.text, ==, tag.text);
    stile_topics_tag(&topics, another, &same);
    g_assert_cmpstr(same.text, !=, tag.text);
    stile_topics_tag(&other, device, &same);
    g_assert_cmpstr(same.text, !=, tag.text);

    for (const char *at = kinds; *at; at++) {
        g_autofree char *topic = stile_topics_make(&topics, (StileTopicKind)*at, tag.text);
        g_autofree char *longer = g_strconcat(topic, "x", NULL);
        g_autofree char *deeper = g_strdup(topic);
        StileTopicKind kind;

        g_assert_true(g_str_has_prefix(topic, "stile/1/"));
        g_assert_true(stile_topics_parse(&topics, topic, &kind, &found));
        g_assert_cmpint(kind, ==, *at);
        g_assert_cmpstr(found.text, ==, tag.text);
        g_assert_false(stile_topics_parse(&other, topic, &kind, &found));
        g_assert_false(stile_topics_parse(&topics, longer, &kind, &found));
        deeper[strlen(deeper) - 3] = '/';
        g_assert_false(stile_topics_parse(&topics, deeper, &kind, &found));
        g_assert_false(stile_topics_parse(&topics, "stile/1/", &kind, &found));
        g_assert_false(stile_topics_parse(&topics, "", &kind, &found));
    }
}

static void
test_presence(void)
{
    static const guint8 other_key[STILE_KEY_SIZE] = {2}, payload[] = "who I am";
    StileEnvelopes envelopes, other;
    Member alice, bob;
    StilePresenceStamp presence = {.epoch = 5, .life = 4, .sequence = 3}, ret;
    g_autoptr(GByteArray) sealed = NULL;

    stile_envelopes_init(&envelopes, network_key);
    stile_envelopes_init(&other, other_key);
    make_member(&envelopes, &alice);
    make_member(&envelopes, &bob);
    memcpy(presence.device, alice.device, STILE_KEY_SIZE);
    sealed = stile_envelope_seal_presence(&envelopes, &presence, alice.device_key, random_bytes,
                                          payload, sizeof payload);
    {
        g_auto(StileOpened) opened = {0};

        g_assert_true(stile_envelope_open_presence(&envelopes, &alice.tag, sealed->data,
                                                   sealed->len, &ret, &opened, NULL));
        g_assert_cmpmem(opened.payload, opened.size, payload, sizeof payload);
        g_assert_cmpmem(ret.device, STILE_KEY_SIZE, alice.device, STILE_KEY_SIZE);
        g_assert_cmpuint(ret.epoch, ==, 5);
        g_assert_cmpuint(ret.life, ==, 4);
        g_assert_cmpuint(ret.sequence, ==, 3);
        g_assert_false(ret.gone);
    }
    { /* the topic of somebody else, another network, truncated, altered anywhere */
        g_auto(StileOpened) opened = {0};

        g_assert_false(stile_envelope_open_presence(&envelopes, &bob.tag, sealed->data, sealed->len,
                                                    &ret, &opened, NULL));
        g_assert_false(stile_envelope_open_presence(&other, &alice.tag, sealed->data, sealed->len,
                                                    &ret, &opened, NULL));
        for (gsize size = 0; size < sealed->len; size++)
            g_assert_false(stile_envelope_open_presence(&envelopes, &alice.tag, sealed->data, size,
                                                        &ret, &opened, NULL));
        for (gsize i = 0; i < sealed->len; i++) {
            sealed->data[i] ^= 1;
            g_assert_false(stile_envelope_open_presence(&envelopes, &alice.tag, sealed->data,
                                                        sealed->len, &ret, &opened, NULL));
            sealed->data[i] ^= 1;
        }
        g_assert_null(opened.plain);
    }
    { /* a member who speaks for another: sealed well, signed by the wrong one */
        g_auto(StileOpened) opened = {0};
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) forged = stile_envelope_seal_presence(
            &envelopes, &presence, bob.device_key, random_bytes, payload, sizeof payload);

        g_assert_false(stile_envelope_open_presence(&envelopes, &alice.tag, forged->data,
                                                    forged->len, &ret, &opened, &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
    }
    { /* a last will */
        g_auto(StileOpened) opened = {0};
        g_autoptr(GByteArray) will = NULL;

        presence.gone = TRUE;
        presence.sequence = G_MAXUINT64;
        will = stile_envelope_seal_presence(&envelopes, &presence, alice.device_key, random_bytes,
                                            payload, sizeof payload);
        g_assert_true(stile_envelope_open_presence(&envelopes, &alice.tag, will->data, will->len,
                                                   &ret, &opened, NULL));
        g_assert_true(ret.gone);
        g_assert_cmpuint(ret.sequence, ==, G_MAXUINT64);
        g_assert_cmpmem(opened.payload, opened.size, payload, sizeof payload);
    }
}

static void
test_message(void)
{
    static const guint8 payload[] = "a candidate", zeros[STILE_KEY_SIZE] = {0};
    g_autofree guint8 *large = g_malloc0(STILE_MESSAGE_MAX + 1);
    StileEnvelopes envelopes;
    Member alice, bob;
    StileMessageStamp message = {.recipient_life = 9, .life = 8, .counter = 7}, ret;
    g_autoptr(GByteArray) sealed = NULL;
    g_autoptr(GByteArray) again = NULL;
    g_autoptr(GByteArray) too_large = NULL;
    g_auto(StileOpened) opened = {0};

    stile_envelopes_init(&envelopes, network_key);
    make_member(&envelopes, &alice);
    make_member(&envelopes, &bob);
    sealed = stile_envelope_seal_message(&envelopes, &message, &bob.tag, alice.tunnel_key,
                                         bob.tunnel, payload, sizeof payload);
    again = stile_envelope_seal_message(&envelopes, &message, &bob.tag, alice.tunnel_key,
                                        bob.tunnel, payload, sizeof payload);
    too_large = stile_envelope_seal_message(&envelopes, &message, &bob.tag, alice.tunnel_key,
                                            bob.tunnel, large, STILE_MESSAGE_MAX + 1);
    g_assert_cmpuint(sealed->len, ==, again->len);
    g_assert_true(memcmp(sealed->data, again->data, sealed->len) != 0);

    /* another inbox, another key, too large, truncated, altered anywhere */
    g_assert_false(stile_envelope_open_message(&envelopes, &alice.tag, bob.tunnel_key, sealed->data,
                                               sealed->len, &ret, &opened, NULL));
    g_assert_false(stile_envelope_open_message(&envelopes, &bob.tag, alice.tunnel_key, sealed->data,
                                               sealed->len, &ret, &opened, NULL));
    g_assert_false(stile_envelope_open_message(&envelopes, &bob.tag, bob.tunnel_key,
                                               too_large->data, too_large->len, &ret, &opened,
                                               NULL));
    for (gsize size = 0; size < sealed->len; size++)
        g_assert_false(stile_envelope_open_message(&envelopes, &bob.tag, bob.tunnel_key,
                                                   sealed->data, size, &ret, &opened, NULL));
    for (gsize i = 0; i < sealed->len; i++) {
        sealed->data[i] ^= 0x80;
        /* The last bit of the ephemeral key is no part of it (RFC 7748 §5), but of the hash. */
        g_assert_false(stile_envelope_open_message(&envelopes, &bob.tag, bob.tunnel_key,
                                                   sealed->data, sealed->len, &ret, &opened, NULL));
        sealed->data[i] ^= 0x80;
    }
    g_assert_null(opened.plain);
    g_assert_null(stile_envelope_seal_message(&envelopes, &message, &bob.tag, alice.tunnel_key,
                                              zeros, payload, sizeof payload));

    g_assert_true(stile_envelope_open_message(&envelopes, &bob.tag, bob.tunnel_key, sealed->data,
                                              sealed->len, &ret, &opened, NULL));
    g_assert_cmpmem(opened.payload, opened.size, payload, sizeof payload);
    g_assert_cmpmem(ret.sender, STILE_KEY_SIZE, alice.tunnel, STILE_KEY_SIZE);
    g_assert_cmpuint(ret.recipient_life, ==, 9);
    g_assert_cmpuint(ret.life, ==, 8);
    g_assert_cmpuint(ret.counter, ==, 7);
}

static void
test_packet(void)
{
    static const guint8 packet[] = {4, 0, 0, 0, 1, 2, 3};
    StileEnvelopes envelopes;
    Member alice, bob;
    g_autoptr(GByteArray) sealed = NULL;
    g_auto(StileOpened) opened = {0};

    stile_envelopes_init(&envelopes, network_key);
    make_member(&envelopes, &alice);
    make_member(&envelopes, &bob);
    sealed = stile_envelope_seal_packet(&envelopes, &bob.tag, random_bytes, packet, sizeof packet);
    g_assert_false(stile_envelope_open_packet(&envelopes, &alice.tag, sealed->data, sealed->len,
                                              &opened, NULL));
    for (gsize i = 0; i < sealed->len; i++) {
        sealed->data[i] ^= 4;
        g_assert_false(stile_envelope_open_packet(&envelopes, &bob.tag, sealed->data, sealed->len,
                                                  &opened, NULL));
        sealed->data[i] ^= 4;
    }
    g_assert_true(
        stile_envelope_open_packet(&envelopes, &bob.tag, sealed->data, sealed->len, &opened, NULL));
    g_assert_cmpmem(opened.payload, opened.size, packet, sizeof packet);
}

static void
test_replay(void)
{
    StileFreshness freshness = {0};
    guint64 far;

    g_assert_false(stile_freshness_accept(&freshness, 100, 0));
    g_assert_true(stile_freshness_accept(&freshness, 100, 1));
    g_assert_false(stile_freshness_accept(&freshness, 100, 1));
    g_assert_true(stile_freshness_accept(&freshness, 100, 5)); /* over two brokers, out of order */
    g_assert_true(stile_freshness_accept(&freshness, 100, 3));
    g_assert_false(stile_freshness_accept(&freshness, 100, 3));
    g_assert_false(stile_freshness_accept(&freshness, 100, 5));

    /* As far back as the window goes, each once, wherever in its words. */
    far = 5 + STILE_FRESHNESS_WINDOW;
    g_assert_true(stile_freshness_accept(&freshness, 100, far));
    g_assert_false(stile_freshness_accept(&freshness, 100, 5));
    for (guint64 counter = 6; counter < far; counter++)
        g_assert_true(stile_freshness_accept(&freshness, 100, counter));
    for (guint64 counter = 0; counter <= far; counter++)
        g_assert_false(stile_freshness_accept(&freshness, 100, counter));
    g_assert_true(stile_freshness_accept(&freshness, 100, G_MAXUINT64));
    g_assert_false(stile_freshness_accept(&freshness, 100, far + 1));
    g_assert_false(stile_freshness_accept(&freshness, 100, G_MAXUINT64));

    g_assert_false(stile_freshness_accept(&freshness, 99, 1000)); /* an earlier life */
    g_assert_true(stile_freshness_accept(&freshness, 101, 1));
    g_assert_false(stile_freshness_accept(&freshness, 100, G_MAXUINT64 - 1));
}

/* What a device says on server, and what it must be taken for. Each device is one letter. */
typedef struct {
    guint server;
    guint8 device;
    guint64 epoch, life, sequence;
    gboolean gone;
    StileNews news;
    const char *why;
} Step;

#define P      FALSE
#define G      TRUE
#define WILL   G_MAXUINT64
#define IS_OLD STILE_NEWS_OLD
#define IS_NEW STILE_NEWS_PRESENT
#define IS_OUT STILE_NEWS_ABSENT
#define IS_OFF STILE_NEWS_GONE

static void
run_steps(StileAttendance *attendance, const Step *steps, gsize n_steps)
{
    for (gsize i = 0; i < n_steps; i++) {
        const Step *step = &steps[i];
        StilePresenceStamp presence = {
            .epoch = step->epoch,
            .life = step->life,
            .sequence = step->sequence,
            .gone = step->gone,
        };

        memset(presence.device, step->device, STILE_KEY_SIZE);
        g_test_message("%zu: %s", i, step->why);
        g_assert_cmpint(stile_attendance_update(attendance, step->server, &presence), ==,
                        step->news);
    }
}

/* Returns: one that hears two brokers */
static StileAttendance *
hearing(void)
{
    StileAttendance *attendance = stile_attendance_new();

    stile_attendance_begin(attendance, 0);
    stile_attendance_begin(attendance, 1);
    return attendance;
}

static gboolean
is_at(StileAttendance *attendance, guint8 name, guint server)
{
    guint8 device[STILE_KEY_SIZE];

    memset(device, name, sizeof device);
    return stile_attendance_is_at(attendance, device, server, NULL);
}

static void
test_attendance_one(void)
{
    static const Step steps[] = {
        {0, 'a', 10, 9, 1, P, IS_NEW, "it comes"},
        {0, 'a', 10, 9, 1, P, IS_OLD, "the same again: retained, after a reconnection of ours"},
        {0, 'a', 10, 9, 3, P, IS_NEW, "it says something else"},
        {0, 'a', 10, 9, 2, P, IS_OLD, "an older presence, replayed"},
        {0, 'b', 1, 1, WILL, G, IS_OUT, "somebody who is gone already"},
        {0, 'a', 10, 9, WILL, G, IS_OFF, "its connection breaks"},
        {0, 'a', 10, 9, WILL, G, IS_OUT, "its will again"},
        {0, 'a', 10, 9, 4, P, IS_OLD, "a presence of the connection that is over"},
        {0, 'a', 20, 9, 3, P, IS_NEW, "it is back with a new connection, saying the same"},
        {0, 'a', 10, 9, WILL, G, IS_OLD, "the will of the old connection, late"},
        {0, 'a', 20, 9, 4, G, IS_OFF, "it takes its presence back"},
        {0, 'a', 20, 9, 5, P, IS_NEW, "and shows itself again, on the same connection"},
        {0, 'a', 30, 29, 1, P, IS_NEW, "it was started anew"},
        {0, 'a', 25, 9, 6, P, IS_OLD, "something of its earlier life"},
    };
    g_autoptr(StileAttendance) attendance = hearing();

    run_steps(attendance, steps, G_N_ELEMENTS(steps));
    g_assert_true(is_at(attendance, 'a', 0));
    g_assert_false(is_at(attendance, 'a', 1));
    g_assert_false(is_at(attendance, 'b', 0));
    g_assert_false(is_at(attendance, 'c', 0));
}

static void
test_attendance_two(void)
{
    static const Step comes[] = {
        {0, 'a', 10, 9, 1, P, IS_NEW, "over the first broker"},
        {1, 'a', 12, 9, 1, P, IS_OLD, "the same over the second"},
        {1, 'a', 12, 9, 2, P, IS_NEW, "a change, the second is faster"},
        {0, 'a', 10, 9, 2, P, IS_OLD, "the same over the first"},
        {0, 'a', 10, 9, WILL, G, IS_OLD, "the first breaks; the second holds it online"},
    };
    static const Step goes[] = {
        {1, 'a', 12, 9, WILL, G, IS_OFF, "the second breaks, too"},
        {0, 'a', 11, 9, 1, P, IS_OLD, "an old payload alone brings nobody back"},
        {0, 'a', 11, 9, 2, P, IS_NEW, "the newest does"},
    };
    static const Step restarts[] = {
        {1, 'a', 13, 9, 2, P, IS_OLD, "on the second as well"},
        {0, 'a', 50, 49, 1, P, IS_NEW, "it crashed and begins anew, at first on the first only"},
        {0, 'a', 50, 49, WILL, G, IS_OFF, "gone; what the second still has is of an earlier life"},
        {1, 'a', 13, 9, WILL, G, IS_OLD, "as the second notices at last"},
    };
    g_autoptr(StileAttendance) attendance = hearing();

    run_steps(attendance, comes, G_N_ELEMENTS(comes));
    g_assert_false(is_at(attendance, 'a', 0));
    g_assert_true(is_at(attendance, 'a', 1));
    run_steps(attendance, goes, G_N_ELEMENTS(goes));
    run_steps(attendance, restarts, G_N_ELEMENTS(restarts));
}

/* A broker that we lost: who was on it stays, until another says otherwise. */
static void
test_attendance_lost(void)
{
    static const Step before[] = {
        {0, 'a', 1, 1, 1, P, IS_NEW, "on both"},
        {1, 'a', 2, 1, 1, P, IS_OLD, "on both"},
        {0, 'b', 1, 1, 1, P, IS_NEW, "on the first only"},
    };
    static const Step after[] = {
        {1, 'a', 2, 1, WILL, G, IS_OFF, "gone from the one that we hear"},
    };
    static const Step back[] = {
        {0, 'a', 1, 1, 1, P, IS_NEW, "it was on the first all the while"},
        {0, 'b', 1, 1, 1, P, IS_OLD, "and so was this"},
    };
    g_autoptr(StileAttendance) attendance = hearing();

    run_steps(attendance, before, G_N_ELEMENTS(before));
    stile_attendance_lost(attendance, 0);
    run_steps(attendance, after, G_N_ELEMENTS(after));
    stile_attendance_begin(attendance, 0);
    run_steps(attendance, back, G_N_ELEMENTS(back));
}

static void
count(const guint8 device[STILE_KEY_SIZE], gpointer user_data)
{
    GString *gone = user_data;

    g_string_append_c(gone, (char)device[0]);
}

/* A broker that forgot: who is on another, or came back, stays; who is not is gone. */
static void
test_attendance_settle(void)
{
    static const Step before[] = {
        {0, 'a', 1, 1, 1, P, IS_NEW, "on the first only"},
        {0, 'b', 1, 1, 1, P, IS_NEW, "on both"},
        {1, 'b', 2, 1, 1, P, IS_OLD, "on both"},
        {0, 'c', 1, 1, 1, P, IS_NEW, "will come back"},
        {0, 'd', 1, 1, 1, P, IS_NEW, "retained by the broker all the while"},
    };
    static const Step after[] = {
        {0, 'c', 5, 1, 1, P, IS_OLD, "is back"},
        {0, 'd', 1, 1, 1, P, IS_OLD, "is still there"},
    };
    static const Step later[] = {{0, 'a', 1, 1, 1, P, IS_NEW, "is there after all"}};
    g_autoptr(StileAttendance) attendance = hearing();
    g_autoptr(GString) gone = g_string_new(NULL);

    run_steps(attendance, before, G_N_ELEMENTS(before));
    stile_attendance_begin(attendance, 0);
    run_steps(attendance, after, G_N_ELEMENTS(after));
    g_assert_true(is_at(attendance, 'a', 0)); /* until it is settled, it may be */
    stile_attendance_settle(attendance, 0, count, gone);
    g_assert_cmpstr(gone->str, ==, "a");
    g_assert_false(is_at(attendance, 'a', 0));
    g_assert_false(is_at(attendance, 'b', 0));
    g_assert_true(is_at(attendance, 'b', 1));
    run_steps(attendance, later, G_N_ELEMENTS(later));
}

static void
test_attendance_bounds(void)
{
    g_autoptr(StileAttendance) attendance = hearing();
    StilePresenceStamp presence = {.epoch = 1, .life = 1, .sequence = 1};
    guint8 member[STILE_KEY_SIZE];

    memset(member, 'm', sizeof member);
    stile_attendance_keep(attendance, member, TRUE);
    memcpy(presence.device, member, STILE_KEY_SIZE);
    g_assert_cmpint(stile_attendance_update(attendance, 0, &presence), ==, STILE_NEWS_PRESENT);
    memset(presence.device, 0, STILE_KEY_SIZE);
    for (guint32 i = 0; i < 3 * STILE_ATTENDANCE_MAX; i++) {
        memcpy(presence.device, &i, sizeof i);
        g_assert_cmpint(stile_attendance_update(attendance, 0, &presence), ==, STILE_NEWS_PRESENT);
    }
    g_assert_true(stile_attendance_is_at(attendance, member, 0, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rendezvous/topics", test_topics);
    g_test_add_func("/rendezvous/envelope/presence", test_presence);
    g_test_add_func("/rendezvous/envelope/message", test_message);
    g_test_add_func("/rendezvous/envelope/packet", test_packet);
    g_test_add_func("/rendezvous/replay", test_replay);
    g_test_add_func("/rendezvous/attendance/one-broker", test_attendance_one);
    g_test_add_func("/rendezvous/attendance/two-brokers", test_attendance_two);
    g_test_add_func("/rendezvous/attendance/lost", test_attendance_lost);
    g_test_add_func("/rendezvous/attendance/settle", test_attendance_settle);
    g_test_add_func("/rendezvous/attendance/bounds", test_attendance_bounds);
    return g_test_run();
}

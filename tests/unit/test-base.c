/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ground floor: addresses are read and written the same, readers and writers keep their bounds,
 * timers fire in order under a virtual clock and in the main loop under the real one. */
#include "base/address.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

static void
test_address_parse(void)
{
    static const struct {
        const char *text, *written;
    } good[] = {
        {"192.0.2.1", "192.0.2.1:7"},         {"192.0.2.1:3478", "192.0.2.1:3478"},
        {"2001:db8::1", "[2001:db8::1]:7"},   {"[2001:db8::1]:3478", "[2001:db8::1]:3478"},
        {"[2001:db8::1]", "[2001:db8::1]:7"}, {"fe80::1%1", "[fe80::1%1]:7"},
        {"::ffff:192.0.2.1", "192.0.2.1:7"},
    };
    static const char *const bad[] = {
        "",          "name",   "192.0.2.1:", "192.0.2.1:65536", "192.0.2.256", "[192.0.2.1]:1",
        "[::1",      "[::1]x", "[::1]:-1",   "1.2.3.4:+5",      "::1%nope",    "1.2.3",
        "1.2.3.4.5",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *written = NULL;
        g_autoptr(GError) error = NULL;
        StileAddress address;

        g_assert_true(stile_address_parse(&address, good[i].text, 7, &error));
        g_assert_no_error(error);
        written = stile_address_to_string(&address);
        g_assert_cmpstr(written, ==, good[i].written);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        StileAddress address;

        g_assert_false(stile_address_parse(&address, bad[i], 7, &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_address_scope(void)
{
    static const struct {
        const char *text;
        StileAddressScope scope;
    } cases[] = {
        {"0.0.0.0", STILE_ADDRESS_UNSPECIFIED},
        {"0.1.2.3", STILE_ADDRESS_RESERVED},
        {"127.0.0.9", STILE_ADDRESS_LOOPBACK},
        {"10.1.2.3", STILE_ADDRESS_PRIVATE},
        {"172.31.0.1", STILE_ADDRESS_PRIVATE},
        {"172.32.0.1", STILE_ADDRESS_GLOBAL},
        {"100.64.0.1", STILE_ADDRESS_SHARED},
        {"100.128.0.1", STILE_ADDRESS_GLOBAL},
        {"169.254.1.1", STILE_ADDRESS_LINK_LOCAL},
        {"224.0.0.251", STILE_ADDRESS_MULTICAST},
        {"255.255.255.255", STILE_ADDRESS_BROADCAST},
        {"250.0.0.1", STILE_ADDRESS_RESERVED},
        {"::", STILE_ADDRESS_UNSPECIFIED},
        {"::1", STILE_ADDRESS_LOOPBACK},
        {"fe80::1", STILE_ADDRESS_LINK_LOCAL},
        {"fd00::1", STILE_ADDRESS_PRIVATE},
        {"ff02::1", STILE_ADDRESS_MULTICAST},
        {"2001:4860::1", STILE_ADDRESS_GLOBAL},
        {"::ffff:10.0.0.1", STILE_ADDRESS_PRIVATE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StileAddress address;

        g_assert_true(stile_address_parse(&address, cases[i].text, 0, NULL));
        g_assert_cmpint(stile_address_scope(&address), ==, cases[i].scope);
    }
}

static void
test_prefix(void)
{
    static const char *const bad[] = {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "/8"};
    g_autofree char *written = NULL;
    StileAddress inside, outside;
    StilePrefix prefix, network;

    g_assert_true(stile_prefix_parse(&prefix, "10.86.3.7/13", NULL));
    network = stile_prefix_network(&prefix);
    written = stile_prefix_to_string(&network);
    g_assert_cmpstr(written, ==, "10.80.0.0/13");
    g_assert_true(stile_address_parse(&inside, "10.87.255.255", 0, NULL));
    g_assert_true(stile_address_parse(&outside, "10.88.0.0", 0, NULL));
    g_assert_true(stile_prefix_contains(&prefix, &inside));
    g_assert_false(stile_prefix_contains(&prefix, &outside));
    g_assert_true(stile_address_parse(&outside, "::1", 0, NULL));
    g_assert_false(stile_prefix_contains(&prefix, &outside));
    g_assert_true(stile_prefix_parse(&prefix, "0.0.0.0/0", NULL));
    g_assert_true(stile_prefix_contains(&prefix, &inside));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(stile_prefix_parse(&prefix, bad[i], NULL));
}

static void
test_bytes(void)
{
    guint8 buffer[32];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);
    StileReader reader;
    g_autofree char *string = NULL;

    stile_writer_u8(&writer, 1);
    stile_writer_u16be(&writer, 0x0203);
    stile_writer_u32be(&writer, 0x04050607);
    stile_writer_u64le(&writer, 0x1122334455667788);
    stile_writer_string(&writer, "Stile");
    g_assert_false(writer.failed);
    g_assert_cmpuint(writer.used, ==, 22);
    g_assert_cmpuint(buffer[2], ==, 3);
    g_assert_cmpuint(buffer[7], ==, 0x88);

    reader = STILE_READER_INIT(buffer, writer.used);
    g_assert_cmpuint(stile_reader_u8(&reader), ==, 1);
    g_assert_cmpuint(stile_reader_u16be(&reader), ==, 0x0203);
    g_assert_cmpuint(stile_reader_u32be(&reader), ==, 0x04050607);
    g_assert_cmpuint(stile_reader_u64le(&reader), ==, 0x1122334455667788);
    string = stile_reader_string(&reader, 5);
    g_assert_cmpstr(string, ==, "Stile");
    g_assert_true(stile_reader_done(&reader));

    g_assert_cmpuint(stile_reader_u8(&reader), ==, 0);
    g_assert_true(reader.failed);
    g_assert_null(stile_reader_take(&reader, 0)); /* once failed, failed */

    g_assert_nonnull(stile_writer_reserve(&writer, 10));
    g_assert_null(stile_writer_reserve(&writer, 1));
    g_assert_true(writer.failed);
}

static void
test_bytes_bad_strings(void)
{
    static const guint8 too_long[] = {0, 3, 'a', 'b', 'c'}, cut[] = {0, 4, 'a'},
                        not_utf8[] = {0, 1, 0xff}, with_nul[] = {0, 2, 'a', 0};
    StileReader readers[] = {
        STILE_READER_INIT(too_long, sizeof too_long),
        STILE_READER_INIT(cut, sizeof cut),
        STILE_READER_INIT(not_utf8, sizeof not_utf8),
        STILE_READER_INIT(with_nul, sizeof with_nul),
    };

    for (gsize i = 0; i < G_N_ELEMENTS(readers); i++) {
        g_assert_null(stile_reader_string(&readers[i], 2));
        g_assert_true(readers[i].failed);
    }
}

typedef struct {
    GString *log;
    StileClock *clock;
    StileTimer *again;
    char name;
} Ringer;

static void
ring(gpointer user_data)
{
    Ringer *ringer = user_data;

    g_string_append_printf(ringer->log, "%c%" G_GINT64_FORMAT " ", ringer->name,
                           stile_clock_now(ringer->clock));
    if (ringer->again)
        stile_timer_set_after(ringer->again, 10);
}

static void
test_clock_virtual(void)
{
    g_autoptr(StileClock) clock = stile_clock_new_virtual(100, 1);
    g_autoptr(GString) log = g_string_new(NULL);
    Ringer a = {log, clock, NULL, 'a'}, b = {log, clock, NULL, 'b'};
    g_autoptr(StileTimer) later = stile_timer_new(clock, ring, &a);
    g_autoptr(StileTimer) sooner = stile_timer_new(clock, ring, &b);
    guint8 random[8], same[8];
    g_autoptr(StileClock) twin = stile_clock_new_virtual(0, 1);

    b.again = sooner;
    stile_timer_set(later, 115);
    stile_timer_set(sooner, 105);
    stile_clock_advance(clock, 20);
    g_assert_cmpstr(log->str, ==, "b105 a115 b115 ");
    g_assert_cmpint(stile_clock_now(clock), ==, 120);
    g_assert_false(stile_timer_is_set(later));
    stile_timer_stop(sooner);
    stile_clock_advance(clock, 1000);
    g_assert_cmpstr(log->str, ==, "b105 a115 b115 ");

    stile_clock_set_real(clock, 5000000);
    stile_clock_advance(clock, 7);
    g_assert_cmpint(stile_clock_real(clock), ==, 5000007);

    stile_clock_random(clock, random, sizeof random);
    stile_clock_random(twin, same, sizeof same);
    g_assert_cmpmem(random, sizeof random, same, sizeof same);
}

static void
quit(gpointer user_data)
{
    g_main_loop_quit(user_data);
}

static void
test_clock_real(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    g_autoptr(StileClock) clock = stile_clock_new(context);
    g_autoptr(StileTimer) timer = stile_timer_new(clock, quit, loop);
    gint64 before = stile_clock_now(clock);

    stile_timer_set_after(timer, 2000);
    g_main_loop_run(loop);
    g_assert_cmpint(stile_clock_now(clock), >=, before + 2000);
    stile_timer_set(timer, 0); /* the past: at once */
    g_main_loop_run(loop);
}

static guint n_polls;

static int
count_poll(GPollFD *fds, guint n, int timeout)
{
    n_polls++;
    return g_poll(fds, n, timeout);
}

typedef struct {
    StileTimer *again;
    guint left;
} Stopper;

/* As a request whose answer comes at once: its timer is set and stopped within one turn. */
static void
set_and_stop(gpointer user_data)
{
    Stopper *stopper = user_data;

    stile_timer_set_after(stopper->again, 1000);
    stile_timer_stop(stopper->again);
    if (--stopper->left > 0)
        stile_timer_set_after(stopper->again, 2000);
}

static void
test_clock_wakes(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    g_autoptr(StileClock) clock = stile_clock_new(context);
    g_autoptr(StileTimer) end = stile_timer_new(clock, quit, loop);
    Stopper stopper = {.left = 3};
    g_autoptr(StileTimer) timer = stile_timer_new(clock, set_and_stop, &stopper);

    g_main_context_set_poll_func(context, count_poll);
    stopper.again = timer;
    stile_timer_set_after(timer, 2000);
    stile_timer_set_after(end, G_USEC_PER_SEC / 4);
    g_main_loop_run(loop);
    g_assert_cmpuint(stopper.left, ==, 0);
    /* Once for each that fires, none that was stopped, and once because the clock is new. */
    g_assert_cmpuint(n_polls, <=, 5);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/address/parse", test_address_parse);
    g_test_add_func("/base/address/scope", test_address_scope);
    g_test_add_func("/base/prefix", test_prefix);
    g_test_add_func("/base/bytes", test_bytes);
    g_test_add_func("/base/bytes/bad-strings", test_bytes_bad_strings);
    g_test_add_func("/base/clock/virtual", test_clock_virtual);
    g_test_add_func("/base/clock/real", test_clock_real);
    g_test_add_func("/base/clock/wakes", test_clock_wakes);
    return g_test_run();
}

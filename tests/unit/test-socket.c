/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The datagram socket: both families stand on one port, a datagram tells where it came from and
 * was sent to, the source can be chosen, segments arrive as the datagrams that they were, also
 * where the kernel refuses to cut them, and errors come back as what they mean. */
#include "config.h"

#include "io/socket.h"

#include "base/error.h"
#include "io/links.h"
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static StileAddress
address(const char *text, guint16 port)
{
    StileAddress ret;

    g_assert_true(stile_address_parse(&ret, text, port, NULL));
    return ret;
}

static StileSocket *
open_socket(int family)
{
    g_autoptr(GError) error = NULL;
    StileSocket *socket = stile_socket_new(family, 0, &error);

    g_assert_no_error(error);
    g_assert_cmpint(stile_socket_family(socket), ==, family);
    g_assert_cmpuint(stile_socket_port(socket), !=, 0);
    return socket;
}

static guint
receive(StileSocket *socket, StileReceiveBuffers *buffers, StileDatagram *ret)
{
    struct pollfd poll_fd = {.fd = stile_socket_fd(socket), .events = POLLIN};

    g_assert_cmpint(poll(&poll_fd, 1, 10000), ==, 1);
    return stile_socket_receive(socket, buffers, ret, STILE_SOCKET_MAX_BATCH);
}

static void
check_pair(int family, const char *loopback, const char *other)
{
    g_autoptr(StileSocket) a = open_socket(family);
    g_autoptr(StileSocket) b = open_socket(family);
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();
    StileDatagram got[STILE_SOCKET_MAX_BATCH];
    StileAddress to = address(loopback, stile_socket_port(b));
    StileAddress from = address(other, 0);
    StileAddress sender = address(other, stile_socket_port(a));

    g_assert_cmpint(stile_socket_send(a, &from, &to, "hello", 5), ==, 0);
    g_assert_cmpuint(receive(b, buffers, got), ==, 1);
    g_assert_cmpmem(got[0].data, got[0].size, "hello", 5);
    g_assert_cmpuint(got[0].segment, ==, 5);
    g_assert_true(stile_address_equal(&got[0].remote, &sender));
    g_assert_true(stile_address_equal(&got[0].local, &to));

    /* An answer from where it was sent to, as a server on several addresses must. */
    g_assert_cmpint(stile_socket_send(b, &got[0].local, &got[0].remote, "", 0), ==, 0);
    g_assert_cmpuint(receive(a, buffers, got), ==, 1);
    g_assert_cmpuint(got[0].size, ==, 0);
    g_assert_true(stile_address_equal(&got[0].remote, &to));
    g_assert_true(stile_address_equal_ip(&got[0].local, &sender));
    g_assert_cmpuint(stile_socket_receive(a, buffers, got, STILE_SOCKET_MAX_BATCH), ==, 0);
}

static void
test_ipv4(void)
{
    check_pair(AF_INET, "127.0.0.1", "127.0.0.2");
}

/* No more than asked for; the rest is still there. */
static void
test_bound(void)
{
    g_autoptr(StileSocket) a = open_socket(AF_INET);
    g_autoptr(StileSocket) b = open_socket(AF_INET);
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();
    StileDatagram got[STILE_SOCKET_MAX_BATCH];
    StileAddress to = address("127.0.0.1", stile_socket_port(b));

    /* Of rising sizes, so that the kernel merges none. */
    g_assert_cmpint(stile_socket_send(a, NULL, &to, "1", 1), ==, 0);
    g_assert_cmpint(stile_socket_send(a, NULL, &to, "two", 3), ==, 0);
    g_assert_cmpint(stile_socket_send(a, NULL, &to, "three", 5), ==, 0);
    g_assert_cmpuint(stile_socket_receive(b, buffers, got, 2), ==, 2);
    g_assert_cmpmem(got[1].data, got[1].size, "two", 3);
    g_assert_cmpuint(stile_socket_receive(b, buffers, got, 2), ==, 1);
    g_assert_cmpmem(got[0].data, got[0].size, "three", 5);
}

static void
test_ipv6(void)
{
    g_autoptr(StileSocket) probe = stile_socket_new(AF_INET6, 0, NULL);

    if (!probe) {
        g_test_skip("no IPv6 here");
        return;
    }
    check_pair(AF_INET6, "::1", "::1");
}

static void
test_both_families_on_one_port(void)
{
    g_autoptr(StileSocket) four = open_socket(AF_INET);
    g_autoptr(GError) error = NULL;
    g_autoptr(StileSocket) six = stile_socket_new(AF_INET6, stile_socket_port(four), &error);
    g_autoptr(StileSocket) again = stile_socket_new(AF_INET, stile_socket_port(four), &error);

    g_assert_null(again);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    if (six)
        g_assert_cmpuint(stile_socket_port(six), ==, stile_socket_port(four));
}

/* @total bytes go in segments; the same bytes come out, cut in the same places. */
static void
check_segments(StileSocket *from, StileSocket *to, const StileAddress *remote, gsize total,
               gsize segment)
{
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();
    g_autofree guint8 *data = g_malloc(total);
    gsize seen = 0;

    for (gsize i = 0; i < total; i++)
        data[i] = (guint8)(i * 7 + i / 251);
    g_assert_cmpint(stile_socket_send_segments(from, NULL, remote, data, total, segment), ==, 0);
    while (seen < total) {
        StileDatagram got[STILE_SOCKET_MAX_BATCH];
        guint n = receive(to, buffers, got);

        for (guint i = 0; i < n; i++) {
            g_assert_cmpuint(got[i].segment, ==, MIN(segment, total - seen));
            g_assert_cmpuint(got[i].size, <=, total - seen);
            g_assert_true(got[i].size % segment == 0 || seen + got[i].size == total);
            g_assert_cmpint(memcmp(got[i].data, data + seen, got[i].size), ==, 0);
            seen += got[i].size;
        }
    }
}

static void
check_segment_sizes(int family, const char *loopback)
{
    g_autoptr(StileSocket) a = open_socket(family);
    g_autoptr(StileSocket) b = open_socket(family);
    StileAddress to = address(loopback, stile_socket_port(b));

    check_segments(a, b, &to, 10, 10);
    check_segments(a, b, &to, 3000, 1400);
    check_segments(a, b, &to, 64 * 1000, 1000);
    check_segments(a, b, &to, 65 * 1000 + 1, 1000);
    check_segments(a, b, &to, 200, 1);
    check_segments(a, b, &to, 200000, 1452);
    check_segments(a, b, &to, 65507 * 2, 65507);
}

static void
test_segments(void)
{
    g_autoptr(StileSocket) probe = stile_socket_new(AF_INET6, 0, NULL);

    check_segment_sizes(AF_INET, "127.0.0.1");
    if (probe)
        check_segment_sizes(AF_INET6, "::1");
}

/* Network namespaces belong to threads. */
static gpointer
segments_longer_than_the_path(gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    if (unshare(CLONE_NEWNET) < 0)
        return GINT_TO_POINTER(FALSE);
    stile_link_configure(if_nametoindex("lo"), 1500, NULL, NULL, &error);
    g_assert_no_error(error);
    {
        g_autoptr(StileSocket) a = open_socket(AF_INET);
        g_autoptr(StileSocket) b = open_socket(AF_INET);
        StileAddress to = address("127.0.0.1", stile_socket_port(b));

        /* The kernel does not cut segments that it would have to fragment as well. */
        check_segments(a, b, &to, 3 * 2000, 2000);
        check_segments(a, b, &to, 70 * 2000, 2000);
        check_segments(a, b, &to, 70 * 1000, 1000);
    }
    return GINT_TO_POINTER(TRUE);
}

static void
test_segments_longer_than_the_path(void)
{
    GThread *thread = g_thread_new("netns", segments_longer_than_the_path, NULL);

    if (!GPOINTER_TO_INT(g_thread_join(thread)))
        g_test_skip("needs root");
}

static gboolean
is_no_source(int code)
{
    return code == EADDRNOTAVAIL || code == ENETUNREACH;
}

static void
test_errors(void)
{
    g_autoptr(StileSocket) four = open_socket(AF_INET);
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();
    StileDatagram got[STILE_SOCKET_MAX_BATCH];
    StileAddress to = address("127.0.0.1", stile_socket_port(four));
    StileAddress six = address("::1", 9), nobody = address("192.0.2.77", 0);
    StileAddress closed = address("127.0.0.1", 1);
    g_autofree guint8 *large = g_malloc0(70000);

    g_assert_cmpint(stile_socket_send(four, NULL, &six, "", 0), ==, EAFNOSUPPORT);
    g_assert_cmpint(stile_socket_send_segments(four, NULL, &six, "abcd", 4, 2), ==, EAFNOSUPPORT);
    g_assert_true(is_no_source(stile_socket_send(four, &nobody, &to, "", 0)));
    g_assert_true(is_no_source(stile_socket_send_segments(four, &nobody, &to, "abcd", 4, 2)));
    g_assert_cmpint(stile_socket_send(four, NULL, &to, large, 70000), ==, EMSGSIZE);

    /* Port unreachable is noise: the socket goes on. */
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(stile_socket_send(four, NULL, &closed, "x", 1), ==, 0);
    g_assert_cmpint(stile_socket_send(four, NULL, &to, "y", 1), ==, 0);
    g_assert_cmpuint(receive(four, buffers, got), ==, 1);
    g_assert_cmpmem(got[0].data, got[0].size, "y", 1);
}

static void
test_mixed_sources(void)
{
    g_autoptr(StileSocket) to = open_socket(AF_INET);
    StileSocket *senders[3] = {open_socket(AF_INET), open_socket(AF_INET), open_socket(AF_INET)};
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();
    StileAddress remote = address("127.0.0.1", stile_socket_port(to));
    guint seen = 0;

    for (guint i = 0; i < 60; i++) {
        guint8 bytes[20];

        memset(bytes, (int)i, sizeof bytes);
        g_assert_cmpint(stile_socket_send(senders[i % 3], NULL, &remote, bytes, sizeof bytes), ==,
                        0);
    }
    while (seen < 60) {
        StileDatagram got[STILE_SOCKET_MAX_BATCH];
        guint n = receive(to, buffers, got);

        for (guint i = 0; i < n; i++)
            for (gsize at = 0; at < got[i].size; at += got[i].segment, seen++)
                g_assert_cmpuint(stile_address_port(&got[i].remote), ==,
                                 stile_socket_port(senders[got[i].data[at] % 3]));
    }
    for (guint i = 0; i < G_N_ELEMENTS(senders); i++)
        stile_socket_unref(senders[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socket/ipv4", test_ipv4);
    g_test_add_func("/socket/bound", test_bound);
    g_test_add_func("/socket/ipv6", test_ipv6);
    g_test_add_func("/socket/both-families-on-one-port", test_both_families_on_one_port);
    g_test_add_func("/socket/segments", test_segments);
    g_test_add_func("/socket/segments-longer-than-the-path", test_segments_longer_than_the_path);
    g_test_add_func("/socket/errors", test_errors);
    g_test_add_func("/socket/mixed-sources", test_mixed_sources);
    return g_test_run();
}

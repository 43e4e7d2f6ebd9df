/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tun device: made under the wanted name with a short queue, refused when the name is taken,
 * brought up with addresses, and what the machine sends to it can be read with its virtio header.
 * Needs root and /dev/net/tun; in a network namespace of its own. */
#include "config.h"

#include "io/tun.h"

#include "base/error.h"
#include "io/links.h"
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int
queue_length(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    g_assert_cmpint(ioctl(fd, SIOCGIFTXQLEN, &request), ==, 0);
    close(fd);
    return request.ifr_qlen;
}

static void
configure(StileTun *tun)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(StilePrefix));
    g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(StilePrefix));
    StilePrefix prefix;

    g_assert_true(stile_prefix_parse(&prefix, "10.86.0.1/16", NULL));
    g_array_append_val(addresses, prefix);
    g_assert_true(stile_prefix_parse(&prefix, "fd00::1/64", NULL));
    g_array_append_val(addresses, prefix);
    g_assert_true(stile_prefix_parse(&prefix, "10.99.1.2/24", NULL));
    g_array_append_val(routes, prefix);
    for (guint i = 0; i < 2; i++) { /* the second time all of it is there */
        g_autoptr(GError) error = NULL;

        stile_link_configure(stile_tun_ifindex(tun), 1280, addresses, routes, &error);
        g_assert_no_error(error);
    }
}

static void
check_source(const char *remote_text, const char *source_text)
{
    StileAddress remote, source, got;

    g_assert_true(stile_address_parse(&remote, remote_text, 0, NULL));
    g_assert_true(stile_address_parse(&source, source_text, 0, NULL));
    got = stile_links_source_for(&remote);
    g_assert_true(stile_address_equal(&got, &source));
}

static void
check_traffic(StileTun *tun)
{
    struct {
        struct virtio_net_hdr header;
        guint8 packet[2048];
    } __attribute__((packed)) read_in;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
    struct pollfd poll_fd = {.fd = stile_tun_fd(tun), .events = POLLIN};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gssize got;

    to.sin_addr.s_addr = g_htonl(0x0a560002);
    g_assert_cmpint(sendto(fd, "ping", 4, 0, (struct sockaddr *)&to, sizeof to), ==, 4);
    g_assert_cmpint(poll(&poll_fd, 1, 10000), ==, 1);
    got = read(stile_tun_fd(tun), &read_in, sizeof read_in);
    g_assert_cmpint(got, ==, sizeof read_in.header + 20 + 8 + 4);
    g_assert_cmpuint(read_in.header.gso_type, ==, VIRTIO_NET_HDR_GSO_NONE);
    g_assert_cmpmem(read_in.packet + 28, 4, "ping", 4);
    g_assert_cmpint(fcntl(stile_tun_fd(tun), F_GETFL) & O_NONBLOCK, !=, 0);
    close(fd);
}

static void
check_names(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileTun) taken = NULL, lo = NULL, numbered = NULL, nameless = NULL;

    taken = stile_tun_new("stile0", &error);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_EXISTS);
    g_clear_error(&error);
    lo = stile_tun_new("lo", &error);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_EXISTS);
    g_clear_error(&error);
    nameless = stile_tun_new("a-name-that-is-too-long", &error);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    g_clear_error(&error);
    numbered = stile_tun_new("stile%d", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(stile_tun_name(numbered), ==, "stile1");
}

static gpointer
in_namespace(gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileTun) tun = NULL;

    if (unshare(CLONE_NEWNET) < 0)
        return GINT_TO_POINTER(FALSE);
    tun = stile_tun_new("stile0", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(stile_tun_name(tun), ==, "stile0");
    g_assert_cmpuint(stile_tun_ifindex(tun), ==, if_nametoindex("stile0"));
    g_assert_cmpint(queue_length("stile0"), ==, 128);
    check_names();
    configure(tun);
    check_source("10.86.3.4", "10.86.0.1");
    check_source("10.99.1.77", "10.86.0.1");
    check_source("fd00::2", "fd00::1");
    check_traffic(tun);
    stile_tun_unref(g_steal_pointer(&tun));
    g_assert_cmpuint(if_nametoindex("stile0"), ==, 0);
    return GINT_TO_POINTER(TRUE);
}

static void
test_tun(void)
{
    GThread *thread;

    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        g_test_skip("no /dev/net/tun");
        return;
    }
    thread = g_thread_new("netns", in_namespace, NULL);
    if (!GPOINTER_TO_INT(g_thread_join(thread)))
        g_test_skip("needs root");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tun/device", test_tun);
    return g_test_run();
}

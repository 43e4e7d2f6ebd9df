/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE /* ppoll */
/*
 * A NAT in user space, of any kind that RFC 4787 has words for, as a test tool for the lab: IPv4
 * between two TUN devices, with every bad habit of real routers as an option. The routes to and
 * from the devices are the caller's; it says "ready" when they exist. `natbox ctl SOCKET COMMAND`
 * talks to one that runs (natbox-control.h), SIGHUP is a reboot.
 *
 *   natbox-packet      what a packet is, rewriting it
 *   natbox-table       mappings and sessions
 *   natbox-ports       which address and port a mapping gets
 *   natbox-translate   the NAT: mapping, filtering, hairpin, errors
 *   natbox-link        TUN device, loss and delay
 *
 * Fragments but the first have no ports and are dropped, as many NATs do (RFC 4787 REQ-14 is not
 * met). TCP sequence numbers are not looked at.
 */
#include "natbox-control.h"
#include "natbox-link.h"
#include "natbox-options.h"
#include "natbox-translate.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Packets from one side before the other has its turn. */
#define BATCH 64

typedef struct {
    NatboxOptions *options;
    NatboxNat *nat;
    NatboxLink *links[2]; /* by NatboxSide */
} Box;

static void
apply_line_quality(Box *box)
{
    natbox_link_set(box->links[NATBOX_OUTSIDE], box->options->loss_out, box->options->delay_out);
    natbox_link_set(box->links[NATBOX_INSIDE], box->options->loss_in, box->options->delay_in);
}

/* Returns: FALSE when the device is gone */
static gboolean
forward(Box *box, NatboxSide from)
{
    static guint8 data[NATBOX_PACKET_MAX];

    for (guint i = 0; i < BATCH; i++) {
        gssize size = natbox_link_receive(box->links[from], data, sizeof data);
        guint8 answer[NATBOX_ANSWER_MAX];
        gsize answer_size;
        NatboxSide to;
        gint64 now = g_get_monotonic_time();

        if (size <= 0)
            return size == 0;
        if (natbox_nat_translate(box->nat, from, data, (gsize)size, now, answer, &answer_size, &to))
            natbox_link_send(box->links[to], data, (gsize)size, now);
        else if (answer_size > 0)
            natbox_link_send(box->links[from], answer, answer_size, now);
    }
    return TRUE;
}

/* Returns: FALSE when it is to end */
static gboolean
take_signal(Box *box, int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof info) != sizeof info)
        return TRUE;
    if (info.ssi_signo != SIGHUP)
        return FALSE;
    natbox_nat_reboot(box->nat);
    return TRUE;
}

static struct timespec
time_until(gint64 due, gint64 now)
{
    gint64 left = MAX(due - now, 0);

    return (struct timespec){.tv_sec = left / G_USEC_PER_SEC,
                             .tv_nsec = left % G_USEC_PER_SEC * 1000};
}

static int
run(Box *box, int control, int signals)
{
    struct pollfd waits[] = {
        {.fd = natbox_link_get_fd(box->links[NATBOX_INSIDE]), .events = POLLIN},
        {.fd = natbox_link_get_fd(box->links[NATBOX_OUTSIDE]), .events = POLLIN},
        {.fd = control, .events = POLLIN},
        {.fd = signals, .events = POLLIN}};

    for (;;) {
        gint64 now = g_get_monotonic_time();
        gint64 due = MIN(natbox_link_flush(box->links[NATBOX_INSIDE], now),
                         natbox_link_flush(box->links[NATBOX_OUTSIDE], now));
        struct timespec left = time_until(due, now);

        if (ppoll(waits, G_N_ELEMENTS(waits), due == G_MAXINT64 ? NULL : &left, NULL) < 0 &&
            errno != EINTR)
            return 1;
        for (guint i = 0; i < 2; i++) {
            if (waits[i].revents && !forward(box, (NatboxSide)i)) {
                g_printerr("natbox: a device is gone\n");
                return 1;
            }
        }
        if (waits[2].revents &&
            natbox_control_serve(control, box->options, box->nat, g_get_monotonic_time()))
            apply_line_quality(box);
        if (waits[3].revents && !take_signal(box, signals))
            return 0;
    }
}

static int
block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NatboxOptions) options = NULL;
    g_autoptr(NatboxLink) inside = NULL, outside = NULL;
    Box box = {0};
    int control = -1, status, signals;

    if (argc >= 4 && strcmp(argv[1], "ctl") == 0)
        return natbox_control_ask(argv[2], argv + 3);
    options = natbox_options_parse(&argc, &argv, &error);
    if (options)
        inside = natbox_link_open(options->inside_device, options->seed + 1, &error);
    if (inside)
        outside = natbox_link_open(options->outside_device, options->seed + 2, &error);
    if (outside && options->control)
        control = natbox_control_listen(options->control, &error);
    if (error) {
        g_printerr("natbox: %s\n", error->message);
        return 2;
    }
    box = (Box){options, natbox_nat_new(options), {inside, outside}};
    apply_line_quality(&box);
    signals = block_signals();
    printf("ready\n");
    fflush(stdout);
    status = run(&box, control, signals);
    natbox_nat_free(box.nat);
    close(signals);
    if (control >= 0)
        close(control);
    return status;
}

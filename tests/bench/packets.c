/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small UDP packets at a steady rate, and how many of them arrive. iperf3 sends bursts of a
 * millisecond and ends at 125 000 packets a second.
 *
 *   packets receive ADDRESS PORT
 *       says "ready", counts until its standard input ends, and prints how many came
 *   packets send ADDRESS PORT RATE SECONDS SIZE
 *       sends RATE packets a second in bursts of a fifth of a millisecond, and prints how many left
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST_NS     200000
#define MAX_BURST    1024
#define MAX_SIZE     1500
#define NS_PER_S     1000000000LL
#define BUFFER_BYTES (16 << 20)
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

static long long
now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * NS_PER_S + time.tv_nsec;
}

static void
sleep_until(long long ns)
{
    struct timespec time = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        continue;
}

static long long
drain(int fd, struct mmsghdr *messages)
{
    long long got = 0;
    int n;

    while ((n = recvmmsg(fd, messages, MAX_BURST, MSG_DONTWAIT, NULL)) > 0)
        got += n;
    return got;
}

static int
receive_all(int fd)
{
    static char data[MAX_SIZE];
    static struct iovec vector = {data, sizeof data};
    static struct mmsghdr messages[MAX_BURST];
    struct pollfd polls[] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    int bytes = BUFFER_BYTES;
    long long got = 0;

    for (int i = 0; i < MAX_BURST; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    puts("ready");
    fflush(stdout);
    while (poll(polls, 2, -1) >= 0 && !polls[1].revents)
        got += drain(fd, messages);
    got += drain(fd, messages);
    printf("%lld\n", got);
    return 0;
}

static int
send_all(int fd, long long rate, double seconds, size_t size)
{
    static char data[MAX_SIZE];
    static struct iovec vector;
    static struct mmsghdr messages[MAX_BURST];
    long long start = now_ns(), end = start + (long long)(seconds * NS_PER_S), at = start;
    long long last = start, rest = 0, sent = 0;

    vector = (struct iovec){data, size};
    for (int i = 0; i < MAX_BURST; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
    while (at < end) {
        long long now, due;
        int n;

        sleep_until(at);
        now = now_ns();
        /* After a pause little is made up for: a burst is two ticks' worth at most. */
        due = (MIN(now - last, 2 * BURST_NS) * rate + rest) / NS_PER_S;
        rest = (MIN(now - last, 2 * BURST_NS) * rate + rest) % NS_PER_S;
        last = now;
        n = due > 0 ? sendmmsg(fd, messages, (unsigned)MIN(due, MAX_BURST), 0) : 0;
        if (n > 0)
            sent += n;
        at = MAX(at + BURST_NS, now);
    }
    printf("%lld\n", sent);
    return 0;
}

int
main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (argc < 4 || fd < 0 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
        return 2;
    address.sin_port = htons((unsigned short)atoi(argv[3]));
    if (strcmp(argv[1], "receive") == 0) {
        if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return receive_all(fd);
    } else if (argc == 7 && atoi(argv[6]) <= MAX_SIZE) {
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return send_all(fd, atoll(argv[4]), atof(argv[5]), (size_t)atoi(argv[6]));
    }
    perror(argv[2]);
    return 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/layers.h"

#include "nat/inquiry.h"

#include <glib-unix.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <unistd.h>

#define N_SENDS  2
#define INTERVAL (400 * G_TIME_SPAN_MILLISECOND)

/* Which inside network an address belongs to; 0: none. */
static guint32
inside_network(const StileAddress *address)
{
    static const struct {
        guint32 prefix, mask, told_apart;
    } blocks[] = {
        {0x0A000000, 0xFF000000, 0xFF000000},
        {0xAC100000, 0xFFF00000, 0xFFF00000},
        {0xC0A80000, 0xFFFF0000, 0xFFFFFF00},
        {0x64400000, 0xFFC00000, 0xFFC00000},
    };
    guint32 ip;

    if (stile_address_family(address) != AF_INET)
        return 0;
    ip = g_ntohl(address->in.sin_addr.s_addr);
    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++)
        if ((ip & blocks[i].mask) == blocks[i].prefix)
            return ip & blocks[i].told_apart;
    return 0;
}

guint
stile_nat_count_layers(const StileAddress *own, const StileAddress *hops, gsize n_hops)
{
    guint32 network = inside_network(own);
    guint layers = network != 0;

    for (gsize i = 0; i < n_hops && layers > 0; i++) {
        guint32 next;

        if (!stile_address_is_set(&hops[i]))
            continue;
        next = inside_network(&hops[i]);
        if (next == 0)
            break; /* on the internet; what is inside behind it is somebody else's */
        layers += next != network;
        network = next;
    }
    return layers;
}

typedef struct {
    StileLayersTest *test;
    int fd;
    GSource *source;
} Sender;

struct _StileLayersTest {
    Sender senders[STILE_NAT_MAX_HOPS];
    StileAddress hops[STILE_NAT_MAX_HOPS];
    StileAddress server;
    StileClock *clock;
    StileTimer *timer;
    guint sent;
    StileLayersDone done;
    gpointer user_data;
};

/* Only a router's word that the time ran out counts; and it may be forged, but then it only makes a
 * guess worse. */
static void
read_error(struct msghdr *message, StileAddress *hop)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct sock_extended_err error;
        struct sockaddr_in offender;

        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR ||
            c->cmsg_len < CMSG_LEN(sizeof error + sizeof offender))
            continue;
        memcpy(&error, CMSG_DATA(c), sizeof error);
        memcpy(&offender, CMSG_DATA(c) + sizeof error, sizeof offender);
        if (error.ee_origin == SO_EE_ORIGIN_ICMP && error.ee_type == ICMP_TIME_EXCEEDED)
            stile_address_from_sockaddr(hop, (struct sockaddr *)&offender, sizeof offender);
    }
}

static gboolean
on_ready(int fd, GIOCondition condition, gpointer user_data)
{
    Sender *sender = user_data;
    StileAddress *hop = &sender->test->hops[sender - sender->test->senders];
    guint8 data[STILE_STUN_MAX_SIZE];
    union {
        struct cmsghdr align;
        char bytes[512];
    } control;
    struct iovec vector = {data, sizeof data};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
        read_error(&message, hop);
    else
        recv(fd, data, sizeof data, MSG_DONTWAIT); /* the server's answer: far enough */
    return G_SOURCE_CONTINUE;
}

static void
send_all(StileLayersTest *test)
{
    for (guint i = 0; i < STILE_NAT_MAX_HOPS; i++) {
        StileNatQuestion question = {.to = test->server};
        guint8 id[STILE_STUN_ID_SIZE];
        StileStunBuilder builder;
        gsize size;

        if (test->senders[i].fd < 0 || stile_address_is_set(&test->hops[i]))
            continue;
        stile_clock_random(test->clock, id, sizeof id);
        size = stile_nat_question_write(&question, id, &builder);
        /* What does not leave gets no answer. */
        (void)!sendto(test->senders[i].fd, builder.data, size, MSG_DONTWAIT, &test->server.sa,
                      stile_address_sockaddr_size(&test->server));
    }
}

static void
on_timer(gpointer user_data)
{
    StileLayersTest *test = user_data;

    if (test->sent++ == N_SENDS) {
        test->done(test->user_data, test->hops);
        return;
    }
    stile_timer_set_after(test->timer, INTERVAL);
    send_all(test);
}

static void
open_sender(Sender *sender, StileLayersTest *test, GMainContext *context, int ttl)
{
    int on = 1;

    sender->test = test;
    sender->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sender->fd < 0)
        return;
    setsockopt(sender->fd, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
    setsockopt(sender->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    sender->source = g_unix_fd_source_new(sender->fd, G_IO_IN | G_IO_ERR);
    g_source_set_callback(sender->source, G_SOURCE_FUNC(on_ready), sender, NULL);
    g_source_attach(sender->source, context);
}

StileLayersTest *
stile_layers_test_new(StileClock *clock, GMainContext *context, const StileAddress *server,
                      StileLayersDone done, gpointer user_data)
{
    StileLayersTest *test = g_new0(StileLayersTest, 1);

    test->clock = stile_clock_ref(clock);
    test->server = *server;
    test->done = done;
    test->user_data = user_data;
    test->timer = stile_timer_new(clock, on_timer, test);
    for (guint i = 0; i < STILE_NAT_MAX_HOPS; i++)
        open_sender(&test->senders[i], test, context, (int)i + 1);
    stile_timer_set_after(test->timer, 0);
    return test;
}

void
stile_layers_test_free(StileLayersTest *test)
{
    if (!test)
        return;
    for (guint i = 0; i < STILE_NAT_MAX_HOPS; i++) {
        Sender *sender = &test->senders[i];

        if (sender->fd < 0)
            continue;
        g_source_destroy(sender->source);
        g_source_unref(sender->source);
        close(sender->fd);
    }
    stile_timer_free(test->timer);
    stile_clock_unref(test->clock);
    g_free(test);
}

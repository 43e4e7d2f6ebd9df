/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/dataplane-private.h"

#include "base/error.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Of the thread. Where programs contend for the processors, packets would wait for them to have had
 * theirs, and programs for the packets. At -10 those whom the packets are for got too little. */
#define NICENESS -5
/* What the kernel may add to a sleep. By default it doubles those of the moderation. */
#define TIMER_SLACK_NS 1000

static gboolean
is_gone(gpointer key, gpointer value, gpointer user_data)
{
    StileDataplane *self = user_data;

    return stile_tunnel_find(self->tunnel, key) == NULL;
}

static void
set_table(StileDataplane *self, StileTable *table)
{
    g_autoptr(StileTable) own = table;

    stile_tunnel_set_table(self->tunnel, own, self->now);
    stile_dataplane_in_set_relays(self, own);
    g_hash_table_foreach_remove(self->wakened, is_gone, self);
}

static void
handshake(StileDataplane *self, const guint8 *key)
{
    StileTunnelPeer *peer = stile_tunnel_find(self->tunnel, key);

    if (peer)
        stile_tunnel_handshake(self->tunnel, peer, self->now);
}

static void
obey(StileDataplane *self, StileCommand *order)
{
    StileAddress *relay = &order->endpoint.server;

    switch (order->kind) {
    case STILE_COMMAND_TABLE:
        set_table(self, g_steal_pointer(&order->table));
        break;
    case STILE_COMMAND_INJECT:
        __atomic_fetch_sub(&self->n_injected, 1, __ATOMIC_RELAXED);
        if (!self->stopped)
            stile_dataplane_in_message(self, &order->endpoint, order->data, order->size);
        stile_dataplane_in_flush(self);
        break;
    case STILE_COMMAND_HANDSHAKE:
        handshake(self, order->peer);
        break;
    case STILE_COMMAND_ADD_RELAY:
        g_hash_table_add(self->registered, g_memdup2(relay, sizeof *relay));
        g_hash_table_add(self->relays, g_memdup2(relay, sizeof *relay));
        break;
    case STILE_COMMAND_REMOVE_RELAY:
        g_hash_table_remove(self->registered, relay);
        g_hash_table_remove(self->relays, relay);
        break;
    case STILE_COMMAND_STOP:
        self->stopped = TRUE;
        break;
    }
}

static void
obey_all(StileDataplane *self)
{
    guint64 wakes;
    StileMail *mail;

    /* Before the mailbox is emptied: a command that comes in between wakes us again. */
    if (read(self->wake_fd, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
        g_debug("eventfd: %s", g_strerror(errno));
    mail = stile_mailbox_take(&self->commands);
    while (mail) {
        g_autofree StileCommand *order = (StileCommand *)mail;

        mail = mail->next;
        obey(self, order);
    }
}

static void
forget(StileDataplane *self, int fd)
{
    epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Only those that are full are waited for: the others are writable, which would be told at once and
 * again, for as long as it takes. */
void
stile_dataplane_set_full(StileDataplane *self, guint full)
{
    guint changed = full ^ self->full;

    self->full = full;
    for (guint i = 0; i < G_N_ELEMENTS(self->sockets); i++) {
        struct epoll_event event = {.events = EPOLLIN | (full & 1u << i ? EPOLLOUT : 0),
                                    .data.ptr = self->sockets[i]};

        /* One that broke is not watched any longer. */
        if (changed & 1u << i)
            epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, stile_socket_fd(self->sockets[i]), &event);
    }
}

static void
set_not_full(StileDataplane *self, const StileSocket *socket)
{
    for (guint i = 0; i < G_N_ELEMENTS(self->sockets); i++)
        if (self->sockets[i] == socket)
            stile_dataplane_set_full(self, self->full & ~(1u << i));
}

void
stile_dataplane_tun_broke(StileDataplane *self, int code)
{
    if (self->tun_broken)
        return;
    self->tun_broken = TRUE;
    forget(self, stile_tun_fd(self->tun));
    stile_dataplane_post_failure(self, g_error_new(STILE_ERROR, STILE_ERROR_FAILED,
                                                   "The interface %s is gone: %s",
                                                   stile_tun_name(self->tun), g_strerror(code)));
}

static void
socket_broke(StileDataplane *self, StileSocket *socket)
{
    forget(self, stile_socket_fd(socket));
    stile_dataplane_post_failure(self, g_error_new(STILE_ERROR, STILE_ERROR_FAILED,
                                                   "The UDP socket on port %u is gone",
                                                   stile_socket_port(socket)));
}

static void
serve(StileDataplane *self, const struct epoll_event *event)
{
    if (event->data.ptr == &self->commands) {
        obey_all(self);
    } else if (event->data.ptr == self->tun) {
        self->tun_ready = TRUE;
        if ((event->events & (EPOLLERR | EPOLLHUP)) && !(event->events & EPOLLIN))
            stile_dataplane_tun_broke(self, ENODEV);
    } else {
        if (event->events & (EPOLLOUT | EPOLLHUP))
            set_not_full(self, event->data.ptr);
        if (stile_dataplane_in(self, event->data.ptr))
            self->sockets_have_more = TRUE;
        if (event->events & EPOLLHUP)
            socket_broke(self, event->data.ptr);
    }
}

/* Milliseconds, rounded up: waking too early would be waking twice. */
static int
wait_time(gint64 deadline, gint64 now)
{
    if (deadline == G_MAXINT64)
        return -1;
    return (int)CLAMP((deadline - now + 999) / 1000, 0, G_MAXINT);
}

static void
get_attention(void)
{
    /* On Linux 0 is the thread, not the process. Root may, and whom RLIMIT_NICE lets. */
    if (setpriority(PRIO_PROCESS, 0, NICENESS) < 0)
        g_debug("priority of the data plane: %s", g_strerror(errno));
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
}

static void
moderate(StileDataplane *self)
{
    gint64 pause = stile_moderation_pause(&self->moderation, stile_clock_now(self->clock));

    if (pause > 0)
        nanosleep(&(struct timespec){.tv_nsec = pause * 1000}, NULL);
}

static gboolean
has_queued(StileDataplane *self)
{
    return self->queue && !stile_flow_queue_is_empty(self->queue);
}

static gboolean
may_send(StileDataplane *self)
{
    return has_queued(self) && self->full == 0;
}

gpointer
stile_dataplane_run(gpointer user_data)
{
    StileDataplane *self = user_data;
    struct epoll_event events[4];

    get_attention();
    stile_moderation_init(&self->moderation, stile_clock_now(self->clock));
    while (!self->stopped) {
        gint64 deadline = may_send(self) ? self->now : stile_tunnel_deadline(self->tunnel);
        int n = epoll_wait(self->epoll_fd, events, G_N_ELEMENTS(events),
                           wait_time(deadline, self->now));

        self->now = stile_clock_now(self->clock);
        stile_moderation_woken(&self->moderation, self->now);
        self->tun_ready = self->sockets_have_more = FALSE;
        for (int i = 0; i < n; i++)
            serve(self, &events[i]);
        if (self->tun_ready || may_send(self))
            stile_dataplane_out(self);
        if (stile_tunnel_deadline(self->tunnel) <= self->now)
            stile_tunnel_tick(self->tunnel, self->now);
        if (!has_queued(self) && !self->sockets_have_more)
            moderate(self);
    }
    return NULL;
}

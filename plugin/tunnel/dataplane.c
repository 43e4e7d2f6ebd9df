/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/dataplane-private.h"

#include "base/error.h"
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What may wait for the main thread, or for ours. A flood of STUN, or a peer reached by the broker
 * alone, must not make memory grow; what is dropped is sent again by its sender. */
#define MAX_CONTROL  256
#define MAX_CARRY    256
#define MAX_EVENTS   4096
#define MAX_INJECTED 256

typedef struct {
    GSource source;
    StileDataplane *dataplane;
} EventSource;

static void
event_free(StileEvent *event)
{
    g_clear_error(&event->error);
    g_free(event);
}

static guint
event_limit(StileEventKind kind)
{
    switch (kind) {
    case STILE_EVENT_CONTROL:
        return MAX_CONTROL;
    case STILE_EVENT_CARRY:
        return MAX_CARRY;
    default:
        return MAX_EVENTS;
    }
}

static void
post(StileDataplane *self, StileEvent *event)
{
    __atomic_fetch_add(&self->n_events[event->kind], 1, __ATOMIC_RELAXED);
    if (stile_mailbox_put(&self->events, &event->mail))
        g_source_set_ready_time(self->source, 0);
}

void
stile_dataplane_post(StileDataplane *self, StileEventKind kind, const guint8 *peer,
                     const StileEndpoint *endpoint, const void *data, gsize size)
{
    StileEvent *event;

    if (__atomic_load_n(&self->n_events[kind], __ATOMIC_RELAXED) >= event_limit(kind)) {
        stile_stat_add(self->counters.overflowed, 1);
        return;
    }
    event = g_malloc(sizeof *event + size);
    *event = (StileEvent){.kind = kind, .size = size};
    if (peer)
        memcpy(event->peer, peer, STILE_KEY_SIZE);
    if (endpoint)
        event->endpoint = *endpoint;
    if (size > 0)
        memcpy(event->data, data, size);
    post(self, event);
}

void
stile_dataplane_post_failure(StileDataplane *self, GError *error)
{
    StileEvent *event = g_new0(StileEvent, 1);

    event->kind = STILE_EVENT_FAILED;
    event->error = error;
    post(self, event);
}

static void
deliver(StileDataplane *self, const StileEvent *event)
{
    const StileDataplaneOps *ops = &self->ops;

    switch (event->kind) {
    case STILE_EVENT_CONTROL:
        if (ops->control)
            ops->control(self->user_data, &event->endpoint, event->data, event->size);
        break;
    case STILE_EVENT_CARRY:
        if (ops->carry)
            ops->carry(self->user_data, event->peer, &event->endpoint, event->data, event->size);
        break;
    case STILE_EVENT_ROAMED:
        if (ops->roamed)
            ops->roamed(self->user_data, event->peer, &event->endpoint);
        break;
    case STILE_EVENT_HANDSHAKE:
        if (ops->handshake)
            ops->handshake(self->user_data, event->peer);
        break;
    case STILE_EVENT_ACTIVE:
        if (ops->active)
            ops->active(self->user_data, event->peer);
        break;
    case STILE_EVENT_FAILED:
        if (ops->failed)
            ops->failed(self->user_data, event->error);
        break;
    }
}

static void
dataplane_unref(StileDataplane *self)
{
    if (g_atomic_ref_count_dec(&self->refs))
        g_free(self);
}

static gboolean
on_events(GSource *source, GSourceFunc callback, gpointer user_data)
{
    StileDataplane *self = ((EventSource *)source)->dataplane;
    StileMail *mail;

    g_source_set_ready_time(source, -1);
    /* An op may free us: what is left is then dropped. */
    g_atomic_ref_count_inc(&self->refs);
    mail = stile_mailbox_take(&self->events);
    while (mail) {
        StileEvent *event = (StileEvent *)mail;

        mail = mail->next;
        __atomic_fetch_sub(&self->n_events[event->kind], 1, __ATOMIC_RELAXED);
        if (self->thread)
            deliver(self, event);
        event_free(event);
    }
    dataplane_unref(self);
    return G_SOURCE_CONTINUE;
}

static void
attach_events(StileDataplane *self)
{
    static GSourceFuncs functions = {.dispatch = on_events};
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();

    self->source = g_source_new(&functions, sizeof(EventSource));
    ((EventSource *)self->source)->dataplane = self;
    g_source_set_name(self->source, "stile-dataplane");
    g_source_attach(self->source, context);
}

static void
on_send(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *endpoint,
        const guint8 *message, gsize size)
{
    stile_dataplane_send(user_data, peer, endpoint, message, size);
}

static void
on_handshake(gpointer user_data, StileTunnelPeer *peer)
{
    stile_dataplane_post(user_data, STILE_EVENT_HANDSHAKE, stile_tunnel_peer_key(peer), NULL, NULL,
                         0);
}

static void
on_roamed(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *from)
{
    stile_dataplane_post(user_data, STILE_EVENT_ROAMED, stile_tunnel_peer_key(peer), from, NULL, 0);
}

static void
watch(StileDataplane *self, int fd, gpointer tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};

    g_assert(epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

StileDataplane *
stile_dataplane_new(StileTun *tun, StileSocket *socket4, StileSocket *socket6,
                    const guint8 private_key[STILE_KEY_SIZE], const StileDataplaneOps *ops,
                    gpointer user_data)
{
    static const StileTunnelOps tunnel_ops = {
        .send = on_send, .handshake = on_handshake, .roamed = on_roamed};
    /* Never run: the clock is asked, and its timers are not used. */
    g_autoptr(GMainContext) context = g_main_context_new();
    StileDataplane *self = g_new0(StileDataplane, 1);

    g_atomic_ref_count_init(&self->refs);
    self->tun = tun ? stile_tun_ref(tun) : NULL;
    self->sockets[0] = socket4 ? stile_socket_ref(socket4) : NULL;
    self->sockets[1] = socket6 ? stile_socket_ref(socket6) : NULL;
    self->ops = *ops;
    self->user_data = user_data;
    self->clock = stile_clock_new(context);
    self->now = stile_clock_now(self->clock);
    self->tunnel = stile_tunnel_new(self->clock, private_key, &tunnel_ops, self);
    stile_dataplane_out_init(self);
    stile_dataplane_in_init(self);
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    g_assert(self->wake_fd >= 0 && self->epoll_fd >= 0);
    watch(self, self->wake_fd, &self->commands);
    if (tun)
        watch(self, stile_tun_fd(tun), tun);
    for (guint i = 0; i < G_N_ELEMENTS(self->sockets); i++)
        if (self->sockets[i])
            watch(self, stile_socket_fd(self->sockets[i]), self->sockets[i]);
    attach_events(self);
    self->thread = g_thread_new("stile-dataplane", stile_dataplane_run, self);
    return self;
}

static void
command(StileDataplane *self, StileCommandKind kind, const guint8 *peer,
        const StileEndpoint *endpoint, StileTable *table, const void *data, gsize size)
{
    StileCommand *order = g_malloc(sizeof *order + size);
    const guint64 one = 1;

    *order = (StileCommand){.kind = kind, .table = table, .size = size};
    if (peer)
        memcpy(order->peer, peer, STILE_KEY_SIZE);
    if (endpoint)
        order->endpoint = *endpoint;
    if (size > 0)
        memcpy(order->data, data, size);
    if (stile_mailbox_put(&self->commands, &order->mail) &&
        write(self->wake_fd, &one, sizeof one) != sizeof one)
        g_debug("waking the data plane: the counter is full, so it is awake");
}

void
stile_dataplane_free(StileDataplane *self)
{
    StileMail *mail;

    command(self, STILE_COMMAND_STOP, NULL, NULL, NULL, NULL, 0);
    g_thread_join(g_steal_pointer(&self->thread));
    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    mail = stile_mailbox_take(&self->events);
    while (mail) {
        StileEvent *event = (StileEvent *)mail;

        mail = mail->next;
        event_free(event);
    }
    stile_dataplane_in_clear(self);
    stile_dataplane_out_clear(self);
    stile_tunnel_free(self->tunnel);
    stile_clock_unref(self->clock);
    close(self->wake_fd);
    close(self->epoll_fd);
    g_clear_pointer(&self->tun, stile_tun_unref);
    g_clear_pointer(&self->sockets[0], stile_socket_unref);
    g_clear_pointer(&self->sockets[1], stile_socket_unref);
    dataplane_unref(self);
}

void
stile_dataplane_set_table(StileDataplane *self, StileTable *table)
{
    command(self, STILE_COMMAND_TABLE, NULL, NULL, table, NULL, 0);
}

void
stile_dataplane_inject(StileDataplane *self, const StileEndpoint *from, const void *data,
                       gsize size)
{
    if (size > STILE_MAX_MESSAGE ||
        __atomic_load_n(&self->n_injected, __ATOMIC_RELAXED) >= MAX_INJECTED) {
        stile_stat_add(self->counters.overflowed, 1);
        return;
    }
    __atomic_fetch_add(&self->n_injected, 1, __ATOMIC_RELAXED);
    command(self, STILE_COMMAND_INJECT, NULL, from, NULL, data, size);
}

void
stile_dataplane_handshake(StileDataplane *self, const guint8 peer[STILE_KEY_SIZE])
{
    command(self, STILE_COMMAND_HANDSHAKE, peer, NULL, NULL, NULL, 0);
}

void
stile_dataplane_add_relay(StileDataplane *self, const StileAddress *server)
{
    const StileEndpoint endpoint = {.kind = STILE_ENDPOINT_TURN, .server = *server};

    command(self, STILE_COMMAND_ADD_RELAY, NULL, &endpoint, NULL, NULL, 0);
}

void
stile_dataplane_remove_relay(StileDataplane *self, const StileAddress *server)
{
    const StileEndpoint endpoint = {.kind = STILE_ENDPOINT_TURN, .server = *server};

    command(self, STILE_COMMAND_REMOVE_RELAY, NULL, &endpoint, NULL, NULL, 0);
}

void
stile_dataplane_counters(StileDataplane *self, StileDataplaneCounters *ret)
{
    *ret = (StileDataplaneCounters){
        .malformed = stile_stat_get(self->counters.malformed),
        .unauthenticated = stile_stat_get(self->counters.unauthenticated),
        .replayed = stile_stat_get(self->counters.replayed),
        .disallowed = stile_stat_get(self->counters.disallowed),
        .unroutable = stile_stat_get(self->counters.unroutable),
        .send_errors = stile_stat_get(self->counters.send_errors),
        .congested = stile_stat_get(self->counters.congested),
        .overflowed = stile_stat_get(self->counters.overflowed),
    };
}

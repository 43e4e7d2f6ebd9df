/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/dataplane-private.h"

#include "tunnel/segment.h"
#include <errno.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* How much is sealed before the sockets have their turn: some hundred microseconds, so that what
 * arrives does not wait long. */
#define MAX_SEALED_BYTES (128 * 1024)
#define MAX_SEALED       64
/* How much is taken from the tun before the next is sealed. Reading is ten times as fast as
 * sealing, so that what is urgent is soon found behind what is not. */
#define MAX_READS 64
/* How many bytes are sealed between two looks at the tun. */
#define LOOK_EVERY (16 * 1024)
/* The kernel takes no more segments in one send. */
#define MAX_MESSAGES 64

/* Nor more bytes, framed. */
#define MAX_BATCH STILE_MAX_MESSAGE

#define READ_BYTES (sizeof(struct virtio_net_hdr) + 40 + 65535)
/* The largest packet alone may be padded past the end of a batch. */
#define BUFFER_BYTES (MAX_BATCH + 16)
/* A batch that has no channel headers, with them. */
#define SCRATCH_BYTES (BUFFER_BYTES + MAX_MESSAGES * STILE_CHANNEL_HEADER)
/* WireGuard's, for an outer packet of 1500 bytes; until the device is asked. */
#define DEFAULT_MTU 1420

#define QUIET_TIME    (10 * G_USEC_PER_SEC)
#define MTU_ASK_EVERY G_USEC_PER_SEC

void
stile_dataplane_out_init(StileDataplane *self)
{
    self->mtu = DEFAULT_MTU;
    self->wakened = g_hash_table_new_full(stile_key_hash, stile_key_equal, g_free, g_free);
    self->batch.buffer = g_malloc(BUFFER_BYTES);
    if (self->tun)
        self->queue = stile_flow_queue_new(READ_BYTES);
    stile_clock_random(self->clock, &self->flow_seed, sizeof self->flow_seed);
}

void
stile_dataplane_out_clear(StileDataplane *self)
{
    g_clear_pointer(&self->wakened, g_hash_table_unref);
    g_clear_pointer(&self->batch.buffer, g_free);
    g_clear_pointer(&self->queue, stile_flow_queue_free);
    g_clear_pointer(&self->scratch, g_free);
}

static void
count_sent(StileDataplane *self, StileTunnelPeer *peer, int code, guint n)
{
    if (code == 0)
        return;
    stile_stat_add(self->counters.send_errors, n);
    if (peer)
        stile_stat_add(stile_tunnel_peer_stats(peer)->dropped, n);
}

/* @data is framed for where it goes. */
static void
send_datagrams(StileDataplane *self, StileTunnelPeer *peer, const StileEndpoint *endpoint,
               const guint8 *data, gsize size, gsize segment)
{
    const StileAddress *to = endpoint->kind == STILE_ENDPOINT_TURN ? &endpoint->server
                                                                   : &endpoint->remote;
    StileSocket *socket = self->sockets[stile_address_family(to) == AF_INET6];
    int code = EAFNOSUPPORT;

    if (socket && size > segment)
        code = stile_socket_send_segments(socket, &endpoint->local, to, data, size, segment);
    else if (socket)
        code = stile_socket_send(socket, &endpoint->local, to, data, size);
    count_sent(self, peer, code, (guint)((size + segment - 1) / segment));
}

static void
put_channel_header(guint8 *at, guint16 channel, gsize size)
{
    stile_put_u16be(at, channel);
    stile_put_u16be(at + 2, (guint16)size);
}

void
stile_dataplane_send(StileDataplane *self, StileTunnelPeer *peer, const StileEndpoint *endpoint,
                     const guint8 *message, gsize size)
{
    switch (endpoint->kind) {
    case STILE_ENDPOINT_NONE:
        break;
    case STILE_ENDPOINT_UDP:
        send_datagrams(self, peer, endpoint, message, size, size);
        break;
    case STILE_ENDPOINT_TURN:
        if (endpoint->channel == 0 || size > STILE_MAX_MESSAGE - STILE_CHANNEL_HEADER)
            break;
        if (!self->scratch)
            self->scratch = g_malloc(SCRATCH_BYTES);
        put_channel_header(self->scratch, endpoint->channel, size);
        memcpy(self->scratch + STILE_CHANNEL_HEADER, message, size);
        size += STILE_CHANNEL_HEADER;
        send_datagrams(self, peer, endpoint, self->scratch, size, size);
        break;
    case STILE_ENDPOINT_CARRIED:
        if (peer)
            stile_dataplane_post(self, STILE_EVENT_CARRY, stile_tunnel_peer_key(peer), endpoint,
                                 message, size);
        break;
    }
}

static gsize
framing(const StileEndpoint *endpoint)
{
    return endpoint->kind == STILE_ENDPOINT_TURN ? STILE_CHANNEL_HEADER : 0;
}

static gboolean
is_batched(const StileEndpoint *endpoint)
{
    return endpoint->kind == STILE_ENDPOINT_UDP ||
           (endpoint->kind == STILE_ENDPOINT_TURN && endpoint->channel != 0);
}

/* By the main thread: one at a time. */
static void
carry_batch(StileDataplane *self, StileOutBatch *batch, const StileEndpoint *to)
{
    gsize stride = batch->header + batch->size;

    for (gsize at = 0; at < batch->used; at += stride) {
        gsize size = MIN(stride, batch->used - at) - batch->header;

        stile_dataplane_send(self, batch->peer, to, batch->buffer + at + batch->header, size);
    }
}

/* A copy of the batch with the headers of another path than it was framed for. */
static void
send_reframed(StileDataplane *self, StileOutBatch *batch, const StileEndpoint *to)
{
    gsize stride = batch->header + batch->size, header = framing(to), used = 0;

    if (!self->scratch)
        self->scratch = g_malloc(SCRATCH_BYTES);
    for (gsize at = 0; at < batch->used; at += stride) {
        gsize size = MIN(stride, batch->used - at) - batch->header;

        if (header > 0)
            put_channel_header(self->scratch + used, to->channel, size);
        memcpy(self->scratch + used + header, batch->buffer + at + batch->header, size);
        used += header + size;
    }
    send_datagrams(self, batch->peer, to, self->scratch, used, header + batch->size);
}

static void
send_batch(StileDataplane *self, StileOutBatch *batch, const StileEndpoint *to, gboolean framed)
{
    if (!is_batched(to))
        carry_batch(self, batch, to);
    else if (framed)
        send_datagrams(self, batch->peer, to, batch->buffer, batch->used,
                       batch->header + batch->size);
    else
        send_reframed(self, batch, to);
}

static void
batch_flush(StileDataplane *self)
{
    StileOutBatch *batch = &self->batch;

    if (batch->count > 0) {
        send_batch(self, batch, &batch->first, TRUE);
        /* Headers in the batch name the first path's channel. */
        send_batch(self, batch, &batch->second, batch->header == 0 && framing(&batch->second) == 0);
    }
    batch->peer = NULL;
    batch->count = 0;
    batch->used = 0;
    batch->closed = FALSE;
}

/* What a packet of @size becomes. */
static gsize
message_size(StileDataplane *self, gsize size)
{
    return stile_tunnel_padded_size(size, self->mtu) + STILE_TUNNEL_OVERHEAD;
}

/* A super-packet that leaves in two sends is two super-packets at the other end. One that fits into
 * a send, but not into what is left of this one, gets the next. */
static void
batch_keep_together(StileDataplane *self, const StileSegments *segments)
{
    StileOutBatch *batch = &self->batch;
    gsize size, last, all;

    if (batch->count == 0 || segments->count == 1 || segments->count > MAX_MESSAGES)
        return;
    size = message_size(self, stile_segments_size(segments, 0));
    last = message_size(self, stile_segments_size(segments, segments->count - 1));
    all = segments->count * batch->header + (segments->count - 1) * size + last;
    if (all > MAX_BATCH)
        return;
    if (size != batch->size || batch->used + all > MAX_BATCH ||
        batch->count + segments->count > MAX_MESSAGES)
        batch_flush(self);
}

/* Returns: room for the message that a packet of @size becomes */
static guint8 *
batch_reserve(StileDataplane *self, StileTunnelPeer *peer, gsize size)
{
    StileOutBatch *batch = &self->batch;

    if (batch->peer != peer || batch->closed || batch->count == MAX_MESSAGES ||
        batch->used + batch->header + message_size(self, size) > MAX_BATCH)
        batch_flush(self);
    if (!batch->peer) {
        batch->peer = peer;
        batch->first = stile_tunnel_peer_endpoint(peer, &batch->second);
        batch->header = framing(&batch->first);
    }
    return batch->buffer + batch->used + batch->header;
}

/* The message reserved for last is there. */
static void
batch_commit(StileDataplane *self, gsize size)
{
    StileOutBatch *batch = &self->batch;
    guint8 *at = batch->buffer + batch->used;

    if (batch->count > 0 && size > batch->size) {
        StileTunnelPeer *peer = batch->peer;

        batch_flush(self);
        batch->peer = peer;
        memmove(batch->buffer, at, batch->header + size);
        at = batch->buffer;
    }
    if (batch->count == 0)
        batch->size = size;
    batch->closed = size < batch->size;
    if (batch->header > 0)
        put_channel_header(at, batch->first.channel, size);
    batch->count++;
    batch->used += batch->header + size;
}

static void
note_activity(StileDataplane *self, StileTunnelPeer *peer)
{
    gint64 last = stile_stat_get(stile_tunnel_peer_stats(peer)->last_tx);
    const guint8 *key = stile_tunnel_peer_key(peer);
    gint64 *told;

    if (last != 0 && self->now - last < QUIET_TIME)
        return;
    /* Without a session nothing is sent, however much is asked for: tell it once, too. */
    told = g_hash_table_lookup(self->wakened, key);
    if (told && self->now - *told < QUIET_TIME)
        return;
    g_hash_table_insert(self->wakened, g_memdup2(key, STILE_KEY_SIZE),
                        g_memdup2(&self->now, sizeof self->now));
    stile_dataplane_post(self, STILE_EVENT_ACTIVE, key, NULL, NULL, 0);
}

static void
send_packet(StileDataplane *self, StileTunnelPeer *peer, const StileSegments *segments, guint index)
{
    gsize size = stile_segments_size(segments, index);
    guint8 *out = batch_reserve(self, peer, size);
    guint8 *packet = stile_segments_cut(segments, index);
    gsize sealed = stile_tunnel_seal(self->tunnel, peer, self->now, packet, size, self->mtu, out);

    if (sealed > 0)
        batch_commit(self, sealed);
    else
        stile_tunnel_queue(self->tunnel, peer, packet, size);
}

static void
send_read(StileDataplane *self, guint8 *data, gsize size)
{
    StileSegments segments;
    StileTunnelPeer *peer = NULL;

    if (stile_segments_init(&segments, data, size) &&
        stile_segments_size(&segments, 0) + STILE_TUNNEL_OVERHEAD + STILE_CHANNEL_HEADER <=
            STILE_MAX_MESSAGE)
        peer = stile_tunnel_route(self->tunnel, segments.headers.family,
                                  stile_headers_destination(&segments.headers, segments.packet));
    if (!peer) {
        stile_stat_add(self->counters.unroutable, 1);
        return;
    }
    note_activity(self, peer);
    batch_keep_together(self, &segments);
    for (guint i = 0; i < segments.count; i++)
        send_packet(self, peer, &segments, i);
}

/* Only padding depends on it, so now and then is often enough. */
static void
ask_mtu(StileDataplane *self)
{
    struct ifreq request = {0};
    StileSocket *socket = self->sockets[0] ? self->sockets[0] : self->sockets[1];

    if (!socket || (self->mtu_asked != 0 && self->now - self->mtu_asked < MTU_ASK_EVERY))
        return;
    self->mtu_asked = self->now;
    g_strlcpy(request.ifr_name, stile_tun_name(self->tun), sizeof request.ifr_name);
    if (ioctl(stile_socket_fd(socket), SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0)
        self->mtu = (gsize)request.ifr_mtu;
}

/* Says whose turn the packet in the queue's room is to be part of. Who the peer is counts when its
 * turn comes: the table may be another by then. */
static guint
enqueue(StileDataplane *self, const guint8 *room, gsize size)
{
    const guint8 *packet = room + sizeof(struct virtio_net_hdr);
    StileHeaders headers;
    guintptr peer = 0;
    guint32 flow = 0;

    if (size > sizeof(struct virtio_net_hdr) &&
        stile_headers_parse(&headers, packet, size - sizeof(struct virtio_net_hdr))) {
        flow = stile_headers_flow_hash(&headers, packet, self->flow_seed);
        peer = (guintptr)stile_tunnel_route(self->tunnel, headers.family,
                                            stile_headers_destination(&headers, packet));
    }
    /* Where it stands in memory, without the bits that are the same for all (Knuth, 6.4). */
    return stile_flow_queue_add(self->queue, size, (guint32)(peer >> 4) * 2654435769u >> 16, flow);
}

/* Moves what waits in the tun, in one order, to the queue, where there are turns. */
static void
read_tun(StileDataplane *self)
{
    for (guint i = 0; i < MAX_READS && !self->tun_broken; i++) {
        guint8 *room = stile_flow_queue_room(self->queue);
        gssize got = read(stile_tun_fd(self->tun), room, READ_BYTES);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            stile_dataplane_tun_broke(self, got < 0 ? errno : ENODEV);
            return;
        }
        stile_stat_add(self->counters.congested, enqueue(self, room, (gsize)got));
    }
}

/* A device that is slower than we are takes what it can; what it cannot must wait where there are
 * turns, not in the socket and not be lost there. */
static guint
full_sockets(StileDataplane *self)
{
    struct pollfd polls[G_N_ELEMENTS(self->sockets)];
    guint full = 0;

    for (guint i = 0; i < G_N_ELEMENTS(polls); i++)
        polls[i] = (struct pollfd){.fd = self->sockets[i] ? stile_socket_fd(self->sockets[i]) : -1,
                                   .events = POLLOUT};
    if (poll(polls, G_N_ELEMENTS(polls), 0) < 0)
        return 0;
    for (guint i = 0; i < G_N_ELEMENTS(polls); i++)
        if (polls[i].fd >= 0 && !polls[i].revents)
            full |= 1u << i;
    return full;
}

void
stile_dataplane_out(StileDataplane *self)
{
    gsize bytes = 0, unread = LOOK_EVERY;

    ask_mtu(self);
    for (guint i = 0; i < MAX_SEALED && bytes < MAX_SEALED_BYTES; i++) {
        guint8 *data;
        gsize size;

        if (unread >= LOOK_EVERY) {
            read_tun(self);
            unread = 0;
            stile_dataplane_set_full(self, full_sockets(self));
            if (self->full != 0)
                break;
        }
        data = stile_flow_queue_take(self->queue, &size);
        if (!data)
            break;
        bytes += size;
        unread += size;
        send_read(self, data, size);
    }
    batch_flush(self);
}

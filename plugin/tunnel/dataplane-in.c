/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/dataplane-private.h"

#include "stun/message.h"
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>

/* How much is opened before the tun has its turn, in bytes: some hundred microseconds, so that the
 * answer to what came does not wait long. A datagram costs more than its bytes. */
#define MAX_COST      (128 * 1024)
#define DATAGRAM_COST 2048
/* So many datagrams come at once where the kernel merges them: each is many. */
#define MERGED_BATCH 2
/* How many bytes are opened before what they hold is written: as much as one super-packet takes,
 * because to wait for more would gain nothing. */
#define WRITE_EVERY (48 * 1024)

#define MIN_WIREGUARD STILE_TUNNEL_OVERHEAD
/* No STUN message that we expect is larger; what strangers send waits in memory for the main
 * thread. The largest are Data indications with a WireGuard message in them. */
#define MAX_STUN 2048

static void
write_to_tun(gpointer user_data, const struct iovec *parts, guint n_parts)
{
    StileDataplane *self = user_data;
    const struct virtio_net_hdr *header = parts[0].iov_base;

    if (writev(stile_tun_fd(self->tun), parts, (int)n_parts) >= 0)
        return;
    if (errno == EBADFD || errno == ENODEV || errno == EBADF) {
        stile_dataplane_tun_broke(self, errno);
    } else if (errno == EINVAL && header->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
        /* An old kernel: this one is lost, and from now on such packets go singly. */
        if (header->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 ||
            header->gso_type == VIRTIO_NET_HDR_GSO_TCPV6)
            self->merge_tcp = FALSE;
        else
            self->merge_udp = FALSE;
        stile_coalescer_set_kinds(self->coalescer, self->merge_tcp, self->merge_udp);
        g_debug("the tun takes no merged packets of kind %u", header->gso_type);
    }
}

static GHashTable *
new_address_set(void)
{
    return g_hash_table_new_full(stile_address_hash, stile_address_equal, g_free, NULL);
}

void
stile_dataplane_in_init(StileDataplane *self)
{
    self->registered = new_address_set();
    self->relays = new_address_set();
    self->receive_buffers = stile_receive_buffers_new();
    self->merge_tcp = self->merge_udp = TRUE;
    if (self->tun)
        self->coalescer = stile_coalescer_new(write_to_tun, self);
}

void
stile_dataplane_in_clear(StileDataplane *self)
{
    g_clear_pointer(&self->registered, g_hash_table_unref);
    g_clear_pointer(&self->relays, g_hash_table_unref);
    g_clear_pointer(&self->receive_buffers, stile_receive_buffers_free);
    g_clear_pointer(&self->coalescer, stile_coalescer_free);
}

static void
add_relay(StileDataplane *self, const StileAddress *server)
{
    if (stile_address_is_set(server))
        g_hash_table_add(self->relays, g_memdup2(server, sizeof *server));
}

void
stile_dataplane_in_set_relays(StileDataplane *self, const StileTable *table)
{
    GHashTableIter iter;
    gpointer server;

    g_hash_table_remove_all(self->relays);
    g_hash_table_iter_init(&iter, self->registered);
    while (g_hash_table_iter_next(&iter, &server, NULL))
        add_relay(self, server);
    for (guint i = 0; i < table->peers->len; i++) {
        const StileTablePeer *peer = g_ptr_array_index(table->peers, i);

        add_relay(self, &peer->path.server);
        add_relay(self, &peer->second_path.server);
    }
}

void
stile_dataplane_in_message(StileDataplane *self, const StileEndpoint *from, guint8 *message,
                           gsize size)
{
    StileTunnelPeer *peer;
    guint8 *packet;
    gsize packet_size;

    switch (stile_tunnel_receive(self->tunnel, from, self->now, message, size, &peer, &packet,
                                 &packet_size)) {
    case STILE_TUNNEL_PACKET:
        if (self->tun && !self->tun_broken)
            stile_coalescer_add(self->coalescer, packet, packet_size);
        break;
    case STILE_TUNNEL_CONSUMED:
        break;
    case STILE_TUNNEL_MALFORMED:
        stile_stat_add(self->counters.malformed, 1);
        break;
    case STILE_TUNNEL_UNAUTHENTICATED:
        stile_stat_add(self->counters.unauthenticated, 1);
        break;
    case STILE_TUNNEL_REPLAYED:
        stile_stat_add(self->counters.replayed, 1);
        break;
    case STILE_TUNNEL_DISALLOWED:
        stile_stat_add(self->counters.disallowed, 1);
        break;
    }
}

void
stile_dataplane_in_flush(StileDataplane *self)
{
    if (self->coalescer)
        stile_coalescer_flush(self->coalescer);
}

/* Its type, and three bytes that must be zero; the rest is the tunnel's to judge. */
static gboolean
looks_like_wireguard(const guint8 *data, gsize size)
{
    return size >= MIN_WIREGUARD && data[0] >= 1 && data[0] <= 4 &&
           (data[1] | data[2] | data[3]) == 0;
}

static void
handle_message(StileDataplane *self, const StileEndpoint *from, guint8 *data, gsize size)
{
    if (G_LIKELY(looks_like_wireguard(data, size)))
        stile_dataplane_in_message(self, from, data, size);
    else if (size <= MAX_STUN && stile_stun_looks_like(data, size))
        stile_dataplane_post(self, STILE_EVENT_CONTROL, NULL, from, data, size);
    else
        stile_stat_add(self->counters.malformed, 1);
}

/* RFC 8656 §12.4: channel, length, and by UDP up to three bytes of padding. */
static void
handle_channel_data(StileDataplane *self, const StileEndpoint *from, guint8 *data, gsize size)
{
    StileEndpoint relayed = {
        .kind = STILE_ENDPOINT_TURN, .local = from->local, .server = from->remote};
    gsize inner;

    if (size < STILE_CHANNEL_HEADER || !g_hash_table_contains(self->relays, &from->remote)) {
        stile_stat_add(self->counters.malformed, 1);
        return;
    }
    relayed.channel = stile_get_u16be(data);
    inner = stile_get_u16be(data + 2);
    if (inner > size - STILE_CHANNEL_HEADER || size - STILE_CHANNEL_HEADER - inner > 3) {
        stile_stat_add(self->counters.malformed, 1);
        return;
    }
    handle_message(self, &relayed, data + STILE_CHANNEL_HEADER, inner);
}

static void
handle_datagram(StileDataplane *self, const StileDatagram *datagram)
{
    const StileEndpoint from = {
        .kind = STILE_ENDPOINT_UDP, .remote = datagram->remote, .local = datagram->local};

    if (datagram->size == 0)
        stile_stat_add(self->counters.malformed, 1);
    for (gsize at = 0; at < datagram->size; at += datagram->segment) {
        guint8 *data = datagram->data + at;
        gsize size = MIN(datagram->segment, datagram->size - at);

        if ((data[0] & 0xf0) == 0x40)
            handle_channel_data(self, &from, data, size);
        else
            handle_message(self, &from, data, size);
    }
}

gboolean
stile_dataplane_in(StileDataplane *self, StileSocket *socket)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    gsize cost = 0;

    while (cost < MAX_COST) {
        guint max = self->merged ? MERGED_BATCH : STILE_SOCKET_MAX_BATCH;
        guint n = stile_socket_receive(socket, self->receive_buffers, datagrams, max);
        gsize unwritten = 0;

        self->merged = FALSE;
        for (guint i = 0; i < n; i++) {
            handle_datagram(self, &datagrams[i]);
            cost += DATAGRAM_COST + datagrams[i].size;
            unwritten += datagrams[i].size;
            if (unwritten < WRITE_EVERY)
                continue;
            self->merged = TRUE;
            stile_dataplane_in_flush(self);
            unwritten = 0;
        }
        stile_dataplane_in_flush(self);
        if (n < max)
            return FALSE;
    }
    return TRUE;
}

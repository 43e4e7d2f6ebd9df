/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merging loses nothing, adds nothing and repairs nothing: whatever packets go in, cutting what
 * comes out gives the same packets, those of one flow in the same order. The input is a list of
 * packets: either raw ones (a length of two bytes before each), or eight bytes each that say how to
 * make one, so that runs which do merge are common. */
#include "../unit/packets.h"
#include "tunnel/coalesce.h"
#include "tunnel/segment.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GBytes *
made_packet(const guint8 *spec)
{
    guint8 *packet = g_malloc(4096);
    PacketSpec wanted = {
        .family = spec[0] & 1 ? AF_INET6 : AF_INET,
        .protocol = spec[0] & 2 ? IPPROTO_UDP : IPPROTO_TCP,
        .fragmentable = (spec[0] & 4) != 0,
        .options = spec[0] & 8 ? 12 : 0,
        .port = spec[1] & 7,
        .tcp_flags = spec[2] ^ STILE_TCP_ACK,
        .payload = spec[3] * 4u,
        .sequence = stile_get_u16be(spec + 4) * 4u,
        .id = spec[6],
    };
    gsize size = make_packet(&wanted, packet);

    if (spec[7] >= 0xf0) /* damaged */
        packet[spec[7] % size] ^= 0x10;
    return g_bytes_new_take(packet, size);
}

static GPtrArray *
read_packets(const guint8 *data, gsize size)
{
    GPtrArray *packets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    if (size > 0 && data[0] & 1) {
        for (gsize at = 1; at + 8 <= size; at += 8)
            g_ptr_array_add(packets, made_packet(data + at));
        return packets;
    }
    for (gsize at = 1; at + 2 < size;) {
        gsize length = MIN(stile_get_u16be(data + at), size - at - 2);

        if (length > 0)
            g_ptr_array_add(packets, g_bytes_new(data + at + 2, length));
        at += 2 + length;
    }
    return packets;
}

static void
keep(gpointer user_data, const struct iovec *parts, guint n_parts)
{
    g_autoptr(GByteArray) block = g_byte_array_new();
    StileSegments segments;

    for (guint i = 0; i < n_parts; i++)
        g_byte_array_append(block, parts[i].iov_base, (guint)parts[i].iov_len);
    if (!stile_segments_init(&segments, block->data, block->len)) {
        /* Only what is no IP packet at all goes through unparsed. */
        g_assert_cmpuint(n_parts, ==, 2);
        g_ptr_array_add(user_data, g_bytes_new(parts[1].iov_base, parts[1].iov_len));
        return;
    }
    for (guint i = 0; i < segments.count; i++) {
        gsize size = stile_segments_size(&segments, i);

        g_ptr_array_add(user_data, g_bytes_new(stile_segments_cut(&segments, i), size));
    }
}

/* Equal but for the id, and so the checksum, of an IPv4 packet that may not be fragmented, and for
 * what stood behind the end of the packet. */
static gboolean
is_same(GBytes *in, GBytes *out)
{
    gsize size_in, size;
    g_autofree guint8 *a = g_memdup2(g_bytes_get_data(in, &size_in), g_bytes_get_size(in));
    g_autofree guint8 *b = g_memdup2(g_bytes_get_data(out, &size), g_bytes_get_size(out));
    StileHeaders headers;

    if (stile_headers_parse(&headers, a, size_in))
        size_in = headers.size;
    if (size_in != size)
        return FALSE;
    if (size >= 20 && a[0] >> 4 == 4 && (a[6] & 0x40)) {
        memset(a + 4, 0, 2);
        memset(b + 4, 0, 2);
        memset(a + 10, 0, 2);
        memset(b + 10, 0, 2);
    }
    return memcmp(a, b, size) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) in = read_packets(data, size);
    g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GPtrArray) buffers = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(StileCoalescer) coalescer = stile_coalescer_new(keep, out);

    for (guint i = 0; i < in->len; i++) {
        gsize bytes;
        gconstpointer packet = g_bytes_get_data(in->pdata[i], &bytes);
        guint8 *copy = g_memdup2(packet, bytes);

        g_ptr_array_add(buffers, copy);
        stile_coalescer_add(coalescer, copy, bytes);
    }
    stile_coalescer_flush(coalescer);
    g_assert_cmpuint(out->len, ==, in->len);
    for (guint i = 0; i < in->len; i++) {
        guint found = 0;

        while (found < out->len && !is_same(in->pdata[i], out->pdata[found]))
            found++;
        g_assert_cmpuint(found, <, out->len);
        g_ptr_array_remove_index(out, found);
    }
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a tun device may hand us: whatever is accepted is cut into whole packets that carry the same
 * payload, each with checksums that a slow, independent sum finds right. */
#include "../unit/packets.h"
#include "tunnel/segment.h"

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean
has_transport(const StileHeaders *headers)
{
    return headers->plain && headers->protocol != IPPROTO_NONE;
}

static void
check_segment(const StileSegments *segments, guint index, GByteArray *payload)
{
    gsize size = stile_segments_size(segments, index);
    const guint8 *packet = stile_segments_cut(segments, index);
    StileHeaders headers;

    g_assert_true(stile_headers_parse(&headers, packet, size));
    g_assert_cmpuint(headers.size, ==, size);
    g_assert_cmpuint(headers.header_size, ==, segments->headers.header_size);
    g_assert_cmpint(headers.protocol, ==, segments->headers.protocol);
    if (segments->segment > 0 && has_transport(&headers))
        g_assert_true(slow_check(packet, size));
    g_byte_array_append(payload, packet + headers.header_size, (guint)(size - headers.header_size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *copy = g_memdup2(data, size);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    const guint8 *expected;
    StileSegments segments;

    if (!stile_segments_init(&segments, copy, size))
        return 0;
    g_assert_cmpuint(segments.headers.size + sizeof(struct virtio_net_hdr), <=, size);
    for (guint i = 0; i < segments.count; i++)
        check_segment(&segments, i, payload);
    /* A checksum that was asked for may be anywhere in a single packet. */
    expected = (segments.segment > 0 ? data : copy) + sizeof(struct virtio_net_hdr) +
               segments.headers.header_size;
    g_assert_cmpmem(payload->data, payload->len, expected,
                    segments.headers.size - segments.headers.header_size);
    return 0;
}

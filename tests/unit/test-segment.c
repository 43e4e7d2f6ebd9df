/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between super-packets and packets: the fast checksum is the checksum, cutting gives the packets
 * that a network card would have sent, merging gives what cutting takes apart again, and whatever
 * could not be put back exactly is left alone. */
#include "packets.h"
#include "tunnel/checksum.h"
#include "tunnel/coalesce.h"
#include "tunnel/segment.h"

#include <linux/virtio_net.h>

#define GSO_UDP_L4 5
#define ACK        STILE_TCP_ACK

static void
test_checksum(void)
{
    g_autofree guint8 *data = g_malloc(200001);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (gsize i = 0; i < 200001; i++)
        data[i] = (guint8)g_rand_int(rand);
    for (guint round = 0; round < 2000; round++) {
        gsize size = (gsize)g_rand_int_range(rand, 0, round % 10 == 0 ? 200000 : 2000);
        gsize at = (gsize)g_rand_int_range(rand, 0, (gint32)(200001 - size));
        gsize half = size / 4 * 2;
        guint32 sum = stile_checksum_add(0, data + at, size);
        guint32 two = stile_checksum_add(stile_checksum_add(0, data + at, half), data + at + half,
                                         size - half);

        g_assert_cmpuint(g_ntohs(stile_checksum_finish(sum)), ==,
                         slow_checksum(data + at, size, 0));
        g_assert_cmpuint(stile_checksum_finish(two), ==, stile_checksum_finish(sum));
    }
    /* All ones overflow a lane first. */
    memset(data, 0xff, 200001);
    g_assert_cmpuint(stile_checksum_finish(stile_checksum_add(0, data, 200000)), ==, 0);
}

/* A super-packet as the kernel gives it: the virtio header and what make_packet() makes. */
static guint8 *
make_super(const PacketSpec *spec, guint8 gso_type, gsize segment, gsize *ret_size)
{
    guint8 *data = g_malloc(sizeof(struct virtio_net_hdr) + 120 + spec->payload);
    gsize size = make_packet(spec, data + sizeof(struct virtio_net_hdr));
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = gso_type,
        .hdr_len = 4000, /* a lie */
        .gso_size = (guint16)segment,
        .csum_start = spec->family == AF_INET ? 20 : 40,
        .csum_offset = spec->protocol == IPPROTO_TCP ? 16 : 6,
    };

    memcpy(data, &header, sizeof header);
    *ret_size = sizeof header + size;
    return data;
}

static void
check_cut(const PacketSpec *spec, guint8 gso_type, gsize segment, guint count)
{
    gsize size;
    g_autofree guint8 *data = make_super(spec, gso_type, segment, &size);
    StileSegments segments;
    PacketSpec part = *spec;

    g_assert_true(stile_segments_init(&segments, data, size));
    g_assert_cmpuint(segments.count, ==, count);
    for (guint i = 0; i < count; i++) {
        g_autofree guint8 *expected = g_malloc(120 + spec->payload);
        const guint8 *got;
        gsize got_size = stile_segments_size(&segments, i);

        part.payload = MIN(segment, spec->payload - i * segment);
        part.sequence = spec->sequence + (guint32)(i * segment);
        part.id = (guint16)(spec->id + i);
        part.tcp_flags = spec->tcp_flags;
        if (i + 1 < count)
            part.tcp_flags &= (guint8) ~(STILE_TCP_PSH | STILE_TCP_FIN);
        if (i > 0)
            part.tcp_flags &= (guint8)~STILE_TCP_CWR;
        g_assert_cmpuint(got_size, ==, make_packet(&part, expected));
        got = stile_segments_cut(&segments, i);
        g_assert_cmpmem(got, got_size, expected, got_size);
    }
}

static void
test_cut(void)
{
    PacketSpec spec = {.family = AF_INET,
                       .protocol = IPPROTO_TCP,
                       .port = 5000,
                       .sequence = 0xfffffff0,
                       .tcp_flags = ACK | STILE_TCP_PSH | STILE_TCP_FIN | STILE_TCP_CWR,
                       .options = 12,
                       .payload = 60000,
                       .id = 0xfffe};

    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 1368, 44);
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 1367, 44);
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 30000, 2);
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 60000, 1);
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 65535, 1);
    /* less than the headers, so that those of one reach into the packets before the last */
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 51, 1177);
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 30, 2000);
    spec.payload = 2047;
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 1, 2047);
    spec.payload = 60000;
    spec.family = AF_INET6;
    check_cut(&spec, VIRTIO_NET_HDR_GSO_TCPV6, 1348, 45);
    spec.protocol = IPPROTO_UDP;
    spec.options = 0;
    check_cut(&spec, GSO_UDP_L4, 1200, 50);
    spec.family = AF_INET;
    check_cut(&spec, GSO_UDP_L4, 1201, 50);
}

/* A super-packet with destination options of @options bytes (RFC 8200 §4.6). */
static guint8 *
make_optional(gsize options, gsize segment, gsize *ret_size)
{
    PacketSpec spec = {.family = AF_INET6,
                       .protocol = IPPROTO_TCP,
                       .tcp_flags = ACK,
                       .sequence = 500,
                       .payload = 4000};
    gsize size, head = sizeof(struct virtio_net_hdr) + 40;
    g_autofree guint8 *plain = make_super(&spec, VIRTIO_NET_HDR_GSO_TCPV6, segment, &size);
    guint8 *data = g_malloc0(size + options), *ip = data + head - 40;

    memcpy(data, plain, head);
    memcpy(data + head + options, plain + head, size - head);
    ip[6] = IPPROTO_DSTOPTS;
    stile_put_u16be(ip + 4, (guint16)(size - head + options));
    data[head] = IPPROTO_TCP;
    data[head + 1] = (guint8)(options / 8 - 1);
    for (gsize at = 2; at < options; at += MIN(257, options - at)) { /* PadN */
        data[head + at] = 1;
        data[head + at + 1] = (guint8)(MIN(257, options - at) - 2);
    }
    *ret_size = size + options;
    return data;
}

static void
test_extension_headers(void)
{
    const gsize segment = 100, options = STILE_SEGMENTS_MAX_HEADER - 40 - 20 - 4;
    gsize size;
    g_autofree guint8 *data = make_optional(options, segment, &size);
    g_autofree guint8 *copy = g_memdup2(data, size);
    g_autofree guint8 *longer = make_optional(options + 8, segment, &size);
    StileSegments segments;

    g_assert_true(stile_segments_init(&segments, data, size - 8));
    g_assert_cmpuint(segments.count, ==, 40);
    for (guint i = 0; i < segments.count; i++) {
        gsize got = stile_segments_size(&segments, i), tcp = 40 + options;
        const guint8 *packet = stile_segments_cut(&segments, i);
        guint32 sum = IPPROTO_TCP + (guint32)(got - tcp);

        for (gsize at = 8; at < 40; at += 2)
            sum += stile_get_u16be(packet + at);
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        g_assert_cmpuint(got, ==, tcp + 20 + segment);
        g_assert_cmpuint(stile_get_u16be(packet + 4), ==, got - 40);
        g_assert_cmpuint(stile_get_u32be(packet + tcp + 4), ==, 500 + i * segment);
        g_assert_cmpmem(packet + 40, options, copy + sizeof(struct virtio_net_hdr) + 40, options);
        g_assert_cmpmem(packet + tcp + 20, segment,
                        copy + sizeof(struct virtio_net_hdr) + tcp + 20 + i * segment, segment);
        g_assert_cmpuint(slow_checksum(packet + tcp, got - tcp, sum), ==, 0);
    }
    /* More headers than can be kept are not cut; one packet alone may have them. */
    g_assert_false(stile_segments_init(&segments, longer, size));
    memset(longer, 0, sizeof(struct virtio_net_hdr));
    g_assert_true(stile_segments_init(&segments, longer, size));
    g_assert_cmpuint(segments.count, ==, 1);
}

static void
test_single(void)
{
    PacketSpec spec = {.family = AF_INET, .protocol = IPPROTO_UDP, .port = 1, .payload = 333};
    guint8 expected[512];
    StileSegments segments;

    for (guint i = 0; i < 4; i++) {
        struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
        guint8 data[sizeof header + 512];
        guint8 *packet = data + sizeof header;
        gsize size;
        guint32 sum = 0;

        spec.family = i % 2 ? AF_INET6 : AF_INET;
        spec.protocol = i / 2 ? IPPROTO_TCP : IPPROTO_UDP;
        size = make_packet(&spec, expected);
        make_packet(&spec, packet);
        header.csum_start = spec.family == AF_INET ? 20 : 40;
        header.csum_offset = spec.protocol == IPPROTO_TCP ? 16 : 6;
        memcpy(data, &header, sizeof header);
        /* The kernel leaves the sum of the pseudo header. */
        for (gsize at = spec.family == AF_INET ? 12 : 8; at < header.csum_start; at += 2)
            sum += stile_get_u16be(packet + at);
        sum += (guint32)spec.protocol + (guint32)(size - header.csum_start);
        stile_put_u16be(packet + header.csum_start + header.csum_offset,
                        (guint16)~slow_checksum(NULL, 0, (sum & 0xffff) + (sum >> 16)));
        g_assert_true(stile_segments_init(&segments, data, sizeof header + size));
        g_assert_cmpuint(segments.count, ==, 1);
        g_assert_cmpuint(stile_segments_size(&segments, 0), ==, size);
        g_assert_cmpmem(packet, size, expected, size);
    }
}

static void
test_refused(void)
{
    PacketSpec spec = {
        .family = AF_INET, .protocol = IPPROTO_TCP, .tcp_flags = ACK, .payload = 3000};
    gsize size;
    g_autofree guint8 *data = make_super(&spec, VIRTIO_NET_HDR_GSO_TCPV4, 1400, &size);
    struct virtio_net_hdr *header = (struct virtio_net_hdr *)(void *)data;
    guint8 *ip = data + sizeof *header;
    StileSegments segments;

    g_assert_true(stile_segments_init(&segments, data, size));
    /* truncated anywhere */
    for (gsize cut = 0; cut < size; cut++)
        g_assert_false(stile_segments_init(&segments, data, cut));
    header->gso_size = 0;
    g_assert_false(stile_segments_init(&segments, data, size));
    header->gso_size = 1; /* 3000 packets */
    g_assert_false(stile_segments_init(&segments, data, size));
    header->gso_size = 1400;
    header->gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
    g_assert_false(stile_segments_init(&segments, data, size));
    header->gso_type = GSO_UDP_L4;
    g_assert_false(stile_segments_init(&segments, data, size));
    header->gso_type = VIRTIO_NET_HDR_GSO_UDP;
    g_assert_false(stile_segments_init(&segments, data, size));
    header->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    ip[6] = 0x20; /* a fragment */
    g_assert_false(stile_segments_init(&segments, data, size));
    ip[6] = 0x40;
    ip[32] = 0x40; /* a TCP header of 16 bytes */
    g_assert_false(stile_segments_init(&segments, data, size));
    ip[32] = 0x50;
    ip[0] = 0x55;
    g_assert_false(stile_segments_init(&segments, data, size));
    ip[0] = 0x45;
    header->gso_type = VIRTIO_NET_HDR_GSO_NONE;
    header->csum_offset = 0xffff;
    g_assert_false(stile_segments_init(&segments, data, size));
    header->csum_offset = 16;
    header->csum_start = 0; /* would overwrite the IP header */
    g_assert_false(stile_segments_init(&segments, data, size));
}

/* What came out of a coalescer: each write as one block. */
static void
keep(gpointer user_data, const struct iovec *parts, guint n_parts)
{
    GByteArray *block = g_byte_array_new();

    for (guint i = 0; i < n_parts; i++)
        g_byte_array_append(block, parts[i].iov_base, (guint)parts[i].iov_len);
    g_ptr_array_add(user_data, block);
}

typedef struct {
    GPtrArray *written; /* of GByteArray */
    StileCoalescer *coalescer;
    GPtrArray *packets; /* kept until the flush */
} Merger;

static Merger
merger_new(void)
{
    Merger merger = {.written = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref),
                     .packets = g_ptr_array_new_with_free_func(g_free)};

    merger.coalescer = stile_coalescer_new(keep, merger.written);
    return merger;
}

static void
merger_clear(Merger *merger)
{
    stile_coalescer_free(merger->coalescer);
    g_ptr_array_unref(merger->written);
    g_ptr_array_unref(merger->packets);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Merger, merger_clear)

static guint8 *
merger_add(Merger *merger, const PacketSpec *spec)
{
    guint8 *packet = g_malloc(120 + spec->payload);
    gsize size = make_packet(spec, packet);

    g_ptr_array_add(merger->packets, packet);
    stile_coalescer_add(merger->coalescer, packet, size);
    return packet;
}

/* The payload sizes of what was written, after a flush: “2x1000+500” is one super-packet. */
static char *
merger_take(Merger *merger)
{
    GString *text = g_string_new(NULL);

    stile_coalescer_flush(merger->coalescer);
    for (guint i = 0; i < merger->written->len; i++) {
        GByteArray *block = g_ptr_array_index(merger->written, i);
        StileSegments segments;
        gsize last;

        g_assert_true(stile_segments_init(&segments, block->data, block->len));
        for (guint n = 0; n < segments.count; n++) {
            gsize size = stile_segments_size(&segments, n);

            g_assert_true(slow_check(stile_segments_cut(&segments, n), size));
        }
        last = stile_segments_size(&segments, segments.count - 1) - segments.headers.header_size;
        g_string_append_printf(text, "%s", i ? " " : "");
        if (segments.count > 1 && last == segments.segment)
            g_string_append_printf(text, "%ux%zu", segments.count, segments.segment);
        else if (segments.count > 1)
            g_string_append_printf(text, "%ux%zu+%zu", segments.count - 1, segments.segment, last);
        else
            g_string_append_printf(text, "%zu", last);
    }
    g_ptr_array_set_size(merger->written, 0);
    g_ptr_array_set_size(merger->packets, 0);
    return g_string_free(text, FALSE);
}

static void
check_merge(const PacketSpec *specs, guint n, const char *expected)
{
    g_auto(Merger) merger = merger_new();
    g_autofree char *text = NULL;

    for (guint i = 0; i < n; i++)
        merger_add(&merger, &specs[i]);
    text = merger_take(&merger);
    g_assert_cmpstr(text, ==, expected);
}

/* A run of @n packets of @payload bytes that follow each other. */
static void
add_run(Merger *merger, PacketSpec spec, guint n)
{
    for (guint i = 0; i < n; i++) {
        merger_add(merger, &spec);
        spec.sequence += (guint32)spec.payload;
        spec.id++;
    }
}

static void
test_merge_run(void)
{
    g_auto(Merger) merger = merger_new();
    PacketSpec spec = {.family = AF_INET,
                       .protocol = IPPROTO_TCP,
                       .tcp_flags = ACK,
                       .options = 12,
                       .payload = 1000,
                       .sequence = 0xffffff00,
                       .id = 0xfffe,
                       .fragmentable = TRUE};
    static const int families[] = {AF_INET, AF_INET6};

    for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
        g_autofree char *one = NULL, *many = NULL, *large = NULL, *udp = NULL;

        spec.family = families[i];
        spec.protocol = IPPROTO_TCP;
        spec.options = 12;
        spec.payload = 1000;
        add_run(&merger, spec, 1);
        one = merger_take(&merger);
        g_assert_cmpstr(one, ==, "1000");
        add_run(&merger, spec, 66);
        many = merger_take(&merger);
        g_assert_cmpstr(many, ==, "64x1000 2x1000");
        spec.payload = 1368;
        add_run(&merger, spec, 50);
        large = merger_take(&merger);
        g_assert_cmpstr(large, ==, "47x1368 3x1368");
        spec.protocol = IPPROTO_UDP;
        spec.options = 0;
        spec.payload = 100;
        add_run(&merger, spec, 70);
        udp = merger_take(&merger);
        g_assert_cmpstr(udp, ==, "64x100 6x100");
    }
}

static void
test_merge_ends(void)
{
    const PacketSpec base = {
        .family = AF_INET, .protocol = IPPROTO_TCP, .tcp_flags = ACK, .payload = 1000};
    PacketSpec specs[4] = {base, base, base, base};

    for (guint i = 0; i < 4; i++)
        specs[i].sequence = 1000 * i;
    check_merge(specs, 4, "4x1000");
    /* a short one ends it */
    specs[2].payload = 400;
    specs[3].sequence = 2400;
    check_merge(specs, 4, "2x1000+400 1000");
    specs[2].payload = 1000;
    specs[3].sequence = 3000;
    /* and so does a push */
    specs[1].tcp_flags |= STILE_TCP_PSH;
    check_merge(specs, 4, "2x1000 2x1000");
    specs[1] = base;
    specs[1].sequence = 1000;
    /* a longer one begins anew */
    specs[0].sequence = 500;
    specs[0].payload = 500;
    check_merge(specs, 4, "500 3x1000");
    specs[0] = base;
    /* out of order, in the order of arrival */
    specs[1].sequence = 2000;
    specs[2].sequence = 1000;
    check_merge(specs, 4, "1000 1000 1000 1000");
}

static void
test_merge_never(void)
{
    static const guint8 flags[] = {ACK | STILE_TCP_FIN, ACK | 0x02,          ACK | 0x04,
                                   ACK | 0x20,          ACK | STILE_TCP_CWR, 0};
    PacketSpec specs[2];

    for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
        for (guint n = 0; n < 2; n++)
            specs[n] = (PacketSpec){.family = AF_INET,
                                    .protocol = IPPROTO_TCP,
                                    .payload = 9,
                                    .tcp_flags = flags[i],
                                    .sequence = n * 9};
        check_merge(specs, 2, "9 9");
    }
    for (guint n = 0; n < 2; n++) /* pure acknowledgements */
        specs[n] = (PacketSpec){.family = AF_INET, .protocol = IPPROTO_TCP, .tcp_flags = ACK};
    check_merge(specs, 2, "0 0");
    for (guint n = 0; n < 2; n++) /* other ports */
        specs[n] = (PacketSpec){
            .family = AF_INET, .protocol = IPPROTO_UDP, .payload = 9, .port = (guint16)n};
    check_merge(specs, 2, "9 9");
    for (guint n = 0; n < 2; n++) /* other options */
        specs[n] = (PacketSpec){.family = AF_INET,
                                .protocol = IPPROTO_TCP,
                                .payload = 9,
                                .tcp_flags = ACK,
                                .sequence = n * 9,
                                .options = 4 * n};
    check_merge(specs, 2, "9 9");
    for (guint n = 0; n < 2; n++) /* ids with a gap, where they mean something */
        specs[n] = (PacketSpec){.family = AF_INET,
                                .protocol = IPPROTO_TCP,
                                .payload = 9,
                                .tcp_flags = ACK,
                                .sequence = n * 9,
                                .id = (guint16)(n * 2),
                                .fragmentable = TRUE};
    check_merge(specs, 2, "9 9");
}

static void
test_merge_interleaved(void)
{
    g_auto(Merger) merger = merger_new();
    g_autofree char *text = NULL;
    GString *expected = g_string_new(NULL);

    /* More flows than can be open: all is written, nothing is lost or mixed. */
    for (guint round = 0; round < 3; round++)
        for (guint flow = 0; flow < 10; flow++) {
            PacketSpec spec = {.family = AF_INET,
                               .protocol = IPPROTO_TCP,
                               .tcp_flags = ACK,
                               .payload = 100 + flow,
                               .port = (guint16)flow,
                               .sequence = round * (100 + flow)};

            merger_add(&merger, &spec);
        }
    for (guint flow = 0; flow < 10; flow++)
        g_string_append_printf(expected, "%s3x%u", flow ? " " : "", 100 + flow);
    text = merger_take(&merger);
    g_assert_cmpstr(text, ==, expected->str);
    g_string_free(expected, TRUE);

    for (guint flow = 0; flow < 40; flow++) {
        PacketSpec spec = {
            .family = AF_INET6, .protocol = IPPROTO_UDP, .payload = 10, .port = (guint16)flow};

        merger_add(&merger, &spec);
    }
    stile_coalescer_flush(merger.coalescer);
    g_assert_cmpuint(merger.written->len, ==, 40);
}

static void
test_merge_damaged(void)
{
    /* A damaged packet stays damaged, wherever in a run it stands. */
    for (guint damaged = 0; damaged < 3; damaged++) {
        g_auto(Merger) merger = merger_new();
        guint bad = 0;

        for (guint i = 0; i < 3; i++) {
            PacketSpec spec = {.family = AF_INET6,
                               .protocol = IPPROTO_TCP,
                               .tcp_flags = ACK,
                               .payload = 500,
                               .sequence = i * 500};
            guint8 *packet = g_malloc(120 + spec.payload);
            gsize size = make_packet(&spec, packet);

            g_ptr_array_add(merger.packets, packet);
            if (i == damaged)
                packet[size - 7] ^= 4;
            stile_coalescer_add(merger.coalescer, packet, size);
        }
        stile_coalescer_flush(merger.coalescer);
        for (guint i = 0; i < merger.written->len; i++) {
            GByteArray *block = g_ptr_array_index(merger.written, i);
            StileSegments segments;

            g_assert_true(stile_segments_init(&segments, block->data, block->len));
            if (segments.count == 1 && !slow_check(segments.packet, segments.headers.size))
                bad++;
            else
                g_assert_cmpuint(segments.count, <=, 2);
        }
        g_assert_cmpuint(bad, ==, 1);
    }
}

static void
test_merge_switched_off(void)
{
    g_auto(Merger) merger = merger_new();
    PacketSpec spec = {.family = AF_INET, .protocol = IPPROTO_UDP, .payload = 10};
    g_autofree char *text = NULL;

    stile_coalescer_set_kinds(merger.coalescer, TRUE, FALSE);
    add_run(&merger, spec, 3);
    text = merger_take(&merger);
    g_assert_cmpstr(text, ==, "10 10 10");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/segment/checksum", test_checksum);
    g_test_add_func("/segment/cut", test_cut);
    g_test_add_func("/segment/extension-headers", test_extension_headers);
    g_test_add_func("/segment/single", test_single);
    g_test_add_func("/segment/refused", test_refused);
    g_test_add_func("/segment/merge/run", test_merge_run);
    g_test_add_func("/segment/merge/ends", test_merge_ends);
    g_test_add_func("/segment/merge/never", test_merge_never);
    g_test_add_func("/segment/merge/interleaved", test_merge_interleaved);
    g_test_add_func("/segment/merge/damaged", test_merge_damaged);
    g_test_add_func("/segment/merge/switched-off", test_merge_switched_off);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets from both sides of the lab's NAT: whatever they are, what leaves has a right header
 * checksum, and the other sums are right exactly where they were right before, those of the packet
 * that an error quotes included. The first byte is the kind of NAT; a packet is a byte of flags,
 * its length, itself.
 */
#include "../lab/natbox-translate.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FROM_OUTSIDE 1 /* flags */
#define RIGHT_SUMS   2 /* put right before, so that more than a guess of them gets through */
#define HOUR_LATER   4

#define OUTSIDE_ADDRESS 0xc6336402 /* 198.51.100.2 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint32
add(const guint8 *data, gsize size, guint32 sum)
{
    for (gsize i = 0; i < size; i++)
        sum += i & 1 ? data[i] : (guint32)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Of an IP packet of which all is there: where the sum of its transport is; 0 where there is none.
 */
static gsize
transport_sum_at(const guint8 *packet, gsize size)
{
    gsize header = (gsize)(packet[0] & 15) * 4;
    gsize at = header + (packet[9] == IPPROTO_TCP ? 16 : packet[9] == IPPROTO_UDP ? 6 : 2);

    if (at + 2 > size || ((packet[6] & 0x3f) | packet[7]) ||
        (packet[9] != IPPROTO_TCP && packet[9] != IPPROTO_UDP && packet[9] != IPPROTO_ICMP))
        return 0;
    return at;
}

static guint32
transport_sum(const guint8 *packet, gsize size)
{
    gsize header = (gsize)(packet[0] & 15) * 4;
    guint32 sum = 0;

    if (packet[9] != IPPROTO_ICMP)
        sum = add(packet + 12, 8, packet[9] + (guint32)(size - header));
    return add(packet + header, size - header, sum);
}

/* Returns: whether @packet is one whose length is what it says, at least @size of it */
static gboolean
is_whole(const guint8 *packet, gsize size, gsize *length)
{
    if (size < 20 || packet[0] >> 4 != 4 || (packet[0] & 15) < 5)
        return FALSE;
    *length = (gsize)packet[2] << 8 | packet[3];
    return *length <= size && (gsize)(packet[0] & 15) * 4 <= *length;
}

static void
put_right(guint8 *packet, gsize size)
{
    gsize length, at, header = size ? (gsize)(packet[0] & 15) * 4 : 0;
    guint32 sum;

    if (!is_whole(packet, size, &length))
        return;
    packet[10] = packet[11] = 0;
    sum = ~add(packet, header, 0);
    packet[10] = (guint8)(sum >> 8);
    packet[11] = (guint8)sum;
    at = transport_sum_at(packet, length);
    if (!at)
        return;
    packet[at] = packet[at + 1] = 0;
    sum = ~transport_sum(packet, length);
    packet[at] = (guint8)(sum >> 8);
    packet[at + 1] = (guint8)sum;
}

typedef struct {
    gboolean header;
    gboolean transport;
    gboolean transport_counts; /* there is one, and it is not left out */
} Sums;

static Sums
look(const guint8 *packet, gsize size)
{
    gsize length, at;
    Sums sums = {0};

    if (!is_whole(packet, size, &length))
        return sums;
    sums.header = add(packet, (gsize)(packet[0] & 15) * 4, 0) == 0xffff;
    at = transport_sum_at(packet, length);
    sums.transport_counts = at &&
                            !(packet[9] == IPPROTO_UDP && packet[at] == 0 && packet[at + 1] == 0);
    sums.transport = sums.transport_counts && transport_sum(packet, length) == 0xffff;
    return sums;
}

static gsize
quoted_at(const guint8 *packet, gsize size)
{
    gsize header = (gsize)(packet[0] & 15) * 4;

    return packet[9] == IPPROTO_ICMP && header + 28 <= size &&
                   (packet[header] == 3 || packet[header] == 11 || packet[header] == 12)
               ? header + 8
               : 0;
}

static void
try_packet(NatboxNat *nat, guint8 flags, const guint8 *data, gsize size, gint64 now)
{
    g_autofree guint8 *packet = g_memdup2(data, size);
    guint8 answer[NATBOX_ANSWER_MAX];
    gsize answer_size, quoted;
    Sums before, inner_before = {0}, after, inner_after;
    NatboxSide to;

    if (flags & RIGHT_SUMS) {
        quoted = size >= 20 ? quoted_at(packet, size) : 0;
        if (quoted)
            put_right(packet + quoted, size - quoted);
        put_right(packet, size);
    }
    before = look(packet, size);
    quoted = size >= 20 ? quoted_at(packet, size) : 0;
    if (quoted)
        inner_before = look(packet + quoted, size - quoted);
    if (!natbox_nat_translate(nat, flags & FROM_OUTSIDE ? NATBOX_OUTSIDE : NATBOX_INSIDE, packet,
                              size, now, answer, &answer_size, &to)) {
        after = look(answer, answer_size);
        g_assert(answer_size == 0 || (after.header && after.transport));
        return;
    }
    after = look(packet, size);
    g_assert(before.header && after.header);
    g_assert(before.transport == after.transport);
    g_assert(before.transport_counts == after.transport_counts);
    if (!quoted)
        return;
    inner_after = look(packet + quoted, size - quoted);
    g_assert(inner_before.header == inner_after.header);
    g_assert(inner_before.transport == inner_after.transport);
}

static NatboxOptions *
make_options(guint8 kind)
{
    NatboxOptions *options = g_new0(NatboxOptions, 1);
    guint32 address = OUTSIDE_ADDRESS;

    options->addresses = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_array_append_val(options->addresses, address);
    options->forwards = g_array_new(FALSE, FALSE, sizeof(NatboxForward));
    options->mapping = (NatboxDependence)(kind % 3);
    options->filtering = (NatboxDependence)(kind / 3 % 3);
    options->hairpin = (NatboxHairpin)(kind / 9 % 3);
    options->unsolicited = (NatboxUnsolicited)(kind / 27 % 3);
    options->ports = (NatboxPortsKind)(kind % 4);
    options->refresh_inbound = kind & 1;
    options->evict = kind >> 1 & 1;
    options->table = 4;
    options->step = -1;
    options->block = 16;
    options->port_low = 1024;
    options->port_high = 65535;
    options->udp_lifetime = options->icmp_lifetime = options->tcp_lifetime =
        options->tcp_opening_lifetime = 60 * G_USEC_PER_SEC;
    return options;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(NatboxOptions) options = make_options(size ? data[0] : 0);
    NatboxNat *nat = natbox_nat_new(options);
    gint64 now = G_USEC_PER_SEC;

    for (gsize at = 1; at + 2 <= size;) {
        guint8 flags = data[at];
        gsize length = MIN((gsize)data[at + 1], size - at - 2);

        now += flags & HOUR_LATER ? 3600L * G_USEC_PER_SEC : 1000;
        try_packet(nat, flags, data + at + 2, length, now);
        at += 2 + length;
    }
    natbox_nat_free(nat);
    return 0;
}

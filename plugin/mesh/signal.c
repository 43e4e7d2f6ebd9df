/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/signal.h"

#include "base/error.h"
#include <string.h>

#define VERSION          1
#define FLAG_COMPLETE    (1 << 0)
#define FLAG_UDP_BLOCKED (1 << 1)

#define OFFER_MAX_SIZE 21 /* version, IPv6 address, two ports */

static void
write_blob(GByteArray *array, GBytes *blob)
{
    gsize size = 0;
    const guint8 *data = blob ? g_bytes_get_data(blob, &size) : NULL;
    guint8 prefix[2] = {(guint8)(size >> 8), (guint8)size};

    g_assert(size <= G_MAXUINT16);
    g_byte_array_append(array, prefix, sizeof prefix);
    if (size > 0)
        g_byte_array_append(array, data, (guint)size);
}

static const guint8 *
read_blob(StileReader *reader, gsize *ret_size)
{
    const guint8 *data;

    *ret_size = stile_reader_u16be(reader);
    data = stile_reader_take(reader, *ret_size);
    return *ret_size > 0 ? data : NULL;
}

static void
write_offers(GByteArray *array, const StileStunOffer *offers, guint n_offers)
{
    guint8 buffer[1 + STILE_STUN_MAX_OFFERS * OFFER_MAX_SIZE];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);

    n_offers = MIN(n_offers, STILE_STUN_MAX_OFFERS);
    stile_writer_u8(&writer, (guint8)n_offers);
    for (guint i = 0; i < n_offers; i++) {
        gsize size;
        const guint8 *ip = stile_address_ip(&offers[i].address, &size);

        stile_writer_u8(&writer, size == 4 ? 4 : 6);
        stile_writer_bytes(&writer, ip, size);
        stile_writer_u16be(&writer, stile_address_port(&offers[i].address));
        stile_writer_u16be(&writer, offers[i].second_port);
    }
    g_assert(!writer.failed);
    g_byte_array_append(array, buffer, (guint)writer.used);
}

GBytes *
stile_presence_write(GBytes *certificate, GBytes *revocations, const StileStunOffer *offers,
                     guint n_offers)
{
    GByteArray *array = g_byte_array_new();
    guint8 version = VERSION;

    g_byte_array_append(array, &version, 1);
    write_blob(array, certificate);
    write_blob(array, revocations);
    if (n_offers > 0)
        write_offers(array, offers, n_offers);
    return g_byte_array_free_to_bytes(array);
}

/* Returns: whether it is one to ask, on the internet */
static gboolean
read_offer(StileReader *reader, StileStunOffer *ret)
{
    guint version = stile_reader_u8(reader);
    int family = version == 4 ? AF_INET : AF_INET6;
    guint8 ip[16];

    stile_reader_copy(reader, ip, version == 4 ? 4 : 16);
    ret->address = stile_address_from_ip(family, ip, stile_reader_u16be(reader));
    ret->second_port = stile_reader_u16be(reader);
    if (version != 4 && version != 6)
        reader->failed = TRUE;
    return !reader->failed && stile_address_family(&ret->address) == family &&
           stile_address_scope(&ret->address) == STILE_ADDRESS_GLOBAL &&
           stile_address_port(&ret->address) != 0;
}

/* A Stile from before members answered STUN ends its presence here. */
static void
read_offers(StileReader *reader, StilePresence *presence)
{
    guint n;

    if (reader->failed || reader->left == 0)
        return;
    n = stile_reader_u8(reader);
    if (n > STILE_STUN_MAX_OFFERS)
        reader->failed = TRUE;
    for (guint i = 0; i < n && !reader->failed; i++)
        if (read_offer(reader, &presence->offers[presence->n_offers]))
            presence->n_offers++;
}

gboolean
stile_presence_parse(StilePresence *ret, const guint8 *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    StilePresence presence = {0};

    if (stile_reader_u8(&reader) != VERSION)
        reader.failed = TRUE;
    presence.certificate = read_blob(&reader, &presence.certificate_size);
    presence.revocations = read_blob(&reader, &presence.revocations_size);
    read_offers(&reader, &presence);
    if (reader.failed) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "A member's presence is malformed");
        return FALSE;
    }
    *ret = presence;
    return TRUE;
}

gsize
stile_signal_write(const StileSignal *signal, guint8 *buffer, gsize size)
{
    StileWriter writer = STILE_WRITER_INIT(buffer, size);

    stile_writer_u8(&writer, VERSION);
    stile_writer_u8(&writer, (guint8)signal->kind);
    stile_writer_string(&writer, signal->ufrag);
    stile_writer_string(&writer, signal->password);
    stile_writer_string(&writer, signal->ack);
    stile_writer_u8(&writer, (guint8)((signal->complete ? FLAG_COMPLETE : 0) |
                                      (signal->udp_blocked ? FLAG_UDP_BLOCKED : 0)));
    stile_writer_u8(&writer, (guint8)signal->mapping);
    stile_writer_u8(&writer, (guint8)signal->filtering);
    stile_writer_u8(&writer, (guint8)signal->n_candidates);
    for (guint i = 0; i < signal->n_candidates; i++)
        stile_candidate_write(&signal->candidates[i], &writer);
    return writer.failed ? 0 : writer.used;
}

/* Reads a string of ICE characters (RFC 8839 §5.4) into a field of fixed size. */
static void
read_ice_string(StileReader *reader, char *ret, gsize room)
{
    g_autofree char *text = stile_reader_string(reader, room - 1);

    ret[0] = '\0';
    if (!text)
        return;
    for (const char *at = text; *at; at++)
        if (!g_ascii_isalnum(*at) && *at != '+' && *at != '/')
            reader->failed = TRUE;
    g_strlcpy(ret, text, room);
}

static StileNatBehaviour
read_behaviour(StileReader *reader)
{
    guint8 value = stile_reader_u8(reader);

    /* A newer Stile may know more kinds. */
    return value <= STILE_NAT_ADDRESS_AND_PORT_DEPENDENT ? (StileNatBehaviour)value
                                                         : STILE_NAT_UNKNOWN;
}

gboolean
stile_signal_parse(StileSignal *ret, const guint8 *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    guint8 kind, flags;

    memset(ret, 0, sizeof *ret);
    if (stile_reader_u8(&reader) != VERSION)
        reader.failed = TRUE;
    kind = stile_reader_u8(&reader);
    read_ice_string(&reader, ret->ufrag, sizeof ret->ufrag);
    read_ice_string(&reader, ret->password, sizeof ret->password);
    read_ice_string(&reader, ret->ack, sizeof ret->ack);
    flags = stile_reader_u8(&reader);
    ret->mapping = read_behaviour(&reader);
    ret->filtering = read_behaviour(&reader);
    ret->n_candidates = stile_reader_u8(&reader);
    if (ret->n_candidates > STILE_SIGNAL_MAX_CANDIDATES)
        reader.failed = TRUE;
    for (guint i = 0; i < ret->n_candidates && !reader.failed; i++)
        if (!stile_candidate_read(&ret->candidates[i], &reader))
            reader.failed = TRUE;
    /* RFC 8839 §5.4: at least 4 and 22 characters. */
    if (kind == STILE_SIGNAL_ICE && (strlen(ret->ufrag) < 4 || strlen(ret->password) < 22))
        reader.failed = TRUE;
    if (reader.failed || (kind != STILE_SIGNAL_ICE && kind != STILE_SIGNAL_RETRY)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "A peer's message is malformed");
        return FALSE;
    }
    ret->kind = (StileSignalKind)kind;
    ret->complete = (flags & FLAG_COMPLETE) != 0;
    ret->udp_blocked = (flags & FLAG_UDP_BLOCKED) != 0;
    return TRUE;
}

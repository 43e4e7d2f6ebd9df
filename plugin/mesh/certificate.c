/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/certificate.h"

#include "base/error.h"
#include <string.h>

/* What a signature is over begins with its context, with the NUL, so that no signature of one kind
 * is good for another. */
#define VOUCHER_CONTEXT     "stile voucher 1"
#define CERTIFICATE_CONTEXT "stile certificate 1"
#define REVOCATIONS_CONTEXT "stile revocations 1"

#define VERSION 1
/* More than the largest voucher, and than the largest certificate with one inside */
#define VOUCHER_MAX     512
#define CERTIFICATE_MAX 1024

gboolean
stile_name_check(const char *name, GError **error)
{
    const char *wrong = NULL;

    if (name[0] == '\0')
        wrong = "A name cannot be empty";
    else if (!g_utf8_validate(name, -1, NULL))
        wrong = "The name is not valid UTF-8";
    else if (strlen(name) > STILE_NAME_MAX)
        wrong = "The name is longer than 63 bytes";
    else if (name[0] == '-')
        wrong = "A name cannot begin with a hyphen";
    else if (g_unichar_ismark(g_utf8_get_char(name)))
        wrong = "A name cannot begin with a combining mark";
    for (const char *c = name; !wrong && *c; c = g_utf8_next_char(c)) {
        gunichar letter = g_utf8_get_char(c);

        /* Many scripts write vowels as marks on letters. */
        if (!g_unichar_isalnum(letter) && !g_unichar_ismark(letter) && letter != '-' &&
            letter != '_')
            wrong = "A name has only letters, digits, hyphens and underscores";
    }
    if (wrong)
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, wrong);
    return wrong == NULL;
}

static GBytes *
sign(StileWriter *writer, const char *context, const guint8 key[STILE_KEY_SIZE])
{
    gsize context_size = strlen(context) + 1, size = writer->used;
    g_autofree guint8 *message = g_malloc(context_size + size);
    guint8 *signature = stile_writer_reserve(writer, STILE_SIGNATURE_SIZE);

    g_assert(!writer->failed);
    memcpy(message, context, context_size);
    memcpy(message + context_size, writer->data, size);
    stile_ed25519_sign(key, message, context_size + size, signature);
    return g_bytes_new(writer->data, writer->used);
}

static gboolean
verify(const guint8 *data, gsize size, const char *context, const guint8 key[STILE_KEY_SIZE])
{
    gsize context_size = strlen(context) + 1;
    g_autofree guint8 *message = NULL;

    if (size < STILE_SIGNATURE_SIZE)
        return FALSE;
    size -= STILE_SIGNATURE_SIZE;
    message = g_malloc(context_size + size);
    memcpy(message, context, context_size);
    memcpy(message + context_size, data, size);
    return stile_ed25519_verify(key, message, context_size + size, data + size);
}

/* Returns: whether @reader stands behind the head of a @kind that we know */
static gboolean
read_head(StileReader *reader, guint8 kind, const char *what, GError **error)
{
    guint8 found = stile_reader_u8(reader), version = stile_reader_u8(reader);

    if (reader->failed || found != kind || version == 0) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "It is not a %s", what);
        return FALSE;
    }
    if (version > VERSION) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                    "The %s was made by a newer Stile", what);
        return FALSE;
    }
    return TRUE;
}

static gboolean
set_malformed(const char *what, GError **error)
{
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "The %s is malformed", what);
    return FALSE;
}

/* One byte of prefix length, then the address; no address is one byte, zero. */
static void
write_prefix(StileWriter *writer, const StilePrefix *prefix)
{
    gsize size;
    const guint8 *ip = stile_address_ip(&prefix->address, &size);

    stile_writer_u8(writer, size == 0 ? 0 : prefix->length);
    stile_writer_bytes(writer, ip, size);
}

/* An address that an interface may have: a host's, not the network's own nor its broadcast. */
static gboolean
is_host_address(const StilePrefix *prefix)
{
    StilePrefix network = stile_prefix_network(prefix);
    StileAddressScope scope = stile_address_scope(&prefix->address);
    gsize size;
    const guint8 *ip = stile_address_ip(&prefix->address, &size);
    gboolean all_ones = TRUE;

    if (stile_prefix_equal(prefix, &network))
        return FALSE;
    for (gsize bit = prefix->length; bit < size * 8; bit++)
        all_ones = all_ones && (ip[bit / 8] & (0x80 >> bit % 8));
    return !all_ones && (scope == STILE_ADDRESS_PRIVATE || scope == STILE_ADDRESS_SHARED ||
                         scope == STILE_ADDRESS_GLOBAL);
}

static void
read_prefix(StileReader *reader, int family, gboolean optional, StilePrefix *ret)
{
    gsize size = family == AF_INET ? 4 : 16;
    guint8 length = stile_reader_u8(reader);
    const guint8 *ip;

    *ret = (StilePrefix){0};
    if (length == 0 && optional)
        return;
    if (!(ip = stile_reader_take(reader, size)))
        return;
    ret->address = stile_address_from_ip(family, ip, 0);
    ret->length = length;
    /* Also not an IPv4-mapped one, which does not stay IPv6. */
    if (length == 0 || length > size * 8 - 2 || stile_address_family(&ret->address) != family ||
        !is_host_address(ret))
        reader->failed = TRUE;
}

static gint64
read_time(StileReader *reader)
{
    guint64 time = stile_reader_u64be(reader);

    if (time > G_MAXINT64)
        reader->failed = TRUE;
    return reader->failed ? 0 : (gint64)time;
}

void
stile_voucher_clear(StileVoucher *voucher)
{
    g_free(voucher->name);
    *voucher = (StileVoucher){0};
}

GBytes *
stile_voucher_sign(StileVoucher *voucher, const guint8 network_key[STILE_KEY_SIZE])
{
    guint8 buffer[VOUCHER_MAX];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);

    g_assert(stile_name_check(voucher->name, NULL));
    stile_ed25519_public(network_key, voucher->network);
    stile_writer_u8(&writer, 'V');
    stile_writer_u8(&writer, VERSION);
    stile_writer_bytes(&writer, voucher->network, STILE_KEY_SIZE);
    stile_writer_bytes(&writer, voucher->key, STILE_KEY_SIZE);
    stile_writer_string(&writer, voucher->name);
    write_prefix(&writer, &voucher->address4);
    write_prefix(&writer, &voucher->address6);
    stile_writer_u64be(&writer, (guint64)voucher->not_before);
    stile_writer_u64be(&writer, (guint64)voucher->not_after);
    return sign(&writer, VOUCHER_CONTEXT, network_key);
}

gboolean
stile_voucher_read(StileVoucher *ret, const void *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    g_auto(StileVoucher) voucher = {0};

    if (!read_head(&reader, 'V', "voucher", error))
        return FALSE;
    stile_reader_copy(&reader, voucher.network, STILE_KEY_SIZE);
    stile_reader_copy(&reader, voucher.key, STILE_KEY_SIZE);
    voucher.name = stile_reader_string(&reader, STILE_NAME_MAX);
    read_prefix(&reader, AF_INET, FALSE, &voucher.address4);
    read_prefix(&reader, AF_INET6, TRUE, &voucher.address6);
    voucher.not_before = read_time(&reader);
    voucher.not_after = read_time(&reader);
    stile_reader_take(&reader, STILE_SIGNATURE_SIZE);
    if (!stile_reader_done(&reader) || voucher.not_before > voucher.not_after)
        return set_malformed("voucher", error);
    if (!stile_name_check(voucher.name, error))
        return FALSE;
    *ret = voucher;
    voucher = (StileVoucher){0};
    return TRUE;
}

gboolean
stile_voucher_parse(StileVoucher *ret, const guint8 network[STILE_KEY_SIZE], const void *data,
                    gsize size, GError **error)
{
    g_auto(StileVoucher) voucher = {0};

    if (!stile_voucher_read(&voucher, data, size, error))
        return FALSE;
    if (!stile_memory_equal(voucher.network, network, STILE_KEY_SIZE)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                            "The voucher belongs to another network");
        return FALSE;
    }
    if (!verify(data, size, VOUCHER_CONTEXT, network)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                            "The voucher was not signed by the network");
        return FALSE;
    }
    *ret = voucher;
    voucher = (StileVoucher){0};
    return TRUE;
}

void
stile_certificate_clear(StileCertificate *certificate)
{
    stile_voucher_clear(&certificate->voucher);
    *certificate = (StileCertificate){0};
}

GBytes *
stile_certificate_sign(GBytes *voucher, const guint8 voucher_key[STILE_KEY_SIZE],
                       const guint8 device[STILE_KEY_SIZE], const guint8 tunnel[STILE_KEY_SIZE],
                       gint64 enrolled)
{
    guint8 buffer[CERTIFICATE_MAX];
    StileWriter writer = STILE_WRITER_INIT(buffer, sizeof buffer);
    gsize size;
    const void *data = g_bytes_get_data(voucher, &size);

    stile_writer_u8(&writer, 'C');
    stile_writer_u8(&writer, VERSION);
    stile_writer_u16be(&writer, (guint16)size);
    stile_writer_bytes(&writer, data, size);
    stile_writer_bytes(&writer, device, STILE_KEY_SIZE);
    stile_writer_bytes(&writer, tunnel, STILE_KEY_SIZE);
    stile_writer_u64be(&writer, (guint64)enrolled);
    return sign(&writer, CERTIFICATE_CONTEXT, voucher_key);
}

/* @ret_voucher: the voucher's bytes, in place */
static gboolean
certificate_read(StileCertificate *ret, const void *data, gsize size, StileReader *ret_voucher,
                 GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    g_auto(StileCertificate) certificate = {0};
    const guint8 *voucher;
    gsize voucher_size;

    if (!read_head(&reader, 'C', "certificate", error))
        return FALSE;
    voucher_size = stile_reader_u16be(&reader);
    voucher = stile_reader_take(&reader, voucher_size);
    stile_reader_copy(&reader, certificate.device, STILE_KEY_SIZE);
    stile_reader_copy(&reader, certificate.tunnel, STILE_KEY_SIZE);
    certificate.enrolled = read_time(&reader);
    stile_reader_take(&reader, STILE_SIGNATURE_SIZE);
    if (!stile_reader_done(&reader))
        return set_malformed("certificate", error);
    if (!stile_voucher_read(&certificate.voucher, voucher, voucher_size, error))
        return FALSE;
    *ret_voucher = STILE_READER_INIT(voucher, voucher_size);
    *ret = certificate;
    certificate = (StileCertificate){0};
    return TRUE;
}

gboolean
stile_certificate_read(StileCertificate *ret, const void *data, gsize size, GError **error)
{
    StileReader voucher;

    return certificate_read(ret, data, size, &voucher, error);
}

gboolean
stile_certificate_parse(StileCertificate *ret, const guint8 network[STILE_KEY_SIZE],
                        const void *data, gsize size, GError **error)
{
    g_auto(StileCertificate) certificate = {0};
    g_auto(StileVoucher) proven = {0};
    StileReader voucher;

    if (!certificate_read(&certificate, data, size, &voucher, error) ||
        !stile_voucher_parse(&proven, network, voucher.data, voucher.left, error))
        return FALSE;
    if (!verify(data, size, CERTIFICATE_CONTEXT, proven.key)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                            "The certificate was not signed with its voucher");
        return FALSE;
    }
    if (certificate.enrolled < proven.not_before || certificate.enrolled > proven.not_after) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_EXPIRED,
                            "The device enrolled itself outside the dates of its voucher");
        return FALSE;
    }
    *ret = certificate;
    certificate = (StileCertificate){0};
    return TRUE;
}

void
stile_revocations_clear(StileRevocations *revocations)
{
    g_clear_pointer(&revocations->devices, g_array_unref);
    revocations->serial = 0;
}

static int
compare_keys(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, STILE_KEY_SIZE);
}

GBytes *
stile_revocations_sign(const StileRevocations *revocations,
                       const guint8 network_key[STILE_KEY_SIZE])
{
    guint count = revocations->devices ? revocations->devices->len : 0;
    gsize room = 2 + 8 + 2 + (gsize)count * STILE_KEY_SIZE + STILE_SIGNATURE_SIZE;
    g_autofree guint8 *buffer = g_malloc(room);
    StileWriter writer = STILE_WRITER_INIT(buffer, room);

    g_assert(count <= STILE_REVOCATIONS_MAX);
    stile_writer_u8(&writer, 'R');
    stile_writer_u8(&writer, VERSION);
    stile_writer_u64be(&writer, revocations->serial);
    stile_writer_u16be(&writer, (guint16)count);
    if (count > 0) {
        /* Sorted, so that one list has one encoding. */
        g_autoptr(GArray) sorted = g_array_copy(revocations->devices);

        g_array_sort(sorted, compare_keys);
        stile_writer_bytes(&writer, sorted->data, (gsize)count * STILE_KEY_SIZE);
    }
    return sign(&writer, REVOCATIONS_CONTEXT, network_key);
}

gboolean
stile_revocations_parse(StileRevocations *ret, const guint8 network[STILE_KEY_SIZE],
                        const void *data, gsize size, GError **error)
{
    StileReader reader = STILE_READER_INIT(data, size);
    const guint8 *devices;
    guint64 serial;
    guint16 count;

    if (!read_head(&reader, 'R', "revocation list", error))
        return FALSE;
    serial = stile_reader_u64be(&reader);
    count = stile_reader_u16be(&reader);
    devices = stile_reader_take(&reader, (gsize)count * STILE_KEY_SIZE);
    stile_reader_take(&reader, STILE_SIGNATURE_SIZE);
    if (!stile_reader_done(&reader) || count > STILE_REVOCATIONS_MAX)
        return set_malformed("revocation list", error);
    for (gsize i = 1; i < count; i++)
        if (compare_keys(devices + (i - 1) * STILE_KEY_SIZE, devices + i * STILE_KEY_SIZE) >= 0)
            return set_malformed("revocation list", error);
    if (!verify(data, size, REVOCATIONS_CONTEXT, network)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                            "The revocation list was not signed by the network");
        return FALSE;
    }
    ret->serial = serial;
    ret->devices = g_array_sized_new(FALSE, FALSE, STILE_KEY_SIZE, count);
    if (count > 0)
        g_array_append_vals(ret->devices, devices, count);
    return TRUE;
}

gboolean
stile_revocations_contain(const StileRevocations *revocations, const guint8 device[STILE_KEY_SIZE])
{
    for (guint i = 0; revocations->devices && i < revocations->devices->len; i++)
        if (memcmp(revocations->devices->data + (gsize)i * STILE_KEY_SIZE, device,
                   STILE_KEY_SIZE) == 0)
            return TRUE;
    return FALSE;
}

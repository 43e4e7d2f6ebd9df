/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vouchers and certificates: what reads at all is, signed anew, byte for byte what it was, and is
 * then accepted exactly when its dates agree. */
#include "mesh/certificate.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_SIZE 2 /* kind and version; the network's id is behind it */

static const guint8 network_private[STILE_KEY_SIZE] = {1};
static const guint8 voucher_private[STILE_KEY_SIZE] = {2};

static void
fuzz_voucher(const guint8 *data, gsize size)
{
    g_auto(StileVoucher) voucher = {0};
    g_auto(StileVoucher) again = {0};
    g_autoptr(GBytes) bytes = NULL;
    const guint8 *written;
    gsize fields = HEAD_SIZE + STILE_KEY_SIZE, written_size;

    if (!stile_voucher_read(&voucher, data, size, NULL))
        return;
    bytes = stile_voucher_sign(&voucher, network_private);
    written = g_bytes_get_data(bytes, &written_size);
    g_assert_cmpuint(written_size, ==, size);
    g_assert_cmpint(memcmp(written, data, HEAD_SIZE), ==, 0);
    g_assert_cmpint(memcmp(written + fields, data + fields, size - fields - STILE_SIGNATURE_SIZE),
                    ==, 0);
    g_assert_true(stile_voucher_parse(&again, voucher.network, written, size, NULL));
    g_assert_true(stile_name_check(again.name, NULL));
}

static void
fuzz_certificate(const guint8 *data, gsize size)
{
    g_auto(StileCertificate) certificate = {0};
    g_auto(StileCertificate) again = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) voucher = NULL;
    g_autoptr(GBytes) bytes = NULL;
    const guint8 *written;
    gsize tail = 2 * STILE_KEY_SIZE + sizeof(gint64) + STILE_SIGNATURE_SIZE, written_size;
    gboolean in_time;

    if (!stile_certificate_read(&certificate, data, size, NULL))
        return;
    stile_ed25519_public(voucher_private, certificate.voucher.key);
    voucher = stile_voucher_sign(&certificate.voucher, network_private);
    bytes = stile_certificate_sign(voucher, voucher_private, certificate.device, certificate.tunnel,
                                   certificate.enrolled);
    written = g_bytes_get_data(bytes, &written_size);
    g_assert_cmpuint(written_size, ==, size);
    g_assert_cmpint(memcmp(written + size - tail, data + size - tail, tail - STILE_SIGNATURE_SIZE),
                    ==, 0);
    in_time = certificate.enrolled >= certificate.voucher.not_before &&
              certificate.enrolled <= certificate.voucher.not_after;
    g_assert_cmpint(
        stile_certificate_parse(&again, certificate.voucher.network, written, size, &error), ==,
        in_time);
    g_assert_true(in_time == (error == NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    guint8 network[STILE_KEY_SIZE];
    g_auto(StileCertificate) certificate = {0};

    fuzz_voucher(data, size);
    fuzz_certificate(data, size);
    stile_ed25519_public(network_private, network);
    if (stile_certificate_parse(&certificate, network, data, size, NULL))
        g_assert_cmpint(memcmp(certificate.voucher.network, network, sizeof network), ==, 0);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Membership: what is signed is read back; whatever is cut, altered bit by bit, signed by somebody
 * else, of another network or out of its dates is refused with its own code and leaves nothing
 * behind; names and addresses are such as people and interfaces can have. */
#include "base/error.h"
#include "mesh/certificate.h"
#include <string.h>

#define NOW  G_GINT64_CONSTANT(1800000000000000)
#define HOUR (3600 * (gint64)G_USEC_PER_SEC)

typedef struct {
    guint8 network_private[STILE_KEY_SIZE], network[STILE_KEY_SIZE];
    guint8 voucher_private[STILE_KEY_SIZE];
    guint8 device[STILE_KEY_SIZE], tunnel[STILE_KEY_SIZE];
    StileVoucher voucher;
    GBytes *voucher_bytes, *certificate_bytes;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    guint8 private_key[STILE_KEY_SIZE];

    stile_ed25519_generate(fixture->network_private);
    stile_ed25519_public(fixture->network_private, fixture->network);
    stile_ed25519_generate(fixture->voucher_private);
    stile_ed25519_public(fixture->voucher_private, fixture->voucher.key);
    stile_ed25519_generate(private_key);
    stile_ed25519_public(private_key, fixture->device);
    stile_x25519_generate(private_key);
    stile_x25519_public(private_key, fixture->tunnel);
    fixture->voucher.name = g_strdup("laptop");
    g_assert_true(stile_prefix_parse(&fixture->voucher.address4, "10.86.0.2/16", NULL));
    g_assert_true(stile_prefix_parse(&fixture->voucher.address6, "fd12:3456:789a::2/64", NULL));
    fixture->voucher.not_before = NOW - HOUR;
    fixture->voucher.not_after = NOW + HOUR;
    fixture->voucher_bytes = stile_voucher_sign(&fixture->voucher, fixture->network_private);
    fixture->certificate_bytes = stile_certificate_sign(
        fixture->voucher_bytes, fixture->voucher_private, fixture->device, fixture->tunnel, NOW);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
    stile_voucher_clear(&fixture->voucher);
    g_bytes_unref(fixture->voucher_bytes);
    g_bytes_unref(fixture->certificate_bytes);
}

static void
assert_same_voucher(const StileVoucher *a, const StileVoucher *b)
{
    g_assert_cmpmem(a->network, STILE_KEY_SIZE, b->network, STILE_KEY_SIZE);
    g_assert_cmpmem(a->key, STILE_KEY_SIZE, b->key, STILE_KEY_SIZE);
    g_assert_cmpstr(a->name, ==, b->name);
    g_assert_true(stile_prefix_equal(&a->address4, &b->address4));
    g_assert_true(stile_prefix_equal(&a->address6, &b->address6));
    g_assert_cmpint(a->not_before, ==, b->not_before);
    g_assert_cmpint(a->not_after, ==, b->not_after);
}

static void
assert_voucher_refused(const guint8 *network, const void *data, gsize size, StileError code)
{
    StileVoucher untouched = {.not_before = 7};
    g_autoptr(GError) error = NULL;

    g_assert_false(stile_voucher_parse(&untouched, network, data, size, &error));
    g_assert_error(error, STILE_ERROR, (int)code);
    g_assert_null(untouched.name);
    g_assert_cmpint(untouched.not_before, ==, 7);
}

static void
assert_certificate_refused(const guint8 *network, const void *data, gsize size, StileError code)
{
    StileCertificate untouched = {.enrolled = 7};
    g_autoptr(GError) error = NULL;

    g_assert_false(stile_certificate_parse(&untouched, network, data, size, &error));
    g_assert_error(error, STILE_ERROR, (int)code);
    g_assert_null(untouched.voucher.name);
    g_assert_cmpint(untouched.enrolled, ==, 7);
}

static void
test_chain(Fixture *fixture, gconstpointer unused)
{
    g_auto(StileVoucher) voucher = {0};
    g_auto(StileCertificate) certificate = {0};
    g_autoptr(GError) error = NULL;
    gsize size;
    const void *data = g_bytes_get_data(fixture->voucher_bytes, &size);

    g_assert_true(stile_voucher_parse(&voucher, fixture->network, data, size, &error));
    g_assert_no_error(error);
    assert_same_voucher(&voucher, &fixture->voucher);

    data = g_bytes_get_data(fixture->certificate_bytes, &size);
    g_assert_true(stile_certificate_parse(&certificate, fixture->network, data, size, &error));
    g_assert_no_error(error);
    assert_same_voucher(&certificate.voucher, &fixture->voucher);
    g_assert_cmpmem(certificate.device, STILE_KEY_SIZE, fixture->device, STILE_KEY_SIZE);
    g_assert_cmpmem(certificate.tunnel, STILE_KEY_SIZE, fixture->tunnel, STILE_KEY_SIZE);
    g_assert_cmpint(certificate.enrolled, ==, NOW);
}

static void
test_without_ipv6(Fixture *fixture, gconstpointer unused)
{
    g_auto(StileVoucher) voucher = {0};
    g_autoptr(GBytes) bytes = NULL;
    gsize size;
    const void *data;

    fixture->voucher.address6 = (StilePrefix){0};
    bytes = stile_voucher_sign(&fixture->voucher, fixture->network_private);
    data = g_bytes_get_data(bytes, &size);
    g_assert_true(stile_voucher_parse(&voucher, fixture->network, data, size, NULL));
    assert_same_voucher(&voucher, &fixture->voucher);
    g_assert_false(stile_address_is_set(&voucher.address6.address));
}

static void
test_truncated(Fixture *fixture, gconstpointer unused)
{
    gsize size;
    const void *data = g_bytes_get_data(fixture->voucher_bytes, &size);

    for (gsize cut = 0; cut < size; cut++)
        assert_voucher_refused(fixture->network, data, cut, STILE_ERROR_INVALID_ARGUMENT);
    data = g_bytes_get_data(fixture->certificate_bytes, &size);
    for (gsize cut = 0; cut < size; cut++)
        assert_certificate_refused(fixture->network, data, cut, STILE_ERROR_INVALID_ARGUMENT);
}

/* Which code a flipped bit gets depends on where it is; that it is refused does not. */
static void
test_altered(Fixture *fixture, gconstpointer unused)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(fixture->certificate_bytes, &size);
    g_autofree guint8 *copy = g_memdup2(data, size);

    for (gsize bit = 0; bit < size * 8; bit++) {
        g_auto(StileCertificate) certificate = {0};
        g_autoptr(GError) error = NULL;

        copy[bit / 8] ^= (guint8)(1 << bit % 8);
        g_assert_false(stile_certificate_parse(&certificate, fixture->network, copy, size, &error));
        g_assert_true(g_error_matches(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT) ||
                      g_error_matches(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED));
        copy[bit / 8] ^= (guint8)(1 << bit % 8);
    }
    /* The last byte is of the signature, the ones before it of the date of enrolment. */
    copy[size - 1] ^= 1;
    assert_certificate_refused(fixture->network, copy, size, STILE_ERROR_NOT_AUTHORIZED);
    copy[size - 1] ^= 1;
    copy[size - STILE_SIGNATURE_SIZE - 1] ^= 1;
    assert_certificate_refused(fixture->network, copy, size, STILE_ERROR_NOT_AUTHORIZED);
}

static void
test_wrong_signer(Fixture *fixture, gconstpointer unused)
{
    guint8 stranger_private[STILE_KEY_SIZE], stranger[STILE_KEY_SIZE];
    g_autoptr(GBytes) voucher = NULL;
    g_autoptr(GBytes) by_network = NULL;
    g_autoptr(GBytes) foreign = NULL;
    gsize size;
    const void *data;

    stile_ed25519_generate(stranger_private);
    stile_ed25519_public(stranger_private, stranger);

    /* Another network's */
    data = g_bytes_get_data(fixture->certificate_bytes, &size);
    assert_certificate_refused(stranger, data, size, STILE_ERROR_NOT_AUTHORIZED);
    data = g_bytes_get_data(fixture->voucher_bytes, &size);
    assert_voucher_refused(stranger, data, size, STILE_ERROR_NOT_AUTHORIZED);

    /* A voucher that a stranger signed, with our network's id put into it */
    voucher = stile_voucher_sign(&fixture->voucher, stranger_private);
    {
        g_autofree guint8 *forged = g_memdup2(g_bytes_get_data(voucher, NULL), size);

        memcpy(forged + 2, fixture->network, STILE_KEY_SIZE);
        assert_voucher_refused(fixture->network, forged, size, STILE_ERROR_NOT_AUTHORIZED);
    }

    /* A certificate not signed with its voucher: not even the network's key will do */
    by_network = stile_certificate_sign(fixture->voucher_bytes, fixture->network_private,
                                        fixture->device, fixture->tunnel, NOW);
    data = g_bytes_get_data(by_network, &size);
    assert_certificate_refused(fixture->network, data, size, STILE_ERROR_NOT_AUTHORIZED);

    /* A whole chain of another network */
    foreign = stile_certificate_sign(voucher, fixture->voucher_private, fixture->device,
                                     fixture->tunnel, NOW);
    data = g_bytes_get_data(foreign, &size);
    assert_certificate_refused(fixture->network, data, size, STILE_ERROR_NOT_AUTHORIZED);
    {
        g_auto(StileCertificate) certificate = {0};

        g_assert_true(stile_certificate_parse(&certificate, stranger, data, size, NULL));
    }
}

static void
test_dates(Fixture *fixture, gconstpointer unused)
{
    const gint64 good[] = {fixture->voucher.not_before, fixture->voucher.not_after};
    const gint64 bad[] = {fixture->voucher.not_before - 1, fixture->voucher.not_after + 1};
    g_autoptr(GBytes) backwards = NULL;
    gsize size;
    const void *data;

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_auto(StileCertificate) certificate = {0};
        g_autoptr(GBytes)
            bytes = stile_certificate_sign(fixture->voucher_bytes, fixture->voucher_private,
                                           fixture->device, fixture->tunnel, good[i]);

        data = g_bytes_get_data(bytes, &size);
        g_assert_true(stile_certificate_parse(&certificate, fixture->network, data, size, NULL));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GBytes)
            bytes = stile_certificate_sign(fixture->voucher_bytes, fixture->voucher_private,
                                           fixture->device, fixture->tunnel, bad[i]);

        data = g_bytes_get_data(bytes, &size);
        assert_certificate_refused(fixture->network, data, size, STILE_ERROR_EXPIRED);
    }
    fixture->voucher.not_after = fixture->voucher.not_before - 1;
    backwards = stile_voucher_sign(&fixture->voucher, fixture->network_private);
    data = g_bytes_get_data(backwards, &size);
    assert_voucher_refused(fixture->network, data, size, STILE_ERROR_INVALID_ARGUMENT);
}

/* Signed all right, but no interface may have it. */
static void
test_addresses(Fixture *fixture, gconstpointer unused)
{
    static const char *const bad[] = {
        "10.86.0.0/16",   "10.86.255.255/16", "10.86.0.1/31", "10.86.0.1/32", "127.0.0.2/8",
        "169.254.0.5/16", "224.0.0.5/8",      "0.0.0.5/8",    "240.0.0.1/8",  "10.86.0.3/30",
    };
    static const char *const bad6[] = {
        "fd00::/64",   "fd00::ffff:ffff:ffff:ffff/64", "fe80::2/64", "ff02::2/64", "::1/64",
        "fd00::2/127",
    };
    gsize size;
    const void *data;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GBytes) bytes = NULL;

        g_assert_true(stile_prefix_parse(&fixture->voucher.address4, bad[i], NULL));
        bytes = stile_voucher_sign(&fixture->voucher, fixture->network_private);
        data = g_bytes_get_data(bytes, &size);
        assert_voucher_refused(fixture->network, data, size, STILE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_true(stile_prefix_parse(&fixture->voucher.address4, "100.64.0.1/10", NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad6); i++) {
        g_autoptr(GBytes) bytes = NULL;

        g_assert_true(stile_prefix_parse(&fixture->voucher.address6, bad6[i], NULL));
        bytes = stile_voucher_sign(&fixture->voucher, fixture->network_private);
        data = g_bytes_get_data(bytes, &size);
        assert_voucher_refused(fixture->network, data, size, STILE_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_newer(Fixture *fixture, gconstpointer unused)
{
    gsize size;
    const void *data = g_bytes_get_data(fixture->certificate_bytes, &size);
    g_autofree guint8 *copy = g_memdup2(data, size);
    g_auto(StileCertificate) certificate = {0};
    g_autoptr(GError) error = NULL;

    copy[1] = 2;
    g_assert_false(stile_certificate_parse(&certificate, fixture->network, copy, size, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==, "The certificate was made by a newer Stile");
}

static void
test_names(void)
{
    static const char *const good[] = {"laptop", "Büro-PC_2", "笔记本", "ноутбук", "लैपटॉप", "7"};
    static const char *const bad[] = {
        "",
        "-x",
        "a b",
        "a/b",
        "a.b",
        "a\nb",
        "\xff",
        "a\xcc",
        "\xcc\x81",
        "💻",
        "a\xe2\x80\x8b-",
        "a\"b",
        "é…",
    };
    g_autofree char *longest = g_strnfill(STILE_NAME_MAX, 'a');
    g_autofree char *longer = g_strnfill(STILE_NAME_MAX + 1, 'a');
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(stile_name_check(good[i], &error));
        g_assert_no_error(error);
    }
    g_assert_true(stile_name_check(longest, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) wrong = NULL;

        g_assert_false(stile_name_check(bad[i], &wrong));
        g_assert_error(wrong, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_false(stile_name_check(longer, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
}

static GBytes *
make_list(Fixture *fixture, guint64 serial, guint count, guint8 first)
{
    g_auto(StileRevocations) revocations = {serial, g_array_new(FALSE, FALSE, STILE_KEY_SIZE)};

    for (guint i = 0; i < count; i++) {
        guint8 device[STILE_KEY_SIZE] = {(guint8)(first - i)};

        g_array_append_val(revocations.devices, device);
    }
    return stile_revocations_sign(&revocations, fixture->network_private);
}

static void
assert_revocations_refused(const guint8 *network, const void *data, gsize size, StileError code)
{
    StileRevocations untouched = {7, NULL};
    g_autoptr(GError) error = NULL;

    g_assert_false(stile_revocations_parse(&untouched, network, data, size, &error));
    g_assert_error(error, STILE_ERROR, (int)code);
    g_assert_cmpuint(untouched.serial, ==, 7);
    g_assert_null(untouched.devices);
}

static void
test_revocations(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GBytes) bytes = make_list(fixture, 3, 5, 9);
    g_autoptr(GBytes) empty = make_list(fixture, 0, 0, 0);
    g_autoptr(GBytes) twice = NULL;
    g_auto(StileRevocations) list = {0};
    g_auto(StileRevocations) none = {0};
    g_auto(StileRevocations) doubled = {1, g_array_new(FALSE, FALSE, STILE_KEY_SIZE)};
    guint8 device[STILE_KEY_SIZE] = {9};
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    g_autofree guint8 *copy = g_memdup2(data, size);

    g_assert_true(stile_revocations_parse(&list, fixture->network, data, size, NULL));
    g_assert_cmpuint(list.serial, ==, 3);
    g_assert_cmpuint(list.devices->len, ==, 5);
    for (device[0] = 0; device[0] < 20; device[0]++)
        g_assert_cmpint(stile_revocations_contain(&list, device), ==,
                        device[0] >= 5 && device[0] <= 9);
    g_assert_true(stile_revocations_parse(&none, fixture->network, g_bytes_get_data(empty, NULL),
                                          g_bytes_get_size(empty), NULL));
    g_assert_false(stile_revocations_contain(&none, device));

    for (gsize cut = 0; cut < size; cut++)
        assert_revocations_refused(fixture->network, data, cut, STILE_ERROR_INVALID_ARGUMENT);
    for (gsize bit = 0; bit < size * 8; bit++) {
        StileRevocations untouched = {0};

        copy[bit / 8] ^= (guint8)(1 << bit % 8);
        g_assert_false(stile_revocations_parse(&untouched, fixture->network, copy, size, NULL));
        copy[bit / 8] ^= (guint8)(1 << bit % 8);
    }
    assert_revocations_refused(fixture->device, data, size, STILE_ERROR_NOT_AUTHORIZED);

    /* One list has one encoding. */
    g_array_append_val(doubled.devices, device);
    g_array_append_val(doubled.devices, device);
    twice = stile_revocations_sign(&doubled, fixture->network_private);
    data = g_bytes_get_data(twice, &size);
    assert_revocations_refused(fixture->network, data, size, STILE_ERROR_INVALID_ARGUMENT);
}

/* A signature of one kind is good for no other: the same bytes, signed in another context */
static void
test_contexts(Fixture *fixture, gconstpointer unused)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(fixture->voucher_bytes, &size);
    g_autofree guint8 *bare = g_memdup2(data, size);

    stile_ed25519_sign(fixture->network_private, bare, size - STILE_SIGNATURE_SIZE,
                       bare + size - STILE_SIGNATURE_SIZE);
    assert_voucher_refused(fixture->network, bare, size, STILE_ERROR_NOT_AUTHORIZED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add(name, Fixture, NULL, set_up, func, tear_down)
    ADD("/certificate/chain", test_chain);
    ADD("/certificate/without-ipv6", test_without_ipv6);
    ADD("/certificate/truncated", test_truncated);
    ADD("/certificate/altered", test_altered);
    ADD("/certificate/wrong-signer", test_wrong_signer);
    ADD("/certificate/dates", test_dates);
    ADD("/certificate/addresses", test_addresses);
    ADD("/certificate/newer", test_newer);
    ADD("/certificate/revocations", test_revocations);
    ADD("/certificate/contexts", test_contexts);
    g_test_add_func("/certificate/names", test_names);
    return g_test_run();
}

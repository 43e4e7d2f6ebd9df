/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/bytes.h"
#include "crypto/keys.h"

G_BEGIN_DECLS

/*
 * Membership: network -> voucher -> device. The network's key signs a voucher: a key that is good
 * for enrolling one device under one name and one pair of addresses, before a date. The voucher's
 * key signs the device's certificate. Each is a byte string that starts with a kind and a version
 * and ends with the signature over all before it; what is signed is what is kept and sent, nothing
 * is encoded again. Times are microseconds since 1970.
 */

/* A name: letters of any script, digits, - (not first) and _; not empty; at most so many bytes. */
#define STILE_NAME_MAX 63

/** Errors: %STILE_ERROR_INVALID_ARGUMENT with a sentence that says what is wrong with the name */
gboolean stile_name_check(const char *name, GError **error);

/**
 * StileVoucher:
 * @key: the voucher's Ed25519 public key: also its id
 * @address4, @address6: what the device will have, with the network's prefix length; @address6 may
 *   be unset
 */
typedef struct {
    guint8 network[STILE_KEY_SIZE];
    guint8 key[STILE_KEY_SIZE];
    char *name;
    StilePrefix address4;
    StilePrefix address6;
    gint64 not_before;
    gint64 not_after;
} StileVoucher;

void stile_voucher_clear(StileVoucher *voucher);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileVoucher, stile_voucher_clear)

/** Returns: (transfer full): the signed bytes; @voucher->network is set from the key */
GBytes *stile_voucher_sign(StileVoucher *voucher, const guint8 network_key[STILE_KEY_SIZE]);

/**
 * StileCertificate:
 * @device: Ed25519 public key, the peer's `Id`
 * @tunnel: X25519 public key
 * @enrolled: when the device enrolled itself; within the voucher's dates
 */
typedef struct {
    StileVoucher voucher;
    guint8 device[STILE_KEY_SIZE];
    guint8 tunnel[STILE_KEY_SIZE];
    gint64 enrolled;
} StileCertificate;

void stile_certificate_clear(StileCertificate *certificate);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileCertificate, stile_certificate_clear)

/** Returns: (transfer full): @voucher's bytes with the device's binding, signed by the voucher's
 * key */
GBytes *stile_certificate_sign(GBytes *voucher, const guint8 voucher_key[STILE_KEY_SIZE],
                               const guint8 device[STILE_KEY_SIZE],
                               const guint8 tunnel[STILE_KEY_SIZE], gint64 enrolled);

/**
 * stile_certificate_parse:
 * @network: which network it must be of
 *
 * Checks the chain: both signatures, the network, the dates against each other. Whether it was
 * revoked, and whether the voucher was used by somebody else, is the roster's matter.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT (malformed), %STILE_ERROR_NOT_AUTHORIZED (a signature,
 * another network), %STILE_ERROR_EXPIRED (enrolled outside the voucher's dates)
 */
gboolean stile_certificate_parse(StileCertificate *ret, const guint8 network[STILE_KEY_SIZE],
                                 const void *data, gsize size, GError **error);
gboolean stile_voucher_parse(StileVoucher *ret, const guint8 network[STILE_KEY_SIZE],
                             const void *data, gsize size, GError **error);

/**
 * stile_voucher_read, stile_certificate_read:
 *
 * The same without looking at signatures and dates: for bytes that were made here or that passed
 * the checks before. Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_voucher_read(StileVoucher *ret, const void *data, gsize size, GError **error);
gboolean stile_certificate_read(StileCertificate *ret, const void *data, gsize size,
                                GError **error);

#define STILE_REVOCATIONS_MAX 4096 /* devices in one list */

/**
 * StileRevocations:
 *
 * The devices and vouchers (Ed25519 keys) whose membership the network took back, signed by the
 * network's key, with a serial number: the highest counts.
 */
typedef struct {
    guint64 serial;
    GArray *devices; /* of guint8[STILE_KEY_SIZE] */
} StileRevocations;

void stile_revocations_clear(StileRevocations *revocations);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StileRevocations, stile_revocations_clear)
GBytes *stile_revocations_sign(const StileRevocations *revocations,
                               const guint8 network_key[STILE_KEY_SIZE]);
gboolean stile_revocations_parse(StileRevocations *ret, const guint8 network[STILE_KEY_SIZE],
                                 const void *data, gsize size, GError **error);
gboolean stile_revocations_contain(const StileRevocations *revocations,
                                   const guint8 device[STILE_KEY_SIZE]);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * STILE_ERROR:
 *
 * The one error domain of Stile. Each code has one D-Bus name, `net.stile.Stile1.Error.*`; the
 * table is in dbus/error.c. The message is one sentence for a person, without a final full stop.
 */
#define STILE_ERROR (stile_error_quark())

/**
 * StileError:
 * @STILE_ERROR_INVALID_ARGUMENT: the input is malformed: truncated, altered, out of range
 * @STILE_ERROR_NOT_FOUND: no such network, peer, file
 * @STILE_ERROR_EXISTS: already there, or already used
 * @STILE_ERROR_NOT_AUTHORIZED: the caller, or a signature, does not have the right
 * @STILE_ERROR_EXPIRED: its time is over, or has not come
 * @STILE_ERROR_REVOKED: the network took the membership back
 * @STILE_ERROR_UNREACHABLE: a server or a peer does not answer
 * @STILE_ERROR_FAILED: anything else
 */
typedef enum {
    STILE_ERROR_INVALID_ARGUMENT,
    STILE_ERROR_NOT_FOUND,
    STILE_ERROR_EXISTS,
    STILE_ERROR_NOT_AUTHORIZED,
    STILE_ERROR_EXPIRED,
    STILE_ERROR_REVOKED,
    STILE_ERROR_UNREACHABLE,
    STILE_ERROR_FAILED,
} StileError;
#define STILE_N_ERRORS (STILE_ERROR_FAILED + 1)

GQuark stile_error_quark(void);

G_END_DECLS

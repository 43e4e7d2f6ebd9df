/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Why a server cannot be reached by a stream, in words for a person: what GIO and the certificate
 * check said, in one form of words. Each returns a new error of STILE_ERROR whose message begins
 * with @host.
 */

/**
 * stile_reason_from_error:
 * @error: from GSocketClient, GTlsConnection or a stream, or of STILE_ERROR
 * @host: the server's
 *
 * Returns: (transfer full)
 */
GError *stile_reason_from_error(const GError *error, const char *host);
/** @flags: what is wrong with it; 0 and @fingerprint: not the one that is trusted */
GError *stile_reason_from_certificate(GTlsCertificateFlags flags, gboolean fingerprint,
                                      const char *host);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "rendezvous/mqtt-packet.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Why a broker cannot be used, in words for a person: what GIO, the certificate check and the
 * broker said, in one form of words. Each returns a new error of STILE_ERROR whose message begins
 * with @host.
 */

/**
 * stile_reason_from_error:
 * @error: from GSocketClient, GTlsConnection or a stream, or of STILE_ERROR
 * @host: the broker's
 *
 * Returns: (transfer full)
 */
GError *stile_reason_from_error(const GError *error, const char *host);
/** @flags: what is wrong with it; 0 and @fingerprint: not the one that is trusted */
GError *stile_reason_from_certificate(GTlsCertificateFlags flags, gboolean fingerprint,
                                      const char *host);
/** @with_user: a user name had been sent */
GError *stile_reason_from_connack(StileMqttConnectCode code, gboolean with_user, const char *host);

G_END_DECLS

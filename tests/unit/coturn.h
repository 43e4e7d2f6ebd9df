/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* A real coturn on free ports of the loopback interface, for tests; it dies with the test. */
typedef struct {
    gboolean streams;
    guint16 port;      /* UDP, or TCP with @streams */
    guint16 tls_port;  /* with @streams */
    char *fingerprint; /* of its certificate, in hexadecimal; with @streams */
    char *folder;
    char **options;
    GSubprocess *process;
} Coturn;

#define COTURN_USER     "stile"
#define COTURN_PASSWORD "secret"

/** @coturn: all zero
 * @streams: is reached by TCP and by TLS, with a certificate of its own, instead of UDP
 * @options: (nullable): further ones, until %NULL
 *
 * Returns: %FALSE after g_test_skip() where coturn is not installed */
gboolean coturn_start(Coturn *coturn, gboolean streams, const char *const *options);
void coturn_stop(Coturn *coturn);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Coturn, coturn_stop)

/** Kills it, as a power cut would. */
void coturn_kill(Coturn *coturn);
/** The same one again, with nothing allocated. */
void coturn_restart(Coturn *coturn);

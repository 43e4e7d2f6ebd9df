/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server.h"

/* A real mosquitto on a free port of the loopback interface, for tests; it dies with the test. */
typedef struct {
    guint16 port;
    char *directory;
    char *config;
    char *fingerprint; /* of its certificate, in hexadecimal */
    GSubprocess *process;
    guint16 gateway_port;
    GSubprocess *gateway;
} Mosquitto;

#define MOSQUITTO_USER     "walker"
#define MOSQUITTO_PASSWORD "over the stile"

typedef struct {
    gboolean password;    /* wants MOSQUITTO_USER and MOSQUITTO_PASSWORD */
    const char *acl;      /* the content of an access control list */
    const char *tls_name; /* speaks TLS, with a certificate of its own for this name */
    gboolean tls_expired; /* that has expired */
    gboolean websocket;   /* is reached by WebSocket only, TLS and all, at @gateway_port */
} MosquittoOptions;

/** Returns: %NULL after g_test_skip() where mosquitto is not installed */
Mosquitto *mosquitto_start(const MosquittoOptions *options);
void mosquitto_free(Mosquitto *mosquitto);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mosquitto, mosquitto_free)

/** Kills it, as a power cut would. */
void mosquitto_kill(Mosquitto *mosquitto);
/** The same one again, with nothing retained. */
void mosquitto_restart(Mosquitto *mosquitto);
/** Returns: (transfer full): in its directory */
char *mosquitto_file(Mosquitto *mosquitto, const char *name);

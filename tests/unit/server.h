/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* For tests: programs that listen on the loopback interface, silently, and die with the test. */

/** Returns: a port of 127.0.0.1 where nobody listens */
guint16 free_port(GSocketType type);
/** @argv: until %NULL. Returns: (transfer full) */
GSubprocess *server_run(const char *const *argv);
/** Returns when somebody listens at the TCP port @port of 127.0.0.1. */
void server_wait(guint16 port);
/** Kills it, as a power cut would. @server: %NULL afterwards; may be so before */
void server_kill(GSubprocess **server);

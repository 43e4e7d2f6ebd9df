/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_CONTROL_H
#define NATBOX_CONTROL_H

/* A datagram socket on which a running box is told what to do:
 *
 *   reboot            all mappings are lost
 *   address A,…       new outside addresses; all mappings are lost
 *   loss-out P, loss-in P, delay-out MS, delay-in MS, no-udp on|off
 *   mappings          one line for each session: protocol, inside, outside, remote
 *   counters          one line
 */

#include "natbox-options.h"
#include "natbox-translate.h"

/* Bound, non-blocking; -1 with @error set. */
int natbox_control_listen(const char *path, GError **error);
/* Answers one request. Returns: whether the options have changed */
gboolean natbox_control_serve(int fd, NatboxOptions *options, NatboxNat *nat, gint64 now);

/* The other end: sends @words, prints the answer. Returns: an exit status */
int natbox_control_ask(const char *path, char **words);

#endif

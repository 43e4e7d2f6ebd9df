/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_PORTS_H
#define NATBOX_PORTS_H

/* Which outside address and port a new mapping gets (RFC 4787 4.1 and 4.2). No port is given twice:
 * the box never overloads one. */

#include "natbox-options.h"
#include "natbox-table.h"

typedef struct NatboxPorts NatboxPorts;

/* @options and @table outlive it. */
NatboxPorts *natbox_ports_new(const NatboxOptions *options, NatboxTable *table);
void natbox_ports_free(NatboxPorts *ports);
/* Forgets what it gave to whom, and where in its sequence it was. */
void natbox_ports_reset(NatboxPorts *ports);

/* Returns: FALSE when none is free */
gboolean natbox_ports_allocate(NatboxPorts *ports, guint8 protocol, NatboxEndpoint inside,
                               NatboxEndpoint *ret);

#endif

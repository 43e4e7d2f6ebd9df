/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"

G_BEGIN_DECLS

/* Why there is no port mapping, one sentence for a person each. Pure. */

/** @result: of StilePcpResult, an error. Returns: (transfer full) */
char *stile_portmap_explain_pcp(const StileAddress *router, guint result);
/** @result: of StileNatPmpResult, an error. Returns: (transfer full) */
char *stile_portmap_explain_nat_pmp(const StileAddress *router, guint result);
/** Nobody answers. @upnp: whether it was asked that way, too. Returns: (transfer full) */
char *stile_portmap_explain_silence(const StileAddress *router, gboolean upnp);

G_END_DECLS

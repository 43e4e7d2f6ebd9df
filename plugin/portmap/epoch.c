/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "portmap/epoch.h"

gboolean
stile_epoch_update(StileEpoch *epoch, gint64 now, guint32 server)
{
    gint64 client_delta = now - epoch->client;
    gint64 server_delta = (gint64)server - epoch->server;
    gboolean known = epoch->known;

    *epoch = (StileEpoch){.known = TRUE, .client = now, .server = server};
    if (!known)
        return TRUE;
    /* Answers may overtake each other: one second backwards is none. */
    if (server_delta < -1)
        return FALSE;
    return client_delta + 2 >= server_delta - server_delta / 16 &&
           server_delta + 2 >= client_delta - client_delta / 16;
}

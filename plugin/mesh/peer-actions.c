/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "mesh/mesh.h"
#include "mesh/ping.h"

/* Methods of a peer that need its network up */

static StileMesh *
mesh_of(StilePeer *peer, GError **error)
{
    StileMesh *mesh = stile_peer_mesh(peer);

    if (!mesh)
        g_set_error(error, STILE_ERROR, STILE_ERROR_UNREACHABLE, "The network of “%s” is down",
                    stile_peer_name(peer));
    return mesh;
}

gboolean
stile_peer_probe(StilePeer *peer, GError **error)
{
    StileMesh *mesh = mesh_of(peer, error);

    if (!mesh)
        return FALSE;
    if (!stile_peer_online(peer)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_UNREACHABLE, "“%s” is not online",
                    stile_peer_name(peer));
        return FALSE;
    }
    stile_mesh_connect(mesh, peer);
    return TRUE;
}

void
stile_peer_ping(StilePeer *peer, guint timeout_ms, GCancellable *cancellable,
                GAsyncReadyCallback callback, gpointer user_data)
{
    GError *error = NULL;
    StileMesh *mesh = mesh_of(peer, &error);

    if (!mesh) {
        g_task_report_error(NULL, callback, user_data, stile_peer_ping, error);
        return;
    }
    stile_ping(stile_peer_address(peer), stile_mesh_interface(mesh), timeout_ms, cancellable,
               callback, user_data);
}

guint
stile_peer_ping_finish(StilePeer *peer, GAsyncResult *result, GError **error)
{
    return stile_ping_finish(result, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/socket.h"
#include "io/tun.h"
#include "tunnel/table.h"

G_BEGIN_DECLS

/**
 * StileDataplane:
 *
 * The thread between the tun device and the sockets (architecture.md, Flows and Threading). It owns
 * the tun and the receive side of the sockets, runs the WireGuard protocol for all peers, and hands
 * what is not WireGuard up to the main thread through one queue. All functions here are called from
 * the main thread.
 */
typedef struct _StileDataplane StileDataplane;

/**
 * StileDataplaneOps:
 *
 * All called in the main context that the data plane was made with. Data is good during the call.
 *
 * @control: a STUN message arrived: straight (UDP), or inside channel data of a TURN server (TURN,
 *   with `server`, `channel`; `remote` unset, the TURN client knows it by the channel). ChannelData
 *   holding WireGuard never comes up.
 * @carry: a WireGuard message that goes by @to, a CARRIED endpoint
 * @roamed: an authenticated packet of a peer came from somewhere else than the last one did
 * @handshake: a session with the peer was made or renewed
 * @active: the tunnel has traffic for a peer that had none sent for ten seconds
 * @failed: the tun device or a socket broke; it is not used any longer
 */
typedef struct {
    void (*control)(gpointer user_data, const StileEndpoint *from, const guint8 *data, gsize size);
    void (*carry)(gpointer user_data, const guint8 peer[STILE_KEY_SIZE], const StileEndpoint *to,
                  const guint8 *data, gsize size);
    void (*roamed)(gpointer user_data, const guint8 peer[STILE_KEY_SIZE],
                   const StileEndpoint *from);
    void (*handshake)(gpointer user_data, const guint8 peer[STILE_KEY_SIZE]);
    void (*active)(gpointer user_data, const guint8 peer[STILE_KEY_SIZE]);
    void (*failed)(gpointer user_data, const GError *error);
} StileDataplaneOps;

/**
 * stile_dataplane_new:
 * @tun: (nullable): without one (a network that is only probed), only control packets pass
 * @socket4: (nullable): @socket6: (nullable): the shared sockets
 * @private_key: our X25519 key
 *
 * Starts the thread.
 */
StileDataplane *stile_dataplane_new(StileTun *tun, StileSocket *socket4, StileSocket *socket6,
                                    const guint8 private_key[STILE_KEY_SIZE],
                                    const StileDataplaneOps *ops, gpointer user_data);
/** Stops the thread and waits for it; no op is called afterwards. Wipes the sessions' keys. */
void stile_dataplane_free(StileDataplane *dataplane);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileDataplane, stile_dataplane_free)

/** @table: (transfer full): from now on. Peers that are still in it keep their sessions. */
void stile_dataplane_set_table(StileDataplane *dataplane, StileTable *table);

/** A WireGuard message that arrived by something in the main thread. Never blocks; may be dropped.
 */
void stile_dataplane_inject(StileDataplane *dataplane, const StileEndpoint *from, const void *data,
                            gsize size);

/**
 * stile_dataplane_add_relay:
 *
 * From now on ChannelData (RFC 8656 §12.4) from @server is unwrapped: WireGuard inside goes to the
 * tunnel, STUN up with %STILE_ENDPOINT_TURN. The servers of the table's endpoints are known without
 * this; from anybody else ChannelData is malformed.
 */
void stile_dataplane_add_relay(StileDataplane *dataplane, const StileAddress *server);
void stile_dataplane_remove_relay(StileDataplane *dataplane, const StileAddress *server);

/** Starts a handshake with @peer on its path now, unless one was begun in the last second. */
void stile_dataplane_handshake(StileDataplane *dataplane, const guint8 peer[STILE_KEY_SIZE]);

/**
 * StileDataplaneCounters:
 *
 * What was thrown away, by reason; shown by `stilectl doctor` and asserted by the tests with
 * hostile input.
 */
typedef struct {
    guint64 malformed;       /* neither STUN, ChannelData nor WireGuard, or of a wrong size */
    guint64 unauthenticated; /* MAC, key or tag wrong; unknown index */
    guint64 replayed;
    guint64 disallowed;  /* inner source address not of that peer */
    guint64 unroutable;  /* from the tun, for nobody; or no whole IP packet */
    guint64 send_errors; /* EPERM, ENETUNREACH, … from the socket */
    guint64 congested;   /* from the tun: more than could be sealed in time */
    guint64 overflowed; /* STUN, carried and injected messages: more than the bounded queues hold */
} StileDataplaneCounters;

void stile_dataplane_counters(StileDataplane *dataplane, StileDataplaneCounters *ret);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "nice/agent.h"

G_BEGIN_DECLS

/**
 * StileNiceStream:
 *
 * One stream with its one component: sockets of its own, and on them STUN, TURN, gathering and
 * checks. Tells what happens from wherever it happens; agent.c passes it on from the main loop.
 * Referenced, because @received may make the owner close the stream that is just receiving.
 */
typedef struct _StileNiceStream StileNiceStream;

typedef struct {
    void (*state)(gpointer user_data, guint stream, NiceComponentState state);
    /* @candidate: (transfer full) */
    void (*candidate)(gpointer user_data, guint stream, NiceCandidate *candidate);
    void (*gathered)(gpointer user_data, guint stream);
    /* @local, @remote: (transfer full) */
    void (*selected)(gpointer user_data, guint stream, NiceCandidate *local, NiceCandidate *remote);
    void (*received)(gpointer user_data, guint stream, guint8 *data, gsize size);
} StileNiceStreamOps;

StileNiceStream *stile_nice_stream_new(guint id, GMainContext *context, StileClock *clock,
                                       gboolean controlling, const StileNiceStreamOps *ops,
                                       gpointer user_data);
/** Tells nothing from now on, and ends, at the latest when what it is in the middle of is over. */
void stile_nice_stream_close(StileNiceStream *stream);

guint stile_nice_stream_id(StileNiceStream *stream);
void stile_nice_stream_set_controlling(StileNiceStream *stream, gboolean controlling);
void stile_nice_stream_set_ports(StileNiceStream *stream, guint16 min, guint16 max);
void stile_nice_stream_add_relay(StileNiceStream *stream, const StileAddress *server,
                                 const char *username, const char *password);
void stile_nice_stream_forget_relays(StileNiceStream *stream);

/**
 * stile_nice_stream_gather:
 * @addresses: of StileLocalAddress
 * @stun: unset for none
 * @relay_only: offers and uses nothing but relayed candidates
 *
 * Returns: %FALSE when no socket can be had, or it was called before
 */
gboolean stile_nice_stream_gather(StileNiceStream *stream, const GArray *addresses,
                                  const StileAddress *stun, gboolean relay_only);
void stile_nice_stream_set_links(StileNiceStream *stream, const GArray *addresses);

const char *stile_nice_stream_ufrag(StileNiceStream *stream);
const char *stile_nice_stream_password(StileNiceStream *stream);
void stile_nice_stream_set_remote_credentials(StileNiceStream *stream, const char *ufrag,
                                              const char *password);
/** Returns: whether it can be used */
gboolean stile_nice_stream_add_remote(StileNiceStream *stream, const NiceCandidate *candidate);
void stile_nice_stream_end_of_remote(StileNiceStream *stream);
void stile_nice_stream_restart(StileNiceStream *stream);

/** Returns: (transfer full): copies */
GSList *stile_nice_stream_locals(StileNiceStream *stream);
GSList *stile_nice_stream_remotes(StileNiceStream *stream);
NiceComponentState stile_nice_stream_state(StileNiceStream *stream);
gboolean stile_nice_stream_selected(StileNiceStream *stream, NiceCandidate **ret_local,
                                    NiceCandidate **ret_remote);
/** Returns: whether it was given to the kernel, or to the relay */
gboolean stile_nice_stream_send(StileNiceStream *stream, const void *data, gsize size);

G_END_DECLS

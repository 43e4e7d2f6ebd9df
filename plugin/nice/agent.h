/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "address.h"
#include "candidate.h"
#include <gio/gio.h>
#include <glib-object.h>

G_BEGIN_DECLS
#pragma GCC visibility push(default)

/*
 * The ICE agent of Stile, by the names of libnice 0.1.21: what is written for libnice compiles
 * against this and connects to it. All of libnice's functions are declared; README.md lists which
 * of them only say no. Everything happens in the GMainContext the agent is made with, and the agent
 * is to be used from the thread that runs it.
 *
 * Signals: component-state-changed (uint stream, uint component, uint state),
 * candidate-gathering-done (uint stream), new-candidate-full (NiceCandidate),
 * new-selected-pair-full (uint stream, uint component, NiceCandidate local, NiceCandidate remote),
 * streams-removed (uint array, ended by 0); and their older forms new-candidate and
 * new-selected-pair, with foundations. They are emitted from the main context, never from within a
 * call.
 *
 * Properties: main-context, stun-server, stun-server-port, controlling-mode, force-relay; and those
 * that README.md lists as fixed.
 */

typedef struct _NiceAgent NiceAgent;
typedef struct _NiceAgentClass NiceAgentClass;

struct _NiceAgentClass {
    GObjectClass parent_class;
};

#define NICE_TYPE_AGENT            nice_agent_get_type()
#define NICE_AGENT(obj)            (G_TYPE_CHECK_INSTANCE_CAST((obj), NICE_TYPE_AGENT, NiceAgent))
#define NICE_AGENT_CLASS(klass)    (G_TYPE_CHECK_CLASS_CAST((klass), NICE_TYPE_AGENT, NiceAgentClass))
#define NICE_IS_AGENT(obj)         (G_TYPE_CHECK_INSTANCE_TYPE((obj), NICE_TYPE_AGENT))
#define NICE_IS_AGENT_CLASS(klass) (G_TYPE_CHECK_CLASS_TYPE((klass), NICE_TYPE_AGENT))
#define NICE_AGENT_GET_CLASS(obj)                                                                  \
    (G_TYPE_INSTANCE_GET_CLASS((obj), NICE_TYPE_AGENT, NiceAgentClass))
GType nice_agent_get_type(void);

/** @n_buffers: -1 when a buffer of %NULL ends them */
typedef struct {
    GInputVector *buffers;
    gint n_buffers;
    NiceAddress *from;
    gsize length;
} NiceInputMessage;

/** @n_buffers: -1 when a buffer of %NULL ends them */
typedef struct {
    GOutputVector *buffers;
    gint n_buffers;
} NiceOutputMessage;

#define NICE_AGENT_MAX_REMOTE_CANDIDATES 25

typedef enum {
    NICE_COMPONENT_STATE_DISCONNECTED,
    NICE_COMPONENT_STATE_GATHERING,
    NICE_COMPONENT_STATE_CONNECTING,
    NICE_COMPONENT_STATE_CONNECTED, /* a pair works */
    NICE_COMPONENT_STATE_READY,     /* follows at once; a better pair may still come */
    NICE_COMPONENT_STATE_FAILED,
    NICE_COMPONENT_STATE_LAST
} NiceComponentState;

typedef enum {
    NICE_COMPONENT_TYPE_RTP = 1,
    NICE_COMPONENT_TYPE_RTCP = 2,
} NiceComponentType;

/** Only RFC 5245, which is RFC 8445 on the wire, is there. */
typedef enum {
    NICE_COMPATIBILITY_RFC5245 = 0,
    NICE_COMPATIBILITY_DRAFT19 = NICE_COMPATIBILITY_RFC5245,
    NICE_COMPATIBILITY_GOOGLE,
    NICE_COMPATIBILITY_MSN,
    NICE_COMPATIBILITY_WLM2009,
    NICE_COMPATIBILITY_OC2007,
    NICE_COMPATIBILITY_OC2007R2,
    NICE_COMPATIBILITY_LAST = NICE_COMPATIBILITY_OC2007R2,
} NiceCompatibility;

typedef enum {
    NICE_PROXY_TYPE_NONE = 0,
    NICE_PROXY_TYPE_SOCKS5,
    NICE_PROXY_TYPE_HTTP,
    NICE_PROXY_TYPE_LAST = NICE_PROXY_TYPE_HTTP,
} NiceProxyType;

typedef enum {
    NICE_NOMINATION_MODE_REGULAR = 0,
    NICE_NOMINATION_MODE_AGGRESSIVE,
} NiceNominationMode;

typedef enum {
    NICE_AGENT_OPTION_NONE = 0,
    NICE_AGENT_OPTION_REGULAR_NOMINATION = 1 << 0,
    NICE_AGENT_OPTION_RELIABLE = 1 << 1,
    NICE_AGENT_OPTION_LITE_MODE = 1 << 2,
    NICE_AGENT_OPTION_ICE_TRICKLE = 1 << 3,
    NICE_AGENT_OPTION_SUPPORT_RENOMINATION = 1 << 4,
    NICE_AGENT_OPTION_CONSENT_FRESHNESS = 1 << 5,
    NICE_AGENT_OPTION_BYTESTREAM_TCP = 1 << 6,
} NiceAgentOption;

/** @buf: @len bytes, good until it returns */
typedef void (*NiceAgentRecvFunc)(NiceAgent *agent, guint stream_id, guint component_id, guint len,
                                  gchar *buf, gpointer user_data);

/* Making one. */

/** @ctx: (nullable). Returns: (transfer full) (nullable): %NULL for another @compat than RFC 5245
 */
NiceAgent *nice_agent_new(GMainContext *ctx, NiceCompatibility compat);
/** Returns: %NULL: pseudo-TCP is not there */
NiceAgent *nice_agent_new_reliable(GMainContext *ctx, NiceCompatibility compat);
/** Returns: (transfer full) (nullable): %NULL with a flag for reliable, lite or TCP */
NiceAgent *nice_agent_new_full(GMainContext *ctx, NiceCompatibility compat, NiceAgentOption flags);
/** Only the addresses added are used; all of the machine's when none is. Before gathering. */
gboolean nice_agent_add_local_address(NiceAgent *agent, NiceAddress *addr);
/** @n_components: 1. Returns: the stream's id, 0 when it cannot be */
guint nice_agent_add_stream(NiceAgent *agent, guint n_components);
void nice_agent_remove_stream(NiceAgent *agent, guint stream_id);
/** Before gathering. */
void nice_agent_set_port_range(NiceAgent *agent, guint stream_id, guint component_id,
                               guint min_port, guint max_port);
/** @server_ip: numbers. Before gathering. Returns: %FALSE for a @type other than UDP */
gboolean nice_agent_set_relay_info(NiceAgent *agent, guint stream_id, guint component_id,
                                   const gchar *server_ip, guint server_port, const gchar *username,
                                   const gchar *password, NiceRelayType type);
gboolean nice_agent_forget_relays(NiceAgent *agent, guint stream_id, guint component_id);

/* What is exchanged with the peer. */

/** Returns: %FALSE when no socket can be had or it was done before */
gboolean nice_agent_gather_candidates(NiceAgent *agent, guint stream_id);
gboolean nice_agent_set_remote_credentials(NiceAgent *agent, guint stream_id, const gchar *ufrag,
                                           const gchar *pwd);
gboolean nice_agent_set_local_credentials(NiceAgent *agent, guint stream_id, const gchar *ufrag,
                                          const gchar *pwd);
/** @ufrag, @pwd: (out) (transfer full) */
gboolean nice_agent_get_local_credentials(NiceAgent *agent, guint stream_id, gchar **ufrag,
                                          gchar **pwd);
/** @candidates: of NiceCandidate. Returns: how many were added, -1 when there is no such stream */
int nice_agent_set_remote_candidates(NiceAgent *agent, guint stream_id, guint component_id,
                                     const GSList *candidates);
/** Returns: (transfer full): of NiceCandidate */
GSList *nice_agent_get_local_candidates(NiceAgent *agent, guint stream_id, guint component_id);
/** Returns: (transfer full): of NiceCandidate */
GSList *nice_agent_get_remote_candidates(NiceAgent *agent, guint stream_id, guint component_id);
gboolean nice_agent_peer_candidate_gathering_done(NiceAgent *agent, guint stream_id);
/** The peer's credentials and candidates are to be given again. */
gboolean nice_agent_restart(NiceAgent *agent);
gboolean nice_agent_restart_stream(NiceAgent *agent, guint stream_id);

/* Data. */

/** @ctx: (nullable): the agent's; @func: (nullable). Returns: %FALSE for another context */
gboolean nice_agent_attach_recv(NiceAgent *agent, guint stream_id, guint component_id,
                                GMainContext *ctx, NiceAgentRecvFunc func, gpointer data);
/** Returns: @len, or -1 when there is no selected pair or the kernel did not take it */
gint nice_agent_send(NiceAgent *agent, guint stream_id, guint component_id, guint len,
                     const gchar *buf);
gint nice_agent_send_messages_nonblocking(NiceAgent *agent, guint stream_id, guint component_id,
                                          const NiceOutputMessage *messages, guint n_messages,
                                          GCancellable *cancellable, GError **error);
gssize nice_agent_recv(NiceAgent *agent, guint stream_id, guint component_id, guint8 *buf,
                       gsize buf_len, GCancellable *cancellable, GError **error);
gint nice_agent_recv_messages(NiceAgent *agent, guint stream_id, guint component_id,
                              NiceInputMessage *messages, guint n_messages,
                              GCancellable *cancellable, GError **error);
gssize nice_agent_recv_nonblocking(NiceAgent *agent, guint stream_id, guint component_id,
                                   guint8 *buf, gsize buf_len, GCancellable *cancellable,
                                   GError **error);
gint nice_agent_recv_messages_nonblocking(NiceAgent *agent, guint stream_id, guint component_id,
                                          NiceInputMessage *messages, guint n_messages,
                                          GCancellable *cancellable, GError **error);
GIOStream *nice_agent_get_io_stream(NiceAgent *agent, guint stream_id, guint component_id);
GSocket *nice_agent_get_selected_socket(NiceAgent *agent, guint stream_id, guint component_id);
GPtrArray *nice_agent_get_sockets(NiceAgent *agent, guint stream_id, guint component_id);

/* How it stands. */

/** @local, @remote: (out) (transfer none): good until another pair is selected */
gboolean nice_agent_get_selected_pair(NiceAgent *agent, guint stream_id, guint component_id,
                                      NiceCandidate **local, NiceCandidate **remote);
gboolean nice_agent_set_selected_pair(NiceAgent *agent, guint stream_id, guint component_id,
                                      const gchar *lfoundation, const gchar *rfoundation);
gboolean nice_agent_set_selected_remote_candidate(NiceAgent *agent, guint stream_id,
                                                  guint component_id, NiceCandidate *candidate);
NiceComponentState nice_agent_get_component_state(NiceAgent *agent, guint stream_id,
                                                  guint component_id);
/** Returns: `disconnected`, `gathering`, … */
const gchar *nice_component_state_to_string(NiceComponentState state);
gboolean nice_agent_consent_lost(NiceAgent *agent, guint stream_id, guint component_id);
/** Gives allocations back; the callback comes from the main context. */
void nice_agent_close_async(NiceAgent *agent, GAsyncReadyCallback callback, gpointer callback_data);

/* Descriptions. */

void nice_agent_set_stream_tos(NiceAgent *agent, guint stream_id, gint tos);
void nice_agent_set_software(NiceAgent *agent, const gchar *software);
gboolean nice_agent_set_stream_name(NiceAgent *agent, guint stream_id, const gchar *name);
const gchar *nice_agent_get_stream_name(NiceAgent *agent, guint stream_id);
NiceCandidate *nice_agent_get_default_local_candidate(NiceAgent *agent, guint stream_id,
                                                      guint component_id);
gchar *nice_agent_generate_local_sdp(NiceAgent *agent);
gchar *nice_agent_generate_local_stream_sdp(NiceAgent *agent, guint stream_id,
                                            gboolean include_non_ice);
gchar *nice_agent_generate_local_candidate_sdp(NiceAgent *agent, NiceCandidate *candidate);
int nice_agent_parse_remote_sdp(NiceAgent *agent, const gchar *sdp);
GSList *nice_agent_parse_remote_stream_sdp(NiceAgent *agent, guint stream_id, const gchar *sdp,
                                           gchar **ufrag, gchar **pwd);
NiceCandidate *nice_agent_parse_remote_candidate_sdp(NiceAgent *agent, guint stream_id,
                                                     const gchar *sdp);

#pragma GCC visibility pop
G_END_DECLS

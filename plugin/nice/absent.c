/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nice/agent.h"

/* What libnice has and we have not: it links, and says no. README.md has the same list. */

static void
set_absent(GError **error, const char *name)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s is not there in Stile", name);
}

NiceAgent *
nice_agent_new_reliable(GMainContext *ctx, NiceCompatibility compat)
{
    return NULL;
}

gboolean
nice_agent_set_local_credentials(NiceAgent *agent, guint stream_id, const gchar *ufrag,
                                 const gchar *pwd)
{
    return FALSE;
}

gint
nice_agent_send_messages_nonblocking(NiceAgent *agent, guint stream_id, guint component_id,
                                     const NiceOutputMessage *messages, guint n_messages,
                                     GCancellable *cancellable, GError **error)
{
    set_absent(error, "nice_agent_send_messages_nonblocking");
    return -1;
}

gssize
nice_agent_recv(NiceAgent *agent, guint stream_id, guint component_id, guint8 *buf, gsize buf_len,
                GCancellable *cancellable, GError **error)
{
    set_absent(error, "nice_agent_recv");
    return -1;
}

gint
nice_agent_recv_messages(NiceAgent *agent, guint stream_id, guint component_id,
                         NiceInputMessage *messages, guint n_messages, GCancellable *cancellable,
                         GError **error)
{
    set_absent(error, "nice_agent_recv_messages");
    return -1;
}

gssize
nice_agent_recv_nonblocking(NiceAgent *agent, guint stream_id, guint component_id, guint8 *buf,
                            gsize buf_len, GCancellable *cancellable, GError **error)
{
    set_absent(error, "nice_agent_recv_nonblocking");
    return -1;
}

gint
nice_agent_recv_messages_nonblocking(NiceAgent *agent, guint stream_id, guint component_id,
                                     NiceInputMessage *messages, guint n_messages,
                                     GCancellable *cancellable, GError **error)
{
    set_absent(error, "nice_agent_recv_messages_nonblocking");
    return -1;
}

GIOStream *
nice_agent_get_io_stream(NiceAgent *agent, guint stream_id, guint component_id)
{
    return NULL;
}

GSocket *
nice_agent_get_selected_socket(NiceAgent *agent, guint stream_id, guint component_id)
{
    return NULL;
}

GPtrArray *
nice_agent_get_sockets(NiceAgent *agent, guint stream_id, guint component_id)
{
    return NULL;
}

gboolean
nice_agent_set_selected_pair(NiceAgent *agent, guint stream_id, guint component_id,
                             const gchar *lfoundation, const gchar *rfoundation)
{
    return FALSE;
}

gboolean
nice_agent_set_selected_remote_candidate(NiceAgent *agent, guint stream_id, guint component_id,
                                         NiceCandidate *candidate)
{
    return FALSE;
}

gboolean
nice_agent_consent_lost(NiceAgent *agent, guint stream_id, guint component_id)
{
    return FALSE;
}

void
nice_agent_set_stream_tos(NiceAgent *agent, guint stream_id, gint tos)
{
}

void
nice_agent_set_software(NiceAgent *agent, const gchar *software)
{
}

gboolean
nice_agent_set_stream_name(NiceAgent *agent, guint stream_id, const gchar *name)
{
    return FALSE;
}

const gchar *
nice_agent_get_stream_name(NiceAgent *agent, guint stream_id)
{
    return NULL;
}

NiceCandidate *
nice_agent_get_default_local_candidate(NiceAgent *agent, guint stream_id, guint component_id)
{
    return NULL;
}

gchar *
nice_agent_generate_local_sdp(NiceAgent *agent)
{
    return NULL;
}

gchar *
nice_agent_generate_local_stream_sdp(NiceAgent *agent, guint stream_id, gboolean include_non_ice)
{
    return NULL;
}

gchar *
nice_agent_generate_local_candidate_sdp(NiceAgent *agent, NiceCandidate *candidate)
{
    return NULL;
}

int
nice_agent_parse_remote_sdp(NiceAgent *agent, const gchar *sdp)
{
    return -1;
}

GSList *
nice_agent_parse_remote_stream_sdp(NiceAgent *agent, guint stream_id, const gchar *sdp,
                                   gchar **ufrag, gchar **pwd)
{
    return NULL;
}

NiceCandidate *
nice_agent_parse_remote_candidate_sdp(NiceAgent *agent, guint stream_id, const gchar *sdp)
{
    return NULL;
}

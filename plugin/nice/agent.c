/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nice/agent.h"

#include "io/links.h"
#include "nice/candidate-private.h"
#include "nice/events.h"
#include "nice/stream.h"
#include <string.h>

struct _NiceAgent {
    GObject parent_instance;
    GMainContext *context;
    StileClock *clock;
    StileLinks *links;  /* NULL before gathering */
    GArray *only;       /* of StileAddress: the addresses to use; empty for all */
    GPtrArray *streams; /* of StileNiceStream */
    guint last_stream;
    StileNiceEvents *events;
    GHashTable *receivers; /* stream id -> Receiver */
    char *stun_server;
    guint stun_port;
    gboolean controlling;
    gboolean force_relay;
    gboolean keepalive_conncheck;
    gboolean trickle;
};

typedef struct {
    NiceAgentRecvFunc func;
    gpointer data;
} Receiver;

enum {
    PROP_MAIN_CONTEXT = 1,
    PROP_COMPATIBILITY,
    PROP_STUN_SERVER,
    PROP_STUN_SERVER_PORT,
    PROP_CONTROLLING_MODE,
    PROP_FORCE_RELAY,
    PROP_KEEPALIVE_CONNCHECK,
    PROP_ICE_TRICKLE,
    PROP_FULL_MODE,
    PROP_RELIABLE,
    PROP_UPNP,
    PROP_ICE_UDP,
    PROP_ICE_TCP,
    PROP_CONSENT_FRESHNESS,
};

G_DEFINE_TYPE(NiceAgent, nice_agent, G_TYPE_OBJECT)

static StileNiceStream *
find_stream(NiceAgent *agent, guint stream_id, guint component_id)
{
    g_return_val_if_fail(NICE_IS_AGENT(agent), NULL);

    for (guint i = 0; i < agent->streams->len && component_id == 1; i++) {
        StileNiceStream *stream = g_ptr_array_index(agent->streams, i);

        if (stile_nice_stream_id(stream) == stream_id)
            return stream;
    }
    return NULL;
}

/* What the streams tell is told to the application from the main loop: its handlers may then do
 * anything, also let go of the agent. */

static void
on_state(gpointer user_data, guint stream, NiceComponentState state)
{
    stile_nice_events_state(((NiceAgent *)user_data)->events, stream, state);
}

static void
on_candidate(gpointer user_data, guint stream, NiceCandidate *candidate)
{
    stile_nice_events_candidate(((NiceAgent *)user_data)->events, stream, candidate);
}

static void
on_gathered(gpointer user_data, guint stream)
{
    stile_nice_events_gathered(((NiceAgent *)user_data)->events, stream);
}

static void
on_selected(gpointer user_data, guint stream, NiceCandidate *local, NiceCandidate *remote)
{
    stile_nice_events_selected(((NiceAgent *)user_data)->events, stream, local, remote);
}

static void
on_received(gpointer user_data, guint stream, guint8 *data, gsize size)
{
    g_autoptr(GObject) agent = g_object_ref(user_data);
    const Receiver *receiver = g_hash_table_lookup(NICE_AGENT(agent)->receivers,
                                                   GUINT_TO_POINTER(stream));

    if (receiver)
        receiver->func(NICE_AGENT(agent), stream, 1, (guint)size, (gchar *)data, receiver->data);
}

/* Addresses. */

static GArray *
addresses_to_use(NiceAgent *agent)
{
    const GArray *all = stile_links_addresses(agent->links);
    GArray *chosen = g_array_new(FALSE, TRUE, sizeof(StileLocalAddress));

    for (guint i = 0; i < all->len; i++) {
        const StileLocalAddress *local = &g_array_index(all, StileLocalAddress, i);
        gboolean wanted = agent->only->len == 0;

        for (guint j = 0; j < agent->only->len && !wanted; j++)
            wanted = stile_address_equal_ip(&g_array_index(agent->only, StileAddress, j),
                                            &local->address);
        if (wanted)
            g_array_append_val(chosen, *local);
    }
    return chosen;
}

static void
on_links_changed(StileLinks *links, gpointer user_data)
{
    NiceAgent *agent = user_data;
    g_autoptr(GArray) addresses = addresses_to_use(agent);

    for (guint i = 0; i < agent->streams->len; i++)
        stile_nice_stream_set_links(g_ptr_array_index(agent->streams, i), addresses);
}

gboolean
nice_agent_add_local_address(NiceAgent *agent, NiceAddress *addr)
{
    StileAddress address;

    g_return_val_if_fail(NICE_IS_AGENT(agent), FALSE);
    if (!stile_nice_address_to_stile(addr, &address))
        return FALSE;
    g_array_append_val(agent->only, address);
    return TRUE;
}

/* Streams. */

guint
nice_agent_add_stream(NiceAgent *agent, guint n_components)
{
    static const StileNiceStreamOps ops = {on_state, on_candidate, on_gathered, on_selected,
                                           on_received};

    g_return_val_if_fail(NICE_IS_AGENT(agent), 0);
    if (n_components != 1)
        return 0;
    g_ptr_array_add(agent->streams,
                    stile_nice_stream_new(++agent->last_stream, agent->context, agent->clock,
                                          agent->controlling, &ops, agent));
    return agent->last_stream;
}

void
nice_agent_remove_stream(NiceAgent *agent, guint stream_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, 1);

    if (!stream)
        return;
    g_hash_table_remove(agent->receivers, GUINT_TO_POINTER(stream_id));
    g_ptr_array_remove(agent->streams, stream);
    stile_nice_events_removed(agent->events, stream_id);
}

void
nice_agent_set_port_range(NiceAgent *agent, guint stream_id, guint component_id, guint min_port,
                          guint max_port)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    if (stream && min_port <= max_port && max_port <= G_MAXUINT16)
        stile_nice_stream_set_ports(stream, (guint16)min_port, (guint16)max_port);
}

gboolean
nice_agent_set_relay_info(NiceAgent *agent, guint stream_id, guint component_id,
                          const gchar *server_ip, guint server_port, const gchar *username,
                          const gchar *password, NiceRelayType type)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);
    NiceAddress addr;
    StileAddress server;

    nice_address_init(&addr);
    if (!stream || type != NICE_RELAY_TYPE_TURN_UDP || server_port == 0 ||
        server_port > G_MAXUINT16 || !username || !password || !server_ip ||
        !nice_address_set_from_string(&addr, server_ip))
        return FALSE;
    nice_address_set_port(&addr, server_port);
    if (!stile_nice_address_to_stile(&addr, &server))
        return FALSE;
    stile_nice_stream_add_relay(stream, &server, username, password);
    return TRUE;
}

gboolean
nice_agent_forget_relays(NiceAgent *agent, guint stream_id, guint component_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    if (stream)
        stile_nice_stream_forget_relays(stream);
    return stream != NULL;
}

static StileAddress
stun_address(NiceAgent *agent)
{
    StileAddress address = {0};
    NiceAddress addr;

    nice_address_init(&addr);
    if (agent->stun_server && nice_address_set_from_string(&addr, agent->stun_server)) {
        nice_address_set_port(&addr, agent->stun_port);
        stile_nice_address_to_stile(&addr, &address);
    }
    return address;
}

gboolean
nice_agent_gather_candidates(NiceAgent *agent, guint stream_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, 1);
    g_autoptr(GArray) addresses = NULL;
    StileAddress stun;

    if (!stream)
        return FALSE;
    if (!agent->links) {
        g_autoptr(GError) error = NULL;

        agent->links = stile_links_new(agent->context, on_links_changed, agent, &error);
        if (!agent->links) {
            g_debug("%s", error->message);
            return FALSE;
        }
    }
    addresses = addresses_to_use(agent);
    stun = stun_address(agent);
    return stile_nice_stream_gather(stream, addresses, &stun, agent->force_relay);
}

gboolean
nice_agent_get_local_credentials(NiceAgent *agent, guint stream_id, gchar **ufrag, gchar **pwd)
{
    StileNiceStream *stream = find_stream(agent, stream_id, 1);

    if (!stream)
        return FALSE;
    *ufrag = g_strdup(stile_nice_stream_ufrag(stream));
    *pwd = g_strdup(stile_nice_stream_password(stream));
    return TRUE;
}

gboolean
nice_agent_set_remote_credentials(NiceAgent *agent, guint stream_id, const gchar *ufrag,
                                  const gchar *pwd)
{
    StileNiceStream *stream = find_stream(agent, stream_id, 1);

    if (!stream || !ufrag || !pwd)
        return FALSE;
    stile_nice_stream_set_remote_credentials(stream, ufrag, pwd);
    return TRUE;
}

int
nice_agent_set_remote_candidates(NiceAgent *agent, guint stream_id, guint component_id,
                                 const GSList *candidates)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);
    int added = 0;

    if (!stream)
        return -1;
    for (const GSList *each = candidates; each; each = each->next)
        if (stile_nice_stream_add_remote(stream, each->data))
            added++;
    return added;
}

GSList *
nice_agent_get_local_candidates(NiceAgent *agent, guint stream_id, guint component_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    return stream ? stile_nice_stream_locals(stream) : NULL;
}

GSList *
nice_agent_get_remote_candidates(NiceAgent *agent, guint stream_id, guint component_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    return stream ? stile_nice_stream_remotes(stream) : NULL;
}

gboolean
nice_agent_peer_candidate_gathering_done(NiceAgent *agent, guint stream_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, 1);

    if (stream)
        stile_nice_stream_end_of_remote(stream);
    return stream != NULL;
}

gboolean
nice_agent_restart_stream(NiceAgent *agent, guint stream_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, 1);

    if (stream)
        stile_nice_stream_restart(stream);
    return stream != NULL;
}

gboolean
nice_agent_restart(NiceAgent *agent)
{
    g_return_val_if_fail(NICE_IS_AGENT(agent), FALSE);

    for (guint i = 0; i < agent->streams->len; i++)
        stile_nice_stream_restart(g_ptr_array_index(agent->streams, i));
    return TRUE;
}

gboolean
nice_agent_attach_recv(NiceAgent *agent, guint stream_id, guint component_id, GMainContext *ctx,
                       NiceAgentRecvFunc func, gpointer data)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);
    Receiver *receiver;

    if (!stream || (ctx ? ctx : g_main_context_default()) != agent->context)
        return FALSE;
    g_hash_table_remove(agent->receivers, GUINT_TO_POINTER(stream_id));
    if (func) {
        receiver = g_new(Receiver, 1);
        *receiver = (Receiver){func, data};
        g_hash_table_insert(agent->receivers, GUINT_TO_POINTER(stream_id), receiver);
    }
    return TRUE;
}

gint
nice_agent_send(NiceAgent *agent, guint stream_id, guint component_id, guint len, const gchar *buf)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    return stream && len <= G_MAXINT && stile_nice_stream_send(stream, buf, len) ? (gint)len : -1;
}

gboolean
nice_agent_get_selected_pair(NiceAgent *agent, guint stream_id, guint component_id,
                             NiceCandidate **local, NiceCandidate **remote)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    return stream && stile_nice_stream_selected(stream, local, remote);
}

NiceComponentState
nice_agent_get_component_state(NiceAgent *agent, guint stream_id, guint component_id)
{
    StileNiceStream *stream = find_stream(agent, stream_id, component_id);

    return stream ? stile_nice_stream_state(stream) : NICE_COMPONENT_STATE_FAILED;
}

void
nice_agent_close_async(NiceAgent *agent, GAsyncReadyCallback callback, gpointer callback_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(NICE_IS_AGENT(agent));
    g_main_context_push_thread_default(agent->context);
    task = g_task_new(agent, NULL, callback, callback_data);
    g_main_context_pop_thread_default(agent->context);
    g_ptr_array_set_size(agent->streams, 0);
    g_hash_table_remove_all(agent->receivers);
    g_task_return_boolean(task, TRUE);
}

/* The object. */

static void
set_controlling(NiceAgent *agent, gboolean controlling)
{
    agent->controlling = controlling;
    for (guint i = 0; i < agent->streams->len; i++)
        stile_nice_stream_set_controlling(g_ptr_array_index(agent->streams, i), controlling);
}

static void
nice_agent_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    NiceAgent *agent = NICE_AGENT(object);

    switch (id) {
    case PROP_MAIN_CONTEXT:
        agent->context = g_value_get_pointer(value);
        break;
    case PROP_STUN_SERVER:
        g_free(agent->stun_server);
        agent->stun_server = g_value_dup_string(value);
        break;
    case PROP_STUN_SERVER_PORT:
        agent->stun_port = g_value_get_uint(value);
        break;
    case PROP_CONTROLLING_MODE:
        set_controlling(agent, g_value_get_boolean(value));
        break;
    case PROP_FORCE_RELAY:
        agent->force_relay = g_value_get_boolean(value);
        break;
    case PROP_KEEPALIVE_CONNCHECK:
        agent->keepalive_conncheck = g_value_get_boolean(value);
        break;
    case PROP_ICE_TRICKLE:
        agent->trickle = g_value_get_boolean(value);
        break;
    case PROP_UPNP:
    case PROP_ICE_UDP:
    case PROP_ICE_TCP:
        break; /* fixed, see README.md */
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        break;
    }
}

static void
nice_agent_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    NiceAgent *agent = NICE_AGENT(object);

    switch (id) {
    case PROP_MAIN_CONTEXT:
        g_value_set_pointer(value, agent->context);
        break;
    case PROP_COMPATIBILITY:
        g_value_set_uint(value, NICE_COMPATIBILITY_RFC5245);
        break;
    case PROP_STUN_SERVER:
        g_value_set_string(value, agent->stun_server);
        break;
    case PROP_STUN_SERVER_PORT:
        g_value_set_uint(value, agent->stun_port);
        break;
    case PROP_CONTROLLING_MODE:
        g_value_set_boolean(value, agent->controlling);
        break;
    case PROP_FORCE_RELAY:
        g_value_set_boolean(value, agent->force_relay);
        break;
    case PROP_KEEPALIVE_CONNCHECK:
        g_value_set_boolean(value, agent->keepalive_conncheck);
        break;
    case PROP_ICE_TRICKLE:
        g_value_set_boolean(value, agent->trickle);
        break;
    case PROP_FULL_MODE:
    case PROP_ICE_UDP:
        g_value_set_boolean(value, TRUE);
        break;
    case PROP_RELIABLE:
    case PROP_UPNP:
    case PROP_ICE_TCP:
    case PROP_CONSENT_FRESHNESS:
        g_value_set_boolean(value, FALSE);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        break;
    }
}

static void
nice_agent_constructed(GObject *object)
{
    NiceAgent *agent = NICE_AGENT(object);

    agent->context = g_main_context_ref(agent->context ? agent->context : g_main_context_default());
    agent->clock = stile_clock_new(agent->context);
    agent->events = stile_nice_events_new(object, agent->context);
    G_OBJECT_CLASS(nice_agent_parent_class)->constructed(object);
}

static void
nice_agent_dispose(GObject *object)
{
    NiceAgent *agent = NICE_AGENT(object);

    g_ptr_array_set_size(agent->streams, 0);
    g_clear_pointer(&agent->links, stile_links_free);
    g_clear_pointer(&agent->events, stile_nice_events_free);
    G_OBJECT_CLASS(nice_agent_parent_class)->dispose(object);
}

static void
nice_agent_finalize(GObject *object)
{
    NiceAgent *agent = NICE_AGENT(object);

    g_ptr_array_unref(agent->streams);
    g_hash_table_unref(agent->receivers);
    g_array_unref(agent->only);
    g_free(agent->stun_server);
    stile_clock_unref(agent->clock);
    g_main_context_unref(agent->context);
    G_OBJECT_CLASS(nice_agent_parent_class)->finalize(object);
}

static void
install_boolean(GObjectClass *class, guint id, const char *name, gboolean value, GParamFlags flags)
{
    g_object_class_install_property(
        class, id, g_param_spec_boolean(name, NULL, NULL, value, flags | G_PARAM_STATIC_STRINGS));
}

static void
nice_agent_class_init(NiceAgentClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);

    object->set_property = nice_agent_set_property;
    object->get_property = nice_agent_get_property;
    object->constructed = nice_agent_constructed;
    object->dispose = nice_agent_dispose;
    object->finalize = nice_agent_finalize;
    g_object_class_install_property(
        object, PROP_MAIN_CONTEXT,
        g_param_spec_pointer("main-context", NULL, NULL,
                             G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS));
    g_object_class_install_property(
        object, PROP_COMPATIBILITY,
        g_param_spec_uint("compatibility", NULL, NULL, NICE_COMPATIBILITY_RFC5245,
                          NICE_COMPATIBILITY_LAST, NICE_COMPATIBILITY_RFC5245,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
    g_object_class_install_property(
        object, PROP_STUN_SERVER,
        g_param_spec_string("stun-server", NULL, NULL, NULL,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
    g_object_class_install_property(object, PROP_STUN_SERVER_PORT,
                                    g_param_spec_uint("stun-server-port", NULL, NULL, 1,
                                                      G_MAXUINT16, 3478,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
    install_boolean(object, PROP_CONTROLLING_MODE, "controlling-mode", TRUE, G_PARAM_READWRITE);
    install_boolean(object, PROP_FORCE_RELAY, "force-relay", FALSE, G_PARAM_READWRITE);
    install_boolean(object, PROP_KEEPALIVE_CONNCHECK, "keepalive-conncheck", FALSE,
                    G_PARAM_READWRITE);
    install_boolean(object, PROP_ICE_TRICKLE, "ice-trickle", FALSE, G_PARAM_READWRITE);
    install_boolean(object, PROP_UPNP, "upnp", FALSE, G_PARAM_READWRITE);
    install_boolean(object, PROP_ICE_UDP, "ice-udp", TRUE, G_PARAM_READWRITE);
    install_boolean(object, PROP_ICE_TCP, "ice-tcp", FALSE, G_PARAM_READWRITE);
    install_boolean(object, PROP_FULL_MODE, "full-mode", TRUE, G_PARAM_READABLE);
    install_boolean(object, PROP_RELIABLE, "reliable", FALSE, G_PARAM_READABLE);
    install_boolean(object, PROP_CONSENT_FRESHNESS, "consent-freshness", FALSE, G_PARAM_READABLE);
    stile_nice_events_register(NICE_TYPE_AGENT);
}

static void
nice_agent_init(NiceAgent *agent)
{
    agent->only = g_array_new(FALSE, FALSE, sizeof(StileAddress));
    agent->streams = g_ptr_array_new_with_free_func((GDestroyNotify)stile_nice_stream_close);
    agent->receivers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    agent->stun_port = 3478;
    agent->controlling = TRUE;
}

NiceAgent *
nice_agent_new(GMainContext *ctx, NiceCompatibility compat)
{
    return nice_agent_new_full(ctx, compat, NICE_AGENT_OPTION_NONE);
}

NiceAgent *
nice_agent_new_full(GMainContext *ctx, NiceCompatibility compat, NiceAgentOption flags)
{
    const NiceAgentOption missing = NICE_AGENT_OPTION_RELIABLE | NICE_AGENT_OPTION_LITE_MODE |
                                    NICE_AGENT_OPTION_BYTESTREAM_TCP;
    NiceAgent *agent;

    if (compat != NICE_COMPATIBILITY_RFC5245 || (flags & missing))
        return NULL;
    agent = g_object_new(NICE_TYPE_AGENT, "main-context", ctx, NULL);
    agent->trickle = (flags & NICE_AGENT_OPTION_ICE_TRICKLE) != 0;
    return agent;
}

const gchar *
nice_component_state_to_string(NiceComponentState state)
{
    static const char *const names[] = {"disconnected", "gathering", "connecting",
                                        "connected",    "ready",     "failed"};

    return (guint)state < G_N_ELEMENTS(names) ? names[state] : "invalid";
}

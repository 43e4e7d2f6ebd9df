/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program written for libnice: compiled once against Debian's and once against ours, from this
 * same source; tests/lab/test-nice lets the two connect to each other.
 *
 *   nice-peer facts                     what both must answer alike
 *   nice-peer connect [OPTION…]         exchanges descriptions over stdin and stdout, then data;
 *                                       says on stderr what was selected; 0 when the data came back
 */
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS      20
#define SIZE        1200
#define TIME_LIMIT  30000
#define BYES        10
#define INTERVAL_MS 20

typedef struct {
    GMainLoop *loop;
    NiceAgent *agent;
    guint stream;
    GDataInputStream *input;
    GSList *remotes;
    gboolean ready;
    guint echoes;  /* of ours that came back */
    guint byes;    /* that we have sent */
    gboolean over; /* the peer has said goodbye */
    int status;
} Peer;

static gboolean controlled, force_relay;
static char *stun_server, *turn_server, *local_address;

static void
say(Peer *peer, const char *word)
{
    char message[SIZE] = {0};

    g_strlcpy(message, word, sizeof message);
    nice_agent_send(peer->agent, peer->stream, 1, sizeof message, message);
}

static gboolean
on_tick(gpointer user_data)
{
    Peer *peer = user_data;

    if (!peer->ready)
        return G_SOURCE_CONTINUE;
    if (peer->echoes < ROUNDS) {
        say(peer, "hello");
        return G_SOURCE_CONTINUE;
    }
    /* The peer may still wait for its echoes, so goodbye is said more than once. */
    say(peer, "bye");
    if (++peer->byes < BYES || !peer->over)
        return G_SOURCE_CONTINUE;
    peer->status = 0;
    g_main_loop_quit(peer->loop);
    return G_SOURCE_REMOVE;
}

static void
on_receive(NiceAgent *agent, guint stream, guint component, guint size, gchar *data, gpointer user)
{
    Peer *peer = user;

    if (size != SIZE || data[size - 1] != '\0')
        return;
    if (strcmp(data, "hello") == 0)
        say(peer, "echo");
    else if (strcmp(data, "echo") == 0)
        peer->echoes++;
    else if (strcmp(data, "bye") == 0)
        peer->over = TRUE;
}

static void
on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
    Peer *peer = user;

    g_printerr("state %s\n", nice_component_state_to_string((NiceComponentState)state));
    if (state == NICE_COMPONENT_STATE_READY)
        peer->ready = TRUE;
    if (state == NICE_COMPONENT_STATE_FAILED)
        g_main_loop_quit(peer->loop);
}

static void
on_selected(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
            NiceCandidate *remote, gpointer user)
{
    g_printerr("selected %s %s\n", nice_candidate_type_to_string(local->type),
               nice_candidate_type_to_string(remote->type));
}

static void
print_candidate(gpointer item, gpointer user)
{
    const NiceCandidate *candidate = item;
    gchar text[NICE_ADDRESS_STRING_LEN];

    if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP)
        return;
    nice_address_to_string(&candidate->addr, text);
    printf("candidate %s %u %s %u %d\n", candidate->foundation, candidate->priority, text,
           nice_address_get_port(&candidate->addr), candidate->type);
}

static void
add_remote(Peer *peer, const char *line)
{
    char foundation[NICE_CANDIDATE_MAX_FOUNDATION], text[NICE_ADDRESS_STRING_LEN];
    unsigned int priority, port, type;
    NiceCandidate *candidate;

    if (sscanf(line, "candidate %32s %u %45s %u %u", foundation, &priority, text, &port, &type) !=
        5)
        return;
    candidate = nice_candidate_new((NiceCandidateType)type);
    candidate->component_id = 1;
    candidate->stream_id = peer->stream;
    candidate->transport = NICE_CANDIDATE_TRANSPORT_UDP;
    candidate->priority = priority;
    g_strlcpy(candidate->foundation, foundation, sizeof candidate->foundation);
    if (!nice_address_set_from_string(&candidate->addr, text))
        exit(2);
    nice_address_set_port(&candidate->addr, port);
    peer->remotes = g_slist_append(peer->remotes, candidate);
}

static void
on_line(GObject *source, GAsyncResult *result, gpointer user)
{
    Peer *peer = user;
    g_autofree char *line = g_data_input_stream_read_line_finish(peer->input, result, NULL, NULL);
    g_auto(GStrv) words = g_strsplit(line ? line : "", " ", -1);

    if (!line) {
        g_main_loop_quit(peer->loop);
        return;
    }
    if (strcmp(line, "end") == 0) {
        if (nice_agent_set_remote_candidates(peer->agent, peer->stream, 1, peer->remotes) < 1)
            g_main_loop_quit(peer->loop);
        return;
    }
    if (g_str_has_prefix(line, "candidate "))
        add_remote(peer, line);
    else if (g_strv_length(words) == 2)
        nice_agent_set_remote_credentials(peer->agent, peer->stream, words[0], words[1]);
    g_data_input_stream_read_line_async(peer->input, 0, NULL, on_line, peer);
}

static void
on_gathered(NiceAgent *agent, guint stream, gpointer user)
{
    Peer *peer = user;
    GSList *candidates = nice_agent_get_local_candidates(agent, stream, 1);
    g_autofree gchar *ufrag = NULL, *password = NULL;

    if (!nice_agent_get_local_credentials(agent, stream, &ufrag, &password))
        exit(2);
    printf("%s %s\n", ufrag, password);
    g_slist_foreach(candidates, print_candidate, NULL);
    printf("end\n");
    fflush(stdout);
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
    g_data_input_stream_read_line_async(peer->input, 0, NULL, on_line, peer);
}

static gboolean
on_time_limit(gpointer user)
{
    Peer *peer = user;

    g_printerr("too late: %u echoes\n", peer->echoes);
    g_main_loop_quit(peer->loop);
    return G_SOURCE_REMOVE;
}

static gboolean
start(Peer *peer)
{
    if (local_address) {
        NiceAddress address;

        nice_address_init(&address);
        if (!nice_address_set_from_string(&address, local_address) ||
            !nice_agent_add_local_address(peer->agent, &address))
            return FALSE;
    }
    if (turn_server && !nice_agent_set_relay_info(peer->agent, peer->stream, 1, turn_server, 3478,
                                                  "stile", "relay", NICE_RELAY_TYPE_TURN_UDP))
        return FALSE;
    return nice_agent_attach_recv(peer->agent, peer->stream, 1, g_main_loop_get_context(peer->loop),
                                  on_receive, peer) &&
           nice_agent_gather_candidates(peer->agent, peer->stream);
}

static int
connect_to_peer(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GInputStream) input = g_unix_input_stream_new(0, FALSE);
    Peer peer = {.loop = loop, .status = 1};
    NiceCandidate *local, *remote;

    peer.input = g_data_input_stream_new(input);
    peer.agent = nice_agent_new(g_main_loop_get_context(loop), NICE_COMPATIBILITY_RFC5245);
    g_object_set(peer.agent, "controlling-mode", !controlled, "upnp", FALSE, "ice-tcp", FALSE,
                 "force-relay", force_relay, NULL);
    if (stun_server)
        g_object_set(peer.agent, "stun-server", stun_server, "stun-server-port", 3478, NULL);
    g_signal_connect(peer.agent, "candidate-gathering-done", G_CALLBACK(on_gathered), &peer);
    g_signal_connect(peer.agent, "component-state-changed", G_CALLBACK(on_state), &peer);
    g_signal_connect(peer.agent, "new-selected-pair-full", G_CALLBACK(on_selected), &peer);
    peer.stream = nice_agent_add_stream(peer.agent, 1);
    g_timeout_add(TIME_LIMIT, on_time_limit, &peer);
    g_timeout_add(INTERVAL_MS, on_tick, &peer);
    if (!start(&peer))
        return 2;
    g_main_loop_run(loop);
    if (peer.status == 0 &&
        !nice_agent_get_selected_pair(peer.agent, peer.stream, 1, &local, &remote))
        peer.status = 3;
    g_slist_free_full(peer.remotes, (GDestroyNotify)nice_candidate_free);
    nice_agent_remove_stream(peer.agent, peer.stream);
    g_object_unref(peer.agent);
    g_object_unref(peer.input);
    return peer.status;
}

static void
print_address_facts(const char *text)
{
    NiceAddress address;
    g_autofree gchar *written = NULL;

    nice_address_init(&address);
    printf("%s: %d", text, nice_address_set_from_string(&address, text));
    if (!nice_address_is_valid(&address)) {
        printf("\n");
        return;
    }
    nice_address_set_port(&address, 3478);
    written = nice_address_dup_string(&address);
    /* Debian's library does not export nice_address_is_linklocal(). */
    printf(" %s %u %d %d\n", written, nice_address_get_port(&address),
           nice_address_ip_version(&address), nice_address_is_private(&address));
}

static int
print_facts(void)
{
    static const char *const addresses[] = {
        "192.0.2.1",   "10.1.2.3",  "172.16.0.1",  "172.32.0.1", "192.168.1.1",
        "169.254.1.1", "127.0.0.1", "8.8.8.8",     "::1",        "fe80::1",
        "fc00::1",     "fd00::1",   "2001:db8::1", "name",       "",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++)
        print_address_facts(addresses[i]);
    for (int i = 0; i < NICE_COMPONENT_STATE_LAST; i++)
        printf("state %d %s\n", i, nice_component_state_to_string((NiceComponentState)i));
    for (int i = 0; i <= NICE_CANDIDATE_TYPE_RELAYED; i++)
        printf("type %d %s\n", i, nice_candidate_type_to_string((NiceCandidateType)i));
    for (int i = 0; i <= NICE_CANDIDATE_TRANSPORT_TCP_SO; i++)
        printf("transport %d %s\n", i,
               nice_candidate_transport_to_string((NiceCandidateTransport)i));
    printf("sizes %zu %zu %zu\n", sizeof(NiceAddress), sizeof(NiceCandidate),
           G_STRUCT_OFFSET(NiceCandidate, password));
    printf("enums %d %d %d %d %d %d\n", NICE_COMPATIBILITY_LAST, NICE_PROXY_TYPE_LAST,
           NICE_NOMINATION_MODE_AGGRESSIVE, NICE_AGENT_OPTION_BYTESTREAM_TCP,
           NICE_RELAY_TYPE_TURN_TLS, NICE_COMPONENT_TYPE_RTCP);
    return 0;
}

int
main(int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"controlled", 0, 0, G_OPTION_ARG_NONE, &controlled, NULL, NULL},
        {"force-relay", 0, 0, G_OPTION_ARG_NONE, &force_relay, NULL, NULL},
        {"stun", 0, 0, G_OPTION_ARG_STRING, &stun_server, NULL, NULL},
        {"turn", 0, 0, G_OPTION_ARG_STRING, &turn_server, NULL, NULL},
        {"local", 0, 0, G_OPTION_ARG_STRING, &local_address, NULL, NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) options = g_option_context_new(NULL);

    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, NULL) || argc != 2)
        return 2;
    if (strcmp(argv[1], "facts") == 0)
        return print_facts();
    return strcmp(argv[1], "connect") == 0 ? connect_to_peer() : 2;
}

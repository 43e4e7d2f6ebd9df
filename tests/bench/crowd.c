/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many WireGuard peers of one wg-peer, in one process: each with a key, a socket and a state
 * machine of its own, so that the wg-peer has as many sessions.
 *
 *   crowd COUNT FILE ENDPOINT
 *       makes the keys, and writes to FILE what wg-peer --peers reads; says "keys"; then waits for
 * a line with the public key of the wg-peer at ENDPOINT, makes a session from each peer, says
 *       "sessions", and answers what comes until its input ends
 */
#include "io/socket.h"
#include "tunnel/tunnel.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Slowly enough that the other side does not think it is being attacked. */
#define EVERY_US 11000

typedef struct {
    guint8 key[STILE_KEY_SIZE];
    StileSocket *socket;
    StileTunnel *tunnel;
    gboolean has_session;
} Member;

static gint64
now_us(void)
{
    return g_get_monotonic_time();
}

static void
on_send(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *endpoint,
        const guint8 *message, gsize size)
{
    Member *member = user_data;

    stile_socket_send(member->socket, &endpoint->local, &endpoint->remote, message, size);
}

static void
on_handshake(gpointer user_data, StileTunnelPeer *peer)
{
    ((Member *)user_data)->has_session = TRUE;
}

static gboolean
write_keys(Member *members, guint count, const char *path, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < count; i++) {
        guint8 public_key[STILE_KEY_SIZE];
        g_autofree char *key = NULL;

        stile_x25519_generate(members[i].key);
        stile_x25519_public(members[i].key, public_key);
        key = stile_key_to_string(public_key);
        g_string_append_printf(text, "%s 10.86.%u.%u/32\n", key, i / 250, i % 250 + 4);
    }
    return g_file_set_contents(path, text->str, -1, error);
}

static gboolean
join(Member *member, StileClock *clock, const char *public_key, const char *endpoint,
     GError **error)
{
    static const StileTunnelOps ops = {.send = on_send, .handshake = on_handshake};
    g_autoptr(StileTable) table = stile_table_new();
    guint8 key[STILE_KEY_SIZE];
    StileTablePeer *peer;

    if (!stile_key_parse(key, public_key, error))
        return FALSE;
    peer = stile_table_add(table, key, NULL);
    peer->path.kind = STILE_ENDPOINT_UDP;
    member->socket = stile_socket_new(AF_INET, 0, error);
    if (!member->socket || !stile_address_parse(&peer->path.remote, endpoint, 51820, error))
        return FALSE;
    member->tunnel = stile_tunnel_new(clock, member->key, &ops, member);
    stile_tunnel_set_table(member->tunnel, table, now_us());
    stile_tunnel_handshake(member->tunnel, stile_tunnel_find(member->tunnel, key), now_us());
    return TRUE;
}

static void
serve(Member *member, StileReceiveBuffers *buffers)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    guint n = stile_socket_receive(member->socket, buffers, datagrams, STILE_SOCKET_MAX_BATCH);

    for (guint i = 0; i < n; i++) {
        const StileEndpoint from = {
            .kind = STILE_ENDPOINT_UDP, .remote = datagrams[i].remote, .local = datagrams[i].local};
        StileTunnelPeer *peer;
        guint8 *packet;
        gsize size;

        stile_tunnel_receive(member->tunnel, &from, now_us(), datagrams[i].data, datagrams[i].size,
                             &peer, &packet, &size);
    }
}

/* Returns: whether standard input has ended */
static gboolean
serve_all(Member *members, guint count, StileReceiveBuffers *buffers, int wait_ms)
{
    g_autofree struct pollfd *polls = g_new0(struct pollfd, count + 1);

    polls[count] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (guint i = 0; i < count; i++)
        polls[i] = (struct pollfd){.fd = stile_socket_fd(members[i].socket), .events = POLLIN};
    poll(polls, count + 1, wait_ms);
    for (guint i = 0; i < count; i++) {
        if (polls[i].revents)
            serve(&members[i], buffers);
        if (stile_tunnel_deadline(members[i].tunnel) <= now_us())
            stile_tunnel_tick(members[i].tunnel, now_us());
    }
    return polls[count].revents != 0;
}

static guint
count_sessions(const Member *members, guint count)
{
    guint sessions = 0;

    for (guint i = 0; i < count; i++)
        sessions += members[i].has_session;
    return sessions;
}

int
main(int argc, char **argv)
{
    g_autoptr(StileClock) clock = stile_clock_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autofree Member *members = NULL;
    StileReceiveBuffers *buffers = stile_receive_buffers_new();
    guint count = argc == 4 ? (guint)atoi(argv[1]) : 0;
    char public_key[64] = "";

    members = g_new0(Member, count + 1);
    if (count == 0 || !write_keys(members, count, argv[2], &error))
        goto failed;
    puts("keys");
    fflush(stdout);
    if (!fgets(public_key, sizeof public_key, stdin))
        return 1;
    g_strstrip(public_key);
    for (guint i = 0; i < count; i++) {
        if (!join(&members[i], clock, public_key, argv[3], &error))
            goto failed;
        serve_all(members, i + 1, buffers, 0);
        g_usleep(EVERY_US);
    }
    while (count_sessions(members, count) < count)
        if (serve_all(members, count, buffers, 100))
            return 1;
    puts("sessions");
    fflush(stdout);
    while (!serve_all(members, count, buffers, 1000))
        continue;
    return 0;

failed:
    fprintf(stderr, "crowd: %s\n", error ? error->message : "COUNT FILE ENDPOINT are needed");
    return 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plain WireGuard peer for the lab: the tunnel of libstile between a tun device and one UDP
 * socket, with one peer from the command line, one packet at a time. For tests against other
 * implementations. Configuring the interface is the caller's; it is ready when it has said so.
 */
#include "base/error.h"
#include "io/socket.h"
#include "tunnel/tunnel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MTU 1420

typedef struct {
    int tun;
    StileSocket *socket;
    StileTunnel *tunnel;
    StileClock *clock;
} Program;

static volatile sig_atomic_t stopped;

static void
stop(int number)
{
    stopped = TRUE;
}

static void
send_message(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *endpoint,
             const guint8 *message, gsize size)
{
    Program *program = user_data;
    int code = stile_socket_send(program->socket, &endpoint->local, &endpoint->remote, message,
                                 size);

    if (code)
        g_printerr("send: %s\n", g_strerror(code));
}

static int
open_tun(const char *name, GError **error)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED, "No tun device: %s", g_strerror(errno));
        return -1;
    }
    return fd;
}

static void
read_tun(Program *program)
{
    guint8 buffer[2048], *packet = buffer + 16;
    gssize size;

    while ((size = read(program->tun, packet, MTU + 80)) > 0) {
        gint64 now = stile_clock_now(program->clock);
        StileTunnelPeer *peer = packet[0] >> 4 == 4
                                    ? stile_tunnel_route(program->tunnel, AF_INET, packet + 16)
                                    : stile_tunnel_route(program->tunnel, AF_INET6, packet + 24);
        StileEndpoint endpoint;
        gsize sealed;

        if (!peer)
            continue;
        sealed = stile_tunnel_seal(program->tunnel, peer, now, packet, (gsize)size, MTU, buffer);
        endpoint = stile_tunnel_peer_endpoint(peer, NULL);
        if (sealed)
            send_message(program, peer, &endpoint, buffer, sealed);
        else
            stile_tunnel_queue(program->tunnel, peer, packet, (gsize)size);
    }
}

static void
read_socket(Program *program, StileReceiveBuffers *buffers)
{
    StileDatagram datagrams[STILE_SOCKET_MAX_BATCH];
    guint n = stile_socket_receive(program->socket, buffers, datagrams);

    for (guint i = 0; i < n; i++)
        for (gsize at = 0; at < datagrams[i].size; at += datagrams[i].segment) {
            StileEndpoint from = {.kind = STILE_ENDPOINT_UDP,
                                  .remote = datagrams[i].remote,
                                  .local = datagrams[i].local};
            StileTunnelPeer *peer;
            guint8 *packet;
            gsize size;

            if (stile_tunnel_receive(program->tunnel, &from, stile_clock_now(program->clock),
                                     datagrams[i].data + at,
                                     MIN(datagrams[i].segment, datagrams[i].size - at), &peer,
                                     &packet, &size) == STILE_TUNNEL_PACKET &&
                write(program->tun, packet, size) < 0)
                g_printerr("tun: %s\n", g_strerror(errno));
        }
}

static void
run(Program *program)
{
    g_autoptr(StileReceiveBuffers) buffers = stile_receive_buffers_new();

    while (!stopped) {
        struct pollfd fds[] = {{program->tun, POLLIN, 0},
                               {stile_socket_fd(program->socket), POLLIN, 0}};
        gint64 next = stile_tunnel_tick(program->tunnel, stile_clock_now(program->clock));
        gint64 wait = next - stile_clock_now(program->clock);

        if (poll(fds, G_N_ELEMENTS(fds), (int)CLAMP(wait / 1000 + 1, 0, 1000)) <= 0)
            continue;
        read_tun(program);
        read_socket(program, buffers);
    }
}

static gboolean
read_key(guint8 ret[STILE_KEY_SIZE], const char *file, GError **error)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(file, &text, NULL, error) &&
           stile_key_parse(ret, g_strstrip(text), error);
}

static gboolean
read_peer(StileTable *table, const char *public_key, const char *preshared_key,
          const char *endpoint, char **allowed, GError **error)
{
    guint8 key[STILE_KEY_SIZE];
    StileTablePeer *peer;

    if (!stile_key_parse(key, public_key, error))
        return FALSE;
    peer = stile_table_add(table, key, NULL);
    if (preshared_key && !read_key(peer->preshared_key, preshared_key, error))
        return FALSE;
    if (endpoint) {
        peer->path.kind = STILE_ENDPOINT_UDP;
        if (!stile_address_parse(&peer->path.remote, endpoint, 51820, error))
            return FALSE;
    }
    for (guint i = 0; allowed && allowed[i]; i++) {
        StilePrefix prefix;

        if (!stile_prefix_parse(&prefix, allowed[i], error))
            return FALSE;
        g_array_append_val(peer->allowed, prefix);
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    static const StileTunnelOps ops = {.send = send_message};
    const char *name = "wg%d", *private_key = NULL, *public_key = NULL, *preshared_key = NULL,
               *endpoint = NULL;
    g_auto(GStrv) allowed = NULL;
    int port = 51820;
    const GOptionEntry options[] = {
        {"tun", 0, 0, G_OPTION_ARG_STRING, &name, "Name of the interface", "NAME"},
        {"listen", 0, 0, G_OPTION_ARG_INT, &port, "UDP port", "PORT"},
        {"private-key", 0, 0, G_OPTION_ARG_FILENAME, &private_key, "Our key", "FILE"},
        {"peer", 0, 0, G_OPTION_ARG_STRING, &public_key, "The peer's key", "BASE64"},
        {"preshared-key", 0, 0, G_OPTION_ARG_FILENAME, &preshared_key, "Shared key", "FILE"},
        {"endpoint", 0, 0, G_OPTION_ARG_STRING, &endpoint, "Where the peer is", "IP:PORT"},
        {"allowed", 0, 0, G_OPTION_ARG_STRING_ARRAY, &allowed, "What is the peer's", "PREFIX"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GMainContext) no_loop = g_main_context_new();
    g_autoptr(StileTable) table = stile_table_new();
    g_autoptr(GError) error = NULL;
    Program program = {.tun = -1};
    guint8 key[STILE_KEY_SIZE];

    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !private_key || !public_key ||
        !read_key(key, private_key, &error) ||
        !read_peer(table, public_key, preshared_key, endpoint, allowed, &error) ||
        (program.tun = open_tun(name, &error)) < 0 ||
        !(program.socket = stile_socket_new(AF_INET, (guint16)port, &error))) {
        g_printerr("wg-peer: %s\n", error ? error->message : "--private-key and --peer are needed");
        return 1;
    }
    program.clock = stile_clock_new(no_loop);
    program.tunnel = stile_tunnel_new(program.clock, key, &ops, &program);
    stile_tunnel_set_table(program.tunnel, table, stile_clock_now(program.clock));
    g_print("ready\n");
    fflush(stdout);
    run(&program);
    stile_tunnel_free(program.tunnel);
    stile_clock_unref(program.clock);
    stile_socket_unref(program.socket);
    close(program.tun);
    return 0;
}

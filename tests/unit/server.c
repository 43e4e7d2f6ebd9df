/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include <signal.h>
#include <sys/prctl.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

guint16
free_port(GSocketType type)
{
    g_autoptr(GSocket)
        socket = g_socket_new(G_SOCKET_FAMILY_IPV4, type, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) bound = NULL;

    g_assert_true(g_socket_bind(socket, any, FALSE, NULL));
    bound = g_socket_get_local_address(socket, NULL);
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
}

static void
die_with_parent(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

GSubprocess *
server_run(const char *const *argv)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_autoptr(GError) error = NULL;
    GSubprocess *server;

    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    server = g_subprocess_launcher_spawnv(launcher, argv, &error);
    g_assert_no_error(error);
    return server;
}

void
server_wait(guint16 port)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    gint64 end = g_get_monotonic_time() + PATIENCE;

    g_socket_client_set_enable_proxy(client, FALSE);
    for (;;) {
        g_autoptr(GSocketConnection)
            connection = g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);

        if (connection)
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(10000);
    }
}

void
server_kill(GSubprocess **server)
{
    if (!*server)
        return;
    g_subprocess_force_exit(*server);
    g_assert_true(g_subprocess_wait(*server, NULL, NULL));
    g_clear_object(server);
}

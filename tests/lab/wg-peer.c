/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plain WireGuard peer for the lab: the data plane of libstile between a tun device and one UDP
 * socket, with one peer from the command line. For tests and measurements against other
 * implementations. Configuring the interface is the caller's; it is ready when it has said so, and
 * ends with a table of its counters.
 */
#include "base/error.h"
#include "tunnel/dataplane.h"
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

static void
on_failed(gpointer user_data, const GError *error)
{
    g_printerr("wg-peer: %s\n", error->message);
    g_main_loop_quit(user_data);
}

static gboolean
on_signal(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_REMOVE;
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

/* Lines of a key and a prefix: peers without an endpoint, who come to us. */
static gboolean
read_peers(StileTable *table, const char *file, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(file, &text, NULL, error))
        return FALSE;
    lines = g_strsplit(g_strstrip(text), "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", 2);

        if (!words[0] || !read_peer(table, words[0], NULL, NULL, words + 1, error))
            return FALSE;
    }
    return TRUE;
}

static void
print_counters(StileDataplane *dataplane, const StilePeerStats *stats)
{
    StileDataplaneCounters counters;

    stile_dataplane_counters(dataplane, &counters);
    g_print("rx %" G_GUINT64_FORMAT " packets %" G_GUINT64_FORMAT " bytes, tx %" G_GUINT64_FORMAT
            " packets %" G_GUINT64_FORMAT " bytes, dropped %" G_GUINT64_FORMAT "\n",
            stile_stat_get(stats->rx_packets), stile_stat_get(stats->rx_bytes),
            stile_stat_get(stats->tx_packets), stile_stat_get(stats->tx_bytes),
            stile_stat_get(stats->dropped));
    g_print("malformed %" G_GUINT64_FORMAT ", unauthenticated %" G_GUINT64_FORMAT
            ", replayed %" G_GUINT64_FORMAT ", disallowed %" G_GUINT64_FORMAT
            ", unroutable %" G_GUINT64_FORMAT ", send errors %" G_GUINT64_FORMAT "\n",
            counters.malformed, counters.unauthenticated, counters.replayed, counters.disallowed,
            counters.unroutable, counters.send_errors);
}

int
main(int argc, char **argv)
{
    static const StileDataplaneOps ops = {.failed = on_failed};
    g_autofree char *name = NULL, *private_key = NULL, *public_key = NULL, *preshared_key = NULL,
                    *endpoint = NULL, *peers = NULL;
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
        {"peers", 0, 0, G_OPTION_ARG_FILENAME, &peers, "More peers", "FILE"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(StileTable) table = stile_table_new();
    g_autoptr(StileTun) tun = NULL;
    g_autoptr(StileSocket) socket = NULL;
    g_autoptr(StileDataplane) dataplane = NULL;
    g_autoptr(GError) error = NULL;
    StilePeerStats *stats;
    guint8 key[STILE_KEY_SIZE];

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !private_key || !public_key ||
        !read_key(key, private_key, &error) ||
        !read_peer(table, public_key, preshared_key, endpoint, allowed, &error) ||
        (peers && !read_peers(table, peers, &error)) ||
        !(tun = stile_tun_new(name ? name : "wg%d", &error)) ||
        !(socket = stile_socket_new(AF_INET, (guint16)port, &error))) {
        g_printerr("wg-peer: %s\n", error ? error->message : "--private-key and --peer are needed");
        return 1;
    }
    stats = stile_peer_stats_ref(((StileTablePeer *)table->peers->pdata[0])->stats);
    dataplane = stile_dataplane_new(tun, socket, NULL, key, &ops, loop);
    stile_dataplane_set_table(dataplane, g_steal_pointer(&table));
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_print("ready\n");
    fflush(stdout);
    g_main_loop_run(loop);
    print_counters(dataplane, stats);
    stile_peer_stats_unref(stats);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl list, status, peers, peer */
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "render.h"
#include "snapshot.h"
#include <glib/gi18n.h>

static struct {
    char *network;
} options;

static const GOptionEntry entries[] = {{"network", 0, 0, G_OPTION_ARG_STRING, &options.network,
                                        N_("Only of this network"), N_("NETWORK")},
                                       G_OPTION_ENTRY_NULL};

/* The networks that are meant: the one called @which, or all. */
static GStrv
choose_networks(CtlSnapshot *snapshot, const char *which, GError **error)
{
    g_autoptr(GStrvBuilder) one = g_strv_builder_new();
    const char *path;

    if (!which)
        return ctl_list(snapshot, STILE_ROOT_PATH, "Networks");
    path = ctl_find_network(snapshot, which, error);
    if (!path)
        return NULL;
    g_strv_builder_add(one, path);
    return g_strv_builder_end(one);
}

/* {"KEY": [the objects at @paths]} */
static void
print_objects(CtlSnapshot *snapshot, const char *key, char **paths)
{
    JsonObject *object = json_object_new();
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();

    for (; *paths; paths++)
        json_array_add_element(array, ctl_snapshot_json(snapshot, *paths));
    json_object_set_array_member(object, key, array);
    json_node_init_object(node, object);
    json_object_unref(object);
    ctl_print_json(node, TRUE);
}

static void
print_no_network(void)
{
    g_print("%s\n", _("This machine is in no network yet: see stilectl network create --help, and "
                      "stilectl join --help"));
}

static gboolean
run_list(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_auto(GStrv) networks = NULL;
    g_autoptr(GString) out = g_string_new(NULL);

    if (!snapshot)
        return FALSE;
    networks = ctl_list(snapshot, STILE_ROOT_PATH, "Networks");
    if (ctl->json) {
        print_objects(snapshot, "networks", networks);
    } else if (!networks[0]) {
        print_no_network();
    } else {
        ctl_render_list(ctl, snapshot, out);
        g_print("%s", out->str);
    }
    return TRUE;
}

const CtlCommand ctl_command_list = {
    .name = "list",
    .summary = N_("The networks of this machine"),
    .examples = "  stilectl list",
    .run = run_list,
};

static gboolean
run_status(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_auto(GStrv) networks = NULL;
    g_autoptr(GString) out = g_string_new(NULL);

    if (!snapshot || !(networks = choose_networks(snapshot, arguments[0], error)))
        return FALSE;
    if (ctl->json) {
        /* The whole is the Manager with all below it; a part, the network alone. */
        ctl_print_json(ctl_snapshot_json(snapshot, arguments[0] ? networks[0] : STILE_ROOT_PATH),
                       TRUE);
        return TRUE;
    }
    for (char **n = networks; *n; n++) {
        if (n != networks)
            g_string_append_c(out, '\n');
        ctl_render_network(ctl, snapshot, *n, out);
    }
    if (networks[0])
        g_print("%s", out->str);
    else
        print_no_network();
    return TRUE;
}

const CtlCommand ctl_command_status = {
    .name = "status",
    .arguments = N_("[NETWORK]"),
    .summary = N_("How each peer is reached, and why"),
    .examples = "  stilectl status\n"
                "  stilectl status home --json",
    .n_most = 1,
    .run = run_status,
};

static GStrv
all_peers(CtlSnapshot *snapshot, char **networks)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (; *networks; networks++) {
        g_auto(GStrv) peers = ctl_list(snapshot, *networks, "Peers");
        g_strv_builder_addv(builder, (const char **)peers);
    }
    return g_strv_builder_end(builder);
}

static gboolean
run_peers(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_auto(GStrv) networks = NULL;
    g_auto(GStrv) peers = NULL;
    g_autoptr(GString) out = g_string_new(NULL);

    if (!snapshot || !(networks = choose_networks(snapshot, options.network, error)))
        return FALSE;
    peers = all_peers(snapshot, networks);
    if (ctl->json) {
        print_objects(snapshot, "peers", peers);
    } else {
        ctl_render_peers(ctl, snapshot, networks, out);
        g_print("%s", out->str);
    }
    return TRUE;
}

const CtlCommand ctl_command_peers = {
    .name = "peers",
    .summary = N_("The other members, a line each"),
    .examples = "  stilectl peers\n"
                "  stilectl peers --network home",
    .options = entries,
    .run = run_peers,
};

static gboolean
run_peer(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autoptr(GString) out = g_string_new(NULL);
    const char *peer;

    if (!snapshot || !(peer = ctl_find_peer(snapshot, options.network, arguments[0], error)))
        return FALSE;
    if (ctl->json) {
        ctl_print_json(ctl_snapshot_json(snapshot, peer), TRUE);
    } else {
        ctl_render_peer(ctl, snapshot, peer, out);
        g_print("%s", out->str);
    }
    return TRUE;
}

const CtlCommand ctl_command_peer = {
    .name = "peer",
    .arguments = N_("PEER"),
    .summary = N_("All that is known of one member"),
    .examples = "  stilectl peer laptop\n"
                "  stilectl peer 10.86.0.2 --json",
    .n_least = 1,
    .n_most = 1,
    .options = entries,
    .run = run_peer,
};

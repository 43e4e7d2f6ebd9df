/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl network profile */
#include "commands.h"
#include "output.h"
#include "snapshot.h"
#include <glib/gi18n.h>

static struct {
    char *output;
} options;

static const GOptionEntry entries[] = {{"output", 0, 0, G_OPTION_ARG_FILENAME, &options.output,
                                        N_("Write it to FILE, for nobody else to read"),
                                        N_("FILE")},
                                       G_OPTION_ENTRY_NULL};

/* The form that nm-integration/profile.c reads: what the network is, and nothing that lets one in.
 */
static JsonNode *
make_profile(const char *id, const char *name)
{
    g_autoptr(JsonObject) profile = json_object_new();

    json_object_set_int_member(profile, "stile-profile", 1);
    json_object_set_string_member(profile, "network", id);
    json_object_set_string_member(profile, "name", name);
    return json_node_init_object(json_node_alloc(), profile);
}

static gboolean
write_profile(JsonNode *profile, GError **error)
{
    g_autofree char *json = json_to_string(profile, TRUE);
    g_autofree char *text = g_strconcat(json, "\n", NULL);

    return ctl_write_private(options.output, text, error);
}

static gboolean
run(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autoptr(JsonNode) profile = NULL;
    const char *path, *name;

    if (!snapshot || !(path = ctl_find_network(snapshot, arguments[0], error)))
        return FALSE;
    name = ctl_text(snapshot, path, "Name");
    profile = make_profile(ctl_text(snapshot, path, "Id"), name);
    if (!options.output) {
        ctl_print_json(g_steal_pointer(&profile), TRUE);
        return TRUE;
    }
    if (!write_profile(profile, error))
        return FALSE;
    if (ctl->json)
        ctl_print_json_texts("name", name, "file", options.output, NULL);
    else
        g_print(_("Wrote %s. To have the switch in the network settings:\n"
                  "nmcli connection import type stile file %s\n"),
                options.output, options.output);
    return TRUE;
}

const CtlCommand ctl_command_network_profile = {
    .name = "network profile",
    .arguments = N_("NETWORK"),
    .summary = N_("The profile of a network, for NetworkManager to import"),
    .examples = "  stilectl network profile home --output home.stile\n"
                "  nmcli connection import type stile file home.stile",
    .n_least = 1,
    .n_most = 1,
    .options = entries,
    .run = run,
};

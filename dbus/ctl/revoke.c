/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl revoke */
#include "ask.h"
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "snapshot.h"
#include <glib/gi18n.h>
#include <string.h>

static struct {
    char *network;
    gboolean yes;
} options;

static const GOptionEntry entries[] = {
    {"network", 0, 0, G_OPTION_ARG_STRING, &options.network, N_("In which network"), N_("NETWORK")},
    {"yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, N_("Do not ask"), NULL},
    G_OPTION_ENTRY_NULL};

static gboolean
run(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autoptr(GVariant) answer = NULL;
    g_autofree char *question = NULL;
    g_autofree char *network = NULL;
    const char *path, *name, *id;

    if (!snapshot || !(path = ctl_find_peer(snapshot, options.network, arguments[0], error)))
        return FALSE;
    name = ctl_text(snapshot, path, "Name");
    id = ctl_text(snapshot, path, "Id");
    question = g_strdup_printf(_("Take the membership of %s back, for good?"), name);
    if (!options.yes && !ctl_ask(ctl, question, error))
        return FALSE;
    network = g_strndup(path, (gsize)(strstr(path, "/peer/") - path));
    answer = ctl_call(ctl, network, STILE_INTERFACE_NETWORK, "Revoke", g_variant_new("(s)", id),
                      CTL_TIMEOUT_MS, error);
    if (!answer)
        return FALSE;
    if (ctl->json)
        ctl_print_json_texts("id", id, "name", name, NULL);
    else
        g_print(_("%s is no member any more.\n"), name);
    return TRUE;
}

const CtlCommand ctl_command_revoke = {
    .name = "revoke",
    .arguments = N_("PEER"),
    .summary = N_("Take a membership back, for good"),
    .examples = "  stilectl revoke phone",
    .n_least = 1,
    .n_most = 1,
    .options = entries,
    .run = run,
};

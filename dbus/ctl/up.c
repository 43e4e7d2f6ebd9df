/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl up, down: through NetworkManager where it has a profile of the network, else by the
 * service. */
#include "commands.h"
#include "dbus/names.h"
#include "nm.h"
#include "output.h"
#include "snapshot.h"
#include <glib/gi18n.h>

static struct {
    gboolean without_nm;
} options;

static const GOptionEntry entries[] = {
    {"no-networkmanager", 0, 0, G_OPTION_ARG_NONE, &options.without_nm,
     N_("Let the service do it, even if NetworkManager has a profile"), NULL},
    G_OPTION_ENTRY_NULL};

static gboolean
show(Ctl *ctl, const char *network, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_auto(GStrv) addresses = NULL;
    g_autofree char *joined = NULL;
    const char *interface;

    if (!snapshot)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(ctl_snapshot_json(snapshot, network), TRUE);
        return TRUE;
    }
    interface = ctl_text(snapshot, network, "Interface");
    addresses = ctl_list(snapshot, network, "Addresses");
    joined = g_strjoinv(" ", addresses);
    if (*interface)
        g_print(_("%s is on: %s, %s.\n"), ctl_text(snapshot, network, "Name"), interface, joined);
    else
        g_print(_("%s is off.\n"), ctl_text(snapshot, network, "Name"));
    return TRUE;
}

/* @ret_profile: (transfer full) (nullable): NULL also if NetworkManager is to be left out */
static const char *
find(Ctl *ctl, CtlSnapshot *snapshot, const char *which, char **ret_profile, GError **error)
{
    const char *network = ctl_find_network(snapshot, which, error);

    *ret_profile = NULL;
    if (!network || options.without_nm)
        return network;
    if (!ctl_nm_find_profile(ctl, ctl_text(snapshot, network, "Id"), ret_profile, error))
        return NULL;
    return network;
}

static gboolean
run_up(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autofree char *profile = NULL;
    g_autoptr(GVariant) answer = NULL;
    const char *network;

    if (!snapshot || !(network = find(ctl, snapshot, arguments[0], &profile, error)))
        return FALSE;
    if (profile) {
        if (!ctl_nm_up(ctl, profile, error))
            return FALSE;
    } else {
        answer = ctl_call(ctl, network, STILE_INTERFACE_NETWORK, "Up",
                          g_variant_new("(a{sv})", NULL), CTL_TIMEOUT_MS, error);
        if (!answer)
            return FALSE;
    }
    return show(ctl, network, error);
}

const CtlCommand ctl_command_up = {
    .name = "up",
    .arguments = N_("[NETWORK]"),
    .summary = N_("Switch a network on"),
    .examples = "  stilectl up\n"
                "  stilectl up home",
    .n_most = 1,
    .options = entries,
    .run = run_up,
};

static gboolean
run_down(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autofree char *profile = NULL;
    g_autoptr(GVariant) answer = NULL;
    const char *network;

    if (!snapshot || !(network = find(ctl, snapshot, arguments[0], &profile, error)))
        return FALSE;
    if (profile && !ctl_nm_down(ctl, profile, error))
        return FALSE;
    /* Also after NetworkManager, whose helper tells the service a moment later: no error if it is
     * down. */
    answer = ctl_call(ctl, network, STILE_INTERFACE_NETWORK, "Down", NULL, CTL_TIMEOUT_MS, error);
    return answer && show(ctl, network, error);
}

const CtlCommand ctl_command_down = {
    .name = "down",
    .arguments = N_("[NETWORK]"),
    .summary = N_("Switch a network off"),
    .examples = "  stilectl down\n"
                "  stilectl down home",
    .n_most = 1,
    .options = entries,
    .run = run_down,
};

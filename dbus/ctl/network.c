/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl network create, network remove */
#include "ask.h"
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "secret.h"
#include "snapshot.h"
#include <glib/gi18n.h>

static struct {
    char **rendezvous, **rendezvous_password_files;
    char **stun;
    char **turn, **turn_users, **turn_password_files;
    char *subnet, *member;
    gboolean yes;
} options;

static const GOptionEntry create_entries[] = {
    {"rendezvous", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.rendezvous,
     N_("A broker where members meet: mqtts://[USER@]HOST[:PORT]"), N_("URL")},
    {"rendezvous-password-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
     &options.rendezvous_password_files,
     N_("Holds the password of the USER of the first, second … broker"), N_("FILE")},
    {"stun", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.stun, N_("A STUN server"),
     N_("HOST[:PORT]")},
    {"turn", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.turn,
     N_("A TURN server: turn:HOST[:PORT][?transport=tcp], or turns: over TLS"), N_("URI")},
    {"turn-user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.turn_users,
     N_("The user name at the first, second … TURN server"), N_("USER")},
    {"turn-password-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.turn_password_files,
     N_("Holds the password of that user"), N_("FILE")},
    {"subnet", 0, 0, G_OPTION_ARG_STRING, &options.subnet,
     N_("Where members' addresses are taken from (default: 10.86.0.0/16)"), N_("PREFIX")},
    {"member", 0, 0, G_OPTION_ARG_STRING, &options.member,
     N_("What this machine is called in the network (default: its host name)"), N_("NAME")},
    G_OPTION_ENTRY_NULL};

static guint
length(char **list)
{
    return list ? g_strv_length(list) : 0;
}

static gboolean
add_turn_servers(GVariantDict *to, GError **error)
{
    GVariantBuilder servers;
    guint n = length(options.turn);

    if (n == 0 && length(options.turn_users) + length(options.turn_password_files) == 0)
        return TRUE;
    if (length(options.turn_users) != n || length(options.turn_password_files) != n) {
        g_set_error(error, CTL_ERROR, CTL_USAGE,
                    _("Each --turn needs a --turn-user and a --turn-password-file"));
        return FALSE;
    }
    g_variant_builder_init(&servers, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < n; i++) {
        g_autofree char *password = ctl_read_secret(options.turn_password_files[i], error);
        if (!password) {
            g_variant_builder_clear(&servers);
            return FALSE;
        }
        g_variant_builder_open(&servers, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&servers, "{sv}", "uri", g_variant_new_string(options.turn[i]));
        g_variant_builder_add(&servers, "{sv}", "username",
                              g_variant_new_string(options.turn_users[i]));
        g_variant_builder_add(&servers, "{sv}", "password", g_variant_new_string(password));
        g_variant_builder_close(&servers);
    }
    g_variant_dict_insert_value(to, "turn", g_variant_builder_end(&servers));
    return TRUE;
}

static gboolean
add_rendezvous(GVariantDict *to, GError **error)
{
    guint n = length(options.rendezvous);
    g_autoptr(GPtrArray) urls = g_ptr_array_new_with_free_func(g_free);

    if (n == 0 || length(options.rendezvous_password_files) > n) {
        g_set_error(error, CTL_ERROR, CTL_USAGE,
                    n == 0 ? _("A network needs a --rendezvous, where its members meet")
                           : _("There are more --rendezvous-password-file than --rendezvous"));
        return FALSE;
    }
    for (guint i = 0; i < n; i++) {
        const char *file = i < length(options.rendezvous_password_files)
                               ? options.rendezvous_password_files[i]
                               : NULL;
        char *url = file ? ctl_url_with_password(options.rendezvous[i], file, error)
                         : g_strdup(options.rendezvous[i]);
        if (!url)
            return FALSE;
        g_ptr_array_add(urls, url);
    }
    g_variant_dict_insert_value(to, "rendezvous",
                                g_variant_new_strv((const char *const *)urls->pdata, urls->len));
    return TRUE;
}

static GVariant *
make_options(GError **error)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

    if (!add_rendezvous(&dict, error) || !add_turn_servers(&dict, error))
        return NULL;
    if (options.stun)
        g_variant_dict_insert_value(&dict, "stun",
                                    g_variant_new_strv((const char *const *)options.stun, -1));
    if (options.subnet)
        g_variant_dict_insert(&dict, "subnet", "s", options.subnet);
    if (options.member)
        g_variant_dict_insert(&dict, "member", "s", options.member);
    return g_variant_dict_end(&dict);
}

static gboolean
run_create(Ctl *ctl, char **arguments, GError **error)
{
    GVariant *dict = make_options(error);
    g_autoptr(GVariant) answer = NULL;
    g_autoptr(CtlSnapshot) snapshot = NULL;
    const char *path = NULL;

    if (!dict)
        return FALSE;
    answer = ctl_call(ctl, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "CreateNetwork",
                      g_variant_new("(s@a{sv})", arguments[0], dict), CTL_TIMEOUT_MS, error);
    if (!answer)
        return FALSE;
    g_variant_get(answer, "(&o)", &path);
    snapshot = ctl_snapshot_new(ctl, error);
    if (!snapshot)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(ctl_snapshot_json(snapshot, path), TRUE);
        return TRUE;
    }
    g_print(_("Created the network %s; this machine is %s in it.\n"), arguments[0],
            ctl_text(snapshot, path, "Self"));
    g_print(_("Bring in another: stilectl invite NAME --output NAME.stile\n"));
    g_print(_("Switch it on:     stilectl up %s\n"), arguments[0]);
    return TRUE;
}

const CtlCommand ctl_command_network_create = {
    .name = "network create",
    .arguments = N_("NAME"),
    .summary = N_("Make a network and be its first member"),
    .examples = "  stilectl network create home --rendezvous mqtts://broker.example \\\n"
                "      --stun turn.example:3478 \\\n"
                "      --turn turn:turn.example --turn-user me --turn-password-file turn.pw",
    .n_least = 1,
    .n_most = 1,
    .options = create_entries,
    .run = run_create,
};

static const GOptionEntry remove_entries[] = {
    {"yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, N_("Do not ask"), NULL}, G_OPTION_ENTRY_NULL};

static gboolean
run_remove(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = ctl_snapshot_new(ctl, error);
    g_autoptr(GVariant) answer = NULL;
    g_autofree char *question = NULL;
    const char *path;

    if (!snapshot || !(path = ctl_find_network(snapshot, arguments[0], error)))
        return FALSE;
    question = g_strdup_printf(_("Forget the network %s with its keys, for good?"),
                               ctl_text(snapshot, path, "Name"));
    if (!options.yes && !ctl_ask(ctl, question, error))
        return FALSE;
    answer = ctl_call(ctl, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "RemoveNetwork",
                      g_variant_new("(o)", path), CTL_TIMEOUT_MS, error);
    if (!answer)
        return FALSE;
    ctl_print_done(ctl, snapshot, path, _("The network %s is forgotten.\n"),
                   ctl_text(snapshot, path, "Name"));
    return TRUE;
}

const CtlCommand ctl_command_network_remove = {
    .name = "network remove",
    .arguments = N_("NETWORK"),
    .summary = N_("Forget a network with its keys, for good"),
    .examples = "  stilectl network remove home",
    .n_least = 1,
    .n_most = 1,
    .options = remove_entries,
    .run = run_remove,
};

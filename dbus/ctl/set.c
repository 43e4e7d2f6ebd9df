/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl network set: options that a network keeps */
#include "commands.h"
#include "dbus/names.h"
#include "snapshot.h"
#include <glib/gi18n.h>

static struct {
    char **endpoints;
    gboolean no_endpoint;
    char *listen_port, *mtu;
    char *relay, *effort, *lan, *autoconnect;
} options;

static const GOptionEntry entries[] = {
    {"endpoint", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.endpoints,
     N_("Where a router forwards a port to this machine; :PORT for the public address, whatever it "
        "is"),
     N_("HOST:PORT")},
    {"no-endpoint", 0, 0, G_OPTION_ARG_NONE, &options.no_endpoint, N_("No such place any longer"),
     NULL},
    {"listen-port", 0, 0, G_OPTION_ARG_STRING, &options.listen_port,
     N_("The UDP port of this machine, from the next time it is switched on; 0 for any"),
     N_("PORT")},
    {"relay", 0, 0, G_OPTION_ARG_STRING, &options.relay, N_("Whether relays are used"),
     N_("auto|only|never")},
    {"effort", 0, 0, G_OPTION_ARG_STRING, &options.effort,
     N_("How hard a direct path is tried for"), N_("low|normal|high")},
    {"mtu", 0, 0, G_OPTION_ARG_STRING, &options.mtu,
     N_("Of the interface, from the next time it is switched on; 0 to find one"), N_("BYTES")},
    {"lan", 0, 0, G_OPTION_ARG_STRING, &options.lan,
     N_("Whether members are looked for on the local network"), N_("yes|no")},
    {"autoconnect", 0, 0, G_OPTION_ARG_STRING, &options.autoconnect,
     N_("Whether it is switched on whenever the service starts"), N_("yes|no")},
    G_OPTION_ENTRY_NULL};

static gboolean
add_boolean(GVariantDict *dict, const char *key, const char *value, GError **error)
{
    gboolean yes = g_strcmp0(value, "yes") == 0;

    if (!value)
        return TRUE;
    if (!yes && g_strcmp0(value, "no") != 0) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("--%s is yes or no, not “%s”"), key, value);
        return FALSE;
    }
    g_variant_dict_insert(dict, key, "b", yes);
    return TRUE;
}

/* @type: q or u */
static gboolean
add_number(GVariantDict *dict, const char *key, const char *value, const char *type, GError **error)
{
    guint64 number;

    if (!value)
        return TRUE;
    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT16, &number, NULL)) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("--%s is a number up to 65535, not “%s”"), key,
                    value);
        return FALSE;
    }
    g_variant_dict_insert_value(dict, key,
                                *type == 'q' ? g_variant_new_uint16((guint16)number)
                                             : g_variant_new_uint32((guint32)number));
    return TRUE;
}

static void
add_text(GVariantDict *dict, const char *key, const char *value)
{
    if (value)
        g_variant_dict_insert(dict, key, "s", value);
}

static GVariant *
make_options(GError **error)
{
    static const char *const none[] = {NULL};
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    g_autoptr(GVariant) made = NULL;

    if (options.endpoints && options.no_endpoint) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Either --endpoint or --no-endpoint"));
        return NULL;
    }
    if (!add_number(&dict, "listen-port", options.listen_port, "q", error) ||
        !add_number(&dict, "mtu", options.mtu, "u", error) ||
        !add_boolean(&dict, "lan", options.lan, error) ||
        !add_boolean(&dict, "autoconnect", options.autoconnect, error))
        return NULL;
    add_text(&dict, "relay", options.relay);
    add_text(&dict, "effort", options.effort);
    if (options.endpoints || options.no_endpoint)
        g_variant_dict_insert_value(
            &dict, "endpoint",
            g_variant_new_strv(options.endpoints ? (const char *const *)options.endpoints : none,
                               -1));
    made = g_variant_ref_sink(g_variant_dict_end(&dict));
    if (g_variant_n_children(made) == 0) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Which option is to be set?"));
        return NULL;
    }
    return g_steal_pointer(&made);
}

static gboolean
run(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(GVariant) dict = make_options(error);
    g_autoptr(CtlSnapshot) snapshot = dict ? ctl_snapshot_new(ctl, error) : NULL;
    g_autoptr(GVariant) answer = NULL;
    const char *path;

    if (!snapshot || !(path = ctl_find_network(snapshot, arguments[0], error)))
        return FALSE;
    answer = ctl_call(ctl, path, STILE_INTERFACE_NETWORK, "SetOptions",
                      g_variant_new("(@a{sv})", dict), CTL_TIMEOUT_MS, error);
    if (!answer)
        return FALSE;
    ctl_print_done(ctl, snapshot, path, _("The network %s keeps that.\n"),
                   ctl_text(snapshot, path, "Name"));
    return TRUE;
}

const CtlCommand ctl_command_network_set = {
    .name = "network set",
    .arguments = N_("NETWORK"),
    .summary = N_("Set options that a network keeps"),
    .examples = "  stilectl network set home --endpoint home.example.org:51820 --listen-port 51820",
    .n_least = 1,
    .n_most = 1,
    .options = entries,
    .run = run,
};

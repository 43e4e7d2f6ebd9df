/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl invite */
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "qr.h"
#include "snapshot.h"
#include <glib/gi18n.h>

static struct {
    char *network, *valid, *output;
    gboolean qr;
} options;

static const GOptionEntry entries[] = {
    {"network", 0, 0, G_OPTION_ARG_STRING, &options.network, N_("To which network"), N_("NETWORK")},
    {"valid", 0, 0, G_OPTION_ARG_STRING, &options.valid,
     N_("How long it can be used: 30m, 24h (the default), 7d"), N_("TIME")},
    {"output", 0, 0, G_OPTION_ARG_FILENAME, &options.output,
     N_("Write it to FILE, for nobody else to read"), N_("FILE")},
    {"qr", 0, 0, G_OPTION_ARG_NONE, &options.qr, N_("Show it as a QR code"), NULL},
    G_OPTION_ENTRY_NULL};

/* Returns: seconds, 0 with @error set */
static guint64
parse_time(const char *text, GError **error)
{
    static const struct {
        char unit;
        guint64 seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end = NULL;
    guint64 number = g_ascii_strtoull(text, &end, 10);

    for (guint i = 0; i < G_N_ELEMENTS(units); i++)
        if (g_ascii_isdigit(*text) && *end == units[i].unit && !end[1] && number > 0 &&
            number <= G_MAXUINT32)
            return number * units[i].seconds;
    g_set_error(error, CTL_ERROR, CTL_USAGE, _("%s is no time: write it as 30m, 24h or 7d"), text);
    return 0;
}

static GVariant *
make_options(GError **error)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

    if (options.valid) {
        guint64 seconds = parse_time(options.valid, error);
        if (seconds == 0)
            return NULL;
        g_variant_dict_insert(&dict, "valid", "t", seconds);
    }
    if (options.output)
        g_variant_dict_insert(&dict, "format", "s", "file");
    return g_variant_dict_end(&dict);
}

static gboolean
show(Ctl *ctl, const char *name, const char *invitation, GError **error)
{
    g_autofree char *qr = NULL;

    if (options.qr && !(qr = ctl_qr(invitation, error)))
        return FALSE;
    if (options.output && !ctl_write_private(options.output, invitation, error))
        return FALSE;
    if (ctl->json && options.output)
        ctl_print_json_texts("name", name, "file", options.output, NULL);
    else if (ctl->json)
        ctl_print_json_texts("name", name, "invitation", invitation, NULL);
    else if (options.output)
        g_print(_("Wrote %s. Whoever has it can join as %s: hand it over safely.\n"),
                options.output, name);
    else if (!qr)
        g_print("%s\n", invitation);
    if (qr && !ctl->json)
        g_print("%s", qr);
    return TRUE;
}

static gboolean
run(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(GVariant) dict = make_options(error);
    g_autoptr(CtlSnapshot) snapshot = NULL;
    g_autoptr(GVariant) answer = NULL;
    const char *path, *invitation = NULL;

    if (!dict)
        return FALSE;
    g_variant_ref_sink(dict);
    if (options.qr && options.output) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Either --output or --qr"));
        return FALSE;
    }
    snapshot = ctl_snapshot_new(ctl, error);
    if (!snapshot || !(path = ctl_find_network(snapshot, options.network, error)))
        return FALSE;
    answer = ctl_call(ctl, path, STILE_INTERFACE_NETWORK, "Invite",
                      g_variant_new("(s@a{sv})", arguments[0], dict), CTL_TIMEOUT_MS, error);
    if (!answer)
        return FALSE;
    g_variant_get(answer, "(&s)", &invitation);
    return show(ctl, arguments[0], invitation, error);
}

const CtlCommand ctl_command_invite = {
    .name = "invite",
    .arguments = N_("NAME"),
    .summary = N_("Make an invitation for a new member"),
    .examples = "  stilectl invite laptop\n"
                "  stilectl invite laptop --output laptop.stile --valid 2h\n"
                "  stilectl invite phone --qr",
    .n_least = 1,
    .n_most = 1,
    .options = entries,
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The desktop runs this before it activates a profile, to ask for secrets. Stile needs none: keys
 * stay in the service, an invitation is kept by NetworkManager. So it answers "nothing", in the way
 * that both kinds of desktops understand, and shows no window. Without it they refuse to activate.
 */
#include "config.h"

#include "profile.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* gnome-shell draws the dialog itself, from a key file; here one without any question. */
static int
answer_external_ui(const char *name)
{
    g_autoptr(GKeyFile) ui = g_key_file_new();
    g_autofree char *title = g_strdup_printf(_("Switch on %s"), name);
    g_autofree char *text = NULL;

    g_key_file_set_integer(ui, "VPN Plugin UI", "Version", 2);
    g_key_file_set_string(ui, "VPN Plugin UI", "Title", title);
    g_key_file_set_string(ui, "VPN Plugin UI", "Description", _("No password is needed."));
    text = g_key_file_to_data(ui, NULL, NULL);
    return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The others read pairs of lines up to an empty pair, and then say QUIT. */
static int
answer_lines(void)
{
    char line[64];

    if (fputs("\n\n", stdout) < 0 || fflush(stdout) != 0)
        return EXIT_FAILURE;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (g_str_has_prefix(line, "QUIT"))
            break;
    }
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    gboolean retry = FALSE, allow_interaction = FALSE, external_ui = FALSE;
    g_autofree char *name = NULL, *uuid = NULL, *service = NULL;
    g_auto(GStrv) hints = NULL;
    const GOptionEntry entries[] = {
        {"reprompt", 'r', 0, G_OPTION_ARG_NONE, &retry, "Ask again", NULL},
        {"uuid", 'u', 0, G_OPTION_ARG_STRING, &uuid, "UUID of the connection", "UUID"},
        {"name", 'n', 0, G_OPTION_ARG_STRING, &name, "Name of the connection", "NAME"},
        {"service", 's', 0, G_OPTION_ARG_STRING, &service, "VPN service", "SERVICE"},
        {"allow-interaction", 'i', 0, G_OPTION_ARG_NONE, &allow_interaction, "May ask", NULL},
        {"external-ui-mode", 0, 0, G_OPTION_ARG_NONE, &external_ui, "Describe the dialog", NULL},
        {"hint", 't', 0, G_OPTION_ARG_STRING_ARRAY, &hints, "What is wanted", "HINT"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) options = g_option_context_new("- secrets of a Stile connection");
    g_autoptr(GHashTable) data = NULL, secrets = NULL;
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);

    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error)) {
        g_printerr("nm-stile-auth-dialog: %s\n", error->message);
        return 2;
    }
    if (uuid == NULL || name == NULL || g_strcmp0(service, STILE_VPN_SERVICE) != 0) {
        g_printerr("nm-stile-auth-dialog: run by the desktop, with --uuid, --name and --service\n");
        return 2;
    }
    if (!nm_vpn_service_plugin_read_vpn_details(0, &data, &secrets)) {
        g_printerr("nm-stile-auth-dialog: the connection's settings could not be read\n");
        return EXIT_FAILURE;
    }
    return external_ui ? answer_external_ui(name) : answer_lines();
}

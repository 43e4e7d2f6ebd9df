/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl: the service from a terminal, over D-Bus alone. */
#include "config.h"

#include "commands.h"
#include "output.h"
#include <glib/gi18n.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const CtlCommand *const commands[] = {
    &ctl_command_network_create,
    &ctl_command_network_profile,
    &ctl_command_network_remove,
    &ctl_command_network_set,
    &ctl_command_invite,
    &ctl_command_join,
    &ctl_command_up,
    &ctl_command_down,
    &ctl_command_list,
    &ctl_command_status,
    &ctl_command_peers,
    &ctl_command_peer,
    &ctl_command_watch,
    &ctl_command_ping,
    &ctl_command_probe,
    &ctl_command_nat,
    &ctl_command_odds,
    &ctl_command_revoke,
};

static gboolean
wants_colour(void)
{
    const char *terminal = g_getenv("TERM");

    return isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR") && g_strcmp0(terminal, "dumb") != 0;
}

static char *
list_commands(void)
{
    GString *text = g_string_new(_("Commands:"));
    CtlTable *table = ctl_table_new(2);

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        const CtlCommand *c = commands[i];
        g_autofree char *usage = c->arguments ? g_strdup_printf("%s %s", c->name, _(c->arguments))
                                              : g_strdup(c->name);
        ctl_table_add(table, usage, _(c->summary));
    }
    g_string_append_c(text, '\n');
    ctl_table_finish(table, text, 2);
    g_string_append_c(text, '\n');
    g_string_append(
        text, _("Each command has its own --help. Exit status: 0 done, 1 refused or failed, 2 "
                "wrong usage,\n3 service not reachable, 4 timed out."));
    return g_string_free(text, FALSE);
}

static void
add_shared(GOptionContext *context, Ctl *ctl)
{
    GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &ctl->json,
                               N_("Print one JSON object, for programs"), NULL},
                              {"bus", 0, 0, G_OPTION_ARG_STRING, &ctl->address,
                               N_("Use the bus at ADDRESS instead of the system's"), N_("ADDRESS")},
                              G_OPTION_ENTRY_NULL};

    g_option_context_add_main_entries(context, entries, PACKAGE);
}

/* How many words of @argv are the name of @command; 0: it is another. */
static int
match(const CtlCommand *command, char **argv)
{
    g_auto(GStrv) words = g_strsplit(command->name, " ", -1);
    int n = 0;

    for (; words[n]; n++)
        if (g_strcmp0(words[n], argv[n]) != 0)
            return 0;
    return n;
}

static gboolean
run_command(Ctl *ctl, const CtlCommand *command, int argc, char **argv, GError **error)
{
    g_autoptr(GOptionContext)
        context = g_option_context_new(command->arguments ? _(command->arguments) : NULL);
    g_autofree char *program = g_strdup_printf("stilectl %s", command->name);
    g_autofree char *examples = g_strdup_printf("%s\n%s", _("Examples:"), command->examples);

    /* The usage line begins with it. */
    g_set_prgname(program);
    g_option_context_set_summary(context, _(command->summary));
    g_option_context_set_description(context, examples);
    g_option_context_set_translation_domain(context, PACKAGE);
    if (command->options)
        g_option_context_add_main_entries(context, command->options, PACKAGE);
    add_shared(context, ctl);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return FALSE;
    if (argc > 1 && g_str_equal(argv[1], "--")) {
        argv++;
        argc--;
    }
    if (argc - 1 < command->n_least || argc - 1 > command->n_most) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Usage: %s [OPTION…]%s%s"), program,
                    command->arguments ? " " : "", command->arguments ? _(command->arguments) : "");
        return FALSE;
    }
    for (int i = 1; i < argc; i++) {
        if (g_utf8_validate(argv[i], -1, NULL))
            continue;
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Argument %d is not text in UTF-8"), i);
        return FALSE;
    }
    return command->run(ctl, argv + 1, error);
}

/* Returns: (transfer full) (nullable): the commands that begin with @word, for a person */
static char *
family(const char *word)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *prefix = g_strconcat(word, " ", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_has_prefix(commands[i]->name, prefix))
            g_ptr_array_add(names, (gpointer)commands[i]->name);
    if (names->len == 0)
        return NULL;
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

static gboolean
choose_command(Ctl *ctl, int argc, char **argv, GError **error)
{
    g_autofree char *names = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        int n = match(commands[i], argv + 1);
        if (n > 0)
            return run_command(ctl, commands[i], argc - n, argv + n, error);
    }
    if (argc > 1)
        names = family(argv[1]);
    if (names)
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Which of these? %s: see stilectl --help"),
                    names);
    else if (argc > 1)
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("There is no command %s: see stilectl --help"),
                    argv[1]);
    else
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("Which command? See stilectl --help"));
    return FALSE;
}

static gboolean
run(Ctl *ctl, int argc, char **argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new(_("COMMAND …"));
    g_autofree char *help = list_commands();
    gboolean version = FALSE;
    GOptionEntry entries[] = {
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, N_("Print the version"), NULL},
        G_OPTION_ENTRY_NULL};

    g_option_context_set_strict_posix(context, TRUE);
    g_option_context_set_summary(context, _("Reach your own machines, wherever they are."));
    g_option_context_set_description(context, help);
    g_option_context_set_translation_domain(context, PACKAGE);
    g_option_context_add_main_entries(context, entries, PACKAGE);
    add_shared(context, ctl);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return FALSE;
    if (version) {
        g_print("stilectl %s\n", PACKAGE_VERSION);
        return TRUE;
    }
    return choose_command(ctl, argc, argv, error);
}

int
main(int argc, char **argv)
{
    Ctl ctl = {0};
    g_autoptr(GError) error = NULL;
    CtlStatus status = CTL_DONE;

    setlocale(LC_ALL, "");
    bindtextdomain(PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(PACKAGE, "UTF-8");
    textdomain(PACKAGE);
    ctl.colour = wants_colour();
    if (!run(&ctl, argc, argv, &error)) {
        ctl_print_error(&ctl, error);
        status = ctl_status(error);
    }
    g_clear_object(&ctl.bus);
    g_free(ctl.address);
    return (int)status;
}

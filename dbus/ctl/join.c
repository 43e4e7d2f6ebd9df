/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl join */
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "snapshot.h"
#include <gio/gunixinputstream.h>
#include <glib/gi18n.h>
#include <unistd.h>

/* Far more than any invitation has. */
#define LONGEST (1024 * 1024)

static char *
read_all(GInputStream *stream, GError **error)
{
    g_autofree char *text = g_malloc(LONGEST + 1);
    gsize size = 0;

    if (!g_input_stream_read_all(stream, text, LONGEST, &size, NULL, error))
        return NULL;
    text[size] = '\0';
    if (size == LONGEST || !g_utf8_validate(text, (gssize)size, NULL)) {
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("This is not an invitation"));
        return NULL;
    }
    return g_strdup(text);
}

static GInputStream *
open_file(const char *name, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_commandline_arg(name);
    g_autoptr(GError) why = NULL;
    GFileInputStream *stream = g_file_read(file, NULL, &why);

    if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("There is no file %s"), name);
    else if (!stream)
        g_propagate_error(error, g_steal_pointer(&why));
    return stream ? G_INPUT_STREAM(stream) : NULL;
}

static char *
read_invitation(const char *argument, GError **error)
{
    g_autoptr(GInputStream) stream = NULL;

    if (g_str_has_prefix(argument, "stile:"))
        return g_strdup(argument);
    if (g_str_equal(argument, "-"))
        stream = g_unix_input_stream_new(STDIN_FILENO, FALSE);
    else
        stream = open_file(argument, error);
    return stream ? read_all(stream, error) : NULL;
}

static gboolean
run(Ctl *ctl, char **arguments, GError **error)
{
    g_autofree char *invitation = read_invitation(arguments[0], error);
    g_autofree char *addresses = NULL;
    g_auto(GStrv) list = NULL;
    g_autoptr(CtlSnapshot) snapshot = NULL;
    g_autoptr(GVariant) answer = NULL;
    const char *path = NULL;

    if (!invitation)
        return FALSE;
    answer = ctl_call(ctl, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "JoinNetwork",
                      g_variant_new("(sa{sv})", invitation, NULL), CTL_TIMEOUT_MS, error);
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
    list = ctl_list(snapshot, path, "Addresses");
    addresses = g_strjoinv(" ", list);
    g_print(_("Joined the network %s as %s, %s.\n"), ctl_text(snapshot, path, "Name"),
            ctl_text(snapshot, path, "Self"), addresses);
    g_print(_("Switch it on: stilectl up %s\n"), ctl_text(snapshot, path, "Name"));
    return TRUE;
}

const CtlCommand ctl_command_join = {
    .name = "join",
    .arguments = N_("stile:…|FILE|-"),
    .summary = N_("Become a member by an invitation; - reads it from standard input"),
    .examples = "  stilectl join laptop.stile\n"
                "  ssh desktop stilectl invite laptop | stilectl join -",
    .n_least = 1,
    .n_most = 1,
    .run = run,
};

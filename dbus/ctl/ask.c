/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask.h"
#include <glib/gi18n.h>
#include <stdio.h>
#include <unistd.h>

gboolean
ctl_ask(Ctl *ctl, const char *question, GError **error)
{
    char answer[16] = "";

    if (ctl->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return TRUE;
    g_printerr("%s [y/N] ", question);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return TRUE;
    g_set_error(error, CTL_ERROR, CTL_FAILED, _("Nothing was changed"));
    return FALSE;
}

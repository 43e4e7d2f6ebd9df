/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "ctl.h"
#include "qr.h"
#include <glib/gi18n.h>

#ifdef HAVE_QRENCODE
#include <errno.h>
#include <qrencode.h>

/* Light modules that a reader needs around the code. */
#define QUIET 2

static gboolean
is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1);
}

char *
ctl_qr(const char *text, GError **error)
{
    /* Error correction is of no use on a screen, a smaller code is. */
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    GString *out;

    if (!code) {
        int saved = errno;
        g_set_error(error, CTL_ERROR, CTL_FAILED, _("Cannot make a QR code: %s"),
                    saved == ERANGE ? _("it is too long") : g_strerror(saved));
        return NULL;
    }
    out = g_string_new(NULL);
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        /* Black on white whatever the terminal's colours are: most readers want it so. */
        g_string_append(out, "\033[30;107m");
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            gboolean upper = is_dark(code, x, y), lower = is_dark(code, x, y + 1);
            g_string_append(out, upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ");
        }
        g_string_append(out, "\033[0m\n");
    }
    QRcode_free(code);
    return g_string_free(out, FALSE);
}
#else
char *
ctl_qr(const char *text, GError **error)
{
    g_set_error(error, CTL_ERROR, CTL_FAILED, _("stilectl was built without libqrencode"));
    return NULL;
}
#endif

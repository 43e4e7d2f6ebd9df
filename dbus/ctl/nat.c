/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl nat */
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "render.h"
#include "snapshot.h"
#include <glib/gi18n.h>

/* A server may be silent, and the router and the name server take their time. */
#define PROBE_TIMEOUT_MS 60000

static struct {
    char **stun;
    gboolean lifetime, last;
} options;

static const GOptionEntry entries[] = {
    {"stun", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.stun,
     N_("Ask this server instead of the networks' own; may be given several times"),
     N_("HOST[:PORT]")},
    {"lifetime", 0, 0, G_OPTION_ARG_NONE, &options.lifetime,
     N_("Begin to measure how long the NAT remembers, for minutes, in the background"), NULL},
    {"last", 0, 0, G_OPTION_ARG_NONE, &options.last,
     N_("Show what was found the last time, without asking anybody"), NULL},
    G_OPTION_ENTRY_NULL};

static gboolean
probe(Ctl *ctl, const char *nat, GError **error)
{
    g_autoptr(GVariant) answer = NULL;
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    if (options.stun)
        g_variant_builder_add(&builder, "{sv}", "stun",
                              g_variant_new_strv((const char *const *)options.stun, -1));
    if (options.lifetime)
        g_variant_builder_add(&builder, "{sv}", "lifetime", g_variant_new_boolean(TRUE));
    answer = ctl_call(ctl, nat, STILE_INTERFACE_NAT, "Probe", g_variant_new("(a{sv})", &builder),
                      PROBE_TIMEOUT_MS, error);
    return answer != NULL;
}

static gboolean
run_nat(Ctl *ctl, char **arguments, GError **error)
{
    g_autoptr(CtlSnapshot) snapshot = NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    const char *nat = STILE_ROOT_PATH "/nat";

    if (options.last && (options.stun || options.lifetime)) {
        g_set_error(error, CTL_ERROR, CTL_USAGE,
                    _("--last asks nobody: it does not go with --stun and --lifetime"));
        return FALSE;
    }
    if (!options.last && !probe(ctl, nat, error))
        return FALSE;
    snapshot = ctl_snapshot_new(ctl, error);
    if (!snapshot)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(ctl_snapshot_json(snapshot, nat), TRUE);
        return TRUE;
    }
    ctl_render_nat(ctl, snapshot, nat, out);
    if (options.lifetime)
        g_string_append_printf(out, "\n%s\n",
                               _("How long the NAT remembers is being measured, which takes "
                                 "minutes: stilectl nat --last shows it then."));
    g_print("%s", out->str);
    return TRUE;
}

const CtlCommand ctl_command_nat = {
    .name = "nat",
    .summary = N_("What stands between this machine and the internet"),
    .examples = "  stilectl nat\n"
                "  stilectl nat --stun stun.example --stun other.example:3478\n"
                "  stilectl nat --last --json",
    .n_least = 0,
    .n_most = 0,
    .options = entries,
    .run = run_nat,
};

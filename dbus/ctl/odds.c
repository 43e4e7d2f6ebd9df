/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl odds: asks nobody, so it works where nothing runs. */
#include "punch/odds.h"
#include "commands.h"
#include "output.h"
#include <glib/gi18n.h>

/* The ports above 1024 */
#define PORTS 64511

static struct {
    int sockets, probes;
} options = {.sockets = 256, .probes = 1024};

static const GOptionEntry entries[] = {
    {"sockets", 0, 0, G_OPTION_ARG_INT, &options.sockets,
     N_("Ports that a side behind a symmetric NAT opens (default: 256)"), N_("N")},
    {"probes", 0, 0, G_OPTION_ARG_INT, &options.probes,
     N_("Ports that the other side tries (default: 1024)"), N_("M")},
    G_OPTION_ENTRY_NULL};

static const struct {
    const char *name;
    StileNatSide side;
} kinds[] = {
    {"open-internet", {STILE_NAT_NONE, STILE_NAT_NONE, FALSE}},
    {"symmetric-firewall", {STILE_NAT_NONE, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, FALSE}},
    {"full-cone", {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ENDPOINT_INDEPENDENT, FALSE}},
    {"restricted-cone", {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_DEPENDENT, FALSE}},
    {"port-restricted-cone",
     {STILE_NAT_ENDPOINT_INDEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, FALSE}},
    {"symmetric",
     {STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, STILE_NAT_ADDRESS_AND_PORT_DEPENDENT, FALSE}},
    {"udp-blocked", {STILE_NAT_UNKNOWN, STILE_NAT_UNKNOWN, TRUE}},
};

static const StileNatSide *
find_kind(const char *name, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i].name, name))
            return &kinds[i].side;
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", kinds[i].name);
    }
    g_set_error(error, CTL_ERROR, CTL_USAGE, _("There is no kind of NAT called %s, only %s"), name,
                names->str);
    return NULL;
}

static gboolean
is_hard(const StileNatSide *side)
{
    return side->mapping == STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* By guessing ports: -1 where nothing is to be guessed */
static double
birthday(const StileNatSide *mine, const StileNatSide *theirs, double direct)
{
    guint sockets = (guint)options.sockets, probes = (guint)options.probes;

    if (mine->udp_blocked || theirs->udp_blocked || direct > 0.5)
        return -1;
    if (is_hard(mine) && is_hard(theirs))
        return stile_odds_birthday_both(sockets, probes, PORTS);
    return stile_odds_birthday(sockets, probes, PORTS);
}

static void
print_json(char **names, double direct, double guessed)
{
    JsonObject *object = json_object_new();
    JsonNode *node = json_node_alloc();

    json_object_set_string_member(object, "mine", names[0]);
    json_object_set_string_member(object, "theirs", names[1]);
    json_object_set_double_member(object, "direct", direct);
    json_object_set_int_member(object, "sockets", options.sockets);
    json_object_set_int_member(object, "probes", options.probes);
    if (guessed >= 0)
        json_object_set_double_member(object, "birthday", guessed);
    else
        json_object_set_null_member(object, "birthday");
    json_node_init_object(node, object);
    json_object_unref(object);
    ctl_print_json(node, TRUE);
}

static gboolean
run_odds(Ctl *ctl, char **arguments, GError **error)
{
    const StileNatSide *mine = find_kind(arguments[0], error);
    const StileNatSide *theirs = mine ? find_kind(arguments[1], error) : NULL;
    double direct, guessed;

    if (!theirs)
        return FALSE;
    if (options.sockets < 1 || options.sockets > PORTS || options.probes < 1 ||
        options.probes > PORTS) {
        g_set_error(error, CTL_ERROR, CTL_USAGE, _("--sockets and --probes are 1 to %d"), PORTS);
        return FALSE;
    }
    direct = stile_odds_direct(mine, theirs);
    guessed = birthday(mine, theirs, direct);
    if (ctl->json) {
        print_json(arguments, direct, guessed);
        return TRUE;
    }
    g_print(_("A direct path between %s and %s: %.0f %%.\n"), arguments[0], arguments[1],
            direct * 100);
    if (guessed >= 0)
        g_print(
            _("By guessing ports, %d open and %d tried: %.3g %%, but this version does not guess "
              "yet.\n"),
            options.sockets, options.probes, guessed * 100);
    return TRUE;
}

const CtlCommand ctl_command_odds = {
    .name = "odds",
    .arguments = N_("MINE THEIRS"),
    .summary = N_("How likely two kinds of NAT let a direct path through"),
    .examples = "  stilectl odds full-cone symmetric\n"
                "  stilectl odds port-restricted-cone symmetric --sockets 256 --probes 2048",
    .n_least = 2,
    .n_most = 2,
    .options = entries,
    .run = run_odds,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "render.h"
#include "dbus/names.h"
#include "output.h"
#include <glib/gi18n.h>

static char *
join_list(CtlSnapshot *snapshot, const char *path, const char *property)
{
    g_auto(GStrv) list = ctl_list(snapshot, path, property);

    return g_strjoinv(" ", list);
}

static char *
coloured_state(Ctl *ctl, const char *state)
{
    GString *text = g_string_new(NULL);

    ctl_append_coloured(ctl, text, ctl_colour_of_state(state), ctl_translate_state(state));
    return g_string_free(text, FALSE);
}

/* Where the packets of a peer go now. */
static char *
describe_path(CtlSnapshot *snapshot, const char *path)
{
    const char *kind = ctl_text(snapshot, path, "Kind");
    const char *technique = ctl_text(snapshot, path, "Technique");

    if (g_str_equal(kind, "broker"))
        return g_strdup_printf(_("through the broker %s"), ctl_text(snapshot, path, "Local"));
    if (g_str_equal(kind, "turn"))
        return g_strdup_printf(_("through the relay, %s"), ctl_text(snapshot, path, "Local"));
    if (g_str_equal(kind, "direct"))
        return g_strdup_printf("%s (%s, %s)", ctl_text(snapshot, path, "Remote"), technique,
                               ctl_text(snapshot, path, "Transport"));
    return g_strdup("");
}

static char *
first_address(CtlSnapshot *snapshot, const char *peer)
{
    g_auto(GStrv) addresses = ctl_list(snapshot, peer, "Addresses");

    return g_strdup(addresses[0] ? addresses[0] : "");
}

static void
add_peer_row(Ctl *ctl, CtlSnapshot *snapshot, CtlTable *table, const char *peer)
{
    g_autofree char *address = first_address(snapshot, peer);
    g_autofree char *state = coloured_state(ctl, ctl_text(snapshot, peer, "State"));
    g_autofree char *rtt = ctl_format_rtt(ctl_count(snapshot, peer, "Rtt"));
    g_autofree char *via = describe_path(snapshot, ctl_text(snapshot, peer, "ActivePath"));

    ctl_table_add(table, ctl_text(snapshot, peer, "Name"), address, state, rtt, via);
}

static void
append_reason(Ctl *ctl, CtlSnapshot *snapshot, const char *peer, GString *out)
{
    const char *reason = ctl_text(snapshot, peer, "ReasonText");
    g_auto(GStrv) advice = ctl_list(snapshot, peer, "Advice");

    if (g_str_equal(ctl_text(snapshot, peer, "State"), "direct"))
        return;
    if (*reason)
        g_string_append_printf(out, "      %s\n", reason);
    for (char **a = advice; *a; a++) {
        g_string_append(out, "      ");
        ctl_append_coloured(ctl, out, "1", _("Try: "));
        g_string_append_printf(out, "%s\n", *a);
    }
}

static void
append_peers(Ctl *ctl, CtlSnapshot *snapshot, const char *network, GString *out)
{
    g_auto(GStrv) peers = ctl_list(snapshot, network, "Peers");
    CtlTable *table = ctl_table_new(5);
    g_autoptr(GString) rows = g_string_new(NULL);
    g_auto(GStrv) lines = NULL;

    for (char **p = peers; *p; p++)
        add_peer_row(ctl, snapshot, table, *p);
    ctl_table_finish(table, rows, 2);
    lines = g_strsplit(rows->str, "\n", -1);
    for (guint i = 0; peers[i]; i++) {
        g_string_append_printf(out, "%s\n", lines[i]);
        append_reason(ctl, snapshot, peers[i], out);
    }
    if (!peers[0])
        g_string_append_printf(out, "  %s\n", _("No other member is known yet"));
}

static void
add_brokers(Ctl *ctl, CtlSnapshot *snapshot, const char *network, CtlTable *table)
{
    g_autoptr(GVariant) brokers = ctl_property(snapshot, network, "Rendezvous");
    GVariantIter iter;
    const char *url, *state;

    if (!brokers)
        return;
    g_variant_iter_init(&iter, brokers);
    while (g_variant_iter_next(&iter, "(&s&s)", &url, &state)) {
        g_autofree char *coloured = coloured_state(ctl, state);
        ctl_table_add(table, _("rendezvous"), url, coloured);
    }
}

static void
add_relays(Ctl *ctl, CtlSnapshot *snapshot, const char *network, CtlTable *table)
{
    g_auto(GStrv) relays = ctl_list(snapshot, network, "Relays");

    for (char **r = relays; *r; r++) {
        g_autofree char *state = coloured_state(ctl, ctl_text(snapshot, *r, "State"));
        const char *wrong = ctl_text(snapshot, *r, "ErrorText");
        const char *more = *wrong ? wrong : ctl_text(snapshot, *r, "Relayed");
        g_autofree char *text = *more ? g_strdup_printf("%s, %s", state, more) : g_strdup(state);
        ctl_table_add(table, _("relay"), ctl_text(snapshot, *r, "Uri"), text);
    }
}

void
ctl_render_network(Ctl *ctl, CtlSnapshot *snapshot, const char *network, GString *out)
{
    g_autofree char *addresses = join_list(snapshot, network, "Addresses");
    g_autofree char *state = coloured_state(ctl, ctl_text(snapshot, network, "State"));
    const char *interface = ctl_text(snapshot, network, "Interface");
    CtlTable *table = ctl_table_new(3);

    ctl_append_coloured(ctl, out, "1", ctl_text(snapshot, network, "Name"));
    g_string_append_printf(out, ": %s", state);
    if (*interface)
        g_string_append_printf(out, _(" on %s"), interface);
    g_string_append_printf(out, _(", here: %s %s\n"), ctl_text(snapshot, network, "Self"),
                           addresses);
    if (!g_str_equal(ctl_text(snapshot, network, "State"), "down")) {
        add_brokers(ctl, snapshot, network, table);
        add_relays(ctl, snapshot, network, table);
    }
    ctl_table_finish(table, out, 2);
    g_string_append_c(out, '\n');
    append_peers(ctl, snapshot, network, out);
}

static guint
count_online(CtlSnapshot *snapshot, char **peers)
{
    guint n = 0;

    for (; *peers; peers++)
        n += ctl_flag(snapshot, *peers, "Online") ? 1 : 0;
    return n;
}

void
ctl_render_list(Ctl *ctl, CtlSnapshot *snapshot, GString *out)
{
    g_auto(GStrv) networks = ctl_list(snapshot, STILE_ROOT_PATH, "Networks");
    CtlTable *table = ctl_table_new(5);

    ctl_table_add(table, _("NETWORK"), _("STATE"), _("HERE"), _("INTERFACE"), _("PEERS ONLINE"));
    for (char **n = networks; *n; n++) {
        g_auto(GStrv) peers = ctl_list(snapshot, *n, "Peers");
        g_autofree char *online = g_strdup_printf("%u/%u", count_online(snapshot, peers),
                                                  g_strv_length(peers));
        g_autofree char *state = coloured_state(ctl, ctl_text(snapshot, *n, "State"));
        ctl_table_add(table, ctl_text(snapshot, *n, "Name"), state, ctl_text(snapshot, *n, "Self"),
                      ctl_text(snapshot, *n, "Interface"), online);
    }
    ctl_table_finish(table, out, 0);
}

void
ctl_render_peers(Ctl *ctl, CtlSnapshot *snapshot, char **networks, GString *out)
{
    CtlTable *table = ctl_table_new(5);

    ctl_table_add(table, _("PEER"), _("ADDRESS"), _("STATE"), _("RTT"), _("PATH"));
    for (; *networks; networks++) {
        g_auto(GStrv) peers = ctl_list(snapshot, *networks, "Peers");
        for (char **p = peers; *p; p++)
            add_peer_row(ctl, snapshot, table, *p);
    }
    ctl_table_finish(table, out, 0);
}

static void
add_measurements(CtlSnapshot *snapshot, const char *peer, CtlTable *table)
{
    g_autofree char *rtt = ctl_format_rtt(ctl_count(snapshot, peer, "Rtt"));
    g_autofree char *loss = g_strdup_printf("%.1f %%", ctl_number(snapshot, peer, "Loss") * 100);
    g_autofree char *received = g_format_size(ctl_count(snapshot, peer, "RxBytes"));
    g_autofree char *sent = g_format_size(ctl_count(snapshot, peer, "TxBytes"));
    g_autofree char *handshake = ctl_format_age(ctl_count(snapshot, peer, "LastHandshake"));
    double odds = ctl_number(snapshot, peer, "DirectOdds");
    g_autofree char *direct = odds < 0 ? g_strdup(_("unknown"))
                                       : g_strdup_printf("%.0f %%", odds * 100);

    ctl_table_add(table, _("round trip"), *rtt ? rtt : _("unknown"));
    ctl_table_add(table, _("lost"), loss);
    ctl_table_add(table, _("received"), received);
    ctl_table_add(table, _("sent"), sent);
    ctl_table_add(table, _("keys agreed"), handshake);
    ctl_table_add(table, _("odds of a direct path"), direct);
}

static void
append_paths(Ctl *ctl, CtlSnapshot *snapshot, const char *peer, GString *out)
{
    g_auto(GStrv) paths = ctl_list(snapshot, peer, "Paths");
    CtlTable *table = ctl_table_new(3);

    for (char **p = paths; *p; p++) {
        g_autofree char *state = coloured_state(ctl, ctl_text(snapshot, *p, "State"));
        g_autofree char *rtt = ctl_format_rtt(ctl_count(snapshot, *p, "Rtt"));
        g_autofree char *where = describe_path(snapshot, *p);
        ctl_table_add(table, state, rtt, where);
    }
    if (paths[0])
        g_string_append_printf(out, "%s\n", _("Paths:"));
    ctl_table_finish(table, out, 2);
}

void
ctl_render_peer(Ctl *ctl, CtlSnapshot *snapshot, const char *peer, GString *out)
{
    g_autofree char *addresses = join_list(snapshot, peer, "Addresses");
    g_autofree char *state = coloured_state(ctl, ctl_text(snapshot, peer, "State"));
    const char *nat = ctl_text(snapshot, peer, "Nat");
    CtlTable *table = ctl_table_new(2);

    ctl_append_coloured(ctl, out, "1", ctl_text(snapshot, peer, "Name"));
    g_string_append_printf(out, ": %s, %s\n", state,
                           ctl_flag(snapshot, peer, "Online") ? _("online") : _("not online"));
    append_reason(ctl, snapshot, peer, out);
    ctl_table_add(table, _("addresses"), addresses);
    ctl_table_add(table, _("id"), ctl_text(snapshot, peer, "Id"));
    ctl_table_add(table, _("its NAT"), *nat ? nat : _("unknown"));
    add_measurements(snapshot, peer, table);
    ctl_table_finish(table, out, 2);
    append_paths(ctl, snapshot, peer, out);
}

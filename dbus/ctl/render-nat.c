/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"
#include "render.h"
#include <glib/gi18n.h>
#include <string.h>

typedef struct {
    const char *word, *text;
} Words;

static const char *
look_up(const Words *words, const char *word)
{
    for (; words->word; words++)
        if (g_str_equal(words->word, word))
            return _(words->text);
    return word;
}

static const Words titles[] = {
    {"open-internet", N_("On the open internet: neither NAT nor firewall")},
    {"symmetric-firewall", N_("No NAT, but a firewall that lets only answers in")},
    {"full-cone", N_("A NAT of the easiest kind (full cone)")},
    {"restricted-cone", N_("A NAT of an easy kind (restricted cone)")},
    {"port-restricted-cone", N_("A NAT of the usual kind (port-restricted cone)")},
    {"symmetric", N_("A NAT of the hard kind (symmetric)")},
    {"udp-blocked", N_("No UDP gets through here")},
    {"unknown", N_("Not known yet")},
    {NULL, NULL},
};

/* Out: what happens when this machine looks for a peer. */
static const Words reaching[] = {
    {"open-internet", N_("Every peer that can send UDP is reached directly.")},
    {"symmetric-firewall", N_("Every peer is reached directly, unless its NAT is symmetric: then a "
                              "relay carries the packets, or IPv6.")},
    {"full-cone", N_("Every peer that can send UDP is reached directly.")},
    {"restricted-cone", N_("Every peer that can send UDP is reached directly.")},
    {"port-restricted-cone", N_("Every peer is reached directly, unless its NAT is symmetric: then "
                                "a relay carries the packets, or IPv6.")},
    {"symmetric", N_("A peer is reached directly if it lets in whoever it sent to, whatever the "
                     "port: open, full cone or restricted cone. For others a relay carries the "
                     "packets, or IPv6.")},
    {"udp-blocked", N_("Nobody is reached directly: a relay or the broker carries all packets.")},
    {NULL, NULL},
};

/* In: what a peer meets that looks for this machine. */
static const Words reached[] = {
    {"open-internet", N_("Anybody reaches this machine at its own address.")},
    {"symmetric-firewall",
     N_("Nobody reaches this machine unasked; members do, because both sides begin.")},
    {"full-cone", N_("Whoever knows the outside address and port gets in.")},
    {"restricted-cone",
     N_("Nobody reaches this machine unasked; members do, because both sides begin.")},
    {"port-restricted-cone",
     N_("Nobody reaches this machine unasked; members do, because both sides begin.")},
    {"symmetric", N_("Nobody reaches this machine unasked, and its outside port is another one for "
                     "each peer, which that peer cannot know before.")},
    {"udp-blocked", N_("Nobody reaches this machine but through a relay.")},
    {NULL, NULL},
};

static const Words behaviours[] = {
    {"none", N_("none")},
    {"endpoint-independent", N_("endpoint-independent")},
    {"address-dependent", N_("address-dependent")},
    {"address-and-port-dependent", N_("address- and port-dependent")},
    {"unknown", N_("unknown")},
    {NULL, NULL},
};

static const Words hairpin[] = {
    {"yes", N_("yes: machines behind this NAT reach each other by outside addresses")},
    {"no", N_("no: machines behind this NAT reach each other by inside addresses only")},
    {NULL, NULL},
};

/* this machine ──┤ NAT ├──┤ NAT ├── internet */
static void
append_picture(CtlSnapshot *snapshot, const char *nat, GString *out)
{
    guint64 layers = ctl_count(snapshot, nat, "Layers");
    const char *cone = ctl_text(snapshot, nat, "ConeName");
    g_auto(GStrv) addresses = ctl_list(snapshot, nat, "PublicAddresses");
    g_autofree char *list = g_strjoinv(", ", addresses);

    g_string_append_printf(out, "  %s ──", _("this machine"));
    if (g_str_equal(cone, "udp-blocked"))
        g_string_append_printf(out, "┤ %s │", _("no UDP"));
    if (g_str_equal(cone, "symmetric-firewall"))
        g_string_append_printf(out, "┤ %s ├──", _("firewall"));
    for (guint64 i = 0; i < layers; i++)
        g_string_append_printf(out, "┤ %s ├──", _("NAT"));
    g_string_append_c(out, ' ');
    g_string_append(out, _("internet"));
    if (*list)
        g_string_append_printf(out, " (%s)", list);
    g_string_append_c(out, '\n');
}

static char *
describe_ports(CtlSnapshot *snapshot, const char *nat)
{
    const char *allocation = ctl_text(snapshot, nat, "PortAllocation");
    g_autoptr(GVariant) delta = ctl_property(snapshot, nat, "PortDelta");
    g_autoptr(GVariant) block = ctl_property(snapshot, nat, "PortBlock");
    guint16 first = 0, last = 0;

    if (g_str_equal(allocation, "preserving"))
        return g_strdup(_("kept as they are inside"));
    if (g_str_equal(allocation, "sequential"))
        return g_strdup_printf(_("one after another, in steps of %d"), g_variant_get_int32(delta));
    if (g_str_equal(allocation, "random"))
        return g_strdup(_("at random"));
    if (!g_str_equal(allocation, "block"))
        return g_strdup("");
    g_variant_get(block, "(qq)", &first, &last);
    return g_strdup_printf(_("at random, from about %u to %u"), first, last);
}

static void
add_row(CtlTable *table, const char *name, const char *text)
{
    if (*text)
        ctl_table_add(table, name, text);
}

static void
append_facts(CtlSnapshot *snapshot, const char *nat, GString *out)
{
    CtlTable *table = ctl_table_new(2);
    g_autofree char *ports = describe_ports(snapshot, nat);
    g_auto(GStrv) protocols = ctl_list(snapshot, nat, "PortMapping");
    g_autofree char *asked = g_strjoinv(", ", protocols);
    const char *hairpins = ctl_text(snapshot, nat, "Hairpin");
    guint64 lifetime = ctl_count(snapshot, nat, "MappingLifetime");
    g_autofree char *seconds = lifetime ? g_strdup_printf(_("for %u s of silence"), (guint)lifetime)
                                        : g_strdup("");

    add_row(table, _("mapping"), look_up(behaviours, ctl_text(snapshot, nat, "Mapping")));
    add_row(table, _("filtering"), look_up(behaviours, ctl_text(snapshot, nat, "Filtering")));
    add_row(table, _("ports"), ports);
    if (!g_str_equal(hairpins, "unknown"))
        add_row(table, _("hairpin"), look_up(hairpin, hairpins));
    add_row(table, _("remembers"), seconds);
    add_row(table, _("opens ports by"), asked);
    add_row(table, "IPv6", ctl_flag(snapshot, nat, "Ipv6") ? _("yes") : _("no"));
    add_row(table, "NAT64", ctl_text(snapshot, nat, "Nat64Prefix"));
    ctl_table_finish(table, out, 2);
}

/* What a person could do about it. */
static void
append_advice(Ctl *ctl, CtlSnapshot *snapshot, const char *nat, GString *out)
{
    g_auto(GStrv) protocols = ctl_list(snapshot, nat, "PortMapping");
    const char *cone = ctl_text(snapshot, nat, "ConeName");
    const char *advice[4] = {NULL};
    guint n = 0;

    if (ctl_flag(snapshot, nat, "CaptivePortal"))
        advice[n++] = _("Log in to this network: a page waits for you in the browser");
    if (g_str_equal(cone, "symmetric") && !protocols[0])
        advice[n++] = _("Turn on PCP or UPnP on the router, if it is yours");
    if (protocols[0] && ctl_count(snapshot, nat, "Layers") > 1)
        advice[n++] = _(
            "Ask the provider for a public address, or open a port on the outer router, too: "
            "what this router opens ends behind another NAT");
    if (g_str_equal(cone, "unknown") && !g_str_equal(ctl_text(snapshot, nat, "Mapping"), "unknown"))
        advice[n++] = _("Ask a server with two addresses (RFC 5780), such as coturn: only that can "
                        "tell what gets in");
    for (guint i = 0; i < n; i++) {
        ctl_append_coloured(ctl, out, "1", _("Try: "));
        g_string_append_printf(out, "%s\n", advice[i]);
    }
}

static void
append_sentence(GString *out, const char *name, const Words *words, const char *cone)
{
    const char *sentence = look_up(words, cone);

    if (sentence != cone)
        g_string_append_printf(out, "%s %s\n", name, sentence);
}

void
ctl_render_nat(Ctl *ctl, CtlSnapshot *snapshot, const char *nat, GString *out)
{
    const char *cone = ctl_text(snapshot, nat, "ConeName");
    const char *title = look_up(titles, cone);
    int sure = (int)(ctl_number(snapshot, nat, "Confidence") * 100 + 0.5);

    if (ctl_count(snapshot, nat, "LastProbe") == 0) {
        g_string_append_printf(out, "%s\n", _("Nobody has looked yet: run stilectl nat"));
        return;
    }
    if (g_str_equal(cone, "unknown") && !g_str_equal(ctl_text(snapshot, nat, "Mapping"), "unknown"))
        title = _("A NAT or a firewall; what it lets in is not known");
    ctl_append_coloured(ctl, out, "1", title);
    g_string_append_printf(out, _(", %d %% sure"), sure);
    g_string_append(out, "\n\n");
    append_picture(snapshot, nat, out);
    g_string_append_c(out, '\n');
    append_facts(snapshot, nat, out);
    g_string_append_c(out, '\n');
    append_sentence(out, _("Reaching others:"), reaching, cone);
    append_sentence(out, _("Being reached:"), reached, cone);
    append_advice(ctl, snapshot, nat, out);
}

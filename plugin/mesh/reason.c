/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mesh/reason.h"

#include <glib/gi18n-lib.h>

static const struct {
    const char *code;
    const char *text; /* %s: the peer's name */
} reasons[] = {
    [STILE_REASON_NONE] = {"", ""},
    [STILE_REASON_CONNECTING] = {"connecting", N_("Looking for a way to %s.")},
    [STILE_REASON_DIRECT] = {"direct", N_("%s is reached directly.")},
    [STILE_REASON_PEER_OFFLINE] = {"peer-offline", N_("%s is switched off or has no network.")},
    [STILE_REASON_HARD_NAT_BOTH] =
        {"hard-nat-both",
         N_("The routers here and at %s both use another port for every destination.")},
    [STILE_REASON_UDP_BLOCKED_HERE] =
        {"udp-blocked-here", N_("The network here lets no UDP through, so %s is not reached "
                                "directly.")},
    [STILE_REASON_UDP_BLOCKED_THERE] = {"udp-blocked-there",
                                        N_("The network of %s lets no UDP through.")},
    [STILE_REASON_CHECKS_TIMED_OUT] = {"checks-timed-out",
                                       N_("Nothing sent straight to %s was answered.")},
    [STILE_REASON_WORSE_THAN_RELAY] =
        {"worse-than-relay", N_("The direct way to %s loses too much; the relay does better.")},
    [STILE_REASON_POLICY] = {"policy", N_("The settings of the network decide how %s is reached.")},
    [STILE_REASON_NO_RELAY] = {"no-relay",
                               N_("There is no direct way to %s, and no relay to go through.")},
};

const char *
stile_reason_code(StileReason reason)
{
    return reasons[reason].code;
}

char *
stile_reason_text(StileReason reason, const char *name)
{
    if (reason == STILE_REASON_NONE)
        return g_strdup("");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* all from the table above */
    return g_strdup_printf(_(reasons[reason].text), name);
#pragma GCC diagnostic pop
}

GStrv
stile_reason_advice(StileReason reason, const char *name, const char *gateway)
{
    g_autoptr(GStrvBuilder) advice = g_strv_builder_new();
    g_autofree char *line = NULL;

    switch (reason) {
    case STILE_REASON_HARD_NAT_BOTH:
        line = gateway ? g_strdup_printf(_("Turn on UPnP or PCP on the router %s."), gateway)
                       : g_strdup(_("Turn on UPnP or PCP on the router."));
        g_strv_builder_add(advice, line);
        g_clear_pointer(&line, g_free);
        line = g_strdup_printf(_("Or do so on the router at %s: one of the two is enough."), name);
        g_strv_builder_add(advice, line);
        break;
    case STILE_REASON_UDP_BLOCKED_HERE:
        g_strv_builder_add(advice, _("Allow outgoing UDP in the firewall of this network."));
        break;
    case STILE_REASON_UDP_BLOCKED_THERE:
        line = g_strdup_printf(_("Allow outgoing UDP in the firewall at %s."), name);
        g_strv_builder_add(advice, line);
        break;
    case STILE_REASON_CHECKS_TIMED_OUT:
        g_strv_builder_add(advice, _("Look whether a firewall drops incoming UDP on one side."));
        break;
    case STILE_REASON_POLICY:
        g_strv_builder_add(advice, _("Set “relay” of the network to “auto”."));
        break;
    case STILE_REASON_NO_RELAY:
        g_strv_builder_add(advice, _("Add a TURN server to the network."));
        break;
    default:
        break;
    }
    return g_strv_builder_end(advice);
}

static gboolean
is_hard(StileNatBehaviour mapping)
{
    return mapping == STILE_NAT_ADDRESS_DEPENDENT ||
           mapping == STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* Why there is no direct way, when all checks have been tried. */
static StileReason
why_not_direct(const StileReasonFacts *facts)
{
    if (facts->policy == STILE_RELAY_ONLY)
        return STILE_REASON_POLICY;
    if (facts->direct_works)
        return STILE_REASON_WORSE_THAN_RELAY;
    if (facts->mine.udp_blocked)
        return STILE_REASON_UDP_BLOCKED_HERE;
    if (facts->theirs.udp_blocked)
        return STILE_REASON_UDP_BLOCKED_THERE;
    if (facts->checking)
        return STILE_REASON_CONNECTING;
    if (is_hard(facts->mine.mapping) && is_hard(facts->theirs.mapping))
        return STILE_REASON_HARD_NAT_BOTH;
    return STILE_REASON_CHECKS_TIMED_OUT;
}

StileReason
stile_reason_find(const StileReasonFacts *facts)
{
    if (facts->has_way && facts->way == STILE_WAY_DIRECT)
        return STILE_REASON_DIRECT;
    if (!facts->online && !facts->has_way)
        return STILE_REASON_PEER_OFFLINE;
    if (!facts->tried)
        return STILE_REASON_NONE;
    if (facts->has_way)
        return why_not_direct(facts);
    if (facts->checking)
        return STILE_REASON_CONNECTING;
    if (facts->policy == STILE_RELAY_NEVER)
        return STILE_REASON_POLICY;
    return facts->has_relay ? STILE_REASON_CHECKS_TIMED_OUT : STILE_REASON_NO_RELAY;
}

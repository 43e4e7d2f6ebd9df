/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "punch/odds.h"

#define PORTS_MAX  65536
#define PORTS_HIGH 64511 /* those above 1024, which a NAT uses that uses all it may */
/* When nothing in the NATs stands against it, what is left are firewalls, losses, misjudged NATs:
 * the best systems report well over nine in ten. */
#define ODDS_OPEN 0.95

double
stile_odds_birthday(guint sockets, guint probes, guint ports)
{
    double miss = 1;

    ports = MIN(ports, PORTS_MAX);
    sockets = MIN(sockets, ports);
    probes = MIN(probes, ports);
    if (sockets == 0 || probes == 0)
        return 0;
    if (sockets + probes > ports)
        return 1;
    for (guint i = 0; i < probes; i++)
        miss *= (double)(ports - sockets - i) / (ports - i);
    return 1 - miss;
}

double
stile_odds_birthday_both(guint sockets, guint probes, guint ports)
{
    guint64 tries = (guint64)sockets * probes;
    double miss = 1, power;

    if (tries == 0 || ports == 0)
        return 0;
    power = 1 - 1.0 / ((double)ports * ports);
    for (; tries > 0; tries >>= 1) {
        if (tries & 1)
            miss *= power;
        power *= power;
    }
    return 1 - miss;
}

static gboolean
is_easy(const StileNatSide *side)
{
    return side->mapping == STILE_NAT_NONE || side->mapping == STILE_NAT_ENDPOINT_INDEPENDENT;
}

static gboolean
admits_anybody(const StileNatSide *side)
{
    return side->filtering == STILE_NAT_NONE || side->filtering == STILE_NAT_ENDPOINT_INDEPENDENT;
}

static gboolean
admits_any_port(const StileNatSide *side)
{
    return admits_anybody(side) || side->filtering == STILE_NAT_ADDRESS_DEPENDENT;
}

/*
 * Whether a check from @from gets to the address that a STUN server saw of @to. Only an easy @to
 * opens that very mapping by sending to @from; and only the port of an easy @from is known before.
 */
static gboolean
arrives(const StileNatSide *from, const StileNatSide *to)
{
    return admits_anybody(to) || (is_easy(to) && (admits_any_port(to) || is_easy(from)));
}

/* And the answer gets back, from another port when @to is hard. */
static gboolean
connects(const StileNatSide *from, const StileNatSide *to)
{
    return arrives(from, to) && (is_easy(to) || admits_any_port(from));
}

double
stile_odds_direct(const StileNatSide *mine, const StileNatSide *theirs)
{
    double guess = stile_odds_birthday(1, 1, PORTS_HIGH);

    if (mine->udp_blocked || theirs->udp_blocked)
        return 0;
    if (mine->mapping == STILE_NAT_UNKNOWN || theirs->mapping == STILE_NAT_UNKNOWN)
        return -1;
    if (connects(mine, theirs) || connects(theirs, mine))
        return ODDS_OPEN;
    /* That the port seen by the STUN server is by chance the one the peer is to send to */
    return is_easy(mine) || is_easy(theirs) ? guess : guess * guess;
}

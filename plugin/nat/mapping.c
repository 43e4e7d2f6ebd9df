/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/mapping.h"

/* Two servers that agree may be one proxy that answers for both; each further one makes chance and
 * accident a quarter as likely. */
#define DOUBT_PER_SERVER 0.25
/* What is left of the confidence when something does not fit */
#define ODDITY 0.5

typedef struct {
    guint same, different;
} Votes;

const char *
stile_nat_behaviour_to_string(StileNatBehaviour behaviour)
{
    switch (behaviour) {
    case STILE_NAT_NONE:
        return "none";
    case STILE_NAT_ENDPOINT_INDEPENDENT:
        return "endpoint-independent";
    case STILE_NAT_ADDRESS_DEPENDENT:
        return "address-dependent";
    case STILE_NAT_ADDRESS_AND_PORT_DEPENDENT:
        return "address-and-port-dependent";
    case STILE_NAT_UNKNOWN:
        break;
    }
    return "unknown";
}

static gboolean
is_complete(const StileNatSample *sample)
{
    return stile_address_is_set(&sample->base) && stile_address_is_set(&sample->server) &&
           stile_address_is_set(&sample->mapped);
}

/*
 * The newest sample of each pair of base and server. One server that saw two mappings of one base
 * tells that the mapping expired or the network changed in between, not how the NAT maps.
 */
static gsize
take_newest(const StileNatSample *samples, gsize n_samples, const StileNatSample **ret,
            gboolean *ret_changed)
{
    gsize n = 0;

    *ret_changed = FALSE;
    for (gsize i = n_samples; i > 0; i--) {
        const StileNatSample *sample = &samples[i - 1];
        gsize known = 0;

        if (!is_complete(sample))
            continue;
        while (known < n && !(stile_address_equal(&ret[known]->base, &sample->base) &&
                              stile_address_equal(&ret[known]->server, &sample->server)))
            known++;
        if (known == n)
            ret[n++] = sample;
        else if (!stile_address_equal(&ret[known]->mapped, &sample->mapped))
            *ret_changed = TRUE;
    }
    return n;
}

/* RFC 5780 §4.3: what servers of different addresses saw is compared to tell whether the mapping
 * depends on anything; what different ports of one address saw, on what. */
static void
compare(const StileNatSample *const *samples, gsize n, Votes *ret_addresses, Votes *ret_ports)
{
    *ret_addresses = *ret_ports = (Votes){0, 0};
    for (gsize i = 0; i < n; i++)
        for (gsize j = 0; j < i; j++) {
            gboolean one_address = stile_address_equal_ip(&samples[i]->server, &samples[j]->server);
            Votes *votes = one_address ? ret_ports : ret_addresses;

            if (!stile_address_equal(&samples[i]->base, &samples[j]->base))
                continue;
            if (stile_address_equal(&samples[i]->mapped, &samples[j]->mapped))
                votes->same++;
            else
                votes->different++;
        }
}

static double
confidence_of(gsize n_servers)
{
    double doubt = 1;

    for (gsize i = 1; i < n_servers; i++)
        doubt *= DOUBT_PER_SERVER;
    return 1 - doubt;
}

static StileNatVerdict
judge(const StileNatSample *const *samples, gsize n)
{
    StileNatVerdict verdict = {STILE_NAT_UNKNOWN, n > 0, 0};
    gsize unmapped = 0;
    Votes addresses, ports;

    for (gsize i = 0; i < n; i++) {
        unmapped += stile_address_equal(&samples[i]->base, &samples[i]->mapped);
        verdict.preserves_port &= stile_address_port(&samples[i]->base) ==
                                  stile_address_port(&samples[i]->mapped);
    }
    compare(samples, n, &addresses, &ports);
    if (n > 0 && unmapped == n) {
        /* One server is enough: that it named our own address by accident is not likely. */
        verdict.mapping = STILE_NAT_NONE;
        verdict.confidence = confidence_of(n + 1);
    } else if (ports.different > 0) {
        verdict.mapping = STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
        verdict.confidence = confidence_of(n);
    } else if (addresses.same > 0) {
        /* Servers that saw the same do not come about under a mapping per server; the others saw
         * the NAT evade a port in use, or another of its addresses. */
        verdict.mapping = STILE_NAT_ENDPOINT_INDEPENDENT;
        verdict.confidence = confidence_of(n) * addresses.same /
                             (addresses.same + addresses.different);
    } else if (addresses.different > 0 && ports.same > 0) {
        verdict.mapping = STILE_NAT_ADDRESS_DEPENDENT;
        verdict.confidence = confidence_of(n);
    } else if (addresses.different == 0 && ports.same > 0) {
        /* On the address, and not on the port? There are few such. */
        verdict.mapping = STILE_NAT_ENDPOINT_INDEPENDENT;
        verdict.confidence = confidence_of(n) * ODDITY;
    } else if (addresses.different > 0) {
        /* On the port as well? Nobody asked; the harder one is assumed. */
        verdict.mapping = STILE_NAT_ADDRESS_AND_PORT_DEPENDENT;
        verdict.confidence = confidence_of(n) * ODDITY;
    }
    return verdict;
}

StileNatVerdict
stile_nat_judge_mapping(const StileNatSample *samples, gsize n_samples)
{
    g_autofree const StileNatSample **newest = g_new(const StileNatSample *, n_samples + 1);
    gboolean changed;
    gsize n = take_newest(samples, n_samples, newest, &changed);
    StileNatVerdict verdict = judge(newest, n);

    if (changed)
        verdict.confidence *= ODDITY;
    return verdict;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the double finds in front of the machine: one for each thing that stilectl has to explain.
 */
#include "fake-engine.h"
#include <string.h>

typedef struct {
    const char *name;
    const char *mapping, *filtering, *cone_name, *allocation;
    int delta;
    guint16 first, last;
    const char *hairpin;
    const char *public_address, *port_mapping;
    guint layers;
    const char *nat64_prefix;
    gboolean ipv6, udp_blocked, captive_portal;
    double confidence;
} Kind;

static const Kind kinds[] = {
    {.name = "open",
     .mapping = "none",
     .filtering = "none",
     .cone_name = "open-internet",
     .allocation = "preserving",
     .hairpin = "unknown",
     .public_address = "203.0.113.7",
     .ipv6 = TRUE,
     .confidence = 0.9375},
    {.name = "firewall",
     .mapping = "none",
     .filtering = "address-and-port-dependent",
     .cone_name = "symmetric-firewall",
     .allocation = "preserving",
     .hairpin = "unknown",
     .public_address = "203.0.113.7",
     .confidence = 0.75},
    {.name = "cone",
     .mapping = "endpoint-independent",
     .filtering = "endpoint-independent",
     .cone_name = "full-cone",
     .allocation = "random",
     .hairpin = "yes",
     .public_address = "203.0.113.7",
     .port_mapping = "pcp",
     .layers = 1,
     .confidence = 0.9375},
    {.name = "home",
     .mapping = "endpoint-independent",
     .filtering = "address-and-port-dependent",
     .cone_name = "port-restricted-cone",
     .allocation = "preserving",
     .hairpin = "no",
     .public_address = "203.0.113.7",
     .port_mapping = "nat-pmp",
     .layers = 1,
     .ipv6 = TRUE,
     .confidence = 0.75},
    {.name = "carrier",
     .mapping = "address-and-port-dependent",
     .filtering = "address-and-port-dependent",
     .cone_name = "symmetric",
     .allocation = "block",
     .first = 30000,
     .last = 31023,
     .hairpin = "unknown",
     .public_address = "203.0.113.7",
     .port_mapping = "upnp-igd",
     .layers = 2,
     .nat64_prefix = "64:ff9b::/96",
     .confidence = 0.75},
    {.name = "counting",
     .mapping = "address-dependent",
     .filtering = "address-dependent",
     .cone_name = "symmetric",
     .allocation = "sequential",
     .delta = -2,
     .hairpin = "unknown",
     .public_address = "203.0.113.7",
     .layers = 1,
     .confidence = 0.375},
    {.name = "blocked",
     .mapping = "unknown",
     .filtering = "unknown",
     .cone_name = "udp-blocked",
     .allocation = "",
     .hairpin = "unknown",
     .udp_blocked = TRUE,
     .captive_portal = TRUE,
     .confidence = 0.75},
    {.name = "plain",
     .mapping = "endpoint-independent",
     .filtering = "unknown",
     .cone_name = "unknown",
     .allocation = "preserving",
     .hairpin = "no",
     .public_address = "203.0.113.7",
     .layers = 1,
     .confidence = 0.75},
};

static const Kind unknown = {.mapping = "unknown",
                             .filtering = "unknown",
                             .cone_name = "unknown",
                             .allocation = "",
                             .hairpin = "unknown"};

void
fake_nat_become(StileNat *nat, const char *name)
{
    const Kind *kind = &unknown;
    const char *addresses[] = {NULL, NULL}, *protocols[] = {NULL, NULL};

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            kind = &kinds[i];
    addresses[0] = kind->public_address;
    protocols[0] = kind->port_mapping;
    g_object_set(
        nat, "mapping", kind->mapping, "filtering", kind->filtering, "cone-name", kind->cone_name,
        "port-allocation", kind->allocation, "port-delta", kind->delta, "port-block",
        g_variant_new("(qq)", kind->first, kind->last), "hairpin", kind->hairpin,
        "mapping-lifetime", 0, "public-addresses", addresses, "port-mapping", protocols, "layers",
        kind->layers, "nat64-prefix", kind->nat64_prefix, "ipv6", kind->ipv6, "udp-blocked",
        kind->udp_blocked, "captive-portal", kind->captive_portal, "confidence", kind->confidence,
        "last-probe",
        kind == &unknown ? G_GUINT64_CONSTANT(0) : G_GUINT64_CONSTANT(1700000000000000), NULL);
}

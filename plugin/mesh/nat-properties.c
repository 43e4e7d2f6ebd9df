/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/nat-private.h"
#include "nat/behaviour.h"

enum {
    PROP_MAPPING = 1,
    PROP_FILTERING,
    PROP_CONE_NAME,
    PROP_PORT_ALLOCATION,
    PROP_PORT_DELTA,
    PROP_PORT_BLOCK,
    PROP_HAIRPIN,
    PROP_MAPPING_LIFETIME,
    PROP_PUBLIC_ADDRESSES,
    PROP_PORT_MAPPING,
    PROP_LAYERS,
    PROP_NAT64_PREFIX,
    PROP_IPV6,
    PROP_UDP_BLOCKED,
    PROP_CAPTIVE_PORTAL,
    PROP_CONFIDENCE,
    PROP_LAST_PROBE,
    N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE(StileNat, stile_nat, G_TYPE_OBJECT)

/* Properties */

static GStrv
public_addresses(StileNat *nat)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (guint i = 0; i < nat->report.n_public; i++) {
        g_autofree char *text = stile_address_ip_to_string(&nat->report.public_addresses[i]);

        g_strv_builder_add(builder, text);
    }
    return g_strv_builder_end(builder);
}

static GStrv
port_mapping(StileNat *nat)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (nat->protocol != STILE_PORTMAP_NONE)
        g_strv_builder_add(builder, stile_portmap_protocol_to_string(nat->protocol));
    return g_strv_builder_end(builder);
}

static char *
nat64_prefix(StileNat *nat)
{
    StilePrefix prefix = stile_nat64_watch_prefix(nat->nat64);

    return prefix.length ? stile_prefix_to_string(&prefix) : g_strdup("");
}

static gboolean
is_captive(StileNat *nat)
{
    return g_network_monitor_get_connectivity(nat->monitor) == G_NETWORK_CONNECTIVITY_PORTAL;
}

static void
stile_nat_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    StileNat *nat = STILE_NAT(object);
    const StileNatReport *report = &nat->report;

    switch (id) {
    case PROP_MAPPING:
        g_value_set_string(value, stile_nat_behaviour_to_string(report->mapping));
        break;
    case PROP_FILTERING:
        g_value_set_string(value, stile_nat_behaviour_to_string(report->filtering));
        break;
    case PROP_CONE_NAME:
        g_value_set_string(
            value, stile_nat_cone_name(report->mapping, report->filtering, report->udp_blocked));
        break;
    case PROP_PORT_ALLOCATION:
        g_value_set_string(value, stile_nat_allocation_to_string(report->allocation.kind));
        break;
    case PROP_PORT_DELTA:
        g_value_set_int(value, report->allocation.delta);
        break;
    case PROP_PORT_BLOCK:
        g_value_set_variant(
            value, g_variant_new("(qq)", report->allocation.first, report->allocation.last));
        break;
    case PROP_HAIRPIN:
        g_value_set_string(value, stile_nat_hairpin_to_string(report->hairpin));
        break;
    case PROP_MAPPING_LIFETIME:
        g_value_set_uint(value, report->lifetime);
        break;
    case PROP_PUBLIC_ADDRESSES:
        g_value_take_boxed(value, public_addresses(nat));
        break;
    case PROP_PORT_MAPPING:
        g_value_take_boxed(value, port_mapping(nat));
        break;
    case PROP_LAYERS:
        g_value_set_uint(value, nat->layers);
        break;
    case PROP_NAT64_PREFIX:
        g_value_take_string(value, nat64_prefix(nat));
        break;
    case PROP_IPV6:
        g_value_set_boolean(value, nat->ipv6);
        break;
    case PROP_UDP_BLOCKED:
        g_value_set_boolean(value, report->udp_blocked);
        break;
    case PROP_CAPTIVE_PORTAL:
        g_value_set_boolean(value, is_captive(nat));
        break;
    case PROP_CONFIDENCE:
        g_value_set_double(value, report->confidence);
        break;
    case PROP_LAST_PROBE:
        g_value_set_uint64(value, (guint64)nat->last_probe);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

void
stile_nat_notify_all(StileNat *nat)
{
    for (guint i = 1; i < N_PROPS; i++)
        g_object_notify_by_pspec(G_OBJECT(nat), props[i]);
}

static void
stile_nat_finalize(GObject *object)
{
    stile_nat_release(STILE_NAT(object));
    G_OBJECT_CLASS(stile_nat_parent_class)->finalize(object);
}

static void
stile_nat_class_init(StileNatClass *class)
{
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = stile_nat_get_property;
    object_class->finalize = stile_nat_finalize;
    props[PROP_MAPPING] = g_param_spec_string("mapping", NULL, NULL, "", flags);
    props[PROP_FILTERING] = g_param_spec_string("filtering", NULL, NULL, "", flags);
    props[PROP_CONE_NAME] = g_param_spec_string("cone-name", NULL, NULL, "", flags);
    props[PROP_PORT_ALLOCATION] = g_param_spec_string("port-allocation", NULL, NULL, "", flags);
    props[PROP_PORT_DELTA] = g_param_spec_int("port-delta", NULL, NULL, G_MININT, G_MAXINT, 0,
                                              flags);
    props[PROP_PORT_BLOCK] = g_param_spec_variant("port-block", NULL, NULL, G_VARIANT_TYPE("(qq)"),
                                                  NULL, flags);
    props[PROP_HAIRPIN] = g_param_spec_string("hairpin", NULL, NULL, "", flags);
    props[PROP_MAPPING_LIFETIME] = g_param_spec_uint("mapping-lifetime", NULL, NULL, 0, G_MAXUINT,
                                                     0, flags);
    props[PROP_PUBLIC_ADDRESSES] = g_param_spec_boxed("public-addresses", NULL, NULL, G_TYPE_STRV,
                                                      flags);
    props[PROP_PORT_MAPPING] = g_param_spec_boxed("port-mapping", NULL, NULL, G_TYPE_STRV, flags);
    props[PROP_LAYERS] = g_param_spec_uint("layers", NULL, NULL, 0, G_MAXUINT, 0, flags);
    props[PROP_NAT64_PREFIX] = g_param_spec_string("nat64-prefix", NULL, NULL, "", flags);
    props[PROP_IPV6] = g_param_spec_boolean("ipv6", NULL, NULL, FALSE, flags);
    props[PROP_UDP_BLOCKED] = g_param_spec_boolean("udp-blocked", NULL, NULL, FALSE, flags);
    props[PROP_CAPTIVE_PORTAL] = g_param_spec_boolean("captive-portal", NULL, NULL, FALSE, flags);
    props[PROP_CONFIDENCE] = g_param_spec_double("confidence", NULL, NULL, 0, 1, 0, flags);
    props[PROP_LAST_PROBE] = g_param_spec_uint64("last-probe", NULL, NULL, 0, G_MAXUINT64, 0,
                                                 flags);
    g_object_class_install_properties(object_class, N_PROPS, props);
}

static void
stile_nat_init(StileNat *nat)
{
    nat->waiting = g_ptr_array_new_with_free_func(g_object_unref);
    nat->monitor = g_network_monitor_get_default();
}

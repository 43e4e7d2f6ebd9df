/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proves that the real engine and the bus interface fit together: every property of the XML is a
 * property of the engine's object, of a type that becomes the one on the bus; every list of
 * children has its signals; every method of the XML is in the table, and nothing else.
 */
#include "dbus/kinds.h"
#include "dbus/names.h"
#include "stile.h"
#include <string.h>

typedef struct {
    const char *name;
    const StileKind *kind;
    GType (*type)(void);
} Pair;

static const Pair pairs[] = {
    {"/bus-engine/manager", &stile_manager_kind, stile_engine_get_type},
    {"/bus-engine/network", &stile_network_kind, stile_network_get_type},
    {"/bus-engine/peer", &stile_peer_kind, stile_peer_get_type},
    {"/bus-engine/path", &stile_path_kind, stile_path_get_type},
    {"/bus-engine/relay", &stile_relay_kind, stile_relay_get_type},
    {"/bus-engine/nat", &stile_nat_kind, stile_nat_get_type},
};

static gboolean
fits(const GParamSpec *pspec, const char *signature)
{
    GType type = pspec->value_type;

    if (g_str_equal(signature, "s"))
        return type == G_TYPE_STRING;
    if (g_str_equal(signature, "as"))
        return type == G_TYPE_STRV;
    if (g_str_equal(signature, "o"))
        return g_type_is_a(type, G_TYPE_OBJECT);
    if (g_str_equal(signature, "b"))
        return type == G_TYPE_BOOLEAN;
    if (g_str_equal(signature, "d"))
        return type == G_TYPE_DOUBLE;
    if (g_str_equal(signature, "u"))
        return type == G_TYPE_UINT;
    if (g_str_equal(signature, "i"))
        return type == G_TYPE_INT;
    if (g_str_equal(signature, "t"))
        return type == G_TYPE_UINT64;
    return type == G_TYPE_VARIANT &&
           g_variant_type_equal(((const GParamSpecVariant *)pspec)->type, signature);
}

static const StileChildren *
children_of(const StileKind *kind, const char *property)
{
    for (const StileChildren *c = kind->children; c && c->property; c++)
        if (g_str_equal(c->property, property))
            return c;
    return NULL;
}

static void
check_children(GType type, const StileChildren *children, const char *signature)
{
    g_assert_cmpstr(signature, ==, "ao");
    g_assert_cmpuint(g_signal_lookup(children->added, type), !=, 0);
    g_assert_cmpuint(g_signal_lookup(children->removed, type), !=, 0);
}

static void
test_properties(gconstpointer data)
{
    const Pair *pair = data;
    GType type = pair->type();
    g_autoptr(GTypeClass) class = g_type_class_ref(type);

    for (GDBusPropertyInfo **p = pair->kind->interface->properties; *p; p++) {
        const StileChildren *children = children_of(pair->kind, (*p)->name);
        g_autofree char *name = stile_name_to_dashes((*p)->name);
        GParamSpec *pspec = g_object_class_find_property(G_OBJECT_CLASS(class), name);
        g_test_message("%s", (*p)->name);
        if (children) {
            check_children(type, children, (*p)->signature);
            continue;
        }
        g_assert_nonnull(pspec);
        g_assert_true(pspec->flags & G_PARAM_READABLE);
        g_assert_true(fits(pspec, (*p)->signature));
    }
}

static void
test_methods(gconstpointer data)
{
    const Pair *pair = data;
    guint in_table = 0, in_xml = 0;

    for (GDBusMethodInfo **m = pair->kind->interface->methods; m && *m; m++)
        in_xml++;
    for (const StileMethod *m = pair->kind->methods; m && m->name; m++) {
        g_assert_nonnull(g_dbus_interface_info_lookup_method(
            (GDBusInterfaceInfo *)pair->kind->interface, m->name));
        in_table++;
    }
    g_assert_cmpuint(in_table, ==, in_xml);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *properties = g_strconcat(pairs[i].name, "/properties", NULL);
        g_autofree char *methods = g_strconcat(pairs[i].name, "/methods", NULL);
        g_test_add_data_func(properties, &pairs[i], test_properties);
        g_test_add_data_func(methods, &pairs[i], test_methods);
    }
    return g_test_run();
}

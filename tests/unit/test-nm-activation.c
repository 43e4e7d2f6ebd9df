/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One activation as a conversation on a real bus, with a double of the service that does what each
 * case says: known and unknown networks, invitations, refusals, a service that dies, one that is
 * told Down by somebody else.
 */
#include "config.h"

#include "activation.h"
#include "profile.h"

#define SERVICE "net.stile.Stile1"
#define NETWORK "++//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PATH    "/net/stile/Stile1/network/1"

typedef struct {
    GTestDBus *bus;
    GDBusConnection *service;
    GDBusConnection *client;
    guint own;
    guint objects[2];
    GString *calls;  /* what the service was asked, in order */
    GString *events; /* what the activation said */
    gboolean member;
    const char *join_error;
    const char *interface;
    gboolean die_at_up;
    StileActivation *activation;
} World;

static const char xml[] =
    "<node>"
    "<interface name='org.freedesktop.DBus.ObjectManager'><method name='GetManagedObjects'>"
    "<arg type='a{oa{sa{sv}}}' direction='out'/></method></interface>"
    "<interface name='net.stile.Stile1.Manager'><method name='JoinNetwork'>"
    "<arg type='s' direction='in'/><arg type='a{sv}' direction='in'/>"
    "<arg type='o' direction='out'/></method></interface>"
    "<interface name='net.stile.Stile1.Network'>"
    "<method name='Up'><arg type='a{sv}' direction='in'/></method><method name='Down'/>"
    "<property name='Id' type='s' access='read'/><property name='Interface' type='s' "
    "access='read'/>"
    "<property name='Addresses' type='as' access='read'/><property name='Mtu' type='u' "
    "access='read'/>"
    "</interface></node>";

static void
emit_state(World *world, const char *state)
{
    g_autoptr(GError) error = NULL;

    g_dbus_connection_emit_signal(
        world->service, NULL, PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged",
        g_variant_new_parsed("(%s, {'State': <%s>}, @as [])", SERVICE ".Network", state), &error);
    g_assert_no_error(error);
}

static void
withdraw(World *world)
{
    g_bus_unown_name(world->own);
    world->own = 0;
}

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data)
{
    World *world = data;

    g_string_append_printf(world->calls, "%s ", method);
    if (g_str_equal(method, "GetManagedObjects")) {
        g_dbus_method_invocation_return_value(
            invocation, world->member ? g_variant_new_parsed(
                                            "({%o: {'net.stile.Stile1.Network': {'Id': <%s>}}},)",
                                            PATH, NETWORK)
                                      : g_variant_new_parsed("(@a{oa{sa{sv}}} {},)"));
    } else if (g_str_equal(method, "JoinNetwork")) {
        if (world->join_error != NULL) {
            g_dbus_method_invocation_return_dbus_error(invocation, world->join_error,
                                                       "It is not to be");
            return;
        }
        world->member = TRUE;
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", PATH));
    } else if (g_str_equal(method, "Up")) {
        g_autoptr(GVariant) options = g_variant_get_child_value(arguments, 0);
        gboolean managed = FALSE;

        g_assert_true(g_variant_lookup(options, "managed", "b", &managed) && managed);
        if (world->die_at_up) {
            world->die_at_up = FALSE;
            g_dbus_method_invocation_return_dbus_error(
                invocation, "org.freedesktop.DBus.Error.NoReply", "died");
            return;
        }
        world->interface = "stile0";
        g_dbus_method_invocation_return_value(invocation, NULL);
    } else {
        world->interface = "";
        g_dbus_method_invocation_return_value(invocation, NULL);
    }
}

static GVariant *
on_get(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
       const char *property, GError **error, gpointer data)
{
    World *world = data;

    if (g_str_equal(property, "Id"))
        return g_variant_new_string(NETWORK);
    if (g_str_equal(property, "Interface"))
        return g_variant_new_string(world->interface);
    if (g_str_equal(property, "Mtu"))
        return g_variant_new_uint32(1420);
    return g_variant_new_strv((const char *[]){"10.86.0.2/16", "fd86::2/64"}, 2);
}

static void export(World *world, const char *path, const char *name, guint *ret_id)
{
    static const GDBusInterfaceVTable vtable = {on_call, on_get, NULL, {NULL}};
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);
    g_autoptr(GError) error = NULL;

    *ret_id = g_dbus_connection_register_object(world->service, path,
                                                g_dbus_node_info_lookup_interface(node, name),
                                                &vtable, world, NULL, &error);
    g_assert_no_error(error);
}

static void
on_name(GDBusConnection *bus, const char *name, gpointer data)
{
    *(gboolean *)data = TRUE;
}

static void
offer(World *world)
{
    gboolean owned = FALSE;

    world->own = g_bus_own_name_on_connection(world->service, SERVICE, G_BUS_NAME_OWNER_FLAGS_NONE,
                                              on_name, NULL, &owned, NULL);
    while (!owned)
        g_main_context_iteration(NULL, TRUE);
}

static GDBusConnection *
connect_bus(World *world)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = g_dbus_connection_new_for_address_sync(
        g_test_dbus_get_bus_address(world->bus),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &error);

    g_assert_no_error(error);
    return bus;
}

static void
set_up(World *world, gconstpointer data)
{
    guint ignored;

    world->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(world->bus);
    world->service = connect_bus(world);
    world->client = connect_bus(world);
    world->calls = g_string_new(NULL);
    world->events = g_string_new(NULL);
    world->interface = "";
    export(world, "/net/stile/Stile1", "org.freedesktop.DBus.ObjectManager", &ignored);
    export(world, "/net/stile/Stile1", SERVICE ".Manager", &ignored);
    export(world, PATH, SERVICE ".Network", &ignored);
    offer(world);
}

static void
tear_down(World *world, gconstpointer data)
{
    g_clear_object(&world->activation);
    if (world->own != 0)
        withdraw(world);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_dbus_connection_close_sync(world->client, NULL, NULL);
    g_dbus_connection_close_sync(world->service, NULL, NULL);
    g_object_unref(world->client);
    g_object_unref(world->service);
    g_string_free(world->calls, TRUE);
    g_string_free(world->events, TRUE);
    g_test_dbus_down(world->bus);
    g_object_unref(world->bus);
}

static void
on_configured(StileActivation *activation, StileIpConfig *config, World *world)
{
    const char *device = NULL;

    g_assert_nonnull(config->ip4);
    g_assert_nonnull(config->ip6);
    g_assert_true(g_variant_lookup(config->config, "tundev", "&s", &device));
    g_string_append_printf(world->events, "configured:%s ", device);
}

static void
on_joined(StileActivation *activation, const char *id, World *world)
{
    g_assert_cmpstr(id, ==, NETWORK);
    g_string_append(world->events, "joined ");
}

static void
on_failed(StileActivation *activation, int failure, const char *sentence, World *world)
{
    g_string_append_printf(world->events, "failed:%d:%s ", failure, sentence);
}

static void
on_ended(StileActivation *activation, World *world)
{
    g_string_append(world->events, "ended ");
}

static void
start(World *world, const char *network, const char *invitation)
{
    g_autoptr(NMSettingVpn) profile = NM_SETTING_VPN(nm_setting_vpn_new());

    if (network != NULL)
        nm_setting_vpn_add_data_item(profile, STILE_PROFILE_NETWORK, network);
    if (invitation != NULL)
        nm_setting_vpn_add_secret(profile, STILE_PROFILE_INVITATION, invitation);
    world->activation = stile_activation_new(world->client, profile);
    g_signal_connect(world->activation, "configured", G_CALLBACK(on_configured), world);
    g_signal_connect(world->activation, "joined", G_CALLBACK(on_joined), world);
    g_signal_connect(world->activation, "failed", G_CALLBACK(on_failed), world);
    g_signal_connect(world->activation, "ended", G_CALLBACK(on_ended), world);
    stile_activation_start(world->activation);
}

static gboolean
on_too_long(gpointer data)
{
    World *world = data;

    g_error("it hangs; calls: %s; events: %s", world->calls->str, world->events->str);
    return G_SOURCE_REMOVE;
}

/* Until the activation has said all of that, and nothing else. */
static void
await(World *world, const char *events)
{
    g_autoptr(GSource) guard = g_timeout_source_new_seconds(30);

    g_source_set_callback(guard, on_too_long, world, NULL);
    g_source_attach(guard, NULL);
    while (strlen(world->events->str) < strlen(events))
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(guard);
    g_assert_cmpstr(world->events->str, ==, events);
    g_string_truncate(world->events, 0);
}

static void
test_known(World *world, gconstpointer data)
{
    world->member = TRUE;
    start(world, NETWORK, NULL);
    await(world, "configured:stile0 ");
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects Up ");
}

static void
test_unknown(World *world, gconstpointer data)
{
    start(world, NETWORK, NULL);
    await(world, "failed:1:this machine is not a member of the network that the profile names ");
    g_clear_object(&world->activation);
    start(world, NULL, NULL);
    await(world, "failed:1:the profile names no network and has no invitation to one ");
}

static void
test_invitation(World *world, gconstpointer data)
{
    start(world, NULL, "stile:AAAA");
    await(world, "joined configured:stile0 ");
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects JoinNetwork Up ");
}

/* The machine went down between joining and telling the profile. */
static void
test_redeemed_before(World *world, gconstpointer data)
{
    world->member = TRUE;
    start(world, NETWORK, "stile:AAAA");
    await(world, "joined configured:stile0 ");
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects Up ");
}

static void
test_refused(World *world, gconstpointer data)
{
    world->join_error = SERVICE ".Error.Expired";
    start(world, NETWORK, "stile:AAAA");
    await(world, "failed:0:It is not to be ");
    g_clear_object(&world->activation);
    world->join_error = SERVICE ".Error.Unreachable";
    start(world, NETWORK, "stile:AAAA");
    await(world, "failed:1:It is not to be ");
}

static void
test_service_dies(World *world, gconstpointer data)
{
    world->member = TRUE;
    start(world, NETWORK, NULL);
    await(world, "configured:stile0 ");
    withdraw(world);
    offer(world);
    await(world, "configured:stile0 ");
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects Up GetManagedObjects Up ");
}

static void
test_service_dies_early(World *world, gconstpointer data)
{
    world->member = TRUE;
    world->die_at_up = TRUE;
    start(world, NETWORK, NULL);
    await(world, "configured:stile0 ");
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects Up GetManagedObjects Up ");
}

static void
test_removed_meanwhile(World *world, gconstpointer data)
{
    world->member = TRUE;
    start(world, NETWORK, NULL);
    await(world, "configured:stile0 ");
    world->member = FALSE;
    withdraw(world);
    offer(world);
    await(world, "ended ");
}

/* The first Down right after Up may be one of the activation before; the second is meant. */
static void
test_down_by_others(World *world, gconstpointer data)
{
    world->member = TRUE;
    start(world, NETWORK, NULL);
    await(world, "configured:stile0 ");
    emit_state(world, "down");
    await(world, "configured:stile0 ");
    emit_state(world, "down");
    await(world, "ended ");
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects Up Up ");
}

static void
on_stopped(GObject *source, GAsyncResult *result, gpointer data)
{
    stile_activation_stop_finish(STILE_ACTIVATION(source), result);
    *(gboolean *)data = TRUE;
}

static void
test_stop(World *world, gconstpointer data)
{
    gboolean stopped = FALSE;

    world->member = TRUE;
    start(world, NETWORK, NULL);
    await(world, "configured:stile0 ");
    stile_activation_stop(world->activation, on_stopped, &stopped);
    while (!stopped)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(world->calls->str, ==, "GetManagedObjects Up Down ");
    emit_state(world, "down");
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpstr(world->events->str, ==, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/nm/activation/" name, World, NULL, set_up, function, tear_down)
    ADD("known", test_known);
    ADD("unknown", test_unknown);
    ADD("invitation", test_invitation);
    ADD("redeemed-before", test_redeemed_before);
    ADD("refused", test_refused);
    ADD("service-dies", test_service_dies);
    ADD("service-dies-early", test_service_dies_early);
    ADD("removed-meanwhile", test_removed_meanwhile);
    ADD("down-by-others", test_down_by_others);
    ADD("stop", test_stop);
    return g_test_run();
}

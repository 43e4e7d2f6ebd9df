/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proves that the objects of the engine appear on a real message bus as the contract says: found
 * through the ObjectManager, with the engine's values, followed as they come, change and go; that
 * errors carry our names; that changes are sent once per turn, before the answer of the call that
 * made them, and not at all when nothing changed; and who is subscribed.
 */
#include "dbus/bridge.h"
#include "dbus/error.h"
#include "dbus/kinds.h"
#include "dbus/names.h"
#include "dbus/tree.h"
#include "dbus/value.h"
#include "fake-engine.h"
#include "private-bus.h"
#include <string.h>

typedef struct {
    PrivateBus *bus;
    GDBusConnection *service, *client;
    StileEngine *engine;
    StileNetwork *network;
    StileTree *tree;
    GString *heard; /* what the client heard, a line for each signal */
    guint listener;
} Fixture;

static void
on_heard(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
         const char *signal, GVariant *parameters, gpointer user_data)
{
    Fixture *f = user_data;

    if (g_str_equal(signal, "PropertiesChanged")) {
        g_autoptr(GVariant) changes = g_variant_get_child_value(parameters, 1);
        g_autofree char *text = g_variant_print(changes, FALSE);
        g_string_append_printf(f->heard, "%s %s\n", path, text);
    } else {
        const char *object = NULL;
        g_variant_get_child(parameters, 0, "&o", &object);
        g_string_append_printf(f->heard, "%s %s\n", signal, object);
    }
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) warnings = NULL;
    g_autoptr(GPtrArray) networks = NULL;

    f->bus = private_bus_new();
    if (!f->bus)
        return;
    f->service = private_bus_connect(f->bus);
    f->client = private_bus_connect(f->bus);
    f->engine = stile_engine_new("/home", &warnings, &error);
    networks = stile_engine_networks(f->engine);
    f->network = g_object_ref(networks->pdata[0]);
    f->tree = stile_tree_new(f->service, &stile_manager_kind, G_OBJECT(f->engine), &error);
    g_assert_no_error(error);
    f->heard = g_string_new(NULL);
    f->listener = g_dbus_connection_signal_subscribe(
        f->client, g_dbus_connection_get_unique_name(f->service), NULL, NULL, NULL, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_heard, f, NULL);
}

static void
close_connection(GDBusConnection *connection)
{
    g_dbus_connection_close_sync(connection, NULL, NULL);
    g_object_unref(connection);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    if (!f->bus)
        return;
    g_dbus_connection_signal_unsubscribe(f->client, f->listener);
    stile_tree_free(f->tree);
    g_object_unref(f->network);
    close_connection(f->client);
    close_connection(f->service);
    g_object_unref(f->engine);
    g_string_free(f->heard, TRUE);
    private_bus_free(f->bus);
}

static void
keep_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}

/* Calls while the service, in the same thread, answers. */
static GVariant *
call(Fixture *f, const char *path, const char *interface, const char *method, GVariant *parameters,
     GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    g_dbus_connection_call(f->client, g_dbus_connection_get_unique_name(f->service), path,
                           interface, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE, 10000, NULL,
                           keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    return g_dbus_connection_call_finish(f->client, result, error);
}

/* All signals that were on their way when this was called have been heard when it returns. */
static void
settle(Fixture *f)
{
    g_autoptr(GVariant) pong = NULL;

    while (g_main_context_iteration(NULL, FALSE))
        ;
    pong = call(f, "/", "org.freedesktop.DBus.Peer", "Ping", NULL, NULL);
    g_assert_nonnull(pong);
}

static GVariant *
get(Fixture *f, const char *path, const char *interface, const char *property)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer = call(f, path, "org.freedesktop.DBus.Properties", "Get",
                                      g_variant_new("(ss)", interface, property), &error);
    GVariant *value = NULL;

    g_assert_no_error(error);
    g_variant_get(answer, "(v)", &value);
    return value;
}

static void
assert_property(Fixture *f, const char *path, const char *interface, const char *property,
                const char *expected)
{
    g_autoptr(GVariant) value = get(f, path, interface, property);
    g_autofree char *text = g_variant_print(value, TRUE);

    g_assert_cmpstr(text, ==, expected);
}

static void
assert_remote(const GError *error, const char *name)
{
    g_autofree char *remote = error ? g_dbus_error_get_remote_error(error) : NULL;
    g_autofree char *expected = g_strconcat(STILE_ERROR_PREFIX, name, NULL);

    g_assert_cmpstr(remote, ==, expected);
}

static gboolean
skipped(Fixture *f)
{
    if (!f->bus)
        g_test_skip("no dbus-daemon here");
    return !f->bus;
}

#define NETWORK STILE_ROOT_PATH "/network/1"
#define LAPTOP  NETWORK "/peer/1"
#define NAT     STILE_ROOT_PATH "/nat"

static void
test_objects(Fixture *f, gconstpointer data)
{
    static const char *expected[] = {NAT,
                                     NETWORK,
                                     LAPTOP,
                                     LAPTOP "/path/1",
                                     LAPTOP "/path/2",
                                     NETWORK "/peer/2",
                                     NETWORK "/peer/2/path/1",
                                     NETWORK "/peer/2/path/2",
                                     NETWORK "/peer/2/path/3",
                                     NETWORK "/peer/3",
                                     NETWORK "/peer/4",
                                     NETWORK "/relay/1",
                                     NETWORK "/relay/2"};
    g_autoptr(GVariant) answer = NULL;
    g_autoptr(GVariant) objects = NULL;
    g_autoptr(GVariant) laptop = NULL;
    g_autoptr(GVariant) properties = NULL;
    g_autoptr(GError) error = NULL;
    const char *active = NULL;
    guint64 received = 0;

    if (skipped(f))
        return;
    answer = call(f, STILE_ROOT_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                  NULL, &error);
    g_assert_no_error(error);
    objects = g_variant_get_child_value(answer, 0);
    g_assert_cmpuint(g_variant_n_children(objects), ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(GVariant) object = g_variant_lookup_value(objects, expected[i], NULL);
        g_assert_nonnull(object);
    }
    laptop = g_variant_lookup_value(objects, LAPTOP, NULL);
    properties = g_variant_lookup_value(laptop, STILE_INTERFACE_PEER, NULL);
    g_assert_true(g_variant_lookup(properties, "ActivePath", "&o", &active));
    g_assert_cmpstr(active, ==, LAPTOP "/path/1");
    g_assert_true(g_variant_lookup(properties, "RxBytes", "t", &received));
    g_assert_cmpuint(received, ==, 123456789);
}

static void
test_properties(Fixture *f, gconstpointer data)
{
    if (skipped(f))
        return;
    assert_property(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "Networks",
                    "[objectpath '" NETWORK "']");
    assert_property(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "Version", "'0.1.0'");
    assert_property(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "Nat", "objectpath '" NAT "'");
    assert_property(f, NAT, STILE_INTERFACE_NAT, "ConeName", "'unknown'");
    assert_property(f, NAT, STILE_INTERFACE_NAT, "PortBlock", "(uint16 0, uint16 0)");
    assert_property(f, NAT, STILE_INTERFACE_NAT, "PublicAddresses", "@as []");
    assert_property(f, NETWORK, STILE_INTERFACE_NETWORK, "Rendezvous",
                    "[('mqtts://broker.example:8883', 'connected'),"
                    " ('mqtt://second.example', 'Connection refused')]");
    assert_property(f, NETWORK, STILE_INTERFACE_NETWORK, "Mtu", "uint32 1280");
    assert_property(f, NETWORK, STILE_INTERFACE_NETWORK, "Creator", "true");
    assert_property(f, NETWORK "/peer/3", STILE_INTERFACE_PEER, "ActivePath", "objectpath '/'");
    assert_property(f, NETWORK "/peer/3", STILE_INTERFACE_PEER, "Paths", "@ao []");
    assert_property(f, NETWORK "/peer/3", STILE_INTERFACE_PEER, "DirectOdds", "-1.0");
    assert_property(f, NETWORK "/relay/2", STILE_INTERFACE_RELAY, "ErrorText",
                    "'401 Unauthorized'");
    /* Never set by the engine: empty, not missing. */
    assert_property(f, NETWORK "/relay/2", STILE_INTERFACE_RELAY, "Relayed", "''");
}

/* What came from the network may be no UTF-8; the bus would cut off a service that sends it. */
static void
test_not_utf8(Fixture *f, gconstpointer data)
{
    if (skipped(f))
        return;
    g_object_set(f->network, "self", "caf\xe9", NULL);
    assert_property(f, NETWORK, STILE_INTERFACE_NETWORK, "Self", "'caf\xef\xbf\xbd'");
}

static void
test_changes(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) peers = NULL;

    if (skipped(f))
        return;
    peers = stile_network_peers(f->network);
    settle(f);
    g_string_truncate(f->heard, 0);

    /* Many changes in a turn are one signal, with what holds at the end. */
    g_object_set(peers->pdata[0], "state", "connecting", "rtt", 5, NULL);
    g_object_set(peers->pdata[0], "state", "relayed", NULL);
    settle(f);
    g_assert_cmpstr(f->heard->str, ==, LAPTOP " {'State': <'relayed'>, 'Rtt': <uint32 5>}\n");

    /* What is as it was is not told, nor what never changes. */
    g_string_truncate(f->heard, 0);
    g_object_set(peers->pdata[0], "state", "direct", NULL);
    g_object_set(peers->pdata[0], "state", "relayed", NULL);
    g_object_set(peers->pdata[0], "id", "another", NULL);
    settle(f);
    g_assert_cmpstr(f->heard->str, ==, "");

    /* A path that goes away takes ActivePath with it, without a dangling path in between. */
    {
        g_autoptr(GPtrArray) paths = stile_peer_paths(peers->pdata[0]);
        fake_peer_remove_path(peers->pdata[0], paths->pdata[0]);
        g_object_set(peers->pdata[0], "active-path", paths->pdata[1], NULL);
    }
    settle(f);
    g_assert_cmpstr(f->heard->str, ==,
                    "InterfacesRemoved " LAPTOP "/path/1\n" LAPTOP
                    " {'ActivePath': <objectpath '" LAPTOP
                    "/path/2'>, 'Paths': <[objectpath '" LAPTOP "/path/2']>}\n");
}

static void
test_coming_and_going(Fixture *f, gconstpointer data)
{
    g_autoptr(StilePeer) peer = NULL;
    g_autoptr(StilePath) path = NULL;

    if (skipped(f))
        return;
    peer = g_object_new(STILE_TYPE_PEER, "id", "ID-new", NULL);
    path = g_object_new(STILE_TYPE_PATH, "number", 7, NULL);
    settle(f);
    g_string_truncate(f->heard, 0);
    fake_network_add_peer(f->network, peer);
    fake_peer_add_path(peer, path);
    fake_network_remove_peer(f->network, peer);
    fake_network_add_peer(f->network, peer);
    settle(f);
    /* Its number is a new one: the old path names an object that is gone. */
    g_assert_true(g_str_has_prefix(f->heard->str, "InterfacesAdded " NETWORK "/peer/5\n"
                                                  "InterfacesAdded " NETWORK "/peer/5/path/7\n"
                                                  "InterfacesRemoved " NETWORK "/peer/5/path/7\n"
                                                  "InterfacesRemoved " NETWORK "/peer/5\n"
                                                  "InterfacesAdded " NETWORK "/peer/6\n"
                                                  "InterfacesAdded " NETWORK "/peer/6/path/7\n"));
    g_assert_nonnull(strstr(f->heard->str, NETWORK " {'Peers': <["));
    assert_property(f, NETWORK "/peer/6/path/7", STILE_INTERFACE_PATH, "Mtu", "uint32 0");
}

static void
test_methods(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer = NULL;
    const char *text = NULL;
    guint rtt = 0;

    if (skipped(f))
        return;
    answer = call(f, LAPTOP, STILE_INTERFACE_PEER, "Ping", g_variant_new("(u)", 100), &error);
    g_assert_no_error(error);
    g_variant_get(answer, "(u)", &rtt);
    g_assert_cmpuint(rtt, ==, 12300);
    g_clear_pointer(&answer, g_variant_unref);

    answer = call(f, NAT, STILE_INTERFACE_NAT, "Probe",
                  g_variant_new_parsed("({'stun': <['carrier']>},)"), &error);
    g_assert_no_error(error);
    assert_property(f, NAT, STILE_INTERFACE_NAT, "ConeName", "'symmetric'");
    assert_property(f, NAT, STILE_INTERFACE_NAT, "PortBlock", "(uint16 30000, uint16 31023)");
    assert_property(f, NAT, STILE_INTERFACE_NAT, "PublicAddresses", "['203.0.113.7']");
    g_clear_pointer(&answer, g_variant_unref);

    answer = call(f, NETWORK, STILE_INTERFACE_NETWORK, "Invite",
                  g_variant_new_parsed("('phone', {'valid': <uint64 60>})"), &error);
    g_assert_no_error(error);
    g_variant_get(answer, "(&s)", &text);
    g_assert_cmpstr(text, ==, "stile:home-phone-60");
    g_clear_pointer(&answer, g_variant_unref);

    /* Joining makes an object, and its path is the answer. */
    answer = call(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "JoinNetwork",
                  g_variant_new_parsed("('stile:good', @a{sv} {})"), &error);
    g_assert_no_error(error);
    g_variant_get(answer, "(&o)", &text);
    g_assert_cmpstr(text, ==, STILE_ROOT_PATH "/network/2");
    assert_property(f, text, STILE_INTERFACE_NETWORK, "Name", "'work'");
    g_clear_pointer(&answer, g_variant_unref);

    answer = call(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "RemoveNetwork",
                  g_variant_new("(o)", STILE_ROOT_PATH "/network/2"), &error);
    g_assert_no_error(error);
    assert_property(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "Networks",
                    "[objectpath '" NETWORK "']");
}

/* What a call changed is told before the call is answered. */
static void
test_order(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer = NULL;

    if (skipped(f))
        return;
    settle(f);
    g_string_truncate(f->heard, 0);
    answer = call(f, NETWORK, STILE_INTERFACE_NETWORK, "Down", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(f->heard->str, ==, NETWORK " {'State': <'down'>, 'Interface': <''>}\n");
}

static void
test_errors(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *path, *interface, *method, *parameters, *name;
    } cases[] = {
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "CreateNetwork", "('x', @a{sv} {})",
         "InvalidArgument"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "CreateNetwork",
         "('home', {'rendezvous': <['mqtt://b']>})", "Exists"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "CreateNetwork", "('x', {'colour': <1>})",
         "InvalidArgument"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "JoinNetwork", "('stile:used', @a{sv} {})",
         "Exists"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "JoinNetwork", "('stile:expired', @a{sv} {})",
         "Expired"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "JoinNetwork", "('stile:broken', @a{sv} {})",
         "Failed"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "RemoveNetwork", "(objectpath '/',)",
         "NotFound"},
        {STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, "Unsubscribe", "()", "NotFound"},
        {NETWORK, STILE_INTERFACE_NETWORK, "Revoke", "('nobody',)", "NotFound"},
        {NETWORK, STILE_INTERFACE_NETWORK, "Up", "({'speed': <9>},)", "InvalidArgument"},
        {NETWORK "/peer/3", STILE_INTERFACE_PEER, "Probe", "()", "Unreachable"},
        {NETWORK "/peer/3", STILE_INTERFACE_PEER, "Ping", "(uint32 100,)", "Unreachable"},
        {LAPTOP, STILE_INTERFACE_PEER, "Ping", "(uint32 0,)", "InvalidArgument"},
        {NAT, STILE_INTERFACE_NAT, "Probe", "(@a{sv} {},)", "InvalidArgument"},
        {NAT, STILE_INTERFACE_NAT, "Probe", "({'colour': <'blue'>},)", "InvalidArgument"},
        {LAPTOP, STILE_INTERFACE_PEER, "Ping", "(uint32 60001,)", "InvalidArgument"},
    };

    if (skipped(f))
        return;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant)
            parameters = g_variant_parse(NULL, cases[i].parameters, NULL, NULL, &error);
        g_autoptr(GVariant) answer = NULL;
        g_assert_no_error(error);
        g_test_message("%s %s", cases[i].method, cases[i].parameters);
        answer = call(f, cases[i].path, cases[i].interface, cases[i].method, parameters, &error);
        g_assert_null(answer);
        assert_remote(error, cases[i].name);
    }
}

static void
call_of(Fixture *f, const char *method)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant)
        answer = call(f, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER, method, NULL, &error);

    g_assert_no_error(error);
    g_assert_true(g_variant_is_of_type(answer, G_VARIANT_TYPE_UNIT));
}

static void
test_subscribers(Fixture *f, gconstpointer data)
{
    GDBusConnection *first;

    if (skipped(f))
        return;
    g_assert_false(fake_engine_is_watched(f->engine));
    call_of(f, "Subscribe");
    call_of(f, "Subscribe");
    g_assert_true(fake_engine_is_watched(f->engine));
    call_of(f, "Unsubscribe");
    g_assert_false(fake_engine_is_watched(f->engine));

    /* One leaves by a method, the other by leaving the bus. */
    call_of(f, "Subscribe");
    first = f->client;
    f->client = private_bus_connect(f->bus);
    call_of(f, "Subscribe");
    call_of(f, "Unsubscribe");
    g_assert_true(fake_engine_is_watched(f->engine));
    g_dbus_connection_signal_unsubscribe(first, f->listener);
    close_connection(first);
    while (fake_engine_is_watched(f->engine))
        g_main_context_iteration(NULL, TRUE);
    f->listener = g_dbus_connection_signal_subscribe(f->client, NULL, NULL, NULL, NULL, NULL,
                                                     G_DBUS_SIGNAL_FLAGS_NONE, on_heard, f, NULL);
}

static void
test_names(void)
{
    static const char *const pairs[][2] = {
        {"Id", "id"}, {"ActivePath", "active-path"}, {"Nat64Prefix", "nat64-prefix"}, {"", ""}};

    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *name = stile_name_to_dashes(pairs[i][0]);
        g_assert_cmpstr(name, ==, pairs[i][1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    stile_error_register();
    g_test_add_func("/bus/names", test_names);
    g_test_add("/bus/objects", Fixture, NULL, set_up, test_objects, tear_down);
    g_test_add("/bus/properties", Fixture, NULL, set_up, test_properties, tear_down);
    g_test_add("/bus/not-utf8", Fixture, NULL, set_up, test_not_utf8, tear_down);
    g_test_add("/bus/changes", Fixture, NULL, set_up, test_changes, tear_down);
    g_test_add("/bus/coming-and-going", Fixture, NULL, set_up, test_coming_and_going, tear_down);
    g_test_add("/bus/methods", Fixture, NULL, set_up, test_methods, tear_down);
    g_test_add("/bus/order", Fixture, NULL, set_up, test_order, tear_down);
    g_test_add("/bus/errors", Fixture, NULL, set_up, test_errors, tear_down);
    g_test_add("/bus/subscribers", Fixture, NULL, set_up, test_subscribers, tear_down);
    return g_test_run();
}

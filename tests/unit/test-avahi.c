/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An Avahi that is not there, comes, refuses, answers nonsense, sees collisions, looks for another
 * host name and goes: each is told, and what was asked for is asked for again when its time has
 * come. The daemon is a false one, on a bus of the test's own; tests/lab/test-lan has real ones. */
#include "private-bus.h"
#include "rendezvous/avahi.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND ((gint64)G_USEC_PER_SEC)
/* Of real time, in which something has to happen that is under way. */
#define PATIENCE (20 * SECOND)

static const char introspection[] =
    "<node><interface name='org.freedesktop.Avahi.Server'>"
    "<method name='GetState'/><method name='EntryGroupNew'/>"
    "<method name='ServiceBrowserNew'>"
    "<arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='u' direction='in'/></method>"
    "<method name='ResolveService'>"
    "<arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='i' direction='in'/>"
    "<arg type='u' direction='in'/></method>"
    "</interface><interface name='org.freedesktop.Avahi.EntryGroup'>"
    "<method name='Reset'/><method name='Commit'/><method name='AddService'>"
    "<arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='u' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='q' direction='in'/><arg type='aay' direction='in'/>"
    "</method></interface></node>";

typedef struct {
    PrivateBus *bus;
    /* The daemon */
    GDBusConnection *daemon;
    guint objects[2];
    char *client; /* who has spoken last */
    gint32 state;
    const char *refuses; /* method */
    const char *nonsense;
    gboolean collides; /* AddService */
    char *published;   /* the name in the last one */
    guint commits;
    /* Ours */
    StileClock *clock;
    StileAvahi *avahi;
    GArray *interfaces;
    GPtrArray *log;
    guint read, names;
} World;

/* The daemon */

static void
signal_from(World *world, const char *path, const char *interface, const char *signal,
            GVariant *arguments)
{
    g_autofree char *full = g_strconcat("org.freedesktop.Avahi.", interface, NULL);

    g_assert_true(g_dbus_connection_emit_signal(world->daemon, world->client, path, full, signal,
                                                arguments, NULL));
}

/* Whatever it is: GDBus would hold nonsense back. */
static void
reply_with(GDBusMethodInvocation *invocation, GVariant *body)
{
    g_autoptr(GDBusMessage)
        message = g_dbus_message_new_method_reply(g_dbus_method_invocation_get_message(invocation));

    if (body)
        g_dbus_message_set_body(message, body);
    g_dbus_connection_send_message(g_dbus_method_invocation_get_connection(invocation), message,
                                   G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
    g_object_unref(invocation);
}

static void
on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusMethodInvocation *invocation,
        gpointer user_data)
{
    World *world = user_data;
    GVariant *reply = NULL;

    g_free(world->client);
    world->client = g_strdup(sender);
    if (g_strcmp0(method, world->refuses) == 0) {
        g_dbus_method_invocation_return_dbus_error(
            invocation, "org.freedesktop.Avahi.TooManyObjectsError", "Too many objects");
        return;
    }
    if (g_strcmp0(method, world->nonsense) == 0) {
        reply_with(invocation, g_variant_new("(ds)", 0.5, "nonsense"));
        return;
    }
    if (strcmp(method, "GetState") == 0) {
        reply = g_variant_new("(i)", world->state);
    } else if (strcmp(method, "EntryGroupNew") == 0) {
        reply = g_variant_new("(o)", "/Client1/EntryGroup1");
    } else if (strcmp(method, "ServiceBrowserNew") == 0) {
        reply = g_variant_new("(o)", "/Client1/ServiceBrowser1");
    } else if (strcmp(method, "ResolveService") == 0) {
        reply = g_variant_new("(iissssisqaayu)", 2, 0, "name", "_stile._tcp", "local", "host.local",
                              0, "192.0.2.7", 4711, NULL, 0);
    } else if (strcmp(method, "AddService") == 0) {
        g_clear_pointer(&world->published, g_free);
        g_variant_get_child(arguments, 3, "s", &world->published);
        if (world->collides) {
            g_dbus_method_invocation_return_dbus_error(
                invocation, "org.freedesktop.Avahi.CollisionError", "Local name collision");
            return;
        }
    } else if (strcmp(method, "Commit") == 0) {
        world->commits++;
    }
    reply_with(invocation, reply);
    if (strcmp(method, "Commit") == 0)
        signal_from(world, path, "EntryGroup", "StateChanged", g_variant_new("(is)", 2, ""));
}

static void
daemon_start(World *world)
{
    static const GDBusInterfaceVTable vtable = {.method_call = on_call};
    static const char *const paths[] = {"/", "/Client1/EntryGroup1"};
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(introspection, NULL);
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GError) error = NULL;

    world->daemon = private_bus_connect(world->bus);
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
        world->objects[i] = g_dbus_connection_register_object(
            world->daemon, paths[i], info->interfaces[i], &vtable, world, NULL, NULL);
    reply = g_dbus_connection_call_sync(
        world->daemon, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", g_variant_new("(su)", "org.freedesktop.Avahi", 0), NULL,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
    g_assert_no_error(error);
}

static void
daemon_stop(World *world)
{
    for (gsize i = 0; i < G_N_ELEMENTS(world->objects); i++)
        g_dbus_connection_unregister_object(world->daemon, world->objects[i]);
    g_dbus_connection_close_sync(world->daemon, NULL, NULL);
    g_clear_object(&world->daemon);
}

/* The environment is not to be changed while there are threads: it names a link to the bus of the
 * day. */
static char *bus_link;

static void
bus_start(World *world)
{
    g_autofree char *socket = NULL;

    world->bus = private_bus_new();
    g_assert_nonnull(world->bus);
    g_assert_true(g_str_has_prefix(private_bus_address(world->bus), "unix:path="));
    socket = g_strdup(private_bus_address(world->bus) + strlen("unix:path="));
    socket[strcspn(socket, ",")] = '\0';
    g_unlink(bus_link);
    g_assert_cmpint(symlink(socket, bus_link), ==, 0);
}

/* Ours */

static void
on_state(gpointer user_data, gboolean up, const char *reason)
{
    World *world = user_data;

    g_assert_cmpint(up, ==, strcmp(reason, "connected") == 0);
    g_ptr_array_add(world->log, g_strconcat("state ", reason, NULL));
}

static char *
on_name(gpointer user_data)
{
    World *world = user_data;

    return g_strdup_printf("name%u", ++world->names);
}

static void
log_service(World *world, const char *what, const StileAvahiService *service)
{
    g_ptr_array_add(world->log,
                    g_strdup_printf("%s %s on %d", what, service->name, service->interface));
}

static void
on_found(gpointer user_data, const StileAvahiService *service)
{
    log_service(user_data, "found", service);
}

static void
on_lost(gpointer user_data, const StileAvahiService *service)
{
    log_service(user_data, "lost", service);
}

static void
on_lost_all(gpointer user_data)
{
    World *world = user_data;

    g_ptr_array_add(world->log, g_strdup("lost all"));
}

static void
on_resolved(gpointer user_data, const StileAvahiService *service, const char *address, guint16 port)
{
    World *world = user_data;

    g_ptr_array_add(world->log, g_strdup_printf("resolved %s %s %u", service->name,
                                                address ? address : "not", port));
}

static const StileAvahiOps ops = {
    .state = on_state,
    .name = on_name,
    .found = on_found,
    .lost = on_lost,
    .lost_all = on_lost_all,
    .resolved = on_resolved,
};

static void
turn(gint64 deadline)
{
    g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(1000);
}

/* Waits for a line that was not waited for yet; those before it count as waited for. */
static void
wait_for(World *world, const char *line)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    for (;;) {
        while (world->read < world->log->len)
            if (strcmp(world->log->pdata[world->read++], line) == 0)
                return;
        if (g_get_monotonic_time() >= deadline)
            g_test_message("waited in vain for: %s", line);
        turn(deadline);
    }
}

static void
wait_for_commits(World *world, guint commits)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (world->commits < commits)
        turn(deadline);
}

static void
set_up(World *world, gconstpointer data)
{
    guint interface = 2;

    bus_start(world);
    world->state = 2;
    world->log = g_ptr_array_new_with_free_func(g_free);
    world->interfaces = g_array_new(FALSE, FALSE, sizeof(guint));
    g_array_append_val(world->interfaces, interface);
    world->clock = stile_clock_new_virtual(SECOND, 1);
    world->avahi = stile_avahi_new(world->clock, "_stile._tcp", &ops, world);
    stile_avahi_publish(world->avahi, 4711, world->interfaces);
    stile_clock_advance(world->clock, 0);
}

static void
tear_down(World *world, gconstpointer data)
{
    stile_avahi_free(world->avahi);
    stile_clock_unref(world->clock);
    if (world->daemon)
        daemon_stop(world);
    /* What is under way ends. */
    while (g_main_context_iteration(NULL, FALSE))
        ;
    private_bus_free(world->bus);
    g_ptr_array_unref(world->log);
    g_array_unref(world->interfaces);
    g_free(world->client);
    g_free(world->published);
}

static void
test_comes_and_goes(World *world, gconstpointer data)
{
    wait_for(world, "state Avahi is not running on this machine");
    daemon_start(world);
    wait_for(world, "state connected");
    g_assert_cmpstr(world->published, ==, "name1");
    daemon_stop(world);
    wait_for(world, "lost all");
    wait_for(world, "state Avahi is not running on this machine");
    daemon_start(world);
    wait_for(world, "state connected");
    g_assert_cmpstr(world->published, ==, "name2");

    /* Somewhere else: under another name. Nowhere: not at all. */
    stile_avahi_publish(world->avahi, 4711, world->interfaces);
    wait_for_commits(world, 3);
    g_assert_cmpstr(world->published, ==, "name3");
    g_array_set_size(world->interfaces, 0);
    stile_avahi_publish(world->avahi, 4711, world->interfaces);
    daemon_stop(world);
    daemon_start(world);
    wait_for(world, "state this machine is not on a local network");
    g_assert_cmpuint(world->commits, ==, 3);
}

static void
test_refuses(World *world, gconstpointer data)
{
    const char *method = data;

    world->refuses = method;
    daemon_start(world);
    wait_for(world, "state Avahi: Too many objects");
    world->refuses = NULL;
    stile_clock_advance(world->clock, 61 * SECOND);
    wait_for(world, "state connected");
}

static void
test_nonsense(World *world, gconstpointer data)
{
    const char *method = data;
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    world->nonsense = method;
    daemon_start(world);
    while (world->log->len == 0 ||
           !g_str_has_prefix(world->log->pdata[world->log->len - 1], "state Avahi: "))
        turn(deadline);
    world->nonsense = NULL;
    stile_clock_advance(world->clock, 61 * SECOND);
    wait_for(world, "state connected");
}

static void
test_collides(World *world, gconstpointer data)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    daemon_start(world);
    wait_for(world, "state connected");
    /* Heard from the network */
    signal_from(world, "/Client1/EntryGroup1", "EntryGroup", "StateChanged",
                g_variant_new("(is)", 3, "collision"));
    while (g_strcmp0(world->published, "name2") != 0) {
        stile_clock_advance(world->clock, SECOND);
        turn(deadline);
    }
    wait_for_commits(world, 2);
    /* Known at once, several times: fewer and fewer attempts */
    world->collides = TRUE;
    stile_avahi_publish(world->avahi, 4711, world->interfaces);
    for (guint i = 0; i < 600; i++) {
        stile_clock_advance(world->clock, SECOND);
        for (guint k = 0; k < 20; k++)
            g_main_context_iteration(NULL, FALSE);
    }
    /* One a second would be 600. A slow machine's answers come late on this clock, and some
     * attempts are made twice for it. */
    g_assert_cmpuint(world->names, <, 100);
    world->collides = FALSE;
    while (world->commits < 3 || !g_str_has_prefix(world->published, "name")) {
        stile_clock_advance(world->clock, SECOND);
        turn(deadline);
    }
}

static void
test_host_name(World *world, gconstpointer data)
{
    world->state = 1;
    daemon_start(world);
    wait_for(world, "state Avahi is not ready on this machine");
    g_assert_null(world->published);
    signal_from(world, "/", "Server", "StateChanged", g_variant_new("(is)", 2, ""));
    wait_for(world, "state connected");
    signal_from(world, "/", "Server", "StateChanged", g_variant_new("(is)", 3, "host name"));
    wait_for(world, "state Avahi is not ready on this machine");
    signal_from(world, "/", "Server", "StateChanged", g_variant_new("(is)", 2, ""));
    wait_for(world, "state connected");
    g_assert_cmpstr(world->published, ==, "name2");
}

static void
test_finds(World *world, gconstpointer data)
{
    static const char path[] = "/Client1/ServiceBrowser1";
    StileAvahiService service = {.interface = 2, .name = "peer", .domain = "local"};

    daemon_start(world);
    wait_for(world, "state connected");
    signal_from(world, path, "ServiceBrowser", "ItemNew",
                g_variant_new("(iisssu)", 2, 0, "peer", "_stile._tcp", "local", 0));
    wait_for(world, "found peer on 2");
    stile_avahi_resolve(world->avahi, &service);
    wait_for(world, "resolved peer 192.0.2.7 4711");
    world->refuses = "ResolveService";
    stile_avahi_resolve(world->avahi, &service);
    wait_for(world, "resolved peer not 0");
    world->refuses = NULL;
    world->nonsense = "ResolveService";
    stile_avahi_resolve(world->avahi, &service);
    wait_for(world, "resolved peer not 0");

    /* What is not of the form of a signal of its is none. */
    signal_from(world, path, "ServiceBrowser", "ItemNew", g_variant_new("(s)", "peer"));
    signal_from(world, path, "ServiceBrowser", "ItemNew", NULL);
    signal_from(world, path, "ServiceBrowser", "Failure", NULL);
    wait_for(world, "state Avahi: it has stopped looking around");
    stile_clock_advance(world->clock, 61 * SECOND);
    wait_for(world, "state connected");
    signal_from(world, path, "ServiceBrowser", "ItemRemove",
                g_variant_new("(iisssu)", 2, 0, "peer", "_stile._tcp", "local", 0));
    wait_for(world, "lost peer on 2");
    for (guint i = 0; i < world->log->len; i++)
        g_assert_true(i < world->log->len - 1 ||
                      g_str_equal(world->log->pdata[i], "lost peer on 2"));
}

static void
test_bus_ends(World *world, gconstpointer data)
{
    daemon_start(world);
    wait_for(world, "state connected");
    daemon_stop(world);
    private_bus_free(world->bus);
    wait_for(world, "state the system bus cannot be reached");
    bus_start(world);
    daemon_start(world);
    stile_clock_advance(world->clock, 31 * SECOND);
    wait_for(world, "state connected");
}

int
main(int argc, char **argv)
{
    static const char *const methods[] = {"GetState", "EntryGroupNew", "ServiceBrowserNew",
                                          "AddService", "Commit"};

    g_autofree char *directory = g_dir_make_tmp("stile-avahi-XXXXXX", NULL);
    g_autofree char *address = NULL;
    int status;

    g_assert_nonnull(directory);
    bus_link = g_build_filename(directory, "bus", NULL);
    address = g_strconcat("unix:path=", bus_link, NULL);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add("/avahi/comes-and-goes", World, NULL, set_up, test_comes_and_goes, tear_down);
    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
        g_autofree char *refuses = g_strconcat("/avahi/refuses/", methods[i], NULL);
        g_autofree char *nonsense = g_strconcat("/avahi/nonsense/", methods[i], NULL);

        g_test_add(refuses, World, methods[i], set_up, test_refuses, tear_down);
        if (i < 3)
            g_test_add(nonsense, World, methods[i], set_up, test_nonsense, tear_down);
    }
    g_test_add("/avahi/collides", World, NULL, set_up, test_collides, tear_down);
    g_test_add("/avahi/host-name", World, NULL, set_up, test_host_name, tear_down);
    g_test_add("/avahi/finds", World, NULL, set_up, test_finds, tear_down);
    g_test_add("/avahi/bus-ends", World, NULL, set_up, test_bus_ends, tear_down);
    status = g_test_run();
    g_unlink(bus_link);
    g_rmdir(directory);
    g_free(bus_link);
    return status;
}

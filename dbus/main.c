/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stiled: the engine on the system bus. */
#include "config.h"
#include "dbus/capabilities.h"
#include "dbus/error.h"
#include "dbus/footprint.h"
#include "dbus/kinds.h"
#include "dbus/names.h"
#include "dbus/state-directory.h"
#include "dbus/tree.h"
#include "stile.h"
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAREWELL 500 /* milliseconds */

typedef struct {
    GMainLoop *loop;
    StileEngine *engine;
    StileTree *tree;
    StileFootprint *footprint;
    int status;
} Service;

static void
end(Service *service, int status)
{
    service->status = status;
    g_main_loop_quit(service->loop);
}

static void
on_bus(GDBusConnection *connection, const char *name, gpointer user_data)
{
    Service *service = user_data;
    g_autoptr(GError) error = NULL;

    /* If the bus goes away, on_name_lost() ends the service cleanly. */
    g_dbus_connection_set_exit_on_close(connection, FALSE);
    service->tree = stile_tree_new(connection, &stile_manager_kind, G_OBJECT(service->engine),
                                   &error);
    if (!service->tree) {
        g_printerr("%s\n", error->message);
        end(service, EXIT_FAILURE);
    }
}

static void
on_name(GDBusConnection *connection, const char *name, gpointer user_data)
{
    g_debug("on the bus as %s", name);
}

static void
on_name_lost(GDBusConnection *connection, const char *name, gpointer user_data)
{
    if (!connection)
        g_printerr("Cannot reach the system bus\n");
    else if (g_dbus_connection_is_closed(connection))
        g_printerr("The system bus closed the connection\n");
    else
        g_printerr("The name %s is taken, or the bus does not let us have it\n", name);
    end(user_data, EXIT_FAILURE);
}

static gboolean
on_signal(gpointer user_data)
{
    end(user_data, EXIT_SUCCESS);
    return G_SOURCE_CONTINUE;
}

static GSource *
watch_signal(int number, Service *service)
{
    GSource *source = g_unix_signal_source_new(number);

    g_source_set_callback(source, on_signal, service, NULL);
    g_source_attach(source, NULL);
    return source;
}

/* What a network has to tell whoever keeps this machine; the journal has it. */
static void
on_warning(StileNetwork *network, const char *sentence, gpointer user_data)
{
    g_autofree char *name = NULL;

    g_object_get(network, "name", &name, NULL);
    g_printerr("%s: %s\n", name, sentence);
}

static void
on_state(StileNetwork *network, GParamSpec *property, gpointer user_data)
{
    Service *service = user_data;

    stile_footprint_starting(service->footprint);
}

static void
on_network(StileEngine *engine, StileNetwork *network, gpointer user_data)
{
    g_signal_connect(network, "warning", G_CALLBACK(on_warning), NULL);
    g_signal_connect(network, "notify::state", G_CALLBACK(on_state), user_data);
}

static void
listen_to_networks(Service *service)
{
    g_autoptr(GPtrArray) networks = stile_engine_networks(service->engine);

    for (guint i = 0; i < networks->len; i++)
        on_network(service->engine, networks->pdata[i], service);
    g_signal_connect(service->engine, "network-added", G_CALLBACK(on_network), service);
}

static gboolean
on_farewell_over(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Routers hear that their port mappings are not needed any more, but one that does not answer holds
 * nobody up. */
static void
take_leave(StileEngine *engine)
{
    g_autoptr(GSource) source = g_timeout_source_new(FAREWELL);
    gboolean over = FALSE;

    g_source_set_callback(source, on_farewell_over, &over, NULL);
    g_source_attach(source, NULL);
    while (!over && stile_engine_is_leaving(engine))
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(source);
}

static void
run(Service *service)
{
    g_autoptr(GSource) on_term = watch_signal(SIGTERM, service);
    g_autoptr(GSource) on_int = watch_signal(SIGINT, service);
    guint owner;

    stile_footprint_starting(service->footprint);
    service->loop = g_main_loop_new(NULL, FALSE);
    owner = g_bus_own_name(G_BUS_TYPE_SYSTEM, STILE_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                           on_bus, on_name, on_name_lost, service, NULL);
    g_main_loop_run(service->loop);
    g_bus_unown_name(owner);
    stile_engine_shutdown(service->engine);
    take_leave(service->engine);
    g_clear_pointer(&service->tree, stile_tree_free);
    g_source_destroy(on_term);
    g_source_destroy(on_int);
    g_main_loop_unref(service->loop);
}

static int
serve(const char *directory)
{
    Service service = {0};
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) warnings = NULL;
    int lock;

    if (!stile_capabilities_drop(&error) ||
        (lock = stile_state_directory_lock(directory, &error)) < 0) {
        g_printerr("%s\n", error->message);
        return EXIT_FAILURE;
    }
    service.footprint = stile_footprint_new();
    service.engine = stile_engine_new(directory, &warnings, &error);
    for (char **w = warnings; w && *w; w++)
        g_printerr("%s\n", *w);
    if (service.engine) {
        listen_to_networks(&service);
        run(&service);
        g_object_unref(service.engine);
    } else {
        g_printerr("%s\n", error->message);
        service.status = EXIT_FAILURE;
    }
    stile_footprint_free(service.footprint);
    close(lock);
    return service.status;
}

int
main(int argc, char **argv)
{
    g_autofree char *option = NULL;
    g_autofree char *directory = NULL;
    gboolean verbose = FALSE, version = FALSE;
    const GOptionEntry entries[] = {
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &option,
         N_("Where networks and keys are kept (default: $STATE_DIRECTORY, or /var/lib/stile)"),
         N_("DIR")},
        {"verbose", 0, 0, G_OPTION_ARG_NONE, &verbose, N_("Tell what happens, for debugging"),
         NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, N_("Print the version"), NULL},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    stile_footprint_init();
    setlocale(LC_ALL, "");
    bindtextdomain(PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(PACKAGE, "UTF-8");
    textdomain(PACKAGE);
    umask(077);
    g_option_context_set_summary(context,
                                 _("The Stile service. The system bus starts it on demand."));
    g_option_context_add_main_entries(context, entries, PACKAGE);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
        g_printerr("%s\n", error ? error->message : _("stiled takes no arguments"));
        return 2;
    }
    if (version) {
        g_print("stiled %s\n", PACKAGE_VERSION);
        return EXIT_SUCCESS;
    }
    if (verbose)
        g_setenv("G_MESSAGES_DEBUG", "all", TRUE);
    stile_error_register();
    directory = stile_state_directory_choose(option);
    return serve(directory);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private-bus.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/prctl.h>

/* GTestDBus would do, but for its habit of changing the environment of the whole process. */
struct _PrivateBus {
    GSubprocess *daemon;
    char *directory;
    char *address;
};

static const char configuration[] =
    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
    " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
    "<busconfig><type>session</type><listen>unix:dir=%s</listen><auth>EXTERNAL</auth>"
    "<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"
    "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>";

/* Also when that aborts. */
static void
die_with_test(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

PrivateBus *
private_bus_new(void)
{
    g_autofree char *program = g_find_program_in_path("dbus-daemon");
    g_autofree char *file = NULL;
    g_autofree char *text = NULL;
    g_autofree char *option = NULL;
    g_autoptr(GSubprocessLauncher) launcher = NULL;
    g_autoptr(GDataInputStream) output = NULL;
    g_autoptr(GError) error = NULL;
    PrivateBus *bus;

    if (!program)
        return NULL;
    bus = g_new0(PrivateBus, 1);
    bus->directory = g_dir_make_tmp("stile-bus-XXXXXX", &error);
    g_assert_no_error(error);
    file = g_build_filename(bus->directory, "bus.conf", NULL);
    text = g_strdup_printf(configuration, bus->directory);
    g_file_set_contents(file, text, -1, &error);
    g_assert_no_error(error);
    option = g_strconcat("--config-file=", file, NULL);
    launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
    g_subprocess_launcher_set_child_setup(launcher, die_with_test, NULL, NULL);
    bus->daemon = g_subprocess_launcher_spawn(launcher, &error, program, option, "--nofork",
                                              "--print-address", NULL);
    g_assert_no_error(error);
    output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(bus->daemon));
    bus->address = g_data_input_stream_read_line(output, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(bus->address);
    g_unlink(file);
    return bus;
}

void
private_bus_free(PrivateBus *bus)
{
    g_subprocess_send_signal(bus->daemon, SIGTERM);
    g_subprocess_wait(bus->daemon, NULL, NULL);
    g_object_unref(bus->daemon);
    g_rmdir(bus->directory);
    g_free(bus->directory);
    g_free(bus->address);
    g_free(bus);
}

const char *
private_bus_address(PrivateBus *bus)
{
    return bus->address;
}

GDBusConnection *
private_bus_connect(PrivateBus *bus)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection = g_dbus_connection_new_for_address_sync(
        bus->address,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &error);

    g_assert_no_error(error);
    return connection;
}

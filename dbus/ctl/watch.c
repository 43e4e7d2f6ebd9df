/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stilectl watch */
#include "commands.h"
#include "dbus/names.h"
#include "output.h"
#include "render.h"
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* A path that opens changes many things within a moment: one picture for all of them. */
#define SETTLE_MS 50

typedef struct {
    Ctl *ctl;
    const char *network; /* as given, or NULL */
    GMainLoop *loop;
    GSource *redraw;
    GError *error;
} Watch;

static char *
draw(Watch *watch, CtlSnapshot *snapshot, GError **error)
{
    g_auto(GStrv) networks = ctl_list(snapshot, STILE_ROOT_PATH, "Networks");
    GString *out = g_string_new(NULL);
    const char *only = NULL;

    if (watch->network && !(only = ctl_find_network(snapshot, watch->network, error))) {
        g_string_free(out, TRUE);
        return NULL;
    }
    for (char **n = networks; *n; n++) {
        if (only && !g_str_equal(only, *n))
            continue;
        ctl_render_network(watch->ctl, snapshot, *n, out);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

/* GIO ignores SIGPIPE, so that a reader who goes away is only seen here. */
static void
end_if_unread(Watch *watch)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        g_main_loop_quit(watch->loop);
}

static void
show(Watch *watch, CtlSnapshot *snapshot)
{
    g_autofree char *text = NULL;

    if (watch->ctl->json) {
        /* A line for each picture, so that a program can read them one by one. */
        ctl_print_json(ctl_snapshot_json(snapshot, STILE_ROOT_PATH), FALSE);
        end_if_unread(watch);
        return;
    }
    text = draw(watch, snapshot, &watch->error);
    if (!text)
        g_main_loop_quit(watch->loop);
    else if (isatty(STDOUT_FILENO))
        g_print("\033[H\033[J%s", text);
    else
        g_print("%s", text);
    end_if_unread(watch);
}

static void
stop_redraw(Watch *watch)
{
    if (watch->redraw)
        g_source_destroy(watch->redraw);
    g_clear_pointer(&watch->redraw, g_source_unref);
}

static gboolean
on_redraw(gpointer user_data)
{
    Watch *watch = user_data;
    g_autoptr(CtlSnapshot) snapshot = NULL;

    stop_redraw(watch);
    snapshot = ctl_snapshot_new(watch->ctl, &watch->error);
    if (snapshot)
        show(watch, snapshot);
    else
        g_main_loop_quit(watch->loop);
    return G_SOURCE_REMOVE;
}

static void
redraw_soon(Watch *watch)
{
    if (watch->redraw)
        return;
    watch->redraw = g_timeout_source_new(SETTLE_MS);
    g_source_set_callback(watch->redraw, on_redraw, watch, NULL);
    g_source_attach(watch->redraw, NULL);
}

static void
on_change(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *parameters, gpointer user_data)
{
    redraw_soon(user_data);
}

static void
on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
    Watch *watch = user_data;

    g_dbus_connection_call(bus, STILE_BUS_NAME, STILE_ROOT_PATH, STILE_INTERFACE_MANAGER,
                           "Subscribe", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, CTL_TIMEOUT_MS, NULL,
                           NULL, NULL);
    redraw_soon(watch);
}

static void
on_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    Watch *watch = user_data;

    if (!bus || g_dbus_connection_is_closed(bus)) {
        g_set_error(&watch->error, CTL_ERROR, CTL_NO_SERVICE, _("The bus is gone"));
        g_main_loop_quit(watch->loop);
    } else {
        /* Asking for a picture starts the service again. */
        redraw_soon(watch);
    }
}

static gboolean
on_interrupt(gpointer user_data)
{
    g_main_loop_quit(((Watch *)user_data)->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
run(Ctl *ctl, char **arguments, GError **error)
{
    Watch watch = {.ctl = ctl, .network = arguments[0]};
    g_autoptr(GSource) interrupt = g_unix_signal_source_new(SIGINT);
    guint changes, name;

    if (!ctl_connect(ctl, error))
        return FALSE;
    watch.loop = g_main_loop_new(NULL, FALSE);
    g_source_set_callback(interrupt, on_interrupt, &watch, NULL);
    g_source_attach(interrupt, NULL);
    changes = g_dbus_connection_signal_subscribe(ctl->bus, STILE_BUS_NAME, NULL, NULL, NULL, NULL,
                                                 G_DBUS_SIGNAL_FLAGS_NONE, on_change, &watch, NULL);
    name = g_bus_watch_name_on_connection(ctl->bus, STILE_BUS_NAME,
                                          G_BUS_NAME_WATCHER_FLAGS_AUTO_START, on_appeared,
                                          on_vanished, &watch, NULL);
    g_main_loop_run(watch.loop);
    g_bus_unwatch_name(name);
    g_dbus_connection_signal_unsubscribe(ctl->bus, changes);
    stop_redraw(&watch);
    g_source_destroy(interrupt);
    g_main_loop_unref(watch.loop);
    if (watch.error)
        g_propagate_error(error, watch.error);
    return !watch.error;
}

const CtlCommand ctl_command_watch = {
    .name = "watch",
    .arguments = N_("[NETWORK]"),
    .summary = N_("The status, drawn anew whenever it changes; Ctrl-C ends it"),
    .examples = "  stilectl watch\n"
                "  stilectl watch --json | jq --unbuffered '.networks[].peers[].state'",
    .n_most = 1,
    .run = run,
};

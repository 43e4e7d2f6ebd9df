/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/subscribers.h"

static G_DEFINE_QUARK(stile - subscribers, subscribers);

static void
unwatch(gpointer watch)
{
    g_bus_unwatch_name(GPOINTER_TO_UINT(watch));
}

/* client -> the watch of its name; goes with the engine */
static GHashTable *
subscribers_of(StileEngine *engine)
{
    GHashTable *clients = g_object_get_qdata(G_OBJECT(engine), subscribers_quark());

    if (!clients) {
        clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unwatch);
        g_object_set_qdata_full(G_OBJECT(engine), subscribers_quark(), clients,
                                (GDestroyNotify)g_hash_table_unref);
    }
    return clients;
}

static void
on_left(GDBusConnection *connection, const char *client, gpointer user_data)
{
    stile_subscribers_remove(STILE_ENGINE(user_data), client);
}

void
stile_subscribers_add(StileEngine *engine, GDBusConnection *connection, const char *client)
{
    GHashTable *clients = subscribers_of(engine);
    guint watch;

    if (g_hash_table_contains(clients, client))
        return;
    watch = g_bus_watch_name_on_connection(connection, client, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                           on_left, engine, NULL);
    g_hash_table_insert(clients, g_strdup(client), GUINT_TO_POINTER(watch));
    stile_engine_set_watched(engine, TRUE);
}

gboolean
stile_subscribers_remove(StileEngine *engine, const char *client)
{
    GHashTable *clients = subscribers_of(engine);

    if (!g_hash_table_remove(clients, client))
        return FALSE;
    if (g_hash_table_size(clients) == 0)
        stile_engine_set_watched(engine, FALSE);
    return TRUE;
}

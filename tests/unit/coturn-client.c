/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "coturn-client.h"

#define PATIENCE (60 * G_USEC_PER_SEC)

void
coturn_client_init(CoturnClient *client)
{
    client->received = g_string_new(NULL);
}

void
coturn_client_clear(CoturnClient *client)
{
    g_string_free(client->received, TRUE);
}

void
coturn_client_on_received(gpointer user_data, StileTurn *turn, const StileAddress *peer,
                          const guint8 *data, gsize size)
{
    CoturnClient *client = user_data;

    g_string_append_len(client->received, (const char *)data, (gssize)size);
}

void
coturn_client_on_channel(gpointer user_data, StileTurn *turn, const StileAddress *peer,
                         guint16 number)
{
    CoturnClient *client = user_data;

    client->channel = number;
}

gboolean
is_ready(gpointer user_data)
{
    CoturnClient *client = user_data;

    return client->turn && stile_turn_state(client->turn) == STILE_TURN_READY;
}

gboolean
has_channel(gpointer user_data)
{
    CoturnClient *client = user_data;

    return client->channel != 0;
}

gboolean
has_received(gpointer user_data)
{
    CoturnClient *client = user_data;

    return client->received->len > 0;
}

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

/* No time is asserted: it only keeps a broken test from hanging. */
void
wait_for(gpointer user_data, CoturnCondition condition)
{
    CoturnClient *client = user_data;
    gint64 end = g_get_monotonic_time() + PATIENCE;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (!condition(client) && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    if (!condition(client))
        g_error("Waited in vain: %s", client->turn && stile_turn_error(client->turn)
                                          ? stile_turn_error(client->turn)
                                          : "no error");
}

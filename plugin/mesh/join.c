/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/join.h"

#include "base/error.h"
#include "mesh/signal.h"
#include "rendezvous/rendezvous.h"
#include <string.h>

/* A broker that takes longer than this has not got the person's patience. */
#define PATIENCE ((gint64)5000000)

typedef struct {
    const StileNetworkState *state;
    StileCertificate self;
    StileRendezvous *rendezvous;
    StileTimer *timer;
    guint waiting;       /* servers that have neither answered nor failed */
    GHashTable *settled; /* their URLs */
    gboolean done;
    GError *error; /* the answer, when it is no */
} Check;

static void
check_free(gpointer pointer)
{
    Check *check = pointer;

    g_clear_pointer(&check->rendezvous, stile_rendezvous_free);
    g_clear_pointer(&check->timer, stile_timer_free);
    g_hash_table_unref(check->settled);
    g_clear_error(&check->error);
    stile_certificate_clear(&check->self);
    g_free(check);
}

/* The answer is given from a timer, never from inside an op of the rendezvous, which is freed with
 * it. */
static void
settle(GTask *task)
{
    Check *check = g_task_get_task_data(task);

    check->done = TRUE;
    stile_timer_set(check->timer, 0);
}

static void
on_timer(gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Check *check = g_task_get_task_data(task);

    check->done = TRUE;
    if (check->error)
        g_task_return_error(task, g_steal_pointer(&check->error));
    else
        g_task_return_boolean(task, TRUE);
}

static void
refuse(GTask *task, StileError code, const char *message)
{
    Check *check = g_task_get_task_data(task);

    if (check->done)
        return;
    check->error = g_error_new_literal(STILE_ERROR, (int)code, message);
    settle(task);
}

static void
server_settled(GTask *task, const char *url)
{
    Check *check = g_task_get_task_data(task);

    if (check->done || !g_hash_table_add(check->settled, g_strdup(url)))
        return;
    if (g_hash_table_size(check->settled) >= check->waiting)
        settle(task);
}

static void
on_state(gpointer user_data, const char *url, gboolean connected, const char *reason)
{
    /* Anything but being connected or about to be is a reason for not being. */
    if (!connected && strcmp(reason, "connecting") != 0)
        server_settled(user_data, url);
}

static void
on_presence(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
            gsize size)
{
    GTask *task = user_data;
    Check *check = g_task_get_task_data(task);
    g_auto(StileCertificate) other = {0};
    g_auto(StileRevocations) revocations = {0};
    StilePresence presence;

    if (check->done || !payload || !stile_presence_parse(&presence, payload, size, NULL))
        return;
    if (presence.certificate &&
        stile_certificate_parse(&other, check->state->id, presence.certificate,
                                presence.certificate_size, NULL) &&
        memcmp(other.device, device, STILE_KEY_SIZE) == 0 &&
        memcmp(other.device, check->self.device, STILE_KEY_SIZE) != 0 &&
        memcmp(other.voucher.key, check->self.voucher.key, STILE_KEY_SIZE) == 0)
        refuse(task, STILE_ERROR_EXISTS,
               "The invitation has already been used, by another device: ask for a new one");
    if (presence.revocations &&
        stile_revocations_parse(&revocations, check->state->id, presence.revocations,
                                presence.revocations_size, NULL) &&
        stile_revocations_contain(&revocations, check->self.voucher.key))
        refuse(task, STILE_ERROR_REVOKED, "The invitation has been revoked: ask for a new one");
}

/* A device that is not there has used its invitation all the same. */
static void
on_absent(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
          gsize size)
{
    on_presence(user_data, device, payload, size);
}

static void
on_roster_complete(gpointer user_data, const char *url)
{
    server_settled(user_data, url);
}

static void
on_message(gpointer user_data, const StileMember *from, const guint8 *payload, gsize size)
{
}

static void
on_packet(gpointer user_data, const guint8 *data, gsize size)
{
}

static const StileRendezvousOps ops = {
    .state = on_state,
    .presence = on_presence,
    .roster_complete = on_roster_complete,
    .message = on_message,
    .packet = on_packet,
    .absent = on_absent,
};

void
stile_join_check(StileClock *clock, const StileNetworkState *state, GCancellable *cancellable,
                 GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Check *check = g_new0(Check, 1);
    gsize size;
    const void *certificate = g_bytes_get_data(state->certificate, &size);
    const GStrv urls = state->servers->rendezvous;

    check->state = state;
    check->settled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    check->timer = stile_timer_new(clock, on_timer, task);
    g_task_set_task_data(task, check, check_free);
    stile_certificate_parse(&check->self, state->id, certificate, size, NULL);
    check->rendezvous = stile_rendezvous_new(clock, state->network_key, state->device_private,
                                             state->tunnel_private, &ops, task);
    stile_timer_set_after(check->timer, PATIENCE);
    check->waiting = urls ? g_strv_length(urls) : 0;
    for (guint i = 0; i < check->waiting; i++)
        if (!stile_rendezvous_add_server(check->rendezvous, urls[i], NULL))
            server_settled(task, urls[i]);
    if (check->waiting == 0)
        settle(task);
}

void
stile_join_announce(GAsyncResult *result)
{
    Check *check = g_task_get_task_data(G_TASK(result));
    g_autoptr(GBytes) presence = stile_presence_write(check->state->certificate, NULL, NULL, 0);
    gsize size;
    const guint8 *data = g_bytes_get_data(presence, &size);

    stile_rendezvous_leave_word(check->rendezvous, data, size);
    /* Before anybody makes the mesh that uses the same keys. */
    g_clear_pointer(&check->rendezvous, stile_rendezvous_free);
}

gboolean
stile_join_check_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/udp-watch.h"

#define DOUBT_GAP (3 * G_TIME_SPAN_SECOND)

/* At 0, 200 and 600 ms; over after a second. */
static const StileStunPace pace = {
    .rto = STILE_UDP_WATCH_PATIENCE / 5, .max_sends = 3, .last_wait = 2};

typedef struct {
    StileUdpWatch *watch;
    StileAddress address;
    StileStunTransaction *transaction; /* NULL: nothing under way */
    gboolean mute;                     /* says nothing although UDP works */
    gboolean answered;                 /* the last time */
} Server;

struct _StileUdpWatch {
    StileClock *clock;
    StileStunTransactions *transactions;
    void (*changed)(gpointer user_data, gboolean blocked);
    gpointer user_data;
    GPtrArray *servers; /* of Server */
    StileTimer *again, *doubt;
    gint64 asked;
    gboolean blocked;
    gboolean worked; /* since the network changed */
};

static void
server_free(gpointer pointer)
{
    Server *server = pointer;

    if (server->transaction)
        stile_stun_transaction_cancel(server->transaction);
    g_free(server);
}

static void
judge(StileUdpWatch *watch, gboolean blocked)
{
    if (blocked)
        stile_timer_set_after(watch->again, STILE_UDP_WATCH_AGAIN);
    else
        stile_timer_stop(watch->again);
    if (watch->blocked == blocked)
        return;
    watch->blocked = blocked;
    watch->changed(watch->user_data, blocked);
}

/* The verdict of a round: that there is none while one is still asked. */
static gboolean
all_are_silent(StileUdpWatch *watch)
{
    gboolean asked = FALSE;

    for (guint i = 0; i < watch->servers->len; i++) {
        const Server *server = watch->servers->pdata[i];

        if (server->transaction || server->answered)
            return FALSE;
        asked |= !server->mute;
    }
    return asked;
}

static void
on_done(gpointer user_data, const StileStunMessage *response, const StileEndpoint *from, gint64 rtt)
{
    Server *server = user_data;
    StileUdpWatch *watch = server->watch;

    server->transaction = NULL;
    /* Whatever a server says, it came there and back. */
    server->answered = response != NULL;
    if (response) {
        server->mute = FALSE;
        watch->worked = TRUE;
        judge(watch, FALSE);
    } else if (all_are_silent(watch)) {
        judge(watch, TRUE);
    }
}

static void
ask_server(Server *server)
{
    StileUdpWatch *watch = server->watch;
    const StileEndpoint to = {.kind = STILE_ENDPOINT_UDP, .remote = server->address};
    guint8 id[STILE_STUN_ID_SIZE];
    StileStunBuilder builder;
    gsize size;

    if (server->transaction)
        return;
    stile_clock_random(watch->clock, id, sizeof id);
    stile_stun_builder_init(&builder, STILE_STUN_REQUEST, STILE_STUN_BINDING, id);
    size = stile_stun_builder_finish(&builder);
    server->answered = FALSE;
    server->transaction = stile_stun_transactions_request(watch->transactions, &to, builder.data,
                                                          size, NULL, 0, &pace, on_done, server);
}

static void
ask(gpointer user_data)
{
    StileUdpWatch *watch = user_data;

    watch->asked = stile_clock_now(watch->clock);
    for (guint i = 0; i < watch->servers->len; i++)
        ask_server(watch->servers->pdata[i]);
}

StileUdpWatch *
stile_udp_watch_new(StileClock *clock, StileStunTransactions *transactions,
                    void (*changed)(gpointer user_data, gboolean blocked), gpointer user_data)
{
    StileUdpWatch *watch = g_new0(StileUdpWatch, 1);

    watch->clock = stile_clock_ref(clock);
    watch->transactions = transactions;
    watch->changed = changed;
    watch->user_data = user_data;
    watch->servers = g_ptr_array_new_with_free_func(server_free);
    watch->again = stile_timer_new(clock, ask, watch);
    watch->doubt = stile_timer_new(clock, ask, watch);
    return watch;
}

void
stile_udp_watch_free(StileUdpWatch *watch)
{
    if (!watch)
        return;
    g_ptr_array_unref(watch->servers);
    stile_timer_free(watch->again);
    stile_timer_free(watch->doubt);
    stile_clock_unref(watch->clock);
    g_free(watch);
}

void
stile_udp_watch_add(StileUdpWatch *watch, const StileAddress *address)
{
    Server *server;

    for (guint i = 0; i < watch->servers->len; i++)
        if (stile_address_equal(&((Server *)watch->servers->pdata[i])->address, address))
            return;
    server = g_new0(Server, 1);
    server->watch = watch;
    server->address = *address;
    g_ptr_array_add(watch->servers, server);
    watch->asked = stile_clock_now(watch->clock);
    ask_server(server);
}

void
stile_udp_watch_doubt(StileUdpWatch *watch)
{
    if (!watch->blocked && !stile_timer_is_set(watch->doubt))
        stile_timer_set(watch->doubt, MAX(stile_clock_now(watch->clock), watch->asked + DOUBT_GAP));
}

void
stile_udp_watch_restart(StileUdpWatch *watch)
{
    for (guint i = 0; i < watch->servers->len; i++)
        ((Server *)watch->servers->pdata[i])->mute = FALSE;
    watch->worked = FALSE;
    ask(watch);
}

void
stile_udp_watch_heard(StileUdpWatch *watch)
{
    for (guint i = 0; i < watch->servers->len; i++) {
        Server *server = watch->servers->pdata[i];

        server->mute |= !server->answered && !server->transaction;
    }
    watch->worked = TRUE;
    judge(watch, FALSE);
}

gboolean
stile_udp_watch_blocked(const StileUdpWatch *watch)
{
    return watch->blocked;
}

gboolean
stile_udp_watch_is_sure(const StileUdpWatch *watch)
{
    const Server *first = NULL;
    gboolean several = FALSE;

    for (guint i = 0; i < watch->servers->len; i++) {
        const Server *server = watch->servers->pdata[i];

        if (server->mute)
            continue;
        several |= first && !stile_address_equal_ip(&first->address, &server->address);
        first = server;
    }
    return watch->blocked && (several || !watch->worked);
}

gint64
stile_udp_watch_asked(const StileUdpWatch *watch)
{
    return watch->asked;
}

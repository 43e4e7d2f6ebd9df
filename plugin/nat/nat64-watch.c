/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/nat64-watch.h"

#include "io/dns64.h"
#include "io/links.h"
#include "nat/pref64.h"

#define SEC ((gint64)1000000)
/* RFC 7050 §3: before the answer's time to live is over, which GIO does not tell. */
#define ASK_AGAIN (3600 * SEC)
/* A name server that is out of reach: the network may just be coming up. */
#define RETRY_FIRST (2 * SEC)
#define RETRY_MAX   (600 * SEC)

/* Nobody has as many NAT64s; whoever is on the link can say so all the same. */
#define MAX_ADVERTISED 8

typedef struct {
    guint ifindex;
    StileAddress router;
    StilePrefix prefix;
    gint64 until; /* stile_clock_now() */
} Advertised;

struct _StileNat64Watch {
    StileClock *clock;
    StileNat64Changed changed;
    gpointer user_data;
    StileTimer *ask_timer;
    gint64 retry_after;
    GCancellable *cancellable; /* of the question under way */
    gboolean settled;
    StilePrefix answered; /* by the name server */
    GArray *advertised;   /* of Advertised, oldest first */
    StileTimer *expiry_timer;
    StilePrefix told; /* what the owner knows */
};

static void
tell(StileNat64Watch *watch, gboolean always)
{
    StilePrefix now = stile_nat64_watch_prefix(watch);

    if (!always && stile_prefix_equal(&now, &watch->told))
        return;
    watch->told = now;
    watch->changed(watch->user_data);
}

static void
on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    StileNat64Watch *watch = user_data;
    g_autoptr(GError) error = NULL;
    StilePrefix prefix = {0};
    gboolean first, answered = stile_dns64_ask_finish(&prefix, result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* asked anew, or freed */
    g_clear_object(&watch->cancellable);
    first = !watch->settled;
    watch->settled = TRUE;
    if (answered) {
        watch->answered = prefix;
        watch->retry_after = RETRY_FIRST;
        stile_timer_set_after(watch->ask_timer, ASK_AGAIN);
    } else {
        stile_timer_set_after(watch->ask_timer, watch->retry_after);
        watch->retry_after = MIN(watch->retry_after * 2, RETRY_MAX);
    }
    tell(watch, first);
}

static void
on_ask(gpointer user_data)
{
    StileNat64Watch *watch = user_data;

    if (watch->cancellable)
        g_cancellable_cancel(watch->cancellable);
    g_clear_object(&watch->cancellable);
    watch->cancellable = g_cancellable_new();
    stile_dns64_ask(watch->cancellable, on_answer, watch);
}

/* Advertised */

static void
schedule_expiry(StileNat64Watch *watch)
{
    gint64 first = G_MAXINT64;

    for (guint i = 0; i < watch->advertised->len; i++)
        first = MIN(first, g_array_index(watch->advertised, Advertised, i).until);
    if (first < G_MAXINT64)
        stile_timer_set(watch->expiry_timer, first);
    else
        stile_timer_stop(watch->expiry_timer);
}

static void
on_expired(gpointer user_data)
{
    StileNat64Watch *watch = user_data;
    gint64 now = stile_clock_now(watch->clock);

    for (guint i = watch->advertised->len; i-- > 0;)
        if (g_array_index(watch->advertised, Advertised, i).until <= now)
            g_array_remove_index(watch->advertised, i);
    schedule_expiry(watch);
    tell(watch, FALSE);
}

/* Returns: its index; the length of the array if it is not there */
static guint
find_advertised(StileNat64Watch *watch, const Advertised *wanted)
{
    guint i = 0;

    for (; i < watch->advertised->len; i++) {
        const Advertised *one = &g_array_index(watch->advertised, Advertised, i);

        if (one->ifindex == wanted->ifindex &&
            stile_address_equal_ip(&one->router, &wanted->router) &&
            stile_prefix_equal(&one->prefix, &wanted->prefix))
            break;
    }
    return i;
}

static void
note_advertised(StileNat64Watch *watch, const Advertised *news, gboolean withdrawn)
{
    guint at = find_advertised(watch, news);

    if (at < watch->advertised->len && withdrawn)
        g_array_remove_index(watch->advertised, at);
    else if (at < watch->advertised->len)
        g_array_index(watch->advertised, Advertised, at) = *news;
    else if (!withdrawn && watch->advertised->len < MAX_ADVERTISED)
        g_array_append_val(watch->advertised, *news);
}

void
stile_nat64_watch_advertised(StileNat64Watch *watch, guint ifindex, const StileAddress *router,
                             const guint8 *options, gsize size)
{
    StileReader reader = STILE_READER_INIT(options, size);
    StilePref64 pref64;

    while (stile_pref64_next(&reader, &pref64)) {
        Advertised news = {
            .ifindex = ifindex,
            .router = *router,
            .prefix = pref64.prefix,
            .until = stile_clock_now(watch->clock) + pref64.lifetime * SEC,
        };

        note_advertised(watch, &news, pref64.lifetime == 0);
    }
    schedule_expiry(watch);
    tell(watch, FALSE);
}

static gboolean
has_link(const GArray *addresses, guint ifindex)
{
    for (guint i = 0; i < addresses->len; i++)
        if (g_array_index(addresses, StileLocalAddress, i).ifindex == ifindex)
            return TRUE;
    return FALSE;
}

void
stile_nat64_watch_set_links(StileNat64Watch *watch, const GArray *addresses)
{
    for (guint i = watch->advertised->len; i-- > 0;)
        if (!has_link(addresses, g_array_index(watch->advertised, Advertised, i).ifindex))
            g_array_remove_index(watch->advertised, i);
    schedule_expiry(watch);
    tell(watch, FALSE);
}

void
stile_nat64_watch_ask(StileNat64Watch *watch)
{
    watch->settled = FALSE;
    watch->retry_after = RETRY_FIRST;
    stile_timer_stop(watch->ask_timer);
    on_ask(watch);
}

gboolean
stile_nat64_watch_is_settled(StileNat64Watch *watch)
{
    return watch->settled || watch->advertised->len > 0;
}

StilePrefix
stile_nat64_watch_prefix(StileNat64Watch *watch)
{
    /* RFC 8781 §5.1: what a router says goes before what a name server does. */
    return watch->advertised->len > 0 ? g_array_index(watch->advertised, Advertised, 0).prefix
                                      : watch->answered;
}

StileNat64Watch *
stile_nat64_watch_new(StileClock *clock, StileNat64Changed changed, gpointer user_data)
{
    StileNat64Watch *watch = g_new0(StileNat64Watch, 1);

    watch->clock = stile_clock_ref(clock);
    watch->changed = changed;
    watch->user_data = user_data;
    watch->retry_after = RETRY_FIRST;
    watch->ask_timer = stile_timer_new(clock, on_ask, watch);
    watch->advertised = g_array_new(FALSE, FALSE, sizeof(Advertised));
    watch->expiry_timer = stile_timer_new(clock, on_expired, watch);
    return watch;
}

void
stile_nat64_watch_free(StileNat64Watch *watch)
{
    if (!watch)
        return;
    if (watch->cancellable)
        g_cancellable_cancel(watch->cancellable);
    g_clear_object(&watch->cancellable);
    stile_timer_free(watch->ask_timer);
    stile_timer_free(watch->expiry_timer);
    g_array_unref(watch->advertised);
    stile_clock_unref(watch->clock);
    g_free(watch);
}

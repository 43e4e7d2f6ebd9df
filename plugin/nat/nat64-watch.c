/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nat/nat64-watch.h"

#include <gio/gio.h>

#define WELL_KNOWN_NAME "ipv4only.arpa"
#define SEC             ((gint64)1000000)
/* RFC 7050 §3: before the answer's time to live is over, which GIO does not tell. */
#define ASK_AGAIN (3600 * SEC)
/* A name server that is out of reach: the network may just be coming up. */
#define RETRY_FIRST (2 * SEC)
#define RETRY_MAX   (600 * SEC)

struct _StileNat64Watch {
    StileClock *clock;
    StileNat64Changed changed;
    gpointer user_data;
    StileTimer *ask_timer;
    gint64 retry_after;
    GCancellable *cancellable; /* of the question under way */
    gboolean settled;
    StilePrefix answered; /* by the name server */
    StilePrefix told;     /* what the owner knows */
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

static GArray *
take_ipv6(GList *list)
{
    GArray *addresses = g_array_new(FALSE, FALSE, sizeof(StileAddress));

    for (GList *at = list; at; at = at->next)
        if (g_inet_address_get_family(at->data) == G_SOCKET_FAMILY_IPV6) {
            StileAddress address = stile_address_from_ip(AF_INET6,
                                                         g_inet_address_to_bytes(at->data), 0);

            g_array_append_val(addresses, address);
        }
    g_resolver_free_addresses(list);
    return addresses;
}

static void
on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    StileNat64Watch *watch = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) addresses = take_ipv6(
        g_resolver_lookup_by_name_with_flags_finish(G_RESOLVER(source), result, &error));
    gboolean first;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* asked anew, or freed */
    g_clear_object(&watch->cancellable);
    first = !watch->settled;
    watch->settled = TRUE;
    /* That the name has no such addresses is an answer. */
    if (error && !g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND)) {
        stile_timer_set_after(watch->ask_timer, watch->retry_after);
        watch->retry_after = MIN(watch->retry_after * 2, RETRY_MAX);
    } else {
        watch->answered = (StilePrefix){0};
        stile_nat64_find_prefix(&watch->answered, (StileAddress *)addresses->data, addresses->len);
        watch->retry_after = RETRY_FIRST;
        stile_timer_set_after(watch->ask_timer, ASK_AGAIN);
    }
    tell(watch, first);
}

static void
on_ask(gpointer user_data)
{
    StileNat64Watch *watch = user_data;
    g_autoptr(GResolver) resolver = g_resolver_get_default();

    if (watch->cancellable)
        g_cancellable_cancel(watch->cancellable);
    g_clear_object(&watch->cancellable);
    watch->cancellable = g_cancellable_new();
    g_resolver_lookup_by_name_with_flags_async(resolver, WELL_KNOWN_NAME,
                                               G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY,
                                               watch->cancellable, on_answer, watch);
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
    return watch->settled;
}

StilePrefix
stile_nat64_watch_prefix(StileNat64Watch *watch)
{
    return watch->answered;
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
    stile_clock_unref(watch->clock);
    g_free(watch);
}

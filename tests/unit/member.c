/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "member.h"

#include <string.h>

#define PATIENCE (60 * G_USEC_PER_SEC)

static void
keys_of(char name, guint8 device_key[STILE_KEY_SIZE], guint8 tunnel_key[STILE_KEY_SIZE],
        StileMember *ret)
{
    memset(device_key, name, STILE_KEY_SIZE);
    memset(tunnel_key, name, STILE_KEY_SIZE);
    stile_ed25519_public(device_key, ret->device);
    stile_x25519_public(tunnel_key, ret->tunnel);
}

StileMember
public_of(char name)
{
    guint8 device_key[STILE_KEY_SIZE], tunnel_key[STILE_KEY_SIZE];
    StileMember member;

    keys_of(name, device_key, tunnel_key, &member);
    return member;
}

static char
name_of(const guint8 device[STILE_KEY_SIZE])
{
    for (char name = 'a'; name <= 'z'; name++) {
        StileMember member = public_of(name);

        if (memcmp(member.device, device, STILE_KEY_SIZE) == 0)
            return name;
    }
    g_assert_not_reached();
}

static void G_GNUC_PRINTF(2, 3) note(Member *member, const char *format, ...)
{
    char *line;
    va_list args;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    g_test_message("%c: %s", member->name, line);
    g_ptr_array_add(member->log, line);
}

static void
on_state(gpointer user_data, const char *url, gboolean connected, const char *reason)
{
    g_assert_null(strchr(url, '@'));
    g_assert_cmpint(connected, ==, g_str_equal(reason, "connected"));
    note(user_data, "state %s %s", url, reason);
}

static void
on_presence(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
            gsize size)
{
    if (payload)
        note(user_data, "presence %c %.*s", name_of(device), (int)size, (const char *)payload);
    else
        note(user_data, "gone %c", name_of(device));
}

static void
on_roster_complete(gpointer user_data, const char *url)
{
    note(user_data, "complete %s", url);
}

static void
on_message(gpointer user_data, const StileMember *from, const guint8 *payload, gsize size)
{
    note(user_data, "message %c %.*s", name_of(from->device), (int)MIN(size, 60),
         (const char *)payload);
}

static void
on_packet(gpointer user_data, const guint8 *data, gsize size)
{
    note(user_data, "packet %.*s", (int)MIN(size, 60), (const char *)data);
}

static void
on_absent(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
          gsize size)
{
    note(user_data, "absent %c %.*s", name_of(device), (int)size, (const char *)payload);
}

static const StileRendezvousOps ops = {
    .state = on_state,
    .presence = on_presence,
    .roster_complete = on_roster_complete,
    .message = on_message,
    .packet = on_packet,
    .absent = on_absent,
};

Member *
member_new(char name, StileClock *clock)
{
    Member *member = g_new0(Member, 1);
    guint8 device_key[STILE_KEY_SIZE], tunnel_key[STILE_KEY_SIZE];
    StileMember public;

    keys_of(name, device_key, tunnel_key, &public);
    member->name = name;
    member->clock = clock ? stile_clock_ref(clock) : stile_clock_new(NULL);
    member->log = g_ptr_array_new_with_free_func(g_free);
    member->rendezvous = stile_rendezvous_new(member->clock, TEST_NETWORK_KEY, device_key,
                                              tunnel_key, &ops, member);
    return member;
}

void
member_free(Member *member)
{
    if (!member)
        return;
    stile_rendezvous_free(member->rendezvous);
    stile_clock_unref(member->clock);
    g_ptr_array_unref(member->log);
    g_free(member);
    while (g_main_context_iteration(NULL, FALSE)) /* what was cancelled is freed */
        ;
}

void
say(Member *member, const char *presence)
{
    stile_rendezvous_set_presence(member->rendezvous, (const guint8 *)presence, strlen(presence));
}

void
know(Member *member, char name)
{
    StileMember other = public_of(name);

    stile_rendezvous_add_member(member->rendezvous, &other);
}

gboolean
tell(Member *member, char name, const char *text)
{
    StileMember other = public_of(name);

    return stile_rendezvous_send(member->rendezvous, &other, (const guint8 *)text, strlen(text));
}

gboolean
pass(Member *member, char name, const char *text)
{
    StileMember other = public_of(name);

    return stile_rendezvous_send_packet(member->rendezvous, &other, (const guint8 *)text,
                                        strlen(text));
}

void
add_url(Member *member, const char *url)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(stile_rendezvous_add_server(member->rendezvous, url, &error));
    g_assert_no_error(error);
}

void
add_broker(Member *member, Mosquitto *mosquitto)
{
    g_autofree char *url = g_strdup_printf("mqtt://127.0.0.1:%u", mosquitto->port);

    add_url(member, url);
}

void
turn(gint64 deadline)
{
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(500);
    g_assert_cmpint(g_get_monotonic_time(), <, deadline);
}

void
turns(guint count)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (count--)
        turn(deadline);
}

const char *
wait_for(Member *member, const char *what)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    for (;;) {
        while (member->read < member->log->len) {
            const char *line = member->log->pdata[member->read++];

            if (strstr(line, what))
                return line;
        }
        turn(deadline);
    }
}

const char *
pass_time_until(Member *member, const char *what)
{
    for (guint seconds = 0; seconds < 300; seconds++) {
        turns(40);
        while (member->read < member->log->len) {
            const char *line = member->log->pdata[member->read++];

            if (strstr(line, what))
                return line;
        }
        stile_clock_advance(member->clock, G_USEC_PER_SEC);
    }
    g_error("%s did not come", what);
}

guint
lines_of(Member *member, const char *what)
{
    guint found = 0;

    for (guint i = 0; i < member->log->len; i++)
        found += g_str_equal(member->log->pdata[i], what);
    return found;
}

static guint
pool_threads(void)
{
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
    const char *task;
    guint found = 0;

    while (tasks && (task = g_dir_read_name(tasks))) {
        g_autofree char *path = g_build_filename("/proc/self/task", task, "comm", NULL);
        g_autofree char *name = NULL;

        if (g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "pool"))
            found++;
    }
    return found;
}

void
end_threads(void)
{
    g_thread_pool_set_max_unused_threads(0);
    for (guint tries = 0; tries < 500 && pool_threads() > 0; tries++)
        g_usleep(10000);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-control.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 512
#define ANSWER_MAX  (160 << 10) /* what a datagram of the unix domain holds by default */
#define PATIENCE_MS 5000

static gboolean
set_path(struct sockaddr_un *address, const char *path)
{
    address->sun_family = AF_UNIX;
    return g_strlcpy(address->sun_path, path, sizeof address->sun_path) < sizeof address->sun_path;
}

int
natbox_control_listen(const char *path, GError **error)
{
    struct sockaddr_un address = {0};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    unlink(path);
    if (fd >= 0 && set_path(&address, path) &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno),
                "The control socket %s cannot be bound: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static gboolean
set_addresses(NatboxOptions *options, const char *text, GError **error)
{
    GArray *addresses = natbox_addresses_parse(text, error);

    if (!addresses)
        return FALSE;
    g_array_unref(options->addresses);
    options->addresses = addresses;
    return TRUE;
}

static gboolean
set_udp(NatboxOptions *options, const char *text, GError **error)
{
    if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "on or off, not %s", text);
        return FALSE;
    }
    options->no_udp = strcmp(text, "on") == 0;
    return TRUE;
}

/* Returns: the answer; NULL with @error set */
static char *
obey(NatboxOptions *options, NatboxNat *nat, const char *verb, const char *argument, gint64 now,
     GError **error)
{
    const NatboxCounters *counters = natbox_nat_counters(nat);
    gboolean done;

    if (strcmp(verb, "mappings") == 0)
        return natbox_nat_describe(nat, now);
    if (strcmp(verb, "counters") == 0)
        return g_strdup_printf(
            "out=%" G_GUINT64_FORMAT " in=%" G_GUINT64_FORMAT " hairpin=%" G_GUINT64_FORMAT
            " unsolicited=%" G_GUINT64_FORMAT " forbidden=%" G_GUINT64_FORMAT
            " full=%" G_GUINT64_FORMAT " untranslatable=%" G_GUINT64_FORMAT "\n",
            counters->out, counters->in, counters->hairpin, counters->unsolicited,
            counters->forbidden, counters->full, counters->untranslatable);
    if (strcmp(verb, "reboot") == 0) {
        natbox_nat_reboot(nat);
        return g_strdup("");
    }
    if (strcmp(verb, "address") == 0) {
        done = set_addresses(options, argument, error);
        if (done)
            natbox_nat_reboot(nat);
    } else if (strcmp(verb, "loss-out") == 0) {
        done = natbox_probability_parse(&options->loss_out, argument, error);
    } else if (strcmp(verb, "loss-in") == 0) {
        done = natbox_probability_parse(&options->loss_in, argument, error);
    } else if (strcmp(verb, "delay-out") == 0) {
        done = natbox_milliseconds_parse(&options->delay_out, argument, error);
    } else if (strcmp(verb, "delay-in") == 0) {
        done = natbox_milliseconds_parse(&options->delay_in, argument, error);
    } else if (strcmp(verb, "no-udp") == 0) {
        done = set_udp(options, argument, error);
    } else {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s is no command", verb);
        return NULL;
    }
    return done ? g_strdup("") : NULL;
}

gboolean
natbox_control_serve(int fd, NatboxOptions *options, NatboxNat *nat, gint64 now)
{
    char request[REQUEST_MAX + 1];
    struct sockaddr_un client = {0};
    socklen_t length = sizeof client;
    ssize_t got = recvfrom(fd, request, REQUEST_MAX, 0, (struct sockaddr *)&client, &length);
    g_auto(GStrv) words = NULL;
    g_autofree char *answer = NULL, *reply = NULL;
    g_autoptr(GError) error = NULL;
    gsize size;

    if (got < 0)
        return FALSE;
    request[got] = 0;
    words = g_strsplit(request, " ", 2);
    answer = obey(options, nat, words[0] ? words[0] : "", words[0] && words[1] ? words[1] : "", now,
                  &error);
    reply = answer ? g_strconcat("ok\n", answer, NULL) : g_strconcat(error->message, "\n", NULL);
    size = MIN(strlen(reply), ANSWER_MAX);
    if (length > sizeof(sa_family_t) &&
        sendto(fd, reply, size, 0, (struct sockaddr *)&client, length) < 0)
        g_printerr("natbox: the answer to %s was not sent: %s\n", request, g_strerror(errno));
    return answer != NULL;
}

int
natbox_control_ask(const char *path, char **words)
{
    struct sockaddr_un server = {0}, own = {.sun_family = AF_UNIX};
    g_autofree char *request = g_strjoinv(" ", words);
    g_autofree char *answer = g_malloc(ANSWER_MAX + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t got = -1;

    /* A family alone binds to a name of the kernel's choice, to be answered at. */
    if (fd >= 0 && set_path(&server, path) &&
        bind(fd, (struct sockaddr *)&own, sizeof own.sun_family) == 0 &&
        sendto(fd, request, strlen(request), 0, (struct sockaddr *)&server, sizeof server) >= 0 &&
        poll(&wait, 1, PATIENCE_MS) == 1)
        got = recv(fd, answer, ANSWER_MAX, 0);
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        g_printerr("natbox: no answer at %s\n", path);
        return 1;
    }
    answer[got] = 0;
    if (!g_str_has_prefix(answer, "ok\n")) {
        g_printerr("natbox: %s", answer);
        return 1;
    }
    fputs(answer + strlen("ok\n"), stdout);
    return 0;
}
